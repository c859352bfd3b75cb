"""Checks of `optimization` on fixed inputs: what `check("…")` runs. The grader tests more."""

import math

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import (
    Expression,
    assert_close,
    assert_raises,
    assert_unchanged,
    evaluated,
    exercise,
)

START = np.array([1.5, -0.8])
PARAM = np.array([[0.42, -1.31, 0.77], [2.05, -0.16, -0.93]])
GRADS = [
    np.array([[0.85, -0.34, 0.0], [-1.72, 0.06, 2.4]]),
    np.array([[-0.51, 0.93, 0.27], [-0.64, 1.18, -3.1]]),
    np.array([[0.12, -1.45, -0.68], [0.39, -0.02, 0.75]]),
]
BOWL = Expression("lambda point: np.array([4.0, 0.5]) * point")


# Gradient descent and mini-batches


@exercise("gradient_descent")
def test_descent_path(student):
    """Each point of the walk lies η times the gradient below the one before."""
    path = student.gradient_descent(BOWL, START, learning_rate=0.1, steps=3)
    expected = np.array([[1.5 * 0.6**t, -0.8 * 0.95**t] for t in range(4)])
    assert_close(path, expected, name="path")


@exercise("gradient_descent")
def test_descent_without_a_step(student):
    """Without a step, the path is the start alone."""
    path = student.gradient_descent(BOWL, START, learning_rate=0.1, steps=0)
    assert_close(path, START[None], name="path")


ROWS = np.arange(10)[:, None] * np.array([[1.0, -0.7]]) + np.array([[0.25, 0.5]])
NAMES = 100 * np.arange(10)
LIST = Expression("lambda batches: [(x, y) for x, y in batches]")


def batches_of(student, size):
    made = student.minibatches(ROWS, NAMES, size, np.random.default_rng(5))
    return evaluated(student, LIST)(made)


@exercise("minibatches")
def test_batch_sizes(student):
    """Ten samples make batches of 4, 4 and 2: the last one is not lost."""
    sizes = [len(x) for x, _ in batches_of(student, 4)]
    assert sizes == [4, 4, 2], f"Ten samples in batches of 4 come as {sizes}, not as [4, 4, 2]."


@exercise("minibatches")
def test_batches_keep_pairs(student):
    """Each input stays with its own target."""
    for x, y in batches_of(student, 4):
        assert_close(y, 100 * np.floor(x[:, 0]).astype(int), name="the targets of a batch")


@exercise("minibatches")
def test_batches_are_shuffled(student):
    """The samples come in the order of one rng.permutation(N), each exactly once."""
    rows = np.concatenate([x for x, _ in batches_of(student, 3)])
    assert_close(rows, ROWS[np.random.default_rng(5).permutation(10)], name="all batches together")


# Optimisers, worked out for one number after the other


def steps_of(student, name, **hyper):
    """The parameter after each of three steps, and the last state."""
    param, state, seen = PARAM, {}, []
    for grad in GRADS:
        param, state = getattr(student, name)(param, grad, state, learning_rate=0.05, **hyper)
        seen.append(param)
    return seen, state


def expected_steps(move, **start):
    """The same by a scalar rule, move(g, memory) -> step, which changes its memory."""
    seen = [np.empty_like(PARAM) for _ in GRADS]
    memories = {}
    for index in np.ndindex(PARAM.shape):
        value, memory = float(PARAM[index]), dict(start)
        for t, grad in enumerate(GRADS):
            value -= 0.05 * move(float(grad[index]), memory)
            seen[t][index] = value
        memories[index] = memory
    state = {key: np.empty_like(PARAM) for key in start}
    for index, memory in memories.items():
        for key in start:
            state[key][index] = memory[key]
    return seen, state


def check_optimiser(student, name, move, start, **hyper):
    """Parameter by parameter, step by step; then what the state holds after three steps."""
    seen, _ = steps_of(student, name, **hyper)
    expected, _ = expected_steps(move, **start)
    for word, actual, right in zip(("first", "second", "third"), seen, expected, strict=True):
        assert_close(actual, right, name=f"param after the {word} step")


