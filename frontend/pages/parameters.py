"""What page handlers are given."""

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from frontend.site import Site
from registry.actor import Actor

Sites = NamedDependency[SkipValidation[Site]]
Actors = NamedDependency[SkipValidation[Actor]]
Reading = NamedDependency[SkipValidation[AsyncSession]]
RecordId = Annotated[str, PathParameter(description="A record id; case does not matter.")]
Origin = Annotated[str | None, QueryParameter(max_length=255)]
Cursor = Annotated[str | None, QueryParameter(name="cursor", max_length=64)]
