"""`candor push`: a folder of records in git, as drafts and versions at a registry.

What to do is found by comparing each file with its record, so that a second run finds nothing to do and one
that was ended goes on where it stopped.
"""

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.client import Client, calls
from registry.commands.remote import compare
from registry.commands.remote.account import AsJson, needed, opened, origin_of
from registry.commands.remote.compare import Remote
from registry.commands.remote.folder import File, Ids, ids_for, key_of, read_files
from registry.errors import (
    CandorError,
    Conflict,
    Finding,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    PreconditionFailed,
    TooLarge,
    has_errors,
)
from registry.exchange.native import SCHEME
from registry.exchange.references import references_in, resolved
from registry.records.content.check import check

# What is wrong with one record, and leaves the others as they are. All else ends the run.
_OF_ONE = (Conflict, Forbidden, Invalid, Malformed, NotFound, PreconditionFailed, TooLarge)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one file asks for. `action` is created, revised, unchanged or rejected."""

    file: File
    action: str
    submission: dict[str, Any] | None = None
    remote: Remote | None = None
    diff: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Done:
    """What became of the files."""

    created: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    rejected: list[tuple[File, tuple[Finding, ...]]] = field(default_factory=list)
    notes: list[tuple[File, Finding]] = field(default_factory=list)


def push(
    path: Annotated[Path, typer.Argument(help="A file or a folder of Markdown records.", exists=True)],
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish what is pushed, and drafts that are there already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    revision: Annotated[
        str | None,
        typer.Option(
            help="For revisions whose file names none: correction, new-information, status, editorial."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What --revision is about.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a folder of records to the registry, as drafts. Run again, it does what is left to do."""
    if note is not None and revision is None:
        raise typer.BadParameter("--note goes with --revision.")
    said = {"type": revision, **({"note": note} if note else {})} if revision else None
    ids = ids_for(path)
    files = read_files(path, ids)
    account = needed()
    with opened() as client:
        ids.at(origin_of(client, account))
        pusher = Pusher(client, ids, files, said)
        if ids.begun and not dry_run:
            pusher.finish_begun()
        with terminal.progress("Comparing", len(files), quiet=as_json) as advance:
            plans = pusher.plans(advance)
        if not as_json:
            for plan in plans:
                _show(plan)
        todo = [plan for plan in plans if plan.action in ("created", "revised")]
        waiting = [plan for plan in plans if publish and plan.remote is not None and plan.remote.waits]
        if dry_run:
            _tell(_foreseen(plans), as_json=as_json, dry_run=True, ids=ids)
            return
        if (todo or waiting) and not yes:
            _ask(len(todo), publish=publish, as_json=as_json)
        with terminal.progress("Pushing", len(plans), quiet=as_json) as advance:
            done = pusher.carry_out(plans, publish=publish, advance=advance)
    _tell(done, as_json=as_json, dry_run=False, ids=ids)


