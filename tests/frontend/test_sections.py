"""No field of any kind is left out of a record's page in silence."""

import pytest

from frontend.sections import SECTIONS, further, present
from frontend.templating import environment
from registry.records.content.examples import EXAMPLES
from registry.records.content.outline import DOCUMENT_OUTLINES


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_field_of_a_kind_is_laid_out(kind: str) -> None:
    content = DOCUMENT_OUTLINES[kind].fields["content"].of
    assert content is not None
    document = {"kind": kind, "id": "x", "content": dict.fromkeys(content.fields, "x")}
    assert further(document) == []


def test_a_field_of_a_newer_registry_is_named() -> None:
    document = {"kind": "lesson", "aura": 1, "content": {"what_happened": "x", "mood": "y"}}
    assert further(document) == ["aura", "mood"]


def test_a_section_is_there_when_it_holds_something() -> None:
    document = {"kind": "lesson", "id": "x", "content": {"what_happened": "x", "causes": []}}
    assert [section.id for section in present(document, {"versions": [1]})] == [
        "what-happened",
        "versions",
        "cite",
    ]
    assert present({"content": "text"}, {}) == []


def test_each_section_has_a_template_and_an_id_of_its_own() -> None:
    assert len({section.id for section in SECTIONS}) == len(SECTIONS)
    for section in SECTIONS:
        environment().get_template(f"record/{section.template}.html")
