"""Recording: what reaches nbgrader's gradebook and autograded/, and what never does."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import (
    ANSWER,
    WHEN,
    graded,
    hand_in,
    mark,
    notebook,
    open_course,
    put,
    rows,
    total,
    verdict,
    version,
)
from nbgrader import apps
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderApp
from nbgrader.converters import NbGraderException
from nbgrader.nbgraderformat import MetadataValidator
from traitlets.config import Config

from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.pages.feedback import GenerateFeedback, feedback
from autograder.recording import autograde, configure
from autograder.recording.autograde import record

RIGHT = {"scale": 2.0, "batch_mean": 3.0}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """An empty course."""
    return open_course(toy_root, tmp_path / "course")


def shown(course: Course, student: str) -> nbformat.NotebookNode:
    path = course.autograded / student / "toy" / "toy.ipynb"
    recorded: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    return recorded


# Scores


def test_scores_are_recorded_as_they_are(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root, why=ANSWER))
    put(course, ada, verdict(scale=2.0, batch_mean=1 / 3))
    assert rows(course) == {
        ("ada", "scale"): (2.0, None, False),
        ("ada", "batch_mean"): (1 / 3, None, False),
        ("ada", "why"): (None, None, True),
    }


@pytest.mark.parametrize(
    ("score", "recorded"), [(3.0000000001, 3.0), (2.9999999999, 3.0), (7.0, 3.0), (-1.0, 0.0)]
)
def test_a_score_stays_within_its_points(course: Course, score: float, recorded: float) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict(batch_mean=score))
    assert rows(course)["ada", "batch_mean"][0] == recorded


def test_an_unanswered_question_is_zero_and_waits_for_nobody(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict())
    assert rows(course)["ada", "why"] == (0.0, None, False)
    with Gradebook(course.db_url) as gradebook:
        for cell in ("why", "scale_code"):
            comment = gradebook.find_comment(cell, "toy", "toy", "ada")
            assert comment.auto_comment == "No response."


def test_an_internal_error_is_no_zero(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    put(course, ada, verdict("internal_error"))
    assert rows(course) == {}
    put(course, ada, verdict(**RIGHT))
    before = rows(course)
    put(course, ada, verdict("internal_error"))
    assert rows(course) == before


@pytest.mark.parametrize("status", ["malformed", "missing"])
def test_a_zero_for_what_cannot_be_read_asks_for_a_person(course: Course, status: str) -> None:
    ada = hand_in(course, "ada", b"{not json")
    put(course, ada, verdict(status, ("The file is not a notebook: <b>not</b> JSON.",)))
    assert set(rows(course).values()) == {(0.0, None, True)}
    (note,) = shown(course, "ada").cells[0].outputs
    assert "<b>not</b> JSON" in note.data["text/plain"]
    assert "&lt;b&gt;not&lt;/b&gt; JSON" in note.data["text/html"]
    mark(course, "ada", "scale", 0.0)
    put(course, ada, verdict(status, ("The file is not a notebook: <b>not</b> JSON.",)))
    assert rows(course)["ada", "scale"] == (0.0, 0.0, False)


# Marks by hand


def test_a_mark_stays_and_the_total_follows(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root, why=ANSWER))
    put(course, ada, verdict(**RIGHT))
    mark(course, "ada", "why", 3.5)
    assert total(course, "ada") == (8.5, 0.0)
    put(course, ada, verdict(**RIGHT))
    put(course, ada, verdict(scale=2.0))  # another verdict on the same bytes
    assert rows(course)["ada", "why"] == (None, 3.5, False)
    assert total(course, "ada") == (5.5, 0.0)


@pytest.mark.parametrize("answer", [ANSWER + " And so on.", None])
def test_a_changed_answer_is_to_be_marked_again(course: Course, answer: str | None) -> None:
    put(course, hand_in(course, "ada", notebook(course.root, why=ANSWER)), verdict(**RIGHT))
    mark(course, "ada", "why", 3.5)
    changed = {"why": answer} if answer else {}
    put(course, hand_in(course, "ada", notebook(course.root, **changed)), verdict(**RIGHT))
    _, manual, needs_manual = rows(course)["ada", "why"]
    assert (manual, needs_manual) == (3.5, True)


def test_an_override_does_not_silently_outlive_a_new_score(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    put(course, ada, verdict(scale=1.0))
    mark(course, "ada", "scale", 1.5)
    put(course, ada, verdict(scale=1.0))
    assert rows(course)["ada", "scale"] == (1.0, 1.5, False)
    put(course, ada, verdict(scale=2.0))
    assert rows(course)["ada", "scale"] == (2.0, 1.5, True)


def test_comments_by_hand_are_kept(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root, why=ANSWER))
    put(course, ada, verdict())
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_comment("why", "toy", "toy", "ada").manual_comment = "Good."
        gradebook.db.commit()
    put(course, ada, verdict(scale=1.0))
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_comment("why", "toy", "toy", "ada").comment == "Good."


# Lateness

LATE = "\n[assignments.toy]\ndue = 2026-03-01T09:00:00Z\nlate = { per_day = 0.1, at_most = 0.25 }\n"


@pytest.fixture
def strict(toy_root: Path, tmp_path: Path) -> Course:
    """A course in which lateness costs a tenth a day, a quarter at most."""
    return open_course(toy_root, tmp_path / "strict", LATE)


@pytest.mark.parametrize(("days", "share"), [(-1, 0.0), (0, 0.1), (1, 0.2), (9, 0.25)])
def test_a_penalty_is_a_share_of_the_marks(strict: Course, days: int, share: float) -> None:
    when = WHEN + timedelta(days=days)
    put(strict, hand_in(strict, "ada", notebook(strict.root, why=ANSWER), when), verdict(**RIGHT))
    assert total(strict, "ada") == pytest.approx((5.0, 5 * share))
    mark(strict, "ada", "why", 4.0)
    assert total(strict, "ada") == pytest.approx((9.0, 9 * share))


def test_an_extension_takes_the_penalty_back(strict: Course) -> None:
    ada = hand_in(strict, "ada", notebook(strict.root))
    put(strict, ada, verdict(**RIGHT))
    assert total(strict, "ada")[1] > 0
    with Gradebook(strict.db_url) as gradebook:
        gradebook.grant_extension("toy", "ada", days=2)
    put(strict, ada, verdict(**RIGHT))
    assert total(strict, "ada") == (5.0, 0.0)


# What is written to autograded/


def test_the_verdict_stands_below_the_check_cell(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict(scale=2.0))
    made = shown(course, "ada")
    nbformat.validate(made)
    MetadataValidator().validate_nb(made)
    (output,) = next(cell for cell in made.cells if cell.id == "batch_mean").outputs
    assert "batch_mean is 2 < 3 times too small." in output.data["text/plain"]
    assert "2 &lt; 3" in output.data["text/html"]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](java&#x73;cript:alert(1))",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<b onclick=alert(1)>x</b>",
    "$<img src=x onerror=alert(1)>$",
    "`` ` ``\n<style>body{display:none}</style>",
    "````\n<script>\n````\n<script>alert(1)</script>",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
]
BANNED = {"script", "iframe", "svg", "style", "object", "embed", "form", "meta", "link", "base"}


class Tags(HTMLParser):
    """Collects what would run or load if a page were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.harmful: list[object] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            target = re.sub(r"[\s\0-\x20]", "", value or "").lower()
            if name.startswith("on") or target.startswith(("javascript:", "data:image/svg")):
                self.harmful.append((tag, name, value))
        if tag in BANNED:
            self.harmful.append(tag)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_students_write_runs_nowhere(course: Course, text: str) -> None:
    from nbconvert.filters.markdown import markdown2html

    made = notebook(course.root, why=f"{ANSWER}\n\n{text}")
    made["cells"].append({"cell_type": "markdown", "metadata": {}, "source": text})
    drawn = next(cell for cell in made["cells"] if cell["id"] == "experiment-draw")
    drawn["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": text}},
        {
            "output_type": "display_data",
            "metadata": {"filenames": {"image/png": "x' onerror='alert(1)"}},
            "data": {
                "image/png": PIXEL,
                "image/svg+xml": text,
                "application/javascript": "alert(1)",
            },
        },
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "'><script>"}},
        {"output_type": "stream", "name": "x'><script>", "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
    ]
    put(course, hand_in(course, "ada", made), verdict())
    data = shown(course, "ada")
    for cell in data.cells:
        if cell.cell_type == "markdown":
            assert not Tags(markdown2html(cell.source)).harmful
    drawn = next(cell for cell in data.cells if cell.id == "experiment-draw")
    assert drawn.outputs[1] == {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": PIXEL},
    }
    assert all(o.get("data", {}).get("image/png", "iVB").startswith("iVB") for o in drawn.outputs)
    for output in drawn.outputs:
        assert not Tags(output.get("data", {}).get("text/html", "")).harmful
        assert output.get("name", "stdout") in ("stdout", "stderr")
    list(feedback(course, [graded(course, course.submissions()[0], verdict())]))
    page = (course.feedback / "ada" / "toy" / "toy.html").read_text()
    assert not Tags(page[page.index("<body") :]).harmful


