"""What every reader of an outside file is given, gives back, and builds its terms with."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from registry.canonical import digest, forbidden_characters
from registry.errors import Finding, Severity
from registry.taxonomies.check import faults
from registry.taxonomies.vocabulary import Crosswalk, Taxonomy, Term, is_term_id

MAX_BYTES = 16 * 1024 * 1024
MAX_DEFINITION = 8_000


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may say about a file. `stem` is its name without suffix; `columns` is for tables."""

    namespace: str | None = None
    version: str | None = None
    name: str | None = None
    publisher: str | None = None
    licence: str | None = None
    url: str | None = None
    stem: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The taxonomies of one file, without the entries that are wrong, and a finding for each of those.

    Pointers lead into the file; for tables a step is the number of a row.
    """

    taxonomies: tuple[Taxonomy, ...]
    findings: tuple[Finding, ...] = ()


class Reader(Protocol):
    def __call__(self, data: bytes, options: Options) -> Loaded:
        """Raises `Malformed` or `TooLarge` when the file as a whole cannot be read."""


def slug(text: str) -> str:
    """An id made of a name: `"Fraud, scams & co."` becomes `fraud-scams-co`. Empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")


def own_id(text: str) -> str:
    """The publisher's id as it is, or a slug of it where it could not stand in a tag."""
    return text if is_term_id(text) and "/" not in text else slug(text)


def unversioned(data: bytes) -> str:
    """The version of a file that names none: its own digest, so that a changed file is another version."""
    return f"sha256-{digest(data)[:12]}"


def warning(code: str, pointer: str, message: str, suggestion: str | None = None) -> Finding:
    return Finding(code, pointer, message, suggestion, Severity.WARNING)


def text_of(value: Any) -> str:
    """Text without outer space; numbers as written; empty for everything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return ""


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts in a list, or a single one; without empty ones."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in map(text_of, values) if text)


def dicts_of(value: Any, pointer: str, findings: list[Finding]) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its pointer; a finding for whatever else stands there."""
    if value is None:
        return []
    if not isinstance(value, list):
        findings.append(Finding("not-a-list", pointer, "A list is expected here."))
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    for index, item in enumerate(value):
        here = f"{pointer}/{index}"
        if isinstance(item, dict):
            found.append((here, item))
        else:
            findings.append(Finding("not-an-object", here, "An object is expected here."))
    return found


class TermList:
    """Collects the terms of one taxonomy in order, leaving out and reporting the wrong ones."""

    def __init__(self, namespace: str, findings: list[Finding]) -> None:
        self.namespace = namespace
        self.findings = findings
        self._terms: dict[str, Term] = {}
        self._pointers: dict[str, str] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._terms

    def __len__(self) -> int:
        return len(self._terms)

    def add(
        self,
        pointer: str,
        *,
        id: str,
        label: str,
        definition: str = "",
        parents: Iterable[str] = (),
        alt_labels: Iterable[str] = (),
        deprecated_by: str | None = None,
        refs: Iterable[str] = (),
    ) -> bool:
        """Whether the term was taken. Without a label the id is shown; of a repeated id the first counts."""
        if not is_term_id(id):
            self.findings.append(
                Finding("bad-term-id", pointer, f"{id[:60]!r} cannot be the id of a term.", "Give it an id.")
            )
            return False
        if id in self._terms:
            self.findings.append(
                Finding(
                    "duplicate-term",
                    pointer,
                    f"{id!r} was given before, at {self._pointers[id] or 'the top'}.",
                    "The first one is kept.",
                )
            )
            return False
        for text in (label, definition, *alt_labels):
            if bad := forbidden_characters(text):
                self.findings.append(
                    Finding(
                        "control-character", pointer, f"{id!r} holds {', '.join(bad[:3])}.", "Remove them."
                    )
                )
                return False
        if len(definition) > MAX_DEFINITION:
            self.findings.append(
                warning(
                    "cut", pointer, f"The definition of {id!r} is longer than {MAX_DEFINITION:,} characters."
                )
            )
            definition = definition[: MAX_DEFINITION - 1] + "…"
        label = label or id
        self._terms[id] = Term(
            id=id,
            label=label,
            definition=definition,
            parents=tuple(dict.fromkeys(parents)),
            alt_labels=tuple(alt for alt in dict.fromkeys(alt_labels) if alt and alt != label),
            deprecated_by=deprecated_by,
            refs=tuple(dict.fromkeys(ref for ref in refs if ref)),
        )
        self._pointers[id] = pointer
        return True

    def finish(self) -> tuple[Term, ...]:
        """The terms, without their links to terms that are not there. Each such link is reported."""
        return tuple(self._linked(term) for term in self._terms.values())

    def _linked(self, term: Term) -> Term:
        here = self._pointers[term.id]
        lost = [parent for parent in term.parents if parent not in self._terms]
        for parent in lost:
            problem = f"{term.id!r} lies under {parent!r}, which is not in the file."
            self.findings.append(warning("unknown-parent", here, problem, "The term is kept without it."))
        replaced = term.deprecated_by
        if replaced is not None and replaced not in self._terms:
            problem = f"{term.id!r} is replaced by {replaced!r}, which is not in the file."
            self.findings.append(
                warning("unknown-replacement", here, problem, "The term is kept without it.")
            )
            replaced = None
        if not lost and replaced == term.deprecated_by:
            return term
        return Term(
            id=term.id,
            label=term.label,
            definition=term.definition,
            parents=tuple(parent for parent in term.parents if parent not in lost),
            labels=term.labels,
            alt_labels=term.alt_labels,
            deprecated_by=replaced,
            refs=term.refs,
        )


def taxonomy(
    options: Options,
    *,
    namespace: str,
    version: str,
    name: str,
    publisher: str,
    licence: str,
    terms: Sequence[Term],
    url: str | None = None,
    crosswalks: Iterable[Crosswalk] = (),
    definition: str = "",
    open: Iterable[str] = (),
) -> Taxonomy:
    """A taxonomy in which the operator's word goes before the file's.

    Only for `namespace` and `name` it is the reader that decides: many files hold several taxonomies.
    """
    return Taxonomy(
        namespace=namespace,
        version=options.version or version,
        name=name,
        publisher=options.publisher or publisher,
        licence=options.licence or licence,
        url=options.url or url,
        terms=tuple(terms),
        crosswalks=tuple(dict.fromkeys(crosswalks)),
        definition=definition,
        open=tuple(open),
    )


def finished(taxonomies: Iterable[Taxonomy], findings: Iterable[Finding]) -> Loaded:
    """What a reader returns: with the faults that show only in the whole, such as loops."""
    kept = tuple(taxonomies)
    return Loaded(kept, (*findings, *(fault for one in kept for fault in faults(one))))
