"""Student code in confined processes of its own: typed values in, typed values out."""

from autograder.checking.student import StudentError
from autograder.sandbox.confine import survey
from autograder.sandbox.errors import ParentError, ParentGone, ProtocolError, StudentDied
from autograder.sandbox.limits import LAYERS, Isolation, Limits
from autograder.sandbox.process import CellOutcome, StudentProcess
from autograder.sandbox.users import SLOTS
from autograder.sandbox.warm_parent import ONE_THREAD, WarmParent

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
