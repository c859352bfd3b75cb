"""What tests of students' code are written with.

A test is a plain function. Its first docstring line is the sentence that the student reads, and its
parameters are fixtures: ``student``, ``rng`` and, in hidden tests, ``reference``.
"""

from __future__ import annotations

from autograder.checking.arrays import each, single
from autograder.checking.comparing import (
    Lent,
    Mismatch,
    assert_close,
    assert_float32,
    assert_raises,
    assert_returns_float32,
    assert_unchanged,
    strictly,
)
from autograder.checking.families import (
    Case,
    Right,
    assert_caches,
    assert_gives,
    assert_keeps_float32,
    assert_leaves_inputs_alone,
)
from autograder.checking.marks import exercise
from autograder.checking.student import Expression, Student, StudentError, evaluated

__all__ = [
    "Case",
    "Expression",
    "Lent",
    "Mismatch",
    "Right",
    "Student",
    "StudentError",
    "assert_caches",
    "assert_close",
    "assert_float32",
    "assert_gives",
    "assert_keeps_float32",
    "assert_leaves_inputs_alone",
    "assert_raises",
    "assert_returns_float32",
    "assert_unchanged",
    "each",
    "evaluated",
    "exercise",
    "single",
    "strictly",
]
