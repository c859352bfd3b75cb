"""Student code in confined processes of its own: an oracle, typed values in, typed values out."""

from autograder.student.confine import LAYERS, Isolation, Limits, survey
from autograder.student.remote import (
    ONE_THREAD,
    CellOutcome,
    ParentError,
    ParentGone,
    ProtocolError,
    StudentDied,
    StudentError,
    StudentProcess,
    WarmParent,
)
from autograder.student.users import SLOTS

__all__ = [
    "LAYERS",
    "ONE_THREAD",
    "SLOTS",
    "CellOutcome",
    "Isolation",
    "Limits",
    "ParentError",
    "ParentGone",
    "ProtocolError",
    "StudentDied",
    "StudentError",
    "StudentProcess",
    "WarmParent",
    "survey",
]
