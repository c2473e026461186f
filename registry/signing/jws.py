"""What an organisation signs, and with what: detached JWS (RFC 7515, appendix F) by Ed25519 keys. Pure.

A record is signed as its draft bytes: the canonical document less `version published modified updated`, and
with `prev`, the commitment of the version before or null. They can be made again from what was published, so
that a reader need not trust the registry for who wrote it.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwk as jose_jwk
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning

from registry.canonical import canonical, read_json

# It is the name that everybody's libraries know; the other one is taken as well.
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)

ALGORITHMS = ("EdDSA", "Ed25519")
"""RFC 9864 gave the one curve of "EdDSA" that is taken here a name of its own: both mean the same."""
PROOF_TYPE = "candor-key-proof+jwt"
LONGEST_SIGNATURE = 1024
LONGEST_PROOF = 4096
PROOF_SECONDS = 600
"""How old a proof of possession may be, and how far ahead of our clock."""
STAMPED_LATER = frozenset({"version", "published", "modified", "updated"})
_HEADER = frozenset({"alg", "kid", "typ"})


class SignatureError(ValueError):
    """A signature that does not count. `code` is stable, `hint` says what to do about it."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


@dataclass(frozen=True, slots=True)
class Detached:
    """A detached signature that was read; nothing in it is verified."""

    alg: str
    kid: str
    text: str


def signed_bytes(document: Mapping[str, Any], prev: str | None) -> bytes:
    """What was signed of a published document: its draft bytes. `prev` is the commitment (hex) of the version
    before it, None for the first.
    """
    kept = {key: value for key, value in document.items() if key not in STAMPED_LATER}
    return canonical({**kept, "prev": prev})


def verify_signature(document: bytes, prev: str | None, signature: str, jwk: Mapping[str, Any]) -> None:
    """Raises `SignatureError` unless that key signed that version of a record.

    `document` are the published bytes, `prev` the commitment (hex) of the version before, None for the first,
    `jwk` a public Ed25519 key (RFC 8037). `registry.errors` for a document that is none.
    """
    read = read_json(document)
    if not isinstance(read, dict):
        raise SignatureError("signature-bytes", "What is to be verified is no record.")
    verify_bytes(signed_bytes(read, prev), read_detached(signature), jwk)


def read_detached(text: Any) -> Detached:
    """A detached compact JWS: `header..signature`. Raises `SignatureError` for any other."""
    hint = "Send the compact JWS without its payload: header..signature (RFC 7515, appendix F)."
    if not isinstance(text, str) or not text.isascii() or len(text) > LONGEST_SIGNATURE:
        raise SignatureError("signature-form", "This is no compact JWS.", hint)
    parts = text.split(".")
    if len(parts) != 3 or not parts[0] or not parts[2]:
        raise SignatureError("signature-form", "This is no compact JWS.", hint)
    if parts[1]:
        raise SignatureError(
            "signature-not-detached", "The JWS holds a payload; it has to be detached.", hint
        )
    header = _header(text, "signature-form", hint)
    if "b64" in header or "crit" in header:
        problem = "The payload is signed in base64url, as RFC 7515 has it; `b64` and `crit` are not read."
        raise SignatureError("signature-form", problem, "Leave them out of the header.")
    if foreign := sorted(set(header) - _HEADER):
        problem = f"The header holds {foreign[0][:40]!r}; alg, kid and typ are read here."
        raise SignatureError(
            "signature-form", problem, "A key is registered; it does not come with what it signs."
        )
    if header.get("alg") not in ALGORITHMS:
        problem = f"The algorithm is {str(header.get('alg'))[:40]!r}; EdDSA is taken here."
        raise SignatureError("signature-alg", problem, 'Sign with an Ed25519 key and "alg": "EdDSA".')
    kid = header.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= 128:
        problem = "The header names no key."
        raise SignatureError("signature-kid", problem, 'Set "kid" to the thumbprint of your key (RFC 7638).')
    return Detached(str(header["alg"]), kid, text)


def verify_bytes(payload: bytes, signature: Detached, jwk: Mapping[str, Any]) -> None:
    """Raises `SignatureError` unless that key signed these bytes."""
    try:
        key = jose_jwk.import_key(dict(jwk))
        jws.deserialize_compact(signature.text, key, algorithms=[signature.alg], payload=payload)
    except (JoseError, ValueError, TypeError, KeyError):
        problem = "The signature is not of that key over these bytes."
        raise SignatureError(
            "signature-bytes", problem, "Read the draft again, and sign exactly those bytes."
        ) from None


