"""When a record was listed, and with which of its versions: the changelog of one record, replayed. Pure.

What a search answers as of an earlier position follows from these intervals alone, so that they have to come
out the same whenever they are worked out: what is appended to the changelog later ends the last of them, and
changes no other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from registry.records.suppression import ERASED, SUPPRESSED, UNSUPPRESSED
from registry.records.versions import PUBLISHED, REINSTATED, REVISED, WITHDRAWN
from search.document import STILL

WRITING = frozenset({PUBLISHED, REVISED, WITHDRAWN, REINSTATED})
"""The actions that write a version."""


@dataclass(frozen=True, slots=True)
class Event:
    """A public change of one record."""

    seq: int
    action: str
    version: int


@dataclass(frozen=True, slots=True)
class Interval:
    """From the public sequence number `since` until that of `until`, which is `STILL` for what is listed now,
    a record was listed with its `version`; as a `copy`, where another was shown in its place.
    """

    version: int
    since: int
    until: int = STILL
    copy: bool = False

    @property
    def live(self) -> bool:
        return self.until == STILL


@dataclass(slots=True)
class _State:
    """Where a record stands. An older version of another registry's record may come after a newer one: lists
    are not cut from it.
    """

    version: int = 0
    withdrawn: bool = False
    suppressed: bool = False
    erased: bool = False

    def take(self, event: Event) -> None:
        if event.action in WRITING:
            if event.version > self.version:
                self.version, self.withdrawn, self.erased = event.version, event.action == WITHDRAWN, False
        elif event.action in (SUPPRESSED, UNSUPPRESSED):
            self.suppressed = event.action == SUPPRESSED
        elif event.action == ERASED:
            self.erased, self.suppressed = True, False

    @property
    def listed(self) -> int:
        """The version that lists show; 0 for none."""
        return 0 if self.withdrawn or self.suppressed or self.erased else self.version


def listed(events: Iterable[Event]) -> list[Interval]:
    """The intervals of a record, from all its public changes in their order."""
    found: list[Interval] = []
    state, shown = _State(), 0
    for event in events:
        state.take(event)
        if state.listed == shown:
            continue
        if shown:
            found[-1] = replace(found[-1], until=event.seq)
        shown = state.listed
        if shown:
            found.append(Interval(shown, event.seq))
    return found


def taken_out(events: Iterable[Event]) -> bool:
    """Whether, after these changes, nothing of the record is shown: neither what it says nor what it said."""
    state = _State()
    for event in events:
        state.take(event)
    return state.erased or state.suppressed


def beside(own: Sequence[Interval], others: Iterable[Sequence[Interval]]) -> list[Interval]:
    """The intervals of a record that is a copy while any of `others` is listed: cut where that begins or
    ends.
    """
    covered = _joined(interval for of_other in others for interval in of_other)
    found: list[Interval] = []
    for interval in own:
        since = interval.since
        for first, last in covered:
            if last <= since or first >= interval.until:
                continue
            if first > since:
                found.append(replace(interval, since=since, until=first))
            end = min(last, interval.until)
            found.append(replace(interval, since=max(first, since), until=end, copy=True))
            since = end
        if since < interval.until:
            found.append(replace(interval, since=since))
    return found


def _joined(intervals: Iterable[Interval]) -> list[tuple[int, int]]:
    """What they cover together, in order. What ends where the next begins goes on."""
    found: list[tuple[int, int]] = []
    for interval in sorted(intervals, key=lambda each: each.since):
        if found and interval.since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], interval.until)
        else:
            found.append((interval.since, interval.until))
    return found
