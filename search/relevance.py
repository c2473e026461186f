"""What weighs in a search, as plain data that every engine reads: where a word stands, in which order records
are told apart, which words tell nothing, and which words mean the same. Pure.

All of it is for questions that forgive. Exact ones (`search.match`, feeds) go by the words as they are
written, and by every one of them.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from types import MappingProxyType

from registry.taxonomies.vocabulary import Term, Vocabulary
from search import text
from search.question import Part, Question

WEIGHTS: Mapping[str, float] = MappingProxyType({"title": 4.0, "names": 3.0, "summary": 1.5, "labels": 1.5})
"""By how much more than elsewhere in a record a word counts in a text, the weightiest first."""

ORDER = ("known", "words", "typing", "nearness", "place", "newest")
"""What tells records apart, the first that differs deciding where an engine ranks by rules rather than by one
sum: an id or alias typed as a whole; how many of the words are held; how few typing errors had to be
forgiven; how near to each other the words stand; in which text (`WEIGHTS`); the newer one.
"""

# Words shorter than this are meant as they are written; those at least as long forgive so many typing errors.
ONE_EDIT, TWO_EDITS = 4, 8

_FUNCTION_WORDS = """
    a about also an and any anyone are as at be because been being but by can could did do does done for from
    get got had happened has have how if in into is it its me not of on or our please should show so some
    someone such tell than that the their them then there these they this those to was we were what when where
    which who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that questions are made of and that tell no record from another, in English. Few on purpose."""

# Ways to write one thing that no vocabulary has a term for.
_SPELLINGS: Sequence[Sequence[str]] = (
    ("facial recognition", "face recognition"),
    ("deepfake", "deep fake"),
    ("chatbot", "chat bot"),
    ("self driving car", "driverless car", "autonomous vehicle"),
    ("large language model", "llm"),
    ("child sexual abuse material", "csam"),
    ("non consensual", "nonconsensual"),
    ("robocall", "robo call"),
)
# Subjects of records. The other vocabularies say how something was, in words of everyday ("tool", "text").
_SUBJECTS = ("misuse", "safeguard", "weakness")
_MOST_WORDS = 4
_NAMES = 2
_LEAST_LETTERS = 3
# What would be bent to another word.
_UNBENT = frozenset({"news", "species", "series", "anything", "everything", "nothing", "something", "during"})
_VOWEL = re.compile("[aeiouy]")
_CODE = re.compile(r"^[A-Z]*\d[\d.]*(?::\d*)?\s+")


def lightened(question: Question) -> Question:
    """The question without `STOP_WORDS`, unless it holds nothing else; quoted ones stay."""
    telling = tuple(part for part in question.wanted if not _stop(part))
    if not telling or len(telling) == len(question.wanted):
        return question
    return replace(
        question, wanted=telling, unfinished=question.unfinished and telling[-1] is question.wanted[-1]
    )


def _stop(part: Part) -> bool:
    return not part.quoted and len(part.words) == 1 and part.words[0] in STOP_WORDS


def enough(parts: int) -> int:
    """With how many records that hold all of so many words a question is answered. One or two words are names
    of something, and are counted as they are if anything holds them; many are a description.
    """
    return 1 if parts <= _NAMES else 5


def fewer(parts: int) -> tuple[int, ...]:
    """How many of so many words will do where too few records hold them all: one number after the other,
    until there are enough.
    """
    steps = (-(-parts // 2), -(-parts // 3), 1)
    return tuple(least for least in dict.fromkeys(steps) if least < parts)


def forms(word: str) -> tuple[str, ...]:
    """The same word as English bends it: `deepfakes` of `deepfake`, `cloning` and `cloned` of `clone`, and
    the reverse.

    Some are no words; whoever asks looks which of them are held.
    """
    if not (word.isascii() and word.isalpha() and len(word) > _LEAST_LETTERS) or word in _UNBENT:
        return ()
    bases = _bases(word)
    bent = word.endswith(("s", "ed")) and bool(bases)
    found: dict[str, None] = {} if bent else dict.fromkeys(_bent(word)[: 1 if bases else None])
    for base in bases:
        found.update(dict.fromkeys((base, *_bent(base))))
    found.pop(word, None)
    return tuple(found)


def _bases(word: str) -> list[str]:
    """What the word may be bent from."""
    found = []
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    elif word.endswith(("ses", "xes", "ches", "shes", "zes")):
        found += [word[:-2], word[:-1]]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.append(word[:-1])
    for ending in ("ied", "ed", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            found += [f"{stem}y"] if ending == "ied" else [stem, f"{stem}e"]
            if stem[-1:] == stem[-2:-1]:
                found.append(stem[:-1])
            break
    return [base for base in found if len(base) >= _LEAST_LETTERS and _VOWEL.search(base)]


def _bent(base: str) -> tuple[str, ...]:
    """In the plural first."""
    if base.endswith("e"):
        return (f"{base}s", f"{base}d", f"{base[:-1]}ing")
    if base.endswith("y") and base[-2] not in "aeiou":
        return (f"{base[:-1]}ies", f"{base[:-1]}ied", f"{base}ing")
    plural = "es" if base.endswith(("s", "x", "ch", "sh", "z")) else "s"
    return (f"{base}{plural}", f"{base}ed", f"{base}ing")


def synonyms(vocabulary: Vocabulary) -> Mapping[str, tuple[str, ...]]:
    """What else is looked for when somebody looks for a name: by its words, joined by spaces as `search.text`
    cuts them, the words of the others.

    Made from the terms that records are about: what a term is called and its alternative labels mean each
    other, and so do what terms are called that an exact crosswalk joins. Left out is what would widen a
    question to something else: a name that several terms bear, one word for another, and a single word that
    more than one term is spoken of with.
    """
    terms = {
        tag: term
        for space in _SUBJECTS
        for tag in vocabulary.tags(space)
        if (term := vocabulary.term(tag)) is not None and term.deprecated_by is None
    }
    names = {
        tag: [_name(term.label), *map(_name, term.alt_labels), *map(_name, _alike(vocabulary, tag))]
        for tag, term in terms.items()
    }
    borne = Counter(name for some in names.values() for name in set(some))
    spoken = Counter(word for term in terms.values() for word in _spoken(term))
    groups = [[_name(name) for name in some] for some in _SPELLINGS]
    for some in names.values():
        first, *others = [name for name in some if " " in name or spoken[name] <= 1] or [""]
        if first == some[0]:
            groups += [[first, other] for other in others if borne[other] == 1]
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for name, other in permutations(dict.fromkeys(group), 2):
            if " " in name + other and all(_fits(one) for one in (name, other)):
                found.setdefault(name, {}).setdefault(other)
    return MappingProxyType({name: tuple(found[name]) for name in sorted(found)})


def _alike(vocabulary: Vocabulary, tag: str) -> list[str]:
    same = vocabulary.crosswalked(tag, ("exact",))
    return [term.label for other in same if (term := vocabulary.term(other)) is not None]


def _name(label: str) -> str:
    """The words of a label, without the code that it may begin with: `LLM01:2025 Prompt Injection`."""
    return " ".join(text.words(_CODE.sub("", label)))


def _fits(name: str) -> bool:
    return len(name) >= _LEAST_LETTERS and 0 < len(name.split()) <= _MOST_WORDS


def _spoken(term: Term) -> set[str]:
    return {word for said in (term.label, term.definition, *term.alt_labels) for word in text.words(said)}
