"""A line that looks like a marker and is none would ship a solution: it is refused."""

from __future__ import annotations

import pytest

from autograder.assignment import leaks, source
from autograder.assignment.build import build
from autograder.assignment.regions import stray
from autograder.assignment.source import Assignment, AssignmentError

REGION = "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"


@pytest.mark.parametrize(
    "line",
    [
        "### BEGIN SOLUTION",
        "    ### END SOLUTION  of the second function",
        "###BEGIN SOLUTION",
        "### begin solution",
        "# BEGIN SOLUTION",
        "### BEGIN SOULTION",
        "### BEGN SOLUTION",
        "### END SOLUTON",
        "#### END_SOLUTION",
        "BEGIN SOLUTION",
        "<!-- ### BEGIN SOLUTION -->",
        "### BEGIN HIDDEN TESTS",
        "### END MARK SCHEME",
    ],
)
def test_what_looks_like_a_marker_is_found(line: str) -> None:
    text = f"def f():\n{REGION}{line}\ndef g():\n{REGION}"
    assert list(stray(text))


@pytest.mark.parametrize(
    "line",
    [
        "# Begin here",
        "## End of the story",
        "### Solution",
        "## 3. The best solution",
        "    # begin with zeros",
        "The solution ends here; begin with the solution of the last part.",
        "end = solution",
    ],
)
def test_ordinary_lines_are_none(line: str) -> None:
    assert list(stray(f"def f():\n{REGION}{line}\n")) == []


SECOND = """
def second(x):
    ### BEGIN SOLUTION
    return x
"""
SWALLOWED = """
def second(x):
    ### BEGIN SOLUTION
    return x
def third(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION
"""


@pytest.mark.parametrize("more", [SECOND, SWALLOWED], ids=["without its end", "swallowed"])
@pytest.mark.parametrize("where", ["exercise", "provided", "written", "prose"])
def test_a_region_that_does_not_close_is_refused(toy: Assignment, more: str, where: str) -> None:
    tag = {
        "exercise": '# %% exercise="second" points=1\ndef first(x):\n' + REGION,
        "provided": "# %% provided=true\n",
        "written": '# %% [markdown] written="why2" points=1\n',
        "prose": "# %% [markdown]\n",
    }[where]
    text = "".join(f"# {line}\n" for line in more.splitlines())
    text = more if where in ("exercise", "provided") else text
    with pytest.raises(AssignmentError, match="marks no region, and what follows"):
        source.parse((toy.folder / "notebook.py").read_text() + "\n" + tag + text, "toy")


def test_a_marker_in_what_is_given_is_a_leak(toy: Assignment) -> None:
    build(["toy"], toy.root)
    released = toy.root / "assignments" / "toy"
    assert leaks.find(toy, released) == []
    with open(released / "checks.py", "a") as file:
        file.write("\n### BEGIN HIDDEN TESTS\n")
    (leak,) = leaks.find(toy, released)
    assert leak.startswith("checks.py has a line that looks like a solution's marker")
