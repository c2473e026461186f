"""The OpenAPI document and the page that shows it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from registry.extensions import Extension, load_extensions

# What it says does not depend on the database.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return load_extensions(["frontend", "search"])


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/schema/openapi.json")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def schemas(value: Any) -> Iterator[Any]:
    """Every schema that stands under a `schema` of a parameter, a body or an answer."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "schema":
                yield item
            else:
                yield from schemas(item)
    elif isinstance(value, list):
        for item in value:
            yield from schemas(item)


async def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    for path, _, operation in operations(document):
        assert path.startswith("/")
        named = set(re.findall(r"{(\w+)}", path))
        parameters = operation.get("parameters", [])
        declared = {item["name"] for item in parameters if item["in"] == "path"}
        assert named == declared, path
        assert all(item.get("required") for item in parameters if item["in"] == "path"), path
        places = [(item["in"], item["name"]) for item in parameters]
        assert len(places) == len(set(places)), path
        assert operation["responses"], path
        for status, answer in operation["responses"].items():
            assert re.fullmatch(r"[1-5](\d\d|XX)|default", status), path
            assert answer["description"], path


async def test_its_schemas_are_json_schemas_and_its_references_lead_somewhere(
    document: dict[str, Any],
) -> None:
    found = [*document["components"]["schemas"].values(), *schemas(document["paths"])]
    assert len(found) > 20
    for each in found:
        Draft202012Validator.check_schema(each)
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]


async def test_operation_ids_are_there_and_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][A-Za-z]*", id) for id in ids), ids


async def test_what_others_build_on_keeps_its_name(document: dict[str, Any]) -> None:
    ids = {operation["operationId"]: (method, path) for path, method, operation in operations(document)}
    assert ids["readRecord"] == ("get", "/api/v1/records/{id}")
    assert ids["listChanges"] == ("get", "/api/v1/changes")
    assert ids["submitRecord"] == ("post", "/api/v1/records")
    assert ids["search"] == ("get", "/api/v1/search")
    assert ids["issueToken"] == ("post", "/oauth/token")


async def test_each_operation_has_a_summary_a_description_and_a_tag(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation.get("summary"), f"{method} {path}"
        assert operation.get("description"), f"{method} {path}"
        assert operation.get("tags"), f"{method} {path}"


async def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], f"{method} {path} {status}"
        if "{" in path:
            assert "404" in operation["responses"], f"{method} {path}"
        if method != "get" and path.startswith("/api/v1/records"):
            assert {"400", "401", "422"} <= set(operation["responses"]), f"{method} {path}"


async def test_what_is_for_operators_alone_is_not_in_it(document: dict[str, Any]) -> None:
    assert not {"/metrics", "/schema", "/schema/openapi.json", "/schema/{path}"} & set(document["paths"])
    assert all(
        path.startswith(
            (
                "/api/",
                "/feeds",
                "/log/",
                "/mirror",
                "/federation/",
                "/oauth/",
                "/witness/",
                "/.well-known/",
                "/healthz",
                "/readyz",
            )
        )
        for path in document["paths"]
    )


async def test_the_page_loads_nothing_from_elsewhere_and_holds_no_script(client: httpx.AsyncClient) -> None:
    page = await client.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    assert not re.search(r"\son\w+=|javascript:", page.text)
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith("/schema/"), link
        assert (await client.get(link)).status_code == 200, link
    policy = page.headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if "script-src" in part)
    assert scripts.split() == ["script-src", "'self'"]
    assert "http" not in policy


async def test_the_document_can_be_read_from_other_sites(client: httpx.AsyncClient) -> None:
    answer = await client.get("/schema/openapi.json")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_writes_tell_their_body_with_examples_and_the_scope_that_they_take(
    document: dict[str, Any], client: httpx.AsyncClient
) -> None:
    wanted = {
        "submitRecord": ["records:write"],
        "replaceDraft": ["records:write"],
        "replaceHandling": ["records:write"],
        "actOnRecord": ["records:publish", "records:review", "records:write"],
    }
    told = {operation["operationId"]: operation for _, _, operation in operations(document)}
    for id, scopes in wanted.items():
        assert [one for one in told[id]["security"] if one["oauth2"][0] in scopes] == [
            {"oauth2": [scope]} for scope in scopes
        ]
        assert told[id]["requestBody"]["content"]["application/json"]["examples"]
    known = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    assert {scope for scopes in wanted.values() for scope in scopes} <= set(known)
    examples = told["validateRecord"]["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) == 7
    for kind, example in examples.items():
        answer = await client.post("/api/v1/validate", json=example["value"])
        errors = [item for item in answer.json()["findings"] if item["severity"] == "error"]
        assert errors == [], kind
