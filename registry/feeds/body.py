"""The content of an entry: what a record says, as HTML that stands alone in a feed reader.

Sanitised a second time, whatever the Markdown renderer did: no scripts, no styles, and every address
absolute. A feed reader shows this among other people's text, so the content also says who speaks, on what
basis, and under what licence.
"""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

import nh3

from registry.feeds.feed import Event
from registry.feeds.links import Links
from registry.feeds.xml import xml_text
from registry.markdown import plain, render

_EVENTS = {Event.WITHDRAWN: "Withdrawn", Event.REINSTATED: "Reinstated", Event.REVISED: "Revised"}
_BASIS = {
    "first-party": "Disclosed by the organisation itself.",
    "on-behalf": "Published on behalf of the organisation.",
    "third-party": "Published by a third party; not a statement of the organisations it speaks of.",
    "imported": "Imported from a public source; not a statement of the organisations it speaks of.",
}

# Lists of the kinds' own content that are told in full, in this order.
_SECTIONS = {
    "prohibited_uses": "Prohibited uses",
    "scrutinised_domains": "Domains that need extra scrutiny",
    "causes": "Causes",
    "remediation": "Remediation",
    "limitations": "Limitations",
    "side_effects": "Side effects",
    "recommendations": "Recommendations",
    "open_questions": "Open questions",
}
_COMPARATORS = {
    "lt": "less than ",
    "le": "at most ",
    "approx": "about ",
    "ge": "at least ",
    "gt": "more than ",
}

# A picture would tell its host who reads.
_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}
_SCHEMES = {"http", "https", "mailto"}

# A feed is fetched whole by everybody, again and again.
MAX_NARRATIVE = 30_000
MAX_BEGINNING = 5_000
MAX_LINES = 25

Label = Callable[[str], str]


def text(value: Any) -> str:
    """A text of a document in one line, without what XML cannot hold; empty for whatever is no text.

    Peers' documents may hold anything anywhere.
    """
    return " ".join(xml_text(value).split()) if isinstance(value, str) else ""


def items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def web_address(value: Any) -> str | None:
    """The text when it is an address that a reader may be sent to.

    Letters beyond ASCII as RSS wants them, escaped.
    """
    address = text(value)
    if not address.lower().startswith(("https://", "http://")) or " " in address:
        return None
    return quote(address, safe="%/:?#[]@!$&'()*+,;=~")


def content(document: Mapping[str, Any], event: Event, links: Links, label: Label, page: str) -> str:
    """HTML for a document. `page` is the address of the record's own page, against which links in it resolve.

    A withdrawn one gives notice and nothing of what it said. A very long narrative is only begun here.
    """
    notice = _notice(document, event, links)
    if event is Event.WITHDRAWN:
        return _clean(notice, page)
    parts = [
        notice,
        _paragraph(escape(text(document.get("summary")))),
        _list(_facts(document, links, label)),
        _paragraph(escape(text(mapping(document.get("content")).get("what_happened")))),
        _narrative(document.get("narrative"), page),
        *_sections(mapping(document.get("content")), label),
        _section("Figures", filter(None, map(_metric, _metrics(document)))),
        _section("References", _citations(document)),
        _paragraph(_provenance(document)),
    ]
    return _clean("\n".join(part for part in parts if part), page)


def _clean(html: str, page: str) -> str:
    return nh3.clean(
        html, tags=_TAGS, url_schemes=_SCHEMES, url_relative=("rewrite_with_base", page), link_rel=None
    )


def _narrative(value: Any, page: str) -> str:
    if not isinstance(value, str):
        return ""
    if len(value) <= MAX_NARRATIVE:
        return render(value)
    beginning = escape(plain(value[:MAX_NARRATIVE], MAX_BEGINNING))
    return f'<p>{beginning}</p>\n<p><a href="{escape(page)}">Read on</a></p>'


def _notice(document: Mapping[str, Any], event: Event, links: Links) -> str:
    if event is Event.NEW:
        return ""
    if event is Event.WITHDRAWN:
        withdrawal = mapping(document.get("withdrawal"))
        reason = text(withdrawal.get("text")) or text(withdrawal.get("code")).replace("-", " ")
        line = f"<strong>Withdrawn.</strong> {escape(reason)}".strip()
        if instead := _reference(withdrawal.get("replaced_by"), document, links):
            line += f" See instead {instead}."
        return _paragraph(line)
    revision = mapping(document.get("revision"))
    kind = text(revision.get("type")).replace("-", " ")
    heading = f"{_EVENTS[event]} ({escape(kind)})" if kind else _EVENTS[event]
    return _paragraph(f"<strong>{heading}.</strong> {escape(text(revision.get('note')))}".strip())


