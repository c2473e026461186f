"""Numbers that belong to one person: payment cards, bank accounts, national ids.

Each is checked with its own check digits (`python-stdnum`); one that many plain numbers would pass counts
only where its name stands nearby.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from registry.moderation.screening.page import Found, Page
from registry.moderation.screening.personal import REMOVE, is_apart

_CARD = re.compile(r"\d(?:[ -]?\d){12,18}(?![\w-])")
# What issuers' numbers begin with (ISO/IEC 7812): Visa, Mastercard, American Express, Discover, JCB, Diners,
# UnionPay.
_ISSUERS = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6(?:011|4[4-9]|5)|35|3(?:0[0-5]|[689])|62"
)
_GROUPED = re.compile(r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5}|\d+")


def cards(page: Page) -> Iterator[Found]:
    """Numbers of payment cards: an issuer's beginning, the right length and check digit."""
    for text, position, number in page.in_numbers(_CARD):
        digits = re.sub(r"[ -]", "", number)
        right = _GROUPED.fullmatch(number) and _ISSUERS.match(digits) and _valid("luhn", digits)
        if right and len(set(digits)) > 1 and not is_apart(text) and not page.in_url(position):
            yield Found(text.pointer, digits, f"A payment card's number ending in {digits[-2:]}.", REMOVE)


_SHORTEST_IBAN = 15
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")


def bank_accounts(page: Page) -> Iterator[Found]:
    """International bank account numbers (IBAN)."""
    for text, position, matched in page.in_numbers(_IBAN):
        if is_apart(text) or page.in_url(position):
            continue
        groups = matched.split(" ")
        # A word in capitals may follow.
        for end in range(len(groups), 0, -1):
            number = "".join(groups[:end])
            if len(number) >= _SHORTEST_IBAN and _valid("iban", number):
                yield Found(text.pointer, number, f"A bank account number (IBAN) of {number[:2]}.", REMOVE)
                break


# --- national ids ---


@dataclass(frozen=True, slots=True)
class NationalId:
    """`words` must stand nearby where the number's form and check alone would take many plain numbers."""

    country: str
    name: str
    module: str
    form: str
    words: tuple[str, ...] = ()


NATIONAL_IDS: tuple[NationalId, ...] = (
    NationalId("AU", "tax file number", "au.tfn", r"\d{3} ?\d{3} ?\d{3}", ("tfn", "tax file")),
    NationalId("BE", "Rijksregisternummer", "be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    NationalId("BR", "CPF", "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}", ("cpf",)),
    NationalId(
        "CA",
        "social insurance number",
        "ca.sin",
        r"\d{3}[ -]\d{3}[ -]\d{3}",
        ("social insurance", "assurance sociale", " sin ", " sin:", "(sin)"),
    ),
    NationalId("CH", "AHV number", "ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}"),
    NationalId("CN", "resident identity number", "cn.ric", r"\d{17}[\dXx]"),
    NationalId(
        "DE",
        "Steuer-Identifikationsnummer",
        "de.idnr",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        ("steuer", "idnr", "tax id"),
    ),
    NationalId("ES", "DNI", "es.dni", r"\d{8}-?[A-Z]"),
    NationalId("ES", "NIE", "es.nie", r"[XYZ]-?\d{7}-?[A-Z]"),
    NationalId("FI", "henkilötunnus", "fi.hetu", r"\d{6}[-+A]\d{3}[0-9A-Y]"),
    NationalId(
        "FR", "numéro de sécurité sociale", "fr.nir", r"[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}"
    ),
    NationalId("GB", "NHS number", "gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", ("nhs",)),
    NationalId("IN", "Aadhaar", "in_.aadhaar", r"\d{4} ?\d{4} ?\d{4}", ("aadhaar", "aadhar", "आधार")),
    NationalId("IT", "codice fiscale", "it.codicefiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"),
    NationalId("KR", "resident registration number", "kr.rrn", r"\d{6}-\d{7}"),
    NationalId("MX", "CURP", "mx.curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d"),
    NationalId("NL", "burgerservicenummer", "nl.bsn", r"\d{9}", ("bsn", "burgerservice")),
    NationalId("PL", "PESEL", "pl.pesel", r"\d{11}", ("pesel",)),
    NationalId("SE", "personnummer", "se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}"),
    NationalId("TR", "T.C. Kimlik No.", "tr.tckimlik", r"\d{11}", ("kimlik",)),
    NationalId("US", "social security number", "us.ssn", r"\d{3}-\d{2}-\d{4}"),
    NationalId("ZA", "identity number", "za.idnr", r"\d{13}", ("identity num", "id num", "id no", "sa id")),
)


@cache
def _forms() -> tuple[tuple[NationalId, re.Pattern[str]], ...]:
    return tuple((id, re.compile(rf"(?:{id.form})(?![\w-]|\.\w)")) for id in NATIONAL_IDS)


def national_ids(page: Page) -> Iterator[Found]:
    """National identity, tax and insurance numbers of several countries, with their checks."""
    if not page.numbers:
        return
    for id, form in _forms():
        if id.words and not page.holds(id.words):
            continue
        for text, position, number in page.in_numbers(form):
            if is_apart(text) or page.in_url(position):
                continue
            nearby = page.before(position, 60).lower()
            if id.words and not any(word in nearby for word in id.words):
                continue
            if _valid(id.module, number):
                message = f"A number that looks like a {id.name} ({id.country})."
                yield Found(text.pointer, number, message, REMOVE)


@cache
def _validator(module: str) -> Callable[[str], str]:
    validate: Callable[[str], str] = importlib.import_module(f"stdnum.{module}").validate
    return validate


def _valid(module: str, number: str) -> bool:
    from stdnum.exceptions import ValidationError

    try:
        _validator(module)(number)
    except ValidationError:
        return False
    except (ValueError, IndexError, KeyError):
        return False  # digits of another script, which some modules do not expect
    return True
