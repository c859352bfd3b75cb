"""Named mistakes recognised by what they give back, without a line of solution.

The build runs every test on every named mistake and writes down a digest of what the wrong code
gave back. A student's code earns a mistake's hint if it gives the same in every test that the
mistake fails: code that gets one of them right, or wrong in another way, makes another mistake.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.recorder import Recorder
from autograder.checking.resemblance.pair import is_round_number
from autograder.checking.running import blaming, run_test
from autograder.checking.student import Student, leaves_of
from autograder.errors import UserError
from autograder.files import read_text, shown

__all__ = ["Lesson", "Recorder", "build", "earned", "fingerprint", "load"]

FILE = "hints.json"
#: Values are told apart by six digits of the array's largest one, by three in float32.
QUANTUM, QUANTUM_SINGLE = 1e-6, 1e-3
#: How much a mistake has to tell before it is known again: one wrong number that is no round one.
ENOUGH = 3
#: Whole numbers beyond so many are digested as they are: as text they would fill the memory.
LARGE = 100_000
#: How many values, and how many numbers in their arrays, are digested: mistakes give a hundredth.
MOST_VALUES, MOST_NUMBERS = 10_000, 2_000_000
#: Two roundings whose borders lie apart, and apart from the round numbers of toy cases.
SHIFTS = (math.sqrt(2) - 1, math.sqrt(2) - 0.5)


def fingerprint(log: Sequence[Any]) -> tuple[str, ...]:
    """Digest what a student's code gave back, twice; not at all if that is very much.

    Structure, shapes and dtype kinds enter exactly, and so do strings and whole numbers; other
    numbers enter rounded to six digits of the largest in their array, and exceptions by their kind.
    Rounding errors may carry a number over one border, so the digests round at different borders:
    two logs agree if either digest does.
    """
    return () if _is_much(log) else tuple(_digest(log, shift) for shift in SHIFTS)


def _is_much(log: Sequence[Any]) -> bool:
    """Whether to digest a log would take seconds, or gigabytes."""
    values, numbers, left = 0, 0, [*log]
    while left and values <= MOST_VALUES and numbers <= MOST_NUMBERS:
        value = left.pop()
        values += 1
        if isinstance(value, (tuple, list)):
            left += value
        elif isinstance(value, Mapping):
            left += [*value, *value.values()]
        elif isinstance(value, (str, bytes)):
            numbers += len(value)
        elif isinstance(value, np.ndarray):
            numbers += value.size
    return bool(left) or values > MOST_VALUES or numbers > MOST_NUMBERS


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
    quantum = QUANTUM if array.dtype.itemsize >= 8 else QUANTUM_SINGLE
    array = array.astype(np.float64)
    finite = np.isfinite(array)
    yield repr(array[~finite].tolist()).encode() + np.packbits(finite).tobytes()
    numbers = array[finite]
    scale = float(np.abs(numbers).max(initial=0.0))
    if scale > 0:
        yield str(math.floor(math.log(scale) / quantum + shift)).encode()
        yield np.floor(numbers / scale / quantum + shift).astype("<i8").tobytes()


def load(folder: Path | str) -> dict[str, Any]:
    """Read an assignment's hints; a folder without any has none."""
    path = Path(folder) / FILE
    try:
        return json.loads(read_text(path)) if path.is_file() else {}
    except ValueError:
        raise UserError(f"{shown(path)} is damaged; unpack the assignment anew.") from None


@dataclass(frozen=True)
class Lesson:
    """What one named mistake gives, in each test that it fails, and the hint that it earns."""

    hint: str
    digests: Mapping[str, Sequence[str]]

    def explains(self, failed: Mapping[str, Collection[str]], passed: Collection[str]) -> list[str]:
        """List the failed tests that this mistake fails alike; none if any test speaks against it.

        A test of which nothing is known (the process died, say) speaks for and against nothing.
        """
        if any(test in passed for test in self.digests):
            return []
        told = [test for test in self.digests if test in failed]
        agrees = all(set(self.digests[test]).intersection(failed[test]) for test in told)
        return told if agrees else []


