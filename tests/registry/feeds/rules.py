"""What the formats and their validators demand, as checks that name each violation.

RSS 2.0 and the RSS Advisory Board's best practices profile, RFC 4287, JSON Feed 1.1, and what
public validators warn of.
"""

import re
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from lxml import etree, html

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
RFC822 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"\d{4} \d\d:\d\d:\d\d GMT"
)
_ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "style",
    "meta",
    "link",
    "base",
    "svg",
    "math",
}


def strict(body: bytes) -> etree._Element:
    """The root of well-formed XML: no recovery, no entities, UTF-8 said and kept."""
    assert body.startswith(b"<?xml version='1.0' encoding='UTF-8'?>"), body[:60]
    body.decode("utf-8", "strict")
    assert b"<!DOCTYPE" not in body
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, recover=False, no_network=True))


def is_absolute(address: str | None) -> bool:
    parts = urlsplit(address or "")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and (address or "").isascii()


def is_id(text: str | None) -> bool:
    return bool(
        re.fullmatch(
            r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text or ""
        )
    )


def content_violations(text: str) -> list[str]:
    """Of HTML for a stranger's reader: scripts, styles, handlers, relative addresses."""
    found = []
    for element in html.fragment_fromstring(text, create_parent="div").iter():
        if not isinstance(element.tag, str):
            found.append("a comment or an instruction")
            continue
        if element.tag in _ACTIVE:
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            if str(name).startswith("on") or name in ("style", "id", "class"):
                found.append(f"attribute {name!s}")
            if (
                name in ("href", "src")
                and not is_absolute(str(value))
                and not str(value).startswith("mailto:")
            ):
                found.append(f"relative or odd address {value!s}")
    return found


def _once(node: etree._Element, tag: str) -> bool:
    return len(node.findall(tag)) == 1 and bool((node.findtext(tag) or "").strip())


def rss_violations(body: bytes) -> list[str]:
    root = strict(body)
    found: list[str] = []
    if root.tag != "rss" or root.get("version") != "2.0":
        found.append("no rss 2.0 root")
    channel = root.find("channel")
    if channel is None or len(root) != 1:
        return [*found, "not exactly one channel"]
    required = ("title", "link", "description", "language")
    found += [f"channel {tag}" for tag in required if not _once(channel, tag)]
    if not is_absolute(channel.findtext("link")):
        found.append("channel link is not absolute")
    links = channel.findall(f"{ATOM}link")
    if len(links) != 1 or links[0].get("rel") != "self" or links[0].get("type") != "application/rss+xml":
        found.append("not exactly one atom:link rel=self of this type")
    elif not is_absolute(links[0].get("href")):
        found.append("self is not absolute")
    built = channel.findtext("lastBuildDate")
    if built is not None and not RFC822.fullmatch(built):
        found.append(f"lastBuildDate {built}")
    guids: Counter[str] = Counter()
    for item in channel.findall("item"):
        guid = item.find("guid")
        if guid is None or guid.get("isPermaLink") != "false" or not is_id(guid.text):
            found.append("guid")
        else:
            guids[guid.text or ""] += 1
        if not (item.findtext("title") or "").strip() or not (item.findtext("description") or "").strip():
            found.append("item without title or description")
        if not is_absolute(item.findtext("link")):
            found.append("item link is not absolute")
        published = item.findtext("pubDate") or ""
        if not RFC822.fullmatch(published) or parsedate_to_datetime(published).tzinfo is None:
            found.append(f"pubDate {published}")
        if item.find("author") is not None:
            found.append("author wants a mail address; dc:creator is for names")
        found += [
            f"category domain {c.get('domain')}"
            for c in item.findall("category")
            if not is_absolute(c.get("domain"))
        ]
        found += content_violations(item.findtext("description") or "-")
        found += content_violations(item.findtext(f"{CONTENT}encoded") or "-")
    found += [f"guid {guid} stands {count} times" for guid, count in guids.items() if count > 1]
    # Plain text by the profile: hexadecimal references, once escaped.
    for title in re.findall(rb"<title>(.*?)</title>", body, re.DOTALL):
        if rest := re.sub(rb"&#x26;|&#x3C;|&gt;", b"", title):
            found += [f"title {title!r}"] if b"&" in rest or b"<" in rest else []
    return found


