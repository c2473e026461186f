"""Which registry the commands speak to, and as whom: kept in a file that only its owner may read."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from registry import terminal
from registry.client import Client, Credentials, calls
from registry.client.flow import Patience, registry_url
from registry.errors import Misconfigured

FILE = "login.json"
URL, ID, SECRET = "CANDOR_REGISTRY", "CANDOR_CLIENT_ID", "CANDOR_CLIENT_SECRET"

# A folder is pushed at the pace that the registry allows: who waits for a command sees that it goes on.
_PATIENCE = Patience(longest_told=180.0)
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on standard output.")
]


@dataclass(frozen=True, slots=True)
class Account:
    """A client at a registry. `origin` is the registry's name in its log: that stays when it moves."""

    url: str
    origin: str
    client_id: str
    client_secret: str = field(repr=False)
    insecure: bool = False

    def client(self) -> Client:
        credentials = Credentials(self.client_id, self.client_secret)
        return Client(self.url, credentials, insecure=self.insecure, patience=_PATIENCE)


def folder() -> Path:
    return Path(typer.get_app_dir("candor"))


def stored() -> Account | None:
    """The account to use: of the environment if that names one, else of the file. Raises `Misconfigured`."""
    if (url := os.environ.get(URL)) is not None:
        id, secret = os.environ.get(ID), os.environ.get(SECRET)
        if not id or not secret:
            raise Misconfigured(f"{URL} is set; set {ID} and {SECRET} beside it.")
        kept = _read()
        origin = kept.origin if kept and kept.url == registry_url(url) else ""
        return Account(registry_url(url), origin, id, secret)
    return _read()


def _read() -> Account | None:
    path = folder() / FILE
    try:
        fields = json.loads(path.read_bytes())
        return Account(**fields)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise Misconfigured(f"{path} cannot be read. Run `candor login URL` again.") from error


def needed() -> Account:
    account = stored()
    if account is None:
        raise Misconfigured("Not logged in to a registry. Run `candor login URL`.")
    return account


@contextmanager
def opened() -> Iterator[Client]:
    """A client of the registry that one is logged in to. Raises `Misconfigured` without one."""
    with needed().client() as client:
        yield client


def origin_of(client: Client, account: Account) -> str:
    """The registry's name in its log."""
    return account.origin or str(client.run(calls.get("/.well-known/candor"))["origin"])


def keep(account: Account) -> Path:
    """Write the account; an earlier one is replaced as a whole."""
    path = folder() / FILE
    write_privately(path, asdict(account))
    return path


def write_privately(path: Path, fields: Mapping[str, Any]) -> None:
    """Write a file that only its owner reads, as a whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(fields, file)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def login(
    url: Annotated[str, typer.Argument(help="The registry, such as https://registry.example.")],
    client_id: Annotated[
        str | None, typer.Option(envvar=ID, help="As `candor client add` printed it; asked for otherwise.")
    ] = None,
    secret_from_stdin: Annotated[
        bool,
        typer.Option(
            "--client-secret-stdin", help=f"Read the secret from standard input; {SECRET} works as well."
        ),
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http beyond this machine: the secret can be read there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Log in to a registry: check a client's id and secret, and keep them for the commands that follow."""
    address = registry_url(url, insecure=insecure)
    id = client_id or _asked("Client id", "--client-id", hidden=False, as_json=as_json)
    if secret_from_stdin:
        secret = sys.stdin.readline().strip()
    else:
        secret = os.environ.get(SECRET) or _asked(
            "Client secret", "--client-secret-stdin", hidden=True, as_json=as_json
        )
    if not secret:
        raise typer.BadParameter("The secret is empty.")
    account = Account(address, "", id.strip(), secret, insecure)
    with account.client() as client:
        scopes = client.login()
        origin = origin_of(client, account)
    path = keep(Account(address, origin, account.client_id, secret, insecure))
    if as_json:
        terminal.say_json({"url": address, "origin": origin, "client_id": id, "scopes": list(scopes)})
        return
    terminal.err.print(f"[green]Logged in[/] to [bold]{origin}[/] as {id} ({', '.join(scopes)}).")
    terminal.err.print(f"[dim]Kept in {path}; `candor logout` removes it.[/]")


def _asked(what: str, option: str, *, hidden: bool, as_json: bool) -> str:
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter(f"{what} is missing: give it with {option}.")
    answer: str = typer.prompt(what, hide_input=hidden, err=True)
    return answer.strip()


def logout(as_json: AsJson = False) -> None:
    """Forget the registry, the client and its secret on this machine. The client itself stays."""
    there = False
    with suppress(FileNotFoundError):
        (folder() / FILE).unlink()
        there = True
    if as_json:
        terminal.say_json({"forgotten": there})
    else:
        terminal.err.print("Forgotten." if there else "Nobody was logged in.")
