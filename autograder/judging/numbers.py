"""What ``numbers.toml`` asks of the numbers that an assignment's experiments reach."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from autograder.errors import UserError
from autograder.files import read_text, shown


class NumbersError(UserError):
    """numbers.toml cannot be used as it is written; the message says where and what to do."""


class Bound(BaseModel):
    """What one number must reach; an ``optional`` one, only where it was measured."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    at_least: float = -math.inf
    at_most: float = math.inf
    optional: bool = False

    def short(self, name: str, value: float | None) -> Iterator[str]:
        """Say where a number falls short."""
        if value is None:
            if not self.optional:
                yield f"{name} was not measured."
        elif not value >= self.at_least:
            yield f"{name} is {value:.4g}, below {self.at_least:g}."
        elif not value <= self.at_most:
            yield f"{name} is {value:.4g}, above {self.at_most:g}."


BOUNDS = TypeAdapter(dict[str, Bound])


def read_bounds(path: Path) -> dict[str, Bound]:
    """Read numbers.toml.

    Raises
    ------
    NumbersError
        That names the first thing that cannot be what it is.
    """
    try:
        plain = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise NumbersError(f"{shown(path)} is not valid TOML ({error}); mend that line.") from error
    try:
        return BOUNDS.validate_python(plain)
    except ValidationError as error:
        raise NumbersError(f"{shown(path)}: {_sentence(dict(error.errors()[0]))}") from None


def _sentence(error: Mapping[str, Any]) -> str:
    name, *rest = map(str, error["loc"])
    if not rest:
        return f"{name} is {error['input']!r}; make it a table, [{name}], with at_least or at_most."
    key, known = rest[0], list(Bound.model_fields)
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, known, 1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
        return f"[{name}] has no {key!r}: {meant}"
    takes = "true or false" if key == "optional" else "a number"
    return f"{name}.{key} is {error['input']!r}; make it {takes}."
