"""Student code in confined processes of its own: an oracle, typed values in, typed values out."""

from autograder.sandbox.confine import LAYERS, Isolation, Limits, survey
from autograder.sandbox.process import (
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
from autograder.sandbox.users import SLOTS

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
