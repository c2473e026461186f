"""The mapping file: which part of a row goes where in a record. TOML, checked as a whole before a row is
read.

`docs/formats.md` explains it with a full example. Field names of this file are the names in the TOML.
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz import process

from registry.canonical import escape
from registry.errors import Finding, Malformed
from registry.exchange import files
from registry.records.content.submission import KINDS
from registry.taxonomies.vocabulary import split_tag

NULLS = ("", "n/a", "null", "nan", "-", "—")
MAX_BYTES = 1024 * 1024
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


def _target(text: str) -> str:
    if not all(_STEP.fullmatch(step) for step in text.split(".")):
        raise ValueError("not a field; write title, or content.times.started for one inside another")
    return text


def _tag(text: str) -> str:
    if split_tag(text) is None:
        raise ValueError("not a tag; write namespace:term")
    return text


Regex = Annotated[str, AfterValidator(_regex)]
Target = Annotated[str, AfterValidator(_target)]
Texts = str | list[str]
Type = Literal["text", "line", "plain", "integer", "number", "boolean"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Value(_Part):
    """How one value is made. The steps apply in the order of these fields."""

    from_: Texts | None = Field(
        None, alias="from", description="A column or path; of several, the first that holds."
    )
    split: Annotated[str, Field(min_length=1)] | None = Field(None, description="Cut the text at this.")
    match: Regex | None = Field(
        None, description="Keep the first group, or the whole match; what does not match is out."
    )
    map: str | dict[str, Any] | None = Field(
        None, description="A table of values, or the name of one in [values]."
    )
    otherwise: Literal["keep", "drop", "error"] = Field("keep", description="What the table does not hold.")
    date: bool | Texts | None = Field(None, description="Formats of strptime; true for ISO 8601.")
    precision: str | None = Field(None, description="The column that says year, month or day.")
    type: Type | None = None
    template: str | None = Field(None, description="Text with {value} and {columns}.")
    join: str | None = Field(None, description="Make one text of several values again.")


class FieldRule(Value):
    to: Target
    value: Any = Field(None, description="A constant, instead of `from` and `template`.")


class ListRule(_Part):
    """A list of objects: one for each element of `each`, of the parts of `from`, or one for the row."""

    to: Target
    each: str | None = None
    from_: Texts | None = Field(None, alias="from")
    split: Annotated[str, Field(min_length=1)] | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="What every object holds.")
    needs: list[str] = Field(default_factory=list, description="Fields without which an object is left out.")
    fields: list[FieldRule] = Field(default_factory=list, alias="field")


class Condition(_Part):
    from_: Texts = Field(alias="from")
    equals: Texts | None = None
    matches: Regex | None = None
    present: bool | None = None


class TagRule(Value):
    """Tags by what a column holds (`from`), or one tag where all conditions hold (`tag`, `when`)."""

    tag: Annotated[str, AfterValidator(_tag)] | None = None
    when: list[Condition] = Field(default_factory=list)
    by: str | None = None
    taxonomy_version: str | None = None
    note: str | None = None


class SourceRule(_Part):
    scheme: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
    id: Texts
    url: str | None = None
    published: Value | None = None


class FileRule(_Part):
    format: Literal["csv", "tsv", "json", "jsonl", "yaml"] | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    rows: str | None = Field(None, description="Where the list of rows stands in a JSON or YAML file.")


class Mapping(_Part):
    source: SourceRule
    file: FileRule = FileRule()
    nulls: list[str] = Field(default_factory=lambda: list(NULLS), alias="null")
    required: list[str] = Field(default_factory=list)
    constants: dict[str, Any] = Field(default_factory=dict)
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    fields: list[FieldRule] = Field(default_factory=list, alias="field")
    lists: list[ListRule] = Field(default_factory=list, alias="list")
    tags: list[TagRule] = Field(default_factory=list, alias="tag")

    def columns(self) -> Iterator[tuple[str, str]]:
        """Every column of the row that is named, with the pointer to where it is."""
        yield from _named(self.source.id, "/source/id")
        if self.source.published:
            yield from _of_value(self.source.published, "/source/published")
        for index, name in enumerate(self.required):
            yield name, f"/required/{index}"
        for index, rule in enumerate(self.fields):
            yield from _of_value(rule, f"/field/{index}")
        for index, listed in enumerate(self.lists):
            yield from _named(listed.from_, f"/list/{index}/from")
            yield from _named(listed.each, f"/list/{index}/each")
            if listed.each is None and listed.from_ is None:
                for place, rule in enumerate(listed.fields):
                    yield from _of_value(rule, f"/list/{index}/field/{place}")
        for index, tagged in enumerate(self.tags):
            yield from _of_value(tagged, f"/tag/{index}")
            for place, condition in enumerate(tagged.when):
                yield from _named(condition.from_, f"/tag/{index}/when/{place}/from")


def _named(names: Texts | None, pointer: str) -> Iterator[tuple[str, str]]:
    for name in [names] if isinstance(names, str) else names or []:
        yield name, pointer


def _of_value(rule: Value, pointer: str) -> Iterator[tuple[str, str]]:
    yield from _named(rule.from_, f"{pointer}/from")
    yield from _named(rule.precision, f"{pointer}/precision")


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises `Malformed` with everything that is wrong with it."""
    data = files.read_whole(path, MAX_BYTES)
    try:
        raw = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Malformed(f"{path.name} is not UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"{path.name} is not TOML: {error}") from error
    return parse_mapping(raw, path.name)


def parse_mapping(raw: dict[str, Any], name: str = "mapping") -> Mapping:
    """Check a mapping. Raises `Malformed` with everything that is wrong with it."""
    try:
        mapping = Mapping.model_validate(_as_json(raw))
    except ValidationError as error:
        findings = [_finding(detail) for detail in error.errors(include_url=False)]
        raise Malformed(_summary(name, findings), findings=findings) from error
    if findings := list(_inconsistent(mapping)):
        raise Malformed(_summary(name, findings), findings=findings)
    return mapping


def _as_json(value: Any) -> Any:
    """TOML has dates of its own; records write them as text."""
    if isinstance(value, dict):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | time) else value


