"""The judged questions, and the corpora that they are asked of: real records, read as an import reads them,
without a registry around them.
"""

import math
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry.canonical import canonical
from registry.exchange import aiid, atlas, avid
from registry.exchange.item import Item, Options
from registry.records import documents
from registry.records.content.native import read as read_sample
from registry.taxonomies.own import load_own
from registry.taxonomies.vocabulary import Vocabulary
from search.document import Projector
from search.engine import Engine, Place
from search.meanings import Meanings
from search.request import parse

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "samples"
CORPORA = "CANDOR_TEST_DATA"
ORIGIN = "registry.example/judged"
DEPTH = 10
USEFUL, BEST = 2, 3
GRADES = range(BEST + 1)
ID = "id"
_PUBLISHED = datetime(2025, 1, 1, tzinfo=UTC)
_PUBLISHER = documents.Publisher("bench", "Benchmark")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and the grades from 0 to 3 of the records that were judged, by their names."""

    kind: str
    q: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """One record of the corpora: the name that judgements know it by (`aiid:37`), and its public document."""

    name: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scores:
    """What an engine reached, each from 0 to 1, and what of its first ten was never judged.

    `ndcg` and `mrr` are means over all questions, `known` is the share of ids and aliases whose record came
    first, `by_kind` is `ndcg` by kind of question.
    """

    ndcg: float
    mrr: float
    known: float
    by_kind: Mapping[str, float]
    unjudged: Sequence[tuple[str, str]]


def corpora() -> Path | None:
    """The folder of real corpora, where it is."""
    folder = Path(os.environ.get(CORPORA) or HERE.parent.parent / "shared" / "data")
    return folder if folder.is_dir() and SAMPLES.is_dir() else None


def questions() -> list[Question]:
    """The judged questions, in the order of their file."""
    listed = tomllib.loads((HERE / "judged.toml").read_text("utf-8"))["question"]
    return [
        Question(one["kind"], one["q"], {name: grade for grade in GRADES for name in one.get(str(grade), ())})
        for one in listed
    ]


def vocabulary(corpora: Path) -> Vocabulary:
    """What a registry knows that has imported the corpora with the taxonomies that stand in them."""
    formats = ((atlas.FORMAT, "mitre-atlas"), (avid.FORMAT, "avid-db"))
    read = [format.taxonomies(corpora / folder) for format, folder in formats if format.taxonomies]
    return Vocabulary([*load_own(), *(taxonomy for taxonomies in read for taxonomy in taxonomies)])


def records(corpora: Path) -> list[Judged]:
    """The samples, and everything of AIID, AVID and ATLAS in the folder, in one order."""
    submissions = (*_samples(), *_imports(corpora))
    return [Judged(name, _document(number, content)) for number, (name, content) in enumerate(submissions, 1)]


def _samples() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(SAMPLES.glob("*.md")):
        if path.name != "README.md":
            submission = read_sample(path.read_bytes(), path.name).submission
            if submission is not None:
                yield f"native:{path.stem}", submission


def _imports(corpora: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    sources: Sequence[tuple[Any, str]] = ((atlas, "mitre-atlas"), (avid, "avid-db"), (aiid, "aiid-2025-03"))
    for reader, folder in sources:
        items: Iterator[Item] = reader.read(corpora / folder, Options())
        for item in items:
            if item.key is not None and item.submission is not None:
                yield ":".join(item.key), item.submission


def _document(number: int, submission: dict[str, Any]) -> dict[str, Any]:
    draft = documents.draft(
        submission, id=f"CIR-{number:010}", origin=ORIGIN, publisher=_PUBLISHER, prev=None
    )
    return documents.publish(draft, number=1, at=_PUBLISHED, before=None)


async def ask(engine: Engine, corpora: Path) -> Scores:
    """Give the engine an index of the corpora, and ask it every question."""
    known = vocabulary(corpora)
    projector, meanings = Projector(known), Meanings(known)
    names: dict[str, str] = {}
    async with engine.rebuild(meanings.synonyms) as building:
        held = records(corpora)
        names.update((str(one.document["id"]), one.name) for one in held)
        await building.add([projector.project(one.document, canonical(dict(one.document))) for one in held])
        async with building.finishing():
            await building.publish(Place(1, 1, projector.digest))
    answers: list[tuple[Question, list[str]]] = []
    for question in questions():
        asked = parse({"q": [question.q], "limit": [str(DEPTH)]}).with_meanings(meanings)
        answer = await engine.search(asked)
        answers.append((question, [names[hit.id] for hit in answer.hits]))
    return scores(answers)


def scores(answers: Sequence[tuple[Question, Sequence[str]]]) -> Scores:
    """What the first ten of each answer come to. What was not judged counts as what does not answer."""
    by_kind: dict[str, list[float]] = {}
    first: list[float] = []
    known: list[bool] = []
    unjudged: list[tuple[str, str]] = []
    for question, found in answers:
        grades = [question.grades.get(name, 0) for name in found[:DEPTH]]
        by_kind.setdefault(question.kind, []).append(_gain(grades) / _gain(_best(question)))
        first.append(next((1 / place for place, grade in enumerate(grades, 1) if grade >= USEFUL), 0.0))
        if question.kind == ID:
            known.append(grades[:1] == [BEST])
        else:
            missing = [name for name in found[:DEPTH] if name not in question.grades]
            unjudged += [(question.q, name) for name in missing]
    every = [each for gains in by_kind.values() for each in gains]
    means = {kind: sum(gains) / len(gains) for kind, gains in by_kind.items()}
    return Scores(
        sum(every) / len(every), sum(first) / len(first), sum(known) / max(len(known), 1), means, unjudged
    )


def _best(question: Question) -> list[int]:
    return sorted(question.grades.values(), reverse=True)[:DEPTH]


def _gain(grades: Sequence[int]) -> float:
    """Discounted cumulative gain, with what is asked for worth much more than what touches on it."""
    return sum(((1 << grade) - 1) / math.log2(place + 1) for place, grade in enumerate(grades, 1))
