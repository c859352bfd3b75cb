"""Diagnosis: what is said is the effect, and it is never untrue."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autograder.checking.diagnose import explain

RNG = np.random.default_rng(0)
E = RNG.normal(size=(4, 6))
V = RNG.normal(size=5)
Q = RNG.normal(size=(5, 5))
P = np.exp(E) / np.exp(E).sum(axis=1, keepdims=True)
Inputs = dict[str, np.ndarray]
ONE_HOT = np.eye(6)[[0, 3, 2, 0]]


def told(actual: Any, expected: Any, **known: Any) -> str:
    """What is said of a result that is wrong."""
    text = explain(actual, expected, **known)
    assert text is not None
    return text


def changed(x: np.ndarray, index: Any, value: Any) -> np.ndarray:
    x = x.copy()
    x[index] = value
    return x


VALUES = [
    (V / 32, V, "M", {"N": 32}, "exactly N = 32 times too small, as if a mean over N"),
    (V * 32, V, "M", {"N": 32}, "exactly N = 32 times too large, as if a sum over N"),
    (V * 32, V, "M", {}, "exactly 32 times too large."),
    (V * 2, V, "M", {"N": 2}, "(N is 2 here, so it may be N or a plain 2)"),
    (
        V * 2,
        V,
        "M",
        {"N": 4},
        "exactly 2 times too large (N is 4 here, so it may be √N or a plain 2)",
    ),
    (V * 5, V, "M", {"N": 5}, "exactly 5 times too large (M and N are both 5 here)"),
    (E / 24, E, "ND", {}, "N·D = 24 times too small, as if a mean over N and D"),
    (E * 49, E, "ND", {"T": 7}, "T² = 49 times too large, as if it were multiplied by T"),
    (E / np.sqrt(6), E, "ND", {}, "exactly √D times too small (D = 6)"),
    (
        E / np.sqrt(3),
        E,
        "ND",
        {"M": 3},
        "exactly √3 times too small (M = 3 here, so it may be √M or a plain √3)",
    ),
    (E / np.log(2), E, "ND", {}, "logarithms to base 2"),
    (-E, E, "ND", {}, "wrong sign everywhere; apart from that it is right"),
    (-3 * E, E, "ND", {}, "has the wrong sign, and is exactly 3 times too large"),
    (1.73 * E, E, "ND", {}, "by a constant factor (about 1.73)"),
    (E + 0.3, E, "ND", {}, "Every entry of dx is too large by one and the same amount"),
    (
        E + RNG.normal(size=6),
        E,
        "ND",
        {},
        "the same in every row, as if a term that depends only on D",
    ),
    (E + E[:, :1], E, "ND", {}, "the same in every column, as if a term that depends only on N"),
    (E * (1 + 1e-6 * Q[0, 0]) + 1e-7 * E**2, E, "ND", {}, "nearly right"),
    (Q.T, Q, "DD", {}, "is transposed; apart from that it is right"),
    (Q.T / -2, Q, "DD", {}, "is transposed, and"),
    (E[::-1], E, "ND", {}, "is reversed along N; apart from that it is right"),
    (E.T.reshape(4, 6), E, "ND", {}, "reshaped where its axes should be exchanged"),
    (np.roll(E, 1, axis=0), E, "TD", {}, "shifted along T: one place too late, and wraps around"),
    (E[[1, 0, 3, 2]], E, "ND", {}, "holds the right rows, but in another order"),
    (E**2, E, "ND", {}, "Every entry of dx is the square of what it should be"),
    (1 - P, P, "NC", {}, "1 minus what it should be"),
    (np.abs(E), E, "ND", {}, "has lost its sign"),
    (np.cumsum(E, axis=0), E, "TD", {}, "adds up along T"),
    (np.exp(E) / np.exp(E).sum(0), P, "NC", {}, "does not: it sums to 1 over N instead"),
    (np.exp(E), P, "NC", {}, "each row has the right proportions, but a factor of its own"),
    (changed(E, slice(1, None), 0), E, "ND", {}, "Only the first of the 4 rows of dx is right;"),
    (changed(E, -1, 2 * E[-1]), E, "ND", {}, "All rows of dx but the last are right; in the other"),
    (changed(E, (1, 2), 9), E, "ND", {}, "All 24 entries of dx but one are right."),
    (np.maximum(E, 0), E, "ND", {}, "entries that should be negative: there the entries are zero"),
    (np.minimum(E, 0.5), E, "ND", {}, "as if everything above it were clipped"),
    (E, np.where(E > 0, E, 0), "ND", {}, "that should be positive: the others should be zero"),
    (np.tile(E.mean(0), (4, 1)), E, "ND", {}, "they should not be: each is the mean"),
    (P, P - ONE_HOT, "NC", {}, "too large by one and the same amount"),
    (E * np.array([[1.5], [1.1], [2.5], [3.1]]), E, "ND", {}, "each row has the right proportions"),
    (E * 0, E, "ND", {}, "zero everywhere"),
    (E.astype(np.float32) * 2, E, "ND", {}, "exactly 2 times too large"),
]


@pytest.mark.parametrize(("actual", "expected", "axes", "sizes", "said"), VALUES)
def test_values(actual: Any, expected: Any, axes: str, sizes: dict[str, int], said: str) -> None:
    assert said in told(actual, expected, name="dx", axes=axes, sizes=sizes)
    assert explain(expected, expected, name="dx", axes=axes, sizes=sizes) is None


X = RNG.normal(size=(2, 3, 4, 5))
SHAPES = [
    (V[None], V, "M", "(M,) = (5,): it has an axis of size 1 too many; its values are right"),
    (V[None] + 1, V, "M", "an axis of size 1 too many."),
    (V, V[None], "NM", "lacks an axis of size 1; its values are right"),
    (E.T, E, "ND", "it is transposed, and right apart from that"),
    (E.T + 1, E, "ND", "the sizes are right, but in another order"),
    (E, E.sum(0), "D", "Summed over axis 0, it would be right"),
    (E, E.mean(0), "D", "Averaged over axis 0, it would be right"),
    (np.subtract.outer(V, V), V, "N", "broadcasting makes of (5,) and (5, 1)"),
    (E.sum(), E, "ND", "It is the sum over all the entries of the right one"),
    (E.ravel(), E, "ND", "it holds the right numbers, and only has to be reshaped"),
    (V, V.mean(), "", "Averaged over axis 0, it would be right"),
    (E[:, :5], E, "ND", "D is 5 instead of 6"),
    (E[:3, :5], E, "ND", "N is 3 instead of 4 and D is 5 instead of 6"),
    (E.sum(0), E, "ND", "It is the sum over N of the right one"),
    (E[0], E, "ND", "N is missing"),
    (X.transpose(0, 2, 3, 1), X, "NCHW", "axes are in the order (N, H, W, C)"),
]


@pytest.mark.parametrize(("actual", "expected", "axes", "said"), SHAPES)
def test_shapes(actual: Any, expected: Any, axes: str, said: str) -> None:
    assert said in told(actual, expected, name="dx", axes=axes)


def test_an_axis_of_known_size_is_named() -> None:
    text = told(E, E.sum(0), name="db", axes="D", sizes={"N": 4})
    assert text.endswith("Summed over N, it would be right.")
    square = told(Q, Q.sum(0), name="db", axes="D", sizes={"N": 5})
    assert "over axis 0" in square


KINDS = [
    (None, E, "dx is None"),
    (E.tolist(), E, "`np.array(...)` is all that is missing"),
    ((1.0, E), E, "Item 1 of it, counted from 0, is the right one"),
    ("a", 1.0, "dx is a string, and should be a number"),
    (E.astype(int), E, "fractions are cut off"),
    (np.round(E).astype(int), E, "fractions are rounded away"),
    (E.astype(object), E, "Python objects"),
    (np.array([0.0, 2.0]), np.array([0, 2]), "should be integers"),
    ({"a": 1}, {"a": 1, "b": 2}, "lacks the key 'b'"),
    ({"a": 1, "b": 3.3}, {"a": 1, "b": 1.1}, "dx['b'] is exactly 3 times too large"),
    ((V, E), (E, V), "the right items, but in another order"),
    ([1.5, 2.5], [1.5, 3.5], "the other"),
    (1, None, "should be None"),
    (True, False, "dx is True"),
]


@pytest.mark.parametrize(("actual", "expected", "said"), KINDS)
def test_types_and_dtypes(actual: Any, expected: Any, said: str) -> None:
    assert said in told(actual, expected, name="dx")


def test_numbers_of_any_kind_are_numbers() -> None:
    for actual in (2, 2.0, np.float32(2), np.float64(2), np.array(2.0)):
        assert explain(actual, 2.0, name="loss") is None


def test_not_finite() -> None:
    text = told(changed(E, 0, np.nan), E, name="dx", axes="ND")
    assert text.startswith("6 of the 24 entries of dx are NaN (all of 1 row)")
    assert text.endswith("The others are right.")
    assert "right" not in told(changed(E, 0, np.nan), E + 1, name="dx", axes="ND")
    assert told(np.inf, 1.0, name="loss").startswith("loss is infinite")
    right = np.array([np.inf, 1.0, np.nan])
    assert explain(right, right, name="x") is None
    assert explain(np.array([1.0, 1.0, np.nan]), right, name="x") is not None


SINGLE = [
    (1.37 * 8, 1.37, "exactly N = 8 times too large, as if a sum over N"),
    (0.25, 0.75, "exactly 3 times too small, or is 1 minus what it should be"),
    (1.2345**2, 1.2345, "is the square of what it should be"),
    (-1.2345, 1.2345, "has the wrong sign, and is right apart from that"),
    (1.234, 5.677, "too small, and not by a simple factor"),
    (6.0, 2.0, "On this input, loss is exactly 3 times too large"),
]


@pytest.mark.parametrize(("actual", "expected", "said"), SINGLE)
def test_single_numbers(actual: float, expected: float, said: str) -> None:
    assert said in told(actual, expected, name="loss", sizes={"N": 8})


INFINITE = [
    (
        np.array([20.0, 100.0]),
        np.array([20.0, np.inf]),
        "1 of the 2 entries of dx should be infinite, and is 100.",
    ),
    (
        np.array([100.0, 100.0]),
        np.array([np.inf, np.inf]),
        "2 of the 2 entries of dx should be infinite, and are 100.",
    ),
    (np.array([1.0, 51.7]), np.array([1.0, np.inf]), "should be infinite, and is a finite number."),
    (np.array([1.0, 12345.0]), np.array([1.0, np.inf]), "and is a finite number."),
    (np.array([1.0, np.nan]), np.array([1.0, np.inf]), "should be infinite, and is NaN."),
    (np.array([3.0, 7.0]), np.array([np.nan, np.nan]), "should be NaN, and are a finite number."),
    (80, np.inf, "dx is 80, and should be infinite."),
    (-np.inf, np.inf, "dx is −∞, and should be infinite."),
]


@pytest.mark.parametrize(("actual", "expected", "said"), INFINITE)
def test_a_number_where_an_infinity_belongs(actual: Any, expected: Any, said: Any) -> None:
    assert said in str(explain(actual, expected, name="dx"))


def test_an_infinity_in_its_place_is_right() -> None:
    assert explain(np.array([np.inf, 2.0]), np.array([np.inf, 2.0]), name="dx") is None


def test_imprecision_is_given_a_cause_only_if_the_numbers_have_it() -> None:
    single = E.astype(np.float32).astype(np.float64)
    said = str(explain(single, E, name="dx", rtol=1e-12))
    assert said.endswith("its numbers are those of float32, as if they had gone through it.")
    for wrong in (E + 1e-6 * E**2, E + 1e-5 * RNG.normal(size=E.shape), single * (1 + 1e-9)):
        said = str(explain(wrong, E, name="dx", rtol=1e-12))
        assert said.startswith("dx is nearly right") and said.endswith("is too large.")


def test_inputs_explain_what_is_missing() -> None:
    out, dout = 1 / (1 + np.exp(-E)), RNG.normal(size=E.shape)
    right = dout * out * (1 - out)
    inputs = {"dout": dout, "cache": out}

    def said(wrong: np.ndarray) -> str:
        return told(wrong, right, name="dx", axes="ND", inputs=inputs)

    assert "multiplied by (1 − `cache`)" in said(dout * out)
    assert "multiplied by `dout`" in said(out * (1 - out))
    assert "is just `dout`, unchanged" in said(dout)
    assert "(1 + `cache`) stood where (1 − `cache`) belongs" in said(dout * out * (1 + out))
    assert "if `dout` were subtracted from it" in said(right + dout)
    assert "is `dout` minus what it should be" in said(dout - right)
    assert "divided by (1 − `cache`)²" in said(right * (1 - out) ** 2)
    assert "`" not in said(right**3 + 1)


def test_products_and_sums_of_inputs_are_known_again() -> None:
    x, w, dout = RNG.normal(size=(5, 5)), RNG.normal(size=(5, 5)), RNG.normal(size=(5, 5))
    inputs = {"dout": dout, "cache[0]": x, "cache[1]": w}
    dx = explain(dout @ w, dout @ w.T, name="dx", axes="ND", inputs=inputs)
    assert dx == "dx equals `dout` @ `cache[1]`, which is not what is asked for."
    db = explain(dout.sum(1), dout.sum(0), name="db", axes="M", inputs=inputs)
    assert db == "db is just the sum of `dout` over axis 1."


def test_large_inputs_are_multiplied_only_where_the_shape_fits() -> None:
    """Their outer product would hold 4e10 numbers."""
    inputs = {"dout": RNG.normal(size=(1, 200_000)), "x": RNG.normal(size=(1, 200_000))}
    wrong, right = RNG.normal(size=(2, 3, 2))
    assert explain(wrong, right, name="dx", inputs=inputs)


def test_a_letter_that_could_be_another_is_not_blamed() -> None:
    dout = RNG.normal(size=(7, 7))
    text = told(dout.mean(0), dout.sum(0), name="db", axes="M", inputs={"dout": dout})
    assert "7 times too small" in text and "M =" not in text


def test_statistical_tolerance_makes_no_claims() -> None:
    assert explain(E * 2, E, name="w", rtol=0.05) == WIDE
    assert explain(0.05, 0.07, name="std", rtol=0.05) == "std is too small."


def test_axes_that_do_not_fit_are_the_authors_fault() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        explain(E, E, name="dx", axes="NDM")


WIDE = "w is further from what it should be than chance allows."


# Nothing untrue is said, whatever the numbers: every claim is read back and tested another way.


def near(a: Any, b: Any, tol: float = 1e-6) -> bool:
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0), 1e-300)
    return bool(np.all(np.abs(np.asarray(a) - b) <= tol * scale))


def equal(a: np.ndarray, e: np.ndarray) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = np.abs(a - e) <= 1e-5 * (np.abs(e) + 0.01 * np.abs(e).max())
    return right


def factor_holds(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    """Read ``exactly 3/2 times too small`` back as a number."""
    found = re.search(r"exactly (?:[^ ]+ = )?([^ ]+(?: [−] 1\))?) times too (small|large)", text)
    if not found:
        return "factor" in text or "amount" in text or "sign" in text
    symbols = {"N": 4, "D": a.shape[-1], "T": a.shape[0]}
    name = (
        found[1]
        .replace("·", "*")
        .replace("²", "**2")
        .replace("−", "-")
        .replace("π", "*3.14159265358979")
    )
    name = name.lstrip("*").replace("ln 2", "ln2")
    for root in re.findall(r"√\(?[\w*]+\)?", name):
        name = name.replace(root, f"({root[1:]})**.5")
    try:
        k = eval(name, symbols)
    except Exception:  # a constant with a name: the direction is all that is read
        return bool((np.linalg.norm(a) > np.linalg.norm(e)) == (found[2] == "large"))
    k = 1 / k if found[2] == "small" else k
    return near(a, -k * e if "wrong sign" in text else k * e)


def slices_right(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    """Read a claim of right rows, columns or entries back."""
    good = equal(a, e)
    for axis in range(a.ndim):
        rows = np.moveaxis(good, axis, 0).reshape(a.shape[axis], -1).all(axis=1)
        n = rows.size
        claims = {
            f"Only the first of the {n}": [0],
            f"Only the last of the {n}": [n - 1],
            "but the first are right": range(1, n),
            "but the last are right": range(n - 1),
        }
        for words, places in claims.items():
            if words in text and np.flatnonzero(rows).tolist() == list(places):
                return True
        counted = re.match(r"(?:The (?:first|last) )?(\d+) of the (\d+)", text)
        if counted and rows.sum() == int(counted[1]) and n == int(counted[2]):
            return True
    return False


def part_is(text: str, a: np.ndarray, e: np.ndarray, inputs: Inputs) -> bool:
    """Read ``wrong in just the 3 entries that should be negative`` back."""
    claim = r"is (right|wrong) in just the \d+ entries (?:that|where) (should be|`\w+` is) (\w+)"
    found = re.search(claim, text)
    assert found
    verb, label, sign = found.groups()
    x = e if label == "should be" else inputs[label.split("`")[1]]
    group = {"negative": x < 0, "positive": x > 0, "zero": x == 0}[sign]
    return np.array_equal(equal(a, e), group if verb == "right" else ~group)


def rearranged(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    k = np.linalg.norm(a) / np.linalg.norm(e)
    return near(np.sort(np.abs(a), axis=None), np.sort(np.abs(k * e), axis=None), 1e-5)


def exchange(text: str, a: np.ndarray, e: np.ndarray, inputs: Inputs) -> bool:
    def value(term: str) -> Any:
        term = term.replace("²", "**2").replace("−", "-").replace("`x`(", "`x`*(")
        return eval(term.replace("`x`", "x"), {"x": x, "exp": np.exp})

    x = inputs["x"]
    terms: dict[str, Callable[[str], bool]] = {
        r"multiplied by (\S.*): that": lambda t: near(a * value(t), e),
        r"divided by (\S.*): that": lambda t: near(a, e * value(t)),
        r"if (`x`) were added": lambda t: near(a + x, e),
        r"if (`x`) were subtracted": lambda t: near(a - x, e),
        r"is (`x`) minus what": lambda t: near(x - a, e),
        r"is just (`x`), unchanged": lambda t: near(a, x),
    }
    for claim in text.split(", or "):
        swap = re.search(r"as if (.*) stood where (.*) belongs", claim)
        if swap:
            if not near(a * value(swap[2]), e * value(swap[1])):
                return False
            continue
        found = [(check, re.search(words, claim)) for words, check in terms.items()]
        if not any(match and check(match[1]) for check, match in found):
            return False
    return True


def error_is_constant(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    d = a - e
    return any(near(d, d.mean(axis=axis, keepdims=True)) for axis in range(a.ndim))


def function_of(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    table: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "the square of": np.square,
        "the square root of": np.sqrt,
        "the reciprocal of": np.reciprocal,
        "the exponential of": np.exp,
        "the logarithm of": np.log,
        "1 minus": lambda v: 1 - v,
        "lost its sign": np.abs,
    }
    with np.errstate(all="ignore"):
        return any(near(a, function(e)) for words, function in table.items() if words in text)


def running_sum(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    x, y = (e, a) if "adds up" in text else (a, e)
    return any(
        near(
            np.cumsum(np.flip(x, axis) if "end" in text else x, axis),
            np.flip(y, axis) if "end" in text else y,
        )
        for axis in range(a.ndim)
    )


def own_factors(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    for axis in range(a.ndim):
        x, y = (np.moveaxis(v, axis, 0).reshape(v.shape[axis], -1) for v in (a, e))
        if all(near(r * (s @ s), s * (r @ s)) for r, s in zip(x, y, strict=True)):
            return True
    return False


def repeats(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    if text.startswith("All entries"):
        return bool(np.ptp(a) <= 1e-6 * np.abs(a).max())
    return any(near(a, a.take([0], axis)) for axis in range(a.ndim))


def shifts(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    late = "late" in text
    for axis in range(a.ndim):
        n = a.shape[axis]
        kept, source = (range(1, n), range(n - 1)) if late else (range(n - 1), range(1, n))
        if near(a.take(kept, axis), e.take(source, axis)):
            return True
    return False


def general(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    if equal(a, e).any():
        return False
    if "only its sums" in text:
        return any(near(a.sum(axis), e.sum(axis)) for axis in range(a.ndim))
    if "should sum to 0" in text:
        return any(
            near(e.sum(axis), 0 * e.sum(axis) + 1e-12 * np.abs(e).max(), 1)
            for axis in range(e.ndim)
        )
    if "each has the right sign" in text:
        return np.array_equal(np.sign(a), np.sign(e))
    if "on the whole" in text:
        return bool(np.linalg.norm(a) > np.linalg.norm(e)) == ("large" in text)
    return True


def normalised(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    sums = [
        np.allclose(e.sum(axis), 1) and not np.allclose(a.sum(axis), 1) for axis in range(e.ndim)
    ]
    if not any(sums):
        return False
    if "instead" in text:
        return any(np.allclose(a.sum(axis), 1) for axis in range(a.ndim))
    if "together" in text:
        return bool(np.isclose(a.sum(), 1))
    return "proportions" not in text or own_factors(text, a, e)


def odds(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    la, le = np.log(a / (1 - a)), np.log(e / (1 - e))
    if "amount" in text:
        return bool(np.ptp(la - le) < 1e-5 * np.abs(la - le).max())
    return factor_holds(text, la, le)


def places(text: str, a: np.ndarray, e: np.ndarray) -> bool:
    wrong = ~equal(a, e)
    eye = np.eye(*wrong.shape[-2:], dtype=np.bool_)
    if "on the diagonal" in text:
        return np.array_equal(wrong, eye)
    if "off the diagonal" in text:
        return np.array_equal(wrong, ~eye)
    if "border" in text:
        return bool(wrong[..., 0, :].all() and not wrong[..., 1:-1, 1:-1].any())
    return any((wrong.sum(axis=axis) == 1).all() for axis in range(2))


def is_true(text: str, a: np.ndarray, e: np.ndarray, inputs: Inputs) -> bool:
    """Read a sentence back, whichever it is."""
    for words, holds in TRUTHS.items():
        if re.search(words, text):
            return bool(holds(text, a, e, inputs))
    pytest.fail(f"No one has checked that this is true: {text}")


def direction(text: str, a: np.ndarray, e: np.ndarray, inputs: Inputs) -> bool:
    sign = -1 if "wrong sign" in text else 1
    same = near(a * np.linalg.norm(e), sign * e * np.linalg.norm(a))
    return same and factor_holds(text, a, e)


#: What holds if a sentence with these words is true: of it, the wrong, the right, the inputs.
TRUTHS: dict[str, Callable[[str, np.ndarray, np.ndarray, Inputs], Any]] = {
    r"zero everywhere, and should not": lambda t, a, e, x: not a.any() and e.any(),
    r"should be zero here": lambda t, a, e, x: not e.any(),
    r"those of float32": lambda t, a, e, x: near(a, e.astype(np.float32), 1e-14),
    r"nearly right|only as precise": lambda t, a, e, x: near(a, e, 1e-2),
    r"wrong sign everywhere": lambda t, a, e, x: near(a, -e),
    r"has the right direction|^dx has the wrong sign, and is": direction,
    r"^Every entry of dx is too (large|small)": lambda t, a, e, x: near(
        a - e, (a - e).mean() + 0 * a
    ),
    r"would be right if|stood where|is just|` minus what": exchange,
    r"^The error of dx is the same": lambda t, a, e, x: error_is_constant(t, a, e),
    r"are the same, and they should not": lambda t, a, e, x: repeats(t, a, e),
    r"is shifted along": lambda t, a, e, x: shifts(t, a, e),
    r"transposed|exchanged|revers|another order|wrong places": lambda t, a, e, x: rearranged(
        t, a, e
    ),
    r"what it should be\.$|lost its sign": lambda t, a, e, x: function_of(t, a, e),
    r"through the sigmoid": lambda t, a, e, x: odds(t, a, e),
    r"adds up along|not added up along": lambda t, a, e, x: running_sum(t, a, e),
    r"should sum to 1 over": lambda t, a, e, x: normalised(t, a, e),
    r"in just the \d+ entries": part_is,
    r"diagonal|border|just one entry is wrong": lambda t, a, e, x: places(t, a, e),
    r"by no common factor: each": lambda t, a, e, x: own_factors(t, a, e),
    r"none of its \d+ entries is right": lambda t, a, e, x: general(t, a, e),
    r"entries of dx but one are right": lambda t, a, e, x: (~equal(a, e)).sum() == 1,
    r"^\d+ of the \d+ entries .* right": lambda t, a, e, x: equal(a, e).sum() == int(t.split()[0]),
    r"(is|are) right[;,]": lambda t, a, e, x: slices_right(t, a, e),
}

RESTS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "are zero": lambda a, e: not a.any(),
    "is zero": lambda a, e: not a.any(),
    "wrong sign": lambda a, e: near(a, -e),
    "should be zero": lambda a, e: not e.any(),
    "too large by one and the same": lambda a, e: near(
        a - e, np.full_like(a, (a - e).mean()), 1e-5
    ),
    "too small by one and the same": lambda a, e: near(
        a - e, np.full_like(a, (a - e).mean()), 1e-5
    ),
    "have all one value": lambda a, e: near(a, np.full_like(a, a.mean())),
    "times too": lambda a, e: near(np.abs(a) * np.linalg.norm(e), np.abs(e) * np.linalg.norm(a)),
}


HOW = re.compile(
    r"right(?:[^;:]*)[;:] (?:that one|the others?|in the others?|the wrong)"
    r"|: (?:there the entries|the others|the wrong ones) "
)


def check_truth(text: str, a: np.ndarray, e: np.ndarray, inputs: Inputs) -> None:
    text = re.sub(r"^On this input, (\w)", lambda m: m[1] if m[1] == "d" else m[1].upper(), text)
    assert is_true(text, a, e, inputs), text
    how = HOW.split(text)
    if len(how) > 1 and not re.search("none of its|transposed|revers|would be right", text):
        wrong = ~equal(a, e)
        for words, holds in RESTS.items():
            assert words not in how[-1] or holds(a[wrong], e[wrong]), text


NUMBERS = st.one_of(
    st.integers(-4, 4).map(float),
    st.floats(-3, 3, allow_nan=False, width=32).map(lambda v: round(v, 3)),
)


@st.composite
def right_arrays(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.sampled_from([(3,), (5,), (2, 2), (3, 3), (4, 4), (3, 4), (2, 5), (2, 3, 4)]))
    if draw(st.booleans()):
        return np.random.default_rng(draw(st.integers(0, 2**16))).normal(size=shape)
    size = int(np.prod(shape))
    return np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size))).reshape(shape)


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max())
    probabilities: np.ndarray = e / e.sum(axis=axis, keepdims=True)
    return probabilities


def with_one_wrong(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flat[x.size // 2] += 1
    return x


def rows_scaled(e: np.ndarray, other: np.ndarray) -> np.ndarray:
    return e * (1 + np.arange(e.shape[0])).reshape(-1, *[1] * (e.ndim - 1))


WRONGS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "factor": lambda e, o: e * 4,
    "mean": lambda e, o: e / e.size,
    "odd": lambda e, o: e * 1.2345,
    "sign": lambda e, o: -e,
    "offset": lambda e, o: e + 1,
    "bias": lambda e, o: e + e[:1],
    "column": lambda e, o: e + e.sum(-1, keepdims=True),
    "flip": lambda e, o: e[::-1],
    "turn": lambda e, o: np.flip(e),
    "roll": lambda e, o: np.roll(e, 1, 0),
    "reshape": lambda e, o: e.T.reshape(e.shape),
    "shuffle": lambda e, o: np.sort(e, axis=None).reshape(e.shape),
    "square": lambda e, o: e**2,
    "abs": lambda e, o: abs(e),
    "complement": lambda e, o: 1 - e,
    "relu": lambda e, o: np.maximum(e, 0),
    "clip": lambda e, o: np.clip(e, -1, 1),
    "first": lambda e, o: np.concatenate([e[:1], o[1:]]),
    "last": lambda e, o: np.concatenate([2 * e[:-1], e[-1:]]),
    "one": lambda e, o: with_one_wrong(e),
    "mean row": lambda e, o: 0 * e + e.mean(0, keepdims=True),
    "cumsum": lambda e, o: np.cumsum(e, 0),
    "other": lambda e, o: o,
    "times": lambda e, o: e * o,
    "plus": lambda e, o: e + o,
    "minus": lambda e, o: e - o,
    "rest": lambda e, o: o - e,
    "over": lambda e, o: e * (1 - o),
    "swap": lambda e, o: e * (1 + o) / np.where(abs(1 - o) > 1e-3, 1 - o, 1),
    "rows": rows_scaled,
    "tiny": lambda e, o: e * (1 + 1e-6),
    "noise": lambda e, o: e + 1e-6 * o,
    "where": lambda e, o: np.where(o > 0, e, 3 * e),
    "half": lambda e, o: np.where(o > 0, e, o),
    "mask": lambda e, o: np.where(e > 0, e, o),
    "diagonal": lambda e, o: e + np.eye(*e.shape[-2:]) if e.ndim == 2 else e + 2,
}


@settings(max_examples=400, deadline=None)
@given(right_arrays(), st.integers(0, 2**16), st.sampled_from(sorted(WRONGS)), st.booleans())
def test_nothing_untrue_is_said(
    right: np.ndarray, seed: int, how: str, probabilities: bool
) -> None:
    other = np.random.default_rng(seed).normal(size=right.shape)
    if probabilities and right.ndim == 2:
        logits, right = right, softmax(right, 1)
        wrong = softmax(logits, 0) if how == "flip" else WRONGS[how](right, other)
    else:
        wrong = WRONGS[how](right, other)
    axes = {1: "D", 2: "TD", 3: "TND"}[right.ndim]
    inputs = {"x": other}
    text = explain(
        wrong,
        right,
        name="dx",
        axes=axes,
        sizes={"N": 4} if right.ndim < 3 else None,
        inputs=inputs,
    )
    if text is not None:
        check_truth(text, wrong, right, inputs)


def test_keys_carry_nothing_out() -> None:
    said = explain({"a": 1.0, "x" * 1000: 1.0}, {"a": 1.0}, name="d")
    assert said == f"d should not have the key {'x' * 24!r}…."


def test_numbers_beside_a_long_text_are_no_array() -> None:
    said = explain(["x" * 4_000_000] + [0] * 10_000, V, name="v")
    assert said == "v is a list of 10001 items, and should be an array of shape (5,)."
