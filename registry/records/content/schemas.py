"""JSON Schemas (2020-12) of documents and submissions, one a kind, generated from the models."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from registry.errors import NotFound
from registry.records.content.submission import DOCUMENTS, KINDS, SUBMISSIONS

DIALECT = GenerateJsonSchema.schema_dialect


@cache
def schema(kind: str) -> dict[str, Any]:
    """The schema of a published document of this kind. Raises `NotFound`, naming the kinds there are."""
    return _schema(kind, DOCUMENTS, open=True)


@cache
def submission_schema(kind: str) -> dict[str, Any]:
    """The schema of a submission of this kind. Raises `NotFound`, naming the kinds there are."""
    return _schema(kind, SUBMISSIONS, open=False)


def _schema(kind: str, models: Mapping[str, type[BaseModel]], *, open: bool) -> dict[str, Any]:
    if kind not in models:
        raise NotFound(f"There is no kind {kind[:40]!r}; there are: {', '.join(KINDS)}.")
    made = models[kind].model_json_schema(mode="serialization", union_format="any_of")
    return {"$schema": DIALECT, **_plain(made, open)}


def _plain(node: Any, open: bool) -> Any:
    """Without the nulls and defaults of the models: in JSON, what is absent is left out.

    An open schema allows further fields: those who read documents meet fields of later versions in them.
    """
    if isinstance(node, list):
        return [_plain(item, open) for item in node]
    if not isinstance(node, dict):
        return node
    left_out = {"title", "default", "additionalProperties"} if open else {"title", "default"}
    result = {key: _plain(item, open) for key, item in node.items() if key not in left_out}
    if isinstance(node.get("properties"), dict):
        result["properties"] = {name: _plain(item, open) for name, item in node["properties"].items()}
    branches = result.get("anyOf")
    if isinstance(branches, list):
        kept = [branch for branch in branches if branch != {"type": "null"}]
        if len(kept) == 1:
            del result["anyOf"]
            result = {**kept[0], **result}
        else:
            result["anyOf"] = kept
    return result
