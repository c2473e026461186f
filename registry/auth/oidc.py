"""Signing in with an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core, RFC 7636).

State, nonce and verifier are made from the cookie of the visit and the registry's secret: whoever brings a
code has to bring the cookie that it was asked with. A person is known by issuer and subject; the first time,
by an address that the provider says is verified and that somebody here has already.
"""

import hmac
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.integrations.base_client.errors import OAuthError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.audit.service import note
from registry.auth import people, signin
from registry.auth.models import Identity, Person, Visit
from registry.canonical import digest
from registry.db import now
from registry.errors import CandorError, Conflict, Forbidden, Unavailable
from registry.extensions import Node

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
"""Signatures that are taken, where the provider announces them: no shared secret, and never `none`."""
LEEWAY = 30
"""Seconds by which clocks may differ."""
LIFETIME = timedelta(minutes=10)
KEPT_SECONDS = 3600
_TIMEOUT = httpx.Timeout(10)
_MAX_BYTES = 512 * 1024
_UNKNOWN = (
    "Nobody is known here by that account. Ask an administrator of your organisation to add your address, "
    "which your provider has to have verified."
)
_MISMATCH = "This answer does not belong to your request to sign in. Start again."


@dataclass(frozen=True, slots=True)
class Known:
    """What a provider said of itself, and its keys."""

    facts: Mapping[str, Any]
    keys: KeySet
    until: float

    @property
    def issuer(self) -> str:
        return str(self.facts["issuer"])

    @property
    def algorithms(self) -> list[str]:
        told = self.facts.get("id_token_signing_alg_values_supported", ["RS256"])
        return [one for one in ALGORITHMS if one in told]


