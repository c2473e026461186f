"""Actions on records at a registry: `publish`, `withdraw`, and whatever else its workflow knows."""

import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.canonical import read_json
from registry.client import Client, calls
from registry.client.answers import findings as findings_in
from registry.commands.remote.account import AsJson, opened
from registry.commands.remote.named import Named, named, record_id
from registry.errors import CandorError, Malformed, NotFound

# These are about what readers have; all others are about the draft.
_ON_VERSIONS = frozenset(("withdraw", "reinstate", "erase", "suppress", "unsuppress", "leave"))

RecordName = Annotated[str, typer.Argument(metavar="ID", help="A record id, or a file that was pushed.")]
Records = Annotated[list[str], typer.Argument(metavar="ID...", help="Record ids, or files that were pushed.")]


def etag_for(client: Client, id: str, action: str) -> str:
    """The validator that an action takes: the newest version's, or the draft's."""
    if action in _ON_VERSIONS:
        try:
            return client.run(calls.read(id)).etag
        except NotFound:
            raise NotFound(f"There is no published version of {id} that you could {action}.") from None
    return client.run(calls.draft(id)).etag


Sign = Annotated[
    Path | None,
    typer.Option(
        "--sign", metavar="KEYFILE", help="Sign it with this key of your organisation (`candor signing-key`)."
    ),
]


def do(
    client: Client, id: str, action: str, body: dict[str, Any], sign: Path | None = None
) -> dict[str, Any]:
    """Take one action on a record as it stands now, and sign its draft on the way."""
    if sign is not None:
        from registry.commands.remote.signing import sign_with

        payload, etag = client.run(calls.draft_bytes(id))
        body = {**body, "signature": sign_with(sign, payload)}
    else:
        etag = etag_for(client, id, action)
    return client.run(calls.act(id, action, body, if_match=etag, key=str(uuid.uuid4()))).body


def _each(
    records: list[str], action: str, body: dict[str, Any], as_json: bool, sign: Path | None = None
) -> None:
    """One action on several records, one after the other; the first that is refused ends it."""
    wanted = {each.id: each for each in map(named, records)}
    answers: list[dict[str, Any]] = []
    with opened() as client:
        for id, record in wanted.items():
            try:
                answer = do(client, id, action, body, sign)
            except CandorError as error:
                terminal.err.print(f"[red bold]{escape(error.title)}.[/] {escape(error.detail)}")
                record.say_findings(error.findings)
                raise typer.Exit(terminal.Exit.FAILED) from error
            answers.append({"id": id, **answer})
            if not as_json:
                _say(record, answer)
    if as_json:
        terminal.say_json(answers[0] if len(answers) == 1 else {"records": answers})


def _say(record: Named, answer: dict[str, Any]) -> None:
    version = f", version {answer['version']}" if "version" in answer else ""
    terminal.say(f"[bold]{record.id}[/] is {answer.get('state', 'done')}{version}.")
    record.say_findings(findings_in(answer))


def publish(records: Records, sign: Sign = None, as_json: AsJson = False) -> None:
    """Publish drafts as their next version."""
    _each(records, "publish", {}, as_json, sign)


def submit(records: Records, as_json: AsJson = False) -> None:
    """Hand drafts in for review."""
    _each(records, "submit", {}, as_json)


def return_(
    record: RecordName,
    comments: Annotated[
        list[str],
        typer.Option(
            "--comment",
            help="What to change: '/title: Say where.'; without a pointer, of the whole. Repeats.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Return a draft to its authors, with comments on its fields. `candor push` shows them by line."""
    _each([record], "return", {"comments": [_comment(text) for text in comments]}, as_json)


def _comment(text: str) -> dict[str, str]:
    pointer, colon, words = text.partition(":")
    if text.startswith("/") and colon and words.strip():
        return {"pointer": pointer.strip(), "text": words.strip()}
    return {"pointer": "", "text": text}


def approve(records: Records, sign: Sign = None, as_json: AsJson = False) -> None:
    """Approve drafts as they stand."""
    _each(records, "approve", {}, as_json, sign)


def schedule(
    record: RecordName,
    at: Annotated[str, typer.Option(help="When, such as 2030-05-01T09:00:00Z.")],
    together: Annotated[
        list[str] | None,
        typer.Option("--with", help="A record that goes out with it, or not at all. Repeats."),
    ] = None,
    sign: Sign = None,
    as_json: AsJson = False,
) -> None:
    """Let a draft be published at a time, alone or together with others."""
    body: dict[str, Any] = {"at": at}
    if together:
        body["with"] = list(dict.fromkeys(map(record_id, together)))
    _each([record], "schedule", body, as_json, sign)


def cancel(records: Records, as_json: AsJson = False) -> None:
    """Take drafts off their schedule. They stay approved."""
    _each(records, "cancel", {}, as_json)


def withdraw(
    record: RecordName,
    code: Annotated[str, typer.Option(help="Why, in one word, such as duplicate.")],
    text: Annotated[str, typer.Option(help="Why, as readers are told.")],
    replaced_by: Annotated[str | None, typer.Option(help="The record to read instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a published record: it stays reachable by id, with your reason."""
    body: dict[str, Any] = {"code": code, "text": text}
    if replaced_by is not None:
        body["replaced_by"] = {"id": record_id(replaced_by)}
    _each([record], "withdraw", body, as_json)


def reinstate(
    record: RecordName,
    note: Annotated[str | None, typer.Option(help="Why, as readers are told.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a withdrawal back."""
    _each([record], "reinstate", {"note": note} if note else {}, as_json)


def act(
    record: RecordName,
    action: Annotated[str, typer.Argument(help="Such as submit, return, approve, schedule or cancel.")],
    body: Annotated[
        Path | None,
        typer.Option(help="A JSON file with what the action takes.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take any action that the registry knows on a record."""
    content = read_json(body.read_bytes()) if body is not None else {}
    if not isinstance(content, dict):
        raise Malformed("What an action takes is a JSON object.")
    _each([record], action, content, as_json)


def resolve(
    record: RecordName,
    number: Annotated[
        int | None, typer.Argument(help="Which of its findings; all of them are listed without.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it may stay.")] = None,
    as_json: AsJson = False,
) -> None:
    """See what screening found in a draft, or accept a finding with the reason why it may stay."""
    if (number is None) != (reason is None):
        raise typer.BadParameter("A finding is resolved by its number and --reason.")
    wanted = named(record)
    path = f"/api/v1/records/{wanted.id}/findings/{number}/resolve"
    with opened() as client:
        if number is None:
            found = client.run(calls.handling(wanted.id)).body.get("screening", [])
            told: dict[str, Any] = {"id": wanted.id, "findings": found}
        else:
            sent = {"reason": reason}
            told = client.run(calls.post(path, sent, key=str(uuid.uuid4())))
            found = [told]
    if as_json:
        terminal.say_json(told)
        return
    rows = [
        (
            each["number"],
            each["state"],
            f"{wanted.line_of(each['pointer'])} {each['pointer']}" if wanted.line_of else each["pointer"],
            each["message"],
        )
        for each in found
    ]
    terminal.out.print(
        terminal.table(f"Findings in {wanted.name}", ("number", "state", "place", "message"), rows)
    )
