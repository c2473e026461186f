"""Working attacks in what everybody reads: commands that run when pasted, and prompts that break safeguards.

A record may describe how an attack works; what others need to defend themselves against it belongs into a
restricted part. These are heuristics: each looks for the part of an attack that a description does not need.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from registry.moderation.screening.page import Found, Page, Text, either, masked, words

_RESTRICT = "Describe what it does, and move the working text into a restricted part."


@dataclass(frozen=True, slots=True)
class Exploit:
    """One sort of attack: its name, words of which one stands in every match, and its pattern in lower
    case.
    """

    name: str
    holds: tuple[str, ...]
    pattern: re.Pattern[str]


def _exploit(name: str, holds: str, *choices: str) -> Exploit:
    return Exploit(name, words(holds), re.compile(either(*choices)))


EXPLOITS: tuple[Exploit, ...] = (
    # Fetch and run in one line: the pipe into an interpreter is what a description does not need.
    _exploit(
        "a download that runs at once",
        "curl wget",
        r"\b(?:curl|wget)\s[^\n|\x00]{0,200}\|\s{0,3}(?:sudo\s{1,3})?(?:/bin/)?"
        r"(?:(?:ba|z|da|k)?sh|python3?|perl|php)\b",
        r"\b(?:ba)?sh\s{1,3}(?:-c\s{1,3}[\"']?\$|<)\(\s{0,3}(?:curl|wget)\s",
    ),
    _exploit(
        "a PowerShell download that runs at once",
        "iex invoke-expression",
        r"\b(?:iex|invoke-expression)\b[^\n\x00]{0,80}"
        r"(?:downloadstring|invoke-webrequest|\biwr\b|\birm\b|net\.webclient)",
        r"(?:downloadstring|invoke-webrequest|\biwr\b|\birm\b)[^\n\x00]{0,200}"
        r"\|\s{0,3}(?:iex|invoke-expression)\b",
    ),
    _exploit(
        "an encoded PowerShell command",
        "powershell",
        r"powershell(?:\.exe)?\s[^\n\x00]{0,80}-e(?:nc|ncodedcommand|c)?\s{1,3}[a-z0-9+/]{40}",
    ),
    _exploit(
        "a system program that fetches code",
        "certutil mshta bitsadmin regsvr32 rundll32",
        r"\bcertutil(?:\.exe)?\s[^\n\x00]{0,40}-urlcache|\bmshta(?:\.exe)?\s{1,3}[\"']?https?:",
        r"\bbitsadmin(?:\.exe)?\s{1,3}/transfer|\bregsvr32(?:\.exe)?\s[^\n\x00]{0,40}/i:https?:",
        r"\brundll32(?:\.exe)?\s{1,3}javascript:",
    ),
    _exploit(
        "a reverse shell",
        "/dev/tcp/ /dev/udp/ ncat netcat -e mkfifo fsockopen pty.spawn tcpclient",
        r"/dev/(?:tcp|udp)/[\w.-]{1,100}/\d|\bn(?:et)?c(?:at)?\s[^\n\x00]{0,60}-[a-z]{0,4}[ec]\s{1,3}(?:/bin/|cmd)",
        r"\bmkfifo\s{1,3}/tmp/|\bfsockopen\s{0,3}\([^\n\x00]{0,120}(?:exec|proc_open|shell)|pty\.spawn\s{0,3}\(",
        r"new-object\s{1,3}(?:system\.)?net\.sockets\.tcpclient",
    ),
    _exploit(
        "an SQL injection",
        "=",
        r"['\"]\s{0,3}\)?\s{0,3}(?:or|and)\s{1,3}['\"]?(\d{1,9})['\"]?\s{0,3}=\s{0,3}['\"]?\1",
    ),
    _exploit(
        "an SQL injection",
        "union xp_cmdshell sleep waitfor table database",
        r"union\s{1,3}(?:all\s{1,3})?select\s{1,3}(?:null|\d|@@|\*|char\(|concat|[a-z_]{1,40}\s{0,3}[,(])",
        r"['\"]\s{0,3};\s{0,3}(?:drop|delete|truncate|alter)\s{1,3}(?:table|from|database)\b|\bxp_cmdshell\b",
        r"\b(?:pg_)?sleep\s?\(\s?\d{1,3}\s?\)\s{0,3}(?:--|#)|waitfor\s{1,3}delay\s{1,3}'",
    ),
    _exploit(
        "a script injection",
        "<script onerror onload ontoggle onmouseover",
        r"<script\b[^>\n\x00]{0,200}>[^\n\x00]{0,200}(?:document\.|fetch\(|eval\(|alert\(|xmlhttp)",
        r"<(?:img|svg|iframe|body|video|details)\b[^>\n\x00]{0,200}\son(?:error|load|toggle|mouseover)\s?=",
    ),
    _exploit("a look-up injection", "${", r"\$\{(?:jndi|\$\{[a-z:-]{0,20}j)[^}\n\x00]{0,40}:"),
    _exploit(
        "a template or object injection",
        "__",
        r"\{\{\s{0,3}(?:config|self|''|\"\"|request)\.?[^}\n\x00]{0,80}__(?:class|globals|init)__",
        r"__reduce__[^\n\x00]{0,120}os\.system",
    ),
)


def exploits(page: Page) -> Iterator[Found]:
    """Commands and strings that attack when they are pasted somewhere."""
    for exploit in EXPLOITS:
        if not page.holds(exploit.holds):
            continue
        for text, match in page.matches(exploit.pattern, lower=True):
            if text.public and not text.address:
                yield Found(text.pointer, match[0], f"This looks like {exploit.name}.", _RESTRICT)


LEAST_PROMPT = 280
"""Characters from which on a quoted prompt is taken for a working one; half as many in scripts whose letters
hold more."""
_DENSE = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_BREAKS = re.compile(
    either(
        r"(?:ignore|disregard|forget)\s(?:all\s|any\s|the\s|your\s|my\s){0,3}"
        r"(?:previous|prior|above|earlier|preceding|system)\s(?:\w{1,20}\s)?"
        r"(?:instructions?|prompts?|rules|messages?|guidelines)",
        r"do anything now|developer mode (?:enabled|output)",
        r"(?:you are|you're) (?:now |going to be )(?:\w{1,20}\s){0,4}"
        r"(?:dan\b|unrestricted|unfiltered|uncensored|jailbroken|free of)",
        r"(?:no|without(?: any)?|free (?:of|from)(?: all)?) (?:ethical|moral|safety|content)\s(?:\w{1,20}\s)?"
        r"(?:restrictions?|guidelines|limitations?|constraints|filters?|policies)",
        r"never (?:refuse|say no|break character|warn)",
        r"(?:pretend|act|roleplay|role-play) (?:that |as )(?:you|an? )[^\n\x00]{0,60}"
        r"(?:no (?:rules|limits|restrictions)|unfiltered|unrestricted|evil)",
        r"ignorier\w{0,3} (?:alle )?(?:bisherigen|vorherigen|obigen) (?:anweisungen|regeln)",
        r"ohne (?:ethische|moralische) (?:einschränkungen|grenzen)",
        r"(?:ignore[sz]?|oublie[sz]?) (?:toutes )?(?:les|tes) (?:instructions|consignes)"
        r" (?:précédentes|antérieures)",
        r"sans (?:aucune )?restriction (?:éthique|morale)",
        r"ignora (?:todas )?las instrucciones (?:anteriores|previas)|sin restricciones (?:éticas|morales)",
        r"ignora (?:tutte )?le istruzioni precedenti|ignore (?:todas )?as instruções anteriores",
        r"(?:игнорируй\w{0,3}|забудь\w{0,3}) (?:все )?предыдущие (?:инструкции|указания)",
        r"без (?:каких-либо )?(?:этических|моральных) ограничений",
        r"(?:忽略|无视|無視|忘记|忘記)[^\n\x00]{0,8}(?:指令|指示|规则|規則|提示)|没有任何(?:道德|限制)",
        r"(?:これまで|以前|上記)の(?:すべての)?(?:指示|命令|ルール)を(?:すべて)?(?:無視|忘れ)",
        r"이전(?:의)? (?:모든 )?(?:지시|명령)[^\n\x00]{0,6}무시",
        r"تجاهل (?:جميع |كل )?(?:التعليمات|الأوامر) السابقة|(?:पिछले|पहले के) (?:सभी )?निर्देशों को",
    ),
    re.I,
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.M)


def prompts(page: Page) -> Iterator[Found]:
    """Whole prompts that break safeguards, quoted in `reproduction` or in a block of code."""
    if "reproduction" not in page.fields and "```" not in page.blob and "~~~" not in page.blob:
        return
    for text in page.texts:
        if not text.public or text.address:
            continue
        for quoted in _quoted(text):
            least = LEAST_PROMPT // 2 if _DENSE.search(quoted) else LEAST_PROMPT
            if len(quoted) >= least and _BREAKS.search(quoted):
                message = f"A prompt of {len(quoted)} characters that tells a model to leave its safeguards."
                yield Found(text.pointer, quoted, message, _RESTRICT)


def _quoted(text: Text) -> Iterator[str]:
    """The blocks of code in a text; all of it, where it says how to reproduce something."""
    if text.field == "reproduction":
        yield text.value
        return
    if len(text.value) < LEAST_PROMPT // 2:
        return
    fences = [match.start() for match in _FENCE.finditer(text.value)]
    for position in range(0, len(fences), 2):
        end = fences[position + 1] if position + 1 < len(fences) else len(text.value)
        yield text.value[fences[position] : end]


_SHORTEST_OPAQUE = 240
_FEWEST_CHARACTERS = 10
_OPAQUE = re.compile(
    either(
        r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{400,}={0,2}",
        r"(?:\\x[0-9a-fA-F]{2}){60,}|(?:\\u[0-9a-fA-F]{4}){60,}|data:[\w/+.-]{1,60};base64,",
    )
)


def opaque_blocks(page: Page) -> Iterator[Found]:
    """Long encoded blocks: nobody who reviews the record can read what they hold."""
    if max(map(len, page.blob.split()), default=0) < _SHORTEST_OPAQUE and "base64," not in page.blob:
        return
    for text, match in page.matches(_OPAQUE):
        # One letter over and over is noise, and hides nothing.
        plain = "\\" not in match[0] and not match[0].startswith("data:")
        if plain and len(set(match[0])) < _FEWEST_CHARACTERS:
            continue
        if text.public and not text.code:
            message = f"An encoded block that nobody can review: {masked(match[0])}."
            yield Found(
                text.pointer, match[0], message, "Say what it holds; attach it as evidence if needed."
            )
