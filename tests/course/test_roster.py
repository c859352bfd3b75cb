"""The roster and extensions: who people are, and until when they have time."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from classroom import ANSWER, WHEN, hand_in, mark, notebook, open_course, put, total, verdict
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.course import roster
from autograder.course.collect.handins import HandIn, HandIns
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.roster import Person, Roster, Unknown
from autograder.files import FileError
from autograder.pages import export, report

LATE = "\n[assignments.toy]\ndue = 2026-03-01T09:00:00Z\nlate = { per_day = 0.1 }\n"


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course with one due date and no roster yet."""
    return open_course(toy_root, tmp_path / "course", LATE)


def enrol(course: Course, text: str) -> None:
    (course.folder / "roster.csv").write_bytes(text.encode("utf-8-sig"))


def totals(course: Course) -> dict[str, dict[str, str]]:
    with open(export.write(course)[1], newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def extended(course: Course, *lines: str) -> Course:
    with open(course.folder / "course.toml", "a") as file:
        file.write("[assignments.toy.extensions]\n" + "\n".join(lines) + "\n")
    return Course.open(course.folder, course.root)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_spreadsheets_of_all_countries_are_read(course: Course, mark: str) -> None:
    rows = ("ID,First Name,last_name,E-Mail,Email", "ada,Ada,Lovelace,,a@b", ",,,,", "bob,,,,")
    enrol(course, "\r\n".join(rows).replace(",", mark))
    found = roster.read(course)
    assert found and list(found.people.values()) == [
        Person("ada", "Ada", "Lovelace", "a@b"),
        Person("bob"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nada", "has no column id"),
        ("", "has no column id"),
        ("id\nada\nada", "row 3: 'ada' is there twice"),
        ("id,first_name\n../x,a", "row 2: '../x' cannot be a student's id"),
        ("id,first_name\n,a", "row 2: '' cannot be"),
    ],
)
def test_what_is_wrong_with_a_roster_is_said(course: Course, text: str, said: str) -> None:
    enrol(course, text)
    with pytest.raises(CourseError, match=said):
        roster.read(course)


def test_a_roster_in_another_encoding_is_said(course: Course) -> None:
    (course.folder / "roster.csv").write_bytes("id\nzoé".encode("latin-1"))
    with pytest.raises(FileError, match="line 2, is not UTF-8"):
        roster.read(course)


PEOPLE = Roster(
    [
        Person("ada", "Ada", "Lovelace", "al@example.org", canvas_id="11"),
        Person("zoe", "Žofie", "O'Neill"),
        Person("b1", "Bo", "Ng", canvas_id="21"),
        Person("b2", "Bo", "Ng", canvas_id="22", moodle_name="Bo Ng (junior)"),
    ]
)


@pytest.mark.parametrize(
    ("platform", "name", "number", "student"),
    [
        ("canvas", "whoever", "11", "ada"),
        ("canvas", "lovelaceada", "", "ada"),
        ("moodle", "Ada LOVELACE", "11", "ada"),
        ("folder", "al@example.org", "", "ada"),
        ("folder", "al", "", "ada"),
        ("moodle", "zofie oneill", "", "zoe"),
        ("canvas", "ngbo", "22", "b2"),
        ("moodle", "Bo Ng (Junior)", "", "b2"),
    ],
)
def test_people_are_found(platform: str, name: str, number: str, student: str) -> None:
    assert PEOPLE.find(platform, name, number) == student


AWKWARD = Roster(
    [
        Person("ram", "राम", "शर्मा"),
        Person("am1", "Ana", "Muñoz"),
        Person("am2", "Ana", "Munoz"),
        Person("mono", "", "Sukarno"),
        Person("solo", "Teller", ""),
        Person("vdb", "Jan", "van der Berg"),
        Person("mlk", "Martin Luther", "King Jr."),
        Person("ggm", "Gabriel José", "García Márquez"),
        Person("sk", "Søren", "Kierkegård"),
        Person("li", "明", "李"),
        Person("ngbo", "Boris", "Ng", "bon@example.org"),
        Person("yo", "Артём", "Ёлкин"),
        Person("b3", "Ada", "Ng", moodle_id="3"),
        Person("b4", "Ada", "Ng", moodle_id="4"),
        Person("n1", moodle_id="77"),
    ]
)


@pytest.mark.parametrize(
    ("platform", "name", "number", "student"),
    [
        ("moodle", "राम शर्मा", "", "ram"),
        ("moodle", "Ana Muñoz", "", "am1"),
        ("moodle", "Ana Mun\u0303oz", "", "am1"),
        ("moodle", "ANA MUNOZ", "", "am2"),
        ("canvas", "muñozana", "", "am1"),
        ("canvas", "munozana", "", "am2"),
        ("canvas", "sukarno", "", "mono"),
        ("moodle", "teller", "", "solo"),
        ("canvas", "bergjanvander", "", "vdb"),
        ("canvas", "vanderbergjan", "", "vdb"),
        ("canvas", "kingmartinlutherjr", "", "mlk"),
        ("canvas", "kingjrmartinluther", "", "mlk"),
        ("canvas", "márquezgabrieljoségarcía", "", "ggm"),
        ("folder", "García Márquez, Gabriel José", "", "ggm"),
        ("folder", "Soren Kierkegard", "", "sk"),
        ("canvas", "李明", "", "li"),
        ("moodle", "明 李", "", "li"),
        ("moodle", "\u200fАртём Ёлкин\u200e", "", "yo"),
        ("moodle", "Ada Ng", "3", "b3"),
        ("moodle", "Ada Ng", "4", "b4"),
        ("moodle", "Ana Munoz", "3", "am2"),
        ("moodle", "Whoever", "77", "n1"),
    ],
)
def test_names_are_found_letter_by_letter(
    platform: str, name: str, number: str, student: str
) -> None:
    assert AWKWARD.find(platform, name, number) == student


@pytest.mark.parametrize(
    ("platform", "name", "number"),
    [
        ("moodle", "रमा शर्मा", ""),
        ("moodle", "Ana Múñoz", ""),
        ("moodle", "Артем Елкин", ""),
        ("moodle", "Ada Ng", "5003"),
        ("canvas", "ngbo", ""),  # Bo Ng, and not Boris, whose id it is
        ("moodle", "bon", ""),  # nor by the mailbox of somebody who has another name
        ("moodle", "Ada Stranger", "3"),
    ],
)
def test_who_is_called_otherwise_is_nobody(platform: str, name: str, number: str) -> None:
    with pytest.raises(Unknown):
        AWKWARD.find(platform, name, number)


@pytest.mark.parametrize("name", ["Bo Ng", "nobody", "", "—"])
def test_nobody_is_guessed(name: str) -> None:
    with pytest.raises(Unknown):
        PEOPLE.find("moodle", name, "11")


def test_a_name_gives_nobody_the_place_of_another() -> None:
    assert PEOPLE.find("canvas", "ada", "21") == "b1"
    with pytest.raises(Unknown):
        PEOPLE.find("canvas", "ada", "666")


def test_names_reach_gradebook_report_and_csv(course: Course) -> None:
    enrol(course, "id,first_name,last_name,email\nada,Ada,=cmd(),a@b\nzoe,Zoe,Z,\n")
    put(course, hand_in(course, "ada", notebook(course.root)), verdict(scale=2.0))
    with Gradebook(course.db_url) as gradebook:
        ada = gradebook.find_student("ada")
        assert (ada.first_name, ada.last_name, ada.email) == ("Ada", "=cmd()", "a@b")
    rows = totals(course)
    assert rows["ada"]["name"] == "Ada =cmd()" and "Ada =cmd()" in report.write(course).read_text()
    enrol(course, "id,first_name\nada,=1+1\n")
    assert totals(course)["ada"]["name"] == "'=1+1"


def test_who_handed_in_nothing_is_listed_and_gets_no_zero(course: Course) -> None:
    enrol(course, "id,first_name\nada,Ada\nzoe,Zoe\n")
    put(course, hand_in(course, "ada", notebook(course.root)), verdict(scale=2.0))
    zoe = totals(course)["zoe"]
    assert (zoe["status"], zoe["score"], zoe["handed_in"]) == ("missing", "", "0")
    shown = io.StringIO()
    report.show(course, Console(file=shown, width=150))
    assert "Zoe" in shown.getvalue()
    assert "1 graded, mean" in shown.getvalue()
    assert "handed in nothing, and got no score: 1" in shown.getvalue()
    with Gradebook(course.db_url) as gradebook:
        assert [each.student.id for each in gradebook.assignment_submissions("toy")] == ["ada"]


# Extensions


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("ada = 2026-03-05T23:59:00+01:00", datetime(2026, 3, 5, 22, 59, tzinfo=UTC)),
        ('ada = "3 days"', datetime(2026, 3, 4, 9, tzinfo=UTC)),
        ('ada = "1 week"', datetime(2026, 3, 8, 9, tzinfo=UTC)),
        ('ada = "90 minutes"', datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("ada = 2020-01-01T00:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
    ],
)
def test_an_extension_is_a_time_or_a_span(course: Course, line: str, until: datetime) -> None:
    course = extended(course, line)
    assert course.settings.due("toy", "ada") == until
    assert (
        course.settings.due("toy", "bob")
        == course.settings.due("toy")
        == datetime(2026, 3, 1, 9, tzinfo=UTC)
    )


def test_an_extension_takes_the_penalty_back_and_is_shown(course: Course) -> None:
    for student in ("ada", "bob"):
        put(course, hand_in(course, student, notebook(course.root, why=ANSWER)), verdict(scale=2.0))
        mark(course, student, "why", 4.0)
    assert total(course, "ada")[1] == total(course, "bob")[1] == pytest.approx(0.6)
    course = extended(course, 'ada = "2 hours"')
    rows = totals(course)
    assert (rows["ada"]["score"], rows["bob"]["score"]) == ("6", "5.4")
    assert total(course, "ada")[1] in (None, 0)
    assert (rows["ada"]["due"], rows["bob"]["due"]) == ("2026-03-01T11:00:00+00:00", "")
    assert "2026-03-01T11:00 UTC" in report.write(course).read_text()


def test_an_extension_in_the_gradebook_counts_too(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root), WHEN), verdict(scale=2.0))
    with Gradebook(course.db_url) as gradebook:
        gradebook.grant_extension("toy", "ada", hours=2)
    assert totals(course)["ada"]["penalty"] == "0"
    course = extended(course, 'ada = "10 minutes"')
    assert totals(course)["ada"]["penalty"] == "0"


def test_the_report_says_how_to_grade_the_hand_in_before(course: Course) -> None:
    handins = HandIns(course, "toy", "a b")
    handins.add(HandIn(WHEN, WHEN, {"toy.ipynb": b"1"}))
    handins.add(HandIn(WHEN + timedelta(hours=1), WHEN, {}, "toy.zip is damaged."))
    (found,) = course.submissions("toy", ["a b"])
    put(course, found, verdict("malformed", (found.why_not(),)))
    row = totals(course)["a b"]
    assert (row["status"], row["score"], row["handed_in"]) == ("malformed", "0", "2")
    assert row["note"].endswith("--student 'a b' --use 2026-03-01T100000Z")
    shown = io.StringIO()
    report.show(course, Console(file=shown, width=150))
    assert "--use 2026-03-01T100000Z" in shown.getvalue()
