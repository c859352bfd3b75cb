"""Whose a file is: the outermost name's word, whatever stands inside, and however often."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom import open_course

from autograder.course.collect import zipcollect
from autograder.course.collect.handins import HandIns
from autograder.course.collect.outcome import Collected
from autograder.course.collect.platforms import marked, platform_of
from autograder.course.errors import CourseError
from autograder.course.folder import Course

ROSTER = """\
id,first_name,last_name,email,canvas_id,moodle_id,github_name,group
ada,Ada,Lovelace,ada@example.org,1815,,adal,Team A
eve,Eve,Hacks,eve@example.org,666,,,Team B
bob,Bob,Ng,bob@example.org,12,,,Team A
am1,Ana,Muñoz,,,,,
am2,Ana,Munoz,,,,,
mono,,Sukarno,,,,,
ram,राम,शर्मा,,,,,
bo1,Bo,Ng,bo1@example.org,,11,,
bo2,Bo,Ng,bo2@example.org,,12,,
"""
DUE = "\n[assignments.toy]\ndue = 2027-03-02T12:00:00Z\nlate = { per_day = 0.1 }\n"
FILE = "_assignsubmission_file_"
HELD = "lovelaceada_1815_91_held.ipynb"
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course with a roster, and with a second assignment."""
    shutil.copytree(toy_root / "reference" / "toy", toy_root / "reference" / "ps2")
    course = open_course(toy_root, tmp_path / "course", DUE)
    (course.folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return course


def pack(path: Path, **files: bytes) -> Path:
    path.write_bytes(packed(files))
    return path


def packed(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def take(course: Course, *archives: Path, **more: object) -> Collected:
    with course.lock():
        return list(zipcollect.collect(course, archives, **more))[-1]  # type: ignore[arg-type]


def work(course: Course, student: str) -> bytes | None:
    path = course.submitted / student / "toy" / "toy.ipynb"
    return path.read_bytes() if path.exists() else None


# The outermost name


@pytest.mark.parametrize(
    ("theirs", "platform"),
    [
        ({"lovelaceada_1815_70_toy.ipynb": b"ada"}, "canvas"),
        ({f"Ada Lovelace_5{FILE}/toy.ipynb": b"ada"}, "moodle"),
        ({f"Ada Lovelace_5{FILE}toy.ipynb": b"ada"}, "moodle"),
        ({"gradebook_C_toy_ada_attempt_2027-03-01-10-00-00_toy.ipynb": b"ada"}, "blackboard"),
        ({"1-9 - Ada Lovelace - Mar 1, 2027 1000 AM/toy.ipynb": b"ada"}, "brightspace"),
        ({"ada/toy.ipynb": b"ada"}, "folder"),
        ({"ada_toy.ipynb": b"ada"}, "folder"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "inside",
    [
        HELD,
        f"out/{HELD}",
        f"Ada Lovelace_5{FILE}/toy.ipynb",
        f"Ada Lovelace_5{FILE}toy.ipynb",
        "gradebook_C_toy_ada_attempt_2027-03-01-11-00-00_toy.ipynb",
        "1-9 - Ada Lovelace - Mar 1, 2027 1100 AM/toy.ipynb",
        "ada/toy.ipynb",
        "ada_toy.ipynb",
    ],
)
def test_what_is_in_a_students_archive_is_the_students(
    course: Course,
    tmp_path: Path,
    theirs: dict[str, bytes],
    platform: str,
    alone: bool,
    inside: str,
) -> None:
    """Eve's zip holds a file that is named as Ada's hand-in, alone or among others'."""
    outer = {
        "canvas": "hackseve_666_90_{}.zip",
        "moodle": f"Eve Hacks_6{FILE}/{{}}.zip",
        "blackboard": "gradebook_C_toy_eve_attempt_2027-03-01-12-00-00_{}.zip",
        "brightspace": "2-9 - Eve Hacks - Mar 1, 2027 1200 PM/{}.zip",
        "folder": "eve/{}.zip",
    }[platform]
    eves = {outer.format("x"): packed({inside: b"eve"})}
    files = eves if alone else {**theirs, **eves}
    done = take(course, pack(tmp_path / "all.zip", **files), assignment="toy")
    assert done.platform == platform and not done.unmatched
    assert work(course, "ada") == (None if alone else b"ada")
    assert work(course, "eve") == b"eve"


@pytest.mark.parametrize("inside", [HELD, f"Ada Lovelace_5{FILE}/toy.ipynb", "ada/toy.ipynb"])
@pytest.mark.parametrize("name", ["eve.zip", "hackseve_666_90_toy.zip", f"Eve Hacks_6{FILE}x.zip"])
def test_a_students_archive_alone_is_the_students(
    course: Course, tmp_path: Path, name: str, inside: str
) -> None:
    take(course, pack(tmp_path / "ada.zip", **{"toy.ipynb": b"ada"}), assignment="toy")
    take(course, pack(tmp_path / name, **{inside: b"eve"}), assignment="toy")
    assert (work(course, "ada"), work(course, "eve")) == (b"ada", b"eve")


def test_folders_in_a_hand_in_are_the_hand_ins(course: Course, tmp_path: Path) -> None:
    files = {
        f"Eve Hacks_6{FILE}/Ada Lovelace_5{FILE}/toy.ipynb": b"eve",
        f"Bob Ng_7{FILE}/toy.ipynb": b"bob",
    }
    take(course, pack(tmp_path / "all.zip", **files), assignment="toy")
    assert (work(course, "ada"), work(course, "eve")) == (None, b"eve")


def test_a_whole_class_that_is_named_by_a_student_is_said(course: Course, tmp_path: Path) -> None:
    files = {"lovelaceada_1815_70_toy.ipynb": b"1", "ngbob_12_71_toy.ipynb": b"2"}
    done = take(course, pack(tmp_path / "eve.zip", **files), assignment="toy")
    assert "say --from canvas if it is the class's" in " ".join(done.said)
    assert work(course, "ada") is None
    take(course, tmp_path / "eve.zip", assignment="toy", platform="canvas")
    assert work(course, "ada") == b"1"


# One voice each


def test_forty_files_of_one_student_do_not_choose_the_platform(
    course: Course, tmp_path: Path
) -> None:
    canvas = {"lovelaceada_1815_70_toy.ipynb": b"ada", "ngbob_12_71_toy.ipynb": b"bob"}
    canvas |= {f"hackseve_666_{i}_P{i}_7{FILE}toy.ipynb": b"eve" for i in range(90, 130)}
    done = take(course, pack(tmp_path / "canvas.zip", **canvas), assignment="toy")
    assert done.platform == "canvas" and not done.unmatched
    assert (work(course, "ada"), work(course, "bob")) == (b"ada", b"bob")
    moodle = {f"Ada Lovelace_5{FILE}toy.ipynb": b"ada 2", f"Bob Ng_6{FILE}toy.ipynb": b"bob 2"}
    moodle |= {f"Eve Hacks_7{FILE}p{i}_{i}_{i}_toy.ipynb": b"eve" for i in range(40)}
    moodle |= {f"mail{i}_{i}_{i}_x.ipynb": b"?" for i in range(2)}
    done = take(course, pack(tmp_path / "moodle.zip", **moodle), assignment="toy")
    assert done.platform == "moodle"
    assert (work(course, "ada"), work(course, "bob")) == (b"ada 2", b"bob 2")
    assert "mail1_1_1_x.ipynb does not say whose it is; look at it." in done.said


def test_forty_files_of_one_student_do_not_choose_the_assignment(
    course: Course, tmp_path: Path
) -> None:
    files = {"lovelaceada_1815_70_toy.ipynb": b"ada", "ngbob_12_71_toy.ipynb": b"bob"}
    files |= {f"hackseve_666_{i}_ps2-{i}.ipynb": b"eve" for i in range(90, 130)}
    done = take(course, pack(tmp_path / "all.zip", **files))
    assert done.assignment == "toy" and work(course, "ada") == b"ada"
    assert "named as another assignment's" in done.said[0] and "hackseve 666 (ps2)" in done.said[0]


def test_one_file_name_is_not_the_class(course: Course, tmp_path: Path) -> None:
    files = {f"x_{i}_{i}_homework.ipynb": b"" for i in range(9)}
    archive = pack(tmp_path / "all.zip", **files, **{"hackseve_666_90_ps2.ipynb": b"eve"})
    with pytest.raises(CourseError, match="name it, with --assignment"):
        take(course, archive)


# People


def test_names_letter_by_letter(course: Course, tmp_path: Path) -> None:
    names = {"रमा शर्मा": 31, "Ana Muñoz": 32, "Ana Munoz": 33, "Sukarno": 34}
    files = {f"{name}_{i}{FILE}/toy.ipynb": name.encode() for name, i in names.items()}
    done = take(course, pack(tmp_path / "all.zip", **files))
    assert done.unmatched == ["रमा शर्मा_31"] and work(course, "ram") is None
    found = [work(course, who) for who in ("am1", "am2", "mono")]
    assert found == ["Ana Muñoz".encode(), b"Ana Munoz", b"Sukarno"]


def test_a_stranger_whose_name_lacks_marks_takes_nobodys_place(
    course: Course, tmp_path: Path
) -> None:
    """Whose name it is letter by letter has it, in whatever order the files stand."""
    roster = ROSTER.replace("am2,Ana,Munoz,,,,,\n", "")
    (course.folder / "roster.csv").write_text(roster, encoding="utf-8")
    files = {f"Ana Munoz_1{FILE}/toy.ipynb": b"other", f"Ana Muñoz_2{FILE}/toy.ipynb": b"her"}
    done = take(course, pack(tmp_path / "all.zip", **files))
    assert work(course, "am1") == b"her" and done.unmatched == ["Ana Munoz_1"]


def test_moodles_numbers_are_of_one_assignment(course: Course, tmp_path: Path) -> None:
    roster = ROSTER.replace("ada@example.org,1815,", "ada@example.org,1815,7")
    roster = roster.replace("bob@example.org,12,", "bob@example.org,12,8")
    (course.folder / "roster.csv").write_text(roster, encoding="utf-8")
    files = {f"Ada Lovelace_8{FILE}/toy.ipynb": b"ada", f"Bob Ng_5008{FILE}/toy.ipynb": b"bob"}
    done = take(course, pack(tmp_path / "all.zip", **files))
    assert not done.unmatched  # though Ada's number is the one that Bob had in another assignment
    assert (work(course, "ada"), work(course, "bob")) == (b"ada", b"bob")


def test_namesakes_have_their_numbers_and_their_times(course: Course, tmp_path: Path) -> None:
    files = {f"Bo Ng_{i}{FILE}/toy.ipynb": str(i).encode() for i in (11, 12)}
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Identifier,Full name,Last modified (submission)\n"
        'Participant 11,Bo Ng,"Monday, 1 March 2027, 10:00 AM"\n'
        'Participant 12,Bo Ng,"Monday, 1 March 2027, 11:00 AM"\n'
    )
    take(course, pack(tmp_path / "all.zip", **files), times=sheet)
    assert (work(course, "bo1"), work(course, "bo2")) == (b"11", b"12")
    times = [each.timestamp for each in course.submissions("toy")]
    assert times == [datetime(2027, 3, 1, hour, tzinfo=UTC) for hour in (10, 11)]


def test_the_worksheet_says_who_has_a_number(course: Course, tmp_path: Path) -> None:
    """Two namesakes, and one whose name in Moodle is another: the addresses tell who they are."""
    names = {5011: "Bo Ng", 5012: "Bo Ng", 5013: "Countess L."}
    files = {f"{name}_{i}{FILE}/toy.ipynb": str(i).encode() for i, name in names.items()}
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "Identificador,Nombre completo,Dirección de correo,Última modificación (entrega)\n"
        "Participante 5011,Bo Ng,bo2@example.org,-\nParticipante 5012,Bo Ng,bo1@example.org,-\n"
        "Participante 5013,Countess L.,ada@example.org,-\n"
    )
    done = take(course, pack(tmp_path / "all.zip", **files), times=sheet)
    assert not done.unmatched
    assert [work(course, who) for who in ("bo1", "bo2", "ada")] == [b"5012", b"5011", b"5013"]


def test_what_was_kept_aside_is_cleared_when_the_roster_is_mended(
    course: Course, tmp_path: Path
) -> None:
    archive = pack(tmp_path / "s.zip", **{"turingalan_77_1_toy.ipynb": b"1"})
    other = pack(tmp_path / "t.zip", **{"turingalan_77_2_toy-1.ipynb": b"2"})
    take(course, archive)
    take(course, other)
    aside = course.collected / "unmatched" / "toy" / "turingalan_77"
    assert len(list(aside.iterdir())) == 2
    with open(course.folder / "roster.csv", "a") as file:
        file.write("alan,Alan,Turing,,77,,,\n")
    take(course, archive)
    assert len(list(aside.iterdir())) == 1  # the other one is nowhere else
    take(course, other)
    assert not (course.collected / "unmatched").exists() and work(course, "alan") == b"2"
    assert len(HandIns(course, "toy", "alan").kept()) == 2


# Teams


@pytest.mark.parametrize(
    "name",
    [
        "teama_12_71_toy.ipynb",
        f"Team A_77{FILE}/toy.ipynb",
        "3-9 - Team A - Mar 1, 2027 1000 AM/toy.ipynb",
        "toy-team-a/toy.ipynb",
    ],
)
def test_a_groups_hand_in_is_each_members(course: Course, tmp_path: Path, name: str) -> None:
    done = take(course, pack(tmp_path / "all.zip", **{name: b"ours"}), assignment="toy")
    assert sorted(done.new) == ["ada", "bob"] and not done.unmatched
    assert work(course, "ada") == work(course, "bob") == b"ours"
    assert "is a group: each of ada, bob has its hand-in" in " ".join(done.said)


def test_a_groups_attempt_in_blackboard_is_each_members(course: Course, tmp_path: Path) -> None:
    """Its receipt names who handed it in, and the file the group."""
    attempt = "gradebook_C_toy_{}_attempt_2027-03-01-10-00-00"
    files = {
        f"{attempt.format('Team A')}_toy.ipynb": b"ours",
        f"{attempt.format('Team A')}.txt": b"Name: Bob Ng (bob)\n",
        f"{attempt.format('eve')}_toy.ipynb": b"eve",
        f"{attempt.format('eve')}.txt": b"Name: Eve Hacks (eve)\n",
    }
    take(course, pack(tmp_path / "b.zip", **files), assignment="toy")
    assert [work(course, who) for who in ("ada", "bob", "eve")] == [b"ours", b"ours", b"eve"]


def test_blackboards_receipts_say_whose_files_without_usernames_are(
    course: Course, tmp_path: Path
) -> None:
    files = {}
    for hour, name in ((10, "Ada Lovelace (al)"), (11, "Eve Hacks")):
        attempt = f"gradebook_C_toy_attempt_2027-03-01-{hour}-00-00"
        files[f"{attempt}_toy.ipynb"] = name.encode()
        files[f"{attempt}.txt"] = f"Name: {name}\n".encode()
    take(course, pack(tmp_path / "b.zip", **files), assignment="toy")
    assert [work(course, who) for who in ("ada", "eve")] == [b"Ada Lovelace (al)", b"Eve Hacks"]


def test_a_group_that_the_roster_does_not_have_is_said(course: Course, tmp_path: Path) -> None:
    done = take(course, pack(tmp_path / "all.zip", **{"redteam_666_71_toy.ipynb": b"1"}))
    assert "write its name as group in each member's row" in " ".join(done.said)
    done = take(course, pack(tmp_path / "m.zip", **{f"Default group{FILE}/toy.ipynb": b"1"}))
    assert done.unmatched == ["Default group"] and "as group" in done.said[0]


def test_gradescope_names_every_member(course: Course, tmp_path: Path) -> None:
    about = (
        b"---\nsubmission_1:\n  :submitters:\n  - :name: Ada L.\n    :sid: '1'\n"
        b"    :email: ada@example.org\n  - :name: Bo Ng\n    :email: bo2@example.org\n"
        b"  :created_at: 2027-03-01 10:00:00.843289000 Z\n"
    )
    forged = about.replace(b"ada@", b"eve@").replace(b"bo2@", b"bob@")
    files = {"submission_metadata.yml": about, "submission_1/toy.ipynb": b"ours"}
    files |= {"submission_1/submission_metadata.yml": forged, "submission_2/toy.ipynb": b"whose"}
    done = take(course, pack(tmp_path / "g.zip", **files))
    assert sorted(done.new) == ["ada", "bo2"] and done.unmatched == ["submission_2"]
    assert "does not name it" in " ".join(done.said)
    (ada,) = course.submissions("toy", ["ada"])
    assert ada.timestamp == datetime(2027, 3, 1, 10, 0, 0, 843289, tzinfo=UTC)


# The others


def test_blackboards_attempts_are_hand_ins_of_their_times(course: Course, tmp_path: Path) -> None:
    attempt = "gradebook_CS_101_2027_Home_work_{}_attempt_2027-03-0{}-10-00-00"
    files = {
        f"{attempt.format('ada', 1)}_toy.ipynb": b"1",
        f"{attempt.format('ada', 1)}.txt": b"Name: Ada Lovelace (ada)\nDate Submitted: x\n",
        f"{attempt.format('ada', 2)}_toy.ipynb": b"2",
        f"{attempt.format('zz_eve', 2)}_toy.ipynb": b"not eve",
        f"{attempt.format('bob', 2)}_toy.ipynb": b"bob",
    }
    done = take(course, pack(tmp_path / "b.zip", **files))
    assert done.platform == "blackboard" and done.unmatched == ["zz_eve"]
    assert "write zz_eve as blackboard_name in the right row" in " ".join(done.said)
    assert (work(course, "ada"), work(course, "bob"), work(course, "eve")) == (b"2", b"bob", None)
    (ada,) = course.submissions("toy", ["ada"])
    assert ada.timestamp == datetime(2027, 3, 2, 10, tzinfo=UTC)
    assert len(HandIns(course, "toy", "ada").kept()) == 2


def test_brightspaces_files_without_folders(course: Course, tmp_path: Path) -> None:
    files = {
        "7-9 - Ada Lovelace - Mar 1, 2027 1149 AM - toy.zip": packed({"x/toy.ipynb": b"ada"}),
        "8-9 - Bob Ng - 1 mars 2027 14h22 - toy.ipynb": b"bob",
        "index.html": b"<html>",
    }
    done = take(course, pack(tmp_path / "b.zip", **files))
    assert done.platform == "brightspace" and not done.unmatched
    assert (work(course, "ada"), work(course, "bob")) == (b"ada", b"bob")
    times = [each.timestamp for each in course.submissions("toy")]
    assert times == [datetime(2027, 3, 1, *at, tzinfo=UTC) for at in ((11, 49), (14, 22))]


def test_github_classroom(course: Course, tmp_path: Path) -> None:
    tops = ("toy-submissions/nn-toy-adal", "toy-submissions/nn-toy-bob", "toy-submissions/nn-toy-z")
    files = {f"{top}/toy.ipynb": top.encode() for top in tops}
    done = take(course, pack(tmp_path / "r.zip", **files))
    assert done.platform == "github" and done.unmatched == ["z"]
    assert "write z as github_name" in " ".join(done.said)
    assert (work(course, "ada"), work(course, "bob")) == (tops[0].encode(), tops[1].encode())
    assert all(each.timestamp is None for each in course.submissions("toy"))


@pytest.mark.parametrize(
    "names",
    [
        ("Ada Lovelace - toy.ipynb", "Bob Ng - toy (1).ipynb", "Eve Hacks - Ada Lovelace.ipynb"),
        ("toy - Ada Lovelace.ipynb", "toy (2) - Bob Ng.ipynb", "Ada Lovelace - Eve Hacks.ipynb"),
        ("Ada Lovelace/toy.ipynb", "Bob Ng/toy.ipynb", "Eve Hacks/Ada Lovelace - toy.ipynb"),
        ("Ada Lovelace_toy.ipynb", "toy_Bob Ng.ipynb", "Eve Hacks.ipynb"),
    ],
)
def test_google_and_folders_by_names(
    course: Course, tmp_path: Path, names: tuple[str, ...]
) -> None:
    files = dict(zip(names, (b"ada", b"bob", b"eve"), strict=True))
    done = take(course, pack(tmp_path / "drive.zip", **files, **{"toy.ipynb": b"?"}))
    assert [work(course, who) for who in ("ada", "bob", "eve")] == [b"ada", b"bob", b"eve"]
    assert not done.unmatched and "toy.ipynb does not say whose it is; look at it." in done.said


def test_canvas_anonymous_is_nobody(course: Course, tmp_path: Path) -> None:
    """An anonymous id may be a number, and even somebody's."""
    with open(course.folder / "roster.csv", "a") as file:
        file.write("zed,Zed,Zed,,12345,,,\n")
    files = {"anon_12345_70_toy.ipynb": b"1", "LATE_anon_aB3xY_71_toy.ipynb": b"2"}
    done = take(course, pack(tmp_path / "c.zip", **files))
    assert len(done.unmatched) == 2 and "the grading is anonymous" in done.said[0]
    assert course.students() == []


# What is not recognised


@pytest.mark.parametrize(
    "names",
    [
        ("Submissions/Section 1/a.ipynb", "Submissions/Section 2/b.ipynb"),
        ("Lovelace, Ada (ada)/Submission attachment(s)/toy.ipynb", "grades/x.ipynb"),
        ("Untitled.ipynb", "final version.ipynb", "homework.zip"),
    ],
)
@pytest.mark.parametrize("roster", [ROSTER, None])
def test_no_student_is_invented(
    course: Course, tmp_path: Path, names: tuple[str, ...], roster: str | None
) -> None:
    if roster is None:
        (course.folder / "roster.csv").unlink()
    files = {name: packed({"a.ipynb": b"1"}) if "zip" in name else b"1" for name in names}
    done = take(course, pack(tmp_path / "x.zip", **files), assignment="toy")
    assert done.failed and "named as no platform that is known" in done.said[0]
    assert course.students() == [] and not (course.collected / "unmatched").exists()


def test_marks_are_read_from_the_left() -> None:
    """What a student writes into a file's name comes after what the platform does."""
    assert marked(f"ngeve_12_90_x_5{FILE}toy.ipynb").name == "canvas"  # type: ignore[union-attr]
    assert marked(f"Sukarno_5{FILE}a_1_2_b.ipynb").name == "moodle"  # type: ignore[union-attr]
    forged = "ngeve_12_90_ada_attempt_2027-03-01-10-15-00_toy.ipynb"
    assert marked(forged).name == "canvas"  # type: ignore[union-attr]
    assert platform_of(["gradebook_C_1_2_a_attempt_2027-03-01-10-15-00_t.ipynb"]) == "blackboard"
    assert marked("eve/Ada_7_assignsubmission_file_/toy.ipynb") is None


# What a file is


@pytest.mark.parametrize(
    "name",
    [
        "toy.ipynb.json",
        "toy.ipynb.txt",
        "toy (1).ipynb",
        "toy(1).ipynb",
        "toy.ipynb (1).txt",
        "toy.json",
        "toy",
        "toy.IPYNB",
        "toy.ipynb.zip",
        "Copy of toy.ipynb",
    ],
)
def test_a_notebook_is_told_by_what_it_holds(course: Course, tmp_path: Path, name: str) -> None:
    files = {
        f"Ada Lovelace_1{FILE}/{name}": NOTEBOOK,
        f"Ada Lovelace_1{FILE}/notes.txt": b"none",
        f"Ada Lovelace_1{FILE}/data.json": b'{"a": 1}',
        f"Bob Ng_2{FILE}/all.zip": packed({f"x/{name}": NOTEBOOK, "x/data.json": b"{}"}),
    }
    done = take(course, pack(tmp_path / "m.zip", **files), assignment="toy")
    assert not done.said and work(course, "ada") == work(course, "bob") == NOTEBOOK


def test_an_archive_that_is_called_a_notebook(course: Course, tmp_path: Path) -> None:
    files = {"hackseve_666_90_toy.ipynb": packed({"toy.ipynb": NOTEBOOK})}
    take(course, pack(tmp_path / "c.zip", **files))
    assert work(course, "eve") == NOTEBOOK


def test_a_notebook_by_itself_or_in_a_tar(course: Course, tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb.json").write_bytes(NOTEBOOK)
    take(course, tmp_path / "ada.ipynb.json", assignment="toy")
    with tarfile.open(tmp_path / "bob.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("work/toy.ipynb.txt")
        member.size = len(NOTEBOOK)
        archive.addfile(member, io.BytesIO(NOTEBOOK))
    take(course, tmp_path / "bob.tar.gz", assignment="toy")
    assert work(course, "ada") == work(course, "bob") == NOTEBOOK


def test_what_was_put_there_by_hand_is_told_by_what_it_holds(course: Course) -> None:
    folder = course.submitted / "ada" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb.json").write_bytes(NOTEBOOK)
    (folder / "data.json").write_bytes(b'{"a": 1}')
    (found,) = course.submissions("toy")
    assert found.read() == NOTEBOOK and "handed in as toy.ipynb.json" in str(found.note)
