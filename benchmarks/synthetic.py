"""Records that nobody wrote: as large, as varied and as unevenly worded as real ones, and the same in every
run.

Each is made from its number alone, so that the last thousand of a hundred thousand are the same records as in
a small registry that holds nothing else. They start from the examples of the documentation; words follow
Zipf's law, as words do, so that an index has both common and rare ones to deal with.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from registry.exchange.item import Format, Item, Options
from registry.records.content.examples import EXAMPLES
from registry.taxonomies.own import load_own

SEED = 2022
SCHEME = "synthetic"
BYTES = 3000
"""What a record is filled up to, on average."""

BLOCK = 20
"""Records refer to the first of their block alone, which refers to none: any run of whole blocks stands by
itself.
"""


def _words(text: str) -> list[str]:
    return text.split()


_KINDS = {
    "incident": 40,
    "weakness": 16,
    "evaluation": 12,
    "mitigation": 12,
    "lesson": 8,
    "guideline": 4,
    "response": 8,
}
_COUNTRIES = _words(
    "US GB DE FR IN CN BR JP KR CA AU IT ES NL PL SE NG ZA KE MX AR ID VN TR EG UA RO CZ PT GR"
)
_LANGUAGES = ("en",) * 17 + ("fr", "de", "es")
_WORDS = 30_000
_SYLLABLES = [
    first + rest
    for first in _words("b c d f g k l m n p r s t v")
    for rest in _words("a e i o u an er il on us")
]
_COMMON = _words(
    "the of to and a in is was that for on with by it from were not as at which be model users system "
    "report account prompt output image voice text data injection filter attack review access content "
    "safety policy generated request fraud phishing evaluation mitigation detection release training "
    "deployment disclosure impersonation misuse harm weakness operator classifier instruction jailbreak "
    "benchmark campaign platform"
)
# What a submission of an import leaves out, or what would tie it to another's examples.
_NOT_IMPORTED = (
    "handling",
    "restricted",
    "restricted_commits",
    "co_providers",
    "revision",
    "relations",
    "aliases",
    "absent",
    "source",
    "translations",
)
_SOMETIMES = ("stated_by", "credits", "classifications", "metrics")
_SOMETIMES_IN_CONTENT = (
    "actors",
    "chain",
    "safeguards",
    "evidence",
    "indicators",
    "scores",
    "causes",
    "side_effects",
)


def submission(number: int) -> dict[str, Any]:
    """The record with that number."""
    random = Random(f"{SEED}:{number}")
    first = number - number % BLOCK
    kind = "mitigation" if number == first else random.choices(list(_KINDS), list(_KINDS.values()))[0]
    made: dict[str, Any] = json.loads(_example(kind))
    for name in _SOMETIMES:
        if random.random() < 0.5:
            made.pop(name, None)
    content = made["content"]
    for name in _SOMETIMES_IN_CONTENT:
        if random.random() < 0.5:
            content.pop(name, None)
    target = None if number == first else {"id": f"source:{SCHEME}:{first}"}
    _refer(content, target)
    if target and random.random() < 0.3:
        role = random.choice(("related", "mitigated-by", "derived-from"))
        made["relations"] = [{"type": role, "target": target}]
    made["title"] = _text(random, random.randint(5, 12))[:180]
    made["summary"] = f"{_text(random, random.randint(15, 40))}."
    made["tags"] = sorted({_tag(random, "misuse"), _tag(random, "weakness"), _tag(random, "principle")})
    made["language"] = random.choice(_LANGUAGES)
    made["basis"] = "third-party"
    made["systems"] = [_system(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    published = _date(random)
    made["source"] = {
        "scheme": SCHEME,
        "id": str(number),
        "url": f"https://db.example.org/{number}",
        "published": published,
    }
    if kind == "incident":
        content["severity"] = _tag(random, "severity")
        content["countries"] = sorted({_zipf(random, _COUNTRIES) for _ in range(random.randint(1, 3))})
        content["sectors"] = [_tag(random, "sector")]
        content["harms"] = [{"tag": _tag(random, "harm"), "status": random.choice(("realised", "potential"))}]
        content["times"] = {"started": published[: random.choice((4, 7, 10))], "disclosed": published}
    if kind == "weakness":
        content["severity"] = _tag(random, "severity")
    made["narrative"] = _narrative(random, BYTES * random.lognormvariate(0, 0.3) - len(json.dumps(made)))
    return made


@cache
def _example(kind: str) -> str:
    """An example without what imports leave out, as JSON: the quickest way to a copy of it."""
    return json.dumps({name: value for name, value in EXAMPLES[kind].items() if name not in _NOT_IMPORTED})


def _refer(content: dict[str, Any], target: dict[str, str] | None) -> None:
    """Let whatever refers to a record refer to that one, or to none."""
    content.pop("proposes", None)
    for name in ("exploits", "derived_from"):
        if name in content:
            content[name] = [target]
    if "about" in content:
        content["about"] = target
    for name in ("safeguards", "remediation", "enforcement", "applies_to", "recommendations"):
        for one in content.get(name, ()):
            if isinstance(one, dict):
                for field in ("mitigation", "record", "mitigations"):
                    if field in one:
                        one[field] = [target] if field == "mitigations" else target
    if target is None:
        content["applies_to"] = [one for one in content["applies_to"] if "record" not in one]


def _system(random: Random) -> dict[str, Any]:
    maker = _zipf(random, _vocabulary()[1000:1120]).title()
    product = _zipf(random, _vocabulary()[2000:2400]).title()
    return {
        "name": f"{maker} {product}",
        "version": f"{random.randint(1, 5)}.{random.randint(0, 9)}",
        "developer": f"{maker} Labs",
        "deployer": f"{_zipf(random, _vocabulary()[1000:1120]).title()} Services",
        "modality": _tag(random, "modality"),
        "access": random.choice(("api", "open-weights", "product", "internal")),
    }


def _narrative(random: Random, size: float) -> str:
    """Paragraphs of Markdown of about that many bytes, at least one."""
    paragraphs: list[str] = []
    while not paragraphs or sum(map(len, paragraphs)) < size:
        sentences = [f"{_text(random, random.randint(6, 18))}." for _ in range(random.randint(2, 4))]
        heading = f"## {_text(random, 3)}\n\n" if random.random() < 0.2 else ""
        paragraphs.append(heading + " ".join(sentences))
    return "\n\n".join(paragraphs)


def _text(random: Random, words: int) -> str:
    chosen = random.choices(_vocabulary(), cum_weights=_weights(_WORDS), k=words)
    return " ".join(chosen).capitalize()


def query(random: Random) -> str:
    """What somebody might look for: one to three words, common ones more often."""
    words = _vocabulary()[20:3000]
    return " ".join(_zipf(random, words) for _ in range(random.choice((1, 1, 2, 2, 3))))


def _tag(random: Random, namespace: str) -> str:
    return _zipf(random, _tags()[namespace])


def _date(random: Random) -> str:
    year = random.choices(range(2015, 2026), range(1, 12))[0]
    return f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _zipf(random: Random, values: Sequence[str]) -> str:
    return random.choices(values, cum_weights=_weights(len(values)))[0]


@cache
def _weights(count: int) -> list[float]:
    return list(accumulate(1 / rank for rank in range(1, count + 1)))


@cache
def _vocabulary() -> list[str]:
    """Common words first, then made-up ones."""
    random = Random(SEED)
    words = dict.fromkeys(_COMMON)
    while len(words) < _WORDS:
        words["".join(random.choices(_SYLLABLES, k=random.choice((2, 2, 3, 3, 4))))] = None
    return list(words)


@cache
def _tags() -> dict[str, list[str]]:
    return {one.namespace: [f"{one.namespace}:{term.id}" for term in one.terms] for one in load_own()}


# --- as a source that an import reads

_TOLD_AT_ONCE = 200


def write_source(path: Path, numbers: range, tell: Callable[[int], None]) -> None:
    """Write records as JSON Lines: number and submission. `tell` hears of progress, in records."""
    with path.open("w", encoding="utf-8") as file:
        for begin in range(numbers.start, numbers.stop, _TOLD_AT_ONCE):
            part = range(begin, min(begin + _TOLD_AT_ONCE, numbers.stop))
            for number in part:
                file.write(json.dumps([number, submission(number)], ensure_ascii=False) + "\n")
            tell(len(part))


def _read(path: Path, _: Options) -> Iterator[Item]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            number, raw = json.loads(line)
            yield Item(f"{path.name}:{number}", (SCHEME, str(number)), raw)


def _count(path: Path, _: Options) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


FORMAT = Format("synthetic", "records of the benchmark", _read, _count, strict=True)
"""Held to all rules, as the registry's own format is: the check is as costly as it gets."""
