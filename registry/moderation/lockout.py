"""Lock-out on guessing: each wrong answer makes the next one wait longer.

Failures are counted for an account from one network, and for the account from everywhere. The second alone
would let anybody lock others out; so it counts far more failures, waits less, and does not touch networks
that the account was used from with success. What is asked about accounts that do not exist is counted in the
same way, so that waiting tells nothing.
"""

import hashlib
import hmac

from registry.counters import CountersDown
from registry.errors import TooMany, Unavailable
from registry.extensions import Node
from registry.moderation.limits.policies import network_of

FREE_FROM_ONE = 5
"""Failures of an account from one network before it has to wait."""
FREE_FROM_ALL = 50
LONGEST_FROM_ONE = 15 * 60
LONGEST_FROM_ALL = 60
_COUNTED = 24 * 3600
_KNOWN = 30 * 24 * 3600


def _name(node: Node, *parts: str) -> str:
    # Accounts are told to the counters' server by a keyed hash: it may be shared, and dumped.
    text = "\n".join(("lockout", *parts)).encode("utf-8", "surrogatepass")
    return hmac.new(node.secret, text, hashlib.sha256).hexdigest()[:32]


def delay(failures: int, free: int, longest: int) -> int:
    """Seconds to wait after so many failures: 1, 2, 4, … past the free ones."""
    return min(longest, 2 ** min(failures - free, 20)) if failures >= free else 0


async def guard(node: Node, account: str, address: str | None) -> None:
    """Call before a secret is looked at. Raises `TooMany` while the account has to wait, and `Unavailable`
    while nobody can count: guessing must not become free when the counters' server is down.
    """
    one, all = _both(node, account, address)
    try:
        waits = await node.counters.seconds_left(f"wait/{one}") if await _is(node, f"wait/{one}") else 0.0
        if await _is(node, f"wait/{all}") and not await _is(node, f"known/{one}"):
            waits = max(waits, await node.counters.seconds_left(f"wait/{all}"))
    except CountersDown as error:
        raise Unavailable("Sign-in is not available at the moment.", retry_after=5) from error
    if waits > 0:
        node.counters.refused["lockout"] += 1
        raise TooMany(
            "Too many wrong answers. Wait before the next one; each more makes the wait longer.",
            retry_after=max(1, round(waits)),
        )


async def failed(node: Node, account: str, address: str | None) -> None:
    """Call after a wrong secret, for accounts that do not exist too."""
    one, all = _both(node, account, address)
    for name, free, longest in (
        (one, FREE_FROM_ONE, LONGEST_FROM_ONE),
        (all, FREE_FROM_ALL, LONGEST_FROM_ALL),
    ):
        try:
            failures = await node.counters.count(f"failed/{name}", _COUNTED)
            if seconds := delay(failures, free, longest):
                await node.counters.clear(f"wait/{name}")
                await node.counters.count(f"wait/{name}", seconds)
        except CountersDown:
            return  # the next `guard` refuses


async def succeeded(node: Node, account: str, address: str | None) -> None:
    """Call after a right secret: the account's failures from there are forgotten, its network is known."""
    one, _ = _both(node, account, address)
    try:
        await node.counters.clear(f"failed/{one}")
        await node.counters.clear(f"wait/{one}")
        if not await _is(node, f"known/{one}"):
            await node.counters.count(f"known/{one}", _KNOWN)
    except CountersDown:
        return


def _both(node: Node, account: str, address: str | None) -> tuple[str, str]:
    return _name(node, account, network_of(address)), _name(node, account)


async def _is(node: Node, key: str) -> bool:
    return await node.counters.read(key) > 0
