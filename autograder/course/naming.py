"""What a person may be called, letter by letter: which spellings are one name, and which are two.

A spelling is compared as it stands first, then without its case, and in the end without the marks
of its Latin letters. In other scripts marks are letters: राम and रमा are two persons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import product

Fold = Callable[[str], str]

SUFFIX = re.compile(r"(s|sn|j|jn)r|senior|junior|i{2,3}|iv|vi?|esq|phd")
#: What the marks are taken off by name: what is left is another letter, or two.
LIGATURES = {"ı": "i", "æ": "ae", "œ": "oe"}
#: Chooses between emoji's and letters' shapes, and is no letter.
VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def unmarked(text: str) -> str:
    """Take the marks off Latin letters, and off no others."""
    kept, latin = [], False
    for character in unicodedata.normalize("NFKD", text.casefold()):
        if unicodedata.category(character)[0] != "M":
            name = unicodedata.name(character, "")
            latin = name.startswith("LATIN ")
            kept.append(_plain(character, name) if latin else character)
        elif not latin:
            kept.append(character)
    return "".join(kept)


def _plain(letter: str, name: str) -> str:
    if " WITH " in name:  # ø, ł and đ are letters of their own, and have no parts
        letter = unicodedata.lookup(name.partition(" WITH ")[0])
    return LIGATURES.get(letter, letter)


#: From strict to loose; the last alone takes off marks.
FOLDS: tuple[Fold, ...] = (str.lower, str.casefold, unmarked)
#: Words apart, and together: platforms leave out what stands between them.
SHAPES = (" ", "")
#: Every way to compare: the fold, the shape, and whether the order of words may differ.
WAYS = tuple(product(FOLDS, SHAPES, (False, True)))


def words(text: str, fold: Fold = str.casefold) -> list[str]:
    """Part a name into words of letters, marks and digits."""
    text = unicodedata.normalize("NFC", fold(unicodedata.normalize("NFC", text)))
    kept = (_letter(character) for character in VARIATION.sub("", text))
    return "".join(kept).split()


def _letter(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LN" or category in ("Mn", "Mc"):
        return character
    return "" if category == "Cf" else " "  # direction marks stand inside words


def literal(text: str) -> str:
    """Give a word that is one or is not: an id or an address, whatever its case."""
    return unicodedata.normalize("NFC", text.strip().casefold())


def orders(first: list[str], last: list[str], sortable: bool) -> tuple[list[str], list[list[str]]]:
    """Give a name's words as a platform writes them, and in every order that it may also have.

    Sortable names begin with the last name, or with what a platform takes for it, and may put a
    suffix such as Jr. at their end.
    """
    whole = first + last
    rotated = list(_rotations(whole))
    bare = [word for word in whole if not SUFFIX.fullmatch(word)]
    suffixes = [word for word in whole if SUFFIX.fullmatch(word)]
    if bare and suffixes:
        rotated += [rotation + suffixes for rotation in _rotations(bare)]
    return (last + first if sortable else whole), rotated


def _rotations(whole: list[str]) -> Iterator[list[str]]:
    for start in range(len(whole)):
        yield whole[start:] + whole[:start]
