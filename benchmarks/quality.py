"""Search: how well the judged questions are answered, by each engine that there is."""

import asyncio
import os
import tempfile
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from benchmarks import judged
from benchmarks.stand import Found, Stand, isolated
from search.embedded import EmbeddedEngine

_SERVERS = (("CANDOR_TEST_MEILI_URL", "CANDOR_TEST_MEILI_KEY"), ("CANDOR_SEARCH_URL", "CANDOR_SEARCH_KEY"))


def measure(stand: Stand) -> Found:
    """What is not there to be measured is said to be unmeasured, and never guessed."""
    folder = judged.corpora()
    if folder is None:
        missing = f"no corpora: name their folder in {judged.CORPORA}"
        return _unmeasured("", missing) | _unmeasured("_meili", missing)
    with tempfile.TemporaryDirectory(dir=stand.folder) as made:
        index = Path(made)
        found = _told("", asyncio.run(judged.ask(EmbeddedEngine(index / "index"), folder)))
        server = next(((url, key) for url, key in _SERVERS if os.environ.get(url)), None)
        if server is None:
            return found | _unmeasured("_meili", f"no Meilisearch: name one in {_SERVERS[0][0]}")
        return found | _told("_meili", asyncio.run(_meili(index, folder, *server)))


async def _meili(index: Path, folder: Path, url: str, key: str) -> judged.Scores:
    from search.meili import MeiliEngine

    secret = SecretStr(os.environ[key]) if os.environ.get(key) else None
    prefix = f"judged{uuid4().hex[:12]}"
    settings = isolated(data=index, search_url=os.environ[url], search_key=secret, search_prefix=prefix)
    engine = MeiliEngine(settings, "judged")
    try:
        return await judged.ask(engine, folder)
    finally:
        await (await engine.writer.server()).delete(engine.uid)


def _told(engine: str, scores: judged.Scores) -> Found:
    kinds = ", ".join(f"{kind} {value:.2f}" for kind, value in scores.by_kind.items())
    asked = f"{len(judged.questions())} questions"
    return {
        f"search_ndcg{engine}": (scores.ndcg, f"{asked}: {kinds}; {len(scores.unjudged)} finds not judged"),
        f"search_mrr{engine}": (scores.mrr, asked),
        f"search_known{engine}": (scores.known, "ids and aliases as they are typed"),
    }


def _unmeasured(engine: str, why: str) -> Found:
    return {f"search_{name}{engine}": (None, f"unmeasured: {why}") for name in ("ndcg", "mrr", "known")}
