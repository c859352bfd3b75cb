"""Hidden tests of `optimization`: definitions written naively, torch.optim, torch, scikit-learn.

torch and scikit-learn are imported where they are asked: here, not where the student's code runs.
"""

import math
import warnings

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import (
    Case,
    Expression,
    Lent,
    Right,
    assert_close,
    assert_float32,
    assert_gives,
    assert_keeps_float32,
    assert_leaves_inputs_alone,
    assert_raises,
    assert_unchanged,
    each,
    evaluated,
    exercise,
    single,
)

EXACT = 1e-12
COST = 0.25  # CPU seconds of one call; the reference takes a twentieth of it
MANY = 300_000  # elements, over which a Python loop takes longer than COST

#: Whether results share memory with what went in.
SHARES = Expression(
    """
def shares(update, param, grad, state, hyper):
    new, after = update(param, grad, state, **hyper)
    given = [param, grad, *state.values()]
    made = [new, *after.values()]
    pairs = [(a, b) for a in made for b in given]
    arrays = [p for p in pairs if all(isinstance(item, np.ndarray) for item in p)]
    return any(np.shares_memory(*pair) for pair in arrays)
""",
    "shares",
)


# Gradient descent


@exercise("gradient_descent")
def test_descent_toy(student):
    """On half a square, a learning rate of ½ halves the distance at each step."""
    path = student.gradient_descent(
        Expression("lambda p: p"), np.array([8.0, -4.0]), learning_rate=0.5, steps=3
    )
    expected = np.array([[8.0, -4.0], [4.0, -2.0], [2.0, -1.0], [1.0, -0.5]])
    assert_close(path, expected, name="path", rtol=EXACT)


@exercise("gradient_descent", weight=2)
def test_descent_of_any_function(student, rng):
    """Gradient descent follows the gradient of whatever function it is given."""
    slope = Expression("lambda p: np.sin(p) + 0.1 * p.sum()")
    for d, steps, rate in (1, 5, 0.3), (4, 9, 0.05), (3, 3, 1.1):
        expected = [list(rng.standard_normal(d))]
        for _ in range(steps):
            p = expected[-1]
            expected.append([v - rate * (math.sin(v) + 0.1 * sum(p)) for v in p])
        start = np.array(expected[0])
        path = student.gradient_descent(slope, start, learning_rate=rate, steps=steps)
        assert_close(path, np.array(expected), name="path", rtol=EXACT)


@exercise("gradient_descent", weight=0.5)
def test_descent_without_a_step(student, rng):
    """Without a step, the path is the start alone."""
    start = rng.standard_normal(3)
    path = student.gradient_descent(Expression("lambda p: p"), start, learning_rate=0.5, steps=0)
    assert_close(path, start[None], name="path")


@exercise("gradient_descent", weight=0.5)
def test_descent_leaves_the_start_alone(student, rng):
    """The walk gives its path and leaves the start where it was."""
    start, slope = rng.standard_normal(3), Expression("lambda p: p")
    path = student.gradient_descent(slope, start, learning_rate=0.25, steps=2)
    assert_close(path, np.array([[1.0], [3 / 4], [9 / 16]]) * start, name="path")
    lent = Lent(student, start=start)
    student.gradient_descent(slope, lent["start"], learning_rate=0.25, steps=2)
    lent.assert_unchanged(
        "gradient_descent changes {} in place: work on a copy, or make a new array."
    )


# Mini-batches

LIST = Expression("lambda batches: [(x, y) for x, y in batches]")


def batches_of(student, x, y, size, seed):
    """The student's batches as a list, however they are made."""
    made = student.minibatches(x, y, size, np.random.default_rng(seed))
    return evaluated(student, LIST)(made)


def batch_case(rng, n):
    """Inputs of which each row says its number, targets that belong to them, and a seed."""
    x = np.arange(n)[:, None] + rng.uniform(0.1, 0.4, (n, 3)) * [1, 10, -10]
    return x, 10.0 * np.arange(n) + 1.0, int(rng.integers(2**32))


def assert_enough(made, n):
    """A loop over nothing finds nothing wrong."""
    rows = sum(len(a) for a, _ in made)
    assert rows == n, f"All batches together hold {rows} samples, and there are {n}."


SIZES = [(10, 4), (6, 3), (5, 1), (4, 9), (7, 7), (1, 1), (1, 8)]


@exercise("minibatches")
def test_batch_sizes(student, rng):
    """All batches have batch_size samples, except for the last one if that doesn't fit."""
    for n, size in SIZES:
        x, y, seed = batch_case(rng, n)
        sizes = [len(a) for a, _ in batches_of(student, x, y, size, seed)]
        expected = [min(size, n - first) for first in range(0, n, size)]
        assert sizes == expected, (
            f"{n} samples in batches of {size} give batches of {sizes}; it should be {expected}."
        )


@exercise("minibatches", weight=2)
def test_batches_hold_every_sample(student, rng):
    """An epoch visits every sample exactly once."""
    for n, size in SIZES:
        x, y, seed = batch_case(rng, n)
        rows = [row for a, _ in batches_of(student, x, y, size, seed) for row in a.tolist()]
        assert sorted(rows) == x.tolist(), (
            f"{n} samples in batches of {size}: {len(rows)} rows come out, "
            f"{len({tuple(r) for r in rows})} of them different."
        )


@exercise("minibatches", weight=2)
def test_batches_keep_pairs(student, rng):
    """Each input stays with its own target."""
    for n, size in SIZES:
        x, y, seed = batch_case(rng, n)
        made = batches_of(student, x, y, size, seed)
        assert_enough(made, n)
        for a, b in made:
            assert np.isin(a[:, 0], x[:, 0]).all(), "A batch holds rows that are not among x."
            expected = 10 * np.floor(a[:, 0]) + 1
            assert_close(b, expected, name="the targets that go with a batch's inputs", axes="N")


@exercise("minibatches", weight=2)
def test_batches_follow_the_permutation(student, rng):
    """The batches are consecutive pieces of one rng.permutation(N)."""
    for n, size in SIZES:
        x, y, seed = batch_case(rng, n)
        order = list(np.random.default_rng(seed).permutation(n))
        made = batches_of(student, x, y, size, seed)
        assert_enough(made, n)
        for a, b in made:
            piece, order = order[: len(a)], order[len(a) :]
            assert_close(a, x[piece], name="x_batch", axes="ND")
            assert_close(b, y[piece], name="y_batch", axes="N")


@exercise("minibatches")
def test_batches_of_images(student, rng):
    """Inputs and targets may have any number of axes, and keep their dtype."""
    x, y = rng.random((5, 2, 3)).astype(np.float32), rng.integers(0, 9, (5, 2))
    made = batches_of(student, x, y, 2, 3)
    order = np.random.default_rng(3).permutation(5)
    a, b = made[1]
    assert a.dtype == np.float32, f"x_batch is {a.dtype} for float32 inputs: keep the dtype."
    assert_close(a, x[order[2:4]], name="x_batch", axes="NHW")
    assert_close(b, y[order[2:4]], name="y_batch", axes="NC")


@exercise("minibatches", weight=0.5)
def test_batches_leave_the_data_alone(student, rng):
    """The data of the caller are neither shuffled nor changed."""
    x, y, seed = batch_case(rng, 7)
    lent = Lent(student, x=x, y=y)
    made = batches_of(student, lent["x"], lent["y"], 3, seed)
    order = np.random.default_rng(seed).permutation(7)
    assert_close(made[0][0], x[order[:3]], name="x_batch", axes="ND")
    lent.assert_unchanged("minibatches changes {} in place.")


# Optimisers: each written for one number after the other, from all gradients so far

RATE = 0.07
HYPER = {
    "sgd": {},
    "momentum": {"mu": 0.6},
    "nesterov": {"mu": 0.6},
    "rmsprop": {"alpha": 0.8, "eps": 0.02},
    "adam": {"beta1": 0.7, "beta2": 0.8, "eps": 0.02},
    "nadam": {"beta1": 0.7, "beta2": 0.8, "eps": 0.02, "psi": 0.9},
}
DEFAULTS = {
    "sgd": {},
    "momentum": {"mu": 0.9},
    "nesterov": {"mu": 0.9},
    "rmsprop": {"alpha": 0.99, "eps": 1e-8},
    "adam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "nadam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "psi": 0.004},
}


def faded(values, keep):
    """Σ keep^(age) value, where the latest value has the age 0."""
    return sum(keep**age * value for age, value in enumerate(reversed(values)))


