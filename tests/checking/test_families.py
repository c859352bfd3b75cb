"""Each family passes a function that has its property and fails one that breaks it."""

from typing import Any

import numpy as np
import pytest

from autograder.checking.running import run_test
from autograder.checking.student import Namespace
from autograder.testing import (
    Case,
    Mismatch,
    Right,
    assert_caches,
    assert_gives,
    assert_keeps_float32,
    assert_leaves_inputs_alone,
)

X = np.array([[1.5, -2.25], [0.5, 3.75], [-1.25, 2.5]])
W = np.array([0.5, -1.5])
RIGHT = "def scale_forward(x, w):\n    return x * w, (x, w)\n"


def student(source: Any) -> Any:
    names = {"np": np}
    exec(source, names)
    return Namespace(names)


def scale_forward(x: Any, w: Any) -> Any:
    cache = {"x": Right(x, "ND"), "w": Right(w, "D")}
    return Case("scale_forward", (x, w), out=Right(x * w, "ND"), cache=cache)


def scale_backward(x: Any, w: Any, dout: Any) -> Any:
    cache, sizes = scale_forward(x, w).cache, {"N": len(x)}
    forward = lambda x, w: x * w  # noqa: E731
    return Case.backward("scale_backward", forward, (x, w), dout, cache, sizes, dx="ND", dw="D")


def square_loss(x: Any) -> Any:
    return Case("square_loss", (x,), loss=Right(np.mean(x * x)), dx=Right(2 * x / x.size, "ND"))


def double(x: Any, factor: Any = 2.0) -> Any:
    return Case("double", (x,), {"factor": factor}, out=Right(factor * x, "ND"))


def said_of(source: Any, family: Any, *cases: Any, **options: Any) -> Any:
    """What a family says of somebody's code; None if it is content."""
    try:
        family(student(source), *cases, **options)
    except Mismatch as error:
        return str(error)
    return None


FORWARD = scale_forward(X, W)
BACKWARD = scale_backward(X, W, np.ones((3, 2)))
GIVES = [
    (FORWARD, (), RIGHT, None),
    (FORWARD, (), "def scale_forward(x, w): return x * w, None", None),
    (
        FORWARD,
        (),
        "def scale_forward(x, w): return 3 * x * w, (x, w)",
        "exactly 3 times too large",
    ),
    (double(X), (), "def double(x, factor): return factor * x", None),
    (double(X, 5.0), (), "def double(x, factor): return 2 * x", "times too small"),
    (
        BACKWARD,
        (),
        "def scale_backward(d, c): return d * c[1], (d * c[0]).mean(axis=0)",
        "N is 3",
    ),
    (BACKWARD, ("dx",), "def scale_backward(d, c): return (d * c[1],)", None),
    (BACKWARD, ("dx",), "def scale_backward(d, c): return -d * c[1], 0", "dx has the wrong sign"),
    (BACKWARD, ("dw",), "def scale_backward(d, c): return 0, (d * c[0]).sum(axis=0)", None),
    (BACKWARD, ("dw",), "def scale_backward(d, c): return d * c[1], 0.0", "dw is"),
    (BACKWARD, ("dx", "dw"), "def scale_backward(d, c): return d * c[1], 0.0", "dw is"),
    (FORWARD, ("out", "cache"), "def scale_forward(x, w): return x * w, (w, w)", "x in the cache"),
    (FORWARD, ("cache",), "def scale_forward(x, w): return 0, (x, w)", None),
]


@pytest.mark.parametrize(("case", "names", "source", "says"), GIVES)
def test_results_are_right(case: Any, names: Any, source: Any, says: Any) -> None:
    said = said_of(source, assert_gives, case, *names)
    assert said is None if says is None else says in said


def affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def affine_backward() -> Any:
    given = X, np.array([[0.5], [-1.5]]), np.array([0.25])
    dout, axes = np.array([[1.0], [-2.0], [0.5]]), {"dx": "ND", "dw": "DM", "db": "M"}
    return Case.backward("affine_backward", affine, given, dout, given, {"N": 3}, **axes)


AFFINE = "def affine_backward(d, c): return d @ c[1].T, c[0].T @ d, d.{}(axis=0)"


def test_gradients_of_a_backward_pass_are_central_differences() -> None:
    assert said_of(AFFINE.format("sum"), assert_gives, affine_backward()) is None
    assert said_of(AFFINE.format("mean"), assert_gives, affine_backward(), "dx", "dw") is None
    said = said_of(AFFINE.format("mean"), assert_gives, affine_backward())
    assert said.startswith("On this input, db") and "N is 3" in said
    assert said_of(AFFINE.format("sum"), assert_leaves_inputs_alone, affine_backward()) is None
    only = student("def affine_backward(d, c): return d @ c[1].T")
    with pytest.raises(ValueError, match="3 results"):
        assert_gives(only, affine_backward(), "dx")
    for family in assert_gives, assert_keeps_float32:
        with pytest.raises(ValueError, match="3 results"):
            family(student("def affine_backward(d, c): return (*c, d)"), affine_backward())


