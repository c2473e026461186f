"""Traits: what two records may have in common that few others have. Pure.

An indicator, the host that it lies on, the name that another database gave the matter, a named actor. Each
has one normal form, so that two ways of writing it are equal.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from registry.moderation.screening.links import refanged

INDICATOR, HOST, ALIAS, ACTOR = "indicator", "host", "alias", "actor"
MOST_INDICATORS = 1000
_MOST_NAMES = 200
_NAMED = "actor:named/"
LONGEST = 300
"""Characters of a trait's normal form that are compared."""
_SHORTEST_VALUE = 4
# What stands in indicators of many records and leads nowhere.
_NOTHING = frozenset(
    {"unknown", "none", "n/a", "redacted", "withheld", "localhost", "example.com", "example.org"}
)
# Where everybody may put something: two records that name one of these have nothing in common.
_EVERYBODYS = frozenset(
    """
    bing.com bit.ly bsky.app chat.openai.com chatgpt.com claude.ai discord.com discord.gg docs.google.com
    drive.google.com dropbox.com facebook.com gemini.google.com github.com gitlab.com gmail.com google.com
    hotmail.com huggingface.co icloud.com instagram.com linkedin.com mail.ru medium.com openai.com outlook.com
    pastebin.com play.google.com proton.me protonmail.com raw.githubusercontent.com reddit.com signal.org
    t.co t.me telegram.me telegram.org tiktok.com tinyurl.com twitter.com vk.com wa.me whatsapp.com x.com
    yahoo.com youtu.be youtube.com
    """.split()  # noqa: SIM905
)
_HOST = re.compile(r"(?:[a-z]+://)?(?:[^/\s@]*@)?((?:[\w-]+\.)+[^\W\d_][\w-]*)(?::\d+)?(?:[/?#].*)?")
# Actors that are a sort of people and nobody in particular.
_NOBODY = re.compile(
    r"(?:unknown|unidentified|unnamed|anonymous|various|multiple|several|some|other)\b.*"
    r"|(?:the )?(?:(?:online|cyber|deepfake|scam|fraud|malicious|threat|individual|private|social media) ?)*"
    r"(?:scammers?|fraudsters?|criminals?|cybercriminals?|hackers?|attackers?|callers?|actors?|individuals?"
    r"|users?|people|persons?|students?|trolls?|spammers?|perpetrators?|creators?|developers?|employees?"
    r"|phishers?|state|insiders?|researchers?|none|n/a)"
    r"|.*\b(?:users?|students?|employees?|members?|people|individuals|customers?)"
)


class Trait(NamedTuple):
    """One trait: of what sort, and its normal form."""

    kind: str
    value: str


def traits(document: Mapping[str, Any]) -> dict[Trait, str]:
    """The traits of a document, each as the document writes it."""
    found: dict[Trait, str] = {}
    for _, item, plain in _indicators(document):
        found.setdefault(Trait(INDICATOR, plain[:LONGEST]), item)
        if host := host_of(plain):
            found.setdefault(Trait(HOST, host[:LONGEST]), host)
    for _, name, spelt in names(document):
        found.setdefault(Trait(ALIAS, name), spelt)
    for actor in _dicts(_content(document).get("actors")):
        for key, shown in _actor(actor):
            found.setdefault(Trait(ACTOR, key), shown)
    return found


def normal_value(value: str) -> str | None:
    """An indicator so that two ways of writing it are equal; None for one that says nothing."""
    plain = " ".join(refanged(value).casefold().split())
    plain = re.sub(r"^https?://(?:www\.)?", "", plain).rstrip("/.")
    if len(plain) < _SHORTEST_VALUE or plain in _NOTHING:
        return None
    try:
        return plain if ipaddress.ip_address(plain).is_global else None
    except ValueError:
        return plain


def indicators(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(pointer, normal form) of each indicator that says something."""
    for position, _, plain in _indicators(document):
        yield f"/content/indicators/{position}/value", plain


def _indicators(document: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    listed = _content(document).get("indicators")
    for position, item in enumerate(listed[:MOST_INDICATORS] if isinstance(listed, list) else ()):
        value = item.get("value") if isinstance(item, Mapping) else None
        if isinstance(value, str) and (plain := normal_value(value)):
            yield position, value, plain


def host_of(plain: str) -> str | None:
    """The host that a normal form lies on; None where there is none, or it is everybody's."""
    match = _HOST.fullmatch(plain)
    if match is None:
        return None
    host = match[1].removeprefix("www.")
    return None if host in _NOTHING or host in _EVERYBODYS else host


def names(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(pointer, name, as it is written) of what the record is known as elsewhere: its source, and the aliases
    that mean the same and not a part of it or more. A name is `scheme:id` as names are compared.
    """
    source, aliases = document.get("source"), document.get("aliases")
    listed = [("/source/id", source)]
    listed += [
        (f"/aliases/{position}/id", item)
        for position, item in enumerate(aliases[:_MOST_NAMES] if isinstance(aliases, list) else ())
        if isinstance(item, Mapping) and item.get("type", "same") == "same"
    ]
    return [
        (pointer, " ".join(f"{scheme}:{id}".casefold().split())[:LONGEST], f"{scheme}:{id}")
        for pointer, item in listed
        if isinstance(item, Mapping)
        and isinstance(scheme := item.get("scheme"), str)
        and isinstance(id := item.get("id"), str)
    ]


def _actor(actor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name, ref = actor.get("name"), actor.get("ref")
    # Terms of our own say what sort of people it was; those under `named`, and other vocabularies', who.
    if isinstance(ref, str) and ref.startswith(_NAMED):
        called = ref.removeprefix(_NAMED).replace("-", " ")
        yield _folded(called), name if isinstance(name, str) else called
    elif isinstance(ref, str) and not ref.startswith("actor:"):
        yield _folded(ref), name if isinstance(name, str) else ref
    aliases = actor.get("aliases")
    for spelt in (name, *(aliases[:_MOST_NAMES] if isinstance(aliases, list) else ())):
        if isinstance(spelt, str) and (key := _folded(spelt)) and not _NOBODY.fullmatch(key):
            yield key, spelt


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:LONGEST]


def _content(document: Mapping[str, Any]) -> Mapping[str, Any]:
    content = document.get("content")
    return content if isinstance(content, Mapping) else {}


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