@dataclass(slots=True)
class Pusher:
    """One run of `push` against a registry."""

    client: Client
    ids: Ids
    files: list[File]
    revision: dict[str, str] | None = None

    def finish_begun(self) -> None:
        """Learn the ids of what an earlier run sent and was not answered."""
        for name, sent in list(self.ids.begun.items()):
            # Where it is refused, nothing was created, and the file as it is now is looked at anew.
            with suppress(*_OF_ONE):
                self.ids.records[name] = self.client.run(calls.create(sent, key=key_of(name, sent))).id
            del self.ids.begun[name]
            self.ids.save()

    def plans(self, advance: Callable[[int], None] | None = None) -> list[Plan]:
        """What each file asks for, those that others refer to first. Nothing is written."""
        plans = []
        for file in self._in_order():
            plans.append(self._plan(file))
            if advance is not None:
                advance(1)
        return plans

    def _in_order(self) -> Iterator[File]:
        """The files, each after those that it refers to; where they refer to each other, as they come."""
        left = list(self.files)
        stems = {file.path.stem for file in left}
        while left:
            ready = [file for file in left if not (self._needs(file) & stems - {file.path.stem})]
            for file in ready or left[:1]:
                yield file
                left.remove(file)
            stems = {file.path.stem for file in left}

    @staticmethod
    def _needs(file: File) -> set[str]:
        return {id for _, (scheme, id) in references_in(file.item.submission or {}) if scheme == SCHEME}

    def _plan(self, file: File) -> Plan:
        submission = file.item.submission
        if submission is None or has_errors(file.item.findings):
            return Plan(file, "rejected", findings=file.item.findings)
        checked = check(submission, vocabulary=None, sources=True)
        if checked.submission is None:
            return Plan(
                file, "rejected", findings=tuple(f for f in checked.findings if f.severity == "error")
            )
        here, _ = self._resolved(submission)
        id = self.ids.records.get(file.name)
        if id is None:
            return Plan(file, "created", here)
        try:
            return self._compared(file, here, self.remote(id))
        except NotFound:
            return Plan(file, "rejected", findings=(_lost(id, self.ids),))

    def _resolved(self, submission: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
        return resolved(submission, lambda key: self.ids.id_of_stem(key[1]) if key[0] == SCHEME else None)

    def remote(self, id: str) -> Remote:
        """The record as it stands. Read again where somebody wrote between the two questions."""
        for _ in range(3):
            draft = self.client.run(calls.draft(id))
            beside = self.client.run(calls.handling(id))
            if draft.etag == beside.etag:
                break
        return Remote(
            id,
            draft.document,
            beside.handling,
            beside.restricted,
            draft.etag,
            beside.state,
            beside.comments,
        )

    def _compared(self, file: File, submission: dict[str, Any], remote: Remote) -> Plan:
        if self.revision is not None and "revision" not in submission and _lacks_revision(remote):
            submission = {**submission, "revision": self.revision}
        present, after = compare.submission_of(remote), compare.wanted(submission, remote)
        if after is not None and compare.same(present, after):
            return Plan(file, "unchanged", submission, remote)
        old = f"{remote.id} ({'draft' if remote.drafted else 'as published'})"
        diff = compare.difference(present, after or submission, old=old, new=file.name)
        return Plan(file, "revised", submission, remote, tuple(diff))

    # --- doing it ---

    def carry_out(
        self, plans: Iterable[Plan], *, publish: bool, advance: Callable[[int], None] | None = None
    ) -> Done:
        """Do what the plans say. What one record is refused for does not keep the others back."""
        done, later = Done(), []
        for plan in plans:
            if plan.submission is None:
                done.rejected.append((plan.file, plan.findings))
            else:
                self._carry_out_one(plan, done, publish=publish)
                if plan.action == "created" and self._needs(plan.file):
                    later.append(plan.file)
            if advance is not None:
                advance(1)
        for file in later:
            self._complete(file, done, publish=publish)
        return done

    def _carry_out_one(self, plan: Plan, done: Done, *, publish: bool) -> None:
        try:
            if plan.action == "created":
                id, etag, found = self._create(plan.file)
                done.created.append(plan.file.name)
            elif plan.action == "revised" and plan.remote is not None and plan.submission is not None:
                id, (etag, found) = plan.remote.id, self._replace(plan.file, plan.submission, plan.remote)
                done.revised.append(plan.file.name)
            elif plan.remote is not None:
                id, etag, found = plan.remote.id, plan.remote.etag, ()
                done.unchanged.append(plan.file.name)
            done.notes += [(plan.file, finding) for finding in found]
            if publish and (plan.action != "unchanged" or (plan.remote is not None and plan.remote.waits)):
                self.client.run(calls.publish(id, if_match=etag, key=str(uuid.uuid4())))
                done.published.append(plan.file.name)
        except _OF_ONE as error:
            done.rejected.append((plan.file, _reasons(error)))

    def _create(self, file: File) -> tuple[str, str, tuple[Finding, ...]]:
        # Resolved again: what it refers to may have been created a moment ago.
        submission, notes = self._resolved(file.item.submission or {})
        # As JSON, so that what is read back after an interruption is sent as the same bytes.
        key = key_of(file.name, submission)
        self.ids.begun[file.name] = submission
        self.ids.save()
        try:
            draft = self.client.run(calls.create(submission, key=key))
        except _OF_ONE:
            del self.ids.begun[file.name]
            self.ids.save()
            raise
        self.ids.records[file.name] = draft.id
        del self.ids.begun[file.name]
        self.ids.save()
        return draft.id, draft.etag, (*notes, *draft.findings)

    def _replace(
        self, file: File, submission: dict[str, Any], remote: Remote
    ) -> tuple[str, tuple[Finding, ...]]:
        try:
            draft = self.client.run(calls.replace_draft(remote.id, submission, if_match=remote.etag))
        except PreconditionFailed as error:
            # Ours, whose answer was lost, or somebody else's: only the first says what we wanted to say.
            now = self.remote(remote.id)
            after = compare.wanted(submission, now)
            if after is None or not compare.same(compare.submission_of(now), after):
                raise PreconditionFailed(
                    f"Somebody changed {remote.id} in the meantime. Look at it with "
                    f"`candor push --dry-run {file.path.name}`, then push again.",
                    findings=error.findings,
                ) from error
            return now.etag, ()
        return draft.etag, draft.findings

    def _complete(self, file: File, done: Done, *, publish: bool) -> None:
        """Add the references to files that had no id yet when this one was created."""
        id = self.ids.records.get(file.name)
        if id is None:
            return
        plan = self._plan(file)
        if plan.action == "revised" and plan.remote is not None and plan.submission is not None:
            submission = plan.submission
            if _lacks_revision(plan.remote) and "revision" not in submission:
                words = "References to records that were pushed with it."
                submission = {**submission, "revision": {"type": "editorial", "note": words}}
            again = Done()
            self._carry_out_one(replace(plan, submission=submission), again, publish=publish)
            done.rejected += again.rejected
        left = {finding.pointer for finding in self._resolved(file.item.submission or {})[1]}
        done.notes = [
            (of, finding)
            for of, finding in done.notes
            if of is not file or finding.code != "unresolved-reference" or finding.pointer in left
        ]


def _lacks_revision(remote: Remote) -> bool:
    """Whether what is pushed is a revision of which nobody has said yet what kind it is."""
    return remote.document.get("prev") is not None and "revision" not in remote.document


def _lost(id: str, ids: Ids) -> Finding:
    return Finding(
        "not-yours",
        "",
        f"{id} is not there, or is not a record of yours.",
        f"Take its line out of {ids.path.name} to push the file as a new record.",
    )


def _reasons(error: CandorError) -> tuple[Finding, ...]:
    if error.findings:
        return error.findings
    return (Finding(error.code, "", error.detail),)


# --- telling ---


def _ask(count: int, *, publish: bool, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter("Nobody is there to be asked: say --yes, or look first with --dry-run.")
    what = f"Write {count} draft(s){' and publish' if publish else ''}?"
    typer.confirm(what, abort=True, err=True)


def _show(plan: Plan) -> None:
    colour = {"created": "green", "revised": "yellow", "rejected": "red"}.get(plan.action, "dim")
    about = f" [dim]{plan.remote.id}[/]" if plan.remote is not None else ""
    terminal.out.print(f"[{colour}]{plan.action}[/] {escape(plan.file.name)}{about}")
    for comment in plan.remote.comments if plan.remote is not None else ():
        pointer = str(comment.get("pointer", ""))
        place = f"{plan.file.name}:{plan.file.line_of(pointer)} {pointer}".rstrip()
        terminal.out.print(f"  [yellow]returned[/] [bold]{escape(place)}[/] {escape(str(comment['text']))}")
    for line in plan.diff:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        terminal.out.print(f"  {line}", style=style, markup=False, highlight=False)


def _foreseen(plans: Iterable[Plan]) -> Done:
    done = Done()
    for plan in plans:
        if plan.action == "rejected":
            done.rejected.append((plan.file, plan.findings))
        else:
            getattr(done, plan.action).append(plan.file.name)
    return done


def _tell(done: Done, *, as_json: bool, dry_run: bool, ids: Ids) -> None:
    if as_json:
        terminal.say_json(
            {
                "created": len(done.created),
                "revised": len(done.revised),
                "unchanged": len(done.unchanged),
                "published": len(done.published),
                "rejected": [
                    {
                        "item": file.name,
                        "findings": [
                            {**each.as_json(), "line": file.line_of(each.pointer)} for each in findings
                        ],
                    }
                    for file, findings in done.rejected
                ],
                "records": {
                    name: ids.records[name]
                    for name in (*done.created, *done.revised, *done.unchanged)
                    if name in ids.records
                },
            }
        )
    else:
        for file, finding in done.notes:
            _tell_finding(file, finding)
        for file, findings in done.rejected:
            terminal.err.print(f"[red]rejected[/] [bold]{escape(file.name)}[/]")
            for finding in findings:
                _tell_finding(file, finding)
        counts = ", ".join(
            f"[bold]{len(names)}[/] {what}"
            for what, names in (
                ("created", done.created),
                ("revised", done.revised),
                ("unchanged", done.unchanged),
                ("published", done.published),
                ("rejected", done.rejected),
            )
        )
        terminal.say(f"{'Nothing was written; it would be: ' if dry_run else ''}{counts}.")
    if done.rejected:
        raise typer.Exit(terminal.Exit.REJECTED)


def _tell_finding(file: File, finding: Finding) -> None:
    terminal.say_findings([finding], where=f"{file.name}:{file.line_of(finding.pointer)} ")
