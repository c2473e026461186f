"""What makes a taxonomy unfit to be stored. Pure.

A source's reader leaves out the entries that are wrong; this refuses what is left over.
"""

from collections import Counter
from collections.abc import Iterator

from registry.canonical import escape, scan
from registry.errors import Finding
from registry.taxonomies.vocabulary import (
    MATCHES,
    MAX_TAG,
    Taxonomy,
    is_namespace,
    is_term_id,
    path_ancestors,
    split_tag,
)

MAX_TERMS = 50_000


def faults(taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """Everything that is wrong, with pointers into `Taxonomy.as_json()`."""
    return (
        *_head(taxonomy),
        *_terms(taxonomy),
        *_loops(taxonomy),
        *_crosswalks(taxonomy),
        *scan(taxonomy.as_json()),
    )


def _head(taxonomy: Taxonomy) -> Iterator[Finding]:
    if not is_namespace(taxonomy.namespace) or len(taxonomy.namespace) > 100:
        yield Finding(
            "bad-namespace",
            "/namespace",
            f"{taxonomy.namespace[:40]!r} cannot be a namespace.",
            "At most 100 letters, digits, hyphens and underscores.",
        )
    for name in ("version", "name", "publisher", "licence"):
        if not getattr(taxonomy, name).strip():
            yield Finding("missing", f"/{name}", f"A taxonomy needs its {name}.", "Give it when importing.")
    if len(taxonomy.version) > 100:
        yield Finding("too-long", "/version", "A version has at most 100 characters.")
    if len(taxonomy.terms) > MAX_TERMS:
        yield Finding("too-many", "/terms", f"More than {MAX_TERMS:,} terms.", "Split it by namespace.")


def _terms(taxonomy: Taxonomy) -> Iterator[Finding]:
    counted = Counter(term.id for term in taxonomy.terms)
    for index, term in enumerate(taxonomy.terms):
        here = f"/terms/{index}"
        if not is_term_id(term.id) or len(taxonomy.namespace) + 1 + len(term.id) > MAX_TAG:
            yield Finding(
                "bad-term-id",
                f"{here}/id",
                f"{term.id[:60]!r} cannot be a term.",
                "Letters, digits and `. _ ~ -`, in steps divided by `/`, at most 200 characters in all.",
            )
        if counted[term.id] > 1:
            yield Finding(
                "duplicate-term", f"{here}/id", f"{term.id!r} stands more than once.", "Keep one of them."
            )
        if not term.label.strip():
            yield Finding("missing", f"{here}/label", f"{term.id!r} has no label.")
        for place, parent in enumerate(term.parents):
            if parent not in counted:
                yield Finding(
                    "unknown-parent",
                    f"{here}/parents/{place}",
                    f"{term.id!r} lies under {parent!r}, which is not there.",
                )
        if term.deprecated_by is not None and term.deprecated_by not in counted:
            yield Finding(
                "unknown-replacement",
                f"{here}/deprecated_by",
                f"{term.id!r} is replaced by {term.deprecated_by!r}, which is not there.",
            )


def _loops(taxonomy: Taxonomy) -> Iterator[Finding]:
    """Terms that are their own ancestors, by `parents` and paths. Not recursive: the data sets the depth."""
    above = {term.id: (*term.parents, *path_ancestors(term.id)[:1]) for term in taxonomy.terms}
    settled: set[str] = set()
    for index, term in enumerate(taxonomy.terms):
        trail = [(term.id, iter(above[term.id]))]
        on_trail = {term.id}
        while trail:
            here, rest = trail[-1]
            following = next((parent for parent in rest if parent in above and parent not in settled), None)
            if following is None:
                trail.pop()
                on_trail.discard(here)
                settled.add(here)
            elif following in on_trail:
                yield Finding(
                    "term-loop",
                    f"/terms/{index}/parents",
                    f"{following!r} lies under itself, by way of {here!r}.",
                    "Take one of the parents away.",
                )
            else:
                trail.append((following, iter(above[following])))
                on_trail.add(following)


def _crosswalks(taxonomy: Taxonomy) -> Iterator[Finding]:
    for index, crosswalk in enumerate(taxonomy.crosswalks):
        here = f"/crosswalks/{index}"
        for side, tag in (("from", crosswalk.source), ("to", crosswalk.target)):
            if split_tag(tag) is None:
                yield Finding(
                    "bad-tag", f"{here}/{escape(side)}", f"{tag[:60]!r} is not a tag.", "namespace:term"
                )
        if crosswalk.match not in MATCHES:
            yield Finding(
                "bad-match",
                f"{here}/match",
                f"{crosswalk.match!r} is not a match.",
                f"One of {', '.join(MATCHES)}.",
            )
        if crosswalk.source == crosswalk.target:
            yield Finding("self-crosswalk", here, f"{crosswalk.source!r} is matched with itself.")
