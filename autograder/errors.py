"""The base of every exception whose text is for a person; what is said of a person's own code."""

from __future__ import annotations

import traceback
from pathlib import Path

_KIT = str(Path(__file__).parent)


class UserError(Exception):
    """Something that an author, an instructor or a student can mend.

    Its text says in one sentence what is wrong and what to do; the command line prints it without
    a traceback.
    """


def told(error: BaseException, filename: str, shown: str = "", above: int = 0) -> str:
    """Say in one sentence where somebody's own code raised an exception, and what that says.

    Parameters
    ----------
    error : BaseException
    filename : str
        The file, as it was compiled.
    shown : str
        How the file is named to a person.
    above : int
        How many lines of the file stand above the first that was compiled.
    """
    line, deepest = _lines(error, filename)
    where = f"{shown or filename}, line {line + above}" if line else shown or filename
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    if isinstance(error, UserError):
        return f"{where}: {said}"
    kind = type(error).__name__
    return f"{where}: {f'{kind}: {said}' if said else kind}{deepest}; mend it."


def _lines(error: BaseException, filename: str) -> tuple[int | None, str]:
    """Find the file's line that raised; and where it did so in the kit, which may be at fault."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno, ""
    line, deepest = None, ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename
        if path == filename:
            line, deepest = number, ""
        elif line and path.startswith(_KIT):
            deepest = f" (raised in {path}, line {number})"
    ours = type(error).__module__.partition(".")[0] == __name__.partition(".")[0]
    return line, "" if ours else deepest
