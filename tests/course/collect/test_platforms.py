"""A course of awkward names, packed as five platforms pack it: nobody wrong, nobody invented."""

from __future__ import annotations

import json
import shutil
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from classroom import open_course

from autograder.course.collect import zipcollect
from autograder.course.collect.outcome import Collected
from autograder.course.folder import Course

NOON = datetime(2027, 3, 1, 12)
ASSIGNMENTS = ("toy", "ps2")
NAMES = [
    ("", "Sukarno"),
    ("Teller", ""),
    ("राम", "शर्मा"),
    ("रमा", "शर्मा"),
    ("Ana", "Muñoz"),
    ("Ana", "Munoz"),
    ("Ana María", "Muñoz"),
    ("Bo", "Ng"),
    ("Bo", "Ng"),
    ("Ng", "Bo"),
    ("Bon", "G"),
    ("Li", "Na"),
    ("", "Lina"),
    ("Zofie", "O'Neill"),
    ("Shaun", "O’Neil"),
    ("Jan", "van der Berg"),
    ("Martin Luther", "King Jr."),
    ("John", "Smith III"),
    ("Juan Pablo", "García Márquez"),
    ("María José", "de la Cruz y Ortiz"),
    ("明", "李"),
    ("小明", "王"),
    ("민준", "김"),
    ("さくら", "山田"),
    ("محمد", "عبد الله"),
    ("فاطمة", "الزهراء"),
    ("\u200fيوسف", "حسن\u200e"),
    ("דוד", "כהן"),
    (unicodedata.normalize("NFD", "Žofie"), unicodedata.normalize("NFD", "Nováková")),
    ("Mia 🌸", "Rossi"),
    ("❤️ Lou", "Petit"),
    ("Ada-" * 40, "Lang"),
    ("Ada-" * 40, "Länger"),
    ("वेंकटनरसिम्हा" * 9, "राजू"),
    ("वेंकटनरसिम्हा" * 9, "राव"),
    ("Søren", "Kierkegård"),
    ("Karl", "Weiß"),
    ("Karl", "Weiss"),
    ("İpek", "Işık"),
    ("Anne-Marie", "Saint-Exupéry"),
    ("Jean", "d'Alembert"),
    ("X Æ A-12", "Musk"),
    ("Null", "Null"),
    ("Agent", "007"),
    ("Nguyễn", "Thị Hồng"),
    ("Nguyen", "Thi Hong"),
    ("Đặng", "Văn Lâm"),
    ("Łukasz", "Żółć"),
    ("Ólafur", "Þórsson"),
    ("สมชาย", "ใจดี"),
    ("தமிழ்", "செல்வி"),
    ("অনিল", "চৌধুরী"),
    ("Ελένη", "Παπαδοπούλου"),
    ("Артём", "Ёлкин"),
    ("Артем", "Елкин"),
    ("გიორგი", "ბერიძე"),
    ("Sam (Samuel)", "Hill"),
    ("Under_Score", "Test"),
    ("Mary Jane", "Watson-Parker"),
    ("  Spacey ", "Mc  Gap"),
]


@dataclass(frozen=True)
class Student:
    """Somebody with all that platforms know of them."""

    number: int
    first: str
    last: str

    @property
    def id(self) -> str:
        return f"s{self.number:02}"

    @property
    def name(self) -> str:
        return " ".join(f"{self.first} {self.last}".split())

    @property
    def mail(self) -> str:
        return f"user{self.number}@example.org"

    def work(self, assignment: str) -> bytes:
        """What was handed in: nobody else's."""
        return f"{assignment} of {self.id}".encode()


CLASS = [Student(number, first, last) for number, (first, last) in enumerate(NAMES, start=1)]
NAMESAKES = [each for each in CLASS if each.name == "Bo Ng"]
Files = Iterator[tuple[str, bytes]]


def sortable(name: str) -> str:
    """Guess the last name as Canvas does: the last word, but for a suffix."""
    words = name.split()
    suffix = [words.pop()] if len(words) > 1 and words[-1] in ("Jr.", "III") else []
    last = [f"{words.pop()},"] if len(words) > 1 else []
    return " ".join([*last, *words, *suffix])


def canvas(assignment: str) -> Files:
    """Canvas leaves what Ruby calls word characters of the sortable name."""
    for i, each in enumerate(CLASS):
        kept = (c for c in sortable(each.name) if unicodedata.category(c)[0] in "LM" or c in WORD)
        name = "".join(kept).lower()
        yield f"{name}_{4000 + each.number}_{9000 + i}_{assignment}.ipynb", each.work(assignment)


WORD = "0123456789_"


def moodle(assignment: str) -> Files:
    """Moodle's participants have other numbers in every assignment."""
    for each in CLASS:
        cleaned = "".join(c for c in each.name.replace("_", " ") if c not in "&<>\"`|':\\/")
        number = each.number + (0 if assignment == "toy" else 5000)
        yield f"{cleaned}_{number}_assignsubmission_file/{assignment}.ipynb", each.work(assignment)


