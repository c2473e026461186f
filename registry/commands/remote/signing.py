"""`candor signing-key`: the keys with which an organisation signs what it publishes."""

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from registry import terminal
from registry.canonical import read_json
from registry.client import Client, calls
from registry.commands.remote.account import AsJson, needed, opened, origin_of
from registry.errors import CandorError, Conflict, Malformed, Misconfigured
from registry.signing.jws import new_key, prove, public_part, sign, thumbprint
from registry.verification.authors import WELL_KNOWN, keys_at

KeyFile = Annotated[Path, typer.Argument(help="The file of the private key, a JWK.")]


def register(app: typer.Typer) -> None:
    """Add `signing-key` to the command."""
    keys = typer.Typer(
        help="The keys with which your organisation signs what it publishes.", no_args_is_help=True
    )
    keys.command("new")(new)
    keys.command("add")(add)
    keys.command("list")(show)
    keys.command("check")(check)
    keys.command("end")(end)
    app.add_typer(keys, name="signing-key")


def new(file: KeyFile, as_json: AsJson = False) -> None:
    """Make a private key in a new file that only you read. Nothing is sent anywhere."""
    key = new_key()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"{file} is there already, and is not overwritten.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        json.dump(key, written)
    if as_json:
        terminal.say_json({"kid": key["kid"], "key": public_part(key)})
    else:
        terminal.say(f"[bold]{key['kid']}[/] is in {file}. Whoever has that file signs in your name.")


def add(file: KeyFile, as_json: AsJson = False) -> None:
    """Register the key of a file at the registry, with the proof that you hold it (scope provider:admin)."""
    key = read_key(file)
    with opened() as client:
        slug, origin = _own_slug(client), origin_of(client, needed())
        proof = prove(key, origin=origin, slug=slug, at=int(time.time()))
        body = {"key": public_part(key), "proof": proof}
        made = client.run(calls.post(f"{calls.API}/providers/{slug}/keys", body))
    if as_json:
        terminal.say_json(made)
        return
    terminal.say(f"[bold]{made['kid']}[/] is a key of {slug}.")
    terminal.err.print(
        f"[dim]Publish {client.url}/api/v1/providers/{slug}/jwks.json at "
        "https://<your domain>/.well-known/candor-keys.json as well.[/]"
    )


def show(as_json: AsJson = False) -> None:
    """Your organisation's keys, those that ended among them."""
    with opened() as client:
        found = client.run(calls.get(f"{calls.API}/providers/{_own_slug(client)}/keys"))["items"]
    if as_json:
        terminal.say_json({"keys": found})
        return
    rows = [(one["kid"], one["created_at"], one["retired_at"] or "") for one in found]
    terminal.out.print(terminal.table("Signing keys", ("kid", "since", "until"), rows))


def check(as_json: AsJson = False) -> None:
    """Compare your keys at the registry with those that your domain shows. Exits with 1 where they differ."""
    with opened() as client:
        slug = _own_slug(client)
        domain = client.run(calls.get(f"{calls.API}/providers/{slug}")).get("domain")
        held = client.run(calls.get(f"{calls.API}/providers/{slug}/jwks.json"))["keys"]
    if not isinstance(domain, str):
        raise Misconfigured(f"The registry knows no domain of {slug}: no reader could ask there.")
    shown = terminal.run(keys_at(domain))
    missing = sorted(key["kid"] for key in held if key["kid"] not in (shown or ()))
    if as_json:
        terminal.say_json({"domain": domain, "shown": shown is not None, "missing": missing})
    elif shown is None:
        terminal.say(f"https://{domain}{WELL_KNOWN} shows no keys.")
    else:
        terminal.say(
            f"{domain} does not show {', '.join(missing)}." if missing else f"{domain} shows every key."
        )
    if shown is None or missing:
        raise typer.Exit(terminal.Exit.FAILED)


def end(kid: Annotated[str, typer.Argument(help="The key, as `list` shows it.")]) -> None:
    """End a key: nothing more is taken from it, and what it signed stays signed."""
    with opened() as client:
        client.run(calls.end_signing_key(_own_slug(client), kid))
    terminal.say(f"[bold]{kid}[/] ended.")


def _own_slug(client: Client) -> str:
    slug = client.run(calls.get(f"{calls.API}/session")).get("provider")
    if not isinstance(slug, str):
        raise Misconfigured("This client acts for no organisation. Log in with one that does.")
    return slug


def read_key(file: Path) -> dict[str, Any]:
    """A private key from its file. Raises `Malformed`."""
    try:
        key = read_json(file.read_bytes())
        if isinstance(key, dict) and key.get("crv") == "Ed25519" and isinstance(key.get("d"), str):
            thumbprint(key)
            return key
    except (CandorError, ValueError):
        pass
    raise Malformed(f"{file} holds no private Ed25519 key, as `candor signing-key new` makes one.")


def sign_with(file: Path, payload: bytes) -> str:
    """The signature of a draft's bytes by the key of a file."""
    return sign(payload, read_key(file))
