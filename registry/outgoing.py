"""The one way out: asks another server for something, without being led where a stranger likes.

Addresses come from whoever applies, subscribes or peers. So a name is resolved once, every address it has is
looked at, and the connection goes to the address that was looked at: a name that means something else a
moment later changes nothing. TLS and `Host` keep the name. Nothing is taken from the environment (no
proxies), no cookies are kept, and size and time are bounded while reading, not afterwards. On httpcore, the
ground of httpx: only there can connections be opened by ourselves.
"""

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from registry import __version__
from registry.errors import Unreached

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

LONGEST_URL = 2000
REDIRECTS = 3
_MOST_ADDRESSES = 4
# What a coding may add to a body that hardly compresses, and what framing costs.
_SLACK = 4096
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_NAME = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
# A last label like these is read as a part of an IPv4 address by some programs and as a name by others.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Where Python's `is_global` is laxer than we want: protocol assignments, the relays of 6to4, documentation.
_NOT_FOR_US = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# What is routed at all in IPv6. Leaves out mapped and compatible addresses and every NAT64 prefix, behind
# which any IPv4 address may stand.
_UNICAST = ip_network("2000::/3")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered. Names of `headers` are lower-case; of several with one name, the first."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was read strictly. `host` has no brackets; `path` begins with a slash, with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme] == self.port
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.path}"


