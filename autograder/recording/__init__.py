"""Verdicts into nbgrader's gradebook, and nbgrader's own commands into our judge."""