class OpenId:
    """One provider. What it says of itself is asked for now and then, and anew for a signature that fails."""

    def __init__(self, node: Node, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.node = node
        self.transport = transport
        self._known: Known | None = None

    @property
    def enabled(self) -> bool:
        return bool(self.node.settings.oidc_issuer and self.node.settings.oidc_client_id)

    @property
    def callback(self) -> str:
        return f"{self.node.settings.url}/sign-in/oidc/callback"

    # --- there ---

    async def start(self, visit: str, back: str) -> str:
        """Where to send somebody who wants to sign in. Keeps their visit, by its cookie."""
        known = await self._provider()
        secret = self.node.secret
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                known.facts["authorization_endpoint"],
                state=signin.bound(secret, "state", visit),
                nonce=signin.bound(secret, "nonce", visit),
                code_verifier=signin.bound(secret, "verifier", visit),
            )
        moment = now()
        async with self.node.database.write() as session:
            await session.execute(delete(Visit).where(Visit.expires_at < moment))
            session.add(
                Visit(
                    key_hash=digest(visit.encode()),
                    kept={"back": signin.return_to(back)},
                    expires_at=moment + LIFETIME,
                )
            )
        return str(address)

    # --- and back ---

    async def finish(self, by: Actor, visit: str, answer: Mapping[str, str]) -> tuple[signin.Begun, str]:
        """Sign in whoever came back, and say where they wanted to go.

        Raises `Forbidden` for an answer to somebody else's request, for one that does not verify and for
        somebody who is not known here; `Unavailable` when the provider does not answer.
        """
        back = await self._take(visit, answer.get("state", ""))
        known = await self._provider()
        told = answer.get("iss")
        announced = known.facts.get("authorization_response_iss_parameter_supported") is True
        if (told is None and announced) or (told is not None and told != known.issuer):
            raise Forbidden(_MISMATCH)  # RFC 9207: another provider's answer, mixed up with ours
        if "error" in answer or not answer.get("code"):
            raise Forbidden("The other side did not let you in, or you said no there. Start again.")
        claims = await self._claims(known, visit, answer["code"])
        async with self.node.database.write() as session:
            person = await _person(session, by, known.issuer, claims)
            begun = await signin.begin(session, by, person, "oidc") if person else None
        if begun is None:
            raise Forbidden(_UNKNOWN)
        return begun, back

    async def _take(self, visit: str, state: str) -> str:
        """The visit, once. What comes with another state, or a second time, is refused."""
        expected = signin.bound(self.node.secret, "state", visit)
        if not visit or not hmac.compare_digest(expected.encode(), state.encode("utf-8", "replace")):
            raise Forbidden(_MISMATCH)
        async with self.node.database.write() as session:
            done = await session.execute(
                delete(Visit)
                .where(Visit.key_hash == digest(visit.encode()), Visit.expires_at > now())
                .returning(Visit.kept)
            )
            kept = done.scalar_one_or_none()
        if kept is None:
            raise Forbidden("This took longer than ten minutes, or was used before. Start again.")
        return signin.return_to(kept.get("back"))

    async def _claims(self, known: Known, visit: str, code: str) -> dict[str, Any]:
        secret = self.node.secret
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    known.facts["token_endpoint"],
                    code=code,
                    code_verifier=signin.bound(secret, "verifier", visit),
                )
                claims = await self._verified(known, token.get("id_token"), visit)
                if "email" not in claims and "userinfo_endpoint" in known.facts:
                    more = await client.get(known.facts["userinfo_endpoint"])
                    said = more.json() if more.status_code == 200 else {}
                    if isinstance(said, dict) and said.get("sub") == claims["sub"]:
                        claims |= {name: said.get(name) for name in ("email", "email_verified")}
        except CandorError:
            raise
        except (OAuthError, ValueError, KeyError, TypeError):
            raise Forbidden("The provider's answer does not hold together. Start again.") from None
        except httpx.HTTPError:
            raise Unavailable("The sign-in provider does not answer.", retry_after=30) from None
        return claims

    async def _verified(self, known: Known, id_token: Any, visit: str) -> dict[str, Any]:
        if not isinstance(id_token, str):
            raise Forbidden("The provider sent no identity.")
        client_id = self.node.settings.oidc_client_id or ""
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": known.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": signin.bound(self.node.secret, "nonce", visit)},
        )
        try:
            try:
                token = jwt.decode(id_token, known.keys, algorithms=known.algorithms)
            except (JoseError, ValueError):
                # Perhaps its keys were changed since they were read.
                known = await self._provider(fresh=True)
                token = jwt.decode(id_token, known.keys, algorithms=known.algorithms)
            registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise Forbidden(f"The provider's identity does not verify ({type(error).__name__}).") from None
        claims = dict(token.claims)
        audience = claims["aud"]
        party = claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if (several and party is None) or (party is not None and party != client_id):
            raise Forbidden("The provider's identity is for somebody else.")
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 255:
            raise Forbidden("The provider's identity has no subject.")
        return claims

    # --- the provider ---

    def _client(self) -> Any:
        client_of = _oauth_client()
        settings = self.node.settings
        secret = settings.oidc_client_secret
        return client_of(
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope="openid email",
            redirect_uri=self.callback,
            code_challenge_method="S256",
            timeout=_TIMEOUT,
            transport=self.transport,
            follow_redirects=False,
            trust_env=False,
        )

    async def _provider(self, *, fresh: bool = False) -> Known:
        """What the provider says of itself (OpenID Connect Discovery). Raises `Unavailable`."""
        kept = self._known
        if kept is not None and kept.until > time.monotonic() and not fresh:
            return kept
        wanted = (self.node.settings.oidc_issuer or "").rstrip("/")
        try:
            async with httpx.AsyncClient(
                timeout=_TIMEOUT, transport=self.transport, trust_env=False
            ) as client:
                facts = await _json(client, f"{wanted}/.well-known/openid-configuration")
                if str(facts.get("issuer", "")).rstrip("/") != wanted:
                    raise Unavailable("The sign-in provider names another issuer than CANDOR_OIDC_ISSUER.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if urlsplit(str(facts.get(name))).scheme not in {"https", urlsplit(wanted).scheme}:
                        raise Unavailable(f"The sign-in provider's {name} is not safe.")
                keys = KeySet.import_key_set(await _json(client, facts["jwks_uri"]))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError):
            raise Unavailable("The sign-in provider does not answer.", retry_after=30) from None
        self._known = Known(facts, keys, time.monotonic() + KEPT_SECONDS)
        return self._known


@cache
def _oauth_client() -> Any:
    """Authlib's client. Its import warns everybody of a name that its HTTP library may have some day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from authlib.integrations.httpx_client import AsyncOAuth2Client
    return AsyncOAuth2Client


async def _json(client: httpx.AsyncClient, address: str) -> Any:
    answer = await client.get(address)
    answer.raise_for_status()
    if len(answer.content) > _MAX_BYTES:
        raise ValueError("too large")
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


async def _person(session: AsyncSession, by: Actor, issuer: str, claims: Mapping[str, Any]) -> Person | None:
    """Who that is here. The first time, an account is linked to somebody who is there already."""
    mine = (Identity.issuer == issuer, Identity.subject == claims["sub"])
    person = await session.scalar(select(Person).join(Identity, Identity.person_pk == Person.pk).where(*mine))
    if person is not None:
        return person
    # Only the boolean: an address that its provider did not check says nothing of who holds it.
    if claims.get("email_verified") is not True:
        return None
    try:
        email = people.address(claims.get("email"))
    except CandorError:
        return None
    person = await people.find(session, email)
    if person is None:
        return None
    other = select(Identity.pk).where(Identity.issuer == issuer, Identity.person_pk == person.pk)
    if await session.scalar(other) is not None:
        # An address that was given to somebody else since: who they are is for an administrator to say.
        raise Conflict("That address belongs to another account of your provider. Ask an administrator.")
    session.add(Identity(person_pk=person.pk, issuer=issuer, subject=claims["sub"], linked_at=now()))
    await note(session, by, signin.TOPIC, "account-linked", person.email)
    return person
