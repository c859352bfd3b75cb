"""Marks, comparisons, the student in this process, and what comes of a test."""

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.checking.arrays import each, single
from autograder.checking.comparing import (
    Lent,
    Mismatch,
    assert_close,
    assert_float32,
    assert_raises,
    assert_returns_float32,
    assert_unchanged,
    strictly,
)
from autograder.checking.marks import Mark, exercise, mark_of
from autograder.checking.recorder import Recorder
from autograder.checking.running import last_line, run_test
from autograder.checking.student import Expression, Namespace, Student, StudentError, evaluated


def student(source: str) -> Namespace:
    """A student who wrote this."""
    label = f"<cell {hash(source)}>"
    linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    names = {"np": np}
    exec(compile(source, label, "exec"), names)
    return Namespace(names)


def outcome(test: Callable[..., None], source: str, **fixtures: Any) -> tuple[str, str | None]:
    result = run_test(test, {"student": student(source), **fixtures})
    return result.outcome, result.diagnosis


@exercise("double", weight=2)
def test_double(student: Student) -> None:
    """double doubles.

    Whatever follows the first line is for the author.
    """
    x = np.array([1.5, -2.25, 7.125])
    assert_close(student.double(x), 2 * x, name="out", axes="N")


test_double.__test__ = False  # type: ignore[attr-defined]  # pytest looks for it


def test_a_mark_says_whose_test_it_is() -> None:
    assert mark_of(test_double) == Mark("double", 2, None)
    assert mark_of(outcome) is None


def test_assert_close_is_relative_to_the_norm() -> None:
    x = np.array([1e8, 1.0])
    assert_close(x * (1 + 1e-9), x, name="x")
    with pytest.raises(Mismatch, match="nearly right"):
        assert_close(x * (1 + 3e-7), x, name="x")
    assert_close(np.zeros(3), np.zeros(3), name="x")
    assert_close(1e300 * x, 1e300 * x * (1 + 1e-9), name="x")
    with pytest.raises(Mismatch):
        assert_close(np.zeros(3), 1e-300 * np.ones(3), name="x")


def test_the_sentence_is_the_first_line() -> None:
    result = run_test(test_double, {"student": student("def double(x): return 2 * x")})
    assert (result.name, result.exercise, result.weight) == ("test_double", "double", 2)
    assert result.sentence == "double doubles."
    assert (result.outcome, result.diagnosis) == ("passed", None)
    assert len(result.log) == 1


STUB = "def double(x): raise NotImplementedError('double: 2x')"
NEEDS_HALF = """
def half(x): raise NotImplementedError("half: x/2")
def double(x): return 4 * half(x)
"""
NO_TORCH = "def double(x): raise ModuleNotFoundError(\"No module named 'torch'\")"
SIZES = "def double(x):\n    y = x\n    return y @ np.ones(2)"
OUTCOMES = [
    ("def double(x): return 6 * x", "failed", "exactly 3 times too large"),
    (STUB, "unanswered", "Not written yet: 2x."),
    (NEEDS_HALF, "unanswered", "This needs half, which is not written yet: x/2."),
    ("", "failed", "double is not defined: run the cell that defines it first."),
    ("def double(x): import sklearn_no", "failed", "double raised ModuleNotFoundError"),
    (NO_TORCH, "forbidden", "torch is not to be used here"),
    (SIZES, "failed", "`@` needs inner sizes that agree, and these are 3 and 2"),
    (SIZES, "failed", "(line 3: `return y @ np.ones(2)`)."),
    ("def double(x): exit()", "failed", "double raised SystemExit"),
    ("def double(x, y): return x", "failed", "missing 1 required positional argument"),
    ("def double(x): raise ValueError('0' * 500)", "failed", "000…"),
]


@pytest.mark.parametrize(("source", "expected", "said"), OUTCOMES)
def test_outcomes(source: str, expected: str, said: str) -> None:
    found, diagnosis = outcome(test_double, source)
    assert found == expected
    assert diagnosis and said in diagnosis
    assert len(diagnosis) < 300


