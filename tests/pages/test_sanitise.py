"""What a student wrote is shown as it is where it is harmless, and as text where it is not."""

from __future__ import annotations

import pytest

from autograder.pages import sanitise

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@pytest.mark.parametrize(
    "text",
    [
        "# Why\n\n$a < b$ & so on",
        "## The *gradient*\n\n$$\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}$$",
        "### Bias\n\n$\\left[ \\frac{1}{N} \\right]$ as in [the notes](https://example.org)",
        "| a | b |\n|:--|--:|\n| $x$ | [2](#bias) |",
        "- [ ] one\n- [x] two",
        "```python\ndef f(x):\n    return x  # one\n```",
        f"![d](data:image/png;base64,{PIXEL})",
    ],
)
def test_ordinary_answers_stay_as_they_are(text: str) -> None:
    assert sanitise.markdown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "![d](https://example.org/seen.png)",
        "![d](//example.org/seen.png)",
        "![d](../../gradebook.db)",
        "![d](attachment:photo.png)",
        "<img src='/formgrader/api/assignments'>",
        "# <form action=x>",
        "<input type='text' placeholder='password'>",
        "<td style='background: url(https://example.org)'>",
        "<a href='data:text/html,x'>x</a>",
        "<p id='formgrader'>x</p>",
        '<h3 id="MLP">',
        '# <b id="MLP">x</b>',
        '<a name="MLP">x</a>',
        "<b class='full-credit'>Click here to see my figure.</b>",
        "<a class='navbar-fixed-top' href='https://example.org'>Log in again</a>",
    ],
)
def test_what_loads_or_asks_for_anything_is_shown_as_text(text: str) -> None:
    assert sanitise.markdown(text) == f"`````\n{text}\n`````"


def test_an_attached_picture_is_shown() -> None:
    text = "![d](attachment:photo.png)"
    assert sanitise.markdown(text, frozenset({"photo.png"})) == text


def test_html_keeps_only_pictures_that_it_brings_along() -> None:
    inline = f'<img src="data:image/png;base64,{PIXEL}">'
    assert sanitise.html(inline) == inline
    for source in ("x.png", "/x.png", "//x", "https://x/y.png", "data:image/svg+xml;base64,AA=="):
        assert sanitise.html(f'<img src="{source}">') == "<img>"
    for target in ("data:text/html,x", " da\nta:text/html,x", "javascript:x"):
        assert sanitise.html(f'<a href="{target}">y</a>') == "<a>y</a>"


def test_html_takes_no_look_of_the_page_around_it() -> None:
    assert sanitise.html('<b class="full-credit">x</b>') == "<b>x</b>"
    assert sanitise.html('<table class="dataframe modal"></table>') == (
        '<table class="dataframe"></table>'
    )


def test_what_would_take_hours_to_render_is_shown_as_text() -> None:
    for text in ("# [a\n" * 200_000, "\\\\[ " * 200_000, "*a**" * 200_000):
        assert sanitise.markdown(text) == sanitise.verbatim(text)
