"""Who signed a version, besides the registry: signatures of organisations, and keys at their own domains.

A registry names the key of a signature itself, so that this alone shows little. What counts is that the
organisation shows the key where the registry has no hand: at the domain that the document names.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from registry.errors import CandorError, Unreached
from registry.outgoing import fetch
from registry.signing.jws import SignatureError, read_detached, thumbprint, verify_signature
from registry.transparency.merkle import ProofError
from registry.verification.report import Report

AUTHOR = "author"
MOST = 32
WELL_KNOWN = "/.well-known/candor-keys.json"
_LARGEST = 256 * 1024
_TIMEOUT = 10.0

Shown = Mapping[str, Mapping[str, Any]]
"""Public keys by their thumbprints."""
KeysAt = Callable[[str], Awaitable[Shown | None]]
"""Given a domain: the keys that it shows; None where it shows none."""


async def keys_at(domain: str) -> Shown | None:
    """What a domain shows as its organisation's signing keys."""
    try:
        answer = await fetch(f"https://{domain}{WELL_KNOWN}", limit=_LARGEST, timeout=_TIMEOUT, redirects=0)
        keys = msgspec.json.decode(answer.body)["keys"] if answer.status == 200 else None
        return {thumbprint(each): each for each in keys} if isinstance(keys, list) else None
    except (Unreached, msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None


async def check_authors(report: Report, document: bytes, told: Sequence[Any], ask: KeysAt = keys_at) -> None:
    """What the signatures in a proof show. Says nothing where there is none: nobody has to sign."""
    if not told:
        return
    named = _named(document)
    for one in told[:MOST]:
        signature: Mapping[str, Any] = one if isinstance(one, dict) else {}
        if signature.get("jwk") is None:
            await _by_domain(report, document, signature, named, ask)
            continue
        try:
            kid = _verified(document, signature)
        except (SignatureError, ProofError, CandorError, ValueError) as error:
            report.failed(AUTHOR, f"A signature of an organisation is not valid. {error}")
            continue
        slug = str(signature.get("provider"))
        if slug not in named:
            report.failed(AUTHOR, f"{slug[:64]!r} is said to have signed it, and the document names others.")
            continue
        await _at_home(report, *named[slug], kid, ask)


async def _by_domain(
    report: Report,
    document: bytes,
    signature: Mapping[str, Any],
    named: Mapping[str, tuple[str, str | None]],
    ask: KeysAt,
) -> None:
    """A signature that came through registries which do not know its key: the domains may."""
    for name, domain in named.values():
        for kid, jwk in (await ask(domain) or {}).items() if domain is not None else ():
            try:
                if _verified(document, {**signature, "jwk": dict(jwk)}) == kid:
                    report.passed(AUTHOR, f"{name} signed this text: {domain} shows the key {kid}.")
                    return
            except (SignatureError, ProofError, CandorError, ValueError):
                continue
    problem = "A signature came along; neither the registry nor a domain of those named knows its key."
    report.unknown(AUTHOR, problem)


async def _at_home(report: Report, name: str, domain: str | None, kid: str, ask: KeysAt) -> None:
    signed = f"{name} signed this text with the key {kid}, says the registry"
    if domain is None:
        report.unknown(AUTHOR, f"{signed}; the document names no domain at which to ask.")
        return
    keys = await ask(domain)
    if keys is None:
        report.unknown(AUTHOR, f"{signed}; https://{domain}{WELL_KNOWN} shows no keys.")
    elif kid in keys:
        report.passed(AUTHOR, f"{name} signed this text: {domain} shows the key {kid}.")
    else:
        report.failed(AUTHOR, f"{signed}, and {domain} shows other keys.")


def _verified(document: bytes, signature: Mapping[str, Any]) -> str:
    """The thumbprint of the key that made a signature."""
    jwk, text, prev = signature["jwk"], signature.get("jws"), signature.get("prev")
    if not isinstance(jwk, dict) or not isinstance(prev, str | None):
        raise ProofError("It comes without what it is verified with.")
    verify_signature(document, prev, read_detached(text).text, jwk)
    kid = thumbprint(jwk)
    if read_detached(text).kid != kid:
        raise ProofError("It names another key than it is of.")
    return kid


def _named(document: bytes) -> dict[str, tuple[str, str | None]]:
    """The name and the domain of each organisation that a document names, by its slug."""
    try:
        body = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if not isinstance(body, dict):
        return {}
    beside = body.get("co_providers")
    shown = [body.get("provider"), *(beside if isinstance(beside, list) else ())]
    named = {}
    for one in shown:
        if isinstance(one, dict) and isinstance(slug := one.get("slug"), str):
            domain = one.get("domain")
            named[slug] = (str(one.get("name") or slug), domain if isinstance(domain, str) else None)
    return named
