"""The states of an organisation, and which decision leads from which to which. Pure."""

from enum import StrEnum

from registry.errors import Conflict


class State(StrEnum):
    """Where an organisation stands. In the sandbox it writes and publishes nothing."""

    APPLIED = "applied"
    DECLINED = "declined"
    SANDBOX = "sandbox"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Kind(StrEnum):
    """Who it is. A researcher's account publishes responses only."""

    ORGANISATION = "organisation"
    RESEARCHER = "researcher"


class Decision(StrEnum):
    ADMIT = "admit"
    APPROVE = "approve"
    DECLINE = "decline"
    SUSPEND = "suspend"
    CLOSE = "close"
    REOPEN = "reopen"


_LEADS_TO = {
    (State.APPLIED, Decision.ADMIT): State.SANDBOX,
    (State.APPLIED, Decision.APPROVE): State.APPROVED,
    (State.APPLIED, Decision.DECLINE): State.DECLINED,
    (State.APPLIED, Decision.CLOSE): State.CLOSED,
    (State.DECLINED, Decision.REOPEN): State.APPLIED,
    (State.DECLINED, Decision.CLOSE): State.CLOSED,
    (State.SANDBOX, Decision.APPROVE): State.APPROVED,
    (State.SANDBOX, Decision.SUSPEND): State.SUSPENDED,
    (State.SANDBOX, Decision.CLOSE): State.CLOSED,
    (State.APPROVED, Decision.SUSPEND): State.SUSPENDED,
    (State.APPROVED, Decision.CLOSE): State.CLOSED,
    (State.SUSPENDED, Decision.ADMIT): State.SANDBOX,
    (State.SUSPENDED, Decision.APPROVE): State.APPROVED,
    (State.SUSPENDED, Decision.CLOSE): State.CLOSED,
    # Suspended, and not as it was: why it was closed has to be looked at before anybody acts for it.
    (State.CLOSED, Decision.REOPEN): State.SUSPENDED,
}

MAY_HOLD_TOKENS = frozenset({State.SANDBOX, State.APPROVED})
# An onboarding key shows these where they stand, and does nothing else.
ONLY_LOOKING = frozenset({State.APPLIED, State.DECLINED})


def decide(state: State, decision: Decision) -> State:
    """The state that a decision leads to. Raises `Conflict`, naming the decisions that are open."""
    try:
        return _LEADS_TO[state, decision]
    except KeyError:
        raise Conflict(
            f"An organisation that is {state.value} cannot be decided on with {decision.value!r}; "
            f"open: {', '.join(open_decisions(state)) or 'none'}."
        ) from None


def open_decisions(state: State) -> list[str]:
    return [decision.value for known, decision in _LEADS_TO if known is state]