async def fetch(
    url: str,
    *,
    limit: int,
    timeout: float,  # noqa: ASYNC109  (it bounds everything, with an error that says so)
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    accept: str | None = None,
    allow_private: bool = False,
    redirects: int = REDIRECTS,
    resolve: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Ask for `url`; at most `limit` bytes of body, unpacked, within `timeout` seconds for everything.

    Only https on port 443, to public addresses; `allow_private` lifts all three, for peers on one machine and
    for tests. A GET follows `redirects` to the same scheme, host and port; to anywhere else it is refused.
    Any status is an answer. Raises `Unreached`, whose `reason` is `address` (refused before anybody was
    asked), `redirect`, `timeout`, `too-large`, `coding` or `connection`.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _follow(
                read_url(url, allow_private=allow_private),
                method,
                _headers(headers, accept),
                body,
                limit=limit,
                redirects=redirects if method == "GET" else 0,
                allow_private=allow_private,
                backend=_CheckedBackend(resolve or resolved, allow_private=allow_private),
                tls=tls or _trust(),
            )
    except (TimeoutError, httpcore.TimeoutException):
        raise Unreached(f"{_short(url)} did not answer within {timeout:g} s.", reason="timeout") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        # The class alone: what it says may name addresses behind the registry.
        kind = type(error).__name__
        raise Unreached(f"{_short(url)} could not be read ({kind}).", reason="connection") from None


def read_url(url: str, *, allow_private: bool = False) -> Target:
    """A URL in the one spelling that everybody reads alike. Raises `Unreached` (`address`) for others."""
    if len(url) > LONGEST_URL or re.search(r"[\s\\\x00-\x20\x7f]", url):
        raise _refused(url, "an address is one line without spaces or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "the address cannot be read") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise _refused(url, "only https is asked")
    if "@" in parts.netloc or parts.hostname is None:
        raise _refused(url, "an address names a host, and no user")
    port = port or {"https": 443, "http": 80}[parts.scheme]
    if port != 443 and not allow_private:
        raise _refused(url, "only port 443 is asked")
    query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
    return Target(
        parts.scheme, _host(url, parts.hostname), port, quote(parts.path or "/", safe=_SAFE) + query
    )


_SAFE = "/%:@!$&'()*+,;=~-._"


def _host(url: str, host: str) -> str:
    try:
        if ":" in host:
            return str(ip_address(host))
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:
        raise _refused(url, "the host cannot be read") from None
    lowered = ascii_host.lower()
    last = lowered.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        # Decimal, octal and hexadecimal spellings of an IPv4 address: only the usual one is taken.
        try:
            if str(IPv4Address(lowered)) == lowered:
                return lowered
        except ValueError:
            pass
        raise _refused(url, "write an IPv4 address as four plain numbers")
    if not _NAME.fullmatch(lowered):
        raise _refused(url, "the host is no name and no address")
    return lowered


def is_public(address: Address) -> bool:
    """Whether an address leads to the public internet, and not into our own house or somebody's network."""
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    if any(address.version == network.version and address in network for network in _NOT_FOR_US):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system's resolver tells them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that were looked at, and to no other."""

    def __init__(self, resolve: Resolver, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (as httpcore calls it)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        for last, address in ((one is addresses[-1], one) for one in addresses):
            try:
                return await self._inner.connect_tcp(
                    str(address),
                    port,
                    timeout=timeout,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last:
                    raise
        raise httpcore.ConnectError

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            found: list[Address] = [ip_address(host)]
        except ValueError:
            try:
                found = [ip_address(text) for text in dict.fromkeys(await self._resolve(host, port))]
            except (OSError, UnicodeError, ValueError):
                raise Unreached(f"The name {host[:80]!r} cannot be resolved.", reason="connection") from None
        if not found:
            raise Unreached(f"The name {host[:80]!r} has no address.", reason="connection")
        # One inner address among outer ones is no accident to be lenient about.
        if not self._allow_private and not all(is_public(address) for address in found):
            raise _refused(host, "it does not lead to a public address")
        return found[:_MOST_ADDRESSES]

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (as httpcore calls it)
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise _refused(path, "sockets are not asked")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _follow(
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    limit: int,
    redirects: int,
    allow_private: bool,
    backend: httpcore.AsyncNetworkBackend,
    tls: ssl.SSLContext,
) -> Fetched:
    async with httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=backend, retries=0) as pool:
        for left in range(redirects, -1, -1):
            fetched = await _ask(pool, target, method, headers, body, limit)
            onward = fetched.headers.get("location")
            if fetched.status not in _REDIRECTING or not onward or method != "GET":
                return fetched
            if not left:
                break
            there = read_url(_joined(target.url, onward), allow_private=allow_private)
            if (there.scheme, there.host, there.port) != (target.scheme, target.host, target.port):
                raise Unreached(f"{_short(target.url)} sends on to another host.", reason="redirect")
            target = there
    raise Unreached(f"{_short(target.url)} sends on too often.", reason="redirect")


def _joined(base: str, onward: str) -> str:
    try:
        return urljoin(base, onward)
    except ValueError:
        return onward  # `read_url` says what is wrong with it


async def _ask(
    pool: httpcore.AsyncConnectionPool,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limit: int,
) -> Fetched:
    sent = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    async with pool.stream(method, target.url, headers=sent, content=body) as answer:
        told: dict[str, str] = {}
        for name, value in answer.headers:
            told.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        coding = told.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", "x-gzip", ""):
            raise Unreached(
                f"{_short(target.url)} answers in a coding that was not asked for.", reason="coding"
            )
        packed = coding.endswith("gzip") and method != "HEAD"
        content = await _read(target, answer.aiter_stream(), limit, packed=packed)
    return Fetched(target.url, answer.status, told, content)


async def _read(target: Target, stream: AsyncIterable[bytes], limit: int, *, packed: bool) -> bytes:
    """The body, given up at the first byte too many: of what comes, and of what it unpacks to."""
    unpack = zlib.decompressobj(wbits=31) if packed else None
    body = bytearray()
    came = 0
    async for chunk in stream:
        came += len(chunk)
        try:
            # One byte more than fits tells that there is more, without unpacking it.
            body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
        except zlib.error:
            raise Unreached(f"{_short(target.url)} sent a broken body.", reason="coding") from None
        if len(body) > limit or came > limit + _SLACK:
            raise Unreached(f"{_short(target.url)} is larger than {limit:,} bytes.", reason="too-large")
    if unpack and came and not unpack.eof:
        raise Unreached(f"{_short(target.url)} sent half a body.", reason="coding")
    return bytes(body)


def _headers(headers: Mapping[str, str] | None, accept: str | None) -> dict[str, str]:
    mine = {
        "User-Agent": f"Candor/{__version__}",
        "Accept": accept or "*/*",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    return {**mine, **(headers or {})}


def _refused(url: str, why: str) -> Unreached:
    return Unreached(f"{_short(url)} is not asked: {why}.", reason="address")


def _short(url: str) -> str:
    return repr(url if len(url) <= 120 else f"{url[:119]}…")
