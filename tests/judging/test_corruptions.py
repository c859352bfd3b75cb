"""A notebook may be corrupted in any way: it gets a status, no point more, and can be recorded."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.assignment import build
from autograder.assignment.source import Assignment, load
from autograder.judging.attempt import Attempt
from autograder.judging.pool import Pool
from autograder.judging.rebuild import Malformed, rebuild
from autograder.judging.verdict import Verdict
from autograder.pages.notebook import make
from autograder.sandbox import Limits

Notebook = dict[str, Any]
Chance = random.Random
SEED = 20260307
ROOT = Path(__file__).parents[2]
LIMITS = Limits(cell_cpu=1.0, call_cpu=0.5, idle=1.0)
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
ODD: list[Any] = [
    None, True, 0, -1, 1e308, float("nan"), 10**400, "", "\ud800", "\0", "\u202e<script>",
    [], {}, [None], [["a"], 3], {"nbgrader": 3}, {"nbgrader": {"grade_id": ["scale"]}}, "x" * 3000,
    "code", "raw", "markdown", "scale", "scale_code", "batch_mean_code", "why",
    {"text/html": "<b onclick=x>"},
]  # fmt: skip


def variants(source: Assignment) -> dict[str, Notebook]:
    """Intact notebooks: each exercise is as in the reference or as it was handed out."""
    solved = json.loads(build.solved(source))
    for cell in solved["cells"]:
        if cell["cell_type"] == "code":
            data = {"text/plain": ["<Figure>"], "image/png": PICTURE, "text/html": "<i>3</i>"}
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
                {"output_type": "display_data", "metadata": {}, "data": data},
            ]
        else:
            cell["attachments"] = {"a.png": {"image/png": PICTURE}}
    helper = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "%time x = 1\n!ls\nx"}
    solved["cells"].insert(3, helper | {"outputs": [], "execution_count": None})
    blanks = {cell.id: cell.skeleton for cell in (*source.exercises, *source.written)}
    half = list(blanks)[: len(source.exercises) // 2]
    other = list(blanks)[len(source.exercises) // 2 :]
    return {
        name: _with(solved, {cell: blanks[cell] for cell in left_out})
        for name, left_out in (
            ("solved", []), ("first half", other), ("second half", half), ("skeleton", blanks),
        )
    }  # fmt: skip


def _with(notebook: Notebook, sources: dict[str, str]) -> Notebook:
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
    return notebook


# --- corruptions --------------------------------------------------------------------------


def of_bytes(data: bytes, chance: Chance) -> bytes:
    """Flip, cut off, insert or repeat some bytes."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice([1, 10, 1000, 10**6]))
    way = chance.randrange(6)
    if way == 0:
        return data[:start]
    if way == 1:
        return data[:start] + chance.randbytes(chance.choice([1, 4, 100])) + data[start:]
    if way == 2:
        return data[:end] + data[start:]
    if way == 3:
        return data[:start] + data[end:]
    flipped = bytearray(data)
    for _ in range(chance.choice([1, 1, 3, 30])):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a notebook, as (container, key)."""
    if isinstance(node, (list, dict)):
        for key in range(len(node)) if isinstance(node, list) else list(node):
            yield node, key
            yield from places(node[key])


def of_json(notebook: Notebook, chance: Chance) -> None:
    """Delete, replace, repeat, wrap or retype any node."""
    found = list(places(notebook))
    if not found:
        return
    container, key = chance.choice(found)
    way = chance.randrange(6)
    if way == 0:
        del container[key]
    elif way == 1:
        container[key] = copy.deepcopy(chance.choice(ODD))
    elif way == 2:
        container[key] = copy.deepcopy(chance.choice(found)[0])
    elif way == 3 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif way == 4:
        for _ in range(chance.choice([1, 5, 300])):
            container[key] = [container[key]] if chance.random() < 0.5 else {"a": container[key]}
    else:
        container[key] = str(container[key])


def of_cells(notebook: Notebook, chance: Chance) -> None:
    """Delete, repeat, reorder, split, merge, move, rename or retype cells."""
    cells = notebook["cells"]
    if len(cells) < 2:
        return
    one, other = chance.sample(range(len(cells)), 2)
    way = chance.randrange(9)
    if way == 0:
        del cells[one]
    elif way == 1:
        cells.insert(other, copy.deepcopy(cells[one]))
    elif way == 2:
        chance.shuffle(cells)
    elif way == 3:
        lines = _text(cells[one]).splitlines(keepends=True)
        cut = chance.randrange(len(lines) + 1)
        rest = {**copy.deepcopy(cells[one]), "source": lines[cut:]}
        cells[one]["source"] = lines[:cut]
        cells.insert(one + 1, rest)
    elif way == 4:
        cells[one]["source"] = _text(cells[one]) + "\n" + _text(cells[other])
        del cells[other]
    elif way == 5:
        cells[one]["source"], cells[other]["source"] = (
            cells[other].get("source"), cells[one].get("source"),
        )  # fmt: skip
    elif way == 6:
        for part in ("id", "metadata"):
            cells[one][part] = copy.deepcopy(cells[other].get(part))
    elif way == 7:
        cells[one]["cell_type"] = chance.choice(["code", "markdown", "raw", "heading", 3])
    else:
        cells[one]["source"] = _text(cells[other])


def of_metadata(notebook: Notebook, chance: Chance) -> None:
    """Change what nbgrader reads: points, names, locks, tags."""
    cell = chance.choice(notebook["cells"] or [{}])
    grading = cell.setdefault("metadata", {})
    grading = grading.setdefault("nbgrader", {}) if isinstance(grading, dict) else {}
    changes: list[tuple[str, Any]] = [
        ("points", chance.choice([99, -1, float("nan"), "9", 10**400])),
        ("grade_id", chance.choice(["scale", "scale_code", "batch_mean_code", "why", "own-1", 3])),
        ("grade", chance.random() < 0.5),
        ("solution", chance.random() < 0.5),
        ("locked", chance.random() < 0.5),
        ("task", True),
        ("schema_version", chance.choice([1, 99, None])),
        ("cell_type", "markdown"),
    ]
    if isinstance(grading, dict):
        grading.update(chance.sample(changes, 3))
    if isinstance(cell.get("metadata"), dict):
        cell["metadata"]["tags"] = ["skip-execution", "hide"]


def _text(cell: Any) -> str:
    source = cell.get("source") if isinstance(cell, dict) else None
    return source if isinstance(source, str) else "".join(map(str, source or ()))


def corrupt(notebook: Notebook, chance: Chance) -> bytes:
    """Corrupt a notebook in one, two or three ways."""
    made: Any = copy.deepcopy(notebook)
    steps: list[Callable[[Any, Chance], Any]] = [of_json, of_cells, of_metadata, of_bytes]
    for step in chance.choices(steps, [3, 4, 2, 2], k=chance.choice([1, 1, 2, 3])):
        if step is of_bytes:
            made = of_bytes(json.dumps(made, indent=1).encode(), chance)
            break
        well = isinstance(made.get("cells"), list) and all(
            isinstance(cell, dict) for cell in made["cells"]
        )
        if step is of_json or well:
            step(made, chance)
    return made if isinstance(made, bytes) else json.dumps(made, indent=1).encode()


# --- what must hold -----------------------------------------------------------------------


def see_that_it_can_be_recorded(data: bytes, source: Assignment, verdict: Verdict) -> None:
    """Take a submission through all that the recorder does with it before it writes."""
    with contextlib.suppress(Malformed):
        rebuild(data, source).runnable(frozenset())
    made = make(data, source, verdict)
    notebook = nbformat.reads(made.data.decode(), as_version=4)
    nbformat.validate(notebook)
    json.dumps(notebook, allow_nan=False)
    found = [cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook.cells
             if "nbgrader" in cell["metadata"]]  # fmt: skip
    assert found == [cell.id for cell in source.layout if build.grading(cell)]


def corruptions(source: Assignment, cases: int) -> Iterator[tuple[str, str, bytes]]:
    """Give (case, the intact notebook's name, the corrupted one), the same ones each time."""
    intact = variants(source)
    for case in range(cases):
        chance = Chance(f"{SEED}-{case}")
        name = chance.choice(list(intact))
        yield str(case), name, corrupt(intact[name], chance)


def judge_them(toy: Assignment, root: Path, cases: int) -> None:
    """Judge so many corrupted notebooks beside the intact ones."""
    intact = variants(toy)
    whole = [Attempt("toy", json.dumps(made).encode(), key=name) for name, made in intact.items()]
    spoilt = {case: (name, data) for case, name, data in corruptions(toy, cases)}
    broken = [Attempt("toy", data, key=case) for case, (_, data) in spoilt.items()]
    with Pool(root, ["toy"], 2, LIMITS) as pool:
        said = {attempt.key: verdict for attempt, verdict in pool.judge([*whole, *broken])}
    points = {str(cell.name): cell.points for cell in toy.exercises}
    won = {
        name: {exercise.name: exercise.score for exercise in said[name].exercises}
        for name in intact
    }
    assert won["solved"] == points and not any(won["skeleton"].values())
    assert won["first half"] == {"scale": 2.0, "batch_mean": 0.0}
    seen: Counter[str] = Counter()
    for case, (name, data) in spoilt.items():
        verdict = said[case]
        assert verdict.status in ("graded", "malformed"), (case, verdict.notes)
        assert {each.name: each.max_score for each in verdict.exercises} == points, case
        for exercise in verdict.exercises:
            assert 0 <= exercise.score <= won[name][exercise.name], (case, name, exercise)
        see_that_it_can_be_recorded(data, toy, verdict)
        seen["malformed" if verdict.status == "malformed" else f"{verdict.score:g} points"] += 1
    print(f"{cases} corrupted notebooks: {dict(seen.most_common())}")
    assert {"malformed", "0 points", "2 points", "5 points"} <= seen.keys()


def rebuild_them(name: str, root: Path, cases: int) -> None:
    """Rebuild corrupted notebooks of a real assignment."""
    source = load(name, root)
    for case, _, data in corruptions(source, cases):
        try:
            see_that_it_can_be_recorded(data, source, Verdict("graded"))
        except Exception as error:
            raise AssertionError(f"case {case}") from error


DEEP: Any = json.loads("[" * 400 + "]" * 400)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "code", "source": "x = '\ud800'"},
        {"cell_type": "markdown", "source": "\udfff"},
        {"cell_type": "code", "source": "x", "outputs": [
            {"output_type": "stream", "text": "\ud800"},
            {"output_type": "display_data", "data": {"text/plain": "a"}, "metadata": {"a": DEEP}},
        ]},
        {"cell_type": "markdown", "source": "![a](attachment:a)",
         "attachments": {"a": {"image/png": DEEP}, "\ud800": {}}},
        {"cell_type": "code", "source": "!ls\n" * 3000},
        {"cell_type": "code", "source": "%time x\n" * 20_000},
        {"cell_type": "code", "source": "\n" * 500_000 + "!"},
        {"cell_type": "code", "source": "(" * 1_000_000},
    ],
    ids=lambda cell: repr(cell)[:60],
)  # fmt: skip
def test_what_a_student_adds_can_be_read_and_recorded(
    cell: dict[str, Any], toy: Assignment
) -> None:
    made = variants(toy)["solved"]
    made["cells"].insert(4, {"metadata": {}, **cell})
    see_that_it_can_be_recorded(json.dumps(made).encode(), toy, Verdict("graded"))


def test_more_text_than_anyone_writes_is_refused(toy: Assignment) -> None:
    made = variants(toy)["solved"]
    made["cells"] += [{"cell_type": "markdown", "source": "x" * 900_000}] * 5
    with pytest.raises(Malformed, match="more than 4 MiB of text"):
        rebuild(json.dumps(made).encode(), toy)


def test_corrupted_notebooks_win_nothing(toy: Assignment, toy_root: Path) -> None:
    judge_them(toy, toy_root, 60)


def test_corrupted_notebooks_of_a_large_assignment_can_be_recorded() -> None:
    rebuild_them("mlp", ROOT, 15)


@pytest.mark.soak
def test_many_corrupted_notebooks_win_nothing(toy: Assignment, toy_root: Path) -> None:
    judge_them(toy, toy_root, 2000)


@pytest.mark.soak
def test_many_corrupted_notebooks_of_a_large_assignment_can_be_recorded() -> None:
    rebuild_them("mlp", ROOT, 500)
