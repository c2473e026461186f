"""Strict reading of YAML: the part of it that means the same to everybody, with the line of every value.

Read from libyaml's events with a stack of our own, so that nesting is bounded by a number and not by the C
stack. Values resolve by the core schema of YAML 1.2: `no` is text, `2024-05-17` is text, `010` is text.
Duplicate keys, tags, more than one document and, unless they are asked for, anchors and aliases are refused:
aliases make "YAML bombs".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from registry.canonical import MAX_DEPTH, escape
from registry.errors import Finding, Malformed, TooLarge

# The C loader reads about ten times as fast; both are the same to what follows.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Yaml:
    """One YAML document as JSON values, and the line (from 1) on which each starts, by JSON pointer."""

    value: Any
    lines: dict[str, int] = field(repr=False)

    def line_of(self, pointer: str) -> int:
        """The line of a value, or of the nearest one around it that is there."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read. `aliases` lets anchors and aliases stand for each other, for files that the operator
    trusts: what they would expand to then counts against `values`.
    """

    bytes: int = 1024 * 1024
    values: int = 200_000
    depth: int = MAX_DEPTH
    aliases: bool = False


SENT = Limits()
"""For what anybody may send."""
TRUSTED = Limits(bytes=64 * 1024 * 1024, values=5_000_000, aliases=True)
"""For files that the operator loads by hand: taxonomies and imports."""


def read_yaml(data: bytes, limits: Limits = SENT) -> Any:
    """Read one document as JSON values. Raises as `read_lined` does."""
    return read_lined(data, limits).value


def read_lined(data: bytes, limits: Limits = SENT, *, first_line: int = 1) -> Yaml:
    """Read one document, keeping the line of every value.

    `first_line` is the number of the line on which `data` starts in its file. Raises `TooLarge`, and
    `Malformed` with all findings, each naming its line.
    """
    if len(data) > limits.bytes:
        raise TooLarge(f"{len(data):,} bytes are more than the {limits.bytes:,} that are read here.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + first_line
        raise _refused(
            Finding(
                "not-utf-8",
                "",
                f"Line {line}: byte 0x{data[error.start]:02X} is not UTF-8.",
                "Save the file as UTF-8.",
            )
        ) from error
    builder = _Builder(limits, first_line)
    try:
        loader = _Loader(text)
        try:
            builder.read(_events(loader))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        builder.findings.append(_syntax(error, text, first_line))
    if builder.findings:
        raise _refused(*builder.findings)
    return Yaml(builder.value, builder.lines)


def _refused(*findings: Finding) -> Malformed:
    return Malformed(f"The YAML cannot be read. {findings[0].message}", findings=findings)


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _syntax(error: yaml.YAMLError, text: str, first_line: int) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it breaks off"
    if mark is not None:
        line, column = mark.line, mark.column
    else:
        # Errors of the reader carry an offset in characters instead of a mark.
        before = text[: getattr(error, "position", 0) or 0]
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    hint = None
    if "mapping values are not allowed" in problem:
        hint = "Put a text that holds a colon in quotes."
    elif "'\\t'" in problem or "tab" in problem:
        hint = "Indent with spaces."
    return Finding("yaml-syntax", "", f"Line {line + first_line}, column {column + 1}: {problem}.", hint)


class _Stop(Exception):
    pass


@dataclass(slots=True)
class _Open:
    """A list or object that is being read."""

    value: Any
    pointer: str
    anchor: str | None
    values_before: int
    key: str | None = None
    is_object: bool = False


@dataclass(slots=True)
class _Builder:
    limits: Limits
    first_line: int
    value: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    _values: int = 0
    _documents: int = 0

    def read(self, events: Iterator[Any]) -> None:
        try:
            for event in events:
                self._take(event)
        except _Stop:
            pass

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check(event)
            self._place(_scalar(event), event, event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._check(event)
            is_object = isinstance(event, yaml.MappingStartEvent)
            pointer = self._pointer()
            value: Any = {} if is_object else []
            if len(self._stack) >= self.limits.depth:
                self._find("too-deep", pointer, event, f"nested deeper than {self.limits.depth} levels.")
                raise _Stop
            before = self._values
            self._place(value, event, None)
            self._stack.append(_Open(value, pointer, event.anchor, before, None, is_object))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self._stack.pop()
            if done.anchor:
                self._anchors[done.anchor] = (done.value, self._values - done.values_before)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._find(
                    "several-documents", "", event, "a second document begins.", "Keep one document a file."
                )
                raise _Stop

    def _pointer(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        if not top.is_object:
            return f"{top.pointer}/{len(top.value)}"
        return top.pointer if top.key is None else f"{top.pointer}/{escape(top.key)}"

    def _check(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            self._find(
                "yaml-tag", self._pointer(), event, f"the tag {event.tag} is not read here.", "Leave it out."
            )
        if event.anchor and not self.limits.aliases:
            self._find(
                "yaml-anchor",
                self._pointer(),
                event,
                f"the anchor &{event.anchor} is not read here.",
                "Leave it out.",
            )

    def _alias(self, event: Any) -> None:
        if not self.limits.aliases:
            self._find(
                "yaml-alias",
                self._pointer(),
                event,
                f"the alias *{event.anchor} is not read here.",
                "Write it out.",
            )
            self._place(None, event, None)
            return
        known = self._anchors.get(event.anchor)
        if known is None:
            self._find(
                "yaml-alias", self._pointer(), event, f"*{event.anchor} stands inside itself or nowhere."
            )
            raise _Stop
        value, weight = known
        self._values += weight
        self._place(value, event, None)

    def _place(self, value: Any, event: Any, anchor: str | None) -> None:
        """Put a value where the document is: as a key, a member, an element or the whole."""
        self._values += 1
        if self._values > self.limits.values:
            self._find("too-large", "", event, f"more than {self.limits.values:,} values.")
            raise _Stop
        if anchor:
            self._anchors[anchor] = (value, 1)
        if not self._stack:
            self.value = value
            self.lines[""] = event.start_mark.line + self.first_line
            return
        top = self._stack[-1]
        if top.is_object and top.key is None:
            top.key = self._key(value, event, top)
            return
        self.lines[self._pointer()] = event.start_mark.line + self.first_line
        if top.is_object:
            top.value[top.key] = value
            top.key = None
        else:
            top.value.append(value)

    def _key(self, value: Any, event: Any, top: _Open) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._find("key-not-text", top.pointer, event, "a field name must be text.")
            raise _Stop
        key = str(event.value)
        if key in top.value:
            self._find(
                "duplicate-key",
                f"{top.pointer}/{escape(key)}",
                event,
                f"{key!r} stands twice.",
                "Keep one of them.",
            )
        return key

    def _find(self, code: str, pointer: str, event: Any, problem: str, hint: str | None = None) -> None:
        line = event.start_mark.line + self.first_line
        self.findings.append(Finding(code, pointer, f"Line {line}: {problem}", hint))


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        # Longer ones are phone numbers and hashes, not counts; and int() refuses more than 4,300 digits.
        return int(text) if len(text) < 20 else text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text
