"""Search: what HTTP, the registry and JSON add to what the engine needs for the same question."""

from statistics import median
from urllib.parse import urlencode

from benchmarks import servers
from benchmarks.load import Client
from benchmarks.questions import FACETS, questions
from benchmarks.stand import Found, Stand

QUESTIONS = 300
WARM = 20


def measure(stand: Stand) -> Found:
    """Medians over the same questions, each asked over HTTP and of an engine in this process, on the same
    index.
    """
    import time

    import msgspec

    from search.embedded.engine import EmbeddedEngine
    from search.request import parse

    registry = stand.large()
    engine = EmbeddedEngine(registry.settings.index_folder)
    over_http: list[float] = []
    straight: list[float] = []
    with (
        servers.candor(registry.folder, cache_megabytes="0") as (port, _),
        Client(port) as client,
    ):
        asked = questions(QUESTIONS + WARM)
        for number in stand.steps(QUESTIONS + WARM, "searches"):
            question = next(asked)
            reply = client.get(f"/api/v1/search?{urlencode(question)}")
            started = time.perf_counter()
            parameters: dict[str, list[str]] = {}
            for name, value in question:
                parameters.setdefault(name, []).append(value)
            answer = engine.search_now(parse(parameters))
            took = time.perf_counter() - started
            said = msgspec.json.decode(reply.body)
            if said["total"] != answer.total or set(said["facets"]) != set(FACETS):
                raise RuntimeError(f"{question} answers differently over HTTP")
            if number >= WARM:
                over_http.append(reply.seconds)
                straight.append(took)
    http, own = median(over_http) * 1000, median(straight) * 1000
    return {"search_overhead": (http - own, f"{http:.2f} ms over HTTP, {own:.2f} ms in the engine")}