@pytest.mark.parametrize("text", ["$a < b$ and **c**", "[a](https://example.org) `x<y>`", "a & b"])
def test_harmless_markdown_stays_as_it_is(course: Course, text: str) -> None:
    put(course, hand_in(course, "ada", notebook(course.root, why=text)), verdict())
    assert next(c for c in shown(course, "ada").cells if c.id == "why").source == text


NOTE = (
    "It raised ValueError: x\n\n# You win\n\n[x](javascript:alert(1)) "
    "![p](https://example.org/p.png) ![q](attachment:a.png)\n\n<script>alert(1)</script>"
)


def test_a_note_is_shown_as_text_whatever_is_in_it(course: Course) -> None:
    ada = graded(course, hand_in(course, "ada", notebook(course.root)), verdict("graded", (NOTE,)))
    put(course, ada.submission, ada.verdict)
    cell = shown(course, "ada").cells[0]
    assert (cell.cell_type, cell.source) == ("code", "")
    assert " ".join(NOTE.split()) in cell.outputs[0].data["text/plain"]
    list(feedback(course, [ada]))
    page = (course.feedback / "ada" / "toy" / "toy.html").read_text()
    assert "# You win [x](javascript:alert(1)) ![p](https://example.org/p.png)" in page
    body = page[page.index("<body") :]
    assert not Tags(body).harmful and "<img" not in body and "You win</h1>" not in body


