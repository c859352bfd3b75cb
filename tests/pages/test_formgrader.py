"""Formgrader: its Autograde button asks the judge, and nobody's name is more than text in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from classroom import ANSWER, hand_in, notebook, open_course, rows
from formgrading import Formgrader
from nbformat.v4 import new_notebook
from nbgrader.server_extensions.formgrader import handlers

from autograder.assignment import build
from autograder.assignment.source import load
from autograder.course.folder import Course
from autograder.pages import formgrader

QUOTES = '"; alert(1); //'
NAMES = [QUOTES, "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a\\"]


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """An empty course."""
    return open_course(toy_root, tmp_path / "course")


def test_the_autograde_button_asks_the_judge(course: Course) -> None:
    solved = json.loads(build.solved(load("toy", course.root)))
    cheat = notebook(course.root, why=ANSWER)
    for cell in cheat["cells"]:
        cell["metadata"]["tags"] = ["skip-execution"]  # full marks where nbgrader itself grades
    hand_in(course, "ada", solved)
    hand_in(course, "eve", cheat)
    with Formgrader(course) as server:
        for student in ("ada", "eve"):
            said = server.post(f"/formgrader/api/submission/toy/{student}/autograde")
            assert said["success"], said
        found = {each["student"]: each for each in server.get("/formgrader/api/submissions/toy")}
        assert (found["ada"]["score"], found["eve"]["score"]) == (5.0, 0.0)
        assert not server.post("/formgrader/api/submission/toy/nobody/autograde")["success"]
        said = server.post("/formgrader/api/assignment/toy/generate_feedback")
        assert said["success"], said
        page = requests.get(server.url + "/formgrader/gradebook", headers=server.headers)
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert rows(course)["ada", "scale"][0] == 2.0
    assert (course.feedback / "ada" / "toy" / "toy.html").is_file()


def test_a_course_that_cannot_load_the_judge_is_not_graded_without_it(course: Course) -> None:
    hand_in(course, "ada", notebook(course.root))
    broken = course.folder / "autograder"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('another Python')")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "toy"],
        cwd=course.folder,
        env={**os.environ, "PYTHONPATH": str(course.folder)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode != 0
    assert "graded by Chainrule, which cannot be used here: another Python" in done.stderr
    assert not list(course.autograded.iterdir())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "template", ["manage_students_assignments.tpl", "manage_students_notebook_submissions.tpl"]
)
def test_an_id_is_text_in_formgraders_lists(template: str, name: str) -> None:
    page = formgrader._environment().get_template(template)
    made, plain = (
        page.render(student_id=who, assignment_id="toy", base_url="") for who in (name, "ada")
    )
    assert_same_page(made, plain)
    assert re.search(r'var student_id = "[^"\\]*";', made)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_where_an_answer_is_marked(name: str) -> None:
    made, plain = (
        formgrader._exporter().from_notebook_node(
            new_notebook(),
            {
                "base_url": "",
                "student": who,
                "last_name": who,
                "first_name": who,
                "notebook_path": who,
                "notebook_id": "toy",
                "assignment_id": "toy",
                "submission_id": "0",
                "index": 0,
                "total": 1,
            },
        )[0]
        for who in (name, "ada")
    )
    assert_same_page(made, plain)
    assert "cdnjs" not in made and "https://" not in made


def assert_same_page(made: str, plain: str) -> None:
    """See that a name brought neither an element nor an attribute."""
    assert re.findall("<[a-z/!]+", made) == re.findall("<[a-z/!]+", plain)
    assert made.count('"') == plain.count('"')


def test_the_policy_knows_every_script_of_the_templates_and_no_other() -> None:
    templates = [path.read_text() for path in Path(handlers.template_path).rglob("*.*")]
    attributes = re.findall(r'\son[a-z]+="([^"]*)"', " ".join(templates), re.IGNORECASE)
    assert set(attributes) == set(formgrader.HANDLERS)
    assert "'unsafe-inline'" not in formgrader.POLICY.partition("script-src")[2].partition(";")[0]
    source = "<script>1</script>"
    cell = {"cell_type": "markdown", "metadata": {}, "source": source, "id": "a"}
    shown = new_notebook(cells=[], metadata={})
    shown.cells.append(type(shown)(cell))
    page, _ = formgrader._exporter().from_notebook_node(
        shown, {"base_url": "", "index": 0, "total": 1}
    )
    assert source in page  # what the sanitiser, which is not asked here, would have stopped
    assert set(re.findall("<script[^>]*>", page.replace(source, ""))) == {
        tag for tag in re.findall("<script[^>]*>", page) if formgrader.NONCE in tag
    }
