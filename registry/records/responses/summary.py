"""What responses amount to: who adopted, who evaluated and with what outcome. Pure.

Organisations are counted, not records: of one organisation's responses the newest counts for each stance
and part. An organisation is its proven domain, wherever it published: what another registry says of a domain
proves nothing, and a key of that domain that signed the response does. Those that are not named may all be
one, and count as one.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DONE = {
    "endorses": "endorsed",
    "confirms": "confirmed",
    "adopts": "adopted",
    "plans": "planned",
    "declines": "declined",
    "evaluates": "evaluated",
    "supplements": "supplemented",
    "classifies": "classified",
    "disputes": "disputed",
}
"""Every stance with what it is called once it was taken, in the order in which they are told."""
OUTCOMES = ("effective", "partial", "ineffective", "harmful", "unknown")
UNNAMED = "unnamed"

Proven = Mapping[tuple[str, str], Collection[str]]
"""By origin and id, for documents of other registries: the domains whose keys signed them."""
_NOTHING_FOREIGN: Proven = {}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many organisations took each stance, and how often they found each outcome."""

    stances: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """`3 adopted, 2 evaluated: effective, partial`; empty where nobody said anything."""
        said = [f"{self.stances[stance]} {done}" for stance, done in DONE.items() if stance in self.stances]
        # What was found belongs to those who evaluated, who are told last for it.
        evaluated = f"{self.stances.get('evaluates', 0)} {DONE['evaluates']}"
        if not self.outcomes:
            return ", ".join(said)
        if evaluated in said:
            said.remove(evaluated)
            said.append(evaluated)
        return f"{', '.join(said)}: {', '.join(self.outcomes)}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The tally of all responses, and that of each part that some of them are about.

    `organisations` is how many responded at all, the unnamed as one.
    """

    organisations: int
    whole: Tally
    parts: Mapping[str, Tally]

    @property
    def text(self) -> str:
        return self.whole.text


@dataclass(frozen=True, slots=True)
class _Said:
    by: str
    stance: str
    part: str
    outcome: str | None


def organisations_of(document: Mapping[str, Any], proven: Proven = _NOTHING_FOREIGN) -> list[str]:
    """The organisations that publish a document, each by what makes it one and the same everywhere.

    A document that stands in `proven` is another registry's, whose word for a domain is not taken.
    """
    if document.get("attribution") in ("sector", "anonymous"):
        return [UNNAMED]
    shown = [document.get("provider"), *_listed(document.get("co_providers"))]
    origin = str(document.get("origin", ""))
    signed = proven.get((origin, str(document.get("id", ""))))
    return [_key(one, origin, signed) for one in shown if isinstance(one, Mapping)] or [UNNAMED]


def _key(provider: Mapping[str, Any], origin: str, signed: Collection[str] | None) -> str:
    domain = provider.get("domain")
    if isinstance(domain, str) and domain:
        known = provider.get("verified") is True if signed is None else domain in signed
        if known:
            return f"domain {domain.lower()}"
    return f"{origin} {provider.get('slug', '')}"


def summarise(
    responses: Sequence[Mapping[str, Any]],
    *,
    owners: Iterable[str] = (),
    proven: Proven = _NOTHING_FOREIGN,
) -> Summary:
    """What responses, the newest first, amount to. What `owners` of the record reply is not counted."""
    own = set(owners) - {UNNAMED}
    newest: dict[tuple[str, str, str], _Said] = {}
    for document in responses:
        content = document.get("content")
        if not isinstance(content, Mapping) or content.get("stance") not in DONE:
            continue
        part = _mapping(content.get("about")).get("part")
        outcome = _mapping(content.get("effectiveness")).get("outcome")
        stance = str(content["stance"])
        for by in organisations_of(document, proven):
            if by not in own:
                said = _Said(
                    by,
                    stance,
                    part if isinstance(part, str) else "",
                    outcome if outcome in OUTCOMES else None,
                )
                newest.setdefault((by, stance, said.part), said)
    counted = list(newest.values())
    parts = sorted({said.part for said in counted if said.part})
    return Summary(
        len({said.by for said in counted}),
        _tally(counted),
        {part: _tally([said for said in counted if said.part == part]) for part in parts},
    )


def _tally(counted: Sequence[_Said]) -> Tally:
    organisations = {(said.by, said.stance) for said in counted}
    stances = Counter(stance for _, stance in organisations)
    # Somebody who found one thing of two recommendations found it once.
    found = Counter(outcome for _, outcome in {(said.by, said.outcome) for said in counted if said.outcome})
    return Tally(
        {stance: stances[stance] for stance in DONE if stance in stances},
        {outcome: found[outcome] for outcome in OUTCOMES if outcome in found},
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