def test_an_attached_picture_reaches_the_page(course: Course) -> None:
    text = f"{ANSWER}\n\n![d](attachment:photo.png)"
    made = notebook(course.root, why=text)
    photo = {"photo.png": {"image/png": PIXEL, "image/svg+xml": "<svg/onload=alert(1)>"}}
    next(cell for cell in made["cells"] if cell["id"] == "why")["attachments"] = photo
    ada = graded(course, hand_in(course, "ada", made), verdict())
    put(course, ada.submission, ada.verdict)
    (cell,) = (cell for cell in shown(course, "ada").cells if cell.id == "why")
    assert cell.source == text
    assert cell.attachments == {"photo.png": {"image/png": PIXEL}}
    list(feedback(course, [ada]))
    page = (course.feedback / "ada" / "toy" / "toy.html").read_text()
    assert f'src="data:image/png;base64,{PIXEL}"' in page


def test_a_picture_that_is_not_attached_stops_nobodys_feedback(course: Course) -> None:
    text = "![d](attachment:photo.png)"
    made = notebook(course.root, why=text)
    made["cells"].append({"cell_type": "markdown", "metadata": {}, "source": text})
    everyone = [
        graded(course, hand_in(course, "ada", made), verdict()),
        graded(course, hand_in(course, "bob", notebook(course.root)), verdict()),
    ]
    with course.lock():
        assert len(list(record(course, everyone))) == 2
    assert len(list(feedback(course, everyone))) == 2
    for name in ("ada", "bob"):
        assert (course.feedback / name / "toy" / "toy.html").is_file()
    assert f"`````\n{text}\n`````" in [cell.source for cell in shown(course, "ada").cells]


def test_nothing_else_of_a_submission_is_taken_over(course: Course, tmp_path: Path) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    (tmp_path / "secret").write_text("secret")
    (course.submitted / "ada" / "toy" / "link.txt").symlink_to(tmp_path / "secret")
    (course.submitted / "ada" / "toy" / "page.html").write_text("<script>")
    put(course, ada, verdict())
    found = {path.name for path in (course.autograded / "ada" / "toy").iterdir()}
    assert found == {"toy.ipynb", "timestamp.txt"}


# Interruptions and faults


def test_a_damaged_gradebook_is_said(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    course.gradebook.write_bytes(b"no database" * 100)
    with pytest.raises(CourseError, match="cannot be used"):
        put(course, ada, verdict())


def test_recording_again_changes_no_byte(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root, why=ANSWER))
    put(course, ada, verdict(**RIGHT))
    path = course.autograded / "ada" / "toy" / "toy.ipynb"
    before = version(path), _dump(course)
    put(course, ada, verdict(**RIGHT))
    assert (version(path), _dump(course)) == before


