"""How the registry is: for load balancers, operators, other registries and security researchers."""

import hmac
import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Controller, MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from registry import __version__, health
from registry.canonical import MAX_DOCUMENT_BYTES, digest
from registry.changelog.append import public_head
from registry.changelog.models import ReaderState
from registry.changelog.tail import head
from registry.errors import Forbidden, Misconfigured, Unavailable
from registry.extensions import Node
from registry.federation.metrics import measure
from registry.http import JSON_TYPE, AnyRequest, json_bytes, prepared
from registry.migrate import require_current
from registry.records import list_queries, rewriting
from registry.transparency.keys import load as load_keys
from registry.transparency.metrics import Measured, measured
from registry.transparency.sequencer import Forked
from registry.transparency.verifiers import SCOPE, verifier_keys
from registry.transparency.witnesses import READER

# A reader that has been failing for less than this may just be waiting for a restart of what it talks to.
TOLERATED_FAILURE = timedelta(minutes=5)
FORKED = f"{Forked.__name__}: "
"""How the error of a reader begins that no time mends: an operator has to decide."""
# They wait for others, witnesses or a long transaction; the registry serves as well as ever meanwhile.
_MAY_WAIT = (READER, rewriting.NAME)
_URI = re.compile(r"https?://|mailto:|tel:")
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")

Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]


class StatusController(Controller):
    """The operator's reads."""

    tags = ("status",)

    @get("/healthz", operation_id="health", media_type=MediaType.TEXT)
    async def alive(self) -> str:
        """The process answers."""
        return "ok\n"

    @get("/readyz", operation_id="ready")
    async def ready(self, request: AnyRequest, node: Nodes, reading: Reading) -> dict[str, Any]:
        """The process can do its work: the database is there and current, and no log reader is stuck.

        `search` tells which engine searches and how far it is behind. While it does not answer, everything
        else does: that makes no process unready.
        """
        try:
            await require_current(node.database)
        except Misconfigured as error:
            raise Unavailable(error.detail) from error
        failing = (await reading.scalars(select(ReaderState).where(ReaderState.error.is_not(None)))).all()
        if any(state.error and state.error.startswith(FORKED) for state in failing):
            raise Unavailable(
                "The log is not the one that was signed, and nothing is signed. See `candor status`.",
                retry_after=30,
            )
        healths = request.app.state.get("healths") or {}
        stuck = [
            state.name
            for state in failing
            if not state.name.startswith(_MAY_WAIT)
            and not state.name.startswith(tuple(healths))  # told below: all else answers without them
            and state.failed_at
            and datetime.now(UTC) - state.failed_at > TOLERATED_FAILURE
        ]
        if stuck:
            raise Unavailable(
                f"Log readers are stuck: {', '.join(sorted(stuck))}. See the log.", retry_after=30
            )
        told = await health.looked_at(reading, healths)
        return {"status": "ready", "position": await public_head(reading), **told}

    @get("/metrics", operation_id="metrics", include_in_schema=False)
    async def metrics(self, request: AnyRequest, node: Nodes, reading: Reading) -> Response[bytes]:
        """Prometheus metrics, on loopback or with the metrics token."""
        _may_measure(request, node)
        registry = CollectorRegistry()
        _gauge(registry, "candor_started_seconds", "When this process started, as a Unix time.", node.started)
        _gauge(
            registry,
            "candor_public_sequence",
            "The newest public sequence number.",
            await public_head(reading),
        )
        newest = await head(reading)
        _gauge(registry, "candor_changelog_head", "The newest entry of the changelog.", newest)
        lag = Gauge(
            "candor_reader_lag_entries", "Entries a log reader is behind.", ["reader"], registry=registry
        )
        failing = Gauge("candor_reader_failing", "1 while a log reader fails.", ["reader"], registry=registry)
        for state in await reading.scalars(select(ReaderState)):
            lag.labels(state.name).set(newest - state.position)
            failing.labels(state.name).set(state.error is not None)
        _log_gauges(registry, await measured(reading, node.origin))
        kinds = Gauge("candor_records_listed", "Published records by kind.", ["kind"], registry=registry)
        for kind, count in (await list_queries.counts(reading)).items():
            kinds.labels(kind).set(count)
        await measure(registry, reading, node.settings)
        await health.measure(registry, reading, request.app.state.get("healths") or {})
        front = request.app.state.get("front")
        if front is not None:
            _gauge(
                registry,
                "candor_front_hits",
                "Reads answered with prepared bytes, by this process.",
                front.hits,
            )
            _gauge(
                registry,
                "candor_front_misses",
                "Reads that reached a handler, in this process.",
                front.misses,
            )
        refused = Gauge(
            "candor_limits_refused",
            "Requests that this process turned away, by the limit.",
            ["policy"],
            registry=registry,
        )
        for policy, count in node.counters.refused.items():
            refused.labels(policy).set(count)
        _gauge(
            registry,
            "candor_limits_failures",
            "How often the server that counts for limits did not answer this process.",
            node.counters.failures,
        )
        return Response(
            generate_latest(registry), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )

    @get("/api/v1/stats", operation_id="stats")
    async def stats(self, request: AnyRequest, reading: Reading) -> Response[bytes]:
        """How much is published here."""
        kinds = await list_queries.counts(reading)
        position = await public_head(reading)
        body = json_bytes({"records": sum(kinds.values()), "kinds": kinds, "position": position})
        return prepared(request, body, JSON_TYPE, etag=digest(body)[:32], scopes=("all",))

    @get("/.well-known/candor", operation_id="node")
    async def describe(self, request: AnyRequest, node: Nodes, reading: Reading) -> Response[bytes]:
        """Who this registry is. Serving it proves nothing; whoever follows pins the key."""
        witness = load_keys(node.settings, node.origin).witness
        body = json_bytes(
            {
                "origin": node.origin,
                "name": node.settings.name,
                "software": "candor",
                "version": __version__,
                "log": "/log/",
                "verifier_keys": await verifier_keys(reading),
                **({"witness_key": str(witness.verifier)} if witness is not None else {}),
                "api": "/api/v1",
                "feeds": "/feeds.opml",
                "federation": "/federation/v1",
                "policy": f"{node.settings.url}/about",
                "limits": {"document_bytes": MAX_DOCUMENT_BYTES},
            }
        )
        return prepared(request, body, JSON_TYPE, etag=digest(body)[:32], scopes=(SCOPE,))

    @get("/.well-known/security.txt", operation_id="securityText", media_type=MediaType.TEXT)
    async def security_text(self, node: Nodes) -> str:
        """Where to report a weakness of this registry (RFC 9116)."""
        expires = (datetime.now(UTC) + timedelta(days=180)).replace(microsecond=0)
        contact = node.settings.contact or f"{node.settings.url}/about"
        fields = [
            ("Contact", contact if _URI.match(contact) else f"mailto:{contact}"),
            ("Expires", expires.isoformat().replace("+00:00", "Z")),
            ("Preferred-Languages", "en"),
        ]
        # Web addresses in it begin with https (RFC 9116, 2.5.2).
        if node.settings.url.startswith("https:"):
            fields.append(("Canonical", f"{node.settings.url}/.well-known/security.txt"))
        return "".join(f"{name}: {value}\n" for name, value in fields)


