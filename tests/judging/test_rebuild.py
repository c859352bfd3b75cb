"""A submission gets back its shape, whatever happened to it; nothing it claims is believed."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from autograder.assignment.source import Assignment, text_digest
from autograder.judging.rebuild import Malformed, Rebuilt, as_blank, as_submission, rebuild

ANSWER = "def scale(x, factor):\n    return x * factor\n"


@pytest.fixture
def notebook(toy: Assignment) -> dict[str, Any]:
    """The toy as a student gets it, with `scale` answered."""
    cells = [
        {
            "cell_type": "code" if cell.is_code else "markdown",
            "id": cell.id,
            "metadata": {"nbgrader": {"grade_id": cell.id}},
            "source": cell.skeleton,
        }
        for cell in toy.layout
    ]
    next(cell for cell in cells if cell["id"] == "scale_code")["source"] = ANSWER
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def rebuilt(notebook: dict[str, Any], toy: Assignment) -> Rebuilt:
    return rebuild(json.dumps(notebook).encode(), toy)


def sources(result: Rebuilt) -> dict[str, str]:
    return {piece.id: piece.source for piece in result.pieces}


def cell(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def code(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], **more}


def ids(toy: Assignment) -> list[str]:
    return [cell.id for cell in toy.layout]


def test_an_intact_notebook_comes_back_in_the_masters_shape(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    result = rebuilt(notebook, toy)
    assert [piece.id for piece in result.pieces] == ids(toy)
    assert sources(result)["scale_code"] == ANSWER
    assert result.notes == []


def test_without_ids_and_metadata_cells_are_found_by_what_they_define(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    for each in notebook["cells"]:
        each["metadata"] = {}
        del each["id"]
    result = rebuilt(notebook, toy)
    assert [piece.id for piece in result.pieces] == ids(toy)
    assert sources(result)["scale_code"] == ANSWER


def test_locked_cells_are_the_masters_own(notebook: dict[str, Any], toy: Assignment) -> None:
    cell(notebook, "scale")["source"] = "check = print"
    result = rebuilt(notebook, toy)
    assert sources(result)["scale"] == 'check("scale")'


def test_a_changed_provided_cell_is_noted_and_not_run(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    provided = next(c for c in notebook["cells"] if c["id"].startswith("provided"))
    provided["source"] = "import numpy as np\nnp.allclose = lambda *a: True"
    result = rebuilt(notebook, toy)
    assert "allclose" not in str(result.runnable(frozenset()))
    assert "provided cell was changed" in result.notes[0]


def test_experiments_do_not_run(notebook: dict[str, Any], toy: Assignment) -> None:
    cell(notebook, "experiment-draw")["source"] = "train_for_an_hour()"
    assert "train_for_an_hour" not in str(rebuilt(notebook, toy).pieces)
    assert "NUMBERS[" not in str(rebuilt(notebook, toy).runnable(frozenset()))


def test_own_cells_stay_where_they_stood(notebook: dict[str, Any], toy: Assignment) -> None:
    at = ids(toy).index("scale_code")
    notebook["cells"].insert(at, code("helper = 1"))
    notebook["cells"].insert(0, code("first = 1"))
    result = [piece.source for piece in rebuilt(notebook, toy).pieces]
    assert result[0] == "first = 1"
    assert result.index("helper = 1") == result.index(ANSWER) - 1


def test_a_deleted_cell_is_unanswered_and_noted(notebook: dict[str, Any], toy: Assignment) -> None:
    notebook["cells"].remove(cell(notebook, "batch_mean_code"))
    result = rebuilt(notebook, toy)
    assert "NotImplementedError" in sources(result)["batch_mean_code"]
    assert result.notes == ["The cell of batch_mean was missing: it counts as unanswered."]


def test_an_answer_below_an_untouched_stub_counts(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    stub = cell(notebook, "scale_code")
    stub["source"] = toy.exercise("scale").skeleton
    notebook["cells"].append(code(ANSWER))
    result = rebuilt(notebook, toy)
    assert sources(result)["scale_code"] == ANSWER
    assert "the last one counts" in result.notes[0]


def test_a_split_cell_runs_whole(notebook: dict[str, Any], toy: Assignment) -> None:
    cell(notebook, "scale_code")["source"] = "def helper(x):\n    return x"
    at = ids(toy).index("scale_code") + 1
    notebook["cells"].insert(at, code("def scale(x, factor):\n    return helper(x) * factor"))
    runnable = str(rebuilt(notebook, toy).runnable(frozenset()))
    assert "def helper" in runnable and "helper(x) * factor" in runnable


def test_reordered_cells_run_in_the_masters_order(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    notebook["cells"].reverse()
    assert [piece.id for piece in rebuilt(notebook, toy).pieces] == ids(toy)


def test_no_metadata_is_taken_over(notebook: dict[str, Any], toy: Assignment) -> None:
    for each in notebook["cells"]:
        each["metadata"]["tags"] = ["skip-execution"]
        each["metadata"]["nbgrader"]["points"] = 1000
    assert "skip-execution" not in str(rebuilt(notebook, toy))
    assert all(p.cell is None or p.cell.points < 10 for p in rebuilt(notebook, toy).pieces)


def test_the_written_answer_is_the_students(notebook: dict[str, Any], toy: Assignment) -> None:
    question = cell(notebook, "why")
    question["source"] += "\nBecause."
    question["metadata"], question["id"] = {}, "lost"
    assert sources(rebuilt(notebook, toy))["why"].endswith("Because.")


def test_a_cell_of_the_wrong_type_claims_no_place(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    cell(notebook, "scale_code")["cell_type"] = "raw"
    assert "NotImplementedError" in sources(rebuilt(notebook, toy))["scale_code"]


@pytest.mark.parametrize("change", ["bom", "crlf", "old_format", "source_lists"])
def test_odd_files_are_read(change: str, notebook: dict[str, Any], toy: Assignment) -> None:
    if change == "old_format":
        cells = [{**c, "input": c["source"]} for c in notebook["cells"]]
        for each in cells:
            del each["source"]
        notebook = {"worksheets": [{"cells": cells}], "nbformat": 3}
    if change == "source_lists":
        for each in notebook["cells"]:
            each["source"] = each["source"].splitlines(keepends=True)
    data = json.dumps(notebook).encode()
    if change == "bom":
        data = b"\xef\xbb\xbf" + data
    if change == "crlf":
        data = data.replace(b"\\n", b"\\r\\n")
    assert sources(rebuild(data, toy))["scale_code"] == ANSWER


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "holds no cells"),
        (b'{"cells": 3}', "holds no cells"),
        (b'{"worksheets": 3}', "holds no cells"),
        (b'{"cells": [null, 3, {"source": 7}]}', "None of the exercises of toy"),
        (b" " * 33 * 2**20 + b"{}", "more than the 32 allowed"),
    ],
)
def test_what_is_no_notebook_says_so(data: bytes, says: str, toy: Assignment) -> None:
    with pytest.raises(Malformed, match=says):
        rebuild(data, toy)


def test_odd_values_in_cells_are_passed_over(notebook: dict[str, Any], toy: Assignment) -> None:
    odd = copy.deepcopy(notebook)
    odd["cells"] += [
        {"cell_type": 7, "source": [1, None, "x"], "metadata": [], "id": {}, "outputs": "no"},
        code("y = 1", metadata={"nbgrader": []}, outputs=None),
    ]
    assert sources(rebuilt(odd, toy))["scale_code"] == ANSWER


def test_a_blank_notebook_stands_in_for_what_cannot_be_read(toy: Assignment) -> None:
    blank = as_blank(toy, "It is not a notebook.")
    assert "NotImplementedError" in sources(blank)["scale_code"]
    assert blank.notes == ["It is not a notebook."]


def test_attachments_come_along_with_what_is_shown(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    photo = {"photo.png": {"image/png": "AAAA"}}
    cell(notebook, "why")["attachments"] = photo
    cell(notebook, "scale_code")["attachments"] = photo
    own = {"cell_type": "markdown", "metadata": {}, "source": "![d](attachment:photo.png)"}
    notebook["cells"] += [{**own, "attachments": photo}, {**own, "attachments": ["photo.png"]}]
    attached = {piece.id: piece.attachments for piece in rebuilt(notebook, toy).pieces}
    assert {name for name, found in attached.items() if found} == {"why", "own-1"}
    assert attached["why"] == attached["own-1"] == photo


def test_code_in_a_check_cell_is_not_run_and_that_is_noted(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    cell(notebook, "scale")["source"] = 'bias = 2\ncheck("scale")'
    result = rebuilt(notebook, toy)
    assert "bias = 2" not in str(result.runnable(frozenset()))
    assert result.notes == [
        "The check cell of scale was changed: what was written there was not run."
    ]
    cell(notebook, "scale")["source"] = ""
    assert rebuilt(notebook, toy).notes == []


def test_the_note_on_doubled_cells_says_which_one_counts(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    notebook["cells"].append(code(toy.exercise("scale").skeleton, id="scale_code"))
    result = rebuilt(notebook, toy)
    assert sources(result)["scale_code"] == ANSWER
    assert result.notes == ["scale was found in 2 cells: the last one that answers it counts."]


def test_an_answer_in_two_cells_counts_as_a_whole(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    both = replace(
        toy.exercise("scale"), source="def scale(x):\n    pass\n\n\ndef unscale(x):\n    pass"
    )
    toy = replace(toy, cells=tuple(both if each.id == both.id else each for each in toy.cells))
    notebook["cells"].append(code("def unscale(x):\n    return x"))
    result = rebuilt(notebook, toy)
    assert "return x * factor" in str(result.runnable(frozenset()))
    assert "unscale" in str(result.runnable(frozenset()))
    assert result.notes == ["scale was found in 2 cells: they were run one after the other."]


def test_prose_that_changed_after_release_appears_once(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    old = "What stood here when the student got it."
    for kind in ("markdown", "code"):
        stock = "prose" if kind == "markdown" else "provided"
        cell_id = f"{stock}-{text_digest(old)}"
        notebook["cells"].insert(1, {"cell_type": kind, "id": cell_id, "source": old})
    assert not [piece for piece in rebuilt(notebook, toy).pieces if piece.cell is None]


def test_what_a_student_writes_into_prose_is_kept_below_it(
    notebook: dict[str, Any], toy: Assignment
) -> None:
    prose = next(piece.id for piece in as_submission(toy).pieces if piece.kind == "prose")
    cell(notebook, prose)["source"] += "\n\nMy answer: a mean does not grow with N."
    pieces = rebuilt(notebook, toy).pieces
    place = [piece.id for piece in pieces].index(prose)
    assert "My answer" not in pieces[place].source and "My answer" in pieces[place + 1].source


def test_colab_keeps_an_id_in_the_metadata(notebook: dict[str, Any], toy: Assignment) -> None:
    for each in notebook["cells"]:
        each["metadata"] = {"id": each.pop("id")}
    assert [piece.id for piece in rebuilt(notebook, toy).pieces] == ids(toy)