def naive_step(name, gs, h):
    """What θ loses for each unit of the rate, and the state: for one number and its gradients."""
    t, g = len(gs), gs[-1]
    if name == "sgd":
        return g, {}
    if name in ("momentum", "nesterov"):
        v = faded(gs, h["mu"])
        return (v if name == "momentum" else g + h["mu"] * v), {"v": v}
    if name == "rmsprop":
        s = (1 - h["alpha"]) * faded([g * g for g in gs], h["alpha"])
        return g / (math.sqrt(s) + h["eps"]), {"s": s}
    b1, b2 = h["beta1"], h["beta2"]
    m, v = (1 - b1) * faded(gs, b1), (1 - b2) * faded([g * g for g in gs], b2)
    scale = math.sqrt(v / (1 - b2**t)) + h["eps"]
    if name == "adam":
        return m / (1 - b1**t) / scale, {"m": m, "v": v}
    mus = [b1 * (1 - 0.5 * 0.96 ** (k * h["psi"])) for k in range(1, t + 2)]
    now, after = math.prod(mus[:t]), math.prod(mus)
    return ((1 - mus[-2]) / (1 - now) * g + mus[-1] / (1 - after) * m) / scale, {"m": m, "v": v}


def naive(name, param, grads, h, rate=RATE):
    """Parameter and state after all gradients, element by element."""
    param, state = np.array(param, dtype=float), {}
    for t in range(1, len(grads) + 1):
        moves = np.empty_like(param)
        arrays = {}
        for index in np.ndindex(param.shape):
            moves[index], values = naive_step(name, [float(g[index]) for g in grads[:t]], h)
            for key, value in values.items():
                arrays.setdefault(key, np.empty_like(param))[index] = value
        param = param - rate * moves
        state = arrays
    if name in ("adam", "nadam"):
        state["t"] = len(grads)
    if name == "nadam":
        steps = range(1, len(grads) + 1)
        factors = [h["beta1"] * (1 - 0.5 * 0.96 ** (k * h["psi"])) for k in steps]
        state["mu_product"] = math.prod(factors)
    return param, state


def by_torch(name, param, grads, h, rate):
    """The same by torch.optim, in float64."""
    import torch

    betas = {"betas": (h.get("beta1"), h.get("beta2")), "eps": h.get("eps")}
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=rate),
        "momentum": lambda p: torch.optim.SGD(p, lr=rate, momentum=h["mu"]),
        "nesterov": lambda p: torch.optim.SGD(p, lr=rate, momentum=h["mu"], nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=rate, alpha=h["alpha"], eps=h["eps"]),
        "adam": lambda p: torch.optim.Adam(p, lr=rate, **betas),
        "nadam": lambda p: torch.optim.NAdam(p, lr=rate, momentum_decay=h["psi"], **betas),
    }
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in this one
    try:
        theta = torch.nn.Parameter(torch.tensor(param))
        optimiser = makers[name]([theta])
        for grad in grads:
            theta.grad = torch.tensor(grad)
            optimiser.step()
    finally:
        torch.set_default_dtype(before)
    return theta.detach().numpy()


def gradients(rng, steps, *shape):
    """Gradients of very different sizes, some of them exactly zero."""
    grads = rng.standard_normal((steps, *shape)) * 10 ** rng.uniform(-2, 1, shape)
    grads[rng.random(grads.shape) < 0.1] = 0.0
    return list(grads)


def ran(student, name, param, grads, h, rate=RATE):
    """The student's parameter and state after all gradients."""
    state = {}
    for grad in grads:
        param, state = getattr(student, name)(param, grad, state, learning_rate=rate, **h)
    return param, state


def assert_state(state, expected, name="the state"):
    """The state has exactly these keys and values."""
    assert isinstance(state, dict), f"{name} should be a dictionary."
    assert set(state) == set(expected), (
        f"{name} has the keys {sorted(map(str, state))}; it should have {sorted(expected)}."
    )
    for key, value in expected.items():
        assert_close(state[key], value, name=f"{name}'s {key!r}", rtol=EXACT)


def check_first_step(student, rng, name):
    h = HYPER[name]
    for shape in (5,), (3, 4), (2, 1, 3), ():
        param, grads = rng.standard_normal(shape), gradients(rng, 1, *shape)
        after, state = getattr(student, name)(param, grads[0], {}, learning_rate=RATE, **h)
        expected, expected_state = naive(name, param, grads, h)
        expected = expected if shape else float(expected)
        assert_close(after, expected, name="param after the first step", rtol=EXACT)
        assert_state(state, expected_state, "the state after the first step")


def check_later_step(student, rng, name):
    h = HYPER[name]
    for past, shape in (2, (4,)), (1, (2, 3)), (6, (3, 2)):  # t = 3 tells more than t = 2
        param, grads = rng.standard_normal(shape), gradients(rng, past + 1, *shape)
        point, state = naive(name, param, grads[:-1], h)
        after, new = getattr(student, name)(point, grads[-1], state, learning_rate=RATE, **h)
        expected, expected_state = naive(name, param, grads, h)
        assert_close(after, expected, name="param", rtol=EXACT)
        assert_state(new, expected_state)


def check_torch(student, rng, name):
    for h in DEFAULTS[name], HYPER[name]:
        for rate in 0.5, 1e-3:
            param, grads = rng.standard_normal((3, 2)), gradients(rng, 20, 3, 2)
            after, _ = ran(student, name, param, grads, h, rate)
            expected = by_torch(name, param, grads, h, rate)
            # The walk, not the place: the last step of a small rate must not drown in θ.
            assert_close(after - param, expected - param, name="the walk of 20 steps", rtol=EXACT)


def check_defaults(student, rng, name):
    param, grads = rng.standard_normal(6), gradients(rng, 3, 6)
    grads[0][:2] = 1e-8, 3e-9  # small enough for ε to show
    after, _ = ran(student, name, param, grads[:1], {})
    expected, _ = naive(name, param, grads[:1], DEFAULTS[name])
    assert_close(after - param, expected - param, name="the first step", rtol=1e-9)
    after, _ = ran(student, name, param, grads, {})
    expected, _ = naive(name, param, grads, DEFAULTS[name])
    assert_close(after - param, expected - param, name="the walk of three steps", rtol=1e-9)


def check_float32(student, rng, name):
    h = HYPER[name]
    param, grads = rng.standard_normal((3, 4)), gradients(rng, 3, 3, 4)
    after, state = ran(student, name, single(param), single(grads), h)
    expected, expected_state = naive(name, param, grads, h)
    assert_float32(after, expected, name="param", rtol=1e-5)
    for key, value in expected_state.items():
        if np.shape(value):
            assert_float32(state[key], value, name=f"the state's {key!r}", rtol=1e-5)


def check_leaves_alone(student, rng, name):
    h = {"learning_rate": RATE, **HYPER[name]}
    param, grads = rng.standard_normal((3, 4)), gradients(rng, 2, 3, 4)
    _, state = naive(name, param, grads[:1], HYPER[name])
    moved = Right(naive_moved(name, param, grads), rtol=1e-9)
    step = Case(name, (param, grads[1], state), h, param=moved, state=None)
    assert_leaves_inputs_alone(student, step)
    for given in {}, state:
        shared = evaluated(student, SHARES)(getattr(student, name), param, grads[1], given, h)
        assert not shared, (
            f"What {name} returns shares memory with what it was given: when the caller reuses "
            "its arrays, the state changes with them. Make new arrays."
        )


def naive_moved(name, param, grads):
    """The second of two steps, made from param itself."""
    h = HYPER[name]
    one, _ = naive(name, param, grads[:1], h)
    two, _ = naive(name, param, grads, h)
    return param + (two - one)


def check_cost(student, rng, name):
    param, grad = rng.standard_normal((2, MANY))
    after, _ = getattr(student, name)(param, grad, {}, learning_rate=RATE, **HYPER[name])
    expected, _ = naive(name, param[:5], [grad[:5]], HYPER[name])
    assert_close(after[:5], expected, name="param", rtol=EXACT)
    assert after.shape == param.shape, "The parameter changes its shape."


@exercise("sgd")
def test_sgd_toy(student):
    """SGD moves each element by −η times its gradient."""
    param, _ = student.sgd(np.array([1.0, 2.0]), np.array([10.0, -5.0]), {}, learning_rate=0.1)
    assert_close(param, np.array([0.0, 2.5]), name="param", rtol=EXACT)


@exercise("sgd", weight=2)
def test_sgd_first_step(student, rng):
    """SGD works on arrays of any shape, and its state is empty."""
    check_first_step(student, rng, "sgd")


@exercise("sgd", weight=2)
def test_sgd_torch(student, rng):
    """Twenty steps of SGD equal those of torch.optim.SGD."""
    check_torch(student, rng, "sgd")


@exercise("sgd", weight=0.5)
def test_sgd_float32(student, rng):
    """SGD keeps float32."""
    check_float32(student, rng, "sgd")


@exercise("sgd", weight=0.5)
def test_sgd_leaves_its_arguments_alone(student, rng):
    """SGD makes its step without changing param, grad or state in place."""
    check_leaves_alone(student, rng, "sgd")


