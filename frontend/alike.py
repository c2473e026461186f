"""What is like a record, and what it looks like a part of, as pages show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from frontend.cards import Card, card
from frontend.urls import Urls
from registry.changelog.append import public_head
from registry.changelog.tail import has_read
from registry.errors import CandorError
from registry.finder import Finder, Reason
from registry.records.alike import alike
from registry.records.campaigns import reader
from registry.records.campaigns.queries import Looks, SharedTrait, campaign_of
from registry.records.queries import Stored

SHOWN = 4
CALLED: Mapping[str, str] = {
    "indicator": "Same indicator",
    "host": "Indicators on the same host",
    "alias": "Known by the same name",
    "actor": "Same actor",
    "system": "Same system",
    "tag": "Same term",
    "words": "In common",
}


@dataclass(frozen=True, slots=True)
class ShownAlike:
    """A record that is like another: (what of, which) it has in common."""

    card: Card
    reasons: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ShownCampaign:
    """Records that look like one campaign, without the one whose page it is."""

    cards: Sequence[Card]
    size: int
    organisations: int
    shared: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Around:
    """What is shown around a record. Not `whole` while somebody who reads the log has not read all of it:
    then a page must not be kept.
    """

    alike: Sequence[ShownAlike]
    campaign: ShownCampaign | None
    whole: bool


async def around(
    session: AsyncSession, finder: Finder | None, urls: Urls, row: Stored, document: Mapping[str, Any]
) -> Around:
    """What is like the newest version of a record. Nothing of that is worth a page that cannot be shown."""
    found: list[ShownAlike] = []
    looks = await campaign_of(session, row.origin, row.id)
    whole = await has_read(session, reader.NAME)
    if finder is not None:
        try:
            similar = await alike(session, finder, document, limit=SHOWN)
            whole = whole and similar.position >= await public_head(session)
            found = [ShownAlike(card(urls, one.stored), _told(one.reasons)) for one in similar.items]
        except CandorError:
            whole = False
    return Around(found, shown_campaign(urls, looks, without=row) if looks else None, whole)


def _told(reasons: Sequence[Reason]) -> list[tuple[str, str]]:
    return [(CALLED[reason.kind], reason.label or reason.value) for reason in reasons]


def shown_campaign(urls: Urls, looks: Looks, *, without: Stored | None = None) -> ShownCampaign:
    """A campaign as pages show it."""
    left_out = (without.origin, without.id) if without is not None else None
    return ShownCampaign(
        [card(urls, row) for row in looks.records if (row.origin, row.id) != left_out],
        looks.size,
        looks.organisations,
        [_shared(trait) for trait in looks.shared],
    )


def _shared(trait: SharedTrait) -> tuple[str, str, int]:
    return CALLED[trait.kind], trait.value, trait.records
