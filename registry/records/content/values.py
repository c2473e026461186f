"""Single values: limited text, tags, codes of outside standards, addresses. Each checks itself and says what
is wrong.

Errors are `PydanticCustomError`s whose type is the finding's code and whose context may hold a `suggestion`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import pycountry
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from rapidfuzz import process

from registry.errors import Malformed
from registry.ids import PREFIX, parse_id
from registry.taxonomies.vocabulary import MAX_TAG, TAG_PATTERN, split_tag

T = TypeVar("T")

Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\r\n]*$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\r\n]*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Narrative = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
ElementId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"),
    Field(strict=False, coerce_numbers_to_str=True),
]
Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=10**15)]
Number = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)] | Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[int, Field(ge=0, le=1)] | Annotated[float, Field(ge=0, le=1)]

Few = Annotated[list[T], Field(max_length=100)]
Many = Annotated[list[T], Field(max_length=1000)]


def wrong(code: str, problem: str, suggestion: str | None = None) -> PydanticCustomError:
    """An error that `check` turns into a finding of this code."""
    context: dict[str, Any] = {"problem": problem}
    if suggestion:
        context["suggestion"] = suggestion
    return PydanticCustomError(code, "{problem}", context)


# --- tags


def looks_like_tag(text: str) -> bool:
    """Whether `text` has the shape `namespace:term` or `namespace:term/subterm`."""
    return split_tag(text) is not None


@dataclass(frozen=True, slots=True)
class Terms:
    """Marks a field as one that holds tags. `namespaces` are those that belong there; none means any.

    `or_text` tells that plain words may stand instead of a tag.
    """

    namespaces: tuple[str, ...] = ()
    or_text: bool = False


Tag = Annotated[str, StringConstraints(min_length=3, max_length=MAX_TAG, pattern=TAG_PATTERN)]
Term = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\r\n]*$")]


# --- references

_SOURCE = re.compile(r"source:[a-z0-9][a-z0-9._-]{0,39}:\S(?:.{0,198}\S)?")


def _record_id(text: str) -> str:
    if _SOURCE.fullmatch(text):
        return text
    try:
        return parse_id(text)
    except Malformed as error:
        code = "wrong-check-character" if "mistyped" in error.detail else "wrong-record-id"
        raise wrong(code, error.detail, "Copy the id from the record's page.") from error


RecordId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=260),
    AfterValidator(_record_id),
    Field(json_schema_extra={"pattern": rf"^({PREFIX}[0-9A-HJKMNP-TV-Z]{{10}}|source:.+)$"}),
]
Origin = Annotated[str, StringConstraints(max_length=253, pattern=r"^[a-z0-9.-]+(:\d+)?(/[A-Za-z0-9._-]+)*$")]
Part = Annotated[str, StringConstraints(max_length=300, pattern=r"^(/([^~/]|~[01])+)+$")]
Pointer = Part


# --- outside standards


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    names: dict[str, str] = {"XK": "Kosovo"}
    for country in pycountry.countries:
        names[country.alpha_2] = country.name
    return names


@lru_cache(maxsize=1024)
def country_suggestion(text: str) -> str | None:
    """The code that a country's name or three-letter code stands for, or the nearest to a mistyped name."""
    names = _countries()
    try:
        found = pycountry.countries.lookup(text)
        return f"Write {found.alpha_2} for {found.name}."
    except LookupError:
        pass
    if text.upper() == "UK":
        return "Write GB for the United Kingdom."
    near = process.extractOne(text, names, score_cutoff=85)
    return f"Write {near[2]} for {near[0]}." if near else None


@lru_cache(maxsize=4096)
def _country(text: str) -> str:
    code = text.upper()
    if code in _countries():
        return code
    if "-" in code and pycountry.subdivisions.get(code=code) is not None:  # type: ignore[no-untyped-call]
        return code
    raise wrong(
        "unknown-country",
        f"{text[:40]!r} is not an ISO 3166 code.",
        country_suggestion(text) or "Use two letters, such as DE, or a subdivision, such as US-CA.",
    )


Country = Annotated[str, StringConstraints(min_length=2, max_length=80), AfterValidator(_country)]


@lru_cache(maxsize=1024)
def _language(text: str) -> str:
    # Not above: its tables take an eighth of a second to load, and many commands meet no language.
    import langcodes

    try:
        tidy = langcodes.standardize_tag(text)
        known = langcodes.tag_is_valid(tidy)
    except ValueError:
        known = False
    if known:
        return str(tidy)
    raise wrong(
        "unknown-language",
        f"{text[:40]!r} is not a language tag (BCP 47).",
        "Use codes such as en, pt-BR, zh-Hans.",
    )


Language = Annotated[str, StringConstraints(min_length=2, max_length=35), AfterValidator(_language)]


@lru_cache(maxsize=1024)
def _license(text: str) -> str:
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        raise wrong(
            "unknown-license",
            f"{text[:60]!r} is not an SPDX licence.",
            "Use an SPDX id such as CC-BY-4.0; LicenseRef-<name> for one that SPDX does not list.",
        ) from error


License = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_license)]


# Characters that browsers mend in an address and RFC 3986 does not know: kept addresses are mended once,
# here.
_PERCENT = str.maketrans({char: f"%{ord(char):02X}" for char in '<>"\\^`{|}'})


def _url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        raise wrong(
            "unsafe-url",
            f"{text[:60]!r} is not a web address.",
            "Only http:// and https:// addresses are kept.",
        )
    if text.split(maxsplit=1) != [text]:
        raise wrong("wrong-url", f"{text[:60]!r} holds spaces.", "Write %20 for a space.")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise wrong("wrong-url", f"{text[:60]!r} is not a web address: {error}.") from error
    if not parts.hostname:
        raise wrong("wrong-url", f"{text[:60]!r} names no host.")
    if parts.username is not None or parts.password is not None:
        raise wrong("unsafe-url", "The address holds a user name or a password.", "Leave it out.")
    return text.translate(_PERCENT)


Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000),
    AfterValidator(_url),
    Field(json_schema_extra={"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"}),
]