def _facts(document: Mapping[str, Any], links: Links, label: Label) -> Iterable[str]:
    inner = mapping(document.get("content"))
    if severity := text(inner.get("severity")):
        yield _fact("Severity", label(severity))
    if status := text(mapping(inner.get("assertion")).get("status")):
        yield _fact("Status of the claim", status)
    if systems := ", ".join(filter(None, map(_system, items(document.get("systems"))))):
        yield _fact("Systems", systems)
    if about := _reference(inner.get("about"), document, links):
        stance = text(inner.get("stance")) or "responds to"
        yield f"<strong>{escape(stance.capitalize())}:</strong> {about}"
    if answer := text(inner.get("text")):
        yield escape(answer)


def _sections(inner: Mapping[str, Any], label: Label) -> Iterable[str]:
    for field, heading in _SECTIONS.items():
        yield _section(heading, filter(None, (_told(item, label) for item in items(inner.get(field)))))


def _told(item: Mapping[str, Any], label: Label) -> str:
    tag, words = text(item.get("tag")), text(item.get("text"))
    return escape(": ".join(filter(None, (label(tag) if tag else "", words))))


def _metrics(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [*items(document.get("metrics")), *items(mapping(document.get("content")).get("metrics"))]


def _metric(metric: Mapping[str, Any]) -> str:
    value = metric.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    number = _number(value)
    high = metric.get("high")
    if metric.get("comparator") == "range" and isinstance(high, int | float):
        number = f"{number} to {_number(high)}"
    unit = text(metric.get("unit"))
    unit = "\u00a0%" if unit == "percent" else f" {unit}" if unit else ""
    name = text(metric.get("name")).rpartition(":")[2].replace("-", " ")
    subject = text(metric.get("of")) or text(metric.get("population"))
    line = f"{name}: {_COMPARATORS.get(text(metric.get('comparator')), '')}{number}{unit}"
    return escape(f"{line} ({subject})" if subject else line)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.12g}"


def _system(system: Mapping[str, Any]) -> str:
    name, developer = (_name(system.get(key)) for key in ("name", "developer"))
    return f"{name} ({developer})" if name and developer and developer not in name else name or developer


def _name(value: Any) -> str:
    return text(value) or text(mapping(value).get("name"))


def _reference(value: Any, document: Mapping[str, Any], links: Links) -> str:
    target = mapping(value)
    if not (id := text(target.get("id"))):
        return ""
    address = links.record(id, text(target.get("origin")) or text(document.get("origin")) or None)
    return f'<a href="{escape(address)}">{escape(id)}</a>'


def _citations(document: Mapping[str, Any]) -> Iterable[str]:
    for citation in items(document.get("references")):
        title, address = text(citation.get("title")), web_address(citation.get("url"))
        if address:
            yield f'<a href="{escape(address)}">{escape(title or address)}</a>'
        elif title:
            yield escape(title)


def _provenance(document: Mapping[str, Any]) -> str:
    parts = [_BASIS.get(text(document.get("basis")), "")]
    for stated in items(document.get("stated_by")):
        named = dict.fromkeys(_name(stated.get(key)) for key in ("name", "role", "organisation"))
        if who := ", ".join(filter(None, named)):
            parts.append(f"Stated by {escape(who)}.")
    source = mapping(document.get("source"))
    entry = escape(" ".join(filter(None, (text(source.get("scheme")), text(source.get("id"))))))
    if address := web_address(source.get("url")):
        parts.append(f'Source: <a href="{escape(address)}">{entry or escape(address)}</a>.')
    elif entry:
        parts.append(f"Source: {entry}.")
    if credits := "; ".join(_name(credit).rstrip(".") for credit in items(document.get("credits"))):
        parts.append(f"Credits: {escape(credits)}.")
    if licence := text(document.get("license")):
        parts.append(f"Licence: {escape(licence)}.")
    return " ".join(filter(None, parts))


def _fact(name: str, value: str) -> str:
    return f"<strong>{name}:</strong> {escape(value)}"


def _paragraph(html: str) -> str:
    return f"<p>{html}</p>" if html else ""


def _section(heading: str, lines: Iterable[str]) -> str:
    listed = _list(lines)
    return f"<p><strong>{heading}</strong></p>\n{listed}" if listed else ""


def _list(lines: Iterable[str]) -> str:
    told = list(lines)
    if len(told) > MAX_LINES:
        told[MAX_LINES - 1 :] = [f"… and {len(told) - MAX_LINES + 1} more"]
    listed = "\n".join(f"<li>{line}</li>" for line in told)
    return f"<ul>\n{listed}\n</ul>" if listed else ""
