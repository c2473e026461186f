"""The native format: one record a file, Markdown with YAML front matter.

Between two lines of `---` stand the fields of a submission; what follows is its `narrative`. References to
other records may be `source:<scheme>:<id>`, which an import resolves.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import yaml

from registry.errors import Finding, Malformed
from registry.yaml import Limits, Yaml, read_lined

MAX_BYTES = 2 * 1024 * 1024
_LIMITS = Limits(bytes=MAX_BYTES)
_FENCE = re.compile(rb"^---[ \t]*\r?$", re.MULTILINE)
_EXAMPLE = "Begin with a line ---, then kind: and title:, then another line ---."


class Native(NamedTuple):
    """One file: its submission (None when it cannot be read), what was found, and the line of any pointer."""

    submission: dict[str, Any] | None
    findings: tuple[Finding, ...]
    line_of: Callable[[str], int]


def read(data: bytes, name: str) -> Native:
    """Read one file. `name` is for messages. Raises nothing: every trouble is a finding with its line."""
    if len(data) > MAX_BYTES:
        return _refused(
            Finding("too-large", "", f"{name} has {len(data):,} bytes; {MAX_BYTES:,} are the most.")
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        return _refused(Finding("empty", "", f"{name} is empty.", _EXAMPLE))
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"Line {line}: byte 0x{data[error.start]:02X} is not UTF-8."
        return _refused(Finding("not-utf-8", "", problem, "Save the file as UTF-8."), line)
    fences = _FENCE.finditer(data)
    opening = next(fences, None)
    if opening is None or data[: opening.start()].strip():
        return _refused(Finding("no-front-matter", "", f"{name} does not begin with front matter.", _EXAMPLE))
    closing = next(fences, None)
    if closing is None:
        problem = f"{name} breaks off: the line --- that ends the front matter is missing."
        return _refused(Finding("half-written", "", problem, "Add a line --- below the last field."))
    start = opening.end() + 1
    try:
        front = read_lined(data[start : closing.start()], _LIMITS, first_line=data.count(b"\n", 0, start) + 1)
    except Malformed as error:
        return _refused(*error.findings)
    body_line = data.count(b"\n", 0, closing.end()) + 2
    return _joined(front, data[closing.end() :].decode().replace("\r\n", "\n").strip("\n"), body_line)


def _joined(front: Yaml, body: str, body_line: int) -> Native:
    fields = front.value
    if not isinstance(fields, dict):
        problem = f"Line {front.line_of('')}: front matter holds fields such as kind: and title:."
        return _refused(Finding("no-front-matter", "", problem, _EXAMPLE), front.line_of(""))

    def line_of(pointer: str) -> int:
        if pointer.split("/")[1:2] == ["narrative"] and "/narrative" not in front.lines:
            return body_line
        return front.line_of(pointer)

    if body.strip():
        if fields.get("narrative"):
            problem = (
                f"Line {front.line_of('/narrative')}: narrative stands in the front matter and below it."
            )
            twice = Finding("narrative-twice", "/narrative", problem, "Keep the text below the front matter.")
            return Native(fields, (twice,), line_of)
        fields = {**fields, "narrative": body.strip()}
    return Native(fields, (), line_of)


def _refused(*args: Any) -> Native:
    findings = tuple(arg for arg in args if isinstance(arg, Finding))
    line = next((arg for arg in args if isinstance(arg, int)), 1)
    return Native(None, findings, lambda pointer: line)


# What stands first in a file, in this order; everything else follows as it comes, `content` last.
_FIRST = ("kind", "title", "summary", "language", "attribution", "basis", "license", "completeness")
# Plain text that the strict reader takes for a number, and YAML 1.1 does not.
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.?[0-9]*)([eE][-+]?[0-9]+)?")


def write(submission: Mapping[str, Any]) -> str:
    """A submission as a file that `read` reads back as the same."""
    fields = dict(submission)
    body = fields.get("narrative")
    below = isinstance(body, str) and body == body.strip() and "\r" not in body and body != ""
    if below:
        del fields["narrative"]
    names = [*(name for name in _FIRST if name in fields), *(name for name in fields if name not in _FIRST)]
    if "content" in names:
        names.remove("content")
        names.append("content")
    front = yaml.dump(
        {name: fields[name] for name in names},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )
    return f"---\n{front}---\n" + (f"\n{body}\n" if below else "")


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, in which text stays text for a reader of either version of YAML."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _NUMBER.fullmatch(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