@exercise("sgd", cpu_seconds=COST)
def test_sgd_is_quick(student, rng):
    """SGD works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "sgd")


@exercise("momentum")
def test_momentum_toy(student):
    """Under a constant gradient of 1 and μ = ½ the velocity is 1, then 1.5, then 1.75."""
    one, param, state, seen = np.array([1.0]), np.array([0.0]), {}, []
    for _ in range(3):
        param, state = student.momentum(param, one, state, learning_rate=1.0, mu=0.5)
        seen.append(float(param[0]))
    assert_close(seen, [-1.0, -2.5, -4.25], name="param, step by step", rtol=EXACT)


@exercise("momentum", weight=2)
def test_momentum_first_step(student, rng):
    """From an empty state, the velocity is the gradient."""
    check_first_step(student, rng, "momentum")


@exercise("momentum", weight=2)
def test_momentum_later_step(student, rng):
    """A later step keeps μ of the velocity, adds the gradient and moves along."""
    check_later_step(student, rng, "momentum")


@exercise("momentum", weight=2)
def test_momentum_torch(student, rng):
    """Twenty steps with momentum equal those of torch.optim.SGD."""
    check_torch(student, rng, "momentum")


@exercise("momentum", weight=0.5)
def test_momentum_defaults(student, rng):
    """Without further arguments, μ is what the docstring says."""
    check_defaults(student, rng, "momentum")


@exercise("momentum", weight=0.5)
def test_momentum_float32(student, rng):
    """Momentum keeps float32, in the parameter and in the velocity."""
    check_float32(student, rng, "momentum")


@exercise("momentum", weight=0.5)
def test_momentum_leaves_its_arguments_alone(student, rng):
    """Momentum makes its step without changing param, grad or state, and shares no memory."""
    check_leaves_alone(student, rng, "momentum")


@exercise("momentum", cpu_seconds=COST)
def test_momentum_is_quick(student, rng):
    """Momentum works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "momentum")


@exercise("nesterov")
def test_nesterov_toy(student):
    """Under a constant gradient of 1 and μ = ½ the steps are 1.5, 1.75 and 1.875."""
    one, param, state, seen = np.array([1.0]), np.array([0.0]), {}, []
    for _ in range(3):
        param, state = student.nesterov(param, one, state, learning_rate=1.0, mu=0.5)
        seen.append(float(param[0]))
    assert_close(seen, [-1.5, -3.25, -5.125], name="param, step by step", rtol=EXACT)


@exercise("nesterov", weight=2)
def test_nesterov_first_step(student, rng):
    """The first step of Nesterov goes along g + μ g, and its velocity is g."""
    check_first_step(student, rng, "nesterov")


@exercise("nesterov", weight=2)
def test_nesterov_later_step(student, rng):
    """A later step goes along the gradient plus μ times the new velocity."""
    check_later_step(student, rng, "nesterov")


@exercise("nesterov", weight=2)
def test_nesterov_torch(student, rng):
    """Twenty steps of Nesterov equal those of torch.optim.SGD with nesterov=True."""
    check_torch(student, rng, "nesterov")


@exercise("nesterov", weight=0.5)
def test_nesterov_defaults(student, rng):
    """Without further arguments, Nesterov's μ is what the docstring says."""
    check_defaults(student, rng, "nesterov")


@exercise("nesterov", weight=0.5)
def test_nesterov_float32(student, rng):
    """Nesterov keeps float32, in the parameter and in the velocity."""
    check_float32(student, rng, "nesterov")


@exercise("nesterov", weight=0.5)
def test_nesterov_leaves_its_arguments_alone(student, rng):
    """Nesterov makes its step without changing param, grad or state, and shares no memory."""
    check_leaves_alone(student, rng, "nesterov")


@exercise("nesterov", cpu_seconds=COST)
def test_nesterov_is_quick(student, rng):
    """Nesterov works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "nesterov")


@exercise("rmsprop")
def test_rmsprop_toy(student):
    """With α = ¾ the first step has the length 2 η, whatever the gradient is."""
    param, state = student.rmsprop(
        np.array([1.0, 1.0]), np.array([4.0, -0.5]), {}, learning_rate=0.25, alpha=0.75, eps=0.0
    )
    assert_close(param, np.array([0.5, 1.5]), name="param", rtol=EXACT)
    assert_close(state["s"], np.array([4.0, 0.0625]), name="the state's 's'", rtol=EXACT)


@exercise("rmsprop", weight=2)
def test_rmsprop_first_step(student, rng):
    """From an empty state, the mean square is 1 − α times the square of the gradient."""
    check_first_step(student, rng, "rmsprop")


@exercise("rmsprop", weight=2)
def test_rmsprop_later_step(student, rng):
    """A later step divides by the root of the new mean square, plus ε."""
    check_later_step(student, rng, "rmsprop")


@exercise("rmsprop", weight=2)
def test_rmsprop_torch(student, rng):
    """Twenty steps of RMSprop equal those of torch.optim.RMSprop."""
    check_torch(student, rng, "rmsprop")


@exercise("rmsprop")
def test_rmsprop_defaults(student, rng):
    """Without further arguments, α and ε are what the docstring says."""
    check_defaults(student, rng, "rmsprop")


@exercise("rmsprop", weight=0.5)
def test_rmsprop_float32(student, rng):
    """RMSprop keeps float32, in the parameter and in the mean square."""
    check_float32(student, rng, "rmsprop")


@exercise("rmsprop", weight=0.5)
def test_rmsprop_leaves_its_arguments_alone(student, rng):
    """RMSprop makes its step without changing param, grad or state, and shares no memory."""
    check_leaves_alone(student, rng, "rmsprop")


@exercise("rmsprop", cpu_seconds=COST)
def test_rmsprop_is_quick(student, rng):
    """RMSprop works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "rmsprop")


@exercise("adam")
def test_adam_toy(student):
    """Adam's first step moves every element by η against the sign of its gradient."""
    param, state = student.adam(
        np.array([1.0, 1.0]), np.array([100.0, -0.01]), {}, learning_rate=0.25, eps=0.0
    )
    assert_close(param, np.array([0.75, 1.25]), name="param", rtol=EXACT)
    assert_close(state["t"], 1, name="the state's 't'")


@exercise("adam", weight=2)
def test_adam_first_step(student, rng):
    """From an empty state, Adam counts t = 1 and keeps both means without correction."""
    check_first_step(student, rng, "adam")


@exercise("adam", weight=2)
def test_adam_later_step(student, rng):
    """A later step corrects both means by the number of steps so far."""
    check_later_step(student, rng, "adam")


@exercise("adam", weight=2)
def test_adam_torch(student, rng):
    """Twenty steps of Adam equal those of torch.optim.Adam."""
    check_torch(student, rng, "adam")


@exercise("adam")
def test_adam_defaults(student, rng):
    """Without further arguments, Adam's β₁, β₂ and ε are what the docstring says."""
    check_defaults(student, rng, "adam")


@exercise("adam", weight=0.5)
def test_adam_float32(student, rng):
    """Adam keeps float32, in the parameter and in both means."""
    check_float32(student, rng, "adam")


@exercise("adam", weight=0.5)
def test_adam_leaves_its_arguments_alone(student, rng):
    """Adam makes its step without changing param, grad or state, and shares no memory."""
    check_leaves_alone(student, rng, "adam")


@exercise("adam", cpu_seconds=COST)
def test_adam_is_quick(student, rng):
    """Adam works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "adam")


@exercise("nadam")
def test_nadam_toy(student):
    """With ψ = 0 the momentum stays at β₁/2, and the first step follows by hand."""
    param, state = student.nadam(
        np.array([1.0]), np.array([8.0]), {},
        learning_rate=0.25, beta1=0.5, beta2=0.5, eps=0.0, psi=0.0,
    )  # fmt: skip
    # μ = ¼, m = 4, v̂ = 64; (¾ / ¾ · 8 + ¼ / (15/16) · 4) / 8 = 1 + 2/15
    assert_close(param, np.array([1 - (1 + 2 / 15) / 4]), name="param", rtol=EXACT)
    assert_close(state["mu_product"], 0.25, name="the state's 'mu_product'", rtol=EXACT)


@exercise("nadam", weight=2)
def test_nadam_first_step(student, rng):
    """From an empty state, Nadam counts t = 1, and its product of momenta is μ₁."""
    check_first_step(student, rng, "nadam")


@exercise("nadam", weight=2)
def test_nadam_later_step(student, rng):
    """A later step of Nadam uses the momenta of this step and of the next."""
    check_later_step(student, rng, "nadam")


@exercise("nadam", weight=2)
def test_nadam_torch(student, rng):
    """Twenty steps of Nadam equal those of torch.optim.NAdam."""
    check_torch(student, rng, "nadam")


@exercise("nadam")
def test_nadam_defaults(student, rng):
    """Without further arguments, Nadam's β₁, β₂, ε and ψ are what the docstring says."""
    check_defaults(student, rng, "nadam")


