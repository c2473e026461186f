"""The template environment: everything is escaped, and documents are read forgivingly.

Documents from peers may hold anything anywhere. Templates therefore read them through filters that give an
empty answer to a wrong shape, and a missing member is simply nothing.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup

from frontend import dates, figures, urls, words
from registry import markdown
from search.labels import country, language

_TABLE = re.compile("<table>")
_HEADING = re.compile(r"<h([1-6])[ >]")


class Templates(Environment):
    """Jinja, with one difference: a dot on a JSON object reads its member, and never a method of `dict`."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list of objects; of anything else, none."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list of texts; of anything else, none."""
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []


def narrative(value: Any, level: int, name: str, prefix: str = "n") -> Markup:
    """Markdown as HTML whose highest heading is of `level`, so that it fits beneath a heading of the page.

    `name` says to those who cannot see it what a table belongs to. `prefix` keeps the ids of its footnotes
    apart from those of another text on the page.
    """
    if not isinstance(value, str):
        return Markup("")
    made = markdown.render(value, prefix=prefix, shift=1)
    found = min((int(match) for match in _HEADING.findall(made)), default=level)
    if found != level:
        made = markdown.render(value, prefix=prefix, shift=1 + level - found)
    # `registry.markdown` cleans what it makes with an explicit list of elements and attributes.
    return Markup(_reachable(made, name))  # noqa: S704


def _reachable(html: str, name: str) -> str:
    """What may be wider than the page scrolls by itself, and is reached by keyboard to be scrolled.

    In cleaned HTML a bare `<table>` is always the element: the same characters in a text are escaped.
    """
    numbers = itertools.count(1)

    def opened(_: re.Match[str]) -> str:
        label = f"Table {next(numbers)} in {name}"
        return f'<div class="table" role="region" tabindex="0" aria-label="{label}"><table>'

    wrapped = _TABLE.sub(opened, html).replace("</table>", "</table></div>")
    return wrapped.replace("<pre", '<pre tabindex="0"')


def named_country(code: Any) -> str:
    return country(str(code)) or str(code)


def named_language(code: Any) -> str:
    return language(str(code)) or str(code)


def shortened(value: Any, limit: int) -> str:
    """The first `limit` characters of a text, cut between words."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if len(text) <= limit:
        return text
    cut = text[:limit].rpartition(" ")[0] or text[:limit]
    return cut.rstrip(" ,;:–—-") + "…"


FILTERS: Mapping[str, Any] = {
    "confidence": figures.confidence,
    "country": named_country,
    "day": dates.day,
    "extent": figures.extent,
    "host": urls.host,
    "items": items,
    "language": named_language,
    "metric": figures.metric,
    "moment": dates.moment,
    "narrative": narrative,
    "number": figures.number,
    "pointed": words.pointed,
    "share": figures.share,
    "shortened": shortened,
    "span": dates.span,
    "texts": texts,
    "web": urls.web,
    "when": dates.when,
    "word": words.word,
}


@cache
def environment() -> Templates:
    """One for the process: templates hold nothing of a registry."""
    made = Templates(
        loader=PackageLoader("frontend"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals.update(words=words, anchor=urls.anchor)
    return made


def compiled() -> Sequence[str]:
    """Compile every template now, so that no reader waits for it; returns their names."""
    made = environment()
    names = made.list_templates(extensions=["html", "xml", "txt"])
    for name in names:
        made.get_template(name)
    return names
