"""The life of a record and the steps of a draft. Pure; the service does what this allows."""

from dataclasses import dataclass
from enum import StrEnum

from registry.errors import Conflict


class Life(StrEnum):
    """What readers have of a record: nothing yet, a published version, or notice that it was withdrawn."""

    UNPUBLISHED = "unpublished"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """Where the draft beside a record stands; NONE where there is no draft."""

    NONE = "none"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


class Action(StrEnum):
    EDIT = "edit"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    REINSTATE = "reinstate"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record is in its life, and its draft on its way."""

    life: Life
    step: Step


_WORKED_ON = (Step.DRAFT, Step.SUBMITTED, Step.RETURNED, Step.APPROVED)

_MOVES: dict[tuple[Action, Life, Step], Standing] = {
    **{
        (Action.EDIT, life, step): Standing(life, Step.DRAFT)
        for life in (Life.UNPUBLISHED, Life.PUBLISHED)
        for step in Step
    },
    # Without a four-eyes rule, publishing a draft passes submission and approval in the same breath.
    **{
        (Action.PUBLISH, life, step): Standing(Life.PUBLISHED, Step.NONE)
        for life in (Life.UNPUBLISHED, Life.PUBLISHED)
        for step in _WORKED_ON
    },
    **{(Action.WITHDRAW, Life.PUBLISHED, step): Standing(Life.WITHDRAWN, Step.NONE) for step in Step},
    (Action.REINSTATE, Life.WITHDRAWN, Step.NONE): Standing(Life.PUBLISHED, Step.NONE),
}


def advance(standing: Standing, action: Action) -> Standing:
    """Where an action leads. Raises `Conflict`, naming the actions that are open now."""
    try:
        return _MOVES[action, standing.life, standing.step]
    except KeyError:
        raise Conflict(
            f"A record that is {standing.life.value} with {_describe(standing.step)} cannot {action.value}; "
            f"open now: {', '.join(open_actions(standing)) or 'nothing'}."
        ) from None


def open_actions(standing: Standing) -> list[str]:
    return [action.value for action, life, step in _MOVES if (life, step) == (standing.life, standing.step)]


def _describe(step: Step) -> str:
    return "no draft" if step is Step.NONE else f"a draft that is {step.value}"