@exercise("nadam", weight=0.5)
def test_nadam_float32(student, rng):
    """Nadam keeps float32, in the parameter and in both means."""
    check_float32(student, rng, "nadam")


@exercise("nadam", weight=0.5)
def test_nadam_leaves_its_arguments_alone(student, rng):
    """Nadam makes its step without changing param, grad or state, and shares no memory."""
    check_leaves_alone(student, rng, "nadam")


@exercise("nadam", cpu_seconds=COST)
def test_nadam_is_quick(student, rng):
    """Nadam works on whole arrays, not in a loop over weights."""
    check_cost(student, rng, "nadam")


# Initialisation


def check_draw(student, rng, name, spread, **options):
    """The weights are one draw of rng.normal with the spread that belongs to the widths."""
    for d, m in (4, 3), (1, 5), (6, 1), (3, 3):
        seed = int(rng.integers(2**32))
        w = getattr(student, name)(d, m, np.random.default_rng(seed), **options)
        draws = np.random.default_rng(seed)
        expected = np.array([[draws.normal() * spread(d, m) for _ in range(m)] for _ in range(d)])
        assert_close(w, expected, name="w", axes="DM", rtol=EXACT, sizes={"D": d, "M": m})
        kind = np.asarray(w).dtype
        assert kind == np.float64, f"w is {kind}; the docstring promises float64."


def check_spread(student, rng, name, spread):
    """The standard deviation of many weights is what it should be, and their mean is 0."""
    for d, m in (300, 200), (50, 900):
        w = getattr(student, name)(d, m, np.random.default_rng(int(rng.integers(2**32))))
        assert np.shape(w) == (d, m), f"w has the shape {np.shape(w)} for D = {d}, M = {m}."
        ratio = np.std(w) / spread(d, m)
        assert abs(ratio - 1) < 0.03, (
            f"The standard deviation of w is {ratio:.3g} times what it should be "
            f"for D = {d}, M = {m}."
        )
        assert abs(np.mean(w)) < 0.03 * spread(d, m), "The mean of w should be about 0."


@exercise("zeros_init")
def test_zeros(student, rng):
    """The weights are zeros, of shape (D, M), in float64."""
    for d, m in (4, 3), (1, 5), (3, 3):
        w = student.zeros_init(d, m, rng)
        assert_close(w, np.zeros((d, m)), name="w", axes="DM")
        assert w.dtype == np.float64, f"w is {w.dtype}; weights are real numbers, float64."


@exercise("normal_init", weight=2)
def test_normal_draw(student, rng):
    """The weights are one draw of rng.normal with the std that is given."""
    check_draw(student, rng, "normal_init", lambda d, m: 0.3, std=0.3)


@exercise("normal_init")
def test_normal_default(student, rng):
    """Without a std, it is what the docstring says, whatever the widths are."""
    check_spread(student, rng, "normal_init", lambda d, m: 0.01)
    check_draw(student, rng, "normal_init", lambda d, m: 0.01)


@exercise("xavier_init")
def test_xavier_spread(student, rng):
    """Xavier's variance depends on both widths."""
    check_spread(student, rng, "xavier_init", lambda d, m: math.sqrt(2 / (d + m)))


@exercise("xavier_init", weight=2)
def test_xavier_draw(student, rng):
    """Xavier's weights are one draw of rng.normal, of shape (D, M)."""
    check_draw(student, rng, "xavier_init", lambda d, m: math.sqrt(2 / (d + m)))


@exercise("he_init")
def test_he_spread(student, rng):
    """He's variance depends on the width of the inputs alone."""
    check_spread(student, rng, "he_init", lambda d, m: math.sqrt(2 / d))


@exercise("he_init", weight=2)
def test_he_draw(student, rng):
    """He's weights are one draw of rng.normal, of shape (D, M)."""
    check_draw(student, rng, "he_init", lambda d, m: math.sqrt(2 / d))


# Batch normalisation


def batchnorm(x, gamma, beta, mean=None, var=None, eps=1e-5):
    """Column by column; with the batch's own mean and variance unless others are given."""
    out = np.empty(x.shape)
    for d in range(x.shape[1]):
        column = [float(v) for v in x[:, d]]
        mu = sum(column) / len(column) if mean is None else mean[d]
        sigma2 = sum((v - mu) ** 2 for v in column) / len(column) if var is None else var[d]
        out[:, d] = [gamma[d] * (v - mu) / math.sqrt(sigma2 + eps) + beta[d] for v in column]
    return out


def batchnorm_case(rng, n, d):
    """x with columns of their own means and sizes, gamma, beta and running averages."""
    x = rng.standard_normal((n, d)) * rng.uniform(0.5, 3, d) + 2 * rng.standard_normal(d)
    gamma, beta = rng.uniform(0.5, 2, d) * rng.choice([-1, 1], d), rng.standard_normal(d)
    return x, gamma, beta, (rng.standard_normal(d), rng.uniform(0.5, 2, d))


def spread(x, eps):
    """√(σ² + ε) of each column, with the biased variance."""
    return np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=0) / len(x) + eps)


NORM_SIZES = [(5, 3), (2, 4), (4, 4), (9, 1)]


@exercise("batchnorm_forward")
def test_batchnorm_toy(student):
    """The column (1, 3) becomes (−1, 1), and its unbiased variance 2 is what is stored."""
    running = np.zeros(1), np.ones(1)
    out, _, (mean, var) = student.batchnorm_forward(
        np.array([[1.0], [3.0]]), np.array([2.0]), np.array([10.0]), running,
        training=True, momentum=0.5, eps=0.0,
    )  # fmt: skip
    assert_close(out, np.array([[8.0], [12.0]]), name="out", axes="ND")
    assert_close(mean, np.array([1.0]), name="the running mean", axes="D")
    assert_close(var, np.array([1.5]), name="the running variance", axes="D")


@exercise("batchnorm_forward", weight=2)
def test_batchnorm_training(student, rng):
    """In training each feature is normalised by the batch's mean and biased variance."""
    for n, d in NORM_SIZES:
        for eps in 1e-5, 0.3:
            x, gamma, beta, running = batchnorm_case(rng, n, d)
            out, _, _ = student.batchnorm_forward(x, gamma, beta, running, training=True, eps=eps)
            expected = batchnorm(x, gamma, beta, eps=eps)
            assert_close(out, expected, name="out", axes="ND", rtol=EXACT, sizes={"N": n})


@exercise("batchnorm_forward", weight=2)
def test_batchnorm_running(student, rng):
    """In training the running averages move towards the batch's mean and unbiased variance."""
    for n, d in NORM_SIZES:
        x, gamma, beta, (mean, var) = batchnorm_case(rng, n, d)
        for keep in 0.9, 0.25:
            _, _, (new_mean, new_var) = student.batchnorm_forward(
                x, gamma, beta, (mean, var), training=True, momentum=keep
            )
            batch_mean = x.sum(axis=0) / n
            batch_var = ((x - batch_mean) ** 2).sum(axis=0) / (n - 1)
            expected = keep * mean + (1 - keep) * batch_mean
            assert_close(new_mean, expected, name="the running mean", axes="D", rtol=EXACT)
            expected = keep * var + (1 - keep) * batch_var
            assert_close(
                new_var, expected, name="the running variance", axes="D", rtol=EXACT, sizes={"N": n}
            )


@exercise("batchnorm_forward", weight=2)
def test_batchnorm_evaluation(student, rng):
    """In evaluation the running averages are used and kept, and one sample is enough."""
    for n, d in *NORM_SIZES, (1, 3):
        for eps in 1e-5, 0.3:
            x, gamma, beta, (mean, var) = batchnorm_case(rng, n, d)
            out, _, after = student.batchnorm_forward(
                x, gamma, beta, (mean, var), training=False, eps=eps
            )
            expected = batchnorm(x, gamma, beta, mean, var, eps)
            assert_close(out, expected, name="out", axes="ND", rtol=EXACT)
            assert_close(after[0], mean, name="the running mean", axes="D", rtol=EXACT)
            assert_close(after[1], var, name="the running variance", axes="D", rtol=EXACT)


@exercise("batchnorm_forward", weight=2)
def test_batchnorm_torch(student, rng):
    """Three batches and an evaluation equal those of torch.nn.BatchNorm1d."""
    import torch

    _, gamma, beta, _ = batchnorm_case(rng, 6, 3)
    twin = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(gamma))
        twin.bias.copy_(torch.tensor(beta))
    running = np.zeros(3), np.ones(3)
    for training in True, True, True, False:
        x = batchnorm_case(rng, 6, 3)[0]
        twin.train(training)
        out, _, running = student.batchnorm_forward(x, gamma, beta, running, training=training)
        expected = twin(torch.tensor(x)).detach().numpy()
        assert_close(out, expected, name="out", axes="ND", rtol=EXACT, sizes={"N": 6})
        assert_close(running[0], twin.running_mean.numpy(), name="the running mean", axes="D")
        assert_close(running[1], twin.running_var.numpy(), name="the running variance", axes="D")


