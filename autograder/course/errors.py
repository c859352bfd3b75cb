"""What keeps a course from being used."""

from __future__ import annotations

from autograder.errors import UserError


class CourseError(UserError):
    """A course cannot be used as it stands; the message says why and what to do."""


class Incomplete(CourseError):
    """Something could not be done for some submissions; it was for all the others."""
