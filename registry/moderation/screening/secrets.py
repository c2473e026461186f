"""Credentials that were left in a record.

Known forms are recognised by the plugins of `detect-secrets`, asked directly: no settings files, no
processes. Several of their patterns take quadratic time on a long line, so each is shown only short windows
around what every match of it must hold.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from registry.moderation.screening.page import Found, Page, either, masked, words

_REVOKE = "Take it out, and revoke it: whoever read the draft may have it."
# Characters shown to one plugin, all windows of a document together.
_MOST_SHOWN = 100_000
_WORD = re.compile(r"[\w.:/+=-]{1,400}")
_SHORTEST_TOKEN = 10
_RECORD_ID = re.compile(r"CIR-[0-9A-Z]{10}", re.I)


@dataclass(frozen=True, slots=True)
class _Detector:
    """A plugin, what its matches hold for certain, and how many characters before and after that it needs."""

    name: str
    anchor: re.Pattern[str]
    plugin: Callable[[str], Any]
    before: int = 40
    after: int = 240


@cache
def _detectors() -> tuple[_Detector, ...]:
    # Half a second, most of it for an HTTP client that is not used here: not for commands that never screen.
    from detect_secrets.plugins import (
        artifactory,
        aws,
        azure_storage_key,
        basic_auth,
        cloudant,
        discord,
        github_token,
        gitlab_token,
        jwt,
        mailchimp,
        npm,
        openai,
        private_key,
        pypi_token,
        sendgrid,
        slack,
        softlayer,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )

    def one(name: str, anchor: str, plugin: Any, before: int = 40, after: int = 240) -> _Detector:
        return _Detector(name, re.compile(anchor), plugin().analyze_string, before, after)

    return (
        one("an AWS access key", r"A3T[A-Z0-9]|A[BKS]IA[0-9A-Z]|[Aa][Ww][Ss]", aws.AWSKeyDetector),
        one("an Azure storage key", r"AccountKey=", azure_storage_key.AzureStorageKeyDetector),
        one("a password in an address", r"://[^\s/:@]{1,100}:[^\s@]", basic_auth.BasicAuthDetector, 0),
        one("a Cloudant credential", r"[Cc]loudant", cloudant.CloudantDetector, 100),
        one("a Discord token", r"\.[\w-]{6}\.[\w-]{27}", discord.DiscordBotTokenDetector),
        one("a GitHub token", r"gh[pousr]_", github_token.GitHubTokenDetector, 0),
        one(
            "a GitLab token",
            r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent)-|gloas-|GR1348941",
            gitlab_token.GitLabTokenDetector,
            0,
            1100,
        ),
        one("a JSON Web Token", r"(?<![\w-])eyJ[\w-]{8,4000}\.[\w-]", jwt.JwtTokenDetector, 0, 8000),
        one("a Mailchimp key", r"-us[0-9]", mailchimp.MailchimpDetector),
        one("an npm token", r"_authToken=", npm.NpmDetector, 200),
        one("an OpenAI key", r"T3BlbkFJ", openai.OpenAIDetector, 200),
        one("a private key", r"PRIVATE KEY|PuTTY-User-Key-File", private_key.PrivateKeyDetector),
        one("a PyPI token", r"pypi-Ag", pypi_token.PypiTokenDetector, 0),
        one("a SendGrid key", r"SG\.[\w-]{22}", sendgrid.SendGridDetector, 0),
        one("a Slack token", r"xox[a-z]-|XOX[A-Z]-|hooks\.slack\.com", slack.SlackDetector),
        one("a SoftLayer key", r"[Ss]oftlayer", softlayer.SoftlayerDetector),
        one("a Square secret", r"sq0csp-", square_oauth.SquareOAuthDetector, 0),
        one("a Stripe key", r"[rs]k_live_", stripe.StripeDetector, 0),
        one("a Telegram bot token", r"\d{8}:[\w-]{35}", telegram_token.TelegramBotTokenDetector),
        one("a Twilio key", r"(?:AC|SK)[a-z0-9]{32}", twilio.TwilioKeyDetector),
        one("an Artifactory key", r"AKC[a-zA-Z0-9]{10}", artifactory.ArtifactoryDetector),
    )


def tokens(page: Page) -> Iterator[Found]:
    """Keys and tokens whose form gives them away."""
    for detector in _detectors():
        shown = position = 0
        while match := detector.anchor.search(page.blob, position):
            text = page.at(match.start())
            begin = max(text.start, match.start() - detector.before)
            end = min(text.start + len(text.value), match.end() + detector.after)
            shown += end - begin
            if shown > _MOST_SHOWN:
                yield Found(
                    text.pointer,
                    detector.name,
                    f"More places that look like {detector.name} than are looked at.",
                    "Shorten the record, or move what machines wrote into a restricted part.",
                )
                break
            window = page.blob[begin:end]
            # Beyond the next anchor's own window nothing is missed by going on from here.
            position = max(match.end(), end - detector.before)
            if text.code:
                continue
            for secret in detector.plugin(window):
                secret = _whole(window, secret)
                # A form that is all one sort of letters is a word that happens to look like it.
                if detector.name == "a private key" or any(char.isdigit() for char in secret):
                    said = "" if detector.name == "a private key" else f": {masked(secret)}"
                    yield Found(text.pointer, secret, f"This holds {detector.name}{said}.", _REVOKE)


def _whole(window: str, part: str) -> str:
    """The word that begins with what a plugin gave: some give only the group of a pattern."""
    match = _WORD.match(window, window.find(part))
    return match[0] if len(part) < _SHORTEST_TOKEN and match else part


_NAMES = words(
    "key token secret phrase pass pwd contrase senha kennwort parola hasło wachtwoord lösenord пароль секрет",
    "密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 كلمة סיסמה पासवर्ड",
)
_ASSIGNED = re.compile(
    "(?:"
    + either(
        "api[ _-]?key|access[ _-]?key|secret[ _-]?key|token|secret|pass ?phrase|pass ?word|passwd|pwd",
        "contraseña|contrasena|senha|passwort|kennwort|mot de passe|parola|hasło|wachtwoord|lösenord",
        "пароль|секрет|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|كلمة المرور|كلمة السر|סיסמה|पासवर्ड",
    )
    + r")\w{0,20}[\"'`\])]{0,2} {0,2}(?::=|=>|={1,3}|:|：| is | ist | est | es )\s{0,3}"
    r"[\"'`“«]?([^\s\"'`,;“”«»<>{}\x00]{6,200})",
)
_PLACEHOLDER = re.compile(r"[*x.…_•-]{4,}|^\$|^%|your|example|placeholder|redacted|changeme|\.\.\.", re.I)


def assigned(page: Page) -> Iterator[Found]:
    """Passwords and keys that are given by name: `password: …`, `пароль: …`, `api_key = "…"`."""
    if not page.holds(_NAMES):
        return
    for text, match in page.matches(_ASSIGNED, lower=True):
        value = page.blob[slice(*match.span(1))].rstrip(".)]")
        if text.code or page.in_url(match.start(1)) or _RECORD_ID.fullmatch(value):
            continue
        mixed = any(char.isdigit() for char in value) and not value.isdigit()
        if mixed and len(value) >= 6 and not _PLACEHOLDER.search(value) and "://" not in value:
            yield Found(text.pointer, value, f"This tells a password or a key: {masked(value)}.", _REVOKE)


_RANDOM = re.compile(r"(?<![\w+/=.:-])[A-Za-z0-9+/_-]{24,160}={0,2}(?![\w+/=-])")
_LEAST_ENTROPY = 4.2  # bits a character; what people write stays below 4 at these lengths


@cache
def _entropy() -> Callable[[str], float]:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    measure: Callable[[str], float] = Base64HighEntropyString(_LEAST_ENTROPY).calculate_shannon_entropy
    return measure


def random_strings(page: Page) -> Iterator[Found]:
    """Long strings that no person made up. Ids, digests and addresses are left out, and hexadecimal ones: in
    records those are digests.
    """
    for text, match in page.matches(_RANDOM):
        value = match[0]
        if text.code or text.address or not _mixed(value) or page.in_url(match.start()):
            continue
        if _entropy()(value) > _LEAST_ENTROPY:
            yield Found(
                text.pointer,
                value,
                f"This holds a long random string: {masked(value)}. It may be a key.",
                "Take it out if it opens anything; if it is a digest or an id, say so when resolving this.",
            )


def _mixed(value: str) -> bool:
    """Whether letters of both cases and digits alternate, as they do in keys and not in names and paths."""
    sorts = [
        "d" if char.isdigit() else "u" if char.isupper() else "l" if char.islower() else "s" for char in value
    ]
    changes = sum(one != other for one, other in pairwise(sorts))
    return {"d", "u", "l"} <= set(sorts) and changes >= len(value) / 3
