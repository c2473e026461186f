"""The way out: what is asked, where the connection goes, and what a hostile server can do to it."""

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry import outgoing
from registry.errors import Unreached
from registry.outgoing import fetch, is_public, read_url

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that says what a test wants, byte by byte, and remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[str] = []
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(request)
            await self._handler(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(handler: Handler | bytes, **options: Any) -> AsyncIterator[Server]:
    async def say(_: str, writer: asyncio.StreamWriter) -> None:
        assert isinstance(handler, bytes)
        writer.write(handler)

    server = Server(say if isinstance(handler, bytes) else handler)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0, **options)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def to(*addresses: str) -> outgoing.Resolver:
    """A resolver that answers one set of addresses after the other, as one who rebinds does."""
    turns = [one.split() for one in addresses]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return turns.pop(0) if len(turns) > 1 else turns[0]

    return resolve


async def ask(server: Server, path: str = "/", **more: Any) -> outgoing.Fetched:
    options = {"limit": 1000, "timeout": 5.0, "allow_private": True, "resolve": to("127.0.0.1"), **more}
    return await fetch(f"http://lab.example:{server.port}{path}", **options)


async def refused(server: Server, path: str = "/", **more: Any) -> Unreached:
    with pytest.raises(Unreached) as error:
        await ask(server, path, **more)
    return error.value


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_no_inner_address_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_outer_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://lab.example/",
        "ftp://lab.example/",
        "file:///etc/passwd",
        "//lab.example/",
        "https:///nothing",
        "https://user@lab.example/",
        "https://user:secret@lab.example/",
        "https://lab.example:8443/",
        "https://lab.example:99999/",
        "https://lab.example:x/",
        "https://lab example/",
        "https://lab.example\\@127.0.0.1/",
        "https://lab.example/\r\nHost: x",
        "https://lab.example/\x00",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://%6cab.example/",
        "https://lab.example./",
        "https://lab..example/",
        "https://-lab.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://lab.example/" + "x" * 2000,
        "",
    ],
)
async def test_odd_spellings_are_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(Unreached) as error:
        await fetch(url, limit=10, timeout=1, resolve=to("8.8.8.8"))
    assert error.value.extra["reason"] == "address"


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://LAB.example", "https://lab.example/"),
        ("https://lab.example/a b".replace(" ", "%20"), "https://lab.example/a%20b"),
        ("https://bücher.example/ü?q=ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
        ("https://lab.example:443/x#part", "https://lab.example/x"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_plain_addresses_are_read(url: str, read: str) -> None:
    assert read_url(url).url == read


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "lab.example", "mixed.example"]
)
async def test_nothing_inside_is_asked(host: str) -> None:
    resolve = to("8.8.8.8 127.0.0.1" if host.startswith("mixed") else "127.0.0.1")
    with pytest.raises(Unreached, match="public address") as error:
        await fetch(f"https://{host}/", limit=10, timeout=1, resolve=resolve)
    assert error.value.extra["reason"] == "address"
    assert "169.254" not in error.value.detail or host.startswith("169")


async def test_an_answer_comes_with_status_headers_and_body() -> None:
    async with serving(answer(b"not here", "X-One: 1", status="404 Not Found")) as server:
        got = await ask(server, "/a?b=c", accept="text/plain", headers={"X-Mine": "yes"})
    assert (got.status, got.body, got.headers["x-one"]) == (404, b"not here", "1")
    (request,) = server.asked
    assert request.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: lab.example:{server.port}\r\n" in request
    assert "Accept: text/plain\r\n" in request
    assert "X-Mine: yes\r\n" in request
    assert "cookie" not in request.lower()


async def test_a_post_brings_its_body_and_follows_nothing() -> None:
    async with serving(answer(b"", "Location: /elsewhere", status="307 Temporary Redirect")) as server:
        got = await ask(server, method="POST", body=b"told")
    assert got.status == 307
    assert len(server.asked) == 1
    assert "Content-Length: 4\r\n" in server.asked[0]


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answer(b"yes")) as server:
        assert (await ask(server)).body == b"yes"


