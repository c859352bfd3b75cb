"""What authors, instructors and students get wrong, and what each command says of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

READING = "build validate score demo grade replay feedback experiment release collect"
#: The commands that read a notebook's source, that run its cells, that import what is beside it.
RUNNING = "build validate score grade replay experiment"
WITH_CHECKS = "build validate"
WITH_MISTAKES = "build validate demo grade"
WITH_TESTS = "validate score grade replay"
IN_COURSE = "grade replay feedback report export collect"
OPENING = f"{IN_COURSE} formgrader doctor"

Mishap = Callable[[Path], object]


def edited(name: str, find: str, put: str, folder: str = "reference/toy") -> Mishap:
    def mishap(root: Path) -> None:
        path = root / folder / name
        text = path.read_text()
        assert text.count(find), find
        path.write_text(text.replace(find, put, 1))

    return mishap


def longer(name: str, more: str, folder: str = "reference/toy") -> Mishap:
    return lambda root: written(f"{folder}/{name}", (root / folder / name).read_text() + more)(root)


def written(name: str, content: str | bytes) -> Mishap:
    def mishap(root: Path) -> None:
        gone(name)(root)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return mishap


def gone(name: str) -> Mishap:
    def mishap(root: Path) -> None:
        if (root / name).is_dir() and not (root / name).is_symlink():
            shutil.rmtree(root / name)
        else:
            (root / name).unlink(missing_ok=True)

    return mishap


def a_folder(name: str) -> Mishap:
    def mishap(root: Path) -> None:
        gone(name)(root)
        (root / name).mkdir()

    return mishap


def unreadable(name: str) -> Mishap:
    """Make a file one that opens and cannot be read, by root either."""

    def mishap(root: Path) -> None:
        gone(name)(root)
        (root / name).symlink_to("/proc/self/mem")

    return mishap


def in_latin_1(name: str) -> Mishap:
    return lambda root: (root / name).write_bytes(
        (root / name).read_text().replace("toy", "schön", 1).encode("latin-1")
    )


def another(path: Path) -> bool:
    """Make a database that is not nbgrader's."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE marks (student TEXT)")
    return path.is_file()


@dataclass(frozen=True)
class Case:
    """What is done, the commands that stumble over it, and what their one sentence holds."""

    does: Mishap
    commands: str
    says: str