def placed(body: Any, expected: Any, x: Any = (1.5, 2.25)) -> Any:
    """What is said of a first result that is not the expected one."""

    def test(student: Student) -> None:
        first, _ = student.f(np.array(x))
        assert_close(first, expected, name="dx")

    return outcome(test, f"def f(x): return {body}")[1]


ODD = np.array([3.51, 7.27, -1.13])


def test_results_in_another_order_are_found() -> None:
    said = "The right value is what f gives as its second result."
    assert placed("1.25, np.array([3.51, 7.27, -1.13])", ODD).endswith(said)
    assert placed("1.25, 0.731", 0.731).endswith(said)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1.25, np.zeros(3)", np.zeros(3)),
        ("1.25, np.full(3, 0.731)", np.full(3, 0.731)),
        ("1.25, np.array([1.0, 2.0, 3.0])", np.array([1.0, 2.0, 3.0])),
        ("1.25, 0.5", 0.5),
        ("1.25, x", np.array([1.5, 2.25])),
        ("1.25, np.array([2.25, 1.5, 2.25])", np.array([2.25, 1.5, 2.25])),
    ],
)
def test_agreement_that_may_be_an_accident_is_not_spoken_of(body: Any, expected: Any) -> None:
    assert "second result" not in placed(body, expected)


def test_what_went_in_is_no_result_in_another_place() -> None:
    assert "second result" not in placed("1.25, x", ODD, x=ODD)
    assert "second result" not in placed("1.25, x[:3]", ODD, x=[*ODD, 0.31])


def unpacks(student: Student) -> None:
    """Three results."""
    a, b, c = student.f(np.ones(2))
    assert a == b == c


def unpacks_within(student: Student) -> None:
    """Three results in the second."""
    _, (a, b, c) = student.f(np.ones(2))
    assert a == b == c


UNUSABLE = [
    (unpacks, "return 1, 2", "f gives 2 values, and 3 values are expected"),
    (unpacks, "return x", "f gives an array of shape (2,), and 3 values are expected"),
    (unpacks, "return None", "f gives None"),
    (unpacks_within, "return 1, x", "f gives a tuple of 2 items, which the test cannot use"),
    (
        unpacks_within,
        "return (1, 2), x, 3, 4",
        "f gives a tuple of 4 items, which the test cannot use",
    ),
]


@pytest.mark.parametrize(("test", "body", "said"), UNUSABLE)
def test_results_that_the_test_cannot_use(test: Callable[..., None], body: str, said: str) -> None:
    found, diagnosis = outcome(test, f"def f(x): {body}")
    assert found == "failed"
    assert diagnosis and said in diagnosis


def test_a_missing_key_is_named() -> None:
    def test(student: Student) -> None:
        assert student.f()["w1"] > 0

    assert outcome(test, "def f(): return {'w0': 1}") == ("failed", "f has no 'w1'.")


def test_a_control_says_whose_fault_it_is() -> None:
    def right() -> dict[str, Student]:
        return {"student": student("def f(x): return 1, (1, 1, 1)")}

    wrong = {"student": student("def f(x): return 1, x")}
    result = run_test(unpacks_within, wrong, right)
    assert result.diagnosis and result.diagnosis.startswith(
        "f(…)[1] has shape (2,), and should have shape (3,)"
    )

    def broken(student: Student) -> None:
        student.f(np.ones(2))
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        run_test(broken, wrong, right)


def test_a_broken_test_is_not_the_students_fault() -> None:
    def broken(student: Student) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_test(broken, {"student": student("")})


def test_the_references_exception_is_not_the_students_fault() -> None:
    def test(student: Student, reference: Student) -> None:
        student.f()
        reference.g()

    fixtures = {"student": student("def f(): return 1"), "reference": student("def g(): 1 / 0")}
    with pytest.raises(StudentError, match="ZeroDivisionError"):
        run_test(test, fixtures)


