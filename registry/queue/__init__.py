"""What waits for somebody, gathered from the rooms. One line a source."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from registry.actor import Actor
from registry.joining.pending import applications_waiting
from registry.moderation.anomalies.queries import anomalies_waiting
from registry.notices.pending import notices_waiting
from registry.records import pending
from registry.records.responses.waiting import responses_waiting
from registry.reports.deadlines import reports_due
from registry.sharing.waiting import group_invitations_waiting
from registry.waiting import QueueItem

Source = Callable[[AsyncSession, Actor], Awaitable[list[QueueItem]]]

# Each answers only what the actor may know of, at most `registry.waiting.MOST` items of each sort.
SOURCES: Sequence[Source] = (
    pending.drafts_waiting,
    pending.invitations_waiting,
    pending.findings_waiting,
    pending.matches_waiting,
    responses_waiting,
    group_invitations_waiting,
    reports_due,
    anomalies_waiting,
    applications_waiting,
    notices_waiting,
)
