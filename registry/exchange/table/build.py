"""From a row to a submission, by the rules of a mapping. Pure; every trouble names its row and column."""

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from registry.canonical import escape
from registry.errors import Finding
from registry.exchange.item import Item, Options
from registry.exchange.pieces import classification, filled, line, once
from registry.exchange.table.mapping import Condition, FieldRule, ListRule, TagRule
from registry.exchange.table.mapping import Mapping as Rules
from registry.exchange.table.rows import RowAt
from registry.exchange.table.values import Scope, Wrong, fill, make
from registry.taxonomies.vocabulary import split_tag


@dataclass(frozen=True, slots=True)
class Builder:
    """A mapping, ready to be applied to rows."""

    rules: Rules
    nulls: frozenset[str]
    options: Options

    @classmethod
    def of(cls, rules: Rules, options: Options) -> "Builder":
        return cls(rules, frozenset((*(marker.strip().casefold() for marker in rules.nulls), "")), options)

    def item(self, at: RowAt) -> Item:
        """The item that a row is."""
        if at.value is None:
            return Item(at.name, None, None, at.findings)
        scope = Scope(at.value, at.value, self.nulls, self.rules.values)
        findings = [
            _finding(at, Wrong("missing", column, "nothing stands there, and it is required."))
            for column in self.rules.required
            if scope.find(column) is None
        ]
        identity = self._identity(scope, at, findings)
        submission = self._submission(scope, at, findings)
        if findings or identity is None:
            return Item(at.name, identity, None, tuple(findings))
        submission["source"] = self._source(scope, at, identity, findings)
        if findings:
            return Item(at.name, identity, None, tuple(findings))
        return Item(at.name, identity, submission)

    def _identity(self, scope: Scope, at: RowAt, findings: list[Finding]) -> tuple[str, str] | None:
        column, value = scope.first(self.rules.source.id)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            wrong = Wrong(
                "missing-id", column, "there is no id, so a later import could not find the row again."
            )
            findings.append(_finding(at, wrong))
            return None
        text = line(str(value), 1000)
        if len(text) > 200:
            findings.append(_finding(at, Wrong("missing-id", column, "an id has at most 200 characters.")))
            return None
        return self.rules.source.scheme, text

    def _source(
        self, scope: Scope, at: RowAt, identity: tuple[str, str], findings: list[Finding]
    ) -> dict[str, Any]:
        rule = self.rules.source
        return filled(
            scheme=identity[0],
            id=identity[1],
            url=fill(rule.url, scope, None) if rule.url else None,
            retrieved=self.options.retrieved,
            published=_try(at, findings, lambda: make(rule.published, scope)) if rule.published else None,
        )

    def _submission(self, scope: Scope, at: RowAt, findings: list[Finding]) -> dict[str, Any]:
        submission: dict[str, Any] = deepcopy(self.rules.constants)
        submission["basis"] = "imported"
        for rule in self.rules.fields:
            put(submission, rule.to, _try(at, findings, lambda rule=rule: _value(rule, scope)))
        for listed in self.rules.lists:
            put(submission, listed.to, _try(at, findings, lambda listed=listed: self._objects(listed, scope)))
        given = [
            tag
            for rule in self.rules.tags
            for tag in _try(at, findings, lambda rule=rule: _tags(rule, scope)) or ()
        ]
        put(submission, "classifications", once(given, "tag"))
        if isinstance(title := submission.get("title"), str):
            submission["title"] = line(title)
        content = submission.setdefault("content", {})
        if submission.get("kind") == "incident" and isinstance(content, dict):
            # A table that says nothing of it holds what somebody wrote down, not what was proven.
            content.setdefault("assertion", {"status": "alleged"})
        return submission

    def _objects(self, rule: ListRule, scope: Scope) -> list[dict[str, Any]]:
        """The objects of a list, without those that hold nothing of their own."""
        if rule.each is not None:
            found = scope.find(rule.each)
            elements: Iterable[Any] = found if isinstance(found, list) else [] if found is None else [found]
        elif rule.from_ is not None:
            column, value = scope.first(rule.from_)
            parts = value if isinstance(value, list) else [] if value is None else [value]
            if rule.split is not None:
                parts = [piece.strip() for part in parts for piece in _text(part, column).split(rule.split)]
            elements = [
                part for part in parts if not (isinstance(part, str) and part.casefold() in self.nulls)
            ]
        else:
            elements = [scope.here]
        objects = []
        for element in elements:
            inner = scope.inside(element)
            made: dict[str, Any] = {}
            for field in rule.fields:
                put(made, field.to, _value(field, inner))
            if made and all(name in made for name in rule.needs):
                objects.append({**deepcopy(rule.with_), **made})
        return objects


def _value(rule: FieldRule, scope: Scope) -> Any:
    return deepcopy(rule.value) if rule.value is not None else make(rule, scope)


def _text(value: Any, column: str) -> str:
    if not isinstance(value, str):
        raise Wrong("not-text", column, f"{line(str(value), 60)!r} is no text that could be split.")
    return value


def _tags(rule: TagRule, scope: Scope) -> list[dict[str, Any]]:
    if not all(_holds(condition, scope) for condition in rule.when):
        return []
    if rule.tag is not None:
        made: Any = rule.tag
    else:
        made = make(rule, scope)
    tags = made if isinstance(made, list) else [] if made is None else [made]
    for tag in tags:
        if not isinstance(tag, str) or split_tag(tag) is None:
            column = scope.first(rule.from_)[0] if rule.from_ is not None else ""
            hint = 'Give it a namespace: template = "misuse:{value}", or a table of values.'
            raise Wrong("wrong-tag", column, f"{line(str(tag), 60)!r} is not a tag.", hint)
    return [
        filled(**{**classification(tag, "", rule.taxonomy_version, rule.note), "by": rule.by}) for tag in tags
    ]


def _holds(condition: Condition, scope: Scope) -> bool:
    _, value = scope.first(condition.from_)
    if condition.present is not None and (value is not None) != condition.present:
        return False
    values = [str(item) for item in (value if isinstance(value, list) else [] if value is None else [value])]
    if condition.equals is not None:
        wanted = [condition.equals] if isinstance(condition.equals, str) else condition.equals
        folded = {text.casefold() for text in wanted}
        if not any(item.strip().casefold() in folded for item in values):
            return False
    return condition.matches is None or any(re.search(condition.matches, item) for item in values)


def put(target: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a dotted path. Nothing is not set, lists are joined, what is there first stays."""
    if value is None or value == "" or value == [] or value == {}:
        return
    *steps, last = path.split(".")
    for step in steps:
        inner = target.get(step)
        if not isinstance(inner, dict):
            inner = target[step] = {}
        target = inner
    present = target.get(last)
    if isinstance(present, list) and isinstance(value, list):
        target[last] = [*present, *value]
    elif present is None:
        target[last] = value


def _try(at: RowAt, findings: list[Finding], make_it: Any) -> Any:
    try:
        return make_it()
    except Wrong as wrong:
        findings.append(_finding(at, wrong))
        return None


def _finding(at: RowAt, wrong: Wrong) -> Finding:
    column = f", column {wrong.column!r}" if wrong.column else ""
    pointer = f"/{escape(wrong.column)}" if wrong.column else ""
    return Finding(wrong.code, pointer, f"{at.where}{column}: {wrong.message}", wrong.suggestion)
