"""The states of an organisation: every decision in every state leads on or names what is open."""

from itertools import product

import pytest

from registry.errors import Conflict
from registry.providers.onboarding import MAY_HOLD_TOKENS, Decision, State, decide

OPEN = {
    State.APPLIED: {Decision.ADMIT, Decision.APPROVE, Decision.CLOSE},
    State.SANDBOX: {Decision.APPROVE, Decision.SUSPEND, Decision.CLOSE},
    State.APPROVED: {Decision.SUSPEND, Decision.CLOSE},
    State.SUSPENDED: {Decision.APPROVE, Decision.CLOSE},
    State.CLOSED: set(),
}
LEADS_TO = {
    Decision.ADMIT: State.SANDBOX,
    Decision.APPROVE: State.APPROVED,
    Decision.SUSPEND: State.SUSPENDED,
    Decision.CLOSE: State.CLOSED,
}


@pytest.mark.parametrize(("state", "decision"), list(product(State, Decision)))
def test_every_decision_leads_on_or_names_what_is_open(state: State, decision: Decision) -> None:
    if decision in OPEN[state]:
        assert decide(state, decision) is LEADS_TO[decision]
        return
    with pytest.raises(Conflict) as refused:
        decide(state, decision)
    detail = refused.value.detail
    assert state.value in detail
    assert all(one.value in detail for one in OPEN[state])
    assert OPEN[state] or "open: none" in detail


def test_who_is_suspended_or_closed_holds_no_tokens() -> None:
    assert {State.SANDBOX, State.APPROVED} == MAY_HOLD_TOKENS