def earned(
    lessons: Iterable[Lesson],
    failed: Mapping[str, Collection[str]],
    passed: Collection[str] = (),
) -> dict[str, str]:
    """Give failed tests the hint of the mistake that was made.

    Where several fit, the one that explains all that the others do is the simplest explanation; if
    that leaves two, nobody can tell them apart and nothing is said.

    Parameters
    ----------
    lessons : iterable of Lesson
        The named mistakes of an exercise.
    failed : mapping
        What the student's code gave, by failed test.
    passed : collection of str
        The tests that it passes.

    Returns
    -------
    dict
        The hints, by test.
    """
    made = [(set(tests), each.hint) for each in lessons if (tests := each.explains(failed, passed))]
    found = {}
    for test in failed:
        fit = [(tests, hint) for tests, hint in made if test in tests]
        hints = {hint for tests, hint in fit if all(tests >= others for others, _ in fit)}
        if len(hints) == 1:
            found[test] = hints.pop()
    return found


def generator(test: Callable[..., None], seed: int = 0) -> np.random.Generator:
    """Make the generator of a test: the same for everyone, another one for each test."""
    return np.random.default_rng([seed, zlib.crc32(test.__name__.encode())])


def fixtures(test: Callable[..., None], student: Student) -> dict[str, Any]:
    """Make the fixtures of a visible test."""
    return {"student": student, "rng": generator(test)}


def build(
    functions: Iterable[Callable[..., None]],
    mistakes: Sequence[tuple[str, Student]],
    right: Sequence[Student],
    *,
    fixtures: Callable[[Callable[..., None], Student], Mapping[str, Any]] = fixtures,
) -> list[Lesson]:
    """Learn what each mistake gives in the tests of its exercise.

    Parameters
    ----------
    functions : iterable of tests
    mistakes : sequence of (hint, student)
    right : sequence of students
        The solution and its alternatives: what they give too says nothing of a mistake.
    fixtures : callable
        ``fixtures(test, student)`` makes the fixtures of a test.

    Returns
    -------
    list of Lesson
        Without the mistakes that say too little to be told from others.
    """
    digests: list[dict[str, tuple[str, ...]]] = [{} for _ in mistakes]
    said = [0 for _ in mistakes]
    for test in functions:
        with blaming(test):
            logs = [run_test(test, fixtures(test, space)).log for space in right]
            results = [run_test(test, fixtures(test, space)) for _, space in mistakes]
        for number, result in enumerate(results):
            if result.outcome != "passed":
                digests[number][test.__name__] = fingerprint(result.log)
                said[number] += min((_evidence(result.log, log) for log in logs), default=ENOUGH)
    return [
        Lesson(hint, given)
        for (hint, _), given, points in zip(mistakes, digests, said, strict=True)
        if points >= ENOUGH
    ]


def _evidence(log: Sequence[Any], right: Sequence[Any]) -> int:
    """Weigh what a log tells of a mistake: three for a wrong number that nobody would guess.

    Anything else that is wrong counts one, and so does what is right beside it. Nothing but zeros,
    infinities and NaN tells of no mistake in particular.
    """
    if any(isinstance(value, BaseException) for value in log):
        return 0
    leaves, known = dict(leaves_of(log)), dict(leaves_of(right[: len(log)]))
    wrong, sound, blank = len(leaves.keys() ^ known.keys()), 0, False
    seen: set[float] = set()
    for path, leaf in leaves.items():
        off = _wrong_entries(leaf, known.get(path))
        if leaf.dtype.kind not in "biuf" or (leaf.ndim == 0 and leaf.dtype.kind != "f"):
            wrong, sound = wrong + int(off.sum()), sound + int((~off).sum())
            continue
        sizes = np.abs(leaf.astype(np.float64))
        blank |= bool(np.any(off & ~(np.isfinite(sizes) & (sizes > 0))))
        sound += int(np.count_nonzero(~off & (sizes > 0)))
        seen.update(sizes[off & np.isfinite(sizes) & (sizes > 0)][:LARGE].tolist())
    wrong += sum(1 if is_round_number(size) else ENOUGH for size in seen)
    wrong += blank and sound > 0
    return wrong and wrong + min(sound, ENOUGH - 1)


def _wrong_entries(leaf: np.ndarray, right: np.ndarray | None) -> np.ndarray:
    """Mark the entries of an array that are not those of the right one."""
    if right is None or right.shape != leaf.shape:
        return np.ones(leaf.shape, bool)
    if leaf.dtype.kind != "f" or right.dtype.kind != "f":
        return np.asarray(leaf != right)
    return np.asarray(~np.isclose(leaf, right, rtol=1e-6, atol=1e-12, equal_nan=True))
