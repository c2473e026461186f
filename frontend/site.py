"""One registry's pages: what every page is made with, and how it is answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from litestar import Response

from frontend.templating import environment
from frontend.terms import Terms
from frontend.urls import Urls
from registry import __version__
from registry.canonical import digest
from registry.extensions import Node
from registry.feeds.discovery import Alternate, alternates
from registry.feeds.selection import Selection, Topic
from registry.http import AnyRequest, prepared

HTML = "text/html"
ALL, TAXONOMIES, PROVIDERS = "all", "taxonomies", "providers"
"""Scopes: changes of any record, of vocabularies, of organisations."""
NEVER = "never"
"""The scope of what only a new release changes."""


@dataclass(frozen=True, slots=True)
class Page:
    """What stands in a page's head, and where the page stands.

    `path` is its own canonical path. `feeds` are announced narrowest first, as (title, selection). `json` is
    the path of the same for programs. `section` is the entry of the main navigation. `crumbs` lead to it, as
    (words, path). `canonical` is the address of the same elsewhere, for what is only copied here.
    """

    title: str
    path: str
    description: str = ""
    feeds: Sequence[tuple[str, Selection]] = ()
    json: str = ""
    json_type: str = "application/json"
    section: str = ""
    crumbs: Sequence[tuple[str, str]] = field(default_factory=tuple)
    indexed: bool = True
    canonical: str = ""


@dataclass(frozen=True)
class Site:
    """A registry with its templates."""

    node: Node

    @cached_property
    def urls(self) -> Urls:
        return Urls(self.node.settings.url, self.node.origin)

    @property
    def name(self) -> str:
        return self.node.settings.name

    @property
    def everything(self) -> tuple[str, Selection]:
        return f"{self.name}: everything", Selection(Topic.ALL)

    def alternates(self, page: Page) -> Sequence[Alternate]:
        return alternates(self.urls.paths, page.feeds)

    async def terms(self) -> Terms:
        """The vocabulary as it is now: a page that is kept must not keep a stale second for good."""
        return Terms(await self.node.vocabulary.current(fresh=True), self.urls)

    def html(self, template: str, page: Page, **context: Any) -> bytes:
        """The bytes of a page."""
        text = (
            environment()
            .get_template(template)
            .render(site=self, page=page, urls=self.urls, version=__version__, **context)
        )
        return text.encode()

    def answer(
        self,
        request: AnyRequest,
        template: str,
        page: Page,
        *,
        scopes: Iterable[str],
        retry_after: int | None = None,
        **context: Any,
    ) -> Response[bytes]:
        """The page as a prepared answer.

        Its validator is a digest of its bytes, so that a new template is a new page. `retry_after` makes it a
        503: the page says what it can, and nobody is to keep it.
        """
        body = self.html(template, page, **context)
        if retry_after is not None:
            headers = {"Retry-After": str(retry_after), "Cache-Control": "no-store"}
            return Response(body, status_code=503, media_type=HTML, headers=headers)
        return prepared(request, body, HTML, etag=digest(body)[:32], scopes=scopes)