def weighted_loss() -> Any:
    def definition(x: Any, w: Any, power: Any) -> Any:
        return sum((w * row**power).sum() for row in x) / len(x)

    given, sizes = (X, W, 2), {"N": 3, "K": 7}
    return Case.loss("loss", definition, given, 1e-12, sizes, loss=None, dx="ND", dw="D")


LOSS = "def loss(x, w, power): return {} * (w * x**2).sum() / len(x), {} * w * x / len(x), {}"


@pytest.mark.parametrize(
    ("loss", "dx", "dw", "says"),
    [
        ("1", "2", "(x**2).mean(axis=0)", None),
        ("(1 + 1e-10)", "2", "(x**2).mean(axis=0)", "loss is nearly right"),
        ("3", "2", "(x**2).mean(axis=0)", "N is 3"),
        ("7", "2", "(x**2).mean(axis=0)", "K = 7"),
        ("1", "1", "(x**2).mean(axis=0)", "dx"),
        ("1", "2", "(x**2).sum(axis=0)", "N is 3"),
    ],
)
def test_a_loss_comes_with_its_gradients(loss: Any, dx: Any, dw: Any, says: Any) -> None:
    said = said_of(LOSS.format(loss, dx, dw), assert_gives, weighted_loss())
    assert said is None if says is None else says in said


def test_a_case_that_says_nothing_tests_nothing() -> None:
    silent = Case("f", (X,), out=None, cache=None)
    for family in assert_gives, assert_caches, assert_keeps_float32, assert_leaves_inputs_alone:
        with pytest.raises(LookupError, match=r"f\(…\) does not say what is right"):
            family(student("def f(x): return x, x"), silent)


CACHES = [
    (RIGHT, None),
    ("def scale_forward(x, w): return None, (x, w)", None),
    ("def scale_forward(x, w): return x * w, (2 * x, w)", "x in the cache has the right"),
    ("def scale_forward(x, w): return x * w, (x, w[::-1])", "w in the cache"),
]


@pytest.mark.parametrize(("source", "says"), CACHES)
def test_the_cache_is_as_the_docstring_says(source: Any, says: Any) -> None:
    said = said_of(source, assert_caches, FORWARD)
    assert said is None if says is None else says in said


def test_a_cache_of_one_thing_is_called_the_cache() -> None:
    case = Case("f", (X,), out=None, cache=Right(X, "ND"))
    assert said_of("def f(x): return 0, x", assert_caches, case) is None
    assert said_of("def f(x): return 0, -x", assert_caches, case).startswith("cache has the wrong")


def test_a_backward_is_given_the_cache_that_is_right() -> None:
    assert all(a is b for a, b in zip(FORWARD.cache, (X, W), strict=True))
    assert Case("f", (X,), out=None, cache=Right(W)).cache is W
    assert Case("f", (X,), out=None, cache=None).cache is None


FLOAT32 = [
    (FORWARD, RIGHT, None),
    (FORWARD, "def scale_forward(x, w): return x * w.astype(float), 0", "out is float64"),
    (
        FORWARD,
        "def scale_forward(x, w): return x * w * np.float32(1.1), 0",
        "out has the right direction",
    ),
    (BACKWARD, "def scale_backward(d, c): return d * c[1], (d * c[0]).sum(axis=0)", None),
    (
        BACKWARD,
        "def scale_backward(d, c): return d * c[1], (d * c[0]).sum(axis=0).astype(float)",
        "dw is float64",
    ),
    (square_loss(X), "def square_loss(x): return float(np.mean(x * x)), x / np.float32(3)", None),
    (square_loss(X), "def square_loss(x): return np.mean(x), x / np.float32(3)", "loss"),
    (double(X), "def double(x, factor): return factor * x", None),
    (double(X), "def double(x, factor): return factor * x.astype(float)", "out is float64"),
]


@pytest.mark.parametrize(("case", "source", "says"), FLOAT32)
def test_float32_stays_float32(case: Any, source: Any, says: Any) -> None:
    said = said_of(source, assert_keeps_float32, case)
    assert said is None if says is None else says in said


def test_float32_may_be_as_inaccurate_as_it_is() -> None:
    off = "def double(x, factor): return np.float32(1 + {}) * factor * x"
    assert said_of(off.format(5e-7), assert_keeps_float32, double(X)) is None
    assert "nearly right" in said_of(off.format(5e-6), assert_keeps_float32, double(X))
    assert said_of(off.format(5e-6), assert_keeps_float32, double(X), rtol=1e-5) is None


