"""An assignment's source becomes cells with ids, skeletons and names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.assignment import source
from autograder.assignment.source import Assignment, AssignmentError

ROOT = Path(__file__).resolve().parents[2]


def test_cells_are_what_their_tags_say(toy: Assignment) -> None:
    kinds = [cell.kind for cell in toy.cells]
    assert kinds == ["prose", "provided", "solution", "prose", "solution", "written", "experiment"]
    assert [cell.name for cell in toy.exercises] == ["scale", "batch_mean"]
    assert [cell.points for cell in toy.exercises] == [2, 3]
    assert toy.title == "A toy assignment"


def test_layout_puts_a_check_after_each_exercise(toy: Assignment) -> None:
    ids = [cell.id for cell in toy.layout if cell.kind in ("solution", "check")]
    assert ids == ["scale_code", "scale", "batch_mean_code", "batch_mean"]


def test_ids_survive_a_cell_put_in_front(toy: Assignment) -> None:
    text = (toy.folder / "notebook.py").read_text()
    cells = source.parse("# %% [markdown]\n# New first words\n\n" + text, "toy")
    assert [cell.id for cell in cells[1:]] == [cell.id for cell in toy.cells]


def test_skeleton_raises_what_it_asks_for_and_keeps_the_docstring(toy: Assignment) -> None:
    skeleton = toy.exercise("scale").skeleton
    assert "raise NotImplementedError('scale: x times the factor')" in skeleton
    assert "Multiply x (N, D)" in skeleton
    assert "product" not in skeleton and "SOLUTION" not in skeleton


def test_written_answer_leaves_no_model_answer(toy: Assignment) -> None:
    (written,) = toy.written
    assert "better than a sum" in written.skeleton
    assert "does not depend" not in written.skeleton


def test_reference_runs_without_experiments(toy: Assignment) -> None:
    names = toy.namespace()
    assert names["batch_mean"]([[1.0], [3.0]] * names["np"].ones((2, 1))) == 2.0
    assert names["NUMBERS"] == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# %%\nx = 1", "has no tag"),
        ('# %% exercise="f" points=1\ndef f(): pass', "BEGIN SOLUTION"),
    ],
)
def test_author_is_told_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(AssignmentError, match=says):
        source.parse(text, "toy")


def test_an_exercise_of_an_earlier_assignment_can_be_provided(
    toy: Assignment, sequel: Assignment
) -> None:
    _, _, provided, exercise = sequel.cells
    solved = '''def scale(x, factor):
    """Multiply x (N, D) by a factor."""
    product = x * factor
    return product'''
    assert (provided.kind, provided.name, provided.source) == ("provided", None, solved)
    written_out = source.parse(f"# %% provided=true\n{solved}\n", "zequel")
    assert (provided,) == written_out  # it is no other cell than if it stood there
    assert sequel.exercises == (exercise,) and sequel.foundations == {"double": []}
    assert sequel.namespace()["double"](21) == 42


def test_what_an_exercise_may_import_it_may_import_where_it_is_provided(
    toy_root: Path, sequel: Assignment
) -> None:
    path = toy_root / "reference" / "toy" / "notebook.py"
    path.write_text(path.read_text().replace('"scale" points=2', '"scale" points=2 allows="torch"'))
    assert source.load("zequel", toy_root).cells[2].allows == {"torch"}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("toy/scael", r"toy has no exercise 'scael' to provide; it has scale,"),
        ("tyo/scale", r"assignments before it \(toy\), not 'tyo/scale'; mend the tag"),
        ("scale", r"assignments before it \(toy\), not 'scale'"),
        ("zequel/double", r"assignments before it \(toy\), not 'zequel/double'"),
    ],
)
def test_what_cannot_be_provided_is_said(
    toy_root: Path, sequel: Assignment, address: str, says: str
) -> None:
    path = sequel.folder / "notebook.py"
    path.write_text(path.read_text().replace("toy/scale", address))
    with pytest.raises(AssignmentError, match=says):
        source.load("zequel", toy_root)


def test_a_solution_is_not_provided_before_students_have_found_it(
    toy_root: Path, sequel: Assignment
) -> None:
    (toy_root / "reference" / "order.txt").write_text("zequel\ntoy\n")
    with pytest.raises(AssignmentError, match=r"\(there are none\), .* or reference/order.txt"):
        source.load("zequel", toy_root)


def test_a_cell_that_provides_an_exercise_has_no_text_of_its_own(
    toy_root: Path, sequel: Assignment
) -> None:
    path = sequel.folder / "notebook.py"
    path.write_text(path.read_text().replace('"toy/scale"', '"toy/scale"\nhalf = 0.5'))
    with pytest.raises(AssignmentError, match="'toy/scale' has text of its own"):
        source.load("zequel", toy_root)


def test_two_exercises_of_one_name_are_refused(toy: Assignment) -> None:
    text = (toy.folder / "notebook.py").read_text().replace('"batch_mean"', '"scale"')
    with pytest.raises(AssignmentError, match="two cells named 'scale'"):
        source.parse(text, "toy")


def test_unknown_assignment_names_those_there_are(toy_root: Path) -> None:
    with pytest.raises(AssignmentError, match="this course has: toy"):
        source.load("tyo", toy_root)


def test_unknown_exercise_names_those_there_are(toy: Assignment) -> None:
    with pytest.raises(AssignmentError, match="scale, batch_mean"):
        toy.exercise("scael")


def test_assignments_come_in_the_order_that_the_course_takes_them(toy_root: Path) -> None:
    folder = toy_root / "reference"
    for name in ("zeta", "alpha", "beta"):
        shutil.copytree(folder / "toy", folder / name)
    assert source.names(toy_root) == ["alpha", "beta", "toy", "zeta"]
    (folder / "order.txt").write_text("zeta\ntoy\nnot-written-yet\n")
    assert source.names(toy_root) == ["zeta", "toy", "alpha", "beta"]


@pytest.mark.parametrize("name", source.names(ROOT))
def test_every_name_in_a_notebook_is_defined_in_it_or_in_what_it_provides(name: str) -> None:
    code = "\n".join(cell.source for cell in source.load(name, ROOT).cells if cell.is_code)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
