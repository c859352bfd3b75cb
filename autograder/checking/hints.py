"""Named mistakes recognised by what they give back, without a line of solution.

The build runs every test on every named mistake and writes down a digest of what the wrong code
gave back. A student's code that gives the same on the same inputs earns that mistake's hint.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.recorder import Recorder
from autograder.checking.running import run_test
from autograder.errors import UserError
from autograder.files import read_text, shown

__all__ = ["Recorder", "Table", "build", "earned", "fingerprint", "load"]

FILE = "hints.json"
DOUBT = "Another test fails in a way that this alone does not explain."
#: Values are told apart by six digits of the array's largest one.
QUANTUM = 1e-6
#: Whole numbers beyond so many are digested as they are: as text they would fill the memory.
LARGE = 100_000
#: Two roundings whose borders lie apart, and apart from the round numbers of toy cases.
SHIFTS = (math.sqrt(2) - 1, math.sqrt(2) - 0.5)


def fingerprint(log: Sequence[Any]) -> tuple[str, str]:
    """Digest what a student's code gave back, twice.

    Structure, shapes and dtype kinds enter exactly, and so do strings and whole numbers; other
    numbers enter rounded to six digits of the largest in their array, and exceptions by their kind.
    Rounding errors may carry a number over one border, so the digests round at different borders:
    two logs agree if either digest does.
    """
    return _digest(log, SHIFTS[0]), _digest(log, SHIFTS[1])


def _digest(log: Sequence[Any], shift: float) -> str:
    digest = blake2b(digest_size=8)
    for value in log:
        for piece in _pieces(value, shift):
            digest.update(piece + b"\0")
    return digest.hexdigest()


def _pieces(value: Any, shift: float) -> Iterable[bytes]:
    if isinstance(value, BaseException):
        yield b"!" + str(getattr(value, "kind", type(value).__name__)).encode()
    elif isinstance(value, (tuple, list)):
        yield f"{type(value).__name__} {len(value)}".encode()
        for item in value:
            yield from _pieces(item, shift)
    elif isinstance(value, Mapping):
        yield f"dict {len(value)}".encode()
        for key in sorted(value, key=repr):
            yield repr(key).encode()
            yield from _pieces(value[key], shift)
    elif isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        yield from _numbers(np.asarray(value), shift)
    elif value is None or isinstance(value, (str, bytes)):
        yield repr(value).encode()
    else:
        yield b"object"


def _numbers(array: np.ndarray, shift: float) -> Iterable[bytes]:
    yield f"{array.dtype.kind} {array.shape}".encode()
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag])
    if array.dtype.kind != "f":
        whole = array.size > LARGE and array.dtype.kind in "biu"
        yield array.tobytes() if whole else repr(array.tolist()).encode()
        return
    array = array.astype(np.float64)
    finite = np.isfinite(array)
    yield repr(array[~finite].tolist()).encode() + np.packbits(finite).tobytes()
    numbers = array[finite]
    scale = float(np.abs(numbers).max(initial=0.0))
    if scale > 0:
        yield str(math.floor(math.log(scale) / QUANTUM + shift)).encode()
        yield np.floor(numbers / scale / QUANTUM + shift).astype("<i8").tobytes()


def load(folder: Path | str) -> dict[str, Any]:
    """Read an assignment's hints; a folder without any has none."""
    path = Path(folder) / FILE
    try:
        return json.loads(read_text(path)) if path.is_file() else {}
    except ValueError:
        raise UserError(f"{shown(path)} is damaged; unpack the assignment anew.") from None


class Table:
    """What the named mistakes give back on one test, and the hint of each."""

    def __init__(self, entries: Iterable[Mapping[str, Any]] = ()) -> None:
        self._claims: dict[tuple[str, ...], set[str]] = {}
        for entry in entries:
            self._claims.setdefault(tuple(entry["digests"]), set()).add(entry["hint"])

    def add(self, log: Sequence[Any], hint: str, right: Iterable[Sequence[Any]] = ()) -> None:
        """Note what a mistake gave back, unless it says too little to tell mistakes apart.

        Parameters
        ----------
        log : list
            From a test that the mistake fails.
        hint : str
        right : iterable of logs
            From the same test on solutions that are right: what they share with `log` says nothing.
        """
        if _telling(log, right):
            self._claims.setdefault(fingerprint(log), set()).add(hint)

    def entries(self) -> list[dict[str, Any]]:
        """List ``{"digests": [a, b], "hint": ...}`` for whatever one hint alone explains."""
        return [
            {"digests": list(digests), "hint": hint}
            for digests in self._claims
            if (hint := self.named(digests)) is not None
        ]

    def knows(self, hint: str) -> bool:
        """Whether a mistake with this hint fails the test in a way of its own."""
        return any(hint in hints for hints in self._claims.values())

    def named(self, digests: Iterable[str]) -> str | None:
        """Return the hint of the mistake that has one of these digests; none if two hints do."""
        mine = set(digests)
        claims = [hints for known, hints in self._claims.items() if mine.intersection(known)]
        hints = set().union(*claims)
        return hints.pop() if len(hints) == 1 else None


