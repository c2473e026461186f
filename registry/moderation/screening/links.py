"""Links that would take a reader to abuse material with one click.

An indicator is for machines and analysts; written `hxxps://evil[.]example` it serves both and opens for
nobody by mistake.
"""

import re
from collections.abc import Iterator

from registry.moderation.screening.page import Found, Page, either

_DEFANG = "Defang it, such as `hxxps://evil[.]example/path`; analysts' tools read that."
_LIVE = re.compile(r"\b(?:https?|ftp)://([^\s/?#<>\"'`\x00\[\])]{1,253})([^\s<>\"'`\x00)]{0,2000})", re.I)
_ONION = re.compile(r"(?<![\w-])[a-z2-7]{16}(?:[a-z2-7]{40})?\.onion(?!\w)", re.I)
_ABUSE = re.compile(
    either(
        r"phish|malware|payload|dropp?er|command[- ]and[- ]control|\bc2\b|\bc&c\b|\bbotnet|exploit kit",
        r"leak site|scam (?:site|page|shop)",
        r"fraud(?:ulent)? (?:site|page|shop)|fake (?:site|page|shop|store|login)",
        r"credential[- ]harvest|ransom|drive-by|stealer|child (?:sexual )?abuse|csam|non-?consensual",
        r"terroris[tm]|schadsoftware|betrugsseite",
        r"gefälschte\w* (?:seite|website)|hameçonnage|logiciel malveillant",
        r"site frauduleux|programa malicioso|sitio fraudulento|suplantación|фишинг|вредонос|мошеннич",
        r"钓鱼|釣魚|恶意|惡意|诈骗网站|フィッシング|マルウェア|詐欺サイト|피싱|악성",
        r"تصيد|برمجيات خبيثة|פישינג|फ़िशिंग",
    ),
    re.I,
)
_RUNS = re.compile(
    r"\.(?:exe|scr|ps1|apk|dll|hta|jar|msi|vbs|bat|cmd|lnk|iso|img|dmg|sh|elf|bin)(?:[?#]|$)", re.I
)
_CITING = frozenset({"references", "source", "credits", "stated_by", "aliases", "systems", "translations"})
_BARE_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?")


def live_links(page: Page) -> Iterator[Found]:
    """Addresses that open on a click: in indicators, beside words for abuse, and of files that run."""
    if "://" not in page.blob:
        return
    marked = _indicated_hosts(page)
    for text, match in page.matches(_LIVE):
        host, rest = match[1].lower().rpartition("@")[2].rstrip(".,;:"), match[2]
        cited = text.field in ("url", "archive_url", "reference") and not {"indicators"} & set(text.path)
        if not text.public:
            continue
        if "indicators" in text.path:
            why = "A live link among the indicators"
        elif host.partition(":")[0] in marked:
            why = "A live link to a host that is among the indicators"
        elif cited or not _CITING.isdisjoint(text.path[:1]):
            continue
        elif _RUNS.search(rest.rstrip(".,;:")):
            why = "A live link to a file that runs"
        elif _BARE_ADDRESS.fullmatch(host):
            why = "A live link to a bare network address"
        elif _ABUSE.search(page.before(match.start(), 80)):
            why = "A live link beside words for abuse"
        else:
            continue
        yield Found(text.pointer, match[0], f"{why}.", _DEFANG)


def _indicated_hosts(page: Page) -> set[str]:
    hosts: set[str] = set()
    for text in page.texts:
        if "indicators" in text.path and text.field == "value":
            bare = refanged(text.value).lower()
            host = bare.partition("://")[2] or bare
            host = re.split(r"[/?#:\s]", host, maxsplit=1)[0]
            if "." in host:
                hosts.add(host)
    return hosts


def onion_links(page: Page) -> Iterator[Found]:
    """Hidden services, with or without a scheme."""
    if ".onion" not in page.lower:
        return
    for text, match in page.matches(_ONION):
        if text.public:
            yield Found(text.pointer, match[0].lower(), "The address of a hidden service (.onion).", _DEFANG)


_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.I)


def refanged(value: str) -> str:
    """An indicator as a machine uses it: `hxxps[:]//evil[.]example` is `https://evil.example`."""
    plain = _DOT.sub(".", value.strip())
    plain = (
        plain.replace("[:]", ":")
        .replace("[://]", "://")
        .replace("[/]", "/")
        .replace("[@]", "@")
        .replace("[at]", "@")
    )
    return re.sub(r"^h(?:xx|\*\*|tt|XX)p", "http", plain, flags=re.I)
