"""Screening: what a person should look at before a record is published.

Rules are pure functions over a document's texts and their JSON pointers. Each says what and where, and what
to do; none repeats the secret that it found. What they find blocks publication until somebody resolved it
with a reason.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from registry.moderation.screening import addresses, identities, links, payloads, personal, secrets
from registry.moderation.screening.page import LONGEST_TEXT, Found, Page

MOST_HITS = 100
"""Hits that one rule gives of one document; past that, one more says that there are others."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing to look at. `key` stays the same while the rule finds the same text at the same place, and
    tells nothing about it: it is an HMAC. With `stewards_only` the submitter may not know of it.
    """

    rule: str
    pointer: str
    message: str
    suggestion: str
    key: str
    stewards_only: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable name, what it looks for in a reader's words, and the function that does."""

    name: str
    about: str
    find: Callable[[Page], Iterator[Found]]


def _unread(page: Page) -> Iterator[Found]:
    for text in page.cut:
        message = f"Only the first {LONGEST_TEXT:,} characters of this text were screened."
        yield Found(text.pointer, "cut", message, "Shorten the text, or split it.")


RULES: tuple[Rule, ...] = (
    Rule(
        "secret-token", "keys and tokens in known forms, private keys, passwords in addresses", secrets.tokens
    ),
    Rule("secret-assigned", "passwords and keys given by name, in many languages", secrets.assigned),
    Rule("secret-random", "long random strings that may be keys", secrets.random_strings),
    Rule(
        "email-address",
        "e-mail addresses of persons; not role addresses, `contacts` or declared indicators",
        personal.emails,
    ),
    Rule("phone-number", "telephone numbers; not declared indicators", personal.phones),
    Rule("postal-address", "streets with house numbers", addresses.postal_addresses),
    Rule("payment-card", "payment card numbers, with their check digit", identities.cards),
    Rule("bank-account", "IBANs, with their check digits", identities.bank_accounts),
    Rule(
        "national-id",
        "national identity, tax and insurance numbers, with their checks",
        identities.national_ids,
    ),
    Rule("live-link", "links to abuse material that open on a click", links.live_links),
    Rule("onion-link", "addresses of hidden services", links.onion_links),
    Rule(
        "working-exploit", "commands and injections that work when pasted, in public parts", payloads.exploits
    ),
    Rule("working-prompt", "whole prompts that break safeguards, in public parts", payloads.prompts),
    Rule("opaque-block", "long encoded blocks that nobody can review", payloads.opaque_blocks),
    Rule("not-screened", "texts too long to be screened whole", _unread),
)
"""Every rule that reads a document alone. `duplicates` adds those that compare it with other records."""


def screen(document: Any, *, secret: bytes) -> list[Hit]:
    """Everything in a document that a person should look at. Never raises; time grows with the length."""
    page = Page(document)
    hits: dict[str, Hit] = {}
    for rule in RULES:
        found: dict[str, Hit] = {}
        for one in rule.find(page):
            hit = as_hit(rule.name, one, secret)
            found.setdefault(hit.key, hit)
            if len(found) >= MOST_HITS:
                more = Found(
                    "",
                    "more",
                    f"More of the same; {MOST_HITS} are listed.",
                    "Resolve these, then submit again.",
                )
                last = as_hit(rule.name, more, secret)
                found[last.key] = last
                break
        hits.update(found)
    return list(hits.values())


def prepare() -> None:
    """Load what rules need, half a second's worth, before the first draft waits for it."""
    screen({"title": "tel +1 212 664 7665, 4111 1111 1111 1112"}, secret=b"")


def as_hit(rule: str, found: Found, secret: bytes, *, stewards_only: bool = False) -> Hit:
    matched = f"{rule}\n{found.pointer}\n{found.matched}".encode("utf-8", "surrogatepass")
    key = hmac.new(secret, b"screening\n" + matched, hashlib.sha256).hexdigest()
    return Hit(rule, found.pointer, found.message, found.suggestion, key, stewards_only)