def earned(tables: Mapping[str, Table], digests: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Give failed tests the hint of the mistake that gave the same.

    A mistake fails each test in a way of its own. If there is another test that it fails, and that
    failed in another way, the hint is not all there is to say, and perhaps mistaken: it says so.

    Parameters
    ----------
    tables, digests : mapping
        What the mistakes give and what the student's code gave, for each failed test of one
        exercise.

    Returns
    -------
    dict
        The hints, by test.
    """
    found = {test: tables[test].named(given) for test, given in digests.items()}
    return {
        test: f"{hint} {DOUBT}"
        if any(tables[other].knows(hint) and found[other] != hint for other in found)
        else hint
        for test, hint in found.items()
        if hint is not None
    }


def generator(test: Callable[..., None], seed: int = 0) -> np.random.Generator:
    """Make the generator of a test: the same for everyone, another one for each test."""
    return np.random.default_rng([seed, zlib.crc32(test.__name__.encode())])


def fixtures(test: Callable[..., None], student: Any) -> dict[str, Any]:
    """Make the fixtures of a visible test."""
    return {"student": student, "rng": generator(test)}


def build(
    functions: Iterable[Callable[..., None]],
    mistakes: Sequence[tuple[str, Any]],
    right: Sequence[Any],
    *,
    fixtures: Callable[[Callable[..., None], Any], Mapping[str, Any]] = fixtures,
) -> dict[str, list[dict[str, Any]]]:
    """Write down what each mistake gives back on each test that it fails.

    Parameters
    ----------
    functions : iterable of tests
    mistakes : sequence of (hint, namespace)
    right : sequence of namespaces
        The solution and its alternatives, none of which may ever earn a hint.
    fixtures : callable
        ``fixtures(test, namespace)`` makes the fixtures of a test.

    Returns
    -------
    dict
        By test, a list of ``{"digests": [a, b], "hint": ...}``. What two mistakes with different
        hints have in common is left out, and so is what says too little to tell mistakes apart.
    """
    book = {}
    for test in functions:
        right_logs = [run_test(test, fixtures(test, space)).log for space in right]
        table = Table()
        for hint, space in mistakes:
            result = run_test(test, fixtures(test, space))
            if result.outcome == "failed":
                table.add(result.log, hint, right_logs)
        taken = {digest for log in right_logs for digest in fingerprint(log)}
        entries = [entry for entry in table.entries() if not taken.intersection(entry["digests"])]
        if entries:
            book[test.__name__] = entries
    return book


def _telling(log: Sequence[Any], right: Iterable[Sequence[Any]]) -> bool:
    """Whether a log says enough: some wrong numbers that are not all zero or all alike."""
    if any(isinstance(value, BaseException) for value in log):
        return False
    known = {fingerprint([value]) for other in right for value in other}
    wrong = [value for value in log if fingerprint([value]) not in known]
    seen: set[float] = {0.0}
    said = 0
    for number in (abs(number) for value in wrong for number in _floats(value)):
        if number not in seen:
            seen.add(number)
            said += 1 if _is_round(number) else 3
        if said >= 3:
            return True
    return False


def _floats(value: Any) -> Iterable[float]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _floats(item)
    elif isinstance(value, Mapping):
        yield from _floats(list(value.values()))
    elif isinstance(value, (bool, int, float, np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            yield from (float(x) for x in array.ravel() if np.isfinite(x))


def _is_round(number: float) -> bool:
    """Whether a number is a multiple of 1/2, …, 1/12, as toy cases and counts are."""
    return any(abs(number * k - round(number * k)) < 1e-9 for k in range(1, 13))
