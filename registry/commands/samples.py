"""The sample records: for a first look, under an editorial provider, by `candor serve --samples` alone."""

from registry import terminal
from registry.actor import Actor, Scope
from registry.bundled import folder
from registry.exchange import native
from registry.exchange.item import Options
from registry.exchange.run import Report, run
from registry.exchange.sink import RegistrySink
from registry.node import init_node, open_node
from registry.providers import queries, service
from registry.records.versions import Desk
from registry.settings import Settings

EDITORS = "candor-editors"


def load_samples(settings: Settings) -> None:
    """Make the registry ready and bring in the samples. A second time changes nothing."""
    report = terminal.run(_load(settings))
    if report.created or report.revised:
        terminal.err.print(
            f"Loaded {report.created + report.revised} sample records under [bold]{EDITORS}[/]."
        )


async def _load(settings: Settings) -> Report:
    await init_node(settings)
    async with open_node(settings) as node:
        async with node.database.write() as session:
            known = {
                provider.slug: provider for provider in await queries.all_providers(session, public=False)
            }
            editors = known.get(EDITORS) or await service.add(
                session, EDITORS, "Candor editors", origin=node.origin, approve=True, by="samples"
            )
        actor = Actor(
            name="samples",
            provider=editors.pk,
            provider_slug=EDITORS,
            approved=True,
            scopes=frozenset((Scope.RECORDS_WRITE, Scope.RECORDS_PUBLISH)),
        )
        vocabulary = await node.vocabulary.current(fresh=True)
        sink = RegistrySink(
            node.database,
            Desk(node.origin, vocabulary, secret=node.secret),
            actor,
            editors,
            node.secret,
            publish=True,
        )
        items = native.read(folder("samples"), Options())
        return await run(items, sink, vocabulary=vocabulary, strict=True)
