"""Every request that the client knows, as plain data. `Client.run` and `AsyncClient.run` send them.

An action takes `if_match`: the draft's ETag up to publication, the newest version's for what is published.
POSTs take a `key`: sent again under the same key, they are done once (`Idempotency-Key`, kept for a day).
Without a key they are not sent again when nobody knows what became of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from registry.client.answers import Document, Draft, Handling, Outcome, Page, Published, Validation
from registry.client.wire import JSON_TYPE, Answer, Ask, Call, json_body, query, quoted

API = "/api/v1"


def _record(id: str, *rest: str) -> str:
    return "/".join((f"{API}/records", *(quote(part, safe="") for part in (id, *rest))))


# --- reading ---


def read(id: str, *, version: str | int | None = None, origin: str | None = None) -> Call[Document]:
    """The newest version that one may read, or the one named: `3`, `p1`."""
    path = _record(id) if version is None else _record(id, "versions", str(version))
    return Call(Ask("GET", path, query(origin=origin)), Document.read, open=True)


def versions(id: str, *, origin: str | None = None) -> Call[list[dict[str, Any]]]:
    """The versions of a record, newest first."""
    return Call(Ask("GET", _record(id, "versions"), query(origin=origin)), _items, open=True)


def records(**filters: Any) -> Call[Page[dict[str, Any]]]:
    """Published records, newest first. Filters as `GET /api/v1/records` takes them: `kind`, `provider`,
    `origin`, `tag` (lists repeat), `since`, `limit`.
    """
    return _listed(f"{API}/records", query(**filters))


def responses(id: str, *, origin: str | None = None) -> Call[Page[dict[str, Any]]]:
    """What others answered to a record."""
    return _listed(_record(id, "responses"), query(origin=origin))


def changes(after: int = 0, *, limit: int = 200) -> Call[Page[dict[str, Any]]]:
    """What was published, revised, withdrawn and reinstated, in order. The last page may be empty."""

    def page(answer: Answer) -> Page[dict[str, Any]]:
        body = answer.object()
        following = changes(body["next_after"], limit=limit) if body["items"] else None
        return Page(body["items"], following)

    return Call(Ask("GET", f"{API}/changes", query(after=after, limit=limit)), page, open=True)


def search(
    text: str | None = None, *, limit: int = 20, offset: int = 0, **filters: Any
) -> Call[dict[str, Any]]:
    """One page of search, as `GET /api/v1/search` answers it."""
    parameters = query(q=text, limit=limit, offset=offset, **filters)
    return Call(Ask("GET", f"{API}/search", parameters), Answer.object, open=True)


def found(
    text: str | None = None, *, limit: int = 50, offset: int = 0, **filters: Any
) -> Call[Page[dict[str, Any]]]:
    """The hits of a search, page by page."""

    def page(answer: Answer) -> Page[dict[str, Any]]:
        body = answer.object()
        hits, reached = body["hits"], offset + len(body["hits"])
        more = len(hits) == limit and reached < body["total"]
        return Page(hits, found(text, limit=limit, offset=reached, **filters) if more else None)

    return Call(search(text, limit=limit, offset=offset, **filters).ask, page, open=True)


def _listed(path: str, parameters: tuple[tuple[str, str], ...]) -> Call[Page[dict[str, Any]]]:
    def page(answer: Answer) -> Page[dict[str, Any]]:
        body = answer.object()
        if not body.get("next"):
            return Page(body["items"], None)
        rest = tuple(pair for pair in parameters if pair[0] != "cursor")
        return Page(body["items"], _listed(path, (*rest, ("cursor", body["next"]))))

    return Call(Ask("GET", path, parameters), page, open=True)


def _items(answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = answer.object()["items"]
    return items


def get(path: str, **parameters: Any) -> Call[dict[str, Any]]:
    """Any other address of the registry that answers an object, such as `/api/v1/queue`."""
    return Call(Ask("GET", path, query(**parameters)), Answer.object, open=True)


def report(id: str, regime: str, *, draft: bool = False) -> Call[dict[str, Any]]:
    """An incident as a reporting regime asks for it."""
    return Call(
        Ask("GET", _record(id, "report", regime), query(draft=draft or None)), Answer.object, open=True
    )


def report_markdown(id: str, regime: str, *, draft: bool = False) -> Call[str]:
    """The same as Markdown to work on."""
    parameters = query(draft=draft or None, format="md")
    return Call(Ask("GET", _record(id, "report", regime), parameters), _text, open=True)


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


# --- writing ---


def _sent(
    method: str,
    path: str,
    body: Any,
    *,
    if_match: str | None = None,
    key: str | None = None,
) -> Ask:
    headers = {"Content-Type": JSON_TYPE}
    if if_match is not None:
        headers["If-Match"] = quoted(if_match)
    if key is not None:
        headers["Idempotency-Key"] = key
    return Ask(method, path, (), headers, json_body(body))


def validate(submission: Mapping[str, Any]) -> Call[Validation]:
    """Every finding in a submission. Nothing is stored."""
    return Call(_sent("POST", f"{API}/validate", submission), Validation.read, open=True)


def create(submission: Mapping[str, Any], *, key: str | None = None) -> Call[Draft]:
    """Begin a record as a draft."""
    ask = _sent("POST", f"{API}/records", submission, key=key)
    return Call(ask, Draft.read, repeatable=key is not None)


def draft(id: str) -> Call[Document]:
    """The draft, or where there is none what a revision starts from."""
    return Call(Ask("GET", _record(id, "draft")), Document.read)


def draft_bytes(id: str) -> Call[tuple[bytes, str]]:
    """The bytes of the draft, which are what is signed, and its ETag."""
    return Call(Ask("GET", _record(id, "draft")), lambda answer: (answer.body, answer.etag))


def sign_draft(id: str, signature: str, *, if_match: str) -> Call[Draft]:
    """Keep a signature of the draft's bytes: a detached JWS by a key of the organisation."""
    ask = _sent("PUT", _record(id, "draft", "signature"), {"signature": signature}, if_match=if_match)
    return Call(ask, Draft.read)


