"""The life of a record: every action in every state either leads on or says what is open."""

from itertools import product

import pytest

from registry.errors import Conflict
from registry.records.workflow import Action, Life, Standing, Step, advance, open_actions

EVERYWHERE = [Standing(life, step) for life, step in product(Life, Step)]


@pytest.mark.parametrize("standing", EVERYWHERE, ids=lambda one: f"{one.life}-{one.step}")
def test_every_action_leads_on_or_names_what_is_open(standing: Standing) -> None:
    open_now = open_actions(standing)
    for action in Action:
        if action.value in open_now:
            assert isinstance(advance(standing, action), Standing)
            continue
        with pytest.raises(Conflict) as refused:
            advance(standing, action)
        assert action.value in refused.value.detail
        assert standing.life.value in refused.value.detail
        assert f"open now: {', '.join(open_now) or 'nothing'}." in refused.value.detail


@pytest.mark.parametrize("standing", EVERYWHERE, ids=lambda one: f"{one.life}-{one.step}")
def test_what_is_withdrawn_can_only_be_reinstated(standing: Standing) -> None:
    if standing.life is Life.WITHDRAWN:
        assert set(open_actions(standing)) <= {"reinstate"}
    else:
        assert "reinstate" not in open_actions(standing)


@pytest.mark.parametrize("life", [Life.UNPUBLISHED, Life.PUBLISHED])
@pytest.mark.parametrize("step", [Step.DRAFT, Step.SUBMITTED, Step.APPROVED])
def test_publishing_takes_a_draft_and_leaves_none(life: Life, step: Step) -> None:
    assert advance(Standing(life, step), Action.PUBLISH) == Standing(Life.PUBLISHED, Step.NONE)


@pytest.mark.parametrize("life", list(Life))
def test_there_is_nothing_to_publish_without_a_draft(life: Life) -> None:
    with pytest.raises(Conflict, match="with no draft cannot publish"):
        advance(Standing(life, Step.NONE), Action.PUBLISH)


@pytest.mark.parametrize("step", list(Step))
def test_a_withdrawal_ends_what_was_being_written(step: Step) -> None:
    assert advance(Standing(Life.PUBLISHED, step), Action.WITHDRAW) == Standing(Life.WITHDRAWN, Step.NONE)


def test_a_reinstated_record_is_as_published_as_before() -> None:
    withdrawn = advance(Standing(Life.PUBLISHED, Step.NONE), Action.WITHDRAW)
    assert advance(withdrawn, Action.REINSTATE) == Standing(Life.PUBLISHED, Step.NONE)


@pytest.mark.parametrize("step", list(Step))
def test_an_edit_begins_a_draft_again(step: Step) -> None:
    for life in (Life.UNPUBLISHED, Life.PUBLISHED):
        assert advance(Standing(life, step), Action.EDIT) == Standing(life, Step.DRAFT)


def test_where_nothing_is_open_it_says_so() -> None:
    with pytest.raises(Conflict, match="open now: nothing"):
        advance(Standing(Life.WITHDRAWN, Step.DRAFT), Action.REINSTATE)
