"""Of what several registries made from one source, one is shown: ours, or the one that came first."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import aliased

from registry.records.models import Record


def of_same_source(other: Any) -> ColumnElement[bool]:
    """Whether `other`, an alias of `Record`, was made from the same source as `Record`, elsewhere or here."""
    return and_(other.source_id == Record.source_id, other.source_scheme == Record.source_scheme)


def goes_before(other: Any) -> ColumnElement[bool]:
    """Whether, of two that were made from one source, `other` is the one to show: ours, or that which came
    first.
    """
    return and_(other.origin != Record.origin, or_(other.provider_pk.is_not(None), other.pk < Record.pk))


def is_copy() -> ColumnElement[bool]:
    """Whether a record of another registry was made from the same source as one that is shown in its place:
    ours, or the one that came first.
    """
    other = aliased(Record)
    same = (
        select(other.pk)
        .where(
            of_same_source(other),
            goes_before(other),
            func.coalesce(other.listed, false()),
        )
        .correlate(Record)
        .exists()
    )
    return and_(Record.provider_pk.is_(None), Record.source_id.is_not(None), same)