def check_state(student, name, move, start, keys, **hyper):
    _, state = steps_of(student, name, **hyper)
    _, expected = expected_steps(move, **start)
    assert set(state) == keys, (
        f"The state has the keys {sorted(state)}; the docstring promises {sorted(keys)}."
    )
    for key in keys:
        right = expected[key]
        right = right if key in ("v", "m", "s") else float(right.flat[0])
        assert_close(state[key], right, name=f"the state's {key!r} after three steps")
    before = {key: np.array(value) if np.ndim(value) else value for key, value in state.items()}
    assert_unchanged(student, name, PARAM, GRADS[0], before, learning_rate=0.05, **hyper)


@exercise("sgd")
def test_sgd_step(student):
    """SGD moves the parameter by −η times the gradient."""
    check_optimiser(student, "sgd", lambda g, memory: g, {})


@exercise("sgd")
def test_sgd_state(student):
    """SGD remembers nothing, and leaves its arguments as they were."""
    check_state(student, "sgd", lambda g, memory: g, {}, set())


def heavy(g, memory):
    memory["v"] = 0.6 * memory["v"] + g
    return memory["v"]


@exercise("momentum")
def test_momentum_steps(student):
    """Momentum walks along a velocity that keeps μ of itself and adds the gradient."""
    check_optimiser(student, "momentum", heavy, {"v": 0.0}, mu=0.6)


@exercise("momentum")
def test_momentum_state(student):
    """The state holds the velocity, and the arguments stay as they were."""
    check_state(student, "momentum", heavy, {"v": 0.0}, {"v"}, mu=0.6)


def looking_ahead(g, memory):
    return g + 0.6 * heavy(g, memory)


@exercise("nesterov")
def test_nesterov_steps(student):
    """Nesterov walks along the gradient plus μ times the new velocity."""
    check_optimiser(student, "nesterov", looking_ahead, {"v": 0.0}, mu=0.6)


@exercise("nesterov")
def test_nesterov_state(student):
    """The state holds the velocity, and the arguments stay as they were."""
    check_state(student, "nesterov", looking_ahead, {"v": 0.0}, {"v"}, mu=0.6)


def scaled(g, memory):
    memory["s"] = 0.8 * memory["s"] + 0.2 * g * g
    return g / (math.sqrt(memory["s"]) + 0.01)


@exercise("rmsprop")
def test_rmsprop_steps(student):
    """RMSprop divides by the root of the running mean square, plus ε."""
    check_optimiser(student, "rmsprop", scaled, {"s": 0.0}, alpha=0.8, eps=0.01)


@exercise("rmsprop")
def test_rmsprop_state(student):
    """The state holds the mean square, and the arguments stay as they were."""
    check_state(student, "rmsprop", scaled, {"s": 0.0}, {"s"}, alpha=0.8, eps=0.01)


def means(g, memory):
    memory["t"] += 1
    memory["m"] = 0.7 * memory["m"] + 0.3 * g
    memory["v"] = 0.8 * memory["v"] + 0.2 * g * g
    return math.sqrt(memory["v"] / (1 - 0.8 ** memory["t"])) + 0.01


def adaptive(g, memory):
    scale = means(g, memory)
    return memory["m"] / (1 - 0.7 ** memory["t"]) / scale


EMPTY = {"t": 0, "m": 0.0, "v": 0.0}
BETAS = {"beta1": 0.7, "beta2": 0.8, "eps": 0.01}


@exercise("adam")
def test_adam_first_step(student):
    """With bias correction, the first step has the length η wherever the gradient is not 0."""
    param, _ = student.adam(PARAM, GRADS[0], {}, learning_rate=0.05, eps=0.0001)
    signs = [g / (abs(g) + 0.0001) for g in GRADS[0].ravel()]
    expected = PARAM - 0.05 * np.array(signs).reshape(PARAM.shape)
    assert_close(param, expected, name="param after the first step")


