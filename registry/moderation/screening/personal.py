"""Ways to reach a person, which help nobody to learn from the incident: e-mail addresses and telephones.

What the provider declares as an indicator of abuse (`indicators` with the type phone or e-mail) is left
alone.
"""

import re
from collections.abc import Iterator

from registry.moderation.screening.page import Found, Page, Text, words

REMOVE = "Take it out, or move it into a restricted part."
_APART = frozenset({"contacts", "handling", "people"})


def is_apart(text: Text) -> bool:
    """Codes and addresses hold numbers that are nobody's; what is set aside for some is meant."""
    return text.code or text.address or not text.public or not _APART.isdisjoint(text.path)


def _declared(page: Page, text: Text, *types: str) -> bool:
    """Whether the text is the value of an indicator that says itself to be of one of these types."""
    if "indicators" not in text.path or text.field != "value":
        return False
    item = page.document
    try:
        for step in text.pointer.split("/")[1:-1]:
            item = item[int(step)] if isinstance(item, list | tuple) else item[step]
        kind = str(item.get("type", "")).lower()
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return False
    return any(word in kind for word in types)


# --- e-mail ---

_EMAIL = re.compile(
    r"(?<![\w.+%-])([\w.+%-]{1,64})@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_](?:[\w-]{0,61}[^\W_]))(?![\w@])"
)
ROLES = frozenset(
    words(
        "abuse accessibility admin cert compliance contact contacto csirt datenschutz dpo editor editorial",
        "editors feedback hello help helpdesk hostmaster incident incidents info kontakt legal media",
        "moderation news newsroom no-reply noreply notices office postmaster presse press privacy psirt",
        "redaktion registry report reports research safety security service soc support team trust webmaster",
    )
)
"""Addresses of a function, by their local part: no person's (RFC 2142 and common use)."""


def emails(page: Page) -> Iterator[Found]:
    """E-mail addresses of persons, in any script."""
    if "@" not in page.blob:
        return
    for text, match in page.matches(_EMAIL):
        local = match[1].lower().partition("+")[0]
        if is_apart(text) or local in ROLES or _declared(page, text, "mail", "account"):
            continue
        if page.blob[match.start() - 1 : match.start()] in ("/", ":"):
            continue  # a handle inside an address, or the password in one
        message = f"An e-mail address of a person at {match[2][:60]}."
        yield Found(text.pointer, match[0].lower(), message, REMOVE)


# --- telephone ---

_PHONE_WORDS = (
    r"t[eé]l(?:[eé]?phone|efon[oe]?|éfono)?|phone|mobile|mobil|cell|handy|whatsapp|signal|sms|fax|ruf|llame|móvil"
    r"|celular|portable|телефон\w*|тел|моб|电话|電話|手机|手機|携帯|전화|휴대폰|هاتف|جوال|موبايل|טלפון|फ़?ोन|मोबाइल|โทร"
)
_PHONE_NAMES = words(
    "tel phone mobil cell handy whatsapp signal sms fax ruf llame móvil portable тел моб 电话 電話 手机 手機",
    "携帯 전화 휴대폰 هاتف جوال موبايل טלפון ोन मोबाइल โทร ☎ 📞",
)
_INTERNATIONAL = re.compile(r"(?:\+|00(?=[1-9]))[ (]?\d(?:[ ().\-/]{0,2}\d){6,15}(?!\w)")
_NATIONAL = re.compile(
    rf"(?:\b(?:{_PHONE_WORDS})\b|☎|📞)[^\d\n\x00+]{{0,12}}(\(?\d(?:[ ().\-/]{{0,2}}\d){{6,13}})(?!\w)"
)
# Kept free for fiction, by the North American numbering plan.
_FICTION = re.compile(r"55501\d\d$")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "BR", "IN", "CN", "JP", "KR", "RU", "SA", "MX")


def phones(page: Page) -> Iterator[Found]:
    """Telephone numbers: international ones, and national ones that are called so."""
    seen: set[int] = set()
    for text, match in page.matches(_INTERNATIONAL):
        if not page.stands_alone(match.start()):
            continue
        number = match[0] if match[0].startswith("+") else f"+{match[0][2:]}"
        if _phone(page, text, match.start(), number, ()):
            seen.add(match.start())
            yield _found_phone(text, match[0])
    if not page.holds(_PHONE_NAMES):
        return
    regions = _regions(page.document)
    for text, match in page.matches(_NATIONAL, lower=True):
        if match.start(1) not in seen and _phone(page, text, match.start(1), match[1], regions):
            yield _found_phone(text, match[1])


def _phone(page: Page, text: Text, position: int, number: str, regions: tuple[str, ...]) -> bool:
    import phonenumbers

    if is_apart(text) or page.in_url(position) or _declared(page, text, "phone", "tel", "sms", "whatsapp"):
        return False
    for region in regions or (None,):
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            fiction = parsed.country_code == 1 and _FICTION.search(str(parsed.national_number))
            return not fiction
    return False


def _found_phone(text: Text, number: str) -> Found:
    digits = "".join(char for char in number if char.isdigit())
    message = f"A telephone number ending in {digits[-2:]}."
    return Found(
        text.pointer, digits, message, f"{REMOVE} As an indicator of abuse, declare it under `indicators`."
    )


def _regions(document: object) -> tuple[str, ...]:
    """The countries that the record speaks of, and some large ones: where a number may have been written."""
    named: list[str] = []
    if isinstance(document, dict) and isinstance(document.get("content"), dict):
        countries = document["content"].get("countries")
        if isinstance(countries, list):
            named = [item[:2].upper() for item in countries[:10] if isinstance(item, str)]
    return tuple(dict.fromkeys([*named, *_REGIONS]))
