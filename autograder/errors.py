"""The one base of every exception whose text is for a person."""

from __future__ import annotations


class UserError(Exception):
    """Something that an author, an instructor or a student can mend.

    Its text says in one sentence what is wrong and what to do; the command line prints it without
    a traceback.
    """