def test_the_death_of_a_student_is_left_to_the_judge() -> None:
    class Died(Exception):
        status = "timed_out"

    class Remote:
        def __getattr__(self, name: str) -> Any:
            raise Died

    with pytest.raises(Died):
        run_test(test_double, {"student": Remote()})


def test_a_plain_assertion_shows_no_values() -> None:
    def says(student: Student) -> None:
        assert student.f() == 1, "f should be one"

    def says_nothing(student: Student) -> None:
        assert student.f() == 1

    assert outcome(says, "def f(): return 12345") == ("failed", "f should be one")
    assert outcome(says_nothing, "def f(): return 12345") == ("failed", None)


# The namespace


def test_values_are_copies_both_ways() -> None:
    space = student(
        "kept = []\nbase = np.zeros(2)\ndef f(x):\n    x += 1\n    kept.append(x)\n    return base"
    )
    x = np.ones(2)
    space.f(x)[:] = 9
    assert x.tolist() == [1, 1]
    assert space.base.tolist() == [0, 0]
    handle = space.put(x)
    space.f(handle)
    assert space.get(handle).tolist() == [2, 2]


def test_objects_stay_and_answer() -> None:
    space = student(
        "class Net:\n"
        "    def __init__(self, n): self.parameters = {'w': np.ones(n)}\n"
        "    def forward(self, x): return x * self.parameters['w'], self\n"
        "def width(net): return net.parameters['w'].size"
    )
    for face in (space, Recorder(space)):
        net = face.Net(3)
        out, same = net.forward(2.0)
        assert out.tolist() == [2, 2, 2]
        assert same.parameters["w"].tolist() == [1, 1, 1]
        assert face.width(net) == face.width(same) == 3
        with pytest.raises(StudentError, match="AttributeError"):
            _ = net.nothing


def test_tensors_come_back_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    space = Namespace({"f": lambda: {"w": torch.ones(2, requires_grad=True)}})
    assert isinstance(space.f()["w"], np.ndarray)


def test_expressions_are_evaluated_where_the_student_is() -> None:
    space = student("def apply(f, x): return f(x)")
    assert space.apply(Expression("lambda x: np.square(x)"), 3.0) == 9
    assert space.apply(Expression("def f(x):\n    return -x", "f"), 3.0) == -3


def test_generators_are_copied() -> None:
    rng = np.random.default_rng(0)
    space = student("def draw(rng): return rng.normal()")
    assert space.draw(rng) == space.draw(rng) == np.random.default_rng(0).normal()


CHANGES = [
    ("def f(x, cache): return x + 1", None),
    ("def f(x, cache):\n    x += 1", "f changes its first argument in place"),
    (
        "def f(x, cache):\n    cache[1][0] = 5",
        "f changes the second array of its (second argument|argument cache) in place",
    ),
]


@pytest.mark.parametrize(("source", "said"), CHANGES)
def test_inputs_must_stay_as_they_are(source: str, said: str | None) -> None:
    x = np.array([1.0, np.nan])
    if said is None:
        assert_unchanged(student(source), "f", x, (x, x))
        return
    with pytest.raises(Mismatch, match=said):
        assert_unchanged(student(source), "f", x, (x, x))
    with pytest.raises(Mismatch, match=r"argument (x|cache)"):
        assert_unchanged(student(source), "f", x=x, cache=(x, x))


STATES = [
    ("v = s['v']; v *= 2; v += x; return v, {'v': v}", "the array 'v' of its second argument"),
    ("s['v'] = 2 * s['v'] + x; return s", "its second argument in place: the caller's dict no"),
    ("s['t'] += 1; return s", "its second argument in place: the caller's dict no"),
    ("return {'v': 2 * s['v'] + x, 't': s['t'] + 1}", None),
]


