"""Feeds over HTTP."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.canonical import digest
from registry.extensions import Node
from registry.feeds import opml
from registry.feeds.assemble import Registry, assemble, home_of, title_of
from registry.feeds.links import Links
from registry.feeds.opml import Group, Outline
from registry.feeds.queries import gather
from registry.feeds.selection import Selection, Topic, read_address
from registry.http import AnyRequest, prepared
from registry.problems import problem_responses
from registry.providers import queries as providers
from registry.records.content.submission import KINDS
from registry.taxonomies.vocabulary import Vocabulary

# Labels of tags and names of organisations stand in feeds beside the records.
_LABELS = "topic:taxonomy"
_NAMES = "topic:provider"
# Of the formats, readers agree most on what Atom means; those that know RSS alone know Atom too.
_LISTED = "atom"
_LISTED_NAMESPACE = "misuse"


class FeedsController(Controller):
    """Every question is a feed."""

    tags = ("feeds",)

    @get("/feeds/{name:path}", operation_id="readFeed", responses=problem_responses(400, 404, 503))
    async def read_feed(
        self,
        request: AnyRequest,
        reading: NamedDependency[SkipValidation[AsyncSession]],
        node: NamedDependency[SkipValidation[Node]],
        name: Annotated[
            str,
            PathParameter(
                description="all, a kind, provider/<slug>, tag/<tag>, record/<id> or search, and its format: "
                ".rss, .atom or .json. Parameters: limit (1 to 200), content (full or summary), imported (of "
                "all and kinds), and those of a search."
            ),
        ],
    ) -> Response[bytes]:
        """A feed in RSS 2.0, Atom or JSON Feed 1.1, the newest change first.

        `all` and the kinds leave out imported records unless `imported=true`. The feed of a record holds its
        versions and the responses to it. The feed of a search holds the records that match exactly.
        """
        selection, options, format = read_address(name, list(request.query_params.multi_items()))
        vocabulary = await node.vocabulary.current()
        gathered, current = await gather(
            reading,
            selection,
            limit=options.limit,
            now=datetime.now(UTC),
            vocabulary=vocabulary,
            finder=node.finder,
        )
        # Two hundred entries take long enough for other requests to notice.
        body = await asyncio.to_thread(
            lambda: format.write(assemble(_registry(node, vocabulary), selection, options, format, gathered))
        )
        return prepared(
            request,
            body,
            format.content_type,
            etag=digest(body)[:32],
            last_modified=gathered.changed,
            scopes=_scopes(selection) if current else (),
        )

    @get("/feeds.opml", operation_id="listFeeds")
    async def list_feeds(
        self,
        request: AnyRequest,
        reading: NamedDependency[SkipValidation[AsyncSession]],
        node: NamedDependency[SkipValidation[Node]],
    ) -> Response[bytes]:
        """The feeds of this registry as OPML 2.0.

        Everything, kinds, providers and the broadest kinds of misuse.
        """
        vocabulary = await node.vocabulary.current()
        shown = await providers.all_providers(reading, public=True)
        registry = _registry(node, vocabulary)
        broadest = [tag for tag in vocabulary.tags(_LISTED_NAMESPACE) if not vocabulary.parents(tag)]
        groups = [
            Group("Everything", [_outline(registry, Selection(Topic.ALL), "")]),
            Group("Kinds", [_outline(registry, Selection(Topic.KIND, kind), kind) for kind in KINDS]),
            Group(
                "Providers",
                [_outline(registry, Selection(Topic.PROVIDER, row.slug), row.name) for row in shown],
            ),
            Group(
                "Misuse",
                [_outline(registry, Selection(Topic.TAG, tag), vocabulary.label(tag)) for tag in broadest],
            ),
        ]
        body = opml.write_opml(f"{registry.name}: feeds", groups)
        # Litestar adds the charset to what is text, and to nothing else.
        return prepared(request, body, opml.MEDIA_TYPE, etag=digest(body)[:32], scopes=(_LABELS, _NAMES))


def _registry(node: Node, vocabulary: Vocabulary) -> Registry:
    return Registry(node.settings.name, Links(node.settings.url, node.origin), vocabulary.label)


def _outline(registry: Registry, selection: Selection, name: str) -> Outline:
    url = registry.links.feed(selection.path, _LISTED)
    return Outline(title_of(registry.name, selection, name), url, home_of(registry.links, selection))


def _scopes(selection: Selection) -> tuple[str, ...]:
    """The changes that make a feed stale."""
    match selection.topic:
        case Topic.ALL | Topic.SEARCH:
            return ("all", _LABELS)
        case Topic.PROVIDER:
            return (f"provider:{selection.value}", _LABELS, _NAMES)
        case topic:
            return (f"{topic}:{selection.value}", _LABELS)
