"""A class from judge to gradebook: traced, resumed, regraded with open eyes, and replayed."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import classroom
import numpy as np
import pytest

from autograder.course import replay
from autograder.course.folder import Course
from autograder.course.gradebook import Gradebook
from autograder.course.grading import CHANGED, Graded, Grading
from autograder.judging.attempt import Attempt
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict
from autograder.pages import export
from autograder.recording.autograde import record

RIGHT = "def scale(x, factor):\n    return x * factor\n"
WRONG = "def scale(x, factor):\n    return x + factor\n"
DEADLY = "def scale(x, factor):\n    import os\n    os._exit(1)\n"


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    return classroom.open_course(toy_root, tmp_path / "course")


def hand_in(course: Course, student: str, scale: str = RIGHT) -> None:
    classroom.hand_in(course, student, classroom.notebook(course.root, scale_code=scale))


def judged_of(course: Course) -> Generator[Graded, None, None]:
    return Grading(course, ["toy"]).judged()


def judged(course: Course) -> Grading:
    grading = Grading(course, ["toy"])
    list(grading.judged())
    return grading


def recorded(course: Course) -> Grading:
    grading = judged(course)
    list(record(course, grading))
    return grading


def stricter(course: Course) -> None:
    """Change the hidden tests: nobody passes the first one of scale any more."""
    path = course.root / "reference/toy/hidden_tests.py"
    first = path.read_text().index("def test_scale")
    text = path.read_text()
    body = text.index('"""\n', text.index('"""', first) + 3) + 4
    path.write_text(text[:body] + "    assert False, 'Not any more.'\n" + text[body:])


def test_a_class_can_be_gone_through_twice_and_holds_no_notebook_in_memory(course: Course) -> None:
    for student in ("ada", "ben"):
        hand_in(course, student)
    grading = judged(course)
    assert len(grading) == 2
    for _ in range(2):
        assert [each.submission.student for each in grading] == ["ada", "ben"]
        assert [each.verdict.score for each in grading] == [2.0, 2.0]
    hand_in(course, "ada", WRONG)  # it is the file that is looked at, now
    changed = next(iter(grading))
    assert (changed.verdict.status, changed.verdict.notes) == ("internal_error", (CHANGED,))


def test_each_submission_is_recorded_while_the_judge_goes_on(course: Course) -> None:
    for student, scale in (("ada", RIGHT), ("ben", WRONG)):
        hand_in(course, student, scale)
    grading = Grading(course, ["toy"])
    with closing(grading.judged()) as judged:
        done = next(record(course, judged))
        with Gradebook(course) as gradebook:
            (recorded,) = gradebook.recorded()
        assert recorded.student == done.submission.student
        assert len([*course.attempts.glob("??/*.json")]) == 1
    assert len([*Grading(course, ["toy"]).judged()]) == 2


def test_who_hands_in_something_else_meanwhile_is_left_for_the_next_run(course: Course) -> None:
    for student in ("ada", "ben", "cyd", "dan"):
        hand_in(course, student, WRONG if student == "ada" else RIGHT)
    with closing(Grading(course, ["toy"]).judged()) as judged:
        said = {(first := next(judged)).submission.student: first.verdict.status}
        hand_in(course, "ben", "def scale(x, factor):\n    return 0 * x\n")
        (course.submitted / "dan/toy/toy.ipynb").unlink()
        said |= {each.submission.student: each.verdict.status for each in judged}
    changed = dict.fromkeys(("ben", "dan"), "internal_error")
    assert said == {"ada": "graded", "cyd": "graded"} | changed
    again = {each.submission.student: each.verdict.status for each in judged_of(course)}
    assert again == {**dict.fromkeys(("ada", "ben", "cyd"), "graded"), "dan": "missing"}


def test_a_second_run_judges_nothing(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(course, "ada")
    judged(course)

    def no_pool(*_: object, **__: object) -> None:
        raise AssertionError("there is nothing to judge")

    monkeypatch.setattr("autograder.course.grading.Pool", no_pool)
    assert next(iter(judged(course))).verdict.score == 2.0
    hand_in(course, "ada", WRONG)
    with pytest.raises(AssertionError, match="nothing to judge"):
        judged(course)


def test_equal_submissions_are_judged_once(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    for student in ("ada", "ben", "cyd"):
        hand_in(course, student)
    asked = []

    class Counting(Pool):
        def judge(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Verdict]]:
            for attempt in attempts:
                asked.append(attempt.key)
                yield from super().judge([attempt])

    monkeypatch.setattr("autograder.course.grading.Pool", Counting)
    assert [each.verdict.score for each in judged(course)] == [2.0] * 3
    assert len(asked) == 1


def test_a_grade_is_traced_to_the_bytes_it_was_given_for(course: Course) -> None:
    hand_in(course, "ada", WRONG)
    was = (course.submitted / "ada/toy/toy.ipynb").read_bytes()
    recorded(course)
    hand_in(course, "ada", RIGHT)  # the file is another by now
    (row,) = (total for total in export.read(course).totals if total.student == "ada")
    store = Grading(course, ["toy"]).store
    kept = json.loads(store.path(row.attempt).read_bytes())
    assert kept["score"] == row.score == 0.0
    assert kept["submission"] == sha256(was).hexdigest()
    assert gzip.decompress(store.input(kept["submission"]).read_bytes()) == was
    assert kept["surroundings"]["seed"] == course.settings.seed


def cli(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autograder", *arguments, "--course", str(course.folder)]
    return subprocess.run(
        command, cwd=course.root, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_regrade_records_nothing_unless_told_to(course: Course) -> None:
    hand_in(course, "ada", RIGHT)
    recorded(course)
    stricter(course)
    asked = cli(course, "grade", "--regrade", "--no-feedback")
    assert asked.returncode == 1, asked.stderr
    assert "ada" in asked.stdout and "Nothing was recorded" in asked.stdout
    assert classroom.rows(course)["ada", "scale"][0] == 2.0
    told = cli(course, "grade", "--regrade", "--yes", "--no-feedback")
    assert told.returncode == 0, told.stderr
    assert "1 grade changes" in told.stdout
    assert classroom.rows(course)["ada", "scale"][0] < 2.0


def test_replay_shows_inputs_expected_and_actual(course: Course) -> None:
    hand_in(course, "ada", WRONG)
    grading = Grading(course, ["toy"], ["ada"])
    failures = replay.replay(grading, "scale")
    places = [place for failure in failures for place in failure.places]
    compared = [place.values for place in places if {"actual", "expected"} <= place.values.keys()]
    assert compared
    for values in compared:
        assert not np.allclose(values["actual"], values["expected"])
    assert any(isinstance(value, np.ndarray) for place in places for value in place.values.values())
    assert all(place.line for place in places if place.where.startswith("test_"))
    assert replay.replay(grading, "batch_mean")[0].said.startswith("NotImplementedError")


FAMILY = """
from autograder.testing import Case, Right, assert_keeps_float32, exercise

