"""What course.toml says, as a schema: what it does not know, it refuses."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from autograder.course.errors import CourseError
from autograder.files import read_text
from autograder.sandbox import Limits

TEMPLATE = """\
# The settings of this course. A line that starts with # is not in force.

# Random test inputs come from this number: keep it, and a regrade sees the same ones.
seed = {seed}

# Where the assignments' reference/ is.
repository = {repository}

# [assignments.NAME]
# due = 2030-10-01T23:59:00+02:00
# late = {{ per_day = 0.1, at_most = 0.5, grace_minutes = 10 }}   # share of the points; or "zero"
# [assignments.NAME.extensions]
# ada = 2030-10-05T23:59:00+02:00                                # or "3 days"

# [exchange]                # nbgrader's, for a class on a JupyterHub
# course_id = "nn2030"
# root = "/srv/nbgrader/exchange"

# [limits]
# attempt_cpu = 120
"""
#: Years in which a course may be; lateness is counted up to centuries around them.
EARLIEST, LATEST = 1900, 9000
#: More than any machine has, in bytes and in seconds.
MOST = {int: 2**50, float: 1e6}
SPANS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


class Table(BaseModel):
    """A table of course.toml."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )


class LatePolicy(Table):
    """What lateness costs, as a share of the points won: so much a started day, up to a limit."""

    per_day: float = Field(default=0.0, ge=0)
    at_most: float = Field(default=1.0, ge=0, le=1)
    grace_minutes: float = 0.0

    def share(self, seconds_late: float) -> float:
        """Give the share of the points that so many seconds cost."""
        seconds = seconds_late - 60 * self.grace_minutes
        if seconds <= 0:
            return 0.0
        return min(self.at_most, self.per_day * -(-seconds // 86_400))

    @property
    def least(self) -> float:
        """The share that the least lateness costs."""
        return self.share(60 * self.grace_minutes + 1)


def _policy(value: Any) -> Any:
    words = {"none": LatePolicy(), "zero": LatePolicy(per_day=1.0)}
    return words.get(value, value) if isinstance(value, str) else value


def _time(value: Any) -> Any:
    """Read a time; one without a zone is UTC."""
    if not isinstance(value, datetime):
        return value
    if not EARLIEST <= value.year <= LATEST:
        raise ValueError("no course takes place then")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _time_or_span(value: Any) -> Any:
    if not isinstance(value, str):
        return _time(value)
    words = re.fullmatch(r"(\d{1,4}) (minute|hour|day|week)s?", value)
    return timedelta(seconds=int(words[1]) * SPANS[words[2]]) if words else value


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, TypeError, OSError) as error:
        raise ValueError(str(error)) from error


Time = Annotated[datetime, BeforeValidator(_time)]
Extension = Annotated[datetime | timedelta, BeforeValidator(_time_or_span)]


class Assignment(Table):
    """``[assignments.NAME]``: when it is due, what lateness costs, who has longer."""

    due: Time | None = None
    late: Annotated[LatePolicy, BeforeValidator(_policy)] = LatePolicy()
    extensions: dict[str, Extension] = {}


class Exchange(Table):
    """``[exchange]``: how nbgrader's exchange knows the course."""

    course_id: str | None = None
    root: str | None = None


def _limits_table() -> type[Table]:
    """Make the table of the limits that there are, each of its default's type and above 0."""
    table: Any = {
        limit.name: (kind, Field(default=limit.default, gt=0, le=MOST[kind]))
        for limit in dataclasses.fields(Limits)
        for kind in [type(limit.default)]
    }
    made: type[Table] = create_model("LimitsTable", __base__=Table, **table)
    return made


if TYPE_CHECKING:

    class LimitsTable(Table):
        """``[limits]``: what differs from the kit's own `Limits`."""

else:
    LimitsTable = _limits_table()


class Settings(Table):
    """The whole of course.toml."""

    seed: int = Field(ge=0)
    repository: str = "."
    isolation: Literal["process", "container"] = "process"
    time_zone: Annotated[ZoneInfo, BeforeValidator(_zone)] = ZoneInfo("UTC")
    assignments: dict[str, Assignment] = {}
    exchange: Exchange = Exchange()
    limits_table: LimitsTable = Field(default=LimitsTable(), alias="limits")

    @property
    def limits(self) -> Limits:
        """What an attempt may use."""
        return Limits(**self.limits_table.model_dump())

    def of(self, assignment: str) -> Assignment:
        """Give the settings of one assignment."""
        return self.assignments.get(assignment, Assignment())

    def due(self, assignment: str, student: str | None = None) -> datetime | None:
        """When an assignment is due, in UTC, if that is said; for one, with an extension."""
        known = self.of(assignment)
        more = known.extensions.get(student) if student else None
        if known.due is None or more is None:
            return known.due
        return max(known.due, known.due + more if isinstance(more, timedelta) else more)


def shown(when: datetime, zone: tzinfo, form: str = "%-d %B %Y, %H:%M") -> str:
    """Write a time for a person, in a zone and with its name."""
    local = when.astimezone(zone)
    name = local.tzname() or ""
    return f"{local:{form}} {name if name.isalpha() else f'UTC{local.isoformat()[-6:]}'}"


def read(path: Path) -> Settings:
    """Read course.toml.

    Raises
    ------
    CourseError
        That names the first setting that is unknown, or that cannot be what it is.
    """
    try:
        plain = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path} is not valid TOML ({error}); mend that line.") from error
    try:
        return Settings.model_validate(plain)
    except ValidationError as error:
        raise CourseError(f"course.toml: {_sentence(dict(error.errors()[0]))}") from None


