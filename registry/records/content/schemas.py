"""JSON Schemas (2020-12) of documents and submissions, one a kind, generated from the models."""

from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from registry.errors import NotFound
from registry.records.content.submission import DOCUMENTS, KINDS, SUBMISSIONS

DIALECT = GenerateJsonSchema.schema_dialect


@cache
def schema(kind: str) -> dict[str, Any]:
    """The schema of a published document of this kind. Raises `NotFound`, naming the kinds there are."""
    return _schema(kind, DOCUMENTS)


@cache
def submission_schema(kind: str) -> dict[str, Any]:
    """The schema of a submission of this kind. Raises `NotFound`, naming the kinds there are."""
    return _schema(kind, SUBMISSIONS)


def _schema(kind: str, models: Any) -> dict[str, Any]:
    if kind not in models:
        raise NotFound(f"There is no kind {kind[:40]!r}; there are: {', '.join(KINDS)}.")
    made = models[kind].model_json_schema(mode="serialization", union_format="any_of")
    return {"$schema": DIALECT, **_plain(made)}


def _plain(node: Any) -> Any:
    """Without the nulls and defaults of the models: in JSON, what is absent is left out."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {
        key: _plain(item)
        for key, item in node.items()
        if not (key == "default" and item is None) and key != "title"
    }
    if isinstance(node.get("properties"), dict):
        result["properties"] = {name: _plain(item) for name, item in node["properties"].items()}
    branches = result.get("anyOf")
    if isinstance(branches, list):
        kept = [branch for branch in branches if branch != {"type": "null"}]
        if len(kept) == 1:
            del result["anyOf"]
            result = {**kept[0], **result}
        else:
            result["anyOf"] = kept
    return result