@exercise("adam")
def test_adam_steps(student):
    """Adam divides the corrected mean by the root of the corrected mean square, plus ε."""
    check_optimiser(student, "adam", adaptive, EMPTY, **BETAS)


@exercise("adam")
def test_adam_state(student):
    """The state counts the steps and holds both means without correction."""
    check_state(student, "adam", adaptive, EMPTY, {"t", "m", "v"}, **BETAS)


def momentum_at(t):
    return 0.7 * (1 - 0.5 * 0.96 ** (t * 0.9))


def ahead(g, memory):
    scale = means(g, memory)
    now, later = momentum_at(memory["t"]), momentum_at(memory["t"] + 1)
    memory["mu_product"] *= now
    fresh = (1 - now) / (1 - memory["mu_product"]) * g
    return (fresh + later / (1 - memory["mu_product"] * later) * memory["m"]) / scale


@exercise("nadam")
def test_nadam_steps(student):
    """Nadam mixes the fresh gradient with the mean, by the momenta of this step and the next."""
    check_optimiser(student, "nadam", ahead, {**EMPTY, "mu_product": 1.0}, **BETAS, psi=0.9)


@exercise("nadam")
def test_nadam_state(student):
    """The state holds t, both means and the product of all momenta so far."""
    start = {**EMPTY, "mu_product": 1.0}
    check_state(student, "nadam", ahead, start, set(start), **BETAS, psi=0.9)


# Initialisation


def check_draw(student, name, scale, **options):
    w = getattr(student, name)(6, 4, np.random.default_rng(3), **options)
    draws = np.random.default_rng(3)
    expected = np.array([[scale * draws.normal() for _ in range(4)] for _ in range(6)])
    assert_close(w, expected, name="w", axes="DM")


@exercise("zeros_init")
def test_zeros(student):
    """The weights are zeros, of shape (D, M)."""
    w = student.zeros_init(6, 4, np.random.default_rng(3))
    assert_close(w, np.zeros((6, 4)), name="w", axes="DM")


@exercise("normal_init")
def test_normal(student):
    """The weights are one draw of rng.normal with the std given, 0.01 if none is."""
    check_draw(student, "normal_init", 0.3, std=0.3)
    check_draw(student, "normal_init", 0.01)


@exercise("xavier_init")
def test_xavier(student):
    """The weights are one draw of rng.normal with the variance 2 / (D + M)."""
    check_draw(student, "xavier_init", math.sqrt(0.2))


@exercise("he_init")
def test_he(student):
    """The weights are one draw of rng.normal with the variance 2 / D."""
    check_draw(student, "he_init", 1 / math.sqrt(3))


# Batch normalisation

X = np.array([[0.31, -1.24, 5.7], [-0.83, 0.46, 9.2], [1.35, -0.68, 4.9], [-0.12, 2.03, 7.4]])
DOUT = np.array(
    [[-0.71, 0.52, 1.13], [0.94, -1.37, 0.28], [0.43, 0.65, -0.86], [1.21, -0.39, 0.17]]
)
GAMMA, BETA = np.array([1.2, -0.7, 2.1]), np.array([0.3, 0.9, -0.4])
RUNNING = np.array([0.2, -0.1, 6.0]), np.array([1.1, 0.8, 2.5])
EPS = 0.01


def moments(column, degrees=0):
    """Mean and variance of a list of numbers."""
    mean = sum(column) / len(column)
    return mean, sum((v - mean) ** 2 for v in column) / (len(column) - degrees)


def normalised(x, gamma, beta, training):
    """Column by column; out and what divides."""
    out, stds = np.empty(np.shape(x)), []
    for d, column in enumerate(np.transpose(x).tolist()):
        mean, var = moments(column) if training else (RUNNING[0][d], RUNNING[1][d])
        stds.append(math.sqrt(var + EPS))
        out[:, d] = [gamma[d] * (v - mean) / stds[d] + beta[d] for v in column]
    return out, np.array(stds)


