"""The states of an organisation: every decision in every state leads on or names what is open."""

from itertools import product

import pytest

from registry.errors import Conflict
from registry.providers.onboarding import MAY_HOLD_TOKENS, Decision, State, decide

A, D, S, OK, X, C = State
LEADS_TO = {
    A: {"admit": S, "approve": OK, "decline": D, "close": C},
    D: {"reopen": A, "close": C},
    S: {"approve": OK, "suspend": X, "close": C},
    OK: {"suspend": X, "close": C},
    X: {"admit": S, "approve": OK, "close": C},
    C: {"reopen": X},
}


@pytest.mark.parametrize(("state", "decision"), list(product(State, Decision)))
def test_every_decision_leads_on_or_names_what_is_open(state: State, decision: Decision) -> None:
    if decision in LEADS_TO[state]:
        assert decide(state, decision) is LEADS_TO[state][decision]
        return
    with pytest.raises(Conflict) as refused:
        decide(state, decision)
    detail = refused.value.detail
    assert state.value in detail
    assert all(open in detail for open in LEADS_TO[state])


def test_who_is_suspended_or_closed_holds_no_tokens() -> None:
    assert {State.SANDBOX, State.APPROVED} == MAY_HOLD_TOKENS


def test_nobody_publishes_without_a_decision_to_approve() -> None:
    assert all(
        decision == "approve"
        for ways in LEADS_TO.values()
        for decision, state in ways.items()
        if state is State.APPROVED
    )