#: What an author does.
AUTHORS = {
    # notebook.py
    "a notebook that is not UTF-8": Case(
        in_latin_1("reference/toy/notebook.py"), READING,
        "reference/toy/notebook.py, line 2, is not UTF-8; save it",
    ),
    "a notebook that cannot be read": Case(
        unreadable("reference/toy/notebook.py"), READING,
        "reference/toy/notebook.py cannot be read .*; make it a file that can be.",
    ),
    "no notebook": Case(
        gone("reference/toy/notebook.py"), READING,
        "There is no assignment 'toy'|holds toy, and this course has no such assignment",
    ),
    "a header that is none": Case(
        edited("notebook.py", "# %%", "# ---\n# jupyter:\n#   jupytext: 3\n# ---\n# %%"),
        "build grade", "notebook.py has a header that jupytext cannot read; mend it.",
    ),
    "points in words": Case(
        edited("notebook.py", "points=2", 'points="four"'), READING,
        "notebook.py, line 11: points='four' is no number from 0 on; change it.",
    ),
    "points below 0": Case(
        edited("notebook.py", "points=2", "points=-2"), "build grade",
        "line 11: points=-2 is no number",
    ),
    "a tag misspelt": Case(
        edited("notebook.py", "points=2", "pionts=2"), READING,
        "line 11: there is no tag pionts: did you mean points.",
    ),
    "a tag without quotes": Case(
        edited("notebook.py", '"scale"', "scale"), "build grade",
        'line 11: the tag exercise=scale cannot be read; write it as name="value".',
    ),
    "a name that is a number": Case(
        edited("notebook.py", '"scale"', "3"), "build demo grade",
        "line 11: exercise=3 is no name; make it",
    ),
    "a name that is a path": Case(
        edited("notebook.py", '"why"', '"w/hy"'), "build demo grade",
        "line 30: written='w/hy' is no name; make it",
    ),
    "an exercise in prose": Case(
        edited("notebook.py", '%% exercise="scale"', '%% [markdown] exercise="scale"'),
        "build grade", "line 11: an exercise or experiment is code; take",
    ),
    "a written answer in code": Case(
        edited("notebook.py", "[markdown] written", "written"), "build grade",
        "line 30: a written answer is prose; begin its tag",
    ),
    "a cell without a tag": Case(
        edited("notebook.py", " provided=true", ""), READING,
        "line 4: the cell has no tag; tag it",
    ),
    "a solution without an end": Case(
        edited("notebook.py", "    ### END SOLUTION\n", ""), "build grade",
        "line 11: the line '### BEGIN SOLUTION .*' marks no region",
    ),
    "a written answer without an end": Case(
        edited("notebook.py", "# ### END SOLUTION", ""), "build grade",
        "line 30: the line '### BEGIN SOLUTION' marks no region",
    ),
    "a solution that is not Python": Case(
        edited("notebook.py", "x * factor", "x * (factor"), READING,
        r"notebook.py, line 15: SyntaxError: '\(' was never closed; mend it.",
    ),
    "an experiment that is not Python": Case(
        edited("notebook.py", ".mean())", ".mean()"), "build experiment",
        r"notebook.py, line 38: SyntaxError: '\(' was never closed",
    ),
    "provided code that raises": Case(
        edited("notebook.py", "NUMBERS = {}", "NUMBERS = {}\n1 / 0"), RUNNING,
        "notebook.py, line 10: ZeroDivisionError: division by zero; mend it.",
    ),
    "provided code that imports what is not there": Case(
        edited("notebook.py", "import numpy", "import numpi"), RUNNING,
        "notebook.py, line 5: ModuleNotFoundError: No module named 'numpi'",
    ),
    "provided code that ends Python": Case(
        edited("notebook.py", "NUMBERS = {}", "raise SystemExit(0)"), RUNNING,
        "notebook.py, line 9: SystemExit: 0; mend it.",
    ),
    "a solution whose cell raises": Case(
        edited("notebook.py", "    ### END SOLUTION\n", "    ### END SOLUTION\nscale(None, 2)\n"),
        RUNNING, "notebook.py, line 15: TypeError: unsupported operand",
    ),
    "a reference that raises in a test": Case(
        edited("notebook.py", "/ len(x)", "/ len(y)"), "score grade",
        "test_mean itself is broken: .*hidden_tests.py, line 28: .* name 'y' is not defined",
    ),
    "an experiment that raises": Case(
        edited("notebook.py", 'NUMBERS["mean"] =', '1 / 0; NUMBERS["mean"] ='), "experiment",
        "experiment draw stops: reference/toy/notebook.py, line 38: ZeroDivisionError",
    ),
    "a number in words": Case(
        edited("notebook.py", 'NUMBERS["mean"] =', 'NUMBERS["x"] = "a"; NUMBERS["mean"] ='),
        "experiment", "NUMBERS is to map names to numbers, and is {'x': 'a', .*; change the cell",
    ),
    # checks.py
    "no checks": Case(
        gone("reference/toy/checks.py"), WITH_CHECKS,
        "toy has no checks.py; write reference/toy/checks.py.",
    ),
    "checks that are not UTF-8": Case(
        in_latin_1("reference/toy/checks.py"), WITH_CHECKS, "checks.py, line 1, is not UTF-8",
    ),
    "checks that are not Python": Case(
        longer("checks.py", "\ndef f(:\n"), WITH_CHECKS,
        "reference/toy/checks.py, line 21: SyntaxError: invalid syntax; mend it.",
    ),
    "checks that raise": Case(
        longer("checks.py", "\n1 / 0\n"), WITH_CHECKS,
        "reference/toy/checks.py, line 21: ZeroDivisionError: division by zero; mend it.",
    ),
    "a check that is broken": Case(
        edited("checks.py", "np.array([[1.25", "nq.array([[1.25"), WITH_CHECKS,
        "test_scale itself is broken: reference/toy/checks.py, line 11: NameError: name 'nq'",
    ),
    "a check that asks for a strange thing": Case(
        edited("checks.py", "test_scale(student)", "test_scale(student, rgn)"), WITH_CHECKS,
        "checks.py, line 8: test_scale asks for 'rgn'; a check can ask for student and rng.",
    ),
    "a check of another exercise": Case(
        edited("checks.py", '@exercise("scale")', '@exercise("scael")'), WITH_CHECKS,
        "reference/toy/checks.py: toy has no exercise 'scael'; it has scale, batch_mean.",
    ),
    "a check whose mark names nothing": Case(
        edited("checks.py", '@exercise("scale")', "@exercise"), WITH_CHECKS,
        "checks.py, line 8: @exercise needs the name of one; write",
    ),
    # mistakes.py and alternatives.py
    "no mistakes": Case(
        gone("reference/toy/mistakes.py"), WITH_MISTAKES,
        "toy has no mistakes.py; write reference/toy/mistakes.py.",
    ),
    "mistakes without their import": Case(
        edited("mistakes.py", "from autograder.assignment.edits import Mistakes", ""),
        WITH_MISTAKES,
        "mistakes.py, line 5: NameError: name 'Mistakes' is not defined; mend it.",
    ),
    "mistakes that are not Python": Case(
        longer("mistakes.py", "\nX = (\n"), WITH_MISTAKES,
        r"reference/toy/mistakes.py, line 15: SyntaxError: '\(' was never closed; mend it.",
    ),
    "a mistake that finds nothing": Case(
        edited("mistakes.py", "x * factor", "y * factor"), WITH_MISTAKES,
        "mistakes.py: scale/adds: 'y . factor' occurs 0 times in the solution; make it occur",
    ),
    "a mistake of another exercise": Case(
        edited("mistakes.py", '"scale"', '"scael"'), WITH_MISTAKES,
        "reference/toy/mistakes.py: toy has no exercise 'scael'; it has scale, batch_mean.",
    ),
    "a mistake without a hint": Case(
        edited("mistakes.py", ', "You add the factor; multiply by it."', ""), WITH_MISTAKES,
        "mistakes.py, line 5: scale: the row .* is not one of .*; mend it.",
    ),
    "a mistake that is not Python": Case(
        edited("mistakes.py", '"x + factor"', '"x + (factor"'), "build validate grade",
        r"mistakes.py: scale/adds: the edited cell, line 4: SyntaxError: '\(' was never closed",
    ),
    "alternatives that are not Python": Case(
        longer("alternatives.py", "\nX = (\n"), WITH_MISTAKES,
        r"reference/toy/alternatives.py, line 13: SyntaxError: '\(' was never closed",
    ),
    "an alternative that finds nothing": Case(
        edited("alternatives.py", "return total", "return totla"), "build validate demo",
        "alternatives.py: batch_mean/numpy's mean: 'return totla .* occurs 0 times",
    ),
    "equivalents that are no table": Case(
        edited("alternatives.py", "EQUIVALENT = {", "EQUIVALENT = 3\nX = {"), "validate",
        "alternatives.py: EQUIVALENT is 3; make it a dict",
    ),
    # hidden_tests.py
    "no hidden tests": Case(
        gone("reference/toy/hidden_tests.py"), WITH_TESTS,
        "toy has no hidden_tests.py; write reference/toy/hidden_tests.py.",
    ),
    "hidden tests that are not UTF-8": Case(
        in_latin_1("reference/toy/hidden_tests.py"), "score replay",
        "hidden_tests.py, line 1, is not UTF-8; save it",
    ),
    "hidden tests that cannot be read": Case(
        unreadable("reference/toy/hidden_tests.py"), "score replay",
        "reference/toy/hidden_tests.py cannot be read .*; make it a file that can be.",
    ),
    "hidden tests that are not Python": Case(
        longer("hidden_tests.py", "\ndef f(:\n"), WITH_TESTS,
        "reference/toy/hidden_tests.py, line 37: SyntaxError: invalid syntax; mend it.",
    ),
    "hidden tests that raise": Case(
        longer("hidden_tests.py", "\n1 / 0\n"), "score replay",
        "reference/toy/hidden_tests.py, line 37: ZeroDivisionError: division by zero; mend it.",
    ),
    "hidden tests that import what is not there": Case(
        edited("hidden_tests.py", "assert_unchanged", "assert_unchagned"), "score replay",
        "hidden_tests.py, line 5: ImportError: cannot import name 'assert_unchagned' from",
    ),
    "hidden tests that end Python": Case(
        longer("hidden_tests.py", "\nraise SystemExit\n"), "score replay",
        "reference/toy/hidden_tests.py, line 37: SystemExit; mend it.",
    ),
    "a hidden test that is broken": Case(
        edited("hidden_tests.py", "rng.standard_normal((4, 3))", "nothing"), "validate score grade",
        "test_scale itself is broken: reference/toy/hidden_tests.py, line 11: NameError",
    ),
    "a hidden test that asks for a strange thing": Case(
        edited("hidden_tests.py", "reference, rng", "reference, rgn"), "score replay",
        "hidden_tests.py, line 23: test_mean asks for 'rgn'; a hidden test can ask for student",
    ),
    "a hidden test without a mark": Case(
        edited("hidden_tests.py", '@exercise("scale")', ""), "score replay",
        r"hidden_tests.py, line 9: test_scale has no @exercise\(…\): say which exercise it tests.",
    ),
    "a hidden test of another exercise": Case(
        edited("hidden_tests.py", '@exercise("scale")', '@exercise("scael")'), WITH_TESTS,
        "hidden_tests.py: toy has no exercise 'scael'; it has scale, batch_mean.",
    ),
    "a hidden test that weighs nothing": Case(
        edited("hidden_tests.py", "weight=2", 'weight="2"'), "score replay",
        "hidden_tests.py, line 23: weight='2' is no number above 0; change it.",
    ),
    "a hidden test that is skipped": Case(
        edited("hidden_tests.py", "@exercise", "import pytest\n@pytest.mark.skip\n@exercise"),
        "grade", "line 9: test_scale has pytest's mark 'skip'; a hidden test always runs",
    ),
    # the other files
    "no numbers": Case(
        gone("reference/toy/numbers.toml"), "validate",
        "toy has no numbers.toml; write reference/toy/numbers.toml.",
    ),
    "numbers that are not TOML": Case(
        written("reference/toy/numbers.toml", "[mean\n"), "validate",
        r"numbers.toml is not valid TOML \(.* line 1, .*\); mend that line.",
    ),
    "a number that is no table": Case(
        written("reference/toy/numbers.toml", "mean = 1.0\n"), "validate",
        r"reference/toy/numbers.toml: mean is 1.0; make it a table, \[mean\], with",
    ),
    "a bound misspelt": Case(
        written("reference/toy/numbers.toml", "[mean]\nat_leats = 1.0\n"), "validate",
        r"numbers.toml: \[mean\] has no 'at_leats': did you mean at_least.",
    ),
    "a bound in words": Case(
        written("reference/toy/numbers.toml", '[mean]\nat_most = "high"\n'), "validate",
        "numbers.toml: mean.at_most is 'high'; make it a number.",
    ),
    "a README that is not UTF-8": Case(
        written("reference/toy/README.md", "schön".encode("latin-1")), "build",
        "reference/toy/README.md, line 1, is not UTF-8; save it",
    ),
    "an order that is not UTF-8": Case(
        written("reference/order.txt", b"toy\n\xff"), "grade report export collect doctor",
        "reference/order.txt, line 2, is not UTF-8; save it",
    ),
    "an order that is a folder": Case(
        a_folder("reference/order.txt"), "grade report doctor",
        "reference/order.txt cannot be read .Is a directory.; make it",
    ),
    "no assignment": Case(
        gone("reference/toy"), "build grade feedback",
        "There is no assignment 'toy'|holds toy, and this course has no such assignment",
    ),
    "an assignment that is not built": Case(
        gone("assignments"), "validate release",
        "assignments/toy.*(has no toy.ipynb|not what a build gives); run `autograder build toy`.",
    ),
    "a built notebook that is none": Case(
        written("assignments/toy/toy.ipynb", "{"), "validate",
        "assignments/toy/toy.ipynb is not what a build gives; run `autograder build toy`.",
    ),
    "figures that cannot be written": Case(
        lambda root: (
            written("build/figures", "")(root),
            edited("notebook.py", 'NUMBERS["m', 'import matplotlib.pyplot as plt\n'
                   'plt.figure()\nNUMBERS["m')(root),
        ),
        "experiment", "build/figures/toy/draw-1.png cannot be written .*; choose another folder",
    ),
}  # fmt: skip

