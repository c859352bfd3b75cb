"""What a notebook allows and Python does not is taken out; the code stays."""

from __future__ import annotations

import ast

import pytest

from autograder.checking.magics import foreign, strip


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("x = 1", "x = 1"),
        ("%matplotlib inline\nx = 1", "x = 1"),
        ("!pip install torch\nx = 1", "x = 1"),
        ("files = !ls\nx = 1", "x = 1"),
        ("np.sum?\nx = 1", "x = 1"),
        ("%%time\nx = 1", "x = 1"),
        ("if True:\n    !ls\n    x = 1", "x = 1"),
    ],
)
def test_magic_goes_and_code_stays(source: str, kept: str) -> None:
    stripped = strip(source)
    ast.parse(stripped)
    assert kept in stripped
    assert "get_ipython" not in stripped


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile x.py", "%%HTML", "%%python3", "%%!"])
def test_a_cell_of_something_else_is_dropped_and_named(magic: str) -> None:
    source = f"%%time\n{magic}\nx = 1"
    assert strip(source) == "" and foreign(source) == magic.split()[0]


@pytest.mark.parametrize(
    "magic", ["%%time", "%%wandb", "%%memit -r 3", "%%unheard_of", "%%capture"]
)
def test_the_python_below_any_other_magic_is_kept(magic: str) -> None:
    assert strip(f"{magic}\nx = 1") == "x = 1" and foreign(f"{magic}\nx = 1") == ""
    assert "x = 1" in strip(f"{magic}\n%matplotlib inline\nx = 1")


def test_what_is_no_python_below_an_unknown_magic_is_dropped() -> None:
    assert strip("%%unheard_of\nselect * from cells") == ""
    assert foreign("%%unheard_of\nselect * from cells") == "%%unheard_of"


def test_what_nothing_can_read_comes_back_as_it_is() -> None:
    deep = "%matplotlib inline\nx = a" + ".b" * 1500
    for source in ("def f(:", "(" * 10_000, "%%\x00", "%%time\n" * 10_000, '=%"""0', deep):
        strip(source)
    assert strip("def f(:") == "def f(:"


def test_cell_magics_may_stand_above_each_other() -> None:
    assert strip("%%time\n\n%%capture\n%matplotlib inline\nx = 1") == "pass\nx = 1"