@exercise("batchnorm_forward")
def test_batchnorm_cache(student, rng):
    """The cache is (x_hat, std, gamma, training), in both modes."""
    for training in True, False:
        x, gamma, beta, (mean, var) = batchnorm_case(rng, 5, 3)
        _, (x_hat, std, cached, mode), _ = student.batchnorm_forward(
            x, gamma, beta, (mean, var), training=training, eps=0.1
        )
        expected = spread(x, 0.1) if training else np.sqrt(var + 0.1)
        centre = x.sum(axis=0) / 5 if training else mean
        assert_close(std, expected, name="std in the cache", axes="D")
        assert_close(x_hat, (x - centre) / expected, name="x_hat in the cache", axes="ND")
        assert_close(cached, gamma, name="gamma in the cache", axes="D")
        assert bool(mode) is training, "The last item of the cache is the mode, True in training."


@exercise("batchnorm_forward")
def test_batchnorm_refuses_one_sample(student, rng):
    """In training a single sample is refused with a ValueError, and two are not."""
    x, gamma, beta, running = batchnorm_case(rng, 2, 3)
    student.batchnorm_forward(x, gamma, beta, running, training=True)
    assert_raises(
        "ValueError",
        lambda: student.batchnorm_forward(x[:1], gamma, beta, running, training=True),
        "Batch normalisation of a single sample in training should raise ValueError.",
    )


@exercise("batchnorm_forward", weight=0.5)
def test_batchnorm_float32(student, rng):
    """Batch normalisation keeps float32, in its output and in its running averages."""
    x, gamma, beta, running = single(batchnorm_case(rng, 6, 3))
    for training in True, False:
        out, _, after = student.batchnorm_forward(x, gamma, beta, running, training=training)
        expected = batchnorm(x, gamma, beta, *(() if training else running))
        assert_float32(out, expected, name="out", axes="ND", rtol=1e-5)
        for value in after:
            assert value.dtype == np.float32, f"A running average is {value.dtype}: keep float32."


@exercise("batchnorm_forward", weight=0.5)
def test_batchnorm_leaves_its_arguments_alone(student, rng):
    """Batch normalisation changes neither x nor gamma, beta or the running averages."""
    x, gamma, beta, running = batchnorm_case(rng, 5, 3)
    out, _, _ = student.batchnorm_forward(x, gamma, beta, running, training=True)
    assert_close(out, batchnorm(x, gamma, beta), name="out", axes="ND")
    for training in True, False:
        assert_unchanged(student, "batchnorm_forward", x, gamma, beta, running, training=training)


@exercise("batchnorm_forward", weight=2, cpu_seconds=COST)
def test_batchnorm_is_quick(student, rng):
    """Batch normalisation works on the whole batch, without a loop over samples or features."""
    for n, d in (MANY // 2, 2), (2, MANY // 10):
        x, gamma, beta, running = batchnorm_case(rng, n, d)
        out, _, _ = student.batchnorm_forward(x, gamma, beta, running, training=True)
        assert np.shape(out) == (n, d), f"out has the shape {np.shape(out)} for N = {n}, D = {d}."
        expected = batchnorm(x[:, :2], gamma[:2], beta[:2])
        assert_close(out[:3, :2], expected[:3], name="the corner of out", axes="ND")


def batchnorm_backward(rng, n, d, training, eps=1e-5):
    """The backward pass of a random batch, with the cache that belongs to it."""
    x, gamma, beta, (mean, var) = batchnorm_case(rng, n, d)
    dout = rng.standard_normal((n, d))
    std = spread(x, eps) if training else np.sqrt(var + eps)
    x_hat = (x - (x.sum(axis=0) / n if training else mean)) / std
    fixed = () if training else (mean, var)
    return Case.backward(
        "batchnorm_backward",
        lambda x, gamma, beta: batchnorm(x, gamma, beta, *fixed, eps=eps),
        (x, gamma, beta),
        dout,
        (x_hat, std, gamma, training),
        {"N": n},
        dx="ND",
        dgamma="D",
        dbeta="D",
    )


@exercise("batchnorm_backward")
def test_batchnorm_backward_toy(student):
    """In evaluation dx is dout γ / std; dγ sums dout x̂, and dβ sums dout, over the batch."""
    cache = np.array([[1.0], [2.0]]), np.array([4.0]), np.array([2.0]), False
    dx, dgamma, dbeta = student.batchnorm_backward(np.array([[3.0], [5.0]]), cache)
    assert_close(dx, np.array([[1.5], [2.5]]), name="dx", axes="ND")
    assert_close(dgamma, np.array([13.0]), name="dgamma", axes="D")
    assert_close(dbeta, np.array([8.0]), name="dbeta", axes="D")


@exercise("batchnorm_backward", weight=3)
def test_batchnorm_dx_training(student, rng):
    """In training dx counts what x does through the mean and the variance of the batch."""
    for n, d in NORM_SIZES:
        assert_gives(student, batchnorm_backward(rng, n, d, True, eps=0.1), "dx")


@exercise("batchnorm_backward", weight=2)
def test_batchnorm_dx_evaluation(student, rng):
    """In evaluation mean and variance are constants, also for a single sample."""
    for n, d in *NORM_SIZES, (1, 3):
        assert_gives(student, batchnorm_backward(rng, n, d, False), "dx")


@exercise("batchnorm_backward", weight=2)
def test_batchnorm_dgamma(student, rng):
    """dgamma sums dout x̂ over the batch, in both modes."""
    for n, d in NORM_SIZES:
        for training in True, False:
            assert_gives(student, batchnorm_backward(rng, n, d, training), "dgamma")


@exercise("batchnorm_backward")
def test_batchnorm_dbeta(student, rng):
    """dbeta sums dout over the batch, in both modes."""
    for n, d in NORM_SIZES:
        for training in True, False:
            assert_gives(student, batchnorm_backward(rng, n, d, training), "dbeta")


@exercise("batchnorm_backward", weight=2)
def test_batchnorm_backward_torch(student, rng):
    """All three gradients equal those of torch.nn.functional.batch_norm."""
    import torch

    for training in True, False:
        x, gamma, beta, running = batchnorm_case(rng, 7, 4)
        dout = rng.standard_normal((7, 4))
        tensors = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
        mean, var = (torch.tensor(a) for a in running)
        out = torch.nn.functional.batch_norm(
            tensors[0], mean, var, tensors[1], tensors[2], training=training, eps=1e-3
        )
        out.backward(torch.tensor(dout))
        std = spread(x, 1e-3) if training else np.sqrt(running[1] + 1e-3)
        x_hat = (x - (x.sum(axis=0) / 7 if training else running[0])) / std
        made = student.batchnorm_backward(dout, (x_hat, std, gamma, training))
        for name, axes, value, tensor in zip(
            ("dx", "dgamma", "dbeta"), ("ND", "D", "D"), made, tensors, strict=True
        ):
            assert_close(value, tensor.grad.numpy(), name=name, axes=axes, rtol=1e-10)


@exercise("batchnorm_backward", weight=0.5)
def test_batchnorm_backward_float32(student, rng):
    """The gradients of batch normalisation keep float32."""
    for training in True, False:
        assert_keeps_float32(student, batchnorm_backward(rng, 5, 3, training), rtol=1e-5)


@exercise("batchnorm_backward", weight=0.5)
def test_batchnorm_backward_leaves_its_arguments_alone(student, rng):
    """The backward pass changes neither dout nor the cache."""
    for training in True, False:
        assert_leaves_inputs_alone(student, batchnorm_backward(rng, 5, 3, training))


@exercise("batchnorm_backward", weight=2, cpu_seconds=COST)
def test_batchnorm_backward_is_quick(student, rng):
    """The backward pass works on the whole batch: no loops, and no matrix of N by N."""
    for n, d in (MANY // 2, 2), (3, MANY // 10):
        x, gamma, _, _ = batchnorm_case(rng, n, d)
        std, dout = spread(x, 0.1), rng.standard_normal((n, d))
        x_hat = (x - x.sum(axis=0) / n) / std
        dx, dgamma, dbeta = student.batchnorm_backward(dout, (x_hat, std, gamma, True))
        assert np.shape(dx) == (n, d), f"dx has the shape {np.shape(dx)} for N = {n}, D = {d}."
        for i in 0, 1:
            g, h = dout[:, i].tolist(), x_hat[:, i].tolist()
            products = [a * b for a, b in zip(g, h, strict=True)]
            assert_close(float(dbeta[i]), math.fsum(g), name="an element of dbeta")
            assert_close(float(dgamma[i]), math.fsum(products), name="an element of dgamma")
            mean, slope = math.fsum(g) / n, math.fsum(products) / n
            expected = gamma[i] / std[i] * (dout[:3, i] - mean - slope * x_hat[:3, i])
            assert_close(dx[:3, i], expected, name="the corner of dx", axes="N")


# Dropout and penalties


def dropout_forward(x, u, p, training=True, axes=None):
    keep = lambda v: 1 / (1 - p) if v >= p else 0.0  # noqa: E731
    factors = each(keep, u) if training else np.ones(x.shape)
    out, cache = Right(x * factors, axes, EXACT), Right(factors, axes, EXACT)
    return Case("dropout_forward", (x, u, p), {"training": training}, out=out, cache=cache)


def dropout_backward(x, u, p, dout):
    factors = dropout_forward(x, u, p).cache
    return Case.backward("dropout_backward", lambda v: v * factors, (x,), dout, factors, dx="ND")


@exercise("dropout")
def test_dropout_toy(student):
    """With p = ½ what is kept is doubled, and u = p is kept."""
    x, u = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.5, 0.49, 0.9])
    out, cache = student.dropout_forward(x, u, 0.5, training=True)
    assert_close(out, np.array([0.0, 4.0, 0.0, 8.0]), name="out", axes="N")
    assert_close(cache, np.array([0.0, 2.0, 0.0, 2.0]), name="cache", axes="N")


