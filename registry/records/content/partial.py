"""Dates as far as they are known: a year, a month, a day or a moment, certain or not.

The forms are `YYYY`, `YYYY-MM`, `YYYY-MM-DD` and an RFC 3339 time; a suffix of EDTF (ISO 8601-2, level 1)
says how sure they are: `~` approximate, `?` uncertain, `%` both. Moments are kept in UTC, written with `Z`.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d))?)?)?([~?%]?)",
    re.ASCII,
)
PATTERN = (
    r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])"
    r"([Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d))?)?)?[~?%]?$"
)
_EARLIEST_YEAR = 1000
FORMS = "Write 2024, 2024-05, 2024-05-17 or 2024-05-17T09:30:00Z; add ~ for about, ? for uncertain."


class PartialDate(str):
    """Text that holds a partial date, in the one way that the registry writes it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any of the forms. Raises `ValueError`, saying what is wrong with it."""
        return cls(_normalised(text))

    def earliest(self) -> datetime:
        """The first moment that it may mean, in UTC. `~` and `?` widen nothing: they carry no measure."""
        return _bounds(str(self))[0]

    def latest(self) -> datetime:
        """The last moment that it may mean, in UTC; for a moment, that moment."""
        return _bounds(str(self))[1]

    @property
    def precision(self) -> str:
        """`year`, `month`, `day` or `moment`."""
        bare = self.rstrip("~?%")
        return {4: "year", 7: "month", 10: "day"}.get(len(bare), "moment")

    @property
    def uncertain(self) -> bool:
        """Whether it is said to be approximate or uncertain."""
        return self[-1:] in ("~", "?", "%")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validated, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": PATTERN,
            "maxLength": 40,
            "description": "A date as far as it is known (EDTF level 1).",
        }

    @classmethod
    def _validated(cls, value: Any) -> Self:
        if type(value) is int:
            value = str(value)  # in YAML a bare year is a number, and nobody means anything else by it
        if not isinstance(value, str):
            raise PydanticKnownError("string_type")
        try:
            return cls.parse(value)
        except ValueError as error:
            raise PydanticCustomError(
                "wrong-date", "{problem}", {"problem": str(error), "suggestion": FORMS}
            ) from error


@lru_cache(maxsize=8192)
def _normalised(text: str) -> str:
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None:
        raise ValueError(f"{text[:40]!r} is not a date that is read here.")
    year, month, day, hour, minute, second, fraction, offset, sure = shape.groups()
    if int(year) < _EARLIEST_YEAR:
        raise ValueError(f"The year {year} is too early to be meant.")
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not a day or time that exists: {error}.") from error
    if hour is None:
        return text.strip()
    if offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError(f"{offset} is not an offset from UTC.")
        shift = timedelta(hours=hours, minutes=minutes)
        try:
            moment = moment - shift if offset[0] == "+" else moment + shift
        except OverflowError as error:
            raise ValueError(f"{text[:40]!r} lies outside the calendar.") from error
    digits = (fraction or "").rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z{sure}"


@lru_cache(maxsize=8192)
def _bounds(text: str) -> tuple[datetime, datetime]:
    bare = _normalised(text).rstrip("~?%")
    if len(bare) > 10:
        moment = datetime.fromisoformat(bare)
        return moment, moment
    year, month, day = (int(bare[:4]), int(bare[5:7] or 1), int(bare[8:10] or 1))
    first = datetime(year, month, day, tzinfo=UTC)
    last_of_year = datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    if len(bare) == 4 or (len(bare) == 7 and month == 12):
        return first, last_of_year
    after = datetime(year, month + 1, 1, tzinfo=UTC) if len(bare) == 7 else None
    return first, (after - timedelta(microseconds=1)) if after else first.replace(
        hour=23, minute=59, second=59, microsecond=999999
    )


def _moment(value: PartialDate) -> PartialDate:
    if value.precision != "moment" or value.uncertain:
        raise PydanticCustomError(
            "wrong-time",
            "{problem}",
            {"problem": f"{str(value)!r} is not an exact time.", "suggestion": "Write 2024-05-17T09:30:00Z."},
        )
    return value


Moment = Annotated[
    PartialDate,
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
"""An exact time, kept in UTC."""
