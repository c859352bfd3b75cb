"""Downloads of learning platforms become submissions: everybody's, the last one, and none lost."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from classroom import notebook, open_course

from autograder.course.collect import zipcollect
from autograder.course.collect.handins import HandIn, HandIns
from autograder.course.collect.outcome import Collected
from autograder.course.collect.platforms import owner, platform_of
from autograder.course.collect.zipcollect import ZipCollect
from autograder.course.errors import CourseError
from autograder.course.folder import Course

DUE = "\n[assignments.toy]\ndue = 2027-03-02T12:00:00Z\nlate = { per_day = 0.1 }\n"
ROSTER = """\
ID;First name;Last name;Email;Canvas ID;Moodle name
ada;Ada;Lovelace;ada@example.org;11;
bob;Bob;Ng;bob@example.org;12;
zoe;Žofie;O'Neill;z@example.org;;Zofie O'Neill (She/Her)
ng2;Bob;Ng;bn@example.org;14;
"""
T0 = datetime(2027, 3, 1, 10, tzinfo=UTC)
LINK = stat.S_IFLNK | 0o777


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course with a roster and a due date."""
    course = open_course(toy_root, tmp_path / "course", DUE)
    (course.folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return course


def pack(path: Path, *entries: tuple[str, bytes | str, datetime], mode: int = 0) -> Path:
    """Make a zip as platforms do: entries with times, in UTC here."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, when in entries:
            info = zipfile.ZipInfo(name, when.timetuple()[:6])
            info.external_attr = mode << 16 if data == "link" else 0
            archive.writestr(info, data)
    return path


def zip_of(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.ipynb", content)
    return data.getvalue()


def take(course: Course, *archives: Path, **more: Any) -> Collected:
    """Collect archives, and give what came of the last."""
    with course.lock():
        return list(zipcollect.collect(course, archives, **more))[-1]


def submitted(course: Course, student: str) -> bytes:
    return (course.submitted / student / "toy" / "toy.ipynb").read_bytes()


def stamp(course: Course, student: str) -> datetime | None:
    (found,) = course.submissions("toy", [student])
    return found.timestamp


def late(course: Course, student: str) -> bool | None:
    (found,) = course.submissions("toy", [student])
    return found.late


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


# Whose a file is


@pytest.mark.parametrize(
    ("name", "student", "number", "late", "file"),
    [
        ("doejane_12345_67890_mlp.ipynb", "doejane", "12345", False, "mlp.ipynb"),
        ("doejane_LATE_12345_67890_mlp-2.ipynb", "doejane", "12345", True, "mlp.ipynb"),
        ("van_der_berg_1_2_my_work_3_4.ipynb", "van_der_berg", "1", False, "my_work_3_4.ipynb"),
        ("李明_1_2_mlp/a/mlp.ipynb", "李明", "1", False, "mlp/a/mlp.ipynb"),
    ],
)
def test_canvas_names(name: str, student: str, number: str, late: bool, file: str) -> None:
    whose = owner(name, "canvas", "mlp")
    assert whose and platform_of([name]) == "canvas"
    assert (whose.student, whose.number, whose.late, whose.file) == (student, number, late, file)


@pytest.mark.parametrize(
    "name",
    [
        "Jane Doe_123456_assignsubmission_file_/mlp.ipynb",
        "Jane Doe_123456_assignsubmission_file/mlp.ipynb",
        "Jane Doe_123456_assignsubmission_file_mlp.ipynb",
    ],
)
def test_moodle_names(name: str) -> None:
    whose = owner(name, "moodle", "mlp")
    assert whose and platform_of([name]) == "moodle"
    assert (whose.student, whose.number, whose.file) == ("Jane Doe", "123456", "mlp.ipynb")


@pytest.mark.parametrize(
    ("name", "student", "file"),
    [
        ("ada/mlp.ipynb", "ada", "mlp.ipynb"),
        ("ada/deep/down/mlp.ipynb", "ada", "deep/down/mlp.ipynb"),
        ("ada_mlp.ipynb", "ada", "mlp.ipynb"),
        ("ada-mlp-1.ipynb", "ada", "mlp.ipynb"),
        ("ada_mlp/mlp.ipynb", "ada", "mlp.ipynb"),
        ("ada.ipynb", "ada", "mlp.ipynb"),
        ("ada.zip", "ada", "mlp.ipynb"),
        ("ada_b@x.org/mlp (1).ipynb", "ada_b@x.org", "mlp.ipynb"),
    ],
)
def test_names_in_a_folder(name: str, student: str, file: str) -> None:
    whose = owner(name, "folder", "mlp")
    assert whose and platform_of([name]) == "folder"
    assert (whose.student, whose.file) == (student, file)


def test_an_assignment_whose_name_ends_in_a_number() -> None:
    whose = owner("ada/hw-1.ipynb", "folder", "hw-1")
    assert whose and whose.file == "hw-1.ipynb" and whose.again == (0, 0)


# Platforms, whole


def test_a_canvas_download(course: Course, tmp_path: Path) -> None:
    done = take(
        course,
        pack(
            tmp_path / "submissions.zip",
            ("lovelaceada_11_900_toy.ipynb", b"1", at(0)),
            ("ngbob_LATE_12_901_toy-1.ipynb", b"2", at(9_000)),
            ("oneillzofie_99_902_toy.zip", zip_of(toy=b"3"), at(1)),
        ),
    )
    assert (done.platform, done.assignment) == ("canvas", "toy")
    assert sorted(done.new) == ["ada", "bob", "zoe"] and not done.unmatched
    assert [submitted(course, who) for who in ("ada", "bob", "zoe")] == [b"1", b"2", b"3"]
    assert (stamp(course, "ada"), late(course, "ada")) == (None, False)
    assert (stamp(course, "bob"), late(course, "bob")) == (None, True)
    assert "not by how much: bob" in " ".join(done.said)


def test_canvas_download_times_make_nobody_late(course: Course, tmp_path: Path) -> None:
    """The zip was made a week later: only Canvas's own mark says who was late."""
    take(course, pack(tmp_path / "s.zip", ("lovelaceada_11_900_toy.ipynb", b"1", at(10_000))))
    assert (stamp(course, "ada"), late(course, "ada")) == (None, False)


def test_a_moodle_download_in_folders(course: Course, tmp_path: Path) -> None:
    done = take(
        course,
        pack(
            tmp_path / "moodle.zip",
            ("Ada Lovelace_7_assignsubmission_file_/toy.ipynb", b"1", at(0)),
            ("Zofie O'Neill (She_Her)_8_assignsubmission_file_/all.zip", zip_of(x=b"2"), at(99)),
            ("Zofie O'Neill (She_Her)_8_assignsubmission_onlinetext_/o.html", b"<p>", at(99)),
        ),
    )
    assert done.platform == "moodle" and not done.said
    assert (submitted(course, "ada"), submitted(course, "zoe")) == (b"1", b"2")
    assert (stamp(course, "ada"), stamp(course, "zoe")) == (at(0), at(99))


def test_a_moodle_download_without_times_counts_no_lateness(course: Course, tmp_path: Path) -> None:
    late = at(60 * 24 * 9)
    names = [f"{who}_{i}_assignsubmission_file_toy.ipynb" for i, who in enumerate(("ada", "zoe"))]
    archive = pack(tmp_path / "m.zip", *((name, b"1", late) for name in names))
    done = take(course, archive)
    assert stamp(course, "ada") is None
    assert "does not say when ada, zoe handed in" in " ".join(done.said)


def test_moodles_grading_worksheet_says_when(course: Course, tmp_path: Path) -> None:
    sheet = tmp_path / "grades.csv"
    sheet.write_text(
        "Identifier,Full name,Email address,Status,Grade,Last modified (submission)\n"
        'Participant 7,Ada Lovelace,,Submitted,8,"Tuesday, 2 March 2027, 2:00 PM"\n'
        'Participant 8,Bob,,Submitted,7,"Wednesday, 3 March 2027, 2:00 PM"\n'
        "Participant 9,Cy,,No submission,,-\n"
    )
    (course.folder / "course.toml").write_text(
        'time_zone = "Europe/Berlin"\n' + (course.folder / "course.toml").read_text()
    )
    name = "A. Lovelace_7_assignsubmission_file_toy.ipynb"
    (course.folder / "roster.csv").write_text("id,moodle_id\nada,7\n")
    take(
        Course.open(course.folder, course.root),
        pack(tmp_path / "m.zip", (name, b"1", at(9999))),
        times=sheet,
    )
    assert stamp(course, "ada") == datetime(2027, 3, 2, 13, tzinfo=UTC)


def test_a_table_without_times_is_said(course: Course, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,grade\nada,3\n")
    with pytest.raises(CourseError, match="columns called id and submitted"):
        take(course, times=tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("id,submitted\nada,yesterday-ish\n")
    with pytest.raises(CourseError, match="row 2: 'yesterday-ish' is not a time"):
        take(course, times=tmp_path / "t.csv")


def test_a_folder_of_everything(course: Course, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    (folder / "zoe").mkdir(parents=True)
    (folder / "zoe" / "toy.ipynb").write_bytes(b"1")
    (folder / "ada_toy.ipynb").write_bytes(b"2")
    (folder / "bob.zip").write_bytes(zip_of(toy=b"3", scratch=b"4"))
    done = take(course, folder)
    assert (done.platform, sorted(done.new)) == ("folder", ["ada", "bob", "zoe"])
    assert [submitted(course, who) for who in ("zoe", "ada", "bob")] == [b"1", b"2", b"3"]
    assert os.listdir(course.submitted / "bob" / "toy") == ["toy.ipynb"]
    assert stamp(course, "zoe") is None  # all came at once: that is when somebody saved them


@pytest.mark.parametrize("name", ["toy.ipynb", "toy/toy.ipynb", "my work/toy.ipynb"])
def test_one_students_own_zip(course: Course, tmp_path: Path, name: str) -> None:
    take(course, pack(tmp_path / "ada.zip", (name, b"1", at(0))))
    assert submitted(course, "ada") == b"1" and course.students() == ["ada"]


def test_a_zip_of_a_folder_of_students(course: Course, tmp_path: Path) -> None:
    entries = (("all/ada/toy.ipynb", b"1", at(0)), ("all/bob_toy.ipynb", b"2", at(60)))
    take(course, pack(tmp_path / "all.zip", *entries), assignment="toy")
    assert (submitted(course, "ada"), submitted(course, "bob")) == (b"1", b"2")


def test_without_a_roster_people_are_called_as_the_platform_does(
    course: Course, tmp_path: Path
) -> None:
    (course.folder / "roster.csv").unlink()
    entries = (("ngbob_12_1_toy.ipynb", b"1", at(0)), ("ngbob_14_2_toy.ipynb", b"2", at(0)))
    take(course, pack(tmp_path / "s.zip", *entries))
    assert (submitted(course, "ngbob_12"), submitted(course, "ngbob_14")) == (b"1", b"2")


# Whom the roster does not have


def test_strangers_are_kept_aside_until_the_roster_is_mended(
    course: Course, tmp_path: Path
) -> None:
    archive = pack(tmp_path / "s.zip", ("turingalan_77_1_toy.ipynb", b"1", at(0)))
    done = take(course, archive)
    assert done.unmatched == ["turingalan_77"] and course.students() == []
    (kept,) = (course.collected / "unmatched" / "toy" / "turingalan_77").glob("*/toy.ipynb")
    assert kept.read_bytes() == b"1"
    assert "write 77 as canvas_id" in done.said[0]
    take(course, archive)
    assert len(list(kept.parent.parent.iterdir())) == 1
    with open(course.folder / "roster.csv", "a") as file:
        file.write("alan;Alan;T.;;77;\n")
    assert take(course, archive).new == ["alan"] and submitted(course, "alan") == b"1"


def test_one_name_for_two_people_is_nobodys(course: Course, tmp_path: Path) -> None:
    done = take(course, pack(tmp_path / "s.zip", ("ngbob_55_1_toy.ipynb", b"1", at(0))))
    assert "may be any of bob, ng2" in done.said[0] and course.students() == []


def test_two_who_claim_to_be_one_person(course: Course, tmp_path: Path) -> None:
    entries = (("lovelaceada_11_1_toy.ipynb", b"1", at(0)), ("ada_99_2_toy.ipynb", b"2", at(0)))
    done = take(course, pack(tmp_path / "s.zip", *entries))
    assert submitted(course, "ada") == b"1" and done.unmatched == ["ada_99"]


# Again and again


def test_collecting_twice_changes_nothing(course: Course, tmp_path: Path) -> None:
    archive = pack(tmp_path / "s.zip", ("lovelaceada_11_1_toy.ipynb", b"1", at(0)))
    take(course, archive)
    before = {path: path.stat().st_mtime_ns for path in course.folder.rglob("*") if path.is_file()}
    done = take(course, archive)
    assert (done.new, done.known) == ([], ["ada"])
    after = {path: path.stat().st_mtime_ns for path in course.folder.rglob("*") if path.is_file()}
    assert {p: t for p, t in after.items() if p.name != ".lock"} == {
        p: t for p, t in before.items() if p.name != ".lock"
    }


def test_the_newer_replaces_and_the_older_does_not(course: Course, tmp_path: Path) -> None:
    name = "lovelaceada_11_{}_toy.ipynb"
    second = pack(tmp_path / "2.zip", (name.format(2), b"2", at(60)))
    first = pack(tmp_path / "1.zip", (name.format(1), b"1", at(0)))
    third = pack(tmp_path / "3.zip", (name.format(3), b"3", at(90)))
    assert take(course, second).new == ["ada"]
    assert take(course, first).older == ["ada"] and submitted(course, "ada") == b"2"
    assert take(course, third).new == ["ada"] and submitted(course, "ada") == b"3"
    kept = HandIns(course, "toy", "ada").kept()
    assert [(each.folder / "toy.ipynb").read_bytes() for each in kept] == [b"1", b"2", b"3"]
    again = pack(tmp_path / "4.zip", (name.format(4), b"1", at(120)))
    assert take(course, again).new == ["ada"] and submitted(course, "ada") == b"1"


def test_resubmissions_in_one_download(course: Course, tmp_path: Path) -> None:
    """Canvas's numbers say which came last, whatever the order and the times."""
    entries = (
        ("lovelaceada_11_70_toy-2.ipynb", b"3", at(0)),
        ("lovelaceada_11_9_toy.ipynb", b"1", at(0)),
        ("lovelaceada_11_60_toy-1.ipynb", b"2", at(0)),
        ("lovelaceada_11_71_plot.png", b"png", at(0)),
    )
    take(course, pack(tmp_path / "s.zip", *entries))
    assert submitted(course, "ada") == b"3"
    assert len(HandIns(course, "toy", "ada").kept()) == 3


def test_a_corrupt_resubmission_does_not_keep_the_old_one(course: Course, tmp_path: Path) -> None:
    name = "lovelaceada_11_{}_toy.{}"
    take(course, pack(tmp_path / "1.zip", (name.format(1, "ipynb"), b"1", at(0))))
    done = take(course, pack(tmp_path / "2.zip", (name.format(2, "zip"), b"PK junk", at(9))))
    (found,) = course.submissions("toy", ["ada"])
    assert found.path is not None and found.read() is None
    assert "damaged" in found.why_not() and "graded malformed" in done.said[0]
    earlier, _ = HandIns(course, "toy", "ada").kept()
    HandIns(course, "toy", "ada").use(earlier.name)
    assert submitted(course, "ada") == b"1"
    take(course, tmp_path / "2.zip")
    assert submitted(course, "ada") == b"1"
    take(course, pack(tmp_path / "3.zip", (name.format(3, "ipynb"), b"3", at(19))))
    assert submitted(course, "ada") == b"3"


def test_what_was_put_there_by_hand_is_kept(course: Course, tmp_path: Path) -> None:
    folder = course.submitted / "ada" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_bytes(b"by hand")
    (folder / "helper.py").write_text("help")
    (folder / "timestamp.txt").write_text("2027-03-01 09:00:00 UTC")
    take(course, pack(tmp_path / "s.zip", ("lovelaceada_11_1_toy.ipynb", b"1", at(0))))
    assert submitted(course, "ada") == b"1"
    by_hand, _ = HandIns(course, "toy", "ada").kept()
    assert (by_hand.folder / "toy.ipynb").read_bytes() == b"by hand"
    assert (by_hand.folder / "helper.py").read_text() == "help"


def test_what_was_put_there_later_stays(course: Course, tmp_path: Path) -> None:
    folder = course.submitted / "ada" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_bytes(b"by hand")
    (folder / "timestamp.txt").write_text("2027-03-01 11:00:00 UTC")
    done = take(course, pack(tmp_path / "s.zip", ("lovelaceada_11_1_toy.ipynb", b"1", at(0))))
    assert done.older == ["ada"] and submitted(course, "ada") == b"by hand"


def test_a_kill_between_the_steps_is_made_good(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever rename the program dies at, the next run ends as an undisturbed one does."""
    name, rename = "lovelaceada_11_{}_toy.ipynb", os.rename
    first = pack(tmp_path / "1.zip", (name.format(1), b"1", at(0)))
    second = pack(tmp_path / "2.zip", (name.format(2), b"2", at(9)))
    for survived in range(8):
        take(course, first)
        left = [survived]

        def dying(source: str, target: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", dying)
            try:
                take(course, second)
            except KeyboardInterrupt:
                pass
            else:
                break
        take(course, second)
        assert submitted(course, "ada") == b"2"
        kept = HandIns(course, "toy", "ada").kept()
        assert [(each.folder / "toy.ipynb").read_bytes() for each in kept] == [b"1", b"2"]
        for folder in (course.collected, course.submitted):
            subprocess.run(["rm", "-r", str(folder)], check=True)
    assert survived >= 4


# Hostile ones among honest ones


def test_hostile_ones_cost_only_their_authors(course: Course, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    entries = (
        ("lovelaceada_11_1_toy.ipynb", "link", at(0)),
        ("../../course/submitted/zoe/toy/toy.ipynb", b"evil", at(0)),
        ("ngbob_12_2_toy.zip", zip_of(**{"../../../../zoe/toy/toy": b"evil", "toy": b"2"}), at(0)),
        ("neillo_14_3_toy.ipynb", b"3", at(0)),
    )
    done = take(course, pack(tmp_path / "s.zip", *entries, mode=LINK))
    said = " ".join(done.said)
    assert sorted(course.students()) == ["ada", "bob", "ng2"]
    assert (submitted(course, "bob"), submitted(course, "ng2")) == (b"2", b"3")
    (ada,) = course.submissions("toy", ["ada"])
    assert ada.read() is None and "is a link" in ada.why_not()
    assert "leads out of the archive; the rest was taken" in said
    assert "leads out of the archive; look at it" in said
    assert not [path for path in course.folder.rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("name", ["..", ".", "a\x00b", "../x", "*", "CON", "x" * 150])
def test_a_name_that_is_no_id_leads_nowhere(course: Course, tmp_path: Path, name: str) -> None:
    (course.folder / "roster.csv").unlink()
    before = set(tmp_path.rglob("*"))
    take(
        course,
        pack(tmp_path / "s.zip", (f"{name}/toy.ipynb", b"1", at(0))),
        platform="folder",
        assignment="toy",
    )
    made = {path for path in set(tmp_path.rglob("*")) - before if path != tmp_path / "s.zip"}
    assert all(path.is_relative_to(course.folder) for path in made)
    course.submissions()


def test_an_archive_that_cannot_be_read_stops_no_other(course: Course, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 and no more")
    good = pack(tmp_path / "s.zip", ("lovelaceada_11_1_toy.ipynb", b"1", at(0)))
    with course.lock():
        bad, done = zipcollect.collect(course, [tmp_path / "bad.zip", good])
    assert bad.failed and "was not collected: it is damaged" in bad.said[0]
    assert done.new == ["ada"]
    assert not [path for path in course.folder.iterdir() if path.name.startswith(".collect")]


def test_a_full_disk_leaves_what_was_there(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "lovelaceada_11_{}_toy.ipynb"
    take(course, pack(tmp_path / "1.zip", (name.format(1), b"1", at(0))))

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(HandIns, "_write", full)
        with pytest.raises(OSError, match="No space"):
            take(course, pack(tmp_path / "2.zip", (name.format(2), b"2", at(9))))
    assert submitted(course, "ada") == b"1" and len(HandIns(course, "toy", "ada").kept()) == 1


# nbgrader's part


def test_it_goes_through_nbgraders_zip_collect(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.apps.zipcollectapp import ZipCollectApp

    asked = []
    original = ZipCollectApp._collect_files

    def spy(self: ZipCollectApp, files: list[str]) -> Any:
        asked.append(sorted(original(self, files)))
        return original(self, files)

    monkeypatch.setattr(ZipCollectApp, "_collect_files", spy)
    take(course, pack(tmp_path / "s.zip", ("lovelaceada_11_1_toy.ipynb", b"1", at(0))))
    assert asked == [["ada"]] and issubclass(ZipCollect, ZipCollectApp)


def test_nbgraders_own_zip_collect_extracts_safely(course: Course, tmp_path: Path) -> None:
    """nbgrader's command in the course's folder, which writes a link's target elsewhere."""
    folder = course.folder / "downloaded" / "toy" / "archive"
    folder.mkdir(parents=True)
    pack(folder / "ada.zip", ("toy.ipynb", b"{}", at(0)), ("../../../../evil.ipynb", b"x", at(0)))
    pattern = r"--FileNameCollectorPlugin.named_regexp=.*/(?P<student_id>\w+)/(?P<file_id>\w+)"
    command = [sys.executable, "-m", "nbgrader", "zip_collect", "toy", pattern]
    done = subprocess.run(command, cwd=course.folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert submitted(course, "ada") == b"{}" and not list(tmp_path.rglob("evil*"))
    assert "leads out of the archive" in done.stderr


# The command line


def cli(course: Course, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autograder", "collect", *map(str, arguments)],
        cwd=course.root, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_the_command_says_what_came_of_it(course: Course, tmp_path: Path) -> None:
    entries = (("lovelaceada_11_1_toy.ipynb", b"1", at(0)), ("x_9_2_toy.ipynb", b"2", at(0)))
    archive = pack(tmp_path / "s.zip", *entries)
    done = cli(course, archive, "--course", course.folder)
    assert done.returncode == 1 and "1 put into submitted/, 1 unmatched" in done.stdout
    assert "toy: nothing from bob, zoe, ng2." in done.stdout
    with open(course.folder / "roster.csv", "a") as file:
        file.write("x\n")
    assert cli(course, archive, "--course", course.folder).returncode == 0
    listed = cli(course, "--list", "--student", "ada", "--course", course.folder)
    assert listed.stdout.strip() == "toy  ada  2027-03-01T100000Z"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.zip"], "nowhere.zip is not there"),
        ([], "Name what to collect"),
        (["--use", "x"], "needs to know whose"),
        (["--use", "x", "--student", "ada", "--assignment", "toy"], "there are: none"),
        (["--from", "sakai", "x"], "canvas or moodle"),
        (["--assignment", "tyo", "x"], "this course has: toy"),
    ],
)
def test_what_it_cannot_do_is_said(course: Course, arguments: list[str], said: str) -> None:
    done = cli(course, *arguments, "--course", course.folder)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_an_assignment_that_cannot_be_guessed_is_asked_for(course: Course, tmp_path: Path) -> None:
    reference = course.root / "reference"
    subprocess.run(["cp", "-r", reference / "toy", reference / "ps2"], check=True)
    archive = pack(tmp_path / "s.zip", ("lovelaceada_11_1_homework.ipynb", b"1", at(0)))
    with pytest.raises(CourseError, match="name it, with --assignment"):
        take(course, archive)
    assert take(course, archive, assignment="toy").new == ["ada"]
    named = pack(tmp_path / "t.zip", ("lovelaceada_11_1_ps2-1.ipynb", b"1", at(0)))
    assert take(course, named).assignment == "ps2"


def test_hand_ins_are_grouped_by_what_is_in_them(course: Course) -> None:
    mine = HandIns(course, "toy", "ada")
    made = json.dumps(notebook(course.root)).encode()
    assert mine.add(HandIn(T0, T0, {"a.ipynb": made, "b.ipynb": b"2"})) == "new"
    (found,) = course.submissions("toy", ["ada"])
    assert found.path is None and "2 notebooks were handed in" in str(found.note)