def test_whole_numbers_and_options_go_along() -> None:
    classes = np.array([1, 0])
    case = Case("f", (X, (classes, "text")), {"w": W}, same=Right(True))
    kinds = "x.dtype == 'f4' and w.dtype == 'f4' and y[0].dtype.kind == 'i' and y[1] == 'text'"
    assert said_of(f"def f(x, y, w): return {kinds}", assert_keeps_float32, case) is None
    assert said_of(f"def f(x, y, w): return {kinds}", assert_gives, case) is not None


ALONE = [
    ((FORWARD,), RIGHT, None),
    ((FORWARD,), "def scale_forward(x, w):\n x *= w\n return x, (x, w)", "its first argument"),
    ((FORWARD,), "def scale_forward(x, w):\n w += 0.5\n return x * (w - 0.5), 0", "its second"),
    ((FORWARD,), "def scale_forward(x, w): return None, None", "out is None"),
    ((FORWARD,), "def scale_forward(x, w): return -x * w, None", "out has the wrong sign"),
    ((BACKWARD,), "def scale_backward(d, c): return d * c[1], None", None),
    (
        (BACKWARD,),
        "def scale_backward(d, c):\n dx = d * c[1]\n c[0][:] = 0\n return dx, 0",
        "its second argument",
    ),
    (
        (FORWARD, BACKWARD),
        RIGHT + "def scale_backward(d, c):\n d += 1",
        "scale_backward changes its first argument",
    ),
    ((FORWARD, BACKWARD), RIGHT + "def scale_backward(d, c): return 'not looked at'", None),
    ((double(X),), "def double(x, factor):\n x *= factor\n return x", "its first argument"),
]


@pytest.mark.parametrize(("cases", "source", "says"), ALONE)
def test_inputs_are_left_alone(cases: Any, source: Any, says: Any) -> None:
    said = said_of(source, assert_leaves_inputs_alone, *cases)
    assert said is None if says is None else says in said


def test_a_number_may_be_ten_times_as_inaccurate() -> None:
    off = "def square_loss(x): return (1 + {}) * np.mean(x * x), x / np.float32(3)"
    assert said_of(off.format(5e-6), assert_keeps_float32, square_loss(X)) is None
    assert "nearly right" in said_of(off.format(5e-5), assert_keeps_float32, square_loss(X))


def test_a_case_says_how_accurate_and_along_which_axes() -> None:
    off = "def f(x): return x * (1 + 1e-8)"
    assert said_of(off, assert_gives, Case("f", (X,), out=Right(X))) is None
    assert "nearly right" in said_of(off, assert_gives, Case("f", (X,), out=Right(X, rtol=1e-10)))
    turned = said_of("def f(x): return x.T", assert_gives, Case("f", (X,), out=Right(X, "ND")))
    assert "(N, D)" in turned


COUNTS = [
    "return x * w",
    "return x * w, (x, w), w",
    "return [x * w]",
]


def named(student: Any, case: Any) -> None:
    assert_gives(student, case, "out")


@pytest.mark.parametrize("body", COUNTS)
@pytest.mark.parametrize(
    "family", [assert_gives, named, assert_caches, assert_keeps_float32, assert_leaves_inputs_alone]
)
def test_another_number_of_results_is_said(family: Any, body: Any) -> None:
    def test(student: Any) -> None:
        family(student, FORWARD)

    wrong = {"student": student(f"def scale_forward(x, w): {body}")}
    result = run_test(test, wrong)
    assert result.outcome == "failed"
    assert str(result.diagnosis).endswith("and 2 values are expected: see its docstring.")
    right = {"student": student(RIGHT)}
    assert run_test(test, wrong, lambda: right).outcome == "failed"


def test_a_cache_of_another_length_is_the_students_fault() -> None:
    def test(student: Any) -> None:
        assert_caches(student, FORWARD)

    for body in "x * w, (x,)", "x * w, (x, w, w)", "x * w, None":
        wrong = {"student": student(f"def scale_forward(x, w): return {body}")}
        assert run_test(test, wrong).outcome == "failed"


def test_no_result_of_nothing() -> None:
    result = run_test(
        lambda student: assert_gives(student, FORWARD),
        {"student": student("def scale_forward(x, w): pass")},
    )
    assert "None" in str(result.diagnosis)


def test_a_gradient_whose_terms_cancel_is_right_all_the_same() -> None:
    """Central differences round by as much as ever, however small the gradient is."""
    x, dout = np.array([[1.501], [0.499], [-1.25]]), np.array([[1.0], [2.0], [1.9992 - 5e-6]])
    case = scale_backward(x, np.array([0.7]), dout)
    right = "def scale_backward(dout, cache):\n    x, w = cache\n"
    right += "    return dout * w, (dout * x).sum(0)"
    assert said_of(right, assert_gives, case, "dw") is None
    twice = right.replace("(dout * x)", "(2 * dout * x)")
    assert said_of(twice, assert_gives, case, "dw") is not None