async def test_a_name_that_changes_its_meaning_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect opens another connection: what the name means by then is checked like the first time."""
    monkeypatch.setattr(outgoing, "is_public", lambda address: str(address) == "127.0.0.1")
    target = read_url("https://lab.example/")
    checked = outgoing._CheckedBackend(to("127.0.0.1", "127.0.0.2"), allow_private=False)
    assert [str(one) for one in await checked._addresses(target.host, 443)] == ["127.0.0.1"]
    with pytest.raises(Unreached, match="public address"):
        await checked._addresses(target.host, 443)


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    calls = 0

    async def resolve(host: str, port: int) -> Sequence[str]:
        nonlocal calls
        calls += 1
        assert host == "lab.example"
        return ["127.0.0.1"]

    async with serving(answer(b"yes")) as server:
        assert (await ask(server, resolve=resolve)).body == b"yes"
    assert calls == 1


async def test_the_next_address_is_tried_when_one_is_closed() -> None:
    async with serving(answer(b"yes")) as server:
        assert (await ask(server, resolve=to("127.0.0.2 127.0.0.1"))).body == b"yes"


@pytest.mark.parametrize("addresses", ["", "no-address"])
async def test_a_name_without_an_address_is_told(addresses: str) -> None:
    with pytest.raises(Unreached) as error:
        await fetch("https://lab.example/", limit=10, timeout=1, resolve=to(addresses))
    assert error.value.extra["reason"] == "connection"


async def test_redirects_on_the_same_host_are_followed() -> None:
    async def handler(request: str, writer: asyncio.StreamWriter) -> None:
        moved = answer(b"", "Location: /there", status="302 Found")
        writer.write(answer(b"found") if "/there" in request else moved)

    async with serving(handler) as server:
        got = await ask(server, "/here")
    assert got.body == b"found"
    assert got.url.endswith("/there")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1:9/", "redirect"),
        ("http://169.254.169.254/latest", "redirect"),
        ("https://lab.example/", "redirect"),
        ("//other.example/", "redirect"),
        ("/again", "redirect"),
        ("file:///etc/passwd", "address"),
        ("http://user@lab.example/", "address"),
        ("http://[/", "address"),
    ],
)
async def test_redirects_elsewhere_and_without_end_are_refused(location: str, reason: str) -> None:
    async with serving(answer(b"", f"Location: {location}", status="301 Moved")) as server:
        error = await refused(server)
    assert error.extra["reason"] == reason
    assert len(server.asked) <= outgoing.REDIRECTS + 1


async def test_an_endless_body_is_given_up_at_the_first_byte_too_many() -> None:
    sent = 0

    async def handler(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            sent += 4096
            await writer.drain()

    async with serving(handler) as server:
        assert (await refused(server)).extra["reason"] == "too-large"
    assert sent < 64 * 1024 * 1024


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_slow_drip_ends_in_time(head: bytes) -> None:
    async def handler(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x" if head.endswith(b"\r\n\r\n") else b"")
            await writer.drain()
            await asyncio.sleep(0.05)

    started = time.monotonic()
    async with serving(handler) as server:
        assert (await refused(server, timeout=0.4)).extra["reason"] == "timeout"
        assert time.monotonic() - started < 2


async def test_a_resolver_that_hangs_ends_in_time() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(Unreached) as error:
        await fetch("https://lab.example/", limit=10, timeout=0.2, resolve=resolve)
    assert error.value.extra["reason"] == "timeout"


async def test_a_packed_body_is_unpacked_to_the_limit_and_no_further() -> None:
    async with serving(answer(gzip.compress(b"hello"), "Content-Encoding: gzip")) as server:
        assert (await ask(server)).body == b"hello"
    bomb = gzip.compress(b"\0" * 50_000_000)
    async with serving(answer(bomb, "Content-Encoding: gzip")) as server:
        assert (await refused(server)).extra["reason"] == "too-large"


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"plain", "gzip"), (gzip.compress(b"hello", mtime=0)[:-9], "gzip"), (b"x", "br"), (b"x", "gzip, gzip")],
)
async def test_a_body_in_pieces_or_in_another_coding_is_refused(body: bytes, coding: str) -> None:
    async with serving(answer(body, f"Content-Encoding: {coding}")) as server:
        assert (await refused(server)).extra["reason"] == "coding"


@pytest.mark.parametrize(
    "said",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"HTTP/1.1 200 OK\r\nX: "],
)
async def test_broken_answers_are_told_without_inner_details(said: bytes) -> None:
    async with serving(said) as server:
        error = await refused(server)
    assert error.extra["reason"] == "connection"
    assert "127.0.0.1" not in error.detail


async def test_headers_without_end_are_given_up() -> None:
    async def handler(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 4000 + b"\r\n")
            await writer.drain()

    async with serving(handler) as server:
        assert (await refused(server)).extra["reason"] == "connection"


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context under a certificate for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    moment = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(chain)
    trusts = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return serves, trusts


@pytest.mark.parametrize(("name", "trusted"), [("lab.example", True), ("other.example", False)])
async def test_tls_keeps_the_name_and_checks_it(tmp_path: Path, name: str, trusted: bool) -> None:
    serves, trusts = _certificate(tmp_path, name)
    names: list[str | None] = []
    serves.sni_callback = lambda _socket, asked, _context: names.append(asked)
    async with serving(answer(b"sealed"), ssl=serves) as server:
        asked = fetch(
            f"https://lab.example:{server.port}/",
            limit=100,
            timeout=5,
            allow_private=True,
            resolve=to("127.0.0.1"),
            tls=trusts,
        )
        if trusted:
            assert (await asked).body == b"sealed"
        else:
            with pytest.raises(Unreached) as error:
                await asked
            assert error.value.extra["reason"] == "connection"
    assert names == ["lab.example"]