def test_a_notebook_that_was_lost_is_written_again(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    put(course, ada, verdict())
    path = course.autograded / "ada" / "toy" / "toy.ipynb"
    path.unlink()
    put(course, ada, verdict())
    assert path.is_file()


def test_one_that_cannot_be_recorded_does_not_stop_the_others(course: Course) -> None:
    people = [hand_in(course, name, notebook(course.root)) for name in ("ada", "bob", "cai")]
    (course.autograded / "bob").write_text("a file where a folder should be")
    with course.lock(), pytest.raises(CourseError, match=r"1 of .*bob/toy"):
        list(record(course, [graded(course, who, verdict()) for who in people]))
    assert {student for student, _ in rows(course)} == {"ada", "cai"}


def test_a_changed_set_of_exercises_is_said_and_nothing_is_lost(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    put(course, ada, verdict(**RIGHT))
    before = _dump(course)
    path = course.root / "reference" / "toy" / "notebook.py"
    path.write_text(path.read_text().replace('exercise="scale"', 'exercise="stretch"'))
    with pytest.raises(Exception, match="Cannot add or remove cells"):
        put(course, ada, verdict(**RIGHT))
    assert _dump(course) == before


def test_prose_may_change_after_students_handed_in(course: Course) -> None:
    ada = hand_in(course, "ada", notebook(course.root))
    put(course, ada, verdict(**RIGHT))
    path = course.root / "reference" / "toy" / "notebook.py"
    path.write_text(path.read_text().replace("The mean over the batch.", "The mean over N."))
    put(course, ada, verdict(**RIGHT))
    assert any("The mean over N." in cell.source for cell in shown(course, "ada").cells)
    assert rows(course)["ada", "scale"] == (2.0, None, False)


def test_two_recorders_do_not_meet(course: Course) -> None:
    other = Course.open(course.folder, course.root)
    with course.lock(), pytest.raises(CourseError, match="Another process"), other.lock():
        pass


def in_a_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own; give its exit status, negative if it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Killer:
    """Kills its own process just before a given step: a file put in place, a database statement."""

    def __init__(self, step: int) -> None:
        self.left = step

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return step

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        killer, db = self, CONNECT(*args, **kwargs)

        class Connection:
            def __getattr__(self, name: str) -> Any:
                return killer.before(getattr(db, name))

        return Connection()


CONNECT, REPLACE = sqlite3.connect, os.replace


def test_a_kill_at_any_step_is_made_good_by_running_again(toy_root: Path, tmp_path: Path) -> None:
    course = open_course(toy_root, tmp_path / "course", LATE)
    for student, answer in (("ada", ANSWER), ("bob", ANSWER + " Yes.")):
        put(course, hand_in(course, student, notebook(toy_root, why=ANSWER)), verdict())
        mark(course, student, "why", 2.0)
        mark(course, student, "scale", 1.0)
        hand_in(course, student, notebook(toy_root, why=answer))
    hand_in(course, "cai", notebook(toy_root, why=ANSWER))

    def prepared(name: str) -> Course:
        return Course.open(shutil.copytree(course.folder, tmp_path / name), toy_root)

    def killed_before(course: Course, step: int) -> bool:
        def work() -> None:
            killer = Killer(step)
            sqlite3.connect, os.replace = killer.connect, killer.before(REPLACE)
            for each in course.submissions():
                put(course, each, verdict(scale=2.0, batch_mean=0.3))

        status = in_a_child(work)
        assert status in (0, -signal.SIGKILL)
        return status != 0

    undisturbed = prepared("undisturbed")
    assert not killed_before(undisturbed, 0)
    for step in itertools.count(1, 7):
        disturbed = prepared(f"killed-{step}")
        if not killed_before(disturbed, step):
            break
        assert not killed_before(disturbed, 0)
        assert _dump(disturbed) == _dump(undisturbed)
    assert step > 60


def _dump(course: Course) -> list[tuple[object, ...]]:
    """Read all that counts: student, cell, automatic, manual, needs manual, penalty, comments."""
    with sqlite3.connect(course.gradebook) as db:
        return db.execute(
            "SELECT s.student_id, s.timestamp, b.name, g.auto_score, g.manual_score, "
            "g.needs_manual_grade, n.late_submission_penalty, k.auto_comment, k.manual_comment "
            "FROM submitted_assignment s JOIN submitted_notebook n ON n.assignment_id = s.id "
            "JOIN base_cell b ON b.notebook_id = n.notebook_id "
            "LEFT JOIN grade g ON g.notebook_id = n.id AND g.cell_id = b.id "
            "LEFT JOIN comment k ON k.notebook_id = n.id AND k.cell_id = b.id ORDER BY 1, 3, b.type"
        ).fetchall()


# nbgrader's own entries


def nbgrader(course: Course, *arguments: str) -> None:
    """Run one of nbgrader's commands in the course's folder."""

    def work() -> None:
        os.chdir(course.folder)
        NbGraderApp.launch_instance(list(arguments))

    assert in_a_child(work) == 0


def test_nbgraders_commands_work_on_the_course(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root, why=ANSWER)), verdict(**RIGHT))
    nbgrader(course, "db", "student", "list")
    nbgrader(course, "export", "--to", "nbgrader.csv")
    header, line = (course.folder / "nbgrader.csv").read_text().splitlines()
    exported = dict(zip(header.split(","), line.split(","), strict=True))
    assert (exported["student_id"], exported["raw_score"], exported["max_score"]) == (
        "ada",
        "5.0",
        "9.0",
    )
    nbgrader(course, "generate_feedback", "toy")
    assert "scale" in (course.feedback / "ada" / "toy" / "toy.html").read_text()