@exercise("dropout", weight=2)
def test_dropout_training(student, rng):
    """In training x is kept where u ≥ p, scaled by 1/(1 − p), and 0 elsewhere."""
    for shape, p in ((7,), 0.3), ((4, 5), 0.8), ((2, 3, 4), 0.1), ((3, 3), 0.0):
        case = dropout_forward(rng.standard_normal(shape), rng.random(shape), p)
        assert_gives(student, case, "out", "cache")


@exercise("dropout")
def test_dropout_evaluation(student, rng):
    """In evaluation nothing is dropped or scaled, with or without u: all factors are 1."""
    x = rng.standard_normal((4, 5))
    for u in rng.random((4, 5)), None:
        case = dropout_forward(x, u, 0.4, training=False, axes="ND")
        assert_gives(student, case, "out", "cache")


@exercise("dropout", weight=2)
def test_dropout_gradient(student, rng):
    """The gradient goes through what was kept, with the same factor."""
    for p in 0.3, 0.8:
        x, u, dout = rng.standard_normal((4, 5)), rng.random((4, 5)), rng.standard_normal((4, 5))
        assert_gives(student, dropout_backward(x, u, p, dout))


@exercise("dropout", weight=0.5)
def test_dropout_float32(student, rng):
    """Dropout and its gradient keep float32, though u is float64."""
    x, u = rng.standard_normal((4, 5)).astype(np.float32), rng.random((4, 5))
    for training in True, False:
        out, cache = student.dropout_forward(x, u, 0.3, training=training)
        factors = np.where(u >= 0.3, 1 / 0.7, 0.0) if training else np.ones((4, 5))
        assert_float32(out, x * factors, name="out", axes="ND")
        assert_float32(cache, factors, name="cache", axes="ND")
    dx = student.dropout_backward(x, factors.astype(np.float32))
    assert_float32(dx, x * factors, name="dx", axes="ND")


@exercise("dropout", weight=0.5)
def test_dropout_leaves_its_arguments_alone(student, rng):
    """Dropout changes neither x, nor u, nor dout, nor the cache."""
    x, u = rng.standard_normal((4, 5)), rng.random((4, 5))
    modes = (dropout_forward(x, u, 0.3, training, "ND") for training in (True, False))
    assert_leaves_inputs_alone(student, *modes, dropout_backward(x, u, 0.3, x))


@exercise("dropout", cpu_seconds=COST)
def test_dropout_is_quick(student, rng):
    """Dropout works on the whole array, without a loop over its elements."""
    x, u = rng.standard_normal(MANY), rng.random(MANY)
    out, cache = student.dropout_forward(x, u, 0.25, training=True)
    pairs = zip(x[-9:], u[-9:], strict=True)
    expected = np.array([a * 4 / 3 if b >= 0.25 else 0.0 for a, b in pairs])
    assert_close(out[-9:], expected, name="the end of out", axes="N")
    dx = student.dropout_backward(x, cache)
    assert_close(dx[-9:], expected, name="the end of dx", axes="N")


def check_penalty(student, rng, name, value_of, slope_of):
    f = getattr(student, name)
    for shape, lam in ((6,), 0.3), ((3, 4), 2.5), ((2, 1, 3), 0.01), ((1, 1), 1.0):
        w = rng.uniform(0.2, 2, shape) * rng.choice([-1, 1], shape)
        value, dw = f(w, lam)
        numbers = [float(v) for v in w.ravel()]
        expected = lam * sum(map(value_of, numbers))
        assert_close(value, expected, name="value", rtol=EXACT, sizes={"size": w.size})
        total = lambda v, c=lam: c * sum(value_of(float(a)) for a in v.ravel())  # noqa: E731
        assert_close(dw, numerical_gradient(total, w), name="dw", rtol=1e-7)
    w = np.array([0.0, -1.5, 2.0])
    assert_close(f(w, 0.5)[1], 0.5 * np.array(list(map(slope_of, w))), name="dw at 0")


def penalty(name, w, lam, value_of, slope_of):
    value = lam * sum(map(value_of, w.ravel().tolist()))
    return Case(name, (w, lam), value=Right(value), dw=Right(lam * each(slope_of, w), "DM"))


def check_penalty_cost(student, rng, name, value_of, slope_of):
    w = rng.standard_normal(MANY)
    value, dw = getattr(student, name)(w, 0.2)
    assert_close(value, 0.2 * math.fsum(map(value_of, w.tolist())), name="value")
    assert_close(dw[-9:], 0.2 * np.array(list(map(slope_of, w[-9:]))), name="the end of dw")


L1 = (abs, lambda v: float(v > 0) - float(v < 0))
L2 = (lambda v: v * v / 2, lambda v: v)


@exercise("l1_penalty")
def test_l1_toy(student):
    """The L1 penalty of (3, −4) with λ = 2 is 14, its gradient (2, −2)."""
    value, dw = student.l1_penalty(np.array([3.0, -4.0]), 2.0)
    assert_close(value, 14.0, name="value", rtol=EXACT)
    assert_close(dw, np.array([2.0, -2.0]), name="dw", rtol=EXACT)


@exercise("l1_penalty", weight=3)
def test_l1_random(student, rng):
    """The L1 penalty sums over all elements; its gradient is ±λ, and 0 at 0."""
    check_penalty(student, rng, "l1_penalty", *L1)


@exercise("l1_penalty", weight=0.5)
def test_l1_float32(student, rng):
    """The gradient of the L1 penalty keeps float32."""
    w = rng.standard_normal((5, 4))
    assert_keeps_float32(student, penalty("l1_penalty", w, 0.3, *L1))


@exercise("l1_penalty", weight=0.5)
def test_l1_leaves_its_arguments_alone(student, rng):
    """The L1 penalty is right and leaves w as it was."""
    w = rng.standard_normal((3, 4))
    assert_leaves_inputs_alone(student, penalty("l1_penalty", w, 0.3, *L1))


@exercise("l1_penalty", cpu_seconds=COST / 2)
def test_l1_is_quick(student, rng):
    """The L1 penalty works on the whole array, without a loop over weights."""
    check_penalty_cost(student, rng, "l1_penalty", *L1)


@exercise("l2_penalty")
def test_l2_toy(student):
    """The L2 penalty of (3, −4) with λ = 2 is 25, its gradient (6, −8)."""
    value, dw = student.l2_penalty(np.array([3.0, -4.0]), 2.0)
    assert_close(value, 25.0, name="value", rtol=EXACT)
    assert_close(dw, np.array([6.0, -8.0]), name="dw", rtol=EXACT)


@exercise("l2_penalty", weight=3)
def test_l2_random(student, rng):
    """The L2 penalty is half the sum of all squares; its gradient is λ w."""
    check_penalty(student, rng, "l2_penalty", *L2)


@exercise("l2_penalty", weight=0.5)
def test_l2_float32(student, rng):
    """The gradient of the L2 penalty keeps float32."""
    w = rng.standard_normal((5, 4))
    assert_keeps_float32(student, penalty("l2_penalty", w, 0.3, *L2))


@exercise("l2_penalty", weight=0.5)
def test_l2_leaves_its_arguments_alone(student, rng):
    """The L2 penalty is right and leaves w as it was."""
    w = rng.standard_normal((3, 4))
    assert_leaves_inputs_alone(student, penalty("l2_penalty", w, 0.3, *L2))


@exercise("l2_penalty", cpu_seconds=COST / 2)
def test_l2_is_quick(student, rng):
    """The L2 penalty works on the whole array, without a loop over weights."""
    check_penalty_cost(student, rng, "l2_penalty", *L2)


