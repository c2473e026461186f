"""Alembic's entry point. Runs on the connection that `registry.migrate` hands over."""

from typing import Any

from alembic import context
from sqlalchemy import JSON, BigInteger

import registry.audit.models
import registry.auth.models
import registry.changelog.models
import registry.federation.models
import registry.idempotency
import registry.moderation.anomalies.models
import registry.moderation.screening.models
import registry.notices.models
import registry.providers.models
import registry.records.campaigns.models
import registry.records.evidence.models
import registry.records.models
import registry.records.outcomes.models
import registry.records.responses.models
import registry.sharing.models
import registry.signing.models
import registry.taxonomies.models
import registry.transparency.models  # noqa: F401  (imported for their tables)
import search.saved.models  # noqa: F401  (imported for their tables)
from registry.db import Base, UtcDateTime


def _render(kind: str, item: Any, autogenerate: Any) -> str | bool:
    """Write a migration's column types by the names that `registry.db` gives them."""
    if kind != "type":
        return False
    name = (
        "UtcDateTime()"
        if isinstance(item, UtcDateTime)
        else "Json"
        if isinstance(item, JSON)
        else "BigKey"
        if isinstance(item, BigInteger) and item._variant_mapping
        else ""
    )
    if name:
        autogenerate.imports.add(f"from registry.db import {name.removesuffix('()')}")
    return name or False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