def forward(student, training):
    return student.batchnorm_forward(
        X, GAMMA, BETA, RUNNING, training=training, momentum=0.8, eps=EPS
    )


@exercise("batchnorm_forward")
def test_batchnorm_training(student):
    """In training each feature is normalised by the batch's mean and biased variance."""
    out, _, _ = forward(student, True)
    expected = normalised(X, GAMMA, BETA, True)[0]
    assert_close(out, expected, name="out", axes="ND", sizes={"N": 4})


@exercise("batchnorm_forward")
def test_batchnorm_running(student):
    """In training the running averages move towards the batch's mean and unbiased variance."""
    _, _, (mean, var) = forward(student, True)
    batch = [moments(column, degrees=1) for column in X.T.tolist()]
    expected = [0.8 * old + 0.2 * new for old, (new, _) in zip(RUNNING[0], batch, strict=True)]
    assert_close(mean, np.array(expected), name="the running mean", axes="D")
    expected = [0.8 * old + 0.2 * new for old, (_, new) in zip(RUNNING[1], batch, strict=True)]
    assert_close(var, np.array(expected), name="the running variance", axes="D", sizes={"N": 4})


@exercise("batchnorm_forward")
def test_batchnorm_evaluation(student):
    """In evaluation the running averages are used, and they stay as they are."""
    out, _, (mean, var) = forward(student, False)
    assert_close(out, normalised(X, GAMMA, BETA, False)[0], name="out", axes="ND")
    assert_close(mean, RUNNING[0], name="the running mean", axes="D")
    assert_close(var, RUNNING[1], name="the running variance", axes="D")


@exercise("batchnorm_forward")
def test_batchnorm_cache(student):
    """The cache is (x_hat, std, gamma, training)."""
    for training in True, False:
        _, (x_hat, std, gamma, mode), _ = forward(student, training)
        expected, stds = normalised(X, np.ones(3), np.zeros(3), training)
        assert_close(x_hat, expected, name="x_hat in the cache", axes="ND")
        assert_close(std, stds, name="std in the cache", axes="D")
        assert_close(gamma, GAMMA, name="gamma in the cache", axes="D")
        assert bool(mode) is training, "The last item of the cache is the mode, True in training."


@exercise("batchnorm_forward")
def test_batchnorm_refuses_one_sample(student):
    """In training a single sample raises ValueError; in evaluation it does not."""
    student.batchnorm_forward(X[:1], GAMMA, BETA, RUNNING, training=False)
    assert_raises(
        "ValueError",
        lambda: student.batchnorm_forward(X[:1], GAMMA, BETA, RUNNING, training=True),
        "A single sample in training should raise ValueError.",
    )


def backward(student, training):
    x_hat, std = normalised(X, np.ones(3), np.zeros(3), training)
    return student.batchnorm_backward(DOUT, (x_hat, std, GAMMA, training))


@exercise("batchnorm_backward")
def test_batchnorm_dx_training(student):
    """In training dx counts what x does through the mean and the variance of the batch."""
    expected = numerical_gradient(lambda x: normalised(x, GAMMA, BETA, True)[0], X, DOUT)
    assert_close(backward(student, True)[0], expected, name="dx", axes="ND", sizes={"N": 4})


@exercise("batchnorm_backward")
def test_batchnorm_dx_evaluation(student):
    """In evaluation mean and variance are constants."""
    expected = numerical_gradient(lambda x: normalised(x, GAMMA, BETA, False)[0], X, DOUT)
    assert_close(backward(student, False)[0], expected, name="dx", axes="ND", sizes={"N": 4})


