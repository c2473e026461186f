"""Search: what HTTP, the registry and JSON add to what the engine needs for the same question."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import msgspec

from benchmarks import servers
from benchmarks.load import Client, Reply
from benchmarks.questions import FACETS, Question, questions
from benchmarks.stand import Found, Stand, until_at_rest
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from search.embedded.engine import EmbeddedEngine
from search.meanings import Meanings
from search.request import Request, parse
from search.results import Answer

QUESTIONS = 300
WARM = 20


def measure(stand: Stand) -> Found:
    return _overhead(stand) | _growth(stand)


def _overhead(stand: Stand) -> Found:
    """Medians over the same questions, each asked over HTTP and of an engine in this process, on the same
    index.

    They take turns at being first: whoever is second finds what the question needs in the processor's caches,
    and the larger the index, the more that is worth.
    """
    registry = stand.large()
    engine = EmbeddedEngine(registry.settings.index_folder)
    over_http: list[float] = []
    straight: list[float] = []
    with (
        servers.candor(registry.folder, cache_megabytes="0") as (port, _),
        Client(port) as client,
    ):
        until_at_rest(client)
        asked = questions(QUESTIONS + WARM)
        for number in stand.steps(QUESTIONS + WARM, "searches"):
            question = next(asked)
            if number % 2:
                answer, took = ask_engine(engine, question)
                reply = ask_over_http(client, question)
            else:
                reply = ask_over_http(client, question)
                answer, took = ask_engine(engine, question)
            said = msgspec.json.decode(reply.body)
            if said["total"] != answer.total or set(said["facets"]) != set(FACETS):
                raise RuntimeError(f"{question} answers differently over HTTP")
            if number >= WARM:
                over_http.append(reply.seconds)
                straight.append(took)
    http, own = median(over_http) * 1000, median(straight) * 1000
    return {"search_overhead": (http - own, f"{http:.2f} ms over HTTP, {own:.2f} ms in the engine")}


@cache
def _meanings() -> Meanings:
    """What a registry with Candor's own vocabularies takes questions to mean."""
    return Meanings(Vocabulary(load_own()))


def _growth(stand: Stand) -> Found:
    """Medians over the same questions, asked of both registries in turns."""
    small, large = stand.tenth(), stand.large()
    times = in_turns(stand, "searches of more and of less", [(one.folder, {}) for one in (small, large)])
    how = f"{times[1]:.2f} ms against {times[0]:.2f} ms, {large.records:,} records against {small.records:,}"
    return {"search_growth": (times[1] / times[0], how)}


def in_turns(stand: Stand, title: str, served: Sequence[tuple[Path, Mapping[str, str]]]) -> list[float]:
    """The median milliseconds of a search in each of several registries that are served at once."""
    times: list[list[float]] = [[] for _ in served]
    with ExitStack() as stack:
        clients = []
        for folder, settings in served:
            port, _ = stack.enter_context(servers.candor(folder, cache_megabytes="0", **settings))
            clients.append(stack.enter_context(Client(port)))
            until_at_rest(clients[-1])
        asked = questions(QUESTIONS + WARM)
        for number in stand.steps(QUESTIONS + WARM, title):
            question = next(asked)
            order = range(len(clients)) if number % 2 else reversed(range(len(clients)))
            for which in order:
                times[which].append(ask_over_http(clients[which], question).seconds)
    return [median(one[WARM:]) * 1000 for one in times]


def ask_over_http(client: Client, question: Question) -> Reply:
    return client.get(f"/api/v1/search?{urlencode(question)}")


def ask_engine(engine: EmbeddedEngine, question: Question) -> tuple[Answer, float]:
    """What the engine answers, and the seconds that it took."""
    started = time.perf_counter()
    answer = engine.search_now(understood(question))
    return answer, time.perf_counter() - started


def understood(question: Question) -> Request:
    """What the engine is asked for a question."""
    parameters: dict[str, list[str]] = {}
    for name, value in question:
        parameters.setdefault(name, []).append(value)
    return parse(parameters).with_meanings(_meanings())
