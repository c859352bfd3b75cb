"""From learning platforms' downloads to ``submitted/``, with every hand-in kept.

nbgrader's ``zip_collect`` does the collecting, with plugins of this kit; see `zipcollect`.
"""

from __future__ import annotations

from autograder.course.collect.command import run

__all__ = ["run"]