@pytest.mark.parametrize(("body", "said"), STATES)
def test_an_array_in_a_dict_and_the_dict_itself_are_told_apart(body: Any, said: Any) -> None:
    state = {"v": np.array([1.0, 2.0]), "t": 1}
    asked = student(f"def f(x, s): {body}"), "f", np.ones(2), state
    if said is None:
        assert_unchanged(*asked)
        return
    with pytest.raises(Mismatch, match=f"f changes {said}"):
        assert_unchanged(*asked)


def test_a_probe_is_logged_as_what_came_back() -> None:
    recorder = Recorder(student("n = 3\ndef f(x, y):\n    x += 1\n    return 7"))
    recorder.probe("f", (np.zeros(2),), {"y": 5})
    result, x, y = recorder.log
    assert (result, x.tolist(), y) == (7, [1, 1], 5)
    assert recorder.last == "f"
    for name, kind in (("g", "NameError"), ("n", "TypeError")):
        with pytest.raises(StudentError, match=kind) as caught:
            recorder.probe(name, (), {})
        assert recorder.raised(caught.value)


def test_the_log_keeps_what_came_back() -> None:
    recorder = Recorder(student("a = 3\ndef f(x): return x, x\ndef g(): 1 / 0"))
    recorder.f(1.5)
    _ = recorder.a
    with pytest.raises(StudentError):
        recorder.g()
    assert recorder.log[:2] == [(1.5, 1.5), 3]
    assert recorder.log[2].kind == "ZeroDivisionError"
    assert recorder.last == "g"


def test_the_last_line_of_a_trace() -> None:
    frame = '  File "<x>", line {}, in f\n'
    assert (
        last_line(frame.format(3) + "    a = 1\n" + frame.format(7) + "    b = 2\n")
        == " (line 7: `b = 2`)"
    )
    assert last_line(frame.format(3) + frame.format(7)) == " (line 7)"
    assert last_line("") == ""


def test_objects_that_a_test_cannot_use_are_the_student_s() -> None:
    """Where nothing came back but objects, the control says that the test is right."""

    def test_items(student: Student) -> None:
        """items."""
        assert student.f(1.0)[0] < 2.0

    nest = student("class N:\n def __getitem__(self, k): return N()\ndef f(x): return N()")
    right = {"student": student("def f(x): return [x]")}
    result = run_test(test_items, {"student": nest}, lambda: right)
    assert result.outcome == "failed" and "gives an object" in str(result.diagnosis)
    with pytest.raises(TypeError):
        run_test(test_items, {"student": nest}, lambda: {"student": nest})


