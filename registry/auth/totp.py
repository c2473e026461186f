"""A second factor from an app: time-based one-time passwords (RFC 6238), and codes for the day it is lost.

The secret is sealed under a key made from the registry's own secret, so that a copy of the database alone
makes no codes. A step that was used is not taken again (RFC 6238, section 5.2).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry.audit.models import Act
from registry.auth.models import Person
from registry.db import now
from registry.errors import Conflict

STEP = 30
_WINDOW = 1
"""Steps to either side that are taken: clocks differ, and people type."""
RECOVERY_CODES = 10
MOST_WRONG = 5
WRONG_WITHIN = timedelta(minutes=15)
TOPIC, WRONG = "session", "second-factor-refused"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app needs: the secret to type, and the same as an address that apps open."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def begin(person: Person, key: bytes, registry: str) -> Enrolment:
    """A new secret for a person, not in force before it is confirmed. Raises `Conflict` when one is."""
    if person.totp_confirmed_at is not None:
        raise Conflict("A second factor is in force already. Remove it first.")
    made = pyotp.random_base32()
    person.totp_sealed = _sealed(key, person.pk).encrypt(made.encode())
    person.totp_step = None
    return _enrolment(person, made, registry)


def pending(person: Person, key: bytes, registry: str) -> Enrolment | None:
    """The secret that waits to be confirmed, so that a page can show it again; None when none waits."""
    if person.totp_confirmed_at is not None or (secret := _secret(person, key)) is None:
        return None
    return _enrolment(person, secret, registry)


def confirm(person: Person, key: bytes, code: str) -> tuple[str, ...] | None:
    """Put a second factor in force; answers the recovery codes, shown here and nowhere again.

    None for a wrong code.
    """
    if person.totp_confirmed_at is not None or not _fits(person, key, code):
        return None
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    person.totp_confirmed_at = now()
    person.recovery = [_hash(key, person.pk, one) for one in codes]
    return codes


def check(person: Person, key: bytes, code: str) -> bool:
    """Whether a code is right, from the app or from the recovery codes; each is good once."""
    if person.totp_confirmed_at is None:
        return False
    if _fits(person, key, code):
        return True
    hashed = _hash(key, person.pk, code)
    left = [one for one in person.recovery if not hmac.compare_digest(one, hashed)]
    used = len(left) < len(person.recovery)
    if used:
        person.recovery = left
    return used


def remove(person: Person) -> None:
    """Forget a second factor."""
    person.totp_sealed = person.totp_confirmed_at = person.totp_step = None
    person.recovery = []


async def had_enough(session: AsyncSession, person: Person) -> bool:
    """Whether too many wrong codes were given for a person, by anybody, in any process."""
    wrong = await session.scalar(
        select(func.count())
        .select_from(Act)
        .where(
            Act.topic == TOPIC,
            Act.subject == person.email,
            Act.action == WRONG,
            Act.at > now() - WRONG_WITHIN,
        )
    )
    return (wrong or 0) >= MOST_WRONG


def _fits(person: Person, key: bytes, code: str, at: datetime | None = None) -> bool:
    secret = _secret(person, key)
    code = code.replace(" ", "")
    if secret is None or len(code) != 6 or not (code.isascii() and code.isdecimal()):
        return False
    step = int((at or now()).timestamp()) // STEP
    totp = pyotp.TOTP(secret, interval=STEP)
    for one in range(step - _WINDOW, step + _WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(one), code) and one > (person.totp_step or 0):
            person.totp_step = one
            return True
    return False


def _enrolment(person: Person, secret: str, registry: str) -> Enrolment:
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=registry))


def _secret(person: Person, key: bytes) -> str | None:
    if person.totp_sealed is None:
        return None
    try:
        return _sealed(key, person.pk).decrypt(person.totp_sealed).decode()
    except InvalidToken:
        raise RuntimeError("a sealed secret does not open under the registry's own") from None


def _sealed(key: bytes, pk: int) -> Fernet:
    made = hmac.new(key, f"totp\n{pk}".encode(), hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(made))


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def _hash(key: bytes, pk: int, code: str) -> str:
    plain = "".join(code.split()).replace("-", "").lower()
    return hmac.new(key, f"recovery\n{pk}\n{plain}".encode(), hashlib.sha256).hexdigest()