@exercise("batchnorm_backward")
def test_batchnorm_dgamma_and_dbeta(student):
    """dgamma and dbeta are sums over the batch."""
    for training in True, False:
        _, dgamma, dbeta = backward(student, training)
        expected = numerical_gradient(lambda v: normalised(X, v, BETA, training)[0], GAMMA, DOUT)  # noqa: B023
        assert_close(dgamma, expected, name="dgamma", axes="D", sizes={"N": 4})
        expected = np.array([sum(column) for column in DOUT.T.tolist()])
        assert_close(dbeta, expected, name="dbeta", axes="D", sizes={"N": 4})


@exercise("batchnorm_backward")
def test_batchnorm_backward_arguments(student):
    """The backward pass changes neither dout nor the cache."""
    x_hat, std = normalised(X, np.ones(3), np.zeros(3), True)
    assert_unchanged(student, "batchnorm_backward", DOUT, (x_hat, std, GAMMA, True))


# Dropout and penalties

U = np.array(
    [[0.12, 0.91, 0.3], [0.45, 0.07, 0.66], [0.29, 0.83, 0.51], [0.98, 0.02, 0.3]]
)  # two of them are exactly p


def kept(p):
    return np.array([[1 / (1 - p) if u >= p else 0.0 for u in row] for row in U])


@exercise("dropout")
def test_dropout_training(student):
    """In training x is kept where u ≥ p, scaled by 1/(1 − p), and 0 elsewhere."""
    out, cache = student.dropout_forward(X, U, 0.3, training=True)
    assert_close(out, X * kept(0.3), name="out", axes="ND")
    assert_close(cache, kept(0.3), name="cache", axes="ND")


@exercise("dropout")
def test_dropout_evaluation(student):
    """In evaluation nothing is dropped or scaled: all factors are 1."""
    out, cache = student.dropout_forward(X, None, 0.3, training=False)
    assert_close(out, X, name="out", axes="ND")
    assert_close(cache, np.ones((4, 3)), name="cache", axes="ND")


@exercise("dropout")
def test_dropout_gradient(student):
    """The gradient goes through what was kept, with the same factor."""
    expected = numerical_gradient(lambda x: x * kept(0.3), X, DOUT)
    assert_close(student.dropout_backward(DOUT, kept(0.3)), expected, name="dx", axes="ND")


@exercise("dropout")
def test_dropout_float32(student):
    """float32 in gives float32 out, though u is float64."""
    for training in True, False:
        for value in student.dropout_forward(X.astype(np.float32), U, 0.3, training=training):
            assert value.dtype == np.float32, f"A result is {value.dtype}: keep the dtype of x."


WEIGHTS = np.array([[0.5, -1.5, 0.0], [2.0, 0.25, -0.75]])


@exercise("l1_penalty")
def test_l1(student):
    """The L1 penalty is λ Σ |w|; its gradient is ±λ, and 0 at 0."""
    value, dw = student.l1_penalty(WEIGHTS, 0.4)
    assert_close(value, 0.4 * 5.0, name="value")
    signs = [[1.0, -1.0, 0.0], [1.0, 1.0, -1.0]]
    assert_close(dw, np.array([[0.4 * s for s in row] for row in signs]), name="dw", axes="DM")


@exercise("l2_penalty")
def test_l2(student):
    """The L2 penalty is ½ λ Σ w², and its gradient λ w."""
    value, dw = student.l2_penalty(WEIGHTS, 0.4)
    assert_close(value, 0.2 * sum(v**2 for row in WEIGHTS.tolist() for v in row), name="value")
    expected = numerical_gradient(
        lambda w: 0.2 * sum(v**2 for row in w.tolist() for v in row), WEIGHTS
    )
    assert_close(dw, expected, name="dw", axes="DM")


# Confusion matrix and report

TARGET = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 0])
PREDICTED = np.array([0, 1, 0, 1, 1, 2, 0, 1, 2, 2])
COUNTS = np.array([[2, 1, 1, 0], [0, 2, 0, 0], [1, 1, 2, 0], [0, 0, 0, 0]])


