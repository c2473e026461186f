"""`candor apply` and `candor join`: from no account at all to a client of one's own."""

import json
import uuid
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.markup import escape

from registry import terminal
from registry.client import Client, Credentials, calls
from registry.client.flow import registry_url
from registry.commands.remote.account import Account, AsJson, folder, keep, origin_of, write_privately
from registry.errors import Conflict, Misconfigured

FILE = "application.json"
SCOPES = "records:read records:write records:review records:publish"


def apply(
    url: Annotated[str, typer.Argument(help="The registry, such as https://registry.example.")],
    name: Annotated[str, typer.Option(help="The organisation's name.")],
    contact: Annotated[str, typer.Option(help="An e-mail address; shown to stewards only.")],
    domain: Annotated[str | None, typer.Option(help="Its domain, such as example.org.")] = None,
    sector: Annotated[str | None, typer.Option(help="Its sector, such as sector:J.")] = None,
    usage_policy: Annotated[
        str | None, typer.Option(help="Where everybody reads what its systems may not be used for.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="organisation or researcher.")] = None,
    slug: Annotated[str | None, typer.Option(help="The short name wished for.")] = None,
    note: Annotated[str | None, typer.Option(help="What stewards should know.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http beyond this machine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply to disclose at a registry. No account is needed; what comes next is `candor join`."""
    address = registry_url(url, insecure=insecure)
    said = {
        "name": name,
        "contact": contact,
        "domain": domain,
        "sector": sector,
        "usage_policy": usage_policy,
        "kind": kind,
        "slug": slug,
        "note": note,
    }
    body = {field: value for field, value in said.items() if value is not None}
    with Client(address, insecure=insecure) as client:
        told = client.run(calls.post("/api/v1/providers", body, key=str(uuid.uuid4())))
    kept = {"url": address, "slug": told["slug"], "key": told["onboarding_key"], "insecure": insecure}
    path = folder() / FILE
    write_privately(path, kept)
    if as_json:
        # The key stays in the file: what is printed is logged by whoever runs this.
        terminal.say_json({field: value for field, value in told.items() if field != "onboarding_key"})
        return
    terminal.say(
        f"[green]Applied[/] as [bold]{escape(told['slug'])}[/]. Stewards decide; then run `candor join`."
    )
    _tell_proof(told)
    terminal.err.print(
        f"[dim]The onboarding key is kept in {path} until {told['onboarding_key_expires']}.[/]"
    )


def join(
    prove: Annotated[
        bool, typer.Option("--prove", help="Ask the registry to look for the proof on your domain.")
    ] = False,
    scopes: Annotated[str, typer.Option(help="What the client may do.")] = SCOPES,
    as_json: AsJson = False,
) -> None:
    """See where your application stands; once it is let in, make a client and log in as it."""
    kept = _kept()
    path = f"/api/v1/providers/{kept['slug']}"
    with Client(kept["url"], token=kept["key"], insecure=kept["insecure"]) as client:
        if prove:
            told = client.run(calls.post(f"{path}/actions/prove", {}, key=str(uuid.uuid4())))
            if as_json:
                terminal.say_json(told)
            else:
                terminal.say(f"The domain {escape(str(told.get('domain')))} is proven.")
            return
        told = client.run(calls.get(path))
        if told["state"] not in ("sandbox", "approved"):
            reason = told.get("decision", {}).get("reason")
            if not as_json:
                _tell_proof(told)
            raise Conflict(
                f"{told['name']} is {told['state']}{f': {reason}' if reason else ''}. "
                "A client can be made once stewards let it in."
            )
        sent = {"scopes": scopes.split(), "name": "made by candor join"}
        # One client for one application: asked again after an answer was lost, it is the same.
        key = f"candor-join-{uuid.uuid5(uuid.NAMESPACE_URL, kept['url'] + kept['slug'] + scopes)}"
        made = client.run(calls.post(f"/api/v1/providers/{told['slug']}/clients", sent, key=key))
    account = Account(kept["url"], "", made["client_id"], made["client_secret"], insecure=kept["insecure"])
    credentials = Credentials(account.client_id, account.client_secret)
    with Client(account.url, credentials, insecure=account.insecure) as client:
        granted = client.login()
        origin = origin_of(client, account)
    keep(Account(account.url, origin, account.client_id, account.client_secret, account.insecure))
    with suppress(FileNotFoundError):
        (folder() / FILE).unlink()
    if as_json:
        shown = {"slug": told["slug"], "state": told["state"], "client_id": account.client_id}
        terminal.say_json({**shown, "scopes": list(granted)})
        return
    terminal.say(
        f"[bold]{escape(told['slug'])}[/] is {told['state']}. "
        f"[green]Logged in[/] as {account.client_id} ({', '.join(granted)})."
    )


def _kept() -> dict[str, Any]:
    path = folder() / FILE
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        if {"url", "slug", "key", "insecure"} <= kept.keys():
            return kept
    except FileNotFoundError:
        raise Misconfigured("There is no application here. Run `candor apply URL` first.") from None
    except (ValueError, AttributeError):
        pass
    raise Misconfigured(f"{path} cannot be read.")


def _tell_proof(told: dict[str, Any]) -> None:
    proof = told.get("domain_proof")
    if proof:
        terminal.say(
            f"To prove the domain, serve this line at {escape(proof['url'])}, then `candor join --prove`:"
        )
        terminal.out.print(f"  {proof['line']}", markup=False, highlight=False)
