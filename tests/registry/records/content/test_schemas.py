"""JSON Schemas: valid themselves, and true to what the check makes."""

import json
from typing import Any

import jsonschema
import pytest

from registry.errors import NotFound
from registry.records.content.check import check
from registry.records.content.examples import EXAMPLES
from registry.records.content.outline import OUTLINES, Holds, Outline
from registry.records.content.schemas import KINDS, schema, submission_schema

STAMPS = {
    "schema": "candor/1",
    "id": "CIR-7GQ2M4KX9X",
    "version": 1,
    "origin": "registry.example/log",
    "provider": {"slug": "example", "name": "Example", "verified": True},
    "published": "2024-07-01T00:00:00Z",
    "modified": "2024-07-01T00:00:00Z",
    "updated": "2024-07-01T00:00:00Z",
}


def document(kind: str) -> dict[str, Any]:
    submission = check(EXAMPLES[kind], vocabulary=None).submission
    assert submission is not None
    return {
        k: v for k, v in submission.items() if k not in ("handling", "restricted", "co_providers")
    } | STAMPS


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_schemas(kind: str) -> None:
    for made in (schema(kind), submission_schema(kind)):
        assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema.Draft202012Validator.check_schema(made)
        assert '"null"' not in json.dumps(made)


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_fit_their_schemas(kind: str) -> None:
    submission = check(EXAMPLES[kind], vocabulary=None).submission
    jsonschema.Draft202012Validator(submission_schema(kind)).validate(submission)
    jsonschema.Draft202012Validator(schema(kind)).validate(document(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_refuse_what_is_wrong(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(schema(kind))
    right = document(kind)
    other = next(name for name in KINDS if name != kind)
    wrong: dict[str, Any]
    for wrong in ({"kind": other}, {"title": ""}, {"tags": "x"}, {"version": 0}, {"content": []}):
        assert not validator.is_valid(right | wrong)
    assert validator.is_valid(right | {"field_of_a_later_version": 1})
    assert not jsonschema.Draft202012Validator(submission_schema(kind)).is_valid(
        EXAMPLES[kind] | {"sumary": "x"}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_and_list_has_a_limit(kind: str) -> None:
    unlimited = []

    def look(node: Any, path: str) -> None:
        if isinstance(node, dict):
            if node.get("type") == "string" and not node.keys() & {"maxLength", "pattern", "enum", "const"}:
                unlimited.append(path)
            if node.get("type") == "array" and "maxItems" not in node:
                unlimited.append(path)
            for key, item in node.items():
                look(item, f"{path}/{key}")
        elif isinstance(node, list):
            for index, item in enumerate(node):
                look(item, f"{path}/{index}")

    look(submission_schema(kind), "")
    assert unlimited == []


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="incident, weakness"):
        schema("nothing")


def shown(shape: Outline, value: dict[str, Any]) -> set[str]:
    """The fields that an example shows, each with the type of its object."""
    found = {f"{shape.type.__name__}.{name}" for name in value}
    for name, item in value.items():
        step = shape.fields[name]
        if step.of is not None:
            for inner in [item] if step.holds is Holds.OBJECT else item:
                found |= shown(step.of, inner)
    return found


def known(shape: Outline) -> set[str]:
    """All fields that there are, each with the type of its object."""
    found = {f"{shape.type.__name__}.{name}" for name in shape.fields}
    return found.union(*(known(step.of) for step in shape.fields.values() if step.of is not None))


def test_the_incident_example_shows_every_field() -> None:
    submission = check(EXAMPLES["incident"], vocabulary=None).submission
    assert submission is not None
    missing = known(OUTLINES["incident"]) - shown(OUTLINES["incident"], submission)
    # Restricted by default: the example has them in its restricted part.
    restricted = {"Incident.filings", "Incident.contacts", "IncidentTimes.aware"}
    assert {name for name in missing if not name.startswith(("Filing.", "Contact."))} == restricted


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "incident"])
def test_the_other_examples_show_every_field_of_their_content(kind: str) -> None:
    shown = check(EXAMPLES[kind], vocabulary=None).submission
    assert shown is not None
    assert set(shown["content"]) == set(OUTLINES[kind].fields["content"].of.fields)  # type: ignore[union-attr]
