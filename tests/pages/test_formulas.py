"""Formulas: typeset where they can be, text where they cannot, and never anything else."""

from __future__ import annotations

import itertools
import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.pages.formulas import ATTRIBUTES, TAGS, typeset


class Elements(HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_formula_is_mathml() -> None:
    made = typeset(r"\frac{1}{N} \sum_n x_n", block=True)
    assert made.startswith('<math display="block">') and "$" not in made
    assert Elements(made).tags.count("mfrac") == 1
    assert "∑" in Elements(made).text


def test_the_space_after_a_row_is_not_printed() -> None:
    made = typeset(r"\begin{cases} 1 & x \\[2ex] 0 & y \end{cases}", block=True)
    assert "ex" not in Elements(made).text
    assert "[1]" in Elements(typeset(r"a \\ {[}1] \text{ [1]}", block=True)).text


@pytest.mark.parametrize(
    "tex",
    [r"\frac", "a_b_c", r"\begin{aligned} a", "{" * 3000, "x" * 5000, r"\def\a{\a\a}\a"],
)
def test_what_cannot_be_typeset_is_shown_as_it_was_written(tex: str) -> None:
    assert typeset(tex, block=False) == f"<code>${tex}$</code>"
    assert typeset(tex, block=True) == f"<pre>$${tex}$$</pre>"


def test_macros_that_double_are_not_expanded() -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    doubling = "".join(
        rf"\newcommand{{\{name}}}{{\{before}\{before}}}"
        for before, name in itertools.pairwise(names)
    )
    began = time.process_time()
    assert typeset(rf"\def\a{{x}}{doubling}\z", block=True).startswith("<pre>")
    assert time.process_time() - began < 0.5


HOSTILE = [
    r"\text{<script>alert(1)</script>}",
    r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
    r"\mathrm{<img src=x onerror=alert(1)>}",
    r"\operatorname{</math><script>}",
    r"\href{javascript:alert(1)}{x}",
    r"\style{position: fixed; background: url(https://example.org)}{x}",
    r"\class{full-credit}{x}",
    r"\color{red;background:url(//example.org)}{x}",
    r"\unicode{<b>}",
    "x<y><img src=//example.org/x>",
    '\\hspace{1em" onmouseover="alert(1)}',
    r"\frac<img/src=x/onerror=alert(1)>",
    r"\mbox{<annotation-xml encoding='text/html'><b onclick=alert(1)>}",
]


@pytest.mark.parametrize("block", [True, False])
@pytest.mark.parametrize("tex", HOSTILE)
def test_a_formula_brings_no_other_element(tex: str, block: bool) -> None:
    found = Elements(typeset(tex, block=block))
    assert all(TAGS.fullmatch(tag) or tag in ("pre", "code") for tag in found.tags)
    assert all(ATTRIBUTES.fullmatch(name) for name in found.attributes)


PIECES = st.sampled_from(
    [*HOSTILE, *"{}[]&^_<>\"'\\$%~ xn1", r"\\", r"\frac", r"\left(", r"\right)", r"\text", r"\href"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_formula_breaks_or_escapes(tex: str) -> None:
    found = Elements(typeset(tex, block=False))
    assert all(TAGS.fullmatch(tag) or tag == "code" for tag in found.tags)
    assert all(ATTRIBUTES.fullmatch(name) for name in found.attributes)
    assert not re.search("script|img", " ".join(found.tags))