def sign(payload: bytes, private: Mapping[str, Any]) -> str:
    """The detached signature of these bytes by a private JWK."""
    key: Any = jose_jwk.import_key(dict(private))
    header = {"alg": "EdDSA", "kid": key.thumbprint()}
    return jws.detach_content(jws.serialize_compact(header, payload, key, algorithms=["EdDSA"]))


def new_key() -> dict[str, Any]:
    """A new private Ed25519 key as a JWK; its `kid` is its thumbprint."""
    while True:
        key = jose_jwk.OKPKey.generate_key("Ed25519")
        # One that begins with a hyphen would be taken for an option wherever it is typed.
        if not (kid := key.thumbprint()).startswith("-"):
            return {**key.as_dict(private=True), "kid": kid}


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The thumbprint of a key (RFC 7638), by which it is called here. Raises `ValueError` for none."""
    try:
        key: Any = jose_jwk.import_key(dict(jwk))
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError("this is no key") from error
    return str(key.thumbprint())


def public_part(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What of a key everybody may know: its type, curve and point."""
    return {name: jwk[name] for name in ("kty", "crv", "x")}


# --- proof of possession


def prove(private: Mapping[str, Any], *, origin: str, slug: str, at: int) -> str:
    """What shows that whoever registers a key holds it: a JWT (RFC 7519) that the key signs, for that
    registry and that organisation, over its own thumbprint (`cnf.jkt`, RFC 7800 and RFC 9449). `at` is the
    time in seconds since 1970.
    """
    key: Any = jose_jwk.import_key(dict(private))
    thumbprint = key.thumbprint()
    claims = {"aud": origin, "sub": slug, "iat": at, "cnf": {"jkt": thumbprint}}
    return jwt.encode(
        {"alg": "EdDSA", "typ": PROOF_TYPE, "kid": thumbprint}, claims, key, algorithms=["EdDSA"]
    )


def check_proof(proof: Any, jwk: Mapping[str, Any], *, origin: str, slug: str, at: float) -> None:
    """Raises `SignatureError` unless `proof` is what `prove` makes, by that key and not long ago."""
    hint = (
        f'Sign a JWT with the key: header {{"alg": "EdDSA", "typ": "{PROOF_TYPE}"}}, claims '
        f'{{"aud": "{origin}", "sub": "{slug}", "iat": <now>, "cnf": {{"jkt": <thumbprint>}}}}.'
    )
    if not isinstance(proof, str) or not proof.isascii() or len(proof) > LONGEST_PROOF:
        raise SignatureError("key-proof", "The proof is no compact JWS.", hint)
    header = _header(proof, "key-proof", hint)
    if set(header) - _HEADER or header.get("alg") not in ALGORITHMS or header.get("typ") != PROOF_TYPE:
        raise SignatureError(
            "key-proof", "The proof's header is another than the one that is asked for.", hint
        )
    key: Any = jose_jwk.import_key(dict(jwk))
    try:
        claims = jwt.decode(proof, key, algorithms=[header["alg"]]).claims
    except (JoseError, ValueError, TypeError):
        raise SignatureError(
            "key-proof", "The proof is not signed by the key that it is for.", hint
        ) from None
    issued = claims.get("iat")
    wanted = {"aud": origin, "sub": slug, "cnf": {"jkt": key.thumbprint()}}
    if wrong := sorted(name for name, value in wanted.items() if claims.get(name) != value):
        raise SignatureError("key-proof", f"The proof is for something else: see {', '.join(wrong)}.", hint)
    if isinstance(issued, bool) or not isinstance(issued, int | float) or abs(issued - at) > PROOF_SECONDS:
        problem = (
            f"The proof was not made in the last {PROOF_SECONDS // 60} minutes, by the registry's clock."
        )
        raise SignatureError("key-proof", problem, hint)


def _header(text: str, code: str, hint: str) -> dict[str, Any]:
    try:
        header: Any = jws.extract_compact(text.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError, json.JSONDecodeError):
        raise SignatureError(code, "The header of the JWS cannot be read.", hint) from None
    if not isinstance(header, dict):
        raise SignatureError(code, "The header of the JWS is no JSON object.", hint)
    return header