def test_nbgraders_autograde_asks_the_judge(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    ada = hand_in(course, "ada", notebook(course.root))
    hand_in(course, "bob", notebook(course.root))
    asked = []

    def judged(course: Course, names: list[str], students: list[str]) -> Iterator[object]:
        asked.append((names, students))
        yield graded(course, ada, verdict(scale=2.0))

    monkeypatch.setattr(autograde.Autograde, "judged", staticmethod(judged))
    for module in (apps.api, apps.autogradeapp, apps.generatefeedbackapp):
        for name in ("Autograde", "GenerateFeedback"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name))
    config = Config()
    configure.configure(config, str(course.config))
    api = NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)
    said = api.autograde("toy", "ada")
    assert said["success"], said
    assert asked == [(["toy"], ["ada"])]
    assert rows(course)["ada", "scale"] == (2.0, None, False)
    assert not api.autograde("toy", "nobody")["success"]
    assert api.generate_feedback("toy", "ada")["success"]


def test_nbgraders_autograde_names_whom_the_judge_failed(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.coursedir import CourseDirectory

    ada, bob = (hand_in(course, name, notebook(course.root)) for name in ("ada", "bob"))

    def judged(course: Course, names: list[str], students: list[str]) -> Iterator[object]:
        yield graded(course, ada, verdict("internal_error"))
        yield graded(course, bob, verdict(scale=2.0))

    monkeypatch.setattr(autograde.Autograde, "judged", staticmethod(judged))
    where = CourseDirectory(root=str(course.folder), assignment_id="toy")
    with pytest.raises(NbGraderException, match="No grade was recorded of ada/toy"):
        autograde.Autograde(coursedir=where).start()
    assert {student for student, _ in rows(course)} == {"bob"}


# Feedback


def test_feedback_loads_and_runs_nothing_and_follows_the_marks(course: Course) -> None:
    ada = graded(
        course, hand_in(course, "ada", notebook(course.root, why=ANSWER)), verdict(scale=2.0)
    )
    put(course, ada.submission, ada.verdict)
    page = course.feedback / "ada" / "toy" / "toy.html"
    list(feedback(course, [ada]))
    text = page.read_text()
    assert "Content-Security-Policy" in text and "<script" not in text
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "2 &lt; 3 times too small" in text
    assert "<b>2</b> of 9 points; 4 of them wait to be marked." in text
    before = version(page)
    list(feedback(course, [ada]))
    assert version(page) == before
    mark(course, "ada", "why", 3.5)
    assert [each.submission.student for each in feedback(course)] == ["ada"]
    assert "<b>5.5</b> of 9 points." in page.read_text()


def test_feedback_speaks_as_students_know_things(course: Course) -> None:
    answer = f"{ANSWER} It is $\\frac{{1}}{{N}}$ of it."
    ada = graded(
        course, hand_in(course, "ada", notebook(course.root, why=answer)), verdict(scale=2.0)
    )
    put(course, ada.submission, ada.verdict)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_comment("why", "toy", "toy", "ada").manual_comment = "Why *not* a sum?"
        gradebook.db.commit()
    list(feedback(course, [ada]))
    page = (course.feedback / "ada" / "toy" / "toy.html").read_text()
    said = [
        re.sub("<[^>]+>", " ", row) for row in re.findall("<tr class=.*?</tr>", page, re.DOTALL)
    ]
    assert [" ".join(row.split()) for row in said] == [
        "scale 2 / 2 every test passes",
        "batch_mean 0 / 3 no test passes",
        "why – / 4 waits to be marked, commented",
    ]
    assert "<mfrac>" in page and "$" not in page
    assert "Why <em>not</em> a sum?" in page
    assert "No response" not in page and "nbgrader" not in page.lower()


def test_feedback_goes_back_through_nbgraders_exchange(course: Course, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("abc")
    for student in ("ada", "bob"):
        put(course, hand_in(course, student, notebook(course.root)), verdict(**RIGHT))
    (course.submitted / "ada" / "toy" / "submission_secret.txt").write_text("0a1b2c")
    (course.submitted / "bob" / "toy" / "submission_secret.txt").symlink_to(tmp_path / "other")
    nbgrader(course, "generate_feedback", "toy")
    assert not (course.feedback / "bob" / "toy" / "submission_secret.txt").exists()
    (tmp_path / "exchange").mkdir(mode=0o777)
    (tmp_path / "exchange").chmod(0o777)
    exchange = f"--Exchange.root={tmp_path / 'exchange'}"
    nbgrader(course, "release_feedback", "toy", "--student=ada", "--course=c", exchange)
    (released,) = (tmp_path / "exchange").rglob("*.html")
    assert released.read_bytes() == (course.feedback / "ada" / "toy" / "toy.html").read_bytes()


def test_feedback_on_what_cannot_be_read_says_so_and_no_more(course: Course) -> None:
    bad = graded(
        course, hand_in(course, "ada", b"{"), verdict("malformed", ("It is no notebook.",))
    )
    put(course, bad.submission, bad.verdict)
    list(feedback(course, [bad]))
    page = (course.feedback / "ada" / "toy" / "toy.html").read_text()
    assert "It is no notebook." in page and page.count("could not be read") == 3
    assert "<main>" not in page


def test_no_feedback_without_a_grade(course: Course) -> None:
    ada = graded(course, hand_in(course, "ada", notebook(course.root)), verdict("internal_error"))
    list(feedback(course, [ada]))
    assert not (course.feedback / "ada").exists()


def test_the_notebook_is_json_with_sorted_keys(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict())
    data = (course.autograded / "ada" / "toy" / "toy.ipynb").read_text()
    assert data == json.dumps(json.loads(data), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def test_another_gradebook_is_refused(course: Course) -> None:
    from nbgrader.coursedir import CourseDirectory

    ada = hand_in(course, "ada", notebook(course.root))
    list(record(course, [graded(course, ada, verdict(scale=2.0))]))
    other = "sqlite:////elsewhere/gradebook.db"
    config = Config()
    config.CourseDirectory.db_url = other
    with pytest.raises(CourseError, match=r"another gradebook \(sqlite:////elsewhere"):
        configure.configure(config, str(course.config))
    where = CourseDirectory(root=str(course.folder), db_url=other)
    for converter in (autograde.Autograde, GenerateFeedback):
        with pytest.raises((CourseError, NbGraderException), match="another gradebook"):
            converter(coursedir=where).start()


ELSEWHERE = {
    "below the untouched question": lambda cells, place: cells.insert(place + 1, own_prose()),
    "at the end": lambda cells, place: cells.append(own_prose()),
    "in place of the question": lambda cells, place: cells.__setitem__(place, own_prose()),
}


def own_prose() -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "A mean does not grow with N."}


@pytest.mark.parametrize("put_it", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_answer_in_another_cell_waits_for_a_person(
    course: Course, put_it: Callable[[list[dict[str, Any]], int], None]
) -> None:
    made = notebook(course.root)
    place = next(i for i, cell in enumerate(made["cells"]) if cell.get("id") == "why")
    put_it(made["cells"], place)
    list(record(course, [graded(course, hand_in(course, "ada", made), verdict())]))
    assert rows(course)["ada", "why"] == (None, None, True)
