from collections.abc import Sequence
from datetime import datetime
from typing import Any

from registry.clock import instant
from registry.signing.models import ProviderKey
from registry.signing.queries import Signed


def key(row: ProviderKey) -> dict[str, Any]:
    """A key, for whoever manages it."""
    return {
        "kid": row.kid,
        "key": row.jwk,
        "live": row.retired_at is None,
        "created_at": instant(row.created_at),
        "retired_at": instant(row.retired_at) if row.retired_at is not None else None,
    }


def key_set(rows: Sequence[ProviderKey]) -> dict[str, Any]:
    """Keys as a JWK set (RFC 7517). `nbf` and `exp` are the period of a key in seconds since 1970, as OpenID
    Federation has them for historical keys; a live one has no `exp`.
    """
    return {
        "keys": [
            {
                **row.jwk,
                "kid": row.kid,
                "use": "sig",
                "alg": "EdDSA",
                "nbf": int(row.created_at.timestamp()),
                **({"exp": int(row.retired_at.timestamp())} if row.retired_at is not None else {}),
            }
            for row in rows
        ]
    }


def on_draft(rows: Sequence[tuple[str, str, datetime]]) -> list[dict[str, Any]]:
    """The signatures that a draft bears."""
    return [{"provider": slug, "kid": kid, "at": instant(at)} for slug, kid, at in rows]


def signature(one: Signed, prev: str | None) -> dict[str, Any]:
    """A signature of a version, with what is needed to verify it: `prev` stands in the signed bytes, `jwk` is
    left out where it was not verified here.
    """
    told = {"provider": one.provider, "domain": one.domain, "kid": one.kid, "jwk": one.jwk, "jws": one.jws}
    return {**{name: value for name, value in told.items() if value is not None}, "prev": prev}