def _summary(name: str, findings: list[Finding]) -> str:
    first = findings[0]
    return f"{name} cannot be used: {first.pointer or 'as a whole'}: {first.message}"


def _finding(detail: Any) -> Finding:
    where = [str(step) for step in detail["loc"]]
    pointer = "".join(f"/{escape(step)}" for step in where)
    if detail["type"] == "extra_forbidden":
        near = process.extractOne(where[-1], _names(where[0]), score_cutoff=50)
        return Finding(
            "unknown-field",
            pointer,
            f"{where[-1]!r} is no part of a mapping.",
            f"Nearest: {near[0]}." if near else None,
        )
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Finding(str(detail["type"]).replace("_", "-"), pointer, message[:1].upper() + message[1:] + ".")


_MODELS: dict[str, tuple[type[_Part], ...]] = {
    "source": (SourceRule, Value),
    "file": (FileRule,),
    "field": (FieldRule,),
    "list": (ListRule, FieldRule),
    "tag": (TagRule, Condition),
}


def _names(part: str) -> list[str]:
    """The names that may stand in a part of the mapping."""
    models = _MODELS.get(part, (Mapping,))
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _inconsistent(mapping: Mapping) -> Iterator[Finding]:
    """What each part allows and the whole does not."""
    targets = [rule.to for rule in mapping.fields]
    if "kind" not in targets and mapping.constants.get("kind") not in KINDS:
        yield Finding("missing", "/constants/kind", f"Say what the rows are: {', '.join(KINDS)}.")
    if "title" not in targets and "title" not in mapping.constants:
        yield Finding("missing", "/field", "No field leads to title, which every record has.")
    if "license" not in targets and "license" not in mapping.constants:
        yield Finding(
            "missing",
            "/constants/license",
            "Say under which licence the source is published.",
            "An SPDX id such as CC-BY-4.0; LicenseRef-<name> for one that SPDX does not list.",
        )
    for name in ("source", "basis", "handling", "restricted"):
        if name in mapping.constants or any(target.split(".")[0] == name for target in targets):
            yield Finding("not-mapped", f"/constants/{name}", f"{name} is set by the import itself.")
    for index, rule in enumerate(mapping.fields):
        yield from _value_faults(rule, f"/field/{index}", mapping, has_value=rule.value is not None)
    for index, listed in enumerate(mapping.lists):
        for place, rule in enumerate(listed.fields):
            here = f"/list/{index}/field/{place}"
            yield from _value_faults(rule, here, mapping, has_value=rule.value is not None)
        if not listed.fields and not listed.with_:
            yield Finding(
                "missing", f"/list/{index}", "The objects have no fields.", "Add [[list.field]] or with."
            )
    for index, tagged in enumerate(mapping.tags):
        if tagged.tag is None:
            yield from _value_faults(tagged, f"/tag/{index}", mapping, has_value=False)
        elif not tagged.when:
            yield Finding(
                "missing", f"/tag/{index}/when", "Say when the tag applies, or put it into constants."
            )
    paths = [*targets, *(listed.to for listed in mapping.lists)]
    for path in paths:
        for other in paths:
            if other.startswith(f"{path}."):
                yield Finding("conflict", "/field", f"{path} cannot hold a value and {other} inside it.")


def _value_faults(rule: Value, pointer: str, mapping: Mapping, *, has_value: bool) -> Iterator[Finding]:
    if not has_value and rule.from_ is None and rule.template is None:
        yield Finding("missing", pointer, "Says from where? One of from, template and value is needed.")
    if isinstance(rule.map, str) and rule.map not in mapping.values:
        near = process.extractOne(rule.map, list(mapping.values), score_cutoff=60)
        yield Finding(
            "unknown-map",
            f"{pointer}/map",
            f"There is no [values.{rule.map}].",
            f"Nearest: {near[0]}." if near else None,
        )


def check_columns(mapping: Mapping, columns: tuple[str, ...], name: str) -> None:
    """Raises `Malformed` when the mapping names columns that a table does not have."""
    findings = []
    heads = set(columns)
    for column, pointer in mapping.columns():
        if column not in heads and column.split(".")[0] not in heads:
            near = process.extractOne(column, columns, score_cutoff=60)
            findings.append(
                Finding(
                    "unknown-column",
                    pointer,
                    f"{name} has no column {column!r}.",
                    f"Nearest: {near[0]}." if near else f"There are: {', '.join(columns[:20])}.",
                )
            )
    if findings:
        raise Malformed(_summary("The mapping", findings), findings=findings)
