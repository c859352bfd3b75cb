"""How a student process ends, and how its parent fails."""

from __future__ import annotations

from autograder.errors import UserError


class StudentDied(Exception):
    """A student process is over.

    Attributes
    ----------
    status : str
        ``timed_out``, ``out_of_memory`` or ``crashed``.
    doubtful : bool
        Whether something else on the machine may have been the cause.
    """

    def __init__(self, status: str, message: str, doubtful: bool | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.doubtful = status != "crashed" if doubtful is None else doubtful


class ProtocolError(StudentDied):
    """A student process sent something that is not an answer, and was ended for it."""

    def __init__(self, message: str) -> None:
        super().__init__("crashed", message)


class ParentError(UserError):
    """The warm parent could not start, or has ended: never the student's fault."""


class Refused(ParentError):
    """A student process could not be confined."""

    def __init__(self, why: str) -> None:
        super().__init__(f"A student process could not be confined; run `autograder doctor`: {why}")


class ParentGone(ParentError):
    """The warm parent has ended; another one can do its work."""

    def __init__(self) -> None:
        super().__init__("The warm parent has ended; start the grading again.")
