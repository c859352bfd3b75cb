"""What tests of students' code are written with.

A test is a plain function. Its first docstring line is the sentence that the student reads, and its
parameters are fixtures: ``student``, ``rng`` and, in hidden tests, ``reference``.
"""

from __future__ import annotations

from autograder.checking.comparing import (
    Mismatch,
    assert_close,
    assert_float32,
    assert_keeps_float32,
    assert_unchanged,
    strictly,
)
from autograder.checking.marks import exercise
from autograder.checking.student import Expression, Student, StudentError

__all__ = [
    "Expression",
    "Mismatch",
    "Student",
    "StudentError",
    "assert_close",
    "assert_float32",
    "assert_keeps_float32",
    "assert_unchanged",
    "exercise",
    "strictly",
]