# What is wrong, in words: by the place of a setting, where * is a name of the course's own.

_DUE = "a time like 2030-10-01T23:59:00+02:00"
_LATE = '"none", "zero" or { per_day, at_most, grace_minutes } with shares between 0 and 1'


def _number(limit: dataclasses.Field[Any]) -> str:
    kind = type(limit.default)
    return f"a {'whole ' * (kind is int)}number above 0 and at most {MOST[kind]:.0f}"


TAKES: dict[tuple[str, ...], str] = {
    ("seed",): "a whole number, such as 20301",
    ("repository",): "a folder in quotes",
    ("isolation",): '"process" or "container"',
    ("time_zone",): 'a zone like "Europe/Berlin"',
    ("assignments", "*", "due"): _DUE,
    ("assignments", "*", "late"): _LATE,
    ("assignments", "*", "late", "per_day"): "a share of the points, such as 0.1",
    ("assignments", "*", "late", "at_most"): "a share between 0 and 1",
    ("assignments", "*", "late", "grace_minutes"): "a number of minutes",
    ("assignments", "*", "extensions", "*"): f'{_DUE}, or "3 days"',
    ("exchange", "*"): "a text in quotes",
    **{("limits", limit.name): _number(limit) for limit in dataclasses.fields(Limits)},
}
TABLES: dict[tuple[str, ...], type[Table]] = {
    (): Settings,
    ("assignments", "*"): Assignment,
    ("assignments", "*", "late"): LatePolicy,
    ("exchange",): Exchange,
    ("limits",): LimitsTable,
}


def _sentence(error: Mapping[str, Any]) -> str:
    place = tuple(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return _unknown(place[:-1], place[-1])
    if error["type"] == "missing":
        return f"{place[-1]} is missing; add it: {_named(TAKES, place)}."
    while place and not (takes := _named(TAKES, place)):
        if place[-1:] in (("assignments",), ("extensions",)) or _named(TABLES, place):
            takes = f"a table, [{'.'.join(place)}], with a line for each setting"
            break
        place = place[:-1]  # the kind of a value that may be of several
    return f"{'.'.join(place)} is {_shown(error['input'])}; make it {takes}."


def _unknown(table: tuple[str, ...], name: str) -> str:
    """Say that a table has no such setting, and which one may be meant."""
    known = [field.alias or key for key, field in _named(TABLES, table).model_fields.items()]
    where = f"[{'.'.join(table)}]" if table else "it"
    if close := difflib.get_close_matches(name, known, 1):
        return f"{where} has no setting {name!r}: did you mean {close[0]}?"
    if name in Settings.model_fields:
        return f"{name} stands in {where}: move it to the top, above the first [table]."
    return f"{where} has no setting {name!r}; it has {', '.join(known)}."


def _named(table: Mapping[tuple[str, ...], Any], place: tuple[str, ...]) -> Any:
    """Find what a table says of a place."""
    for pattern, value in table.items():
        if len(pattern) == len(place) and all(
            name in ("*", part) for name, part in zip(pattern, place, strict=True)
        ):
            return value
    return None


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
