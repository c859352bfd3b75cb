"""course.toml: what it may say, and one sentence for whatever it may not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom import open_course

from autograder.course import roster, settings
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.settings import LatePolicy, Settings
from autograder.sandbox import Limits


def read(folder: Path, text: str) -> Settings:
    path = folder / "course.toml"
    path.write_text(text)
    return settings.read(path)


WRONG = {
    "seed =": "not valid TOML",
    "": "seed is missing; add it: a whole number, such as 20301",
    "seed = 'x'": "seed is 'x'; make it a whole number",
    "seed = true": "seed is True; make it a whole number",
    "seed = -1": "seed is -1; make it a whole number",
    "seed = 1\nisolaton = 'container'": "no setting 'isolaton': did you mean isolation",
    "seed = 1\nisolation = 'both'": 'isolation is \'both\'; make it "process" or "container"',
    "seed = 1\ntimezone = 'UTC'": "no setting 'timezone': did you mean time_zone",
    "seed = 1\ntime_zone = 'Mars'": 'make it a zone like "Europe/Berlin"',
    "seed = 1\ntime_zone = 3": 'make it a zone like "Europe/Berlin"',
    "seed = 1\n[assignment.mlp]": "no setting 'assignment': did you mean assignments",
    "seed = 1\n[assignments.toy]\ndeu = 3": r"\[assignments.toy\] has no setting 'deu': .* due",
    "seed = 1\n[assignments.toy]\nlate = 'often'": 'late is \'often\'; make it "none", "zero"',
    "seed = 1\nassignments.toy.late = { at_most = 2 }": "at_most is 2; make it a share between",
    "seed = 1\nassignments.toy.late = { per_week = 0.1 }": "no setting 'per_week'; it has per_day",
    "seed = 1\n[assignments.toy]\ndue = 'soon'": "due is 'soon'; make it a time like 2030",
    "seed = 1\n[assignments.toy]\nextensions = 5": r"extensions is 5; make it a table, \[",
    "seed = 1\nassignments = 3": "assignments is 3; make it a table",
    "seed = 1\nassignments.toy = 5": r"assignments.toy is 5; make it a table, \[assignments.toy\]",
    "seed = 1\nlimits = 5": "limits is 5; make it a table",
    "seed = 1\n[limits]\ncpu = 5": r"\[limits\] has no setting 'cpu'; it has cell_cpu",
    "seed = 1\n[limits]\nisolation = 'container'": r"stands in \[limits\]: move it to the top",
    "seed = 1\n[limits]\ncell_cpu = '5'": "cell_cpu is '5'; make it a number above 0",
    "seed = 1\n[limits]\ncell_cpu = true": "make it a number above 0",
    "seed = 1\n[limits]\ncell_cpu = nan": "make it a number above 0",
    "seed = 1\n[limits]\nthreads = 1.5": "make it a whole number above 0",
    "seed = 1\n[limits]\nthreads = 0": "make it a whole number above 0",
    "seed = 1\n[exchange]\nroot = 5": "exchange.root is 5; make it a text in quotes",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CourseError, match=said) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ['"soon"', '"3"', "3", '"99999999 days"', '"-1 days"', "true"])
def test_what_is_no_extension_is_said(tmp_path: Path, value: str) -> None:
    text = f"seed = 1\n[assignments.toy.extensions]\nada = {value}\n"
    with pytest.raises(CourseError, match=r"toy.extensions.ada is .*; make it .* or \"3 days\""):
        read(tmp_path, text)


def test_limits_that_are_not_said_are_the_kit_s_own(tmp_path: Path) -> None:
    limits = read(tmp_path, "seed = 1\n[limits]\nattempt_cpu = 9\n").limits
    assert (limits.attempt_cpu, limits.threads) == (9, Limits().threads)


def test_a_due_date_is_read_in_its_own_time_zone(tmp_path: Path) -> None:
    found = read(tmp_path, "seed = 1\n[assignments.toy]\ndue = 2030-10-01T23:59:00+02:00\n")
    assert found.due("toy") == datetime(2030, 10, 1, 21, 59, tzinfo=UTC)
    assert found.due("other") is None


@pytest.mark.parametrize(
    ("seconds", "share"),
    [(-5, 0.0), (0, 0.0), (600, 0.0), (601, 0.2), (86_400 + 601, 0.4), (9e9, 0.5)],
)
def test_lateness_costs_by_the_started_day(seconds: float, share: float) -> None:
    policy = LatePolicy(per_day=0.2, at_most=0.5, grace_minutes=10)
    assert policy.share(seconds) == pytest.approx(share)


@pytest.mark.parametrize(("late", "share"), [('"zero"', 1.0), ('"none"', 0.0)])
def test_zero_and_none_are_policies(tmp_path: Path, late: str, share: float) -> None:
    found = read(tmp_path, f"seed = 1\n[assignments.toy]\nlate = {late}\n")
    assert found.of("toy").late.share(1) == share
    assert found.of("other").late.share(1e9) == 0.0


def test_an_assignment_that_there_is_not_is_said(toy_root: Path, tmp_path: Path) -> None:
    for name, said in (("tyo", "did you mean toy"), ("else", "there are toy")):
        with pytest.raises(CourseError, match=f"no assignment '{name}': {said}"):
            open_course(toy_root, tmp_path / name, f'[assignments.{name}]\nlate = "zero"\n')


def test_an_extension_for_somebody_who_is_not_there_is_said(course: Course) -> None:
    (course.folder / "roster.csv").write_text("id,first_name\nada,Ada\nbob,Bob\n")
    with open(course.folder / "course.toml", "a") as file:
        file.write('[assignments.toy.extensions]\naada = "3 days"\n')
    changed = Course.open(course.folder, course.root)
    with pytest.raises(CourseError, match=r"'aada', who is not in roster.csv: did you mean ada"):
        roster.read(changed)


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """An empty course."""
    return Course.create(tmp_path / "course", toy_root)
