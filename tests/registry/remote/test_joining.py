"""From no account at all to a client of one's own, by command."""

import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.extensions import Node
from registry.providers import service as providers
from registry.providers.onboarding import Decision
from tests.registry.calling import Call
from tests.registry.remote.conftest import Served
from tests.registry.remote.test_push import counts, lesson, push

Decide = Callable[[str, Decision], None]


@pytest.fixture
def decide(served: Served) -> Decide:
    """What a steward decides."""

    def work(slug: str, decision: Decision) -> None:
        async def change(node: Node, session: Any) -> None:
            await providers.change_state(
                session, slug, decision, origin=node.origin, by="test", reason="We know them."
            )

        served.change(change)
        # Decided in another process than the one that serves: that hears of it within a second.
        time.sleep(1.2)

    return work


def apply(outside: Call, served: Served, name: str) -> dict[str, Any]:
    words = ("--name", name, "--domain", f"{name.lower().replace(' ', '-')}.example")
    called = outside("apply", served.url, *words, "--contact", "us@lab.example", "--json")
    assert called.code == 0, called.err
    told: dict[str, Any] = called.json
    return told


def test_apply_join_and_push(outside: Call, home: Path, served: Served, decide: Decide) -> None:
    told = apply(outside, served, "North Lab")
    assert (told["state"], "onboarding_key" in told) == ("applied", False)
    kept = home / "candor" / "application.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    waiting = outside("join")
    assert waiting.code == 1
    assert "is applied" in waiting.err
    assert told["domain_proof"]["line"] in waiting.out
    decide(told["slug"], Decision.APPROVE)
    joined = outside("join", "--json")
    assert (joined.json["slug"], joined.json["state"]) == ("north-lab", "approved")
    assert "records:publish" in joined.json["scopes"]
    assert not kept.exists()
    lesson("cases/one.md")
    pushed = push(outside, "--publish")
    assert (counts(pushed), pushed.json["published"]) == ((1, 0, 0, 0), 1)
    assert outside("join").code == 1, "and is done with"


def test_who_is_turned_down_reads_why(outside: Call, served: Served, decide: Decide) -> None:
    told = apply(outside, served, "South Lab")
    decide(told["slug"], Decision.DECLINE)
    called = outside("join")
    assert called.code == 1
    assert "We know them." in called.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("http://registry.example", "--name", "A", "--contact", "a@lab.example"), 1),
        (("{url}", "--name", "A", "--contact", "nonsense"), 1),
        (("{url}", "--name", "A"), 2),
    ],
)
def test_an_application_that_cannot_be_keeps_nothing(
    outside: Call, home: Path, served: Served, words: tuple[str, ...], code: int
) -> None:
    assert outside("apply", *(word.format(url=served.url) for word in words)).code == code
    assert not (home / "candor").exists()
    assert "candor apply" in outside("join").err
