"""Everything an operator can set, read once, frozen, and passed to whoever needs it.

Sources, the first that speaks wins: the environment (`CANDOR_*`), a `.env` file in the working folder, the
default.
"""

import json
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from registry.errors import Misconfigured

PREFIX = "CANDOR_"
WATCHED = (
    "burst-of-writes",
    "burst-of-publications",
    "mass-withdrawal",
    "off-pattern-kind",
    "new-network",
)
"""The rules of unusual activity, as `hold_on` may name them."""
_QUOTA = r"(address|client|organisation)=[1-9][0-9]{0,8}/(second|minute|hour|day)"
_QUOTAS = rf"^(off|{_QUOTA}( +{_QUOTA}){{0,2}})$"


class Settings(BaseSettings):
    """One registry's settings. `candor settings` prints them with their sources, secrets masked."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("var"), description="Folder of the embedded default: database, index and keys.")
    database_url: SecretStr | None = Field(
        None, description="SQLite or PostgreSQL; a SQLite file in the data folder when unset."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Web processes.")
    origin: str | None = Field(
        None,
        description="The name of this registry in its log, without a scheme, such as `registry.example/log`. "
        "Frozen by `candor init`.",
        pattern=r"^[a-z0-9.-]+(:\d+)?(/[A-Za-z0-9._-]+)*$",
    )
    base_url: str | None = Field(
        None,
        description="Where readers reach this registry; `http://HOST:PORT` when unset.",
        pattern=r"^https?://[^\s]+$",
    )
    name: str = Field(
        "Candor", description="What this registry calls itself on pages and in feeds.", max_length=120
    )
    contact: str | None = Field(
        None, description="Where to report trouble with this registry (security.txt)."
    )
    search_url: str | None = Field(None, description="Meilisearch; the embedded engine when unset.")
    search_key: SecretStr | None = Field(
        None, description="Key for Meilisearch: its master key, or one that may do what is needed."
    )
    search_prefix: str = Field(
        "candor",
        description="What the names of its indexes in Meilisearch begin with; another for each registry.",
        pattern=r"^[A-Za-z0-9_]{1,64}$",
    )
    extensions: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        None,
        description="Extensions to load, by entry-point name, with commas between; "
        "all when unset, none when empty.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks whose `X-Forwarded-*` headers are believed, with commas between; "
        "none by default.",
    )
    keys: Path | None = Field(
        None, description="Folder of the keys that sign; `keys` in the data folder when unset."
    )
    log_key: SecretStr | None = Field(
        None, description="The log's private key as text, instead of the file `log.key` among the keys."
    )
    log_store: str | None = Field(
        None,
        description="Where the log's files are kept: a folder, or `s3://bucket/prefix`; the database when "
        "unset.",
        max_length=1000,
    )
    witnesses: str | None = Field(
        None,
        description="Who is asked to cosign the log's checkpoint: for each the verifier key and the address, "
        "with a space between and a comma before the next; nobody when unset.",
        max_length=20_000,
    )
    federation_allow_private: bool = Field(False, description="Allow peers on loopback and private networks.")
    follow_seconds: float = Field(
        15, ge=0.1, le=86_400, description="How often each registry that is followed is asked for news."
    )
    follow_audit_minutes: int = Field(
        60,
        ge=1,
        le=100_000,
        description="How often a sample of a peer's documents is asked for again: none may vanish.",
    )
    follow_stale_hours: float = Field(
        24, gt=0, le=10_000, description="After how long without news of its log a peer is shown as stale."
    )
    alert_url: SecretStr | None = Field(
        None,
        description="Where alarms are posted as JSON, such as a chat's incoming hook; nowhere when unset.",
    )
    limits: bool = Field(True, description="Turn away who asks too much.")
    limits_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey that counts for several web processes, such as "
        "redis://127.0.0.1:6379/0; each counts by itself when unset.",
    )
    limit_reads: str = Field(
        "address=1200/minute client=3000/minute organisation=6000/minute",
        description="Reads that no prepared answer serves, for each address, client and organisation; "
        "`off` for no limit, here and below.",
        pattern=_QUOTAS,
    )
    limit_searches: str = Field(
        "address=240/minute client=1200/minute organisation=2400/minute",
        description="Searches, and lists that are searched.",
        pattern=_QUOTAS,
    )
    limit_exports: str = Field(
        "address=10/minute client=60/minute organisation=120/minute",
        description="Exports of search results.",
        pattern=_QUOTAS,
    )
    limit_writes: str = Field(
        "address=60/minute client=300/minute organisation=600/minute",
        description="Drafts, actions and everything else that writes.",
        pattern=_QUOTAS,
    )
    limit_checks: str = Field(
        "address=60/minute client=600/minute organisation=1200/minute",
        description="Submissions that are only validated.",
        pattern=_QUOTAS,
    )
    limit_witnessing: str = Field(
        "address=600/minute",
        description="Checkpoints that are handed in to be cosigned.",
        pattern=_QUOTAS,
    )
    limit_tokens: str = Field(
        "address=60/minute", description="Requests for, and about, tokens.", pattern=_QUOTAS
    )
    limit_sign_ins: str = Field("address=30/minute", description="Steps of signing in.", pattern=_QUOTAS)
    limit_applications: str = Field(
        "address=10/hour", description="Applications of organisations.", pattern=_QUOTAS
    )
    limit_notices: str = Field(
        "address=10/hour client=60/hour", description="Notices from outsiders.", pattern=_QUOTAS
    )
    hold_on: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Rules of unusual activity that hold an organisation by themselves, with commas between, "
        "such as `mass-withdrawal`; by default a steward decides.",
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that opens /metrics from elsewhere; without it, loopback only."
    )
    oidc_issuer: str | None = Field(
        None,
        description="OpenID provider for signing in, such as `https://login.example.org`; off when unset.",
        pattern=r"^https?://[^\s?#]+$",
    )
    oidc_client_id: str | None = Field(None, description="This registry's client id at the OpenID provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Its secret there; a public client when unset."
    )
    oidc_name: str = Field(
        "your organisation's account",
        description="What the button for signing in there says after “Sign in with”.",
        max_length=80,
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server, such as `smtp://user:password@mail.example.org:587` (STARTTLS) or "
        "`smtps://…`; no mail when unset.",
    )
    mail_from: str | None = Field(None, description="The sender of mail, such as `candor@example.org`.")
    steward_second_factor: bool = Field(
        False, description="Give stewards their scope only once they signed in with a second factor."
    )
    log_format: Literal["auto", "json", "console"] = Field("auto", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    run_readers: bool = Field(
        True, description="Run the log readers inside `serve`; off where `candor worker` runs apart."
    )
    drafts_per_day: int = Field(
        5000, ge=1, le=10**9, description="Drafts that one organisation may begin in a day (UTC)."
    )
    evidence_file_megabytes: int = Field(
        10, ge=1, le=100, description="The largest file of evidence that is taken."
    )
    evidence_files: int = Field(50, ge=0, le=1000, description="Files of evidence that a record may have.")
    evidence_record_megabytes: int = Field(
        100, ge=1, le=1000, description="What all files of evidence of a record may have together."
    )
    evidence_archives: bool = Field(
        False, description="Take ZIP archives as evidence; nobody can tell what is in them."
    )
    cache_megabytes: int = Field(32, ge=0, le=4096, description="Prepared answers kept by each web process.")

    @field_validator("trusted_proxies", "extensions", "hold_on", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """A list as operators write it: `a, b`, or JSON."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            try:
                return json.loads(value)
            except ValueError as error:
                raise ValueError("not a list: separate by commas, or write JSON") from error
        return tuple(word for word in value.replace(",", " ").split())

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # The server takes a network with a host's bits set for a name, and would then trust nobody.
        return tuple(
            str(ip_network(one, strict=False)) if "/" in one else str(ip_address(one)) for one in value
        )

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
                raise ValueError("not a URL such as smtp://mail.example.org:587")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return value
        # Not above: commands that talk to a registry elsewhere read settings too, and ask no database.
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(value.get_secret_value())
        except ArgumentError:
            raise ValueError("not a URL such as postgresql://user@host/name or sqlite:///file") from None
        backend = url.get_backend_name() if url.drivername != "postgres" else "postgresql"
        if backend not in ("sqlite", "postgresql"):
            raise ValueError("only SQLite and PostgreSQL are known here")
        if backend == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: each connection would have a memory of its own")
        return value

    @field_validator("hold_on")
    @classmethod
    def _known_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - set(WATCHED)):
            raise ValueError(f"no rule {unknown[0][:40]!r}; there are: {', '.join(WATCHED)}")
        return value

    @field_validator("limits_url")
    @classmethod
    def _known_counters(cls, value: SecretStr | None) -> SecretStr | None:
        schemes = ("redis://", "rediss://", "valkey://", "valkeys://")
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError("not a URL such as redis://127.0.0.1:6379/0")
        return value

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else value

    @property
    def url(self) -> str:
        """The base of every absolute link, without a final slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}"

    @property
    def database(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data / 'candor.sqlite').absolute()}"

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded default, which `serve` may migrate by itself."""
        return self.database.startswith("sqlite")

    @property
    def keys_folder(self) -> Path:
        return self.keys or self.data / "keys"

    @property
    def index_folder(self) -> Path:
        return self.data / "index"


def load(**overrides: Any) -> Settings:
    """The settings of this process. Raises `Misconfigured`, naming each setting that is wrong."""
    try:
        return Settings(**overrides)
    except (UnicodeDecodeError, OSError) as error:
        raise Misconfigured(f"The file .env cannot be read: {error}.") from error
    except ValidationError as error:
        # Without the cause: it shows what was set, and a URL may hold a password.
        lines = [
            f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        ]
    raise Misconfigured("Settings are wrong. " + "; ".join(lines))
