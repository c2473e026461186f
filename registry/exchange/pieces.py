"""Small pieces that several readers put into a submission: summaries, links, classifications."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

MAX_LINE = 400
SUMMARY = 360

_MARKDOWN_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_SITE_LINK = re.compile(r"(\]\()(/[^)\s]*)(?=[)\s])")
_MARKUP = re.compile(r"\*{1,3}|`+|(?<!\w)_{1,3}|_{1,3}(?!\w)|^#+ |^> ", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z0-9\"'(\[])")
_CODE_SPAN = re.compile(r"(`[^`\n]*`)")
_MARKDOWN_SIGN = re.compile(r"\*|__+|<(?=[A-Za-z/!])")


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that hold something; `from_` and `class_` become `from` and `class`."""
    return {key.rstrip("_"): value for key, value in fields.items() if value not in (None, "", [], {}, ())}


def line(text: str, limit: int = MAX_LINE) -> str:
    """`text` on one line of at most `limit` characters, cut at a word."""
    tidy = " ".join(text.split())
    if len(tidy) <= limit:
        return tidy
    cut = tidy[: limit - 1]
    head, _, _ = cut.rpartition(" ")
    return (head or cut).rstrip(" ,;:") + "…"


def summary(markdown: str, limit: int = SUMMARY) -> str:
    """The first sentences of a text, without its markup, as many as fit into `limit` characters."""
    first = markdown.strip().split("\n\n", 1)[0]
    plain = line(_MARKUP.sub("", _MARKDOWN_LINK.sub(r"\1", first)), 10_000)
    if len(plain) <= limit:
        return plain
    whole = ""
    for sentence in _SENTENCE_END.split(plain):
        if len(whole) + len(sentence) + 1 > limit:
            break
        whole = f"{whole} {sentence}".strip()
    return whole or line(plain, limit)


def literal(text: str) -> str:
    """Plain text as Markdown that shows the same: `__init__` stays what it is. Code spans are left alone."""
    if _MARKDOWN_SIGN.search(text) is None:
        return text
    parts = _CODE_SPAN.split(text)
    return "".join(
        part
        if part.startswith("`")
        else _MARKDOWN_SIGN.sub(lambda sign: "".join("\\" + char for char in sign[0]), part)
        for part in parts
    )


def absolute_links(markdown: str, site: str) -> str:
    """Markdown in which links that start at the root of their site lead to that site."""
    return _SITE_LINK.sub(lambda found: found[1] + urljoin(site, found[2]), markdown)


def web_address(text: Any) -> str | None:
    """`text` if it is an absolute http(s) address that a record may hold."""
    if not isinstance(text, str):
        return None
    tidy = text.strip()
    try:
        parts = urlsplit(tidy)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return None if any(char.isspace() for char in tidy) or len(tidy) > 2000 else tidy


def classification(tag: str, by: str, version: str | None = None, note: str | None = None) -> dict[str, Any]:
    """One tag as a source gave it."""
    return filled(tag=tag, by=by, method="import", taxonomy_version=version, note=note)


def once(elements: Iterable[dict[str, Any]], *fields: str) -> list[dict[str, Any]]:
    """The elements in order, without those that agree in `fields` with an earlier one."""
    kept: dict[tuple[Any, ...], dict[str, Any]] = {}
    for element in elements:
        kept.setdefault(tuple(element.get(field) for field in fields), element)
    return list(kept.values())


def strings(value: Any) -> list[str]:
    """The non-empty texts of a list, tidied; nothing of anything else."""
    return (
        [line(item) for item in value if isinstance(item, str) and item.strip()]
        if isinstance(value, list)
        else []
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one: sources write null where they have none."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; nothing of anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