# Confusion matrix and report


def assert_counts(matrix, expected):
    """A matrix of whole numbers."""
    assert np.asarray(matrix).dtype.kind in "iu", (
        f"The matrix holds {np.asarray(matrix).dtype}; counts are whole numbers."
    )
    if np.max(expected) > 1:
        assert not np.array_equal(matrix, np.minimum(expected, 1)), (
            "Each pair of classes is counted at most once, though some occur more often. "
            "(An indexed += visits a repeated index only one time.)"
        )
    assert_close(matrix, np.array(expected), name="matrix", axes="CC")


def counted(target, predicted, c):
    """How often each pair of classes occurs."""
    pairs = list(zip(target.tolist(), predicted.tolist(), strict=True))
    return [[pairs.count((i, j)) for j in range(c)] for i in range(c)]


@exercise("confusion_matrix")
def test_confusion_toy(student):
    """Rows are the truth, columns the predictions."""
    matrix = student.confusion_matrix(np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 1, 0]), 3)
    assert_counts(matrix, [[1, 2, 0], [0, 1, 0], [1, 0, 0]])


@exercise("confusion_matrix", weight=2)
def test_confusion_random(student, rng):
    """Each sample counts once, at its true and its predicted class."""
    for n, c in (40, 4), (7, 7), (1, 3), (300, 2), (5, 1):
        target, predicted = rng.integers(0, c, (2, n))
        matrix = student.confusion_matrix(target, predicted, c)
        assert_counts(matrix, counted(target, predicted, c))


@exercise("confusion_matrix")
def test_confusion_with_absent_classes(student, rng):
    """Classes that nobody saw have empty rows and columns."""
    target, predicted = rng.integers(1, 3, (2, 30))
    matrix = student.confusion_matrix(target, predicted, 6)
    assert_counts(matrix, counted(target, predicted, 6))


@exercise("confusion_matrix")
def test_confusion_sklearn(student, rng):
    """The matrix equals scikit-learn's."""
    from sklearn.metrics import confusion_matrix

    target, predicted = rng.integers(0, 5, (2, 200))
    expected = confusion_matrix(target, predicted, labels=range(5))
    assert_counts(student.confusion_matrix(target, predicted, 5), expected)


@exercise("confusion_matrix", weight=0.5)
def test_confusion_leaves_its_arguments_alone(student, rng):
    """The counts are right, and target and predicted stay as they were."""
    target, predicted = rng.integers(0, 3, (2, 10))
    matrix = student.confusion_matrix(target, predicted, 3)
    assert_counts(matrix, counted(target, predicted, 3))
    assert_unchanged(student, "confusion_matrix", target, predicted, 3)


def naive_report(matrix):
    """The report from the list of samples, by counting."""
    c = len(matrix)
    pairs = [(i, j) for i in range(c) for j in range(c) for _ in range(matrix[i][j])]
    rows = {"precision": [], "recall": [], "f1": []}
    support = []
    for k in range(c):
        hits = sum(i == k and j == k for i, j in pairs)
        named = sum(j == k for _, j in pairs)
        there = sum(i == k for i, _ in pairs)
        precision = hits / named if named else 0.0
        recall = hits / there if there else 0.0
        both = precision + recall
        rows["precision"].append(precision)
        rows["recall"].append(recall)
        rows["f1"].append(2 * precision * recall / both if both else 0.0)
        support.append(there)
    n = len(pairs)
    weighted = {
        name: sum(v * s for v, s in zip(values, support, strict=True)) / n
        for name, values in rows.items()
    }
    return {
        **{name: np.array(values) for name, values in rows.items()},
        "support": np.array(support),
        "accuracy": sum(i == j for i, j in pairs) / n,
        "macro": {name: sum(values) / c for name, values in rows.items()},
        "weighted": weighted,
    }


REPORTED = ["precision", "recall", "f1", "support", "accuracy", "macro", "weighted"]


def matrices(rng):
    """Confusion matrices of several sizes, some with classes never seen or never named."""
    for c in 2, 3, 5:
        yield rng.integers(1, 9, (c, c))
    absent = rng.integers(1, 9, (4, 4))
    absent[1] = 0
    yield absent
    unnamed = rng.integers(1, 9, (4, 4))
    unnamed[:, 2] = 0
    yield unnamed
    empty = rng.integers(1, 9, (4, 4))
    empty[3], empty[:, 3] = 0, 0
    yield empty
    yield np.array([[0, 3], [2, 0]])
    yield np.array([[1, 0], [2, 3]])
    yield np.array([[1, 2], [0, 3]])
    yield np.array([[7]])


def check_report(student, rng, *names):
    for matrix in matrices(rng):
        report = student.classification_report(matrix)
        expected = naive_report(matrix.tolist())
        for name in names:
            axes = "C" if name in ("precision", "recall", "f1", "support") else None
            assert_close(report[name], expected[name], name=name, axes=axes, rtol=EXACT)


@exercise("classification_report")
def test_report_toy(student):
    """Of two classes, 1 hit of 3 named and 1 of 2 there give ⅓, ½ and 0.4."""
    report = student.classification_report(np.array([[1, 1], [2, 4]]))
    assert_close(report["precision"], np.array([1 / 3, 4 / 5]), name="precision", axes="C")
    assert_close(report["recall"], np.array([1 / 2, 2 / 3]), name="recall", axes="C")
    assert_close(report["f1"], np.array([2 / 5, 8 / 11]), name="f1", axes="C")
    assert_close(report["accuracy"], 5 / 8, name="accuracy")


@exercise("classification_report")
def test_report_keys(student, rng):
    """The report has exactly the keys of the docstring, and so have its averages."""
    report = student.classification_report(rng.integers(1, 9, (3, 3)))
    assert set(report) == set(REPORTED), f"The keys should be {', '.join(REPORTED)}."
    for name in "macro", "weighted":
        assert set(report[name]) == set(REPORTED[:3]), (
            f"{name} should have the keys {', '.join(REPORTED[:3])}."
        )
    assert report["support"].dtype.kind in "iu", "The support counts samples: whole numbers."


@exercise("classification_report", weight=2)
def test_report_scores(student, rng):
    """Precision goes by columns, recall by rows, and 0 / 0 counts as 0."""
    check_report(student, rng, "precision", "recall", "support")


@exercise("classification_report", weight=2)
def test_report_f1(student, rng):
    """F1 is the harmonic mean of precision and recall, and 0 where nothing was hit."""
    check_report(student, rng, "f1")


@exercise("classification_report", weight=2)
def test_report_averages(student, rng):
    """Macro averages count each class alike, weighted ones by its support."""
    check_report(student, rng, "accuracy", "macro", "weighted")


