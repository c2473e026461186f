"""Mail, where a server for it is set. Plain text, one reader a message, no tracking and no pictures."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiosmtplib

from registry.db import now
from registry.errors import Misconfigured, Unavailable
from registry.settings import Settings

SECONDS = 20


def message(settings: Settings, to: str, subject: str, text: str) -> EmailMessage:
    """A message to one reader. Raises `ValueError` for anything that would end a header's line."""
    sender = settings.mail_from
    if sender is None:
        raise Misconfigured("Mail has no sender. Set CANDOR_MAIL_FROM, such as candor@example.org.")
    if any(unfit(part) for part in (to, subject, sender)):
        raise ValueError("a header holds a line break or a control character")
    local, _, domain = to.rpartition("@")
    made = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    made["From"] = sender
    # Taken apart, so that no comma and no bracket in it makes a second reader.
    made["To"] = Address(username=local, domain=domain)
    made["Subject"] = subject
    made["Date"] = format_datetime(now())
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    return made


def unfit(text: str) -> bool:
    return any(ord(character) < 32 or character in "\x7f\x85\u2028\u2029" for character in text)


async def send(settings: Settings, to: str, subject: str, text: str) -> None:
    """Send a message, where a server is set. Raises `Unavailable` when it does not take it."""
    if settings.smtp_url is None:
        return
    server = urlsplit(settings.smtp_url.get_secret_value())
    made = message(settings, to, subject, text)
    host, tls = server.hostname or "", server.scheme == "smtps"
    # A password goes over an open line to nobody but this machine.
    upgrade = True if server.username and not tls and not _loopback(host) else None
    try:
        await aiosmtplib.send(
            made,
            hostname=host,
            port=server.port or (465 if tls else 587),
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=tls,
            start_tls=False if tls else upgrade,
            timeout=SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        # Its own words may repeat the address, and the message holds a link.
        raise Unavailable(f"The mail server did not take a message ({type(error).__name__}).") from None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
