"""`private_key_jwt`: a client that signs instead of showing a secret (RFC 7523, OpenID Connect Core 9).

The algorithm is the key's own, fixed when it was registered, and never what the assertion's header says. No
key comes from the assertion, or from an address in it.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from registry.auth.tokens import as_client_id
from registry.canonical import digest
from registry.errors import Finding, Invalid
from registry.providers.models import ClientKey

METHOD = "private_key_jwt"
ALGORITHMS = ("EdDSA", "ES256", "RS256", "PS256")
# RFC 9864 gave the one curve of "EdDSA" that is taken here a name of its own.
_NAMES = {"EdDSA": ("EdDSA", "Ed25519")}
LEEWAY = 30
"""Seconds by which clocks may differ."""
LONGEST = 300
"""How far ahead an assertion may end, in seconds: what is used once need not live long."""
MAX_ASSERTION = 4096
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_KEPT = ("kty", "crv", "x", "y", "n", "e")
_NOT_ITS_KEY = "The assertion is not signed by a live key of this client."


@dataclass(frozen=True, slots=True)
class Signed:
    """An assertion that was verified: by which key, and what is kept so that it is not used again."""

    kid: str
    jti_hash: str
    expires: float


class Assertions(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib ships no types
    """Authlib's method, with what it leaves open decided."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, audiences: list[str], used: Callable[[str], bool]) -> None:
        super().__init__(leeway=LEEWAY)
        self._audiences = audiences
        self._used = used
        self.signed: Signed | None = None

    def get_audiences(self) -> list[str]:
        return self._audiences

    def extract_assertion(self, assertion: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
        if len(assertion) > MAX_ASSERTION:
            raise InvalidClientError(description="The assertion is too long.")
        headers, claims = super().extract_assertion(assertion)
        return headers, claims

    def resolve_client_public_key(self, client: Any) -> Any:
        # A tuple, which Authlib hands on as it is: which key it has to be is decided below.
        return tuple(client.keys.values())

    def process_assertion_claims(self, assertion: str, held: tuple[ClientKey, ...]) -> Any:
        keys = {key.kid: key for key in held}
        headers, _ = self.extract_assertion(assertion)
        if foreign := sorted({"jwk", "jku", "x5u", "x5c", "crit"} & set(headers)):
            raise InvalidClientError(description=f"The assertion's header may not hold {foreign[0]!r}.")
        key = keys.get(kid) if isinstance(kid := headers.get("kid"), str) else None
        if kid is None and len(keys) == 1:
            key = next(iter(keys.values()))
        if key is None or headers.get("alg") not in _NAMES.get(key.alg, (key.alg,)):
            raise InvalidClientError(description=_NOT_ITS_KEY)
        try:
            token = jwt.decode(assertion, jwk.import_key(key.jwk), algorithms=[headers["alg"]])
        except (JoseError, ValueError):
            raise InvalidClientError(description=_NOT_ITS_KEY) from None
        claims = token.claims
        _require_times(claims)
        self.verify_claims(claims)
        self.signed = Signed(key.kid, _jti_hash(claims["jti"]), claims["exp"] + LEEWAY)
        return claims

    def validate_jti(self, claims: Mapping[str, Any], jti: Any) -> bool:
        if not isinstance(jti, str) or not 1 <= len(jti) <= 255:
            raise InvalidClientError(description="The assertion's jti is not a text of 1 to 255 characters.")
        return not self._used(_jti_hash(jti))


def named_client(form: Mapping[str, str]) -> str:
    """The client id that an assertion names, before anything of it is believed; empty when it names none."""
    assertion = form.get("client_assertion", "")
    if not assertion or len(assertion) > MAX_ASSERTION:
        return ""
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError, RecursionError):
        return ""
    return as_client_id(claims.get("sub")) if isinstance(claims, dict) else ""


def _require_times(claims: Mapping[str, Any]) -> None:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
            raise InvalidClientError(description=f"The assertion's {name} is not a time.")
    if claims.get("exp", 0) > time.time() + LONGEST + LEEWAY:
        raise InvalidClientError(description=f"The assertion lasts longer than {LONGEST} seconds.")


def _jti_hash(jti: str) -> str:
    return digest(jti.encode("utf-8", "surrogatepass"))


def read_key(value: Any, alg: str | None = None) -> tuple[str, str, dict[str, Any]]:
    """A public JWK as (kid, alg, the members that are kept). Raises `Invalid`.

    `kid` is the key's own, or its thumbprint (RFC 7638). `alg` is needed where the key does not say: RSA.
    """
    if not isinstance(value, dict):
        raise _wrong("A key is a JSON object.", "Send one public JWK (RFC 7517).")
    if secret := sorted(_PRIVATE & set(value)):
        # It has left its owner's house: whoever sends it has to make another.
        raise _wrong(
            f"The key holds {secret[0]!r}: it is a private one.", "Make a new key; send its public part."
        )
    kept = {name: value[name] for name in _KEPT if name in value}
    try:
        if kept.get("kty") == "RSA" and not _SMALLEST_RSA <= _bits(kept["n"]) <= _LARGEST_RSA:
            raise _wrong("The key is too short, or too long.", "Use an RSA key of 2048 to 8192 bits.")
        key: Any = jwk.import_key(kept)
        kid = value.get("kid") or key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError):
        raise _wrong("The key cannot be read.", "Send one public JWK (RFC 7517).") from None
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise _wrong("The key's kid has more than a-z, A-Z, 0-9, . _ ~ -.", "Leave it out: it gets one.")
    stated = alg or value.get("alg")
    fits = _algorithms(kept)
    chosen = stated or (fits[0] if len(fits) == 1 else None)
    if chosen not in fits:
        wanted = " or ".join(fits) or "an Ed25519, P-256 or RSA key of 2048 to 8192 bits"
        raise _wrong("The key's algorithm is not one that is taken here for it.", f"Use {wanted}.")
    return kid, str(chosen), kept


def _algorithms(kept: Mapping[str, Any]) -> tuple[str, ...]:
    match kept.get("kty"), kept.get("crv"):
        case "OKP", "Ed25519":
            return ("EdDSA",)
        case "EC", "P-256":
            return ("ES256",)
        case "RSA", _:
            return ("RS256", "PS256")
        case _:
            return ()


def _bits(modulus: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()


def _wrong(message: str, suggestion: str) -> Invalid:
    return Invalid("The key is not taken.", findings=[Finding("bad-key", "/key", message, suggestion)])
