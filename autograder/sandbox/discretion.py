"""What a student may be told of an exception that was raised on hidden inputs.

The exception comes from a process in which the student may have forged all of it, so it is held to
what does not depend on the inputs: lines are quoted from the submission, kinds are Python's and
NumPy's or the submission's own, and of a message the words stay and whatever may be data goes. What
people need is left: "operands could not be broadcast together with shapes (3,4) (4,)".
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable

import numpy as np

HIDDEN = "…"
LONGEST_LINE = 200
#: Sizes are short and few; data is neither.
LONGEST_INTEGER = 4
MOST_NUMBERS = 12
LONGEST_WORD = 24
MOST_SOURCE = 2**18
#: Characters that all messages of a submission together may tell once it has seen inputs: what
#: people need is said in a few, and the rest could spell what was seen.
MOST_TOLD = 1000
UNTOLD = "(no more is told: this submission has said much)"
_EXCEPTIONS = {
    *(name for name, kind in vars(builtins).items() if isinstance(kind, type)),
    *dir(np.exceptions), "LinAlgError", "_ArrayMemoryError", "UFuncTypeError",
    "_UFuncNoLoopError", "_UFuncBinaryResolutionError", "_UFuncInputCastingError",
    "_UFuncOutputCastingError", "TooLarge",
}  # fmt: skip
_TYPES = re.compile(r"(u?int|float|complex|bool|str|bytes)\d+_?|\d+(st|nd|rd|th|d|D)")
_TOKEN = re.compile(r"\d+(?:\.\d*)?(?:e[-+]?\d+)?j?(?!\w)|\.\d+(?:e[-+]?\d+)?j?(?!\w)|\w+", re.I)


class Discretion:
    """What is known of a submission, by which what it says of itself is judged.

    Parameters
    ----------
    free : iterable of str
        Messages that the assignment itself has written, as stubs raise them.

    Attributes
    ----------
    cells : dict
        The sources that were run, by the names of their cells.
    asked : set
        The names that the judge has asked for.
    strict : bool
        Whether the submission has been given anything to tell of yet, in this process or another.
    """

    def __init__(self, free: Iterable[str] = ()) -> None:
        self.free = frozenset(free)
        self.cells: dict[str, str] = {}
        self.asked: set[str] = set()
        self.strict = False
        self._known: set[str] | None = None
        self._left = MOST_TOLD
        self._told: set[str] = set()

    def add(self, cell: str, source: str) -> None:
        """Take note of a cell that is run."""
        self.cells[cell] = source
        self._known = None

    def kind(self, said: str) -> str:
        """Give the kind of an exception; ``Exception`` for one that nobody has written down."""
        known = said.isidentifier() and (said in _EXCEPTIONS or self._wrote(said))
        return said if known else "Exception"

    def frame(self, cell: str, line: int, function: str) -> tuple[str, int, str, str] | None:
        """Give a frame with its line quoted from the submission; None if there is no such line."""
        lines = self.cells.get(cell, "").splitlines()
        if not 1 <= line <= len(lines):
            return None
        known = function in ("<module>", "<lambda>") or self._wrote(function)
        return cell, line, function if known else "?", lines[line - 1].strip()[:LONGEST_LINE]

    def message(self, said: str) -> str:
        """Give a message without what may be data, as long as the submission has not said much."""
        if not self.strict or said in self.free:
            return said
        text = self._without_data(said)
        if text not in self._told:
            if len(text) > self._left:
                return UNTOLD
            self._told.add(text)
            self._left -= len(text)
        return text

    def _without_data(self, said: str) -> str:
        count = 0

        def word(found: re.Match[str]) -> str:
            nonlocal count
            token = found[0]
            if token[0].isdigit() or token[0] == ".":
                count += 1
                short = token.isdecimal() and len(token) <= LONGEST_INTEGER
                told = count <= MOST_NUMBERS and (short or self._wrote(token))
                return token if told else HIDDEN
            mixed = any(c.isdigit() for c in token) and not _TYPES.fullmatch(token)
            strange = mixed or len(token) > LONGEST_WORD or not token.isascii()
            if strange and not self._wrote(token):
                return HIDDEN
            return token

        return re.sub(rf"-?{HIDDEN}(\W{{0,4}}{HIDDEN})*", HIDDEN, _TOKEN.sub(word, said))

    def _wrote(self, text: str) -> bool:
        """Whether the submission itself has a word, or the judge has asked for it."""
        if self._known is None:
            self._known = set(_TOKEN.findall("\n".join(self.cells.values())[:MOST_SOURCE]))
        return text in self._known or text in self.asked
