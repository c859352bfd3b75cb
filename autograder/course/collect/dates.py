"""Times as platforms and people write them, in English, German, French and Spanish.

A month that is a word is one; dots mean that the day comes first. Of 02/03/2027 only the whole
column says what comes first, and where it does not, nobody guesses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

#: The months' names, each with its short forms, without marks.
MONTHS = (
    "january jan januar janner janvier janv enero ene",
    "february feb februar fevrier fevr fev febrero",
    "march mar marz mrz mars marzo",
    "april apr avril avr abril abr",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet juil julio",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre setiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez decembre diciembre dic",
)
MONTH = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
YEARS = range(1990, 2200)
#: What may stand beside a date and a time, and says nothing.
BESIDE = re.compile(
    r"""
    monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thu(rs?)?|fri|sat|sun|
    montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|mo|di|mi|do|fr|sa|so|
    lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lun|mar|mer|jeu|ven|sam|dim|
    lunes|martes|miercoles|jueves|viernes|sabado|domingo|mie|jue|vie|sab|dom|
    at|on|the|um|uhr|am|den|der|a|le|el|las?|los|del?
    """,
    re.VERBOSE,
)
WORDED = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)? *(?:de )?(?P<month>[a-z]+)\.?,? *(?:de |del )?"
    r"(?P<year>\d{4})"
    r"|(?P<month2>[a-z]+)\.? *(?P<day2>\d{1,2})(?:st|nd|rd|th)?,? *(?P<year2>\d{4})"
)
NUMBERS = re.compile(r"(?<!\d)(\d{1,4}) *([./-]) *(\d{1,2}) *\2 *(\d{4}|\d{2})(?!\d)")
CLOCK = re.compile(
    r"(?<![\d.:+-])(?P<hour>\d{1,2}) *(?:[:h] *(?P<minute>\d{2})(?:[:.](?P<second>\d{2})"
    r"(?:[.,](?P<part>\d{1,9}))?)?)? *(?P<half>[ap]\.? ?m\b\.?)?"
)
OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})\b|\b(?:utc|gmt|z)\b")


class Undecided(ValueError):
    """The numbers of a date may be read in two ways."""


def order_of(values: Iterable[str]) -> str | None:
    """Tell from a whole column whether days or months come first: "dmy", "mdy" or neither.

    Raises
    ------
    ValueError
        If some rows say one and some the other.
    """
    said: dict[str, str] = {}
    for value in values:
        match = NUMBERS.search(value)
        if match and match[2] != "." and len(match[1]) < 3:
            first, second = int(match[1]), int(match[3])
            if (first > 12) != (second > 12):
                said.setdefault("dmy" if first > 12 else "mdy", value)
    if len(said) > 1:
        raise ValueError(f"{said['dmy']!r} has the day first and {said['mdy']!r} the month")
    return next(iter(said), None)


def parse(text: str, zone: tzinfo, order: str | None = None) -> datetime:
    """Read a time; one that does not say its zone is in ``zone``.

    Raises
    ------
    Undecided
        If the order of day and month would have to be guessed.
    ValueError
        If it is no time.
    """
    plain = _plain(text)
    date, left = _date(plain, order)
    if date[0] not in YEARS:
        raise ValueError(f"{date[0]} is no year of a course")
    clock = CLOCK.search(left)
    time, left = (_time(clock), _without(left, clock)) if clock else ({}, left)
    if offset := OFFSET.search(left):
        zone, left = _offset(offset), _without(left, offset)
    when = datetime(*date, **time, tzinfo=zone)
    for word in re.findall(r"[^\s,.;()|]+", left):
        if not BESIDE.fullmatch(word) and word.upper() != when.tzname():
            raise ValueError(f"{word!r} is no part of a time")
    return when


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    plain = re.sub(r"(\d)t(?=\d\d:)", r"\1 ", plain)  # ISO 8601's
    return re.sub(r"\s+", " ", plain).strip()


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} | {text[match.end() :]}"


def _date(plain: str, order: str | None) -> tuple[tuple[int, int, int], str]:
    """Read the date in a text, and give what is left of it."""
    for match in WORDED.finditer(plain):
        month = MONTH.get(match["month"] or match["month2"])
        if month:
            year, day = match["year"] or match["year2"], match["day"] or match["day2"]
            return (int(year), month, int(day)), _without(plain, match)
    numbers = NUMBERS.search(plain)
    if numbers is None:
        raise ValueError("there is no date in it")
    first, second, third = (int(numbers[part]) for part in (1, 3, 4))
    left = _without(plain, numbers)
    if len(numbers[1]) == 4:
        return (first, second, third), left
    year = third + (2000 if len(numbers[4]) == 2 else 0)
    dots = numbers[2] == "."
    if not dots and order is None and first != second and max(first, second) <= 12:
        raise Undecided(numbers[0])
    by_month = not dots and (order == "mdy" or (order is None and second > 12))
    return ((year, first, second) if by_month else (year, second, first)), left


def _time(clock: re.Match[str]) -> dict[str, int]:
    hour, minute = int(clock["hour"]), clock["minute"]
    if minute is None and clock["half"] is None:
        raise ValueError(f"{clock[0]!r} is no time of day")
    if clock["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{clock[0]!r} is no time of day")
        hour = hour % 12 + (12 if clock["half"].startswith("p") else 0)
    part = (clock["part"] or "").ljust(6, "0")[:6]
    return {
        "hour": hour,
        "minute": int(minute or 0),
        "second": int(clock["second"] or 0),
        "microsecond": int(part),
    }


def _offset(match: re.Match[str]) -> tzinfo:
    if not match["sign"]:
        return UTC
    span = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    return timezone(span if match["sign"] == "+" else -span)