@exercise("classification_report", weight=2)
def test_report_sklearn(student, rng):
    """The report equals scikit-learn's."""
    from sklearn.metrics import classification_report

    for matrix in matrices(rng):
        c = len(matrix)
        if c == 1:
            continue
        pairs = [(i, j) for i in range(c) for j in range(c) for _ in range(matrix[i, j])]
        target, predicted = map(list, zip(*pairs, strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = classification_report(
                target, predicted, labels=range(c), output_dict=True, zero_division=0
            )
        names = dict(zip(REPORTED[:3], ("precision", "recall", "f1-score"), strict=True))
        report = student.classification_report(matrix)
        for name, label in names.items():
            expected = np.array([theirs[str(k)][label] for k in range(c)])
            assert_close(report[name], expected, name=name, axes="C", rtol=EXACT)
            for kind in "macro", "weighted":
                expected = theirs[f"{kind} avg"][label]
                assert_close(report[kind][name], expected, name=f"{kind} {name}", rtol=EXACT)


@exercise("classification_report", weight=0.5)
def test_report_leaves_its_argument_alone(student, rng):
    """The report is right and leaves the matrix as it was."""
    matrix = rng.integers(1, 9, (3, 3))
    report = student.classification_report(matrix)
    assert_close(report["f1"], naive_report(matrix.tolist())["f1"], name="f1", axes="C")
    assert_unchanged(student, "classification_report", matrix)


# The Hessian

#: The gradient of a network with two inputs, three tanh units and one output, by hand.
NETWORK = """
X = np.array({x})
Y = np.array({y})

def gradient(theta):
    w, b, v, c = theta[:6].reshape(2, 3), theta[6:9], theta[9:12], theta[12]
    h = np.tanh(X @ w + b)
    error = 2 * (h @ v + c - Y) / len(Y)
    dz = np.outer(error, v) * (1 - h * h)
    parts = (X.T @ dz).ravel(), dz.sum(axis=0), h.T @ error, [error.sum()]
    return np.concatenate(parts)
"""


def network_hessian(x, y, theta):
    """Its exact Hessian, by torch."""
    import torch

    x, y = torch.tensor(x), torch.tensor(y)

    def loss(p):
        h = torch.tanh(x @ p[:6].reshape(2, 3) + p[6:9])
        return ((h @ p[9:12] + p[12] - y) ** 2).mean()

    return torch.autograd.functional.hessian(loss, torch.tensor(theta)).numpy()


QUADRATIC = "lambda p: np.array({matrix}) @ p + 1.0"
#: A field that is no gradient: its Jacobian [[1, 4], [0, 1]] is not symmetric.
SHEAR = Expression("lambda p: np.array([p[0] + 4 * p[1], p[1]])")


@exercise("hessian")
def test_hessian_toy(student):
    """The Hessian of x² y at (1, 3) is ((6, 2), (2, 0))."""
    slope = Expression("lambda p: np.array([2 * p[0] * p[1], p[0] ** 2])")
    expected = np.array([[6.0, 2.0], [2.0, 0.0]])
    assert_close(student.hessian(slope, np.array([1.0, 3.0])), expected, name="hessian", axes="PP")


@exercise("hessian", weight=2)
def test_hessian_of_a_parabola(student, rng):
    """The Hessian of a quadratic form is its matrix, in any dimension."""
    for p in 1, 2, 5:
        a = rng.standard_normal((p, p))
        slope = Expression(QUADRATIC.format(matrix=(a + a.T).tolist()))
        theta = rng.standard_normal(p)
        assert_close(student.hessian(slope, theta), a + a.T, name="hessian", axes="PP")


@exercise("hessian", weight=3)
def test_hessian_of_a_network(student, rng):
    """The Hessian of a small network equals the exact one."""
    x, y, theta = rng.standard_normal((8, 2)), rng.standard_normal(8), rng.standard_normal(13)
    slope = Expression(NETWORK.format(x=x.tolist(), y=y.tolist()), "gradient")
    expected = network_hessian(x, y, theta)
    assert_close(student.hessian(slope, theta), expected, name="hessian", axes="PP", rtol=1e-8)


@exercise("hessian")
def test_hessian_is_symmetric(student, rng):
    """What comes out is symmetric to the last digit: the mean of both triangles."""
    found = student.hessian(SHEAR, rng.standard_normal(2))
    assert_close(found, np.array([[1.0, 2.0], [2.0, 1.0]]), name="hessian", axes="PP")
    x, y, theta = rng.standard_normal((8, 2)), rng.standard_normal(8), rng.standard_normal(13)
    slope = Expression(NETWORK.format(x=x.tolist(), y=y.tolist()), "gradient")
    found = student.hessian(slope, theta)
    assert np.array_equal(found, found.T), "The matrix is not exactly symmetric."


@exercise("hessian")
def test_hessian_step(student):
    """The differences are central, with the step h that is given."""
    slope = Expression("lambda p: p ** 3 + p ** 2")
    found = student.hessian(slope, np.array([1.0, -2.0]), h=0.5)
    # ((t + h)³ − (t − h)³) / 2h = 3 t² + h², and the square adds 2 t.
    assert_close(found, np.diag([5.25, 8.25]), name="hessian", axes="PP", rtol=EXACT)


@exercise("hessian", weight=0.5)
def test_hessian_default_step(student):
    """Without an h, the step is what the docstring says."""
    slope = Expression("lambda p: np.sin(1e5 * p)")
    found = student.hessian(slope, np.array([0.0]))
    assert_close(found, np.array([[math.sin(1.0) / 1e-5]]), name="hessian", axes="PP", rtol=1e-9)


@exercise("hessian", weight=0.5)
def test_hessian_leaves_theta_alone(student, rng):
    """The Hessian is right and theta stays where it was."""
    theta, slope = rng.standard_normal(3), Expression("lambda p: p ** 2")
    assert_close(student.hessian(slope, theta), np.diag(2 * theta), name="hessian", axes="PP")
    lent = Lent(student, theta=theta)
    student.hessian(slope, lent["theta"])
    lent.assert_unchanged("hessian changes {} in place.")


def rotated(rng, eigenvalues):
    """A symmetric matrix with these eigenvalues, in a random basis."""
    basis, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))
    matrix = basis @ np.diag(eigenvalues) @ basis.T
    return (matrix + matrix.T) / 2


def assert_kind(student, matrix, expected, what, **options):
    kind = student.critical_point(matrix, **options)
    assert kind == expected, f"{what} should give {expected!r}, not {kind!r}."


@exercise("critical_point")
def test_critical_toy(student):
    """x² + y² has a minimum, −x² − y² a maximum, x² − y² a saddle at 0."""
    assert_kind(student, np.diag([2.0, 2.0]), "minimum", "Two positive eigenvalues")
    assert_kind(student, np.diag([-2.0, -2.0]), "maximum", "Two negative eigenvalues")
    assert_kind(student, np.diag([2.0, -2.0]), "saddle", "One of each sign")


@exercise("critical_point", weight=2)
def test_critical_random(student, rng):
    """The signs of the eigenvalues decide, not those of the entries."""
    for p in 2, 3, 6:
        sizes = rng.uniform(0.1, 3, p)
        for matrix, kind in (
            (rotated(rng, sizes), "minimum"),
            (rotated(rng, -sizes), "maximum"),
            (rotated(rng, sizes * np.where(np.arange(p) == 0, -1, 1)), "saddle"),
            (rotated(rng, sizes * np.where(np.arange(p) == 0, 1, -1)), "saddle"),
        ):
            assert_kind(student, matrix, kind, f"A {kind} in {p} dimensions")
    for value, kind in (3.0, "minimum"), (-3.0, "maximum"):
        assert_kind(student, np.array([[value]]), kind, "One dimension")
    assert_kind(student, np.array([[1.0, 2.0], [2.0, 1.0]]), "saddle", "Eigenvalues 3 and −1")


@exercise("critical_point", weight=2)
def test_critical_zeros(student, rng):
    """Zeros beside one sign are degenerate; beside both signs they are a saddle."""
    for eigenvalues, kind in (
        ([0.0, 1.0, 2.0], "degenerate"),
        ([0.0, -1.0, -2.0], "degenerate"),
        ([0.0, -1.0, 2.0], "saddle"),
        ([1e-9, 1.0, 2.0], "degenerate"),
        ([-1e-9, 1.0, 2.0], "degenerate"),
        ([1e-9, -1.0, -2.0], "degenerate"),
        ([-1e-9, -1.0, 2.0], "saddle"),
    ):
        said = ", ".join(f"{v:g}" for v in eigenvalues)
        assert_kind(student, rotated(rng, np.array(eigenvalues)), kind, f"Eigenvalues {said}")
    assert_kind(student, np.zeros((2, 2)), "degenerate", "A Hessian of zeros")
    assert_kind(student, np.zeros((1, 1)), "degenerate", "A zero in one dimension")
    assert_kind(student, np.diag([1.0, 0.0]), "degenerate", "Eigenvalues 1 and 0")
    assert_kind(student, np.diag([-1.0, 0.0]), "degenerate", "Eigenvalues −1 and 0")


@exercise("critical_point", weight=2)
def test_critical_tolerance(student, rng):
    """What counts as zero is relative to the largest eigenvalue in size, of whatever sign."""
    for scale in 1e-8, 1e8:
        matrix = scale * np.diag([1.0, 0.5])
        assert_kind(student, matrix, "minimum", f"Eigenvalues about {scale:g}")
        assert_kind(student, -matrix, "maximum", f"Eigenvalues about −{scale:g}")
        assert_kind(student, scale * np.diag([-1.0, 1e-7]), "degenerate", "A ratio of 1e-7")
        assert_kind(student, scale * np.diag([-1.0, 1e-5]), "saddle", "A ratio of 1e-5")
        assert_kind(student, scale * np.diag([-1e-5, 1.0]), "saddle", "A ratio of −1e-5")
    loose = {"tolerance": 0.25}
    assert_kind(student, np.diag([4.0, 1.0]), "degenerate", "|λ| = tolerance · max |λ|", **loose)
    assert_kind(student, np.diag([-4.0, -1.0]), "degenerate", "|λ| = tolerance · max |λ|", **loose)
    assert_kind(student, np.diag([-4.0, 1.0]), "degenerate", "|λ| = tolerance · max |λ|", **loose)
    assert_kind(student, np.diag([4.0, -1.0]), "degenerate", "|λ| = tolerance · max |λ|", **loose)
    assert_kind(student, np.diag([4.0, 1.5]), "minimum", "Two above the tolerance", **loose)


@exercise("critical_point", weight=0.5)
def test_critical_leaves_its_argument_alone(student, rng):
    """The kind is right and the matrix stays as it was."""
    matrix = rotated(rng, np.array([1.0, -2.0, 3.0]))
    assert_kind(student, matrix, "saddle", "Both signs")
    assert_unchanged(student, "critical_point", matrix)
