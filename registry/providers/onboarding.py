"""The states of an organisation, and which decision leads from which to which. Pure."""

from enum import StrEnum

from registry.errors import Conflict


class State(StrEnum):
    APPLIED = "applied"
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
    SUSPEND = "suspend"
    CLOSE = "close"


_LEADS_TO = {
    (State.APPLIED, Decision.ADMIT): State.SANDBOX,
    (State.APPLIED, Decision.APPROVE): State.APPROVED,
    (State.APPLIED, Decision.CLOSE): State.CLOSED,
    (State.SANDBOX, Decision.APPROVE): State.APPROVED,
    (State.SANDBOX, Decision.SUSPEND): State.SUSPENDED,
    (State.SANDBOX, Decision.CLOSE): State.CLOSED,
    (State.APPROVED, Decision.SUSPEND): State.SUSPENDED,
    (State.APPROVED, Decision.CLOSE): State.CLOSED,
    (State.SUSPENDED, Decision.APPROVE): State.APPROVED,
    (State.SUSPENDED, Decision.CLOSE): State.CLOSED,
}

MAY_HOLD_TOKENS = frozenset({State.SANDBOX, State.APPROVED})


def decide(state: State, decision: Decision) -> State:
    """The state that a decision leads to. Raises `Conflict`, naming the decisions that are open."""
    try:
        return _LEADS_TO[state, decision]
    except KeyError:
        open_ones = ", ".join(d.value for s, d in _LEADS_TO if s is state) or "none"
        raise Conflict(
            f"An organisation that is {state.value} cannot be decided on with {decision.value!r}; "
            f"open: {open_ones}."
        ) from None