#: What an instructor or a student does.
INSTRUCTORS = {
    "no reference": Case(
        gone("reference"), f"{READING} report export doctor",
        "There is no reference/ folder in .* or above it; change to your course's repository.",
    ),
    "no course": Case(
        gone("course"), "grade replay feedback report export formgrader score",
        "course is not a course .it has no course.toml.; make one with",
    ),
    "a file where the course should be": Case(
        written("course", ""), f"{IN_COURSE} formgrader build",
        "course is not a course .it has no course.toml.; make|course.* cannot be written .*; see",
    ),
    "settings that are not TOML": Case(
        longer("course.toml", "\n[x\n", "course"), f"{OPENING} build score",
        "course/course.toml is not valid TOML .*; mend that line.",
    ),
    "settings that are not UTF-8": Case(
        written("course/course.toml", b"seed = 1\n\xff"), OPENING,
        "course/course.toml, line 2, is not UTF-8; save it as UTF-8.",
    ),
    "settings that are a folder": Case(
        a_folder("course/course.toml"), "grade doctor", "course.toml cannot be read .*; make it",
    ),
    "a setting misspelt": Case(
        longer("course.toml", "isolaton = 'container'\n", "course"), OPENING,
        "course.toml: it has no setting 'isolaton': did you mean isolation.",
    ),
    "a repository elsewhere": Case(
        edited("course.toml", '".."', '"/nowhere"', "course"), "doctor",
        "course.toml: repository: There is no reference/ folder in /nowhere",
    ),
    "a time before all courses": Case(
        longer("course.toml", "[assignments.toy]\ndue = 0001-01-01T00:00:00+14:00\n", "course"),
        OPENING, "assignments.toy.due is 0001-01-01T00:00:00.14:00; make it a time like",
    ),
    "a time after all courses": Case(
        longer("course.toml", "[assignments.toy]\ndue = 9999-12-01T00:00:00Z\n"
               "extensions.ada = '9999 weeks'\n", "course"),
        "grade report", "assignments.toy.due is 9999-12-01T00:00:00.00:00; make it a time like",
    ),
    "a limit beyond all machines": Case(
        longer("course.toml", "[limits]\ncell_cpu = 1e300\n", "course"), "grade doctor",
        "limits.cell_cpu is 1e.300; make it a number above 0 and at most 1000000.",
    ),
    "a gradebook that is no database": Case(
        written("course/gradebook.db", "no database, but long enough for one " * 50),
        "build grade replay feedback report export",
        r"gradebook.db cannot be (used|read) \(file is not a database\); .* put a backup in",
    ),
    "a gradebook of another program": Case(
        lambda root: (gone("course/gradebook.db")(root), another(root / "course/gradebook.db")),
        "build grade report",
        "gradebook.db cannot be (used|read) .no such table: .*; .* put a backup in its place.",
    ),
    "a gradebook that is a folder": Case(
        a_folder("course/gradebook.db"), "build grade report",
        "gradebook.db cannot be (used|read) .unable to open database file.; .* put a backup",
    ),
    "a gradebook of which a part is lost": Case(
        lambda root: os.truncate(root / "course/gradebook.db", 20_000),
        "build grade replay feedback report export",
        "gradebook.db cannot be (used|read) .database disk image is malformed.; .* put a backup",
    ),
    "a roster that is empty": Case(
        written("course/roster.csv", ""), IN_COURSE,
        "course/roster.csv has no column id; give it a first line like",
    ),
    "a roster that is no CSV": Case(
        written("course/roster.csv", 'id,email\nada,"' + "x" * 200_000), IN_COURSE,
        r"course/roster.csv is not CSV \(field larger than .*\); save it as CSV in UTF-8.",
    ),
    "a roster that is a workbook": Case(
        written("course/roster.csv", b"PK\x03\x04\x14\0\xd0\xcf"), IN_COURSE,
        "course/roster.csv, line 1, is not UTF-8; save it as UTF-8.",
    ),
    "a roster that cannot be read": Case(
        unreadable("course/roster.csv"), "grade report",
        "course/roster.csv cannot be read .Input/output error.; make it",
    ),
    "a student's id that is none": Case(
        a_folder("course/submitted/a+b"), IN_COURSE,
        r"submitted/ has a folder 'a\+b', which cannot be a student's id; rename it.",
    ),
    "nothing handed in": Case(
        a_folder("course/submitted"), "grade feedback replay",
        "holds no submission that can be read; put notebooks"
        "|submitted/ has no student 'ada'; look in",
    ),
    "a file where submissions should be": Case(
        written("course/submitted", ""), "build collect grade",
        "course/submitted.* (cannot be written .*; see|holds no submission that can be read; put)",
    ),
    "a file where verdicts should be": Case(
        written("course/attempts", ""), "build grade replay feedback collect",
        "course/attempts cannot be written .*; see what is there, or choose",
    ),
    "a file where the report should be": Case(
        written("course/report", ""), "grade report export",
        "course/report cannot be (used|written) .File exists.; see what is there",
    ),
    "a folder where the lock should be": Case(
        a_folder("course/.lock"), "build grade feedback collect",
        "course/.lock cannot be used .Is a directory.; see what is there",
    ),
    "a download that is no archive": Case(
        written("download", "hello"), "collect",
        "download was not collected: it .*; download it again, or unpack it",
    ),
    "a download that is not there": Case(
        gone("download"), "collect", "download is not there; name a downloaded archive",
    ),
    "a file where hand-ins should be kept": Case(
        written("course/collected", ""), "collect",
        "course/collected.* cannot be used .*; see what is there",
    ),
    "a notebook that is not there": Case(
        gone("ada.ipynb"), "score", "ada.ipynb cannot be read .*; name a notebook.",
    ),
    "a folder instead of a notebook": Case(
        a_folder("ada.ipynb"), "score", "ada.ipynb cannot be read .*; name a notebook.",
    ),
    "a submission that is a link": Case(
        unreadable("course/submitted/ada/toy/toy.ipynb"), "replay",
        "There is nothing to run: (toy.ipynb is a link|No notebook was handed in)",
    ),
    "a submission that is not JSON": Case(
        written("course/submitted/ada/toy/toy.ipynb", "{"), "replay",
        "There is nothing to run: The file is not a notebook: it is not valid JSON.",
    ),
    "a student's notebook that is none": Case(
        written("toy.ipynb", "{"), "experiment", "toy.ipynb is not a notebook; save it again",
    ),
    "a student's notebook that is not UTF-8": Case(
        written("toy.ipynb", b"\xff\xfe"), "experiment", "toy.ipynb is not a notebook; save it",
    ),
    "a student's notebook with strange cells": Case(
        written("toy.ipynb", '{"cells": {"a": 1}}'), "experiment", "toy.ipynb is not a notebook",
    ),
}  # fmt: skip