def test_what_cannot_be_compared_is_the_student_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result on which even its diagnosis fails breaks no test."""

    def test_sum(student: Student) -> None:
        """sum."""
        assert student.f(1.0) + 1.0 == 2.0

    def explain(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("autograder.checking.diagnose.explain", explain)
    right = {"student": student("def f(x): return x")}
    result = run_test(test_sum, {"student": student("def f(x): return 'x'")}, lambda: right)
    assert result.outcome == "failed" and "a string" in str(result.diagnosis)


def test_float32_is_asked_for_and_compared_as_such() -> None:
    third = np.full(3, 1 / 3)
    assert_float32(third.astype(np.float32), third, name="out", axes="N")
    with pytest.raises(Mismatch, match="out is float64 for float32 inputs"):
        assert_float32(third, third, name="out")
    with pytest.raises(Mismatch, match="out"):
        assert_float32(np.float32(1.001) * third.astype(np.float32), third, name="out")


KEEPS = [
    ("return x * 2, {'c': x}", None),
    ("return 2.0 * x, float(x.sum())", None),
    ("return x, np.sqrt(2.0) * x.sum()", None),
    ("return x * 2, {'c': x.astype(float)}", "f gives float64 for float32 inputs"),
    ("return np.zeros(len(x)) + x", "f gives float64 for float32 inputs"),
    ("return (x > 0), np.arange(3)", None),
]


@pytest.mark.parametrize(("body", "said"), KEEPS)
def test_float32_stays_float32_in_all_results(body: Any, said: Any) -> None:
    asked = student(f"def f(x, s): {body}"), "f", np.ones(2), {"v": (np.ones(3), 2)}
    if said is None:
        assert_returns_float32(*asked)
        return
    with pytest.raises(Mismatch, match=said):
        assert_returns_float32(*asked)


STRICTLY = [
    ("return np.exp(x)", "failed", "f: overflow encountered in exp (line 2: `return np.exp(x)`)."),
    ("return 0 * x / (0 * x)", "failed", "f: invalid value encountered in divide (line 2"),
    ("return 1 / (0 * x)", "failed", "f: divide by zero encountered in divide (line 2"),
    ("return np.exp(-x)", "passed", None),
    ("with np.errstate(all='ignore'):\n        return 1 / np.exp(x)", "passed", None),
]


@pytest.mark.parametrize(("body", "expected", "said"), STRICTLY)
def test_overflow_is_an_error_where_none_is_promised(body: Any, expected: Any, said: Any) -> None:
    def test(student: Student) -> None:
        assert_close(strictly(student, "f")(np.array([1000.0, 2000.0])), np.zeros(2), name="out")

    found, diagnosis = outcome(test, f"def f(x):\n    {body}")
    assert found == expected
    assert said is None or said in str(diagnosis)


def test_a_strict_call_knows_its_inputs_by_their_names() -> None:
    def test(student: Student) -> None:
        y = np.array([0.31, 0.77, -1.2])
        assert_close(strictly(student, "f")(1.5 * y, y), 0.7 + y, name="out")

    _, diagnosis = outcome(test, "def f(x, y): return 0 * x + y")
    assert diagnosis and diagnosis.startswith("On this input, out is just `y`, unchanged")


def test_lent_values_are_looked_at_again() -> None:
    ours = student("def train(x, y):\n    x.sort()\n    return y.sum()")
    x, y = np.array([2.5, 1.5]), np.array([1.0, 3.0])
    lent = Lent(ours, x=x, y=y)
    assert ours.train(lent["y"], lent["x"]) == 4.0
    lent.assert_unchanged("train changes {} in place.")
    ours.train(lent["x"], lent["y"])
    with pytest.raises(Mismatch, match=r"^train changes x in place\.$"):
        lent.assert_unchanged("train changes {} in place.")
    assert x.tolist() == [2.5, 1.5]


def test_an_expression_is_evaluated_where_the_student_is() -> None:
    ours = student("")
    assert evaluated(ours, Expression("lambda x: 2 * x"))(4.0) == 8.0
    assert evaluated(ours, Expression("[1, 2]")) == [1, 2]


REFUSALS = [
    ("raise ValueError('no')", None),
    ("return x", Mismatch),
    ("raise TypeError('no')", StudentError),
]


@pytest.mark.parametrize(("body", "error"), REFUSALS)
def test_a_call_that_should_raise(body: Any, error: Any) -> None:
    ours = student(f"def f(x): {body}")
    if error is None:
        assert_raises("ValueError", lambda: ours.f(1), "It should raise ValueError.")
        return
    with pytest.raises(error):
        assert_raises("ValueError", lambda: ours.f(1), "It should raise ValueError.")


def test_definitions_for_one_number_are_applied_to_each() -> None:
    x = np.array([[1.0, -2.0], [3.0, -4.0]])
    assert np.array_equal(each(lambda v: max(v, 0.0), x), np.maximum(x, 0))
    assert each(abs, np.array(-2.0)).shape == ()


def test_only_real_numbers_become_float32() -> None:
    x, n = np.array([1.5]), np.array([2])
    values = single({"x": x, "rest": (n, [x], "text", 2.5, None)})
    kinds = values["x"], values["rest"][0], values["rest"][1][0]
    assert [array.dtype for array in kinds] == [np.float32, n.dtype, np.float32]
    assert values["rest"][2:] == ("text", 2.5, None)
    assert x.dtype == np.float64
