"""What is written in the native format is read back as the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import forbidden_characters
from registry.records.content.examples import EXAMPLES
from registry.records.content.native import read, write

# What one version of YAML or the other takes for something else than text.
_TRAPS = [
    "no",
    "1e5",
    "-.5",
    ".5",
    "0x10",
    "010",
    "2024-05-17",
    "~",
    "---",
    "a: b",
    "# c",
    "1_000",
    "12:30:00",
]
_TRAPS += [
    "=",
    "<<",
    "- x",
    ".inf",
    "1.",
    "\u2028",
    " lead",
    "trail ",
    "\n",
    "a\n\n",
    "  a\n b",
    "\ta",
    "{}",
    "'",
]
texts = st.sampled_from(_TRAPS) | st.text(min_size=1).filter(
    lambda text: not forbidden_characters(text) and "\ufeff" not in text
)
names = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True)
scalars = (
    texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=12)


@given(st.dictionaries(names, values), texts)
def test_anything_a_record_may_hold_comes_back(fields: dict[str, Any], narrative: str) -> None:
    submission = {"kind": "lesson", **fields, "narrative": narrative}
    found = read(write(submission).encode(), "a.md")
    assert found.findings == ()
    assert found.submission == submission


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kind_comes_back(kind: str) -> None:
    assert read(write(EXAMPLES[kind]).encode(), "a.md").submission == EXAMPLES[kind]


def test_a_file_looks_as_an_author_would_write_it() -> None:
    submission = {
        "content": {"what_happened": "Much.", "causes": [{"text": "One"}]},
        "narrative": "The account.",
        "tags": ["misuse:fraud"],
        "title": "A lesson",
        "kind": "lesson",
    }
    assert write(submission) == (
        "---\nkind: lesson\ntitle: A lesson\ntags:\n  - misuse:fraud\ncontent:\n"
        "  what_happened: Much.\n  causes:\n    - text: One\n---\n\nThe account.\n"
    )