@exercise("confusion_matrix")
def test_confusion(student):
    """Rows are the truth and columns the predictions; a class that nobody saw is empty."""
    matrix = student.confusion_matrix(TARGET, PREDICTED, 4)
    assert matrix.dtype.kind in "iu", f"The matrix holds {matrix.dtype}; counts are whole numbers."
    assert not np.array_equal(matrix, np.minimum(COUNTS, 1)), (
        "Each pair of classes is counted at most once, though some occur more often. "
        "(An indexed += visits a repeated index only one time.)"
    )
    assert_close(matrix, COUNTS, name="matrix", axes="CC")


@exercise("classification_report")
def test_report_scores(student):
    """Precision, recall, F1 and support of each class; 0 / 0 counts as 0."""
    report = student.classification_report(COUNTS)
    for name, expected in {
        "precision": [2 / 3, 2 / 4, 2 / 3, 0.0],
        "recall": [2 / 4, 1.0, 2 / 4, 0.0],
        "f1": [4 / 7, 4 / 6, 4 / 7, 0.0],
        "support": [4, 2, 4, 0],
    }.items():
        assert_close(report[name], np.array(expected), name=name, axes="C")


@exercise("classification_report")
def test_report_averages(student):
    """Accuracy; macro averages count each class alike, weighted ones by its support."""
    report = student.classification_report(COUNTS)
    assert_close(report["accuracy"], 6 / 10, name="accuracy")
    f1 = [4 / 7, 4 / 6, 4 / 7, 0.0]
    assert_close(report["macro"]["f1"], sum(f1) / 4, name="macro f1")
    assert_close(report["macro"]["precision"], 11 / 24, name="macro precision")
    weighted = (4 * f1[0] + 2 * f1[1] + 4 * f1[2]) / 10
    assert_close(report["weighted"]["f1"], weighted, name="weighted f1")
    assert_close(report["weighted"]["recall"], 0.6, name="weighted recall")


# The Hessian


@exercise("hessian")
def test_hessian(student):
    """The Hessian of x² y + sin z is right, place by place."""
    slope = Expression("lambda p: np.array([2 * p[0] * p[1], p[0] ** 2, np.cos(p[2])])")
    theta = np.array([0.7, -1.2, 0.4])
    expected = np.array([[-2.4, 1.4, 0.0], [1.4, 0.0, 0.0], [0.0, 0.0, -math.sin(0.4)]])
    assert_close(student.hessian(slope, theta), expected, name="hessian", axes="PP")


@exercise("hessian")
def test_hessian_is_symmetric(student):
    """The result is the mean of the matrix of differences and its transpose."""
    field = Expression("lambda p: np.array([p[0] + 4 * p[1], p[1]])")
    found = student.hessian(field, np.array([0.3, -0.6]))
    assert_close(found, np.array([[1.0, 2.0], [2.0, 1.0]]), name="hessian", axes="PP")


@exercise("hessian")
def test_hessian_step(student):
    """The differences are central, with the step h that is given."""
    slope = Expression("lambda p: p ** 3")
    found = student.hessian(slope, np.array([1.0, -2.0]), h=0.5)
    assert_close(found, np.diag([3.25, 12.25]), name="hessian", axes="PP")


@exercise("critical_point")
def test_critical_point(student):
    """The signs of the eigenvalues, not of the entries, tell the kind."""
    for matrix, expected in (
        ([[2.0, 1.0], [1.0, 2.0]], "minimum"),
        ([[-2.0, 1.0], [1.0, -2.0]], "maximum"),
        ([[1.0, 2.0], [2.0, 1.0]], "saddle"),
        ([[1.0, 1.0], [1.0, 1.0]], "degenerate"),
        ([[0.0, 0.0], [0.0, 0.0]], "degenerate"),
        ([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0]], "saddle"),
        ([[1e-9, 0.0], [0.0, 2e-9]], "minimum"),
    ):
        kind = student.critical_point(np.array(matrix))
        assert kind == expected, f"{matrix} is a {expected}, and critical_point says {kind!r}."