def end_signing_key(slug: str, kid: str) -> Call[None]:
    """End a key with which an organisation signs."""
    path = f"{API}/providers/{quote(slug, safe='')}/keys/{quote(kid, safe='')}"
    return Call(Ask("DELETE", path), lambda answer: None)


def replace_draft(id: str, submission: Mapping[str, Any], *, if_match: str) -> Call[Draft]:
    """Put a draft in place of the one there is, or begin a revision.

    Sent again after an answer was lost, it raises `PreconditionFailed` if the first one had been taken: read
    the draft again, and compare.
    """
    return Call(_sent("PUT", _record(id, "draft"), submission, if_match=if_match), Draft.read)


def handling(id: str) -> Call[Handling]:
    """Who the draft is for, and what was set aside from its document."""
    return Call(Ask("GET", _record(id, "handling")), Handling.read)


def act(
    id: str, action: str, body: Mapping[str, Any] | None = None, *, if_match: str, key: str | None = None
) -> Call[Outcome]:
    """Any action on a record: submit, return, approve, publish, schedule, cancel, withdraw, ..."""
    ask = _sent("POST", _record(id, "actions", action), body or {}, if_match=if_match, key=key)
    return Call(ask, Outcome.read, repeatable=key is not None)


def publish(id: str, *, if_match: str, key: str | None = None) -> Call[Published]:
    """Publish the draft as the next version."""
    ask = act(id, "publish", if_match=if_match, key=key).ask
    return Call(ask, Published.read, repeatable=key is not None)


def withdraw(
    id: str,
    *,
    code: str,
    text: str | None = None,
    replaced_by: str | None = None,
    if_match: str,
    key: str | None = None,
) -> Call[Published]:
    """Withdraw a published record. `if_match` is its newest version's ETag."""
    body: dict[str, Any] = {"code": code}
    if text is not None:
        body["text"] = text
    if replaced_by is not None:
        body["replaced_by"] = {"id": replaced_by}
    ask = act(id, "withdraw", body, if_match=if_match, key=key).ask
    return Call(ask, Published.read, repeatable=key is not None)


def post(
    path: str, body: Any, *, if_match: str | None = None, key: str | None = None
) -> Call[dict[str, Any]]:
    """Any other address that takes an object and answers one."""
    ask = _sent("POST", path, body, if_match=if_match, key=key)
    return Call(ask, Answer.object, repeatable=key is not None)


def batch(submissions: Sequence[Mapping[str, Any]], *, key: str) -> Call[list[dict[str, Any]]]:
    """Many submissions at once, as NDJSON; answers one result for each, in order."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
    lines = b"".join(json_body(each) + b"\n" for each in submissions)
    return Call(Ask("POST", f"{API}/records:batch", (), headers, lines), _ndjson)


def _ndjson(answer: Answer) -> list[dict[str, Any]]:
    lines = (line for line in answer.body.splitlines() if line.strip())
    return [Answer(answer.status, answer.headers, line).object() for line in lines]