def blackboard(assignment: str) -> Files:
    """Blackboard puts a receipt beside the files of every attempt."""
    for i, each in enumerate(CLASS):
        username = each.mail.partition("@")[0]
        when = f"{NOON + timedelta(minutes=i):%Y-%m-%d-%H-%M-%S}"
        attempt = f"gradebook_NN_2027_Home_work_{assignment}_{username}_attempt_{when}"
        yield f"{attempt}_{assignment}.ipynb", each.work(assignment)
        yield f"{attempt}.txt", f"Name: {each.name} ({username})\nAssignment: x\n".encode()


def brightspace(assignment: str) -> Files:
    """Brightspace has a folder for every hand-in, in a folder with an index."""
    for i, each in enumerate(CLASS):
        when = f"{NOON + timedelta(minutes=i):%b %-d, %Y %-I%M %p}"
        name = each.name.replace('"', "")
        folder = f"Homework/{700 + each.number}-{640693 + len(assignment)} - {name} - {when}"
        yield f"{folder}/{assignment}.ipynb", each.work(assignment)
    yield "Homework/index.html", b"<html>"


def gradescope(assignment: str) -> Files:
    """Gradescope numbers the folders, and says in one file whose they are."""
    about = "---\n"
    for i, each in enumerate(CLASS):
        folder = f"submission_{800 + each.number}"
        yield f"assignment_5_export/{folder}/{assignment}.ipynb", each.work(assignment)
        about += (
            f"{folder}:\n  :submitters:\n  - :name: {json.dumps(each.name, ensure_ascii=False)}\n"
            f"    :sid: '{each.number}'\n    :email: {each.mail}\n"
            f"  :created_at: 2027-03-01 12:{i:02}:00.843289000 Z\n  :score: 0.0\n"
            "  :results:\n    output: |\n      submission_801:\n        :submitters:\n"
        )
    yield "assignment_5_export/submission_metadata.yml", about.encode()


def worksheet(assignment: str) -> str:
    """Moodle's grading worksheet, in German."""
    lines = ["ID,Vollständiger Name,E-Mail-Adresse,Status,Zuletzt geändert (Abgabe)"]
    for i, each in enumerate(CLASS):
        number = each.number + (0 if assignment == "toy" else 5000)
        when = f'"Montag, 1. März 2027, 12:{i:02}"'
        lines.append(f'Teilnehmer/in{number},"{each.name}",{each.mail},Abgegeben,{when}')
    return "\n".join(lines) + "\n"


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """The course of awkward names, with two assignments; only namesakes have their numbers."""
    shutil.copytree(toy_root / "reference" / "toy", toy_root / "reference" / "ps2")
    course = open_course(toy_root, tmp_path / "course")
    rows = ["id,first_name,last_name,email,canvas_id,brightspace_id"]
    for each in CLASS:
        numbers = f"{4000 + each.number},{700 + each.number}" if each in NAMESAKES else ","
        rows.append(f'{each.id},"{each.first}","{each.last}",{each.mail},{numbers}')
    (course.folder / "roster.csv").write_text("\n".join(rows), encoding="utf-8")
    return course


def pack(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def take(course: Course, *archives: Path, **more: object) -> Collected:
    with course.lock():
        return list(zipcollect.collect(course, archives, **more))[-1]  # type: ignore[arg-type]


@pytest.mark.parametrize("packed", [canvas, moodle, blackboard, brightspace, gradescope])
def test_sixty_awkward_names(
    course: Course, tmp_path: Path, packed: Callable[[str], Files]
) -> None:
    unmatched = 0
    for assignment in ASSIGNMENTS:
        more = {}
        if packed is moodle:
            sheet = tmp_path / f"{assignment}.csv"
            sheet.write_text(worksheet(assignment), encoding="utf-8")
            more = {"times": sheet}
        done = take(course, pack(tmp_path / f"{assignment}.zip", packed(assignment)), **more)
        assert (done.platform, done.assignment) == (packed.__name__, assignment)
        for each in CLASS:
            path = course.submitted / each.id / assignment / f"{assignment}.ipynb"
            if path.exists():
                assert path.read_bytes() == each.work(assignment), each.name
            else:
                unmatched += 1
        assert len(done.unmatched) == sum(" and collect again. " in said for said in done.said)
    assert set(course.students()) <= {each.id for each in CLASS}
    assert unmatched <= 0.02 * len(CLASS) * len(ASSIGNMENTS)
    assert unmatched == 0


def test_moodle_without_its_worksheet_asks_for_namesakes_alone(
    course: Course, tmp_path: Path
) -> None:
    done = take(course, pack(tmp_path / "toy.zip", moodle("toy")))
    assert sorted(done.unmatched) == ["Bo Ng_8", "Bo Ng_9"]
    assert "write 8 as moodle_id in the right row" in " ".join(done.said)
    for each in set(CLASS) - set(NAMESAKES):
        path = course.submitted / each.id / "toy" / "toy.ipynb"
        assert path.read_bytes() == each.work("toy"), each.name
