"""What a student sees: check() and progress()."""

import html.parser
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.checking.checks import CheckFailed, check, progress, run_tests
from autograder.checking.hints import fingerprint
from autograder.checking.running import Result
from autograder.checking.view import Report

CHECKS = '''
import numpy as np
from autograder.checking.comparing import assert_close
from autograder.checking.marks import exercise

X = np.array([[0.31, -1.24], [-0.83, 0.46], [1.35, -0.68]])

@exercise("total", weight=3)
def test_total(student):
    """total sums over the batch."""
    assert_close(student.total(X), X.sum(axis=0), name="total", axes="D", sizes={"N": 3})

@exercise("total")
def test_total_of_nothing(student, rng):
    """The total of an empty batch is zero."""
    assert_close(student.total(np.ones((0, int(rng.integers(2, 3))))), np.zeros(2), name="total")

@exercise("other")
def test_other(student):
    """other is one."""
    assert_close(student.other(), 1.0, name="other")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checks.py").write_text(CHECKS, encoding="utf-8")
    (tmp_path / "hints.json").write_text(json.dumps({"_exercises": {"total": 4, "other": 2}}))
    return tmp_path


def use(source: str, what: str = "check('total', folder=folder)", **names: Any) -> None:
    """Run a cell, then what asks for checks, in one notebook's names."""
    names = {"check": check, "progress": progress, **names}
    exec(f"import numpy as np\n{source}\n{what}", names)


def test_everything_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    use("def total(x): return x.sum(axis=0)", folder=folder)
    out = capsys.readouterr().out
    assert out.startswith("total: 2 of 2 checks passed")
    assert "✓ total sums over the batch." in out


def test_what_is_wrong_is_said_and_raised(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed, match="1 of the 2 checks of total failed"):
        use("def total(x): return x.sum(axis=0) / max(len(x), 1)", folder=folder)
    out = capsys.readouterr().out
    assert "✗ total sums over the batch." in out
    assert "exactly 3 times too small" in out
    assert "✓ The total of an empty batch is zero." in out


def test_a_stub_is_met_gently(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed, match="total is not written yet"):
        use("def total(x): raise NotImplementedError('total: the sum')", folder=folder)
    out = capsys.readouterr().out
    assert "○ Not written yet: the sum." in out
    assert "✗" not in out


def test_what_is_not_defined_says_so_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CheckFailed):
        use("", folder=folder)
    out = capsys.readouterr().out
    assert out.count("total is not defined: run the cell that defines it first.") == 1


def test_a_known_mistake_gets_its_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "def total(x): return x.mean(axis=0) if len(x) else np.zeros(2)"
    names: dict[str, Any] = {}
    exec(f"import numpy as np\n{wrong}\n{CHECKS}", names)
    result = run_tests([names["test_total"]], names)[0]
    digests = {"test_total": fingerprint(result.log)}
    book = {"total": [{"digests": digests, "hint": "Sum, don't average."}]}
    (folder / "hints.json").write_text(json.dumps(book))
    with pytest.raises(CheckFailed):
        use(wrong, folder=folder)
    assert "Sum, don't average." in capsys.readouterr().out


def test_what_a_broken_function_explains_is_not_explained_by_a_mistake(
    folder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "def total(x): return other() * x.sum(axis=0)\ndef other(): return 2.5"
    names: dict[str, Any] = {}
    exec(f"import numpy as np\n{wrong}\n{CHECKS}", names)
    digests = {"test_total": fingerprint(run_tests([names["test_total"]], names)[0].log)}
    book = {"total": [{"digests": digests, "hint": "A hint."}], "_builds_on": {"total": ["other"]}}
    (folder / "hints.json").write_text(json.dumps(book))
    with pytest.raises(CheckFailed):
        use(wrong, folder=folder)
    out = " ".join(capsys.readouterr().out.split())
    assert "A hint." not in out
    assert "other fails checks of its own: if total calls it, start there. On this" in out
    alone = "def total(x): return 2.5 * x.sum(axis=0)\ndef other(): return 1.0"
    with pytest.raises(CheckFailed):
        use(alone, folder=folder)
    assert "A hint." in capsys.readouterr().out


def test_progress_adds_up(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    use("def total(x): return np.append(x, [[0, 0]], 0).sum(0)\ndef other(): return 2.5",
        "progress(folder=folder)", folder=folder)  # fmt: skip
    out = capsys.readouterr().out
    assert "✓ total  2 of 2 checks, 4 of 4 points" in out
    assert "✗ other  0 of 1 checks, 0 of 2 points" in out
    assert "4 of 6 points, as far as the checks that you can see go" in out


def test_weights_share_the_points(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    use("def total(x): return x.sum(axis=0) if len(x) else None",
        "progress(folder=folder)", folder=folder)  # fmt: skip
    assert "1 of 2 checks, 3 of 4 points" in capsys.readouterr().out


def test_the_current_folder_is_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    use("def total(x): return x.sum(axis=0)", "check('total')")
    assert "2 of 2" in capsys.readouterr().out


def test_a_folder_without_checks_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"There is no checks\.py in .*: start the notebook"):
        check("total", folder=tmp_path)


def test_an_unknown_exercise_is_said(folder: Path) -> None:
    with pytest.raises(CheckFailed, match="no exercise 'totl' here; there are total, other"):
        check("totl", folder=folder)


def test_ipython_shows_one_line_and_no_traceback() -> None:
    error = CheckFailed("one line")
    assert error._render_traceback_() == ["CheckFailed: one line"]


def test_a_terminal_without_the_signs_gets_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", plain)
    use("def total(x): return x.sum(axis=0)", folder=folder)
    plain.flush()
    assert b"  + total sums over the batch." in plain.buffer.getvalue()


class _Balanced(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_escapes_and_balances() -> None:
    wrong = Result("t", "e", "a < b & <script>", "failed", "use `x < 1` <img>")
    text = Report("e", [wrong, Result("u", "e", "fine", "passed")])._repr_html_()
    page = _Balanced(text)
    assert not page.open
    assert "script" not in page.seen and "img" not in page.seen
    assert "<code>x &lt; 1</code>" in text
    assert "✗" in text and "✓" in text


def test_a_notebook_gets_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    IPython = pytest.importorskip("IPython")
    shown: list[object] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    use("def total(x): return x.sum(axis=0)", folder=folder)
    assert isinstance(shown[0], Report)


def test_importing_is_quick_and_light() -> None:
    code = (
        "import time, numpy, sys; t = time.process_time(); from autograder import check;"
        "heavy = {'pytest', 'IPython', 'nbformat', 'nbgrader', 'torch', 'matplotlib', 'typer'};"
        "print(time.process_time() - t, sorted(heavy & set(sys.modules)), callable(check))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds, rest = zip(*(run.stdout.strip().split(" ", 1) for run in runs), strict=True)
    assert min(map(float, seconds)) < 0.3
    assert set(rest) == {"[] True"}


def test_the_names_of_the_package() -> None:
    code = (
        "import autograder.checking.checks; from autograder import check, progress, relative_error;"
        "from autograder import numerical_gradient, data; import autograder;"
        "assert callable(check) and callable(progress) and autograder.__version__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import autograder

    with pytest.raises(AttributeError, match="nothing"):
        _ = autograder.nothing


def test_a_check_is_quick(folder: Path) -> None:
    began = time.process_time()
    use("def total(x): return x.sum(axis=0)", folder=folder)
    assert time.process_time() - began < 1
