"""Formulas in TeX, typeset as MathML: browsers draw it themselves, without script or network."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element

LONGEST = 4096
#: A macro defined by two of another, twenty times over, fills a machine's memory.
MACROS = re.compile(r"\\(def|gdef|edef|let|(re|provide)?newcommand|providecommand)(?![A-Za-z])")
TAGS = re.compile(
    "math|mfrac|mi|mn|mo|mover|mpadded|mphantom|mroot|mrow|mspace|msqrt|mstyle|msub|msubsup|msup|"
    "mtable|mtd|mtext|mtr|munder|munderover"
)
ATTRIBUTES = re.compile(
    "accent|columnalign|columnspacing|display|displaystyle|fence|form|linethickness|lspace|"
    "mathvariant|maxsize|minsize|movablelimits|rowspacing|rspace|scriptlevel|stretchy|width"
)
#: The space after a row, which latex2mathml would print.
ROW_SPACE = re.compile(r"(?<!\\)(\\\\)\s*\[[\d.]+\s*(?:pt|mm|cm|in|ex|em|px)\]")
VALUE = re.compile(r"[\w.% -]{1,40}")
#: What MathML in browsers leaves to style sheets.
STYLE = """\
math {
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre", math;
}
math[display="block"] { margin: 0.9em 0; overflow-x: auto; overflow-y: hidden; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; padding-right: 0; }
mtd[columnalign="right"] + mtd { padding-left: 0; }
[mathvariant="bold"], [mathvariant="bold-italic"] { font-weight: bold; }
[mathvariant="bold"] { text-transform: none; }
[mathvariant="monospace"] { font-family: monospace; text-transform: none; }
"""


@lru_cache(maxsize=4096)
def typeset(tex: str, *, block: bool) -> str:
    """Typeset a formula; give it back as text, to be read, where that cannot be done.

    Parameters
    ----------
    tex : str
        The formula without its dollar signs, from whomever.
    block : bool
        Whether it stands in a line of its own.

    Returns
    -------
    str
        HTML with no tag, attribute or value that is not on a list here.
    """
    if len(tex) <= LONGEST and not MACROS.search(tex):
        try:
            display = "block" if block else "inline"
            formula = convert_to_element(ROW_SPACE.sub(r"\1", tex), display=display)
            return tostring(_allowed(formula), encoding="unicode", short_empty_elements=False)
        except Exception:  # it says what it stumbles over in many ways, as RecursionError too
            pass
    tag, dollars = ("pre", "$$") if block else ("code", "$")
    return f"<{tag}>{escape(dollars + tex + dollars, quote=False)}</{tag}>"


def _allowed(found: Element) -> Element:
    """Copy an element with what is known to be harmless.

    latex2mathml keeps ``\\href`` and ``\\style``, and its own way to a string makes a tag of
    ``\\text{<script>}``.
    """
    kept = Element(found.tag if TAGS.fullmatch(found.tag) else "mrow")
    for name, value in found.attrib.items():
        if ATTRIBUTES.fullmatch(name) and VALUE.fullmatch(value):
            kept.set(name, value)
    kept.text = unescape(found.text or "")
    kept.extend(_allowed(child) for child in found)
    return kept
