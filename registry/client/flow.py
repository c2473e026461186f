"""How one call is brought to its end: tokens, and trying again. Pure: it says what to send and how long to
wait, and is told what came of it. `registry.client.clients` does the sending and the waiting.
"""

import base64
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlsplit

from registry.client.answers import error_of, seconds
from registry.client.wire import Answer, Ask, Call, Failure
from registry.errors import CandorError, Malformed, PreconditionFailed, Unauthenticated, Unavailable

T = TypeVar("T")

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
# These say that the request was turned away before anything was done.
_TURNED_AWAY = (429, 503)
_IN_BETWEEN = (502, 504)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client of an organisation, as `candor client add` made it."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take and how often it is tried; times in seconds.

    Between tries it waits a random share of a span that doubles each time up to `longest_wait`, or as long as
    `Retry-After` says, unless that is longer than `longest_told`.
    """

    tries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_told: float = 60.0
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, and tell what came of it."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


Steps = Generator[Send | Wait, Any, T]


def registry_url(text: str, *, insecure: bool = False) -> str:
    """The address of a registry without a final slash. Raises `Malformed` for what is none, and for http
    beyond this machine: whoever listens there would read the secret.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Malformed(f"{text[:80]!r} is not an address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Malformed(f"{text[:80]!r} is not the address of a registry, such as https://registry.example.")
    if parts.username is not None or parts.query or parts.fragment:
        raise Malformed("The address of a registry holds no user name, query or fragment.")
    if parts.scheme == "http" and host not in _LOOPBACK and not insecure:
        raise Malformed(
            f"http://{host} would send secrets in the clear. Use https, or say --insecure if you mean it."
        )
    shown = f"[{host}]" if ":" in host else host
    place = f"{shown}:{port}" if port is not None else shown
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


@dataclass(slots=True)
class Flow:
    """What calls share: the token, and when it ends. Times are those of a clock that never jumps."""

    credentials: Credentials | None
    patience: Patience
    clock: Callable[[], float]
    token: str | None = None
    scopes: tuple[str, ...] = ()
    ends: float = 0.0

    def run(self, call: Call[T]) -> Steps[T]:
        """Bring a call to its end. Raises what the registry answered, as `registry.errors`."""
        ask = call.ask
        if self.credentials is not None or self.token is not None:
            yield from self._fresh_token()
            answer = yield from self._tried(self._signed(ask), repeatable=call.repeatable)
            if answer.status == 401 and self.credentials is not None:
                # Revoked, or forgotten by a registry that was restored: one new token, and once more. Nothing
                # was done, whatever the request was.
                self.token = None
                yield from self._fresh_token()
                answer = yield from self._tried(self._signed(ask), repeatable=call.repeatable)
        else:
            answer = yield from self._tried(ask, repeatable=call.repeatable)
        if not 200 <= answer.status < 300:
            raise error_of(answer)
        try:
            return call.read(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                "The registry answered in a form that this client does not know. Is it a newer one?"
            ) from error

    def login(self) -> Steps[tuple[str, ...]]:
        """Get a token; answers the scopes that it holds."""
        yield from self._fresh_token()
        return self.scopes

    def _signed(self, ask: Ask) -> Ask:
        return replace(ask, headers={**ask.headers, "Authorization": f"Bearer {self.token}"})

    def _fresh_token(self) -> Steps[None]:
        if self.token is not None and (self.credentials is None or self.clock() < self.ends):
            return
        if self.credentials is None:
            return
        # RFC 6749, section 2.3.1: both are form-encoded before they are put together.
        pair = f"{quote_plus(self.credentials.client_id)}:{quote_plus(self.credentials.client_secret)}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": _FORM,
        }
        ask = Ask("POST", "/oauth/token", (), headers, b"grant_type=client_credentials")
        asked = self.clock()
        answer = yield from self._tried(ask, repeatable=True)
        if answer.status == 401:
            raise Unauthenticated("The registry knows no such client, or another secret of it.")
        if answer.status != 200:
            raise error_of(answer)
        body = answer.object()
        lifetime = body.get("expires_in")
        if not isinstance(body.get("access_token"), str):
            raise Unavailable("The registry gave no token.")
        self.token = body["access_token"]
        self.scopes = tuple(sorted(str(body.get("scope", "")).split()))
        # Renewed a little early: a token that ends on the way is of no use.
        span = float(lifetime) if isinstance(lifetime, int | float) else 300.0
        self.ends = asked + span - min(60.0, span / 10)

    def _tried(self, ask: Ask, *, repeatable: bool) -> Steps[Answer]:
        """Send until there is an answer that trying again would not better."""
        unsure = False
        for attempt in range(self.patience.tries):
            last = attempt == self.patience.tries - 1
            outcome: Answer | Failure = yield Send(ask)
            if isinstance(outcome, Failure):
                again = repeatable or outcome.unsent
                if last or not again:
                    raise _no_answer(outcome, ask)
                unsure = unsure or not outcome.unsent
                yield Wait(self._pause(attempt, None))
                continue
            if unsure and outcome.status == 412:
                raise PreconditionFailed(
                    "An answer was lost, and what was sent may have been taken. Read the record again."
                )
            turned_away = outcome.status in _TURNED_AWAY
            if last or not (
                (turned_away and (repeatable or outcome.status == 429))
                or (outcome.status in _IN_BETWEEN and repeatable)
            ):
                return outcome
            told = seconds(outcome.headers.get("retry-after"))
            if told is not None and told > self.patience.longest_told:
                return outcome
            unsure = unsure or outcome.status in _IN_BETWEEN
            yield Wait(self._pause(attempt, told))
        raise Unavailable("The registry was not asked.")

    def _pause(self, attempt: int, told: int | None) -> float:
        """A random share, so that many who were turned away together do not come back together."""
        span = min(self.patience.longest_wait, self.patience.first_wait * 2**attempt)
        drawn = random.uniform(span / 2, span)
        return drawn if told is None else told + random.uniform(0, min(1.0, span))


def _no_answer(failure: Failure, ask: Ask) -> CandorError:
    unknown = "" if failure.unsent or ask.method == "GET" else " It may have been taken all the same."
    return Unavailable(f"The registry does not answer: {failure.reason}.{unknown}")