@exercise("scale")
def test_scale_float32(student, rng):
    \"\"\"Scaling keeps float32.\"\"\"
    x = rng.standard_normal((2, 3))
    assert_keeps_float32(student, Case("scale", ((x, x), 3.0), out=Right(3 * x)))
"""


def test_replay_shows_what_a_family_of_tests_asks(course: Course) -> None:
    path = course.root / "reference/toy/hidden_tests.py"
    path.write_text(FAMILY)
    hand_in(course, "ada", "def scale(x, factor):\n    return x[0] * factor + 1\n")
    (failure,) = replay.replay(Grading(course, ["toy"], ["ada"]), "scale")
    test, family, *_ = failure.places
    assert test.line.startswith("assert_keeps_float32(student, Case(")
    assert family.where == "assert_keeps_float32"
    assert family.values["argument 1 of scale[1]"].dtype == np.float32
    assert family.values["argument 2 of scale"] == 3.0
    assert any("expected" in place.values for place in failure.places)


def test_replay_stops_at_the_first_death(course: Course) -> None:
    hand_in(course, "ada", DEADLY)
    (failure,) = replay.replay(Grading(course, ["toy"], ["ada"]), "scale")
    assert "ended" in failure.said or "exit" in failure.said


def test_replay_says_which_attempt_was_recorded(course: Course) -> None:
    hand_in(course, "ada", WRONG)
    grading = Grading(course, ["toy"], ["ada"])
    assert replay.graded_as(grading) == "Not recorded yet."
    recorded(course)
    key = grading.key(grading.submissions[0])
    assert replay.graded_as(grading) == f"Recorded from attempt {key}."
    stricter(course)
    assert "changed" in replay.graded_as(Grading(course, ["toy"], ["ada"]))


def test_replay_on_the_command_line(course: Course) -> None:
    hand_in(course, "ada", WRONG)
    shown = cli(course, "replay", "ada", "toy", "scale")
    assert shown.returncode == 0, shown.stderr
    assert "actual = float64" in shown.stdout and "expected = float64" in shown.stdout
    for arguments, said in (
        (("ada", "toy", "nothing"), "has no exercise 'nothing'"),
        (("ben", "toy", "scale"), "no student 'ben'"),
    ):
        refused = cli(course, "replay", *arguments)
        assert refused.returncode == 2 and said in refused.stderr.replace("\n", " ")