def _gauge(registry: CollectorRegistry, name: str, help: str, value: float) -> None:
    Gauge(name, help, registry=registry).set(value)


def _log_gauges(registry: CollectorRegistry, log: Measured) -> None:
    moment = datetime.now(UTC)
    _gauge(registry, "candor_log_entries", "Entries of this registry's log.", log.size)
    _gauge(
        registry,
        "candor_log_published_entries",
        "Entries of this registry's log under its signed checkpoint.",
        log.published,
    )
    _gauge(
        registry,
        "candor_log_witnesses",
        "Witnesses that cosigned the present checkpoint.",
        log.witnesses,
    )
    if log.signed_at is not None:
        _gauge(
            registry,
            "candor_log_checkpoint_age_seconds",
            "How long ago the present checkpoint was signed.",
            (moment - log.signed_at).total_seconds(),
        )
    _gauge(
        registry,
        "candor_log_lag_seconds",
        "How long the oldest publication waits that no checkpoint covers.",
        (moment - log.waiting_since).total_seconds() if log.waiting_since is not None else 0,
    )


def _may_measure(request: AnyRequest, node: Node) -> None:
    token = node.settings.metrics_token.get_secret_value() if node.settings.metrics_token else ""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # An empty token is none: whoever sends nothing would hold it.
    if token and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    # A proxy on the same machine would make everybody look local.
    if not local or any(name in request.headers for name in _FORWARDED):
        raise Forbidden("Metrics are for this machine, or for whoever holds CANDOR_METRICS_TOKEN.")
