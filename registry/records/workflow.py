"""The life of a record and the steps of a draft. Pure; the services do what this allows.

    draft -> submitted -> (returned -> draft) -> approved -> published -> revised ...
                                                             -> withdrawn (-> reinstated)

One table holds every move. A second, short one holds what the four-eyes rule closes: publication without
somebody's approval.
"""

from dataclasses import dataclass
from enum import StrEnum

from registry.errors import Conflict


class Life(StrEnum):
    """What readers have of a record: nothing yet, a published version, or notice that it was withdrawn."""

    UNPUBLISHED = "unpublished"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class Step(StrEnum):
    """Where the draft beside a record stands; NONE where there is no draft."""

    NONE = "none"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


class Action(StrEnum):
    EDIT = "edit"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    PUBLISH = "publish"
    SCHEDULE = "schedule"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"
    REINSTATE = "reinstate"
    INVITE = "invite"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record is in its life, and its draft on its way. `four_eyes` is the organisation's rule."""

    life: Life
    step: Step
    four_eyes: bool = False


_Key = tuple[Action, Life, Step]
_ALIVE = (Life.UNPUBLISHED, Life.PUBLISHED)
_DRAFTED = (Step.DRAFT, Step.SUBMITTED, Step.RETURNED, Step.APPROVED)
_UNAPPROVED = (Step.DRAFT, Step.SUBMITTED)


def _moves() -> dict[_Key, tuple[Life, Step]]:
    moves: dict[_Key, tuple[Life, Step]] = {}
    for life in _ALIVE:
        for step in Step:
            moves[Action.EDIT, life, step] = (life, Step.DRAFT)
        moves[Action.SUBMIT, life, Step.DRAFT] = (life, Step.SUBMITTED)
        # What was approved may still turn out to be wrong.
        for step in (Step.SUBMITTED, Step.APPROVED):
            moves[Action.RETURN, life, step] = (life, Step.RETURNED)
        moves[Action.APPROVE, life, Step.SUBMITTED] = (life, Step.APPROVED)
        # Without the four-eyes rule both pass submission and approval in the same breath. What a reviewer
        # returned is edited first.
        for step in (*_UNAPPROVED, Step.APPROVED):
            moves[Action.PUBLISH, life, step] = (Life.PUBLISHED, Step.NONE)
            moves[Action.SCHEDULE, life, step] = (life, Step.APPROVED)
        moves[Action.CANCEL, life, Step.APPROVED] = (life, Step.APPROVED)
        for step in _DRAFTED:
            # The names of those who publish together stand in the text: to change them is to edit it.
            moves[Action.INVITE, life, step] = (life, Step.DRAFT)
            moves[Action.LEAVE, life, step] = (life, Step.DRAFT)
    moves[Action.LEAVE, Life.PUBLISHED, Step.NONE] = (Life.PUBLISHED, Step.NONE)
    for step in Step:
        moves[Action.WITHDRAW, Life.PUBLISHED, step] = (Life.WITHDRAWN, Step.NONE)
    moves[Action.REINSTATE, Life.WITHDRAWN, Step.NONE] = (Life.PUBLISHED, Step.NONE)
    return moves


_MOVES = _moves()
_CLOSED_BY_FOUR_EYES = frozenset(
    (action, step) for action in (Action.PUBLISH, Action.SCHEDULE) for step in _UNAPPROVED
)


def advance(standing: Standing, action: Action) -> Standing:
    """Where an action leads. Raises `Conflict`, naming the actions that are open now."""
    if action.value in open_actions(standing):
        life, step = _MOVES[action, standing.life, standing.step]
        return Standing(life, step, standing.four_eyes)
    why = (
        "Under the four-eyes rule somebody else approves it first. "
        if standing.four_eyes and (action, standing.step) in _CLOSED_BY_FOUR_EYES
        else ""
    )
    raise Conflict(
        f"{why}A record that is {standing.life.value} with {_describe(standing.step)} cannot {action.value}; "
        f"open now: {', '.join(open_actions(standing)) or 'nothing'}."
    )


def open_actions(standing: Standing) -> list[str]:
    return [
        action.value
        for action, life, step in _MOVES
        if (life, step) == (standing.life, standing.step)
        and not (standing.four_eyes and (action, step) in _CLOSED_BY_FOUR_EYES)
    ]


def _describe(step: Step) -> str:
    return "no draft" if step is Step.NONE else f"a draft that is {step.value}"
