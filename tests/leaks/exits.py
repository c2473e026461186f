"""Walks a registry as anybody may, and writes down everything that it says."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
import lxml.html

from registry.app import Application
from tests.conftest import BASE_URL

# Headers that differ from one answer to the next whatever is asked, and tell nothing.
_NOISE = frozenset({"date", "x-request-id"})
_LINK = re.compile(re.escape(BASE_URL) + r"(/[^\s\"'<>\\]*)")
# Facets and pages multiply addresses without end: of those that differ in values alone, some are walked.
_ALIKE = 2
_LONGEST_WALK = 1_500


@dataclass(frozen=True)
class Answer:
    """All that came back from one address."""

    status: int
    headers: str
    body: str

    @property
    def all(self) -> str:
        return f"{self.status}\n{self.headers}\n{self.body}"


def route_templates(app: Application, *methods: str) -> set[str]:
    """The paths that the application answers under any of the methods, with names for what varies."""
    routes: Iterable[Any] = app.framework.routes
    return {route.path_format for route in routes if route.methods & set(methods)}


def template_of(path: str, templates: Iterable[str]) -> str | None:
    """The route that answers a path."""
    fitting = [each for each in templates if _pattern(each).fullmatch(path)]
    # A path that is written out wins over one with a name in its place.
    return min(fitting, key=lambda each: each.count("{"), default=None)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    written = re.escape(template).replace("\\{", "{").replace("\\}", "}")
    return re.compile(re.sub(r"\{[^}]+\}", "[^/]+", written))


async def walk(
    client: httpx.AsyncClient,
    starts: Iterable[str],
    templates: Iterable[str],
    headers: Mapping[str, str] | None = None,
) -> dict[str, Answer]:
    """Every answer to be had from the starts, by address, in the order in which they were found."""
    templates = sorted(templates)
    said: dict[str, Answer] = {}
    alike: Counter[tuple[str, ...]] = Counter()
    waiting = list(dict.fromkeys(starts))
    known = set(waiting)
    while waiting and len(said) < _LONGEST_WALK:
        address = waiting.pop(0)
        answer = await client.get(address, headers={"Accept": _accepted(address), **(headers or {})})
        said[address] = _answer(answer)
        for found in _links(address, answer):
            shape = _shape(found, templates)
            if found in known or alike[shape] >= _ALIKE:
                continue
            alike[shape] += 1
            known.add(found)
            waiting.append(found)
    return said


def _accepted(address: str) -> str:
    return "application/json" if address.startswith("/api/") else "text/html, */*;q=0.8"


def _answer(response: httpx.Response) -> Answer:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items() if name not in _NOISE)
    return Answer(response.status_code, headers, response.text)


def _links(address: str, response: httpx.Response) -> list[str]:
    found = [match.group(1) for match in _LINK.finditer(response.text.replace("&amp;", "&"))]
    media_type = response.headers.get("content-type", "")
    if media_type.startswith("text/html") and response.text:
        found += [str(href) for href in lxml.html.document_fromstring(response.content).xpath("//@href")]
    body = response.json() if media_type.startswith("application/json") else None
    if isinstance(body, dict) and (following := body.get("next")):
        path, _, query = address.partition("?")
        asked = [pair for pair in parse_qsl(query) if pair[0] != "cursor"]
        found.append(f"{path}?{urlencode([*asked, ('cursor', following)])}")
    if location := response.headers.get("location"):
        found.append(location)
    return list(dict.fromkeys(filter(None, (_own(address, each) for each in found))))


def _own(address: str, link: str) -> str | None:
    parts = urlsplit(urljoin(BASE_URL + address, link))
    if f"{parts.scheme}://{parts.netloc}" != BASE_URL:
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _shape(address: str, templates: Iterable[str]) -> tuple[str, ...]:
    parts = urlsplit(address)
    template = template_of(parts.path, templates) or parts.path
    return (template, *sorted({name for name, _ in parse_qsl(parts.query)}))
