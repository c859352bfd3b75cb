"""A class with hostile and unlucky people in it: the others' grades, pages and files are theirs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from classroom import ANSWER, mark, notebook, open_course, rows

from attacks import breaking, corpus, luck, people, record
from attacks.corpus import RIGHT, Attack
from attacks.world import SECRET, World
from autograder.assignment.source import Assignment, load
from autograder.course.folder import Course

HONEST = [f"honest_{number}" for number in range(4)]
#: Ids that a spreadsheet, a shell, a page or a database might take for something else.
NAMES = ("=1-1", "@SUM(A1)", "-2-3", "a,b;c", "<b>x<b>", "o'hara\"); DROP TABLE grade;--",
         "%2e%2e", "ünï-çødé", "$(reboot)", "honest_0 ")  # fmt: skip
SHORT = (
    "\n[limits]\ncell_cpu = 0.4\ncall_cpu = 0.4\nattempt_cpu = 3\nwall_factor = 20\nidle = 0.8\n"
)
HARMLESS_LINKS = ("#", "https://", "http://", "data:image/", "mailto:")


def graded_elsewhere(attack: Attack) -> bool:
    """What breaks machines and looks for answers is graded by the engine alone: that is quicker."""
    return attack.lay is not None or attack in people.ATTACKS + luck.ATTACKS + record.ATTACKS


CLASS = {
    f"h{number:03}": attack
    for number, attack in enumerate(
        a
        for theme in (people, luck, record, breaking)
        for a in theme.ATTACKS
        if graded_elsewhere(a) and a.name not in ("100 MB",)
    )
}


def grade(course: Course, command: str = "grade") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograder", command, "--course", course.folder],
        cwd=course.root, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr


def hand_in(course: Course, student: str, data: bytes) -> None:
    folder = course.submitted / student / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.ipynb").write_bytes(data)


def pages(course: Course, students: list[str]) -> dict[str, bytes]:
    """The feedback pages and autograded notebooks of some students."""
    found = [p for s in students for top in (course.feedback, course.autograded)
             for p in sorted((top / s).rglob("*.*"))]  # fmt: skip
    return {str(path.relative_to(course.folder)): path.read_bytes() for path in found}


def won(course: Course) -> dict[str, float]:
    """The automatic points of everybody."""
    points: dict[str, float] = {}
    for (student, name), (score, _, _) in rows(course).items():
        if name in RIGHT:
            points[student] = points.get(student, 0) + (score or 0)
    return points


def live(page: bytes) -> Iterator[str]:
    """Name what would run, load or ask for anything in a page."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(True):
        if tag.name in ("iframe", "object", "embed", "form", "base", "button", "svg", "link"):
            yield f"<{tag.name}>"
        if tag.name == "meta" and str(tag.get("http-equiv")).lower() == "refresh":
            yield "a refresh"
        for name, value in tag.attrs.items():
            if name.startswith("on"):
                yield f"{tag.name} {name}={value}"
            if name in ("href", "src", "action", "data", "srcset") and not str(value).startswith(
                HARMLESS_LINKS
            ):
                yield f"{tag.name} {name}={value}"
    yield from (f"script {hash(script.get_text())}" for script in soup.find_all("script"))


@pytest.fixture
def course(tmp_path: Path, world: World) -> Course:
    """A course in which honest people are graded, one of them by hand too."""
    course = open_course(world.root, tmp_path / "course", SHORT)
    made: Any = notebook(world.root, scale_code=RIGHT["scale"], batch_mean_code=RIGHT["batch_mean"],
                         why=ANSWER)  # fmt: skip
    for student in (*HONEST, "turncoat"):
        hand_in(course, student, json.dumps(made).encode())
    grade(course)
    mark(course, "honest_0", "why", 3.0)
    grade(course, "feedback")
    return course


def test_the_others_keep_what_is_theirs(course: Course, world: World) -> None:
    toy = load("toy", world.root)
    others = {key: row for key, row in rows(course).items() if key[0] in HONEST}
    shown, judged = pages(course, HONEST), verdicts(course)
    assert len(others) == 3 * len(HONEST) and len(shown) >= 2 * len(HONEST) and judged
    assert won(course)["turncoat"] == 5
    lay_out(course, toy, world)
    handed_in = tree(course.submitted)

    grade(course)

    assert {key: row for key, row in rows(course).items() if key[0] in HONEST} == others
    assert pages(course, HONEST) == shown
    assert judged.items() <= verdicts(course).items()
    assert tree(course.submitted) == handed_in
    assert world.damage() == []
    points = won(course)
    wrong = {
        f"{attack.name}: {points.get(student)}, not {expected}"
        for student, attack in CLASS.items()
        if points.get(student) != (expected := worth(attack, toy))
    }
    assert wrong == set()
    assert {points.get(name) for name in NAMES} == {5}
    assert points["turncoat"] == 0, "a corrupt resubmission keeps the old score"
    usual = set(live(next(page for name, page in shown.items() if name.endswith(".html"))))
    for student in (*CLASS, *NAMES, "turncoat"):
        for name, page in pages(course, [student]).items():
            if name.endswith(".html"):
                assert set(live(page)) <= usual, CLASS.get(student, student)
                assert SECRET.encode() not in page
    assert not [cell for cell in cells(course) if is_formula(cell)]


def lay_out(course: Course, toy: Assignment, world: World) -> None:
    """Hand in for everybody who is not honest, in the middle of those who are."""
    for student, attack in CLASS.items():
        data = attack.file(toy, world.places)
        if attack.lay:
            attack.lay(course.submitted / student / "toy", data)
        else:
            hand_in(course, student, data)
    right = corpus.Attack("right", 31, "is right", solved=True).file(toy, {})
    for name in NAMES:
        hand_in(course, name, right)
    corrupt = next(attack for attack in luck.ATTACKS if attack.line == 21)
    hand_in(course, "turncoat", corrupt.file(toy, {}))


def worth(attack: Attack, toy: Assignment) -> float:
    least, _ = attack.scores(toy)
    return least


def verdicts(course: Course) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in course.attempts.rglob("*.json")}


def tree(folder: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else path.is_symlink()
        for path in sorted(folder.rglob("*"))
        if path.resolve() != Path("/dev/zero")
    }


def cells(course: Course) -> Iterator[str]:
    for path in course.report.rglob("*.csv"):
        with open(path, newline="", encoding="utf-8-sig") as file:
            for row in csv.reader(file):
                yield from row


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would calculate it."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return False
