"""What the handlers of records share: where their parameters come from, and answers to one reader alone."""

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.extensions import Node
from registry.records.versions import Desk

Actors = NamedDependency[SkipValidation[Actor]]
Nodes = NamedDependency[SkipValidation[Node]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
RecordId = Annotated[
    str, PathParameter(description="A record id, such as CIR-7GQ2M4KX9X; case does not matter.")
]
Origin = Annotated[
    str | None, QueryParameter(description="Whose record, where two registries hold the same id.")
]


async def desk_of(node: Node) -> Desk:
    """What the services need of a registry."""
    return Desk(
        node.origin,
        await node.vocabulary.current(),
        node.settings.drafts_per_day,
        node.secret,
        node.finder,
    )
