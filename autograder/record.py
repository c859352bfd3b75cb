"""Where the ``nbgrader_config.py`` of every course made so far looks for `configure`."""

from __future__ import annotations

from autograder.recording.configure import configure

__all__ = ["configure"]
