"""What the documentation shows can be done: its code runs, its commands and links exist."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest
from typer.main import get_command

from autograder.cli.app import app
from autograder.course import settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("reference/*/README.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> Iterator[Any]:
    for page in PAGES:
        for number, (language, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
            if language == kind:
                yield pytest.param(page, text, id=f"{page.relative_to(ROOT)}-{number}")


def names() -> dict[str, Any]:
    """What a reader of the page has at hand."""
    x, w, b = np.ones((4, 3)), np.ones((3, 2)), np.ones(2)
    return {
        "np": np,
        "x": x,
        "w": w,
        "b": b,
        "linear_forward": lambda x, w, b: (x @ w + b, (x, w, b)),
        "linear_backward": lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout.sum(0)),
        "check": lambda name: None,
    }


@pytest.mark.parametrize(("page", "text"), list(blocks("python")))
def test_python_runs(page: Path, text: str) -> None:
    known = names()
    cells = jupytext.reads(text, fmt="py:percent").cells if "# %%" in text else None
    for source in (cell.source for cell in cells if cell.cell_type == "code") if cells else [text]:
        exec(compile(source, str(page), "exec"), known)


@pytest.mark.parametrize(("page", "text"), list(blocks("toml")))
def test_settings_are_understood(page: Path, text: str, tmp_path: Path) -> None:
    if page.name == "authors.md":
        assert tomllib.loads(text)
        return
    seed = "" if "seed =" in text else "seed = 1\n"
    (tmp_path / "course.toml").write_text(seed + text)
    settings.read(tmp_path / "course.toml")


def commands() -> Iterator[Any]:
    for page in PAGES:
        shown = re.findall(
            r"(?:^|`)(?:\.venv/bin/)?autograder (?!import)([a-z][^`\n#]*)",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for line in dict.fromkeys(shown):
            yield pytest.param(line.strip(), id=f"{page.name}: {line.strip()}")


@pytest.mark.parametrize("line", list(commands()))
def test_commands_and_their_options_exist(line: str) -> None:
    name, *words = line.split()
    known = get_command(app).commands  # type: ignore[attr-defined]
    assert name in known
    options = {option for parameter in known[name].params for option in parameter.opts}
    asked = {word.split("=")[0] for word in words if word.startswith("--") and word != "--"}
    assert asked <= options | {"--help", "--no-browser", "--port"}


def test_makefile_targets_in_the_docs_exist() -> None:
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for _, text in BLOCK.findall(page.read_text()):
            for target in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE):
                assert target in there, (page, target)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page, target)