def atom_violations(body: bytes) -> list[str]:
    root = strict(body)
    if root.tag != f"{ATOM}feed":
        return ["no atom feed"]
    found = _atom_common(root, "feed")
    selves = [link for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if len(selves) != 1 or selves[0].get("type") != "application/atom+xml":
        found.append("not exactly one self link of this type")
    if not root.findall(f"{ATOM}author"):
        found.append("no feed author")
    seen: set[tuple[str | None, str | None]] = set()
    for entry in root.findall(f"{ATOM}entry"):
        found += _atom_common(entry, "entry")
        key = (entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated"))
        if key in seen:
            found.append(f"two entries with the same id and updated: {key}")
        seen.add(key)
        content = entry.find(f"{ATOM}content")
        if content is not None:
            if content.get("type") != "html" or len(content):
                found.append("content is not escaped html")
            found += content_violations(content.text or "-")
        elif entry.find(f"{ATOM}summary") is None:
            found.append("neither content nor summary")
        if not RFC3339.fullmatch(entry.findtext(f"{ATOM}published") or ""):
            found.append("published")
    return found


def _atom_common(node: etree._Element, what: str) -> list[str]:
    found = [f"{what} {tag}" for tag in ("id", "title", "updated") if not _once(node, f"{ATOM}{tag}")]
    if not is_id(node.findtext(f"{ATOM}id")):
        found.append(f"{what} id")
    if not RFC3339.fullmatch(node.findtext(f"{ATOM}updated") or ""):
        found.append(f"{what} updated")
    alternates: Counter[tuple[str | None, str | None]] = Counter()
    for link in node.findall(f"{ATOM}link"):
        if not is_absolute(link.get("href")):
            found.append(f"{what} link {link.get('href')}")
        if link.get("rel") == "alternate":
            alternates[link.get("type"), link.get("hreflang")] += 1
    if alternates["text/html", None] != 1 or max(alternates.values(), default=0) > 1:
        found.append(f"{what} alternate")
    texts = [text for tag in ("title", "summary", "subtitle") for text in node.findall(f"{ATOM}{tag}")]
    found += [f"{what} text {text.tag}" for text in texts if text.get("type") != "text" or len(text)]
    names = [author.findtext(f"{ATOM}name") or "" for author in node.findall(f"{ATOM}author")]
    found += [f"{what} author without a name" for name in names if not name.strip()]
    categories = node.findall(f"{ATOM}category")
    found += [f"{what} category" for c in categories if not c.get("term") or not is_absolute(c.get("scheme"))]
    return found


# https://www.jsonfeed.org/version/1.1/, written down as a schema.
_URL = {"type": "string", "pattern": "^https?://[^ ]+$"}
_TIME = {"type": "string", "pattern": rf"^{RFC3339.pattern}$"}
_AUTHOR = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "url": _URL, "avatar": _URL},
    "anyOf": [{"required": ["name"]}, {"required": ["url"]}, {"required": ["avatar"]}],
    "additionalProperties": False,
}
_EXTENSION: dict[str, Any] = {"^_[^.]+$": {"type": "object"}}
JSON_FEED: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string", "minLength": 1},
        "home_page_url": _URL,
        "feed_url": _URL,
        "description": {"type": "string"},
        "user_comment": {"type": "string"},
        "next_url": _URL,
        "icon": _URL,
        "favicon": _URL,
        "authors": {"type": "array", "items": _AUTHOR},
        "language": {"type": "string"},
        "expired": {"type": "boolean"},
        "hubs": {"type": "array"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "url": _URL,
                    "external_url": _URL,
                    "title": {"type": "string"},
                    "content_html": {"type": "string", "minLength": 1},
                    "content_text": {"type": "string", "minLength": 1},
                    "summary": {"type": "string"},
                    "image": _URL,
                    "banner_image": _URL,
                    "date_published": _TIME,
                    "date_modified": _TIME,
                    "authors": {"type": "array", "items": _AUTHOR, "minItems": 1},
                    "tags": {
                        "type": "array",
                        "items": {"type": "string"},
                        "minItems": 1,
                        "uniqueItems": True,
                    },
                    "language": {"type": "string"},
                    "attachments": {"type": "array"},
                },
                "patternProperties": _EXTENSION,
                "additionalProperties": False,
            },
        },
    },
    "patternProperties": _EXTENSION,
    "additionalProperties": False,
}
