# %% [markdown]
# # Making it train
#
# Backpropagation gives you a gradient. What to do with it is another question, and most of the
# difference between a network that learns and one that doesn't lies in the answer: how the step is
# made, where the weights start, how the signal keeps its size on its way through the layers, what
# stops the network from learning the noise, and how you notice what goes wrong. In this assignment
# you write all of it in NumPy: six optimisers, four initialisations, batch normalisation, dropout,
# penalties, a classification report, and the Hessian of a network, which shows what the landscape
# looks like that all the optimisers walk through.
#
# **How the notebook works.** You write where a cell says `raise NotImplementedError`; everything
# else is ready to run. Each exercise is followed by a check: run it as often as you like, it tells
# you which property fails and, where it can, why. `progress()` in a cell of your own lists every
# exercise with its points. Use NumPy operations on whole arrays: a loop over samples or weights
# runs into a time limit. (A loop over steps, batches or, for the Hessian, coordinates is fine.)
#
# **One alphabet for axes**: $N$ samples in a batch, $D$ features in, $M$ features out, $C$ classes,
# $P$ parameters of a whole network.
#
# **Pure functions.** Nothing that you are given is changed in place; results are new arrays. And
# one precision, kept: results have the dtype of the inputs, float64 in the checks, float32 in the
# experiments. Python's own numbers are safe (`0.1 * x` is float32 if `x` is), and so is `0.9**0.5`.
# NumPy's are not: `np.sqrt(0.9)` is a float64 of NumPy's, and a product with it becomes float64.

# %% provided=true
import os

import numpy as np

from autograder import check, data, progress, sweep, tracking
from autograder.figures import draw_curves, draw_matrix, figure

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # longer experiments, downloads allowed
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. Gradient descent
#
# ### On a function
#
# Near a point $\theta$, a smooth function is a plane: $f(\theta + \delta) \approx f(\theta) + g
# \cdot \delta$, where $g = \nabla f(\theta)$. Among all steps $\delta$ of a given length, the one
# against the gradient goes down fastest. So walk, with the *learning rate* $\eta$ (Cauchy, 1847):
#
# $$ \theta_{t+1} = \theta_t - \eta\, \nabla f(\theta_t) . $$
#
# How large may $\eta$ be? Look at a parabola, $f(\theta) = \tfrac12 \lambda \theta^2$. Its gradient
# is $\lambda \theta$, and a step gives $\theta_{t+1} = (1 - \eta\lambda)\, \theta_t$. This shrinks
# if $|1 - \eta\lambda| < 1$, that is for
#
# $$ 0 < \eta < \frac{2}{\lambda} , $$
#
# and explodes beyond. In several dimensions each eigenvector of the Hessian has a $\lambda$ of its
# own: the *steepest* direction limits $\eta$, and the *flattest* one then decides how long it
# takes, about $\lambda_{\max} / \lambda_{\min}$ steps. That ratio, the condition number, is what
# most of this notebook fights against.

# %% exercise="gradient_descent" points=4
def gradient_descent(gradient, start, *, learning_rate, steps):
    """Gradient descent on a function: θ ← θ − η ∇f(θ), so many times.

    Parameters
    ----------
    gradient : callable, ndarray (D,) -> ndarray (D,)
        Gives ∇f at a point.
    start : ndarray (D,)
        Where the walk begins; not changed.
    learning_rate : float
        η.
    steps : int
        How many steps to make; 0 is allowed.

    Returns
    -------
    path : ndarray (steps + 1, D)
        All points of the walk: row 0 is start, row t is where step t ends.
    """
    ### BEGIN SOLUTION  step by step against the gradient; keep every point
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1]))
    return np.array(path)
    ### END SOLUTION

# %% [markdown]
# The experiment walks through a valley, a parabola that is 20 times steeper across than along it.
# The limit is $2 / \lambda_{\max} = 0.1$. Just below it the walk zigzags between the walls. With
# far less it crawls along the floor, and with a little more it leaves.

# %% experiment="valley"
curvatures = np.array([20.0, 1.0])
start = np.array([1.2, -8.0])
ticks = np.linspace(-9, 9, 181), np.linspace(-2, 2, 81)
height = (curvatures[1] * ticks[0] ** 2 + curvatures[0] * ticks[1][:, None] ** 2) / 2

left, right = figure(2)
left.contour(*ticks, height, levels=np.arange(1, 9) ** 2, colors="0.75", linewidths=0.8)
for rate, style in (0.005, "s-"), (0.095, "o--"), (0.1005, "^:"):
    path = gradient_descent(lambda p: curvatures * p, start, learning_rate=rate, steps=60)
    values = (curvatures * path**2).sum(axis=1) / 2
    left.plot(*path[:, ::-1].T, style, markersize=3, linewidth=1, label=f"η = {rate}")
    right.semilogy(values, style[1:], label=f"η = {rate}")
    if rate == 0.095:
        NUMBERS["valley_value"] = float(values[-1])
left.set(xlabel="along the valley", ylabel="across", title="60 steps, from the left", ylim=(-2, 2))
right.set(xlabel="step", ylabel="f", title="Height of the walk")
right.legend()

# %% [markdown]
# ### Mini-batches
#
# The loss of a network is a mean over $N$ samples, and so is its gradient. A mean over a random
# *mini-batch* of $B$ of them is an unbiased estimate of it, with a standard error that falls like
# $1/\sqrt{B}$: a hundred times the work buys one more digit. That is why many cheap, noisy steps
# beat few exact ones (Bottou, Curtis and Nocedal, 2018, §3).
#
# An *epoch* goes through the data once. Shuffle first, by one permutation of all indices; then cut
# that order into consecutive pieces. Inputs and targets have to be cut *alike*. The last piece may
# be smaller, but it must not be lost.
#
# Write it as a generator, with `yield` in a loop: the batches are then made one at a time, as
# training asks for them. (A list of pairs is fine, too.)

# %% exercise="minibatches" points=6
def minibatches(x, y, batch_size, rng):
    """The mini-batches of one epoch, in random order.

    Draws one rng.permutation(N) and cuts it into consecutive pieces of batch_size; the last piece
    may be smaller. N may be any number from 1 on.

    Parameters
    ----------
    x : ndarray (N, ...)
        Inputs; not changed.
    y : ndarray (N, ...)
        Targets; not changed.
    batch_size : int
        At least 1; may be larger than N.
    rng : numpy.random.Generator

    Yields
    ------
    x_batch, y_batch : ndarray (B, ...)
        The same samples of both, B = batch_size or fewer.
    """
    ### BEGIN SOLUTION  shuffle once, then yield the pieces of x and y one after the other
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        batch = order[start : start + batch_size]
        yield x[batch], y[batch]
    ### END SOLUTION


# %% [markdown]
# ## 2. Optimisers
#
# All optimisers of this section have the same face:
#
# ```python
# param, state = update(param, grad, state, learning_rate=…, …)
# ```
#
# one step for one parameter, an array of any shape. What an optimiser remembers from step to step
# is in `state`, a dictionary: empty before the first step, and after it what the docstring says.
# The functions are *pure*: they return a new parameter and a new state, leave the old ones alone,
# and share no memory with them, so that the caller may reuse its arrays. A training can then be
# stopped, copied, taken back, and tested one step at a time.
#
# ### SGD
#
# *Stochastic* gradient descent is the step that you know, with the gradient of a mini-batch
# (Robbins and Monro, 1951). It remembers nothing.

# %% exercise="sgd" points=3
def sgd(param, grad, state, *, learning_rate):
    """A step of stochastic gradient descent: θ ← θ − η g.

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g, the gradient of the loss with respect to param.
    state : dict
        Empty: this optimiser remembers nothing.
    learning_rate : float
        η.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        Empty.
    """
    ### BEGIN SOLUTION  one step against the gradient, and an empty state
    return param - learning_rate * grad, {}
    ### END SOLUTION


# %% [markdown]
# ### Momentum
#
# In a narrow valley the gradient points across, to and fro, and only a little along. Average it
# over time: what alternates cancels, what persists adds up. Polyak (1964) gave the walker a mass.
# With the *velocity* $v$,
#
# $$ v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta v . $$
#
# Unrolled, $v_t = g_t + \mu g_{t-1} + \mu^2 g_{t-2} + \dots$: under a constant gradient it grows to
# $g / (1 - \mu)$. With $\mu = 0.9$ the steps become up to ten times longer, so momentum wants a
# smaller learning rate than SGD. (Some books put $\eta$ into the velocity, or a factor $1 - \mu$
# before $g$. These are other parametrisations of the same walk, as long as $\eta$ stays constant;
# ours is PyTorch's.)

# %% exercise="momentum" points=4
def momentum(param, grad, state, *, learning_rate, mu=0.9):
    """A step with momentum: v ← μ v + g, then θ ← θ − η v (Polyak, 1964).

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g.
    state : dict
        Empty before the first step (where v counts as 0), else {"v": ndarray, shape of param}.
    learning_rate : float
        η.
    mu : float
        μ, from 0 up to but not 1.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        {"v": ndarray}: the new velocity, in a new dictionary.
    """
    ### BEGIN SOLUTION  the new velocity, then a step along it
    v = mu * state.get("v", 0) + grad
    return param - learning_rate * v, {"v": v}
    ### END SOLUTION


# %% [markdown]
# ### Nesterov
#
# Momentum looks at the slope where it *is*, then moves along $v$ anyway. Nesterov (1983) looks
# where it is *going to be*. On smooth convex functions, and with a $\mu$ that grows towards 1, that
# improves the error after $t$ steps from the order of $1/t$ to $1/t^2$, which is as good as any
# method that only sees gradients can be. For networks, Sutskever et al. (2013) wrote it as
#
# $$ v \leftarrow \mu v - \eta\, \nabla f(\theta + \mu v), \qquad \theta \leftarrow \theta + v , $$
#
# which needs the gradient at a place where the network's weights are not. So change variables.
# Let the weights *be* the point that is looked at, $\tilde\theta = \theta + \mu v$, and measure the
# velocity in units of $-\eta$, $\tilde v = -v/\eta$, so that $g = \nabla f(\tilde\theta)$ and
# $\tilde v \leftarrow \mu \tilde v + g$ as before. The new look-ahead point is
#
# $$ \theta_{\text{new}} + \mu v_{\text{new}}
#    = (\tilde\theta - \mu v) + v_{\text{new}} + \mu v_{\text{new}}
#    = \tilde\theta + (\mu v - \eta g) - \mu v + \mu v_{\text{new}}
#    = \tilde\theta - \eta\, (g + \mu\, \tilde v_{\text{new}}) . $$
#
# Without the tildes: update $v$ as in momentum, then step along $g + \mu v$ with the *new* $v$.

# %% exercise="nesterov" points=6
def nesterov(param, grad, state, *, learning_rate, mu=0.9):
    """A step with Nesterov's momentum: v ← μ v + g, then θ ← θ − η (g + μ v).

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g.
    state : dict
        Empty before the first step (where v counts as 0), else {"v": ndarray, shape of param}.
    learning_rate : float
        η.
    mu : float
        μ, from 0 up to but not 1.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        {"v": ndarray}: the new velocity, in a new dictionary.
    """
    ### BEGIN SOLUTION  the new velocity, then a step along g + μ v
    v = mu * state.get("v", 0) + grad
    return param - learning_rate * (grad + mu * v), {"v": v}
    ### END SOLUTION


# %% [markdown]
# ### RMSprop
#
# One learning rate for all parameters is a compromise: some have large gradients, some tiny ones.
# RMSprop (Tieleman and Hinton, 2012, lecture 6.5) keeps a running mean of each element's *squared*
# gradient and divides by its root:
#
# $$ s \leftarrow \alpha s + (1 - \alpha)\, g^2, \qquad
#    \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{s} + \varepsilon} , $$
#
# all of it element by element. The quotient no longer depends on the gradient's scale: multiply the
# loss by 1000, and the steps stay (almost) the same. The small $\varepsilon$ keeps the quotient
# finite where gradients vanish. It stands *outside* the root here, as in PyTorch; inside it, the
# same number would have a much larger effect, since $\sqrt{10^{-8}} = 10^{-4}$.
#
# Note what happens first: $s$ starts at 0, so the first step has the length
# $\eta / \sqrt{1 - \alpha} = 10\,\eta$ in every coordinate. Adam will mend that.

# %% exercise="rmsprop" points=6
def rmsprop(param, grad, state, *, learning_rate, alpha=0.99, eps=1e-8):
    """A step of RMSprop: s ← α s + (1 − α) g², then θ ← θ − η g / (√s + ε).

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g.
    state : dict
        Empty before the first step (where s counts as 0), else {"s": ndarray, shape of param}.
    learning_rate : float
        η.
    alpha : float
        α, how much of the old mean square is kept.
    eps : float
        ε, outside the root.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        {"s": ndarray}: the new mean square, in a new dictionary.
    """
    ### BEGIN SOLUTION  the running mean square, then a step divided by its root
    s = alpha * state.get("s", 0) + (1 - alpha) * grad**2
    return param - learning_rate * grad / (np.sqrt(s) + eps), {"s": s}
    ### END SOLUTION


# %% [markdown]
# ### Adam
#
# Adam (Kingma and Ba, 2015) puts both together: a running mean of the gradient, like momentum, over
# the root of a running mean of its square, like RMSprop:
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad
#    v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2 . $$
#
# Both start at 0, and so they are too small at first. By how much? Unroll $m$, and suppose that the
# gradients have the same expectation in all steps:
#
# $$ m_t = (1 - \beta_1) \sum_{i=1}^{t} \beta_1^{t-i} g_i
#    \quad\Longrightarrow\quad
#    \mathbb{E}[m_t] = \mathbb{E}[g]\, (1 - \beta_1) \sum_{i=1}^{t} \beta_1^{t-i}
#                     = \mathbb{E}[g]\, (1 - \beta_1^t) . $$
#
# So divide by it, and likewise for $v$. That is the *bias correction*:
#
# $$ \hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t}, \qquad
#    \theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} , $$
#
# where $t = 1$ in the first step. Check that step by hand: $\hat m = g$ and $\hat v = g^2$, so
# every element moves by $\eta$, but for $\varepsilon$, whatever its gradient is, unless that is 0.
# The corrected means are not stored: the state keeps $m$ and $v$ as they are, and $t$.

# %% exercise="adam" points=8
def adam(param, grad, state, *, learning_rate, beta1=0.9, beta2=0.999, eps=1e-8):
    """A step of Adam, with bias correction (Kingma and Ba, 2015, algorithm 1).

    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    θ ← θ − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g.
    state : dict
        Empty before the first step (where m and v count as 0), else as it is returned.
    learning_rate : float
        η.
    beta1, beta2 : float
        How much of the old means is kept.
    eps : float
        ε, outside the root, after the bias correction.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        {"t": int, "m": ndarray, "v": ndarray}: the number of steps made, this one included, and
        both means without correction; in a new dictionary.
    """
    ### BEGIN SOLUTION  both running means, their corrections, and the step
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0) + (1 - beta1) * grad
    v = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + eps), {"t": t, "m": m, "v": v}
    ### END SOLUTION


# %% [markdown]
# ### Nadam
#
# Adam has momentum; Nadam gives it Nesterov's look ahead (Dozat, 2016). Dozat also warms the
# momentum up, so that it starts near $\beta_1 / 2$ and approaches $\beta_1$:
#
# $$ \mu_t = \beta_1 \bigl(1 - \tfrac12 \cdot 0.96^{\,t\psi}\bigr), \qquad \psi = 0.004 . $$
#
# The schedule changes the weights of the past gradients. The means themselves stay Adam's, but
# where Adam divides by $1 - \beta_1^t$, which is one minus the product of all its momenta so far,
# we now need the product of these $\mu$:
#
# $$ \Pi_t = \mu_1 \mu_2 \cdots \mu_t = \Pi_{t-1}\, \mu_t, \qquad \Pi_0 = 1 . $$
#
# Nesterov's step looked like $g + \mu v$: the fresh gradient, plus the velocity as it will act in
# the *next* step. In the same way, $\hat m$ becomes the fresh gradient with the momentum of now,
# plus the mean with the momentum of the next step, each with the correction that belongs to it:
#
# $$ \hat m = \frac{1 - \mu_t}{1 - \Pi_t}\, g + \frac{\mu_{t+1}}{1 - \Pi_t\, \mu_{t+1}}\, m,
#    \qquad \theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} , $$
#
# with $m$, $v$ and $\hat v$ as in Adam. This is what `torch.optim.NAdam` does. Implementations with
# a constant $\mu = \beta_1$ exist, and give visibly different numbers.

# %% exercise="nadam" points=8
def nadam(param, grad, state, *, learning_rate, beta1=0.9, beta2=0.999, eps=1e-8, psi=0.004):
    """A step of Nadam (Dozat, 2016), with the momentum μₜ = β₁ (1 − ½ · 0.96^(t ψ)).

    m and v are the running means of g and g² as in `adam`, and v is corrected as there;
    Π ← Π μₜ;  θ ← θ − η ((1 − μₜ) / (1 − Π) g + μₜ₊₁ / (1 − Π μₜ₊₁) m) / (√(v / (1 − β₂ᵗ)) + ε).

    Parameters
    ----------
    param : ndarray, any shape
        θ.
    grad : ndarray, shape of param
        g.
    state : dict
        Empty before the first step (where m and v count as 0 and Π as 1), else as it is returned.
    learning_rate : float
        η.
    beta1, beta2 : float
        How much of the old means is kept.
    eps : float
        ε, outside the root, after the bias correction.
    psi : float
        ψ, how fast the momentum grows.

    Returns
    -------
    param : ndarray, shape of param
        A new array.
    state : dict
        {"t": int, "m": ndarray, "v": ndarray, "mu_product": float}: the number of steps made, this
        one included, both means without correction, and Π; in a new dictionary.
    """
    ### BEGIN SOLUTION  both means as in Adam, the momenta of this step and the next, and the step
    t = state.get("t", 0) + 1
    m = beta1 * state.get("m", 0) + (1 - beta1) * grad
    v = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
    mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (step * psi)) for step in (t, t + 1))
    product = state.get("mu_product", 1) * mu
    m_hat = (1 - mu) / (1 - product) * grad + mu_next / (1 - product * mu_next) * m
    v_hat = v / (1 - beta2**t)
    param = param - learning_rate * m_hat / (np.sqrt(v_hat) + eps)
    return param, {"t": t, "m": m, "v": v, "mu_product": product}
    ### END SOLUTION


# %% provided=true
OPTIMISERS = {
    "SGD": sgd,
    "momentum": momentum,
    "Nesterov": nesterov,
    "RMSprop": rmsprop,
    "Adam": adam,
    "Nadam": nadam,
}

# %% [markdown]
# ### The race
#
# Two courses. Rosenbrock's banana (1960), $f(x, y) = (1 - x)^2 + 100\,(y - x^2)^2$, is a curved
# valley with steep walls and an almost flat floor; its minimum is at $(1, 1)$, and the walk starts
# at $(-1.2, 1)$. Its walls throw a walker with a large learning rate out, and its floor hardly
# slopes.
#
# The second one has a saddle at the origin, $f(x, y) = \tfrac12 x^2 - \tfrac12 y^2 + \tfrac14 y^4$,
# and a minimum on either side of it, at $(0, \pm 1)$. The walk starts at $(-1.5, 10^{-4})$, a hair
# off the ridge: plain descent slides down to the saddle, where there is hardly any gradient, and
# has to wait until the hair has grown. Watch who waits, and who doesn't.

# %% experiment="race"
COURSES = {
    "Rosenbrock": {
        "value": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        "gradient": lambda x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
        "start": (-1.2, 1.0), "minimum": (1.0, 1.0), "steps": 10_000, "shown": 500,
        "window": (-1.6, 1.6, -0.5, 1.6), "levels": np.logspace(-1, 3, 9),
        "rates": {
            "SGD": 1.5e-3, "momentum": 1e-3, "Nesterov": 5e-4, "RMSprop": 1e-3, "Adam": 1e-2,
            "Nadam": 5e-3,
        },
    },
    "Saddle": {
        "value": lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
        "gradient": lambda x, y: (x, y**3 - y),
        "start": (-1.5, 1e-4), "minimum": (0.0, 1.0), "steps": 1000, "shown": 150,
        "window": (-1.7, 0.7, -0.5, 1.4), "levels": np.linspace(-0.3, 1.2, 16),
        "rates": {
            "SGD": 0.1, "momentum": 0.05, "Nesterov": 0.02, "RMSprop": 1e-2, "Adam": 2e-2,
            "Nadam": 2e-2,
        },
    },
}  # fmt: skip


def walk(update, rate, course):
    """All points of an optimiser's walk on one of the courses."""
    point, state = np.array(course["start"]), {}
    path = [point]
    for _ in range(course["steps"]):
        gradient = np.array(course["gradient"](*point))
        point, state = update(point, gradient, state, learning_rate=rate)
        path.append(point)
    return np.stack(path)


distances = {}
for title, course in COURSES.items():
    west, east, south, north = course["window"]
    ticks = np.linspace(west, east, 200), np.linspace(south, north, 200)
    height = course["value"](ticks[0], ticks[1][:, None])
    panels = figure(columns=3, rows=2, height=2.6)
    for axis, (name, update) in zip(panels, OPTIMISERS.items(), strict=True):
        path = walk(update, course["rates"][name], course)
        distances[title, name] = np.linalg.norm(path - np.array(course["minimum"]), axis=1)
        NUMBERS[f"{title.lower()}_{name.lower()}"] = float(distances[title, name][-1])
        axis.contour(*ticks, height, levels=course["levels"], colors="0.8", linewidths=0.8)
        axis.plot(*path[: course["shown"]].T, ".-", markersize=3, linewidth=1)
        axis.plot(*course["start"], "ks", markersize=5)
        axis.plot(*course["minimum"], "k*", markersize=11)
        axis.set(title=f"{name}, η = {course['rates'][name]:g}", xlim=(west, east))
        axis.set(ylim=(south, north), xlabel="x", ylabel="y")
    panels[0].figure.suptitle(f"{title}: the first {course['shown']} steps")

for axis, title in zip(figure(2), COURSES, strict=True):
    for name, style in zip(OPTIMISERS, ("-", "--", "-.", ":") * 2, strict=False):
        axis.loglog(np.maximum(distances[title, name][1:], 1e-9), style, label=name)
    axis.set(xlabel="step", ylabel="distance to the minimum", title=title)
    axis.legend(loc="lower left")

# %% [markdown]
# ## 3. Where the weights start
#
# One layer, $z_{nm} = \sum_d x_{nd} w_{dm}$, with weights of a layer that maps $D$ features to $M$.
# Each of the following functions gives its weights, float64, from the two widths and a generator.
#
# **Zeros.** If all units of a layer start alike, they compute alike, get the same gradient and stay
# alike for ever: the layer is one unit wide. With zeros it is worse still, for nothing comes
# through at all: the gradient of the inputs, $\text{dout}\, w^\top$, is 0 as well. For biases zeros
# are fine: once the weights differ, so do the gradients.
#
# **Normal.** So draw at random, independently, with a small standard deviation; 0.01 was the usual
# choice for years. Whether that is small depends on the width, though.

# %% exercise="zeros_init" points=1
def zeros_init(d, m, rng):
    """Weights that are all zero.

    Parameters
    ----------
    d, m : int
        Features in and out.
    rng : numpy.random.Generator
        Not used; it is there so that all initialisations are called alike.

    Returns
    -------
    w : ndarray (D, M)
    """
    ### BEGIN SOLUTION  zeros in the right shape
    return np.zeros((d, m))
    ### END SOLUTION


# %% exercise="normal_init" points=2
def normal_init(d, m, rng, std=0.01):
    """Weights drawn independently from a normal distribution with mean 0.

    Parameters
    ----------
    d, m : int
        Features in and out.
    rng : numpy.random.Generator
        Called once: rng.normal for the whole shape.
    std : float
        Standard deviation.

    Returns
    -------
    w : ndarray (D, M)
    """
    ### BEGIN SOLUTION  one draw of the whole matrix
    return rng.normal(0, std, size=(d, m))
    ### END SOLUTION


# %% [markdown]
# **Xavier.** If the inputs are independent, with mean 0 and variance $q$, and the weights too, with
# variance $s^2$, then variances of products multiply, and those of sums add up:
#
# $$ \operatorname{Var}(z_{nm}) = \sum_d \operatorname{Var}(x_{nd} w_{dm}) = D\, s^2\, q . $$
#
# Through $L$ layers the variance is multiplied by $(D s^2)^L$. With $s = 0.01$ and $D = 100$ that
# is $100^{-L}$: ten layers later nothing is left. To keep it we need $s^2 = 1/D$. On the way back,
# $dx_{nd} = \sum_m \text{dout}_{nm} w_{dm}$ is a sum of $M$ terms, and keeping the size of the
# *gradient* needs $s^2 = 1/M$. Xavier Glorot and Bengio (2010) propose the compromise
#
# $$ \operatorname{Var}(w) = \frac{2}{D + M} . $$
#
# (It exists with a uniform and with a normal distribution. Ours is normal.)
#
# **He.** That holds for activations which are about linear around 0, as tanh is. A ReLU throws half
# of a symmetric distribution away, and with it half of the mean square $\mathbb{E}[x^2]$, which is
# what $q$ has to stand for when the mean isn't 0. The factor ½ per layer is made up for by
# (He et al., 2015)
#
# $$ \operatorname{Var}(w) = \frac{2}{D} . $$

# %% exercise="xavier_init" points=3
def xavier_init(d, m, rng):
    """Normal weights with mean 0 and variance 2 / (D + M) (Glorot and Bengio, 2010).

    Parameters
    ----------
    d, m : int
        Features in and out.
    rng : numpy.random.Generator
        Called once: rng.normal for the whole shape.

    Returns
    -------
    w : ndarray (D, M)
    """
    ### BEGIN SOLUTION  one draw, with the standard deviation that belongs to the variance
    return rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))
    ### END SOLUTION


# %% exercise="he_init" points=3
def he_init(d, m, rng):
    """Normal weights with mean 0 and variance 2 / D (He et al., 2015).

    Parameters
    ----------
    d, m : int
        Features in and out.
    rng : numpy.random.Generator
        Called once: rng.normal for the whole shape.

    Returns
    -------
    w : ndarray (D, M)
    """
    ### BEGIN SOLUTION  one draw, with the standard deviation that belongs to the variance
    return rng.normal(0, np.sqrt(2 / d), size=(d, m))
    ### END SOLUTION


# %% provided=true
INITIALISATIONS = {
    "zeros": zeros_init,
    "normal 0.01": normal_init,
    "Xavier": xavier_init,
    "He": he_init,
}

# %% [markdown]
# ## 4. Batch normalisation
#
# A good start does not last: the weights move, and with them the size of everything downstream.
# Batch normalisation (Ioffe and Szegedy, 2015) enforces the size instead of hoping for it. For each
# feature $d$, over the samples of the mini-batch,
#
# $$ \mu_d = \frac1N \sum_n x_{nd}, \qquad
#    \sigma_d^2 = \frac1N \sum_n (x_{nd} - \mu_d)^2, \qquad
#    \hat x_{nd} = \frac{x_{nd} - \mu_d}{\sqrt{\sigma_d^2 + \varepsilon}}, \qquad
#    \text{out}_{nd} = \gamma_d\, \hat x_{nd} + \beta_d . $$
#
# The learned scale $\gamma$ and shift $\beta$ give the layer back what the normalisation took: it
# *can* undo it. A bias before it would be subtracted with the mean, so it is pointless there.
#
# **Two modes.** In training, a sample's output depends on who else is in its batch. At test time it
# must not: there, $\mu$ and $\sigma^2$ are replaced by *running* averages that training collects,
#
# $$ \text{running} \leftarrow m \cdot \text{running} + (1 - m) \cdot \text{batch}, $$
#
# with $m = 0.9$. (PyTorch calls $1 - m$ the momentum.) Mind the variance. A batch is *normalised*
# with the biased one, the mean of squares above. What is *stored* is an estimate for all data, and
# there the unbiased one is right, with $N - 1$ in place of $N$. With a single sample neither makes
# sense in training, since $\hat x$ would be 0 whatever $x$ was: refuse it.

# %% exercise="batchnorm_forward" points=9
def batchnorm_forward(x, gamma, beta, running, *, training, momentum=0.9, eps=1e-5):
    """Batch normalisation: out = γ (x − μ) / √(σ² + ε) + β, feature by feature.

    In training μ and σ² are the batch's mean and biased variance, and the running averages move
    towards the batch's mean and *unbiased* variance: running ← m · running + (1 − m) · batch.
    In evaluation μ and σ² are the running averages, which stay as they are.

    Parameters
    ----------
    x : ndarray (N, D)
        N ≥ 2 in training, N ≥ 1 in evaluation.
    gamma, beta : ndarray (D,)
        Scale and shift.
    running : tuple (mean, var) of ndarray (D,)
        Running averages; not changed.
    training : bool
        The mode.
    momentum : float
        m, how much of the running averages is kept.
    eps : float
        ε, inside the root.

    Returns
    -------
    out : ndarray (N, D)
    cache : tuple (x_hat, std, gamma, training)
        x_hat (N, D) is the normalised x, std (D,) is √(σ² + ε).
    running : tuple (mean, var) of ndarray (D,)
        The running averages afterwards, in evaluation those that were given.

    Raises
    ------
    ValueError
        In training, if N < 2.
    """
    ### BEGIN SOLUTION  mean and variance for the mode, the new running averages, the output
    mean, var = running
    if training:
        n = len(x)
        if n < 2:
            raise ValueError(f"Batch normalisation needs N of at least 2 in training, not {n}.")
        old_mean, old_var = running
        mean, var = x.mean(axis=0), x.var(axis=0)
        running = (
            momentum * old_mean + (1 - momentum) * mean,
            momentum * old_var + (1 - momentum) * var * (n / (n - 1)),
        )
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, training), running
    ### END SOLUTION


# %% [markdown]
# ### Backward
#
# $\gamma$ and $\beta$ are easy, for $\text{out} = \gamma \hat x + \beta$: each collects its
# gradient from all samples. With $\text{d}\hat x_{nd} = \text{dout}_{nd}\, \gamma_d$, what is
# left is the way from $\hat x$ to $x$, one feature at a time; drop the index $d$.
#
# In **evaluation**, $\mu$ and $\sigma$ are constants, and $dx_n = \text{d}\hat x_n / \sigma$, where
# from here on $\sigma$ includes the $\varepsilon$: it is the cache's `std`.
#
# In **training**, $x_i$ acts on every $\hat x_n$ of the batch: directly if $n = i$, and through
# $\mu$ and $\sigma$ for all $n$. Their derivatives are
#
# $$ \frac{\partial \mu}{\partial x_i} = \frac1N, \qquad
#    \frac{\partial \sigma}{\partial x_i}
#    = \frac{1}{2\sigma} \cdot \frac{\partial \sigma^2}{\partial x_i}
#    = \frac{1}{2\sigma} \cdot \frac{2}{N} (x_i - \mu) = \frac{\hat x_i}{N} $$
#
# (in the middle, the contribution of $\mu$ to $\sigma^2$ vanishes, because $\sum_n (x_n - \mu) =
# 0$). With the quotient rule,
#
# $$ \frac{\partial \hat x_n}{\partial x_i}
#    = \frac{1}{\sigma} \Bigl( \delta_{ni} - \frac1N \Bigr)
#      - \frac{x_n - \mu}{\sigma^2} \cdot \frac{\hat x_i}{N}
#    = \frac{1}{\sigma} \Bigl( \delta_{ni} - \frac1N - \frac{\hat x_n \hat x_i}{N} \Bigr) . $$
#
# Multiply by $\text{d}\hat x_n$ and sum over $n$. You get $\text{d}\hat x_i$ minus two means over
# the batch, all over $\sigma$. In words: the part of the gradient that would move all samples alike
# is taken out, and so is the part that would stretch them. That makes sense, since the forward pass
# removes both.

# %% exercise="batchnorm_backward" points=9
def batchnorm_backward(dout, cache):
    """Gradients of batch normalisation, in the mode of the forward pass.

    Parameters
    ----------
    dout : ndarray (N, D)
        Upstream gradient.
    cache : tuple (x_hat, std, gamma, training)
        As `batchnorm_forward` returns it: x_hat (N, D), std (D,), gamma (D,), bool.

    Returns
    -------
    dx : ndarray (N, D)
        In training through the batch's mean and variance as well; in evaluation these are
        constants.
    dgamma : ndarray (D,)
    dbeta : ndarray (D,)
    """
    ### BEGIN SOLUTION  dgamma, dbeta, and dx for the mode of the forward pass
    x_hat, std, gamma, training = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    if training:
        dout = dout - (dbeta + x_hat * dgamma) / len(dout)
    return gamma / std * dout, dgamma, dbeta
    ### END SOLUTION


# %% [markdown]
# ## 5. Against overfitting
#
# ### Dropout
#
# Dropout (Srivastava et al., 2014) silences each unit with probability $p$, anew for each sample
# and step, so that no unit can rely on a particular other one. At test time all units speak. The
# sums would then be $1/(1-p)$ times as large as the next layer is used to; *inverted* dropout
# makes up for that in training, where it multiplies those that are kept:
#
# $$ \text{out} = x \cdot k, \qquad
#    k = \begin{cases} \dfrac{1}{1 - p} & u \ge p \\[1ex] 0 & u < p , \end{cases} \qquad
#    \mathbb{E}[k] = (1 - p) \frac{1}{1 - p} + p \cdot 0 = 1 . $$
#
# So evaluation is the identity. The numbers $u$, uniform on $[0, 1)$, are passed in: the function
# is pure and can be tested. For the backward pass the factors $k$ are constants.

# %% exercise="dropout" points=5
def dropout_forward(x, u, p, *, training):
    """Inverted dropout: out = x k, where k = 1 / (1 − p) where u ≥ p, and 0 elsewhere.

    Parameters
    ----------
    x : ndarray, any shape
    u : ndarray, shape of x
        Uniform random numbers on [0, 1). Not used in evaluation, where it may be None.
    p : float
        Probability to drop, from 0 up to but not 1.
    training : bool
        In evaluation nothing is dropped and nothing scaled: k = 1.

    Returns
    -------
    out : ndarray, shape and dtype of x
    cache : ndarray, shape and dtype of x
        The factors k.
    """
    ### BEGIN SOLUTION  the factors k for the mode, and the product
    factors = (u >= p) / (1 - p) if training else np.ones_like(x)
    cache = factors.astype(x.dtype)
    return x * cache, cache
    ### END SOLUTION


def dropout_backward(dout, cache):
    """Gradient of dropout.

    Parameters
    ----------
    dout : ndarray, any shape
        Upstream gradient.
    cache : ndarray, shape of dout
        The factors k, as `dropout_forward` returns them.

    Returns
    -------
    dx : ndarray, shape of dout
    """
    ### BEGIN SOLUTION  the chain rule through a product with constants
    return dout * cache
    ### END SOLUTION


# %% [markdown]
# ### Penalties
#
# The other classic is a price on large weights, added to the loss:
#
# $$ \lambda \lVert w \rVert_1 = \lambda \sum_i |w_i| \qquad \text{or} \qquad
#    \tfrac12 \lambda \lVert w \rVert_2^2 = \tfrac12 \lambda \sum_i w_i^2 . $$
#
# Differentiate both. L2 pulls each weight towards 0 in proportion to its size: all become small,
# few become 0. L1 pulls with constant force: small ones *arrive* at 0 (and, as steps have a length,
# hop about it). At $w = 0$ the absolute value has a kink, and we take the subgradient 0. The sums
# run over all elements, whatever the shape.

# %% exercise="l1_penalty" points=3
def l1_penalty(w, lam):
    """L1 penalty λ Σ |w|, and its gradient; at w = 0 the derivative is taken as 0.

    Parameters
    ----------
    w : ndarray, any shape
    lam : float
        λ.

    Returns
    -------
    value : float
    dw : ndarray, shape of w
    """
    ### BEGIN SOLUTION  the sum of absolute values, and its derivative by each weight
    return lam * np.abs(w).sum(), lam * np.sign(w)
    ### END SOLUTION


# %% exercise="l2_penalty" points=3
def l2_penalty(w, lam):
    """L2 penalty ½ λ Σ w², and its gradient.

    Parameters
    ----------
    w : ndarray, any shape
    lam : float
        λ.

    Returns
    -------
    value : float
    dw : ndarray, shape of w
    """
    ### BEGIN SOLUTION  half the sum of squares, and its derivative by each weight
    return lam / 2 * np.sum(w * w), lam * w
    ### END SOLUTION


# %% [markdown]
# ## 6. What went wrong, class by class
#
# Accuracy is one number. The *confusion matrix* is the whole story: its entry $(i, j)$ counts the
# samples of class $i$ that were called $j$. Rows are the truth, columns what was said.

# %% exercise="confusion_matrix" points=4
def confusion_matrix(target, predicted, classes):
    """Counts by true and predicted class.

    Parameters
    ----------
    target, predicted : ndarray (N,) of int
        Classes, from 0 to C − 1.
    classes : int
        C; a class may occur in neither.

    Returns
    -------
    matrix : ndarray (C, C) of int
        matrix[i, j] is the number of samples of class i that were predicted as j.
    """
    ### BEGIN SOLUTION  count the pairs of true and predicted class
    pairs = target * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    ### END SOLUTION


# %% [markdown]
# Three ratios are read off it. For class $c$, the diagonal entry $h_c$ counts the hits, the row sum
# $s_c$ how many there are (the *support*), the column sum $n_c$ how many were named so:
#
# $$ \text{precision}_c = \frac{h_c}{n_c}, \qquad
#    \text{recall}_c = \frac{h_c}{s_c}, \qquad
#    F_{1,c} = \frac{2}{1/\text{precision}_c + 1/\text{recall}_c} = \frac{2 h_c}{n_c + s_c} . $$
#
# A class that was never named, or never occurs, has the denominator 0; the ratio is then taken as
# 0. The averages over classes come in two kinds. *Macro* counts each class alike, *weighted* counts
# each by its support. On rare classes they differ, and that is when you want to know.

# %% exercise="classification_report" points=6
def classification_report(matrix):
    """Precision, recall and F1 by class, and their averages.

    Parameters
    ----------
    matrix : ndarray (C, C) of int
        As `confusion_matrix` returns it, with at least one sample.

    Returns
    -------
    report : dict
        "precision", "recall", "f1" : ndarray (C,), where 0 / 0 counts as 0;
        "support" : ndarray (C,) of int, samples of each class;
        "accuracy" : float;
        "macro", "weighted" : dict with the keys "precision", "recall", "f1", each a float: the
        average over classes, plain or weighted by support.
    """
    ### BEGIN SOLUTION  hits, supports and namings; the three ratios; both kinds of average
    hits, support, named = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    scores = {
        "precision": hits / np.maximum(named, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(named + support, 1),
    }
    return {
        **scores,
        "support": support,
        "accuracy": hits.sum() / matrix.sum(),
        "macro": {name: score.mean() for name, score in scores.items()},
        "weighted": {name: score @ support / support.sum() for name, score in scores.items()},
    }
    ### END SOLUTION


# %% [markdown]
# ## 7. The landscape
#
# The gradient is the slope of the loss, the *Hessian* $H_{ij} = \partial^2 f / \partial\theta_i
# \partial\theta_j$ its curvature: in the direction of an eigenvector the loss bends with the
# eigenvalue. There is no need for second derivatives by hand. You have the gradient, so
# differentiate *it*, by central differences. Column $j$ is
#
# $$ \frac{\nabla f(\theta + h e_j) - \nabla f(\theta - h e_j)}{2h} . $$
#
# That costs $2P$ gradients for $P$ parameters, in place of the $4P^2$ function values that second
# differences of $f$ would need, and it is far more accurate. The exact Hessian is symmetric; the
# numerical one is so up to the errors of the differences. Replace it by $(H + H^\top)/2$, which
# evens them out and makes sure that the eigenvalues are real.

# %% exercise="hessian" points=4
def hessian(gradient, theta, h=1e-5):
    """Hessian by central differences of the gradient, symmetrised.

    Parameters
    ----------
    gradient : callable, ndarray (P,) -> ndarray (P,)
        Gives ∇f at a point. It is called 2 P times.
    theta : ndarray (P,)
        Where; not changed.
    h : float
        The step.

    Returns
    -------
    hessian : ndarray (P, P)
        Symmetric.
    """
    ### BEGIN SOLUTION  a difference of two gradients for each coordinate; then symmetrise
    steps = h * np.eye(len(theta))
    rows = [(gradient(theta + step) - gradient(theta - step)) / (2 * h) for step in steps]
    rows = np.array(rows)
    return (rows + rows.T) / 2
    ### END SOLUTION


# %% [markdown]
# Where the gradient vanishes, the signs of the eigenvalues say where we are. All positive: a
# minimum. All negative: a maximum. Some of each: a **saddle**, whatever the others are, since there
# is a way down and a way up. What remains has some zeros and no two signs: the second order does
# not decide, and we call it degenerate. On a computer no eigenvalue is exactly 0; one counts as
# zero if its size is at most $10^{-6}$ of the largest.

# %% exercise="critical_point" points=3
def critical_point(matrix, tolerance=1e-6):
    """The kind of a critical point, from its Hessian.

    An eigenvalue counts as zero if |λ| ≤ tolerance · max |λ|.

    Parameters
    ----------
    matrix : ndarray (P, P)
        The Hessian, symmetric.
    tolerance : float

    Returns
    -------
    kind : str
        "saddle" if there are positive and negative eigenvalues; else "degenerate" if any counts as
        zero; else "minimum" or "maximum".
    """
    ### BEGIN SOLUTION  the signs of the eigenvalues, apart from those that count as zero
    eigenvalues = np.linalg.eigvalsh(matrix)
    limit = tolerance * np.abs(eigenvalues).max()
    up, down = eigenvalues > limit, eigenvalues < -limit
    if up.any() and down.any():
        return "saddle"
    if up.all():
        return "minimum"
    return "maximum" if down.all() else "degenerate"
    ### END SOLUTION


# %% [markdown]
# How often is a random symmetric matrix a minimum? The experiment draws matrices with independent
# normal entries in many dimensions and counts, with your function. Look at the scale of the axis,
# then explain it.

# %% experiment="saddle_fraction"
rng = np.random.default_rng(0)
dimensions = np.arange(1, 9)
trials = 20_000 if FULL else 4_000
fractions = []
for d in dimensions:
    noise = rng.standard_normal((trials, d, d))
    kinds = [critical_point(matrix + matrix.T) for matrix in noise]
    fractions.append([kinds.count("minimum") / trials, kinds.count("saddle") / trials])
minima, saddles = np.array(fractions).T

left, right = figure(2)
left.plot(dimensions, saddles, "o-", label="saddles")
left.plot(dimensions, minima, "s--", label="minima")
left.set(xlabel="dimension", ylabel="fraction", title="Random symmetric matrices")
left.legend()
seen = minima > 0
right.semilogy(dimensions[seen], minima[seen], "s--", color="C1", label="minima, counted")
right.semilogy(dimensions, 0.5**dimensions, ":", color="0.4", label="independent signs, $2^{-P}$")
right.set(xlabel="dimension", ylabel="fraction", title="Minima, on a logarithmic axis")
right.legend()

NUMBERS["saddle_fraction"] = float(saddles[-1])

# %% [markdown] written="saddles" points=8
# ### Written question (8 points)
#
# **Why does the fraction of saddle points among the critical points grow with the dimension, and
# what follows for the training of networks?**
#
# 1. Suppose, as the crudest model, that the $P$ eigenvalues at a critical point are independent and
#    each is positive with probability $q$. Which fraction of the critical points are minima,
#    maxima, saddles? What happens for $P \to \infty$?
# 2. The eigenvalues of a random symmetric matrix are not independent. Look at the right-hand plot:
#    do the minima die out faster or more slowly than in your model? Give the reason. (What do the
#    eigenvalues do to each other? The case $P = 2$ can be computed by hand: write the matrix with
#    its trace and its determinant.)
# 3. For a network, $q$ is not the same at all heights of the loss. Explain what Dauphin et al.
#    (2014) found about the fraction of negative eigenvalues and the loss of a critical point, and
#    what it means for the question whether "local minima" are what stops a training.
# 4. What does gradient descent do near a saddle? Linearise it there, say which starting points
#    converge to the saddle, and why it nevertheless costs time. How do momentum and Adam fare?
#
# ### BEGIN SOLUTION
# **1.** (2 points) All $P$ signs must be positive for a minimum: fraction $q^P$. All negative:
# $(1-q)^P$. The rest, $1 - q^P - (1-q)^P$, are saddles. For $0 < q < 1$ both powers go to 0
# exponentially in $P$, and the fraction of saddles to 1; with $q = \tfrac12$ it is $1 - 2^{1-P}$.
# A minimum needs all directions to agree, a saddle only two that don't.
#
# **2.** (2 points) Faster. Eigenvalues of a random symmetric matrix *repel* each other: their joint
# density contains the factor $\prod_{i<j} |\lambda_i - \lambda_j|$. With many of them, they spread
# over Wigner's semicircle, symmetric around 0, and to squeeze all of them to one side of 0 costs a
# probability of order $e^{-cP^2}$ ($c = \tfrac14 \ln 3$; Dean and Majumdar, 2006), not $e^{-cP}$.
# For $P = 2$: with entries $a, b$ on the diagonal and $e$ off it, $\lambda_{1,2} = \frac{a+b}{2}
# \pm r$ with $r = \sqrt{(a-b)^2/4 + e^2}$. Both are positive if and only if $\frac{a+b}{2} > r$.
# If the half sum, the half difference and $e$ are independent normals of equal variance (as they
# are for the matrices of the experiment), that is the inside of a cone of half angle 45° around
# the first of three axes. Its share of the sphere is $(1 - \cos 45°)/2 = 0.146$, and not ¼. The
# off-diagonal entry only ever drives the two eigenvalues apart.
#
# **3.** (2 points) They find that critical points at high loss have many negative eigenvalues, and
# that this fraction falls together with the loss: what has no negative eigenvalues lies at low
# loss, close to the global minimum. (For Gaussian random fields Bray and Dean, 2007, derive it: the
# semicircle shifts with the height.) So a training that stalls at high loss is most likely near a
# saddle with a flat surrounding, not in a bad local minimum; minima that are reached are about
# equally good. The argument is one about typical random functions; that networks resemble them is
# an observation, not a theorem.
#
# **4.** (2 points) Near the saddle, in the eigenbasis, a step multiplies coordinate $i$ by
# $1 - \eta \lambda_i$: with small $\eta$, factors below 1 for $\lambda_i > 0$, above 1 for
# $\lambda_i < 0$. Only starts without any component along the negative directions converge to it, a
# set of measure 0; random starts and noise leave it. But a component $\epsilon$ needs about
# $\ln(1/\epsilon) / (\eta |\lambda|)$ steps to grow to order 1, and where $|\lambda|$ is small the
# walk stands on a plateau. Momentum multiplies the rate of escape by up to $1/(1-\mu)$. Adam and
# RMSprop divide by the root of the mean squared gradient, so small but consistent gradients give
# steps of full length: they leave soonest, as the race showed.
# ### END SOLUTION

# %% [markdown]
# ## 8. All of it in a network
#
# Here is a network with places for your parts: linear layers, then batch normalisation if you want
# it, an activation, and dropout if you want it; the last layer is linear. You have written such a
# network yourself in `mlp`, so it is given. First come those of its parts that you have written
# there too: two activations, the linear layer, the loss and the accuracy.

# %% provided="mlp/relu"

# %% provided="mlp/tanh"

# %% provided="mlp/linear_forward"

# %% provided="mlp/linear_backward"

# %% provided="mlp/cross_entropy_loss"

# %% provided="mlp/accuracy"

# %% [markdown]
# Now the network. Note how `fit` uses an optimiser: one state for each parameter. Note, too, what a
# penalty is added to: the weights, not biases or scales.

# %% provided=true
from itertools import pairwise

ACTIVATIONS = {"relu": (relu_forward, relu_backward), "tanh": (tanh_forward, tanh_backward)}


class Network:
    """Linear layers with an activation between them, and batch normalisation and dropout if asked.

    `inside[l]` keeps what goes into and comes out of the activation of layer l, and the gradient
    that arrives there, for us to look at.
    """

    def __init__(
        self, sizes, rng, *, init, activation="relu", batchnorm=False, dropout=0.0, dtype=np.float32
    ):
        self.depth, self.rng, self.dropout, self.dtype = len(sizes) - 1, rng, dropout, dtype
        self.activation_forward, self.activation_backward = ACTIVATIONS[activation]
        self.parameters, self.gradients, self.running, self.inside = {}, {}, {}, {}
        for layer, (d, m) in enumerate(pairwise(sizes), start=1):
            values = {"w": init(d, m, rng), "b": np.zeros(m)}
            if batchnorm and layer < self.depth:
                values |= {"gamma": np.ones(m), "beta": np.zeros(m)}
                self.running[layer] = np.zeros(m, dtype), np.ones(m, dtype)
            for name, value in values.items():
                self.parameters[f"{name}{layer}"] = value.astype(dtype)

    def forward(self, x, training=False):
        """The logits (N, C), through all layers."""
        p, self.caches = self.parameters, {}
        for layer in range(1, self.depth + 1):
            norm = active = drop = None
            z, linear = linear_forward(x, p[f"w{layer}"], p[f"b{layer}"])
            if layer in self.running:
                scale, shift, running = p[f"gamma{layer}"], p[f"beta{layer}"], self.running[layer]
                z, norm, running = batchnorm_forward(z, scale, shift, running, training=training)
                self.running[layer] = running
            out = z
            if layer < self.depth:
                out, active = self.activation_forward(z)
            self.inside[layer] = {"z": z, "out": out}
            after = out
            if self.dropout and layer < self.depth:
                u = self.rng.random(out.shape, dtype=np.float32)
                after, drop = dropout_forward(out, u, self.dropout, training=training)
            self.caches[layer] = linear, norm, active, drop
            x = after
        return x

    def backward(self, dout):
        """All gradients, by the names of the parameters."""
        for layer in range(self.depth, 0, -1):
            linear, norm, active, drop = self.caches[layer]
            if drop is not None:
                dout = dropout_backward(dout, drop)
            if active is not None:
                dout = self.activation_backward(dout, active)
            self.inside[layer]["dz"] = dout
            if norm is not None:
                dout, dgamma, dbeta = batchnorm_backward(dout, norm)
                self.gradients |= {f"gamma{layer}": dgamma, f"beta{layer}": dbeta}
            dout, dw, db = linear_backward(dout, linear)
            self.gradients |= {f"w{layer}": dw, f"b{layer}": db}


def evaluate(network, x, y):
    """Loss and accuracy without training."""
    logits = network.forward(x)
    return float(cross_entropy_loss(logits, y)[0]), float(accuracy(logits, y))


def fit(
    network, train_set, test_set, *, update, rng, epochs, batch_size=32, penalty=None, lam=0.0,
    each_epoch=None, **hyper,
):
    """Train by any of your optimisers; the history of loss and accuracy.

    `penalty` is `l1_penalty` or `l2_penalty`. `each_epoch(epoch, history)` is called after each.
    """
    x, y = train_set
    history = {"loss": [], "metric": [], "val_loss": [], "val_metric": []}
    states = {name: {} for name in network.parameters}
    for epoch in range(1, epochs + 1):
        for x_batch, y_batch in minibatches(x, y, batch_size, rng):
            if network.running and len(y_batch) < 2:
                continue  # batch normalisation has no use for a single sample
            _, dlogits = cross_entropy_loss(network.forward(x_batch, training=True), y_batch)
            network.backward(dlogits)
            for name, param in network.parameters.items():
                grad = network.gradients[name]
                if penalty is not None and name.startswith("w"):
                    grad = grad + penalty(param, lam)[1]
                made = update(param, grad, states[name], **hyper)
                network.parameters[name], states[name] = made
        for prefix, part in ("", train_set), ("val_", test_set):
            loss, metric = evaluate(network, *part)
            history[f"{prefix}loss"].append(loss)
            history[f"{prefix}metric"].append(metric)
        if each_epoch is not None:
            each_epoch(epoch, history)
    return history


def digits():
    """The digits, standardised: a training and a test set of inputs and classes."""
    dataset = data.load("digits")
    x_train, x_test = data.standardised(dataset)
    return (x_train, dataset.y_train), (x_test, dataset.y_test), dataset


# %% [markdown]
# ### The same race on digits
#
# Six optimisers, equal weights at the start, equal mini-batches, each with a learning rate that
# suits it (found by trying a few). On an easy problem like this one they all arrive; how soon is
# what differs. Watch how close Nesterov stays to momentum, and what a constant learning rate leaves
# of the noise at the end.

# %% experiment="digits_race"
from tqdm.auto import tqdm

train_set, test_set, dataset = digits()
RATES = {
    "SGD": 0.1, "momentum": 0.02, "Nesterov": 0.02, "RMSprop": 1e-3, "Adam": 2e-3, "Nadam": 2e-3,
}  # fmt: skip
epochs = 40 if FULL else 12
histories = {}
for name, update in tqdm(OPTIMISERS.items(), unit="optimiser"):
    rng = np.random.default_rng(0)
    network = Network([64, 64, 10], rng, init=he_init)
    histories[name] = fit(
        network, train_set, test_set, update=update, learning_rate=RATES[name], epochs=epochs,
        rng=rng,
    )

left, right = figure(2)
curves = {name: history["loss"] for name, history in histories.items()}
draw_curves(left, curves, ylabel="training loss", title="Digits", yscale="log")
curves = {name: 100 * (1 - np.array(h["val_metric"])) for name, h in histories.items()}
draw_curves(right, curves, ylabel="test error (%)", title="Digits", ylim=(0, 10))

for name, history in histories.items():
    NUMBERS[f"digits_{name.lower()}"] = history["val_metric"][-1]

# %% [markdown]
# ### Ten layers, four starts
#
# A signal goes through ten layers of 100 units, forward and back, before any training. On the left
# the root mean square of what comes out of each layer (of what goes in, it is 1), on the right the
# standard deviation of the gradient that arrives there, relative to layer 10. Horizontal is what we
# want. Below, what the units of three layers give.
#
# With zeros, everything is 0 from the first layer on, and there is nothing to draw.

# %% experiment="initialisation"
rng = np.random.default_rng(0)
depth, width = 10, 100
x = rng.standard_normal((1000, width)).astype(np.float32)
layers = np.arange(1, depth + 1)
signals = {}
for activation in ACTIVATIONS:
    left, right = figure(2)
    for (name, init), style in zip(INITIALISATIONS.items(), (":", "-.", "--", "-"), strict=True):
        network = Network([width] * (depth + 2), rng, init=init, activation=activation)
        network.forward(x)
        network.backward(rng.standard_normal((1000, width)).astype(np.float32))
        inside = [network.inside[layer] for layer in layers]
        signals[activation, name] = [part["out"] for part in inside]
        forward = np.array([np.sqrt(np.mean(part["out"] ** 2)) for part in inside])
        back = np.array([part["dz"].std() for part in inside])
        if forward.all():
            left.semilogy(layers, forward, style, label=name)
            right.semilogy(layers, back / back[-1], style, label=name)
        NUMBERS[f"signal_{activation}_{name.split()[0].lower()}"] = float(forward[-1])
    left.set(xlabel="layer", ylabel="root mean square", title=f"Activations, {activation}")
    right.set(xlabel="layer", ylabel="relative to layer 10", title=f"Gradients, {activation}")
    for axis in left, right:
        axis.set(xticks=layers)
        axis.legend()

axes = figure(columns=3, rows=2, height=2.2)
kinds = ("tanh", "normal 0.01"), ("tanh", "Xavier")
for row, (activation, name) in zip((axes[:3], axes[3:]), kinds, strict=True):
    for axis, layer in zip(row, (1, 5, 10), strict=True):
        axis.hist(signals[activation, name][layer - 1].ravel(), bins=50, density=True)
        axis.set(title=f"{name}, layer {layer}", xlabel="activation", ylabel="density")

# %% [markdown]
# ### With and without batch normalisation
#
# Six hidden layers, SGD, three learning rates: the same network with batch normalisation and
# without. And a look at *what a neuron does*: for one unit of the fourth layer, the 15th, 50th and
# 85th percentile of its input to the activation, over the test set, as the training goes on
# (Ioffe and Szegedy, 2015, figure 1).

# %% experiment="batchnorm"
from tqdm.auto import tqdm

train_set, test_set, dataset = digits()
sizes, epochs = [64] + [48] * 6 + [10], 30 if FULL else 10
rates = 0.01, 0.1, 1.0


def trained_and_watched(batchnorm, rate):
    """The test accuracies, and the percentiles of one unit's input on the test set, by epoch."""
    rng, percentiles = np.random.default_rng(0), []
    network = Network(sizes, rng, init=he_init, batchnorm=batchnorm)

    def watch(epoch, history):
        """The test set has just been evaluated: its values are inside the network."""
        percentiles.append(np.percentile(network.inside[4]["z"][:, 7], [15, 50, 85]))

    with np.errstate(all="ignore"):  # without normalisation the largest rate explodes
        history = fit(
            network, train_set, test_set, update=sgd, learning_rate=rate, epochs=epochs, rng=rng,
            each_epoch=watch,
        )
    return 100 * np.array(history["val_metric"]), np.array(percentiles)


made = {
    (batchnorm, rate): trained_and_watched(batchnorm, rate)
    for batchnorm in (False, True)
    for rate in tqdm(rates, unit="training")
}

panels = figure(2, rows=2, height=3)
for batchnorm, axis, below in ((False, panels[0], panels[2]), (True, panels[1], panels[3])):
    title = "with normalisation" if batchnorm else "without"
    runs = {f"η = {rate:g}": made[batchnorm, rate][0] for rate in rates}
    draw_curves(axis, runs, ylabel="test accuracy (%)", title=title, ylim=(0, 100))
    names = ("15th percentile", "median", "85th percentile")
    runs = dict(zip(names, made[batchnorm, 0.1][1].T, strict=True))
    draw_curves(below, runs, ylabel="input of one unit", title=f"a unit of layer 4, {title}")
    below.margins(y=0.5)
    below.legend(loc="lower center", ncols=3, fontsize=7)

NUMBERS["batchnorm_large_rate"] = float(made[True, 1.0][0][-1]) / 100
NUMBERS["plain_large_rate"] = float(made[False, 1.0][0][-1]) / 100

# %% [markdown]
# ### Against overfitting
#
# A network with some 26,000 parameters and 400 digits to learn from, and to make it worse, a third
# of their labels are drawn at random. What can be learned from the others comes first. After that
# the network learns the wrong labels by heart, one by one, and what it makes of fresh digits gets
# worse. (The labels of the test set are right.) Find the epoch at which the plain network is best,
# and see what the remedies make of the rest. The test error shows the harm long before the loss.

# %% experiment="regularisation"
from tqdm.auto import tqdm

train_set, test_set, dataset = digits()
noise = np.random.default_rng(1)
labels = train_set[1][:400].copy()
wrong = noise.random(400) < 1 / 3
labels[wrong] = noise.integers(10, size=wrong.sum())
few = train_set[0][:400], labels
epochs = 100 if FULL else 50
KINDS = {
    "plain": {},
    "L1": {"penalty": l1_penalty, "lam": 2e-3},
    "L2": {"penalty": l2_penalty, "lam": 5e-2},
    "dropout": {"dropout": 0.5},
}
seeds = range(6 if FULL else 3)
results = {name: [] for name in KINDS}
for seed in tqdm(seeds, unit="seed"):
    for name, options in KINDS.items():
        rng, options = np.random.default_rng(seed), dict(options)
        network = Network([64, 128, 128, 10], rng, init=he_init, dropout=options.pop("dropout", 0))
        results[name].append(
            fit(
                network, few, test_set, update=adam, learning_rate=1e-3, epochs=epochs, rng=rng,
                **options,
            )
        )

mean = {
    name: {key: np.mean([run[key] for run in runs], axis=0) for key in runs[0]}
    for name, runs in results.items()
}
left, right = figure(2)
runs = {name: history["val_loss"] for name, history in mean.items()}
draw_curves(left, runs, ylabel="test loss", title=f"400 digits, mean of {len(seeds)} networks")
runs = {name: 100 * (1 - history["val_metric"]) for name, history in mean.items()}
draw_curves(right, runs, ylabel="test error (%)", title="Test error", ylim=(0, 40))

for name, history in mean.items():
    NUMBERS[f"few_{name.lower()}_loss"] = float(history["val_loss"][-1])
    NUMBERS[f"few_{name.lower()}_accuracy"] = float(history["val_metric"][-1])

# %% [markdown]
# ### The spectrum along the training
#
# Now your Hessian, on a network: 4 inputs, 8 tanh units and 3 classes on Iris, 67 parameters, and
# the whole training set at each step. The gradient as a function of *one* vector is what `hessian`
# asks for. At each stop we look at all eigenvalues: how many are negative, how large the largest
# is, and how the bulk of them sits at zero. Gradient descent with the rate $\eta$ is stable only
# where $\lambda_{\max} < 2 / \eta$, the dotted line; compare.

# %% experiment="spectrum"
from tqdm.auto import tqdm

dataset = data.load("iris")
x, y = data.standardised(dataset, axis=0)[0].astype(np.float64), dataset.y_train
network = Network([4, 8, 3], np.random.default_rng(3), init=xavier_init, activation="tanh",
                  dtype=np.float64)  # fmt: skip
shapes = {name: value.shape for name, value in network.parameters.items()}
cuts = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])


def slope(theta):
    """The gradient of the loss as one vector, at the parameters that are given as one vector."""
    for (name, shape), part in zip(shapes.items(), np.split(theta, cuts[:-1]), strict=True):
        network.parameters[name] = part.reshape(shape)
    network.backward(cross_entropy_loss(network.forward(x, training=True), y)[1])
    return np.concatenate([network.gradients[name].ravel() for name in shapes])


rate, steps = 0.3, 3000 if FULL else 1000
stops = np.unique(np.geomspace(1, steps, 40 if FULL else 16).astype(int)) - 1
theta = np.concatenate([value.ravel() for value in network.parameters.values()])
spectra, losses = [], []
for step in tqdm(range(steps), unit="step", mininterval=1):
    gradient = slope(theta)
    if step in stops:
        losses.append(cross_entropy_loss(network.forward(x), y)[0])
        spectra.append(np.linalg.eigvalsh(hessian(slope, theta)))
    theta = theta - rate * gradient
spectra = np.array(spectra)
negative = (spectra < -1e-6 * np.abs(spectra).max(axis=1, keepdims=True)).mean(axis=1)

first, second, third, fourth = figure(2, rows=2, height=3)
first.loglog(stops + 1, spectra[:, -1], "o-", markersize=3, label="largest eigenvalue")
first.loglog(stops + 1, np.maximum(-spectra[:, 0], 1e-5), "s--", markersize=3, label="−smallest")
first.axhline(2 / rate, color="0.4", linestyle=":", label="2 / η")
first.set(xlabel="step", ylabel="curvature", title="The extreme eigenvalues")
first.legend()
second.semilogx(stops + 1, 100 * negative, "o-", markersize=3)
second.set(xlabel="step", ylabel="negative eigenvalues (%)", title="Directions that bend down")
third.plot(losses, 100 * negative, "o-", markersize=3)
third.set(xlabel="loss", ylabel="negative eigenvalues (%)", title="The same, by the loss")
for place, label, style in (0, "start", ":"), (len(stops) // 2, "middle", "--"), (-1, "end", "-"):
    values = np.sort(np.abs(spectra[place]))[::-1]
    fourth.semilogy(np.arange(1, len(values) + 1), values, style, label=label)
fourth.set(xlabel="rank", ylabel="|eigenvalue|", title="All eigenvalues, by size", ylim=(1e-8, 10))
fourth.legend()

kinds = [critical_point(np.diag(values)) for values in (spectra[0], spectra[-1])]
print(f"If these points were critical, the first would be a {kinds[0]}, the last a {kinds[1]}.")
NUMBERS["spectrum_negative_start"] = float(negative[0])
NUMBERS["spectrum_negative_end"] = float(negative[-1])
NUMBERS["spectrum_loss_end"] = float(losses[-1])

# %% [markdown]
# ### Together, on clothes
#
# He's initialisation, batch normalisation, dropout and Adam on Fashion-MNIST (Xiao, Rasul and
# Vollgraf, 2017), beside the plain network with SGD that you know. If the set is not on this
# machine, the cell says so and uses the digits. The confusion matrix shows what accuracy cannot:
# which clothes look alike.

# %% experiment="fashion_mnist"
from tqdm.auto import tqdm

dataset = data.at_hand("fashion_mnist", download=FULL)
x_train, x_test = data.standardised(dataset)
train_set, test_set = (x_train, dataset.y_train), (x_test, dataset.y_test)
epochs = 15 if FULL else 4
histories = {}
for name in "SGD", "all together":
    rng, together = np.random.default_rng(0), name == "all together"
    network = Network(
        [x_train.shape[1], 128, 128, 10], rng, init=he_init, batchnorm=together,
        dropout=0.1 if together else 0.0,
    )
    with tqdm(total=epochs, desc=name, unit="epoch") as bar:
        histories[name] = fit(
            network, train_set, test_set, update=adam if together else sgd, epochs=epochs,
            learning_rate=1e-3 if together else 0.05, batch_size=128, rng=rng,
            each_epoch=lambda epoch, history: bar.update(),
        )

left, right = figure(2)
curves = {name: history["loss"] for name, history in histories.items()}
draw_curves(left, curves, ylabel="training loss", title=dataset.card["title"])
curves = {name: 100 * np.array(history["val_metric"]) for name, history in histories.items()}
draw_curves(right, curves, ylabel="test accuracy (%)", title=dataset.card["title"])
(axis,) = figure(height=5)
predicted = network.forward(x_test).argmax(axis=1)
draw_matrix(axis, confusion_matrix(dataset.y_test, predicted, 10), dataset.classes)

if dataset.name == "fashion_mnist":
    NUMBERS["fashion_mnist_accuracy"] = histories["all together"]["val_metric"][-1]
    NUMBERS["fashion_mnist_sgd"] = histories["SGD"]["val_metric"][-1]

# %% [markdown]
# ## 9. Keeping track
#
# A training that nobody wrote down has to be done again. `autograder.tracking` notes what you will
# want to know later: the hyperparameters, the curves, the norm of each gradient, how the weights
# spread, the confusion matrix, and the model itself. Everything goes through one small interface
# with two backends. By default a run is a folder in `runs/`, with plots. With
# `tracking.start(..., backend="wandb")`, or `CHAINRULE_TRACKING=wandb` in the environment, the same
# calls go to Weights & Biases, which works offline and without an account; `wandb sync` uploads the
# run later, if you have one, and `WANDB_MODE=online` sends it at once.

# %% experiment="tracked_run"
train_set, test_set, dataset = digits()
config = {
    "optimiser": "Nadam", "learning_rate": 2e-3, "epochs": 40 if FULL else 15, "batch_size": 32,
    "hidden": 64, "dropout": 0.1, "batchnorm": True, "seed": 0,
}  # fmt: skip
rng = np.random.default_rng(config["seed"])
network = Network(
    [64, config["hidden"], config["hidden"], 10], rng, init=he_init, batchnorm=True,
    dropout=config["dropout"],
)
weights = ("w1", "w2", "w3")


def note(epoch, history):
    """What is kept of each epoch."""
    numbers = {
        "loss/training": history["loss"][-1], "loss/test": history["val_loss"][-1],
        "accuracy/training": history["metric"][-1], "accuracy/test": history["val_metric"][-1],
    }  # fmt: skip
    norms = {f"gradient norm/{key}": np.linalg.norm(network.gradients[key]) for key in weights}
    run.log(epoch, numbers | norms)
    run.histograms(epoch, {key: network.parameters[key] for key in weights})


with tracking.start("nadam", config) as run:
    history = fit(
        network, train_set, test_set, update=OPTIMISERS[config["optimiser"]],
        learning_rate=config["learning_rate"], epochs=config["epochs"],
        batch_size=config["batch_size"], rng=rng, each_epoch=note,
    )
    matrix = confusion_matrix(test_set[1], network.forward(test_set[0]).argmax(axis=1), 10)
    run.confusion_matrix(matrix, dataset.classes)
    run.artifact("model", network.parameters)
print("kept in", getattr(run, "folder", "runs/wandb"))

report = classification_report(matrix)
print("class  precision  recall     F1  support")
columns = (report[key] for key in ("precision", "recall", "f1", "support"))
for name, *row in zip(dataset.classes, *columns, strict=True):
    print(f"{name:>5}  {row[0]:9.3f}  {row[1]:6.3f}  {row[2]:5.3f}  {row[3]:7d}")
NUMBERS["tracked_accuracy"] = float(report["accuracy"])
NUMBERS["tracked_macro_f1"] = float(report["macro"]["f1"])

# %% [markdown]
# ### A sweep
#
# Which learning rate, which optimiser, how wide, how much dropout? Grids waste most of their points
# on what doesn't matter (Bergstra and Bengio, 2012). A Bayesian search models what it has seen and
# tries next where it expects the most. The TPE (Bergstra et al., 2011) of Optuna (Akiba et al.,
# 2019) models the density of *good* and of *bad* points and picks where their ratio is largest. The
# space is defined once, below; `sweep.write_wandb` writes the same space as a sweep configuration
# for Weights & Biases. Where you have an account, `wandb.sweep` starts such a sweep, and
# `wandb.agent` calls your training with what it suggests.
#
# A choice among many trials is a bet on noise as well. So the search looks at a *validation* set
# cut from the training set, and the test set is asked once, at the end.

# %% experiment="sweep"
(x, y), test_set, dataset = digits()
train_part, validation = (x[:1100], y[:1100]), (x[1100:], y[1100:])
SPACE = {
    "learning_rate": sweep.Range(1e-4, 1.0, log=True),
    "optimiser": sweep.Choice("SGD", "momentum", "Adam", "Nadam"),
    "hidden": sweep.Range(8, 128, log=True, whole=True),
    "dropout": sweep.Range(0.0, 0.6),
    "batchnorm": sweep.Choice(False, True),
}


def trained(train_set, held_out, learning_rate, optimiser, hidden, dropout, batchnorm):
    """A network with these hyperparameters, and its history."""
    rng = np.random.default_rng(0)
    network = Network(
        [64, hidden, 10], rng, init=he_init, dropout=dropout, batchnorm=batchnorm
    )
    with np.errstate(all="ignore"):  # some of these rates explode
        return fit(
            network, train_set, held_out, update=OPTIMISERS[optimiser],
            learning_rate=learning_rate, epochs=20 if FULL else 5, rng=rng,
        )


trials = sweep.search(
    lambda **chosen: trained(train_part, validation, **chosen)["val_metric"][-1],
    SPACE, trials=60 if FULL else 20, random_trials=8,
)  # fmt: skip
best = max(trials, key=lambda trial: trial.value)
final = trained((x, y), test_set, **best.parameters)["val_metric"][-1]

left, right = figure(2)
values = 100 * np.array([trial.value for trial in trials])
numbers = np.arange(1, len(trials) + 1)
left.plot(numbers, values, "o", markersize=4, label="trial")
left.plot(numbers, np.maximum.accumulate(values), "-", label="best so far")
left.axvline(8.5, color="0.4", linestyle=":", label="end of the random trials")
left.set(xlabel="trial", ylabel="validation accuracy (%)", title="The sweep, in time")
left.xaxis.get_major_locator().set_params(integer=True)
left.legend(loc="lower right")
for name, marker in zip(SPACE["optimiser"].options, "os^D", strict=True):
    chosen = [t for t in trials if t.parameters["optimiser"] == name]
    rates = [t.parameters["learning_rate"] for t in chosen]
    right.semilogx(rates, [100 * t.value for t in chosen], marker, markersize=5, label=name)
right.set(xlabel="learning rate", ylabel="validation accuracy (%)", title="By learning rate")
right.legend(loc="lower left")
print("best:", ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                         for key, value in best.parameters.items()))  # fmt: skip
written = sweep.write_wandb("runs/sweep.yaml", SPACE, metric="accuracy/test")
print(f"the same space for Weights & Biases, in {written}:")
print(written.read_text(encoding="utf-8"))
NUMBERS["sweep_best_validation"] = float(best.value)
NUMBERS["sweep_test"] = float(final)

# %% [markdown]
# ## What to try next
#
# - **Break it on purpose.** Leave the bias correction out of Adam and plot the length of the first
#   fifty steps. Put $\varepsilon$ inside the root. Evaluate a network with batch normalisation in
#   training mode, on batches of two. Predict each result before you run it.
# - **Schedules.** Let the learning rate fall along a cosine (Loshchilov and Hutter, 2017), with a
#   linear warm-up at the start. Which optimiser gains most?
# - **AdamW** (Loshchilov and Hutter, 2019). L2 in the gradient is divided by $\sqrt{\hat v}$ like
#   everything else in it. Subtract $\eta \lambda \theta$ from the parameter instead. It is one
#   line; compare the norms of the weights.
# - **AMSGrad.** Reddi, Kale and Kumar (2018) found a convex function on which Adam walks the wrong
#   way. Build it, and mend Adam.
# - **The edge of stability.** Train the Iris network with several rates by full-batch descent and
#   watch $\lambda_{\max}$: it rises until it touches $2/\eta$ (Cohen et al., 2021).
# - **Layer normalisation** takes mean and variance over the features of one sample. Turn your batch
#   normalisation by 90 degrees. Which of its two modes do you still need?
# - **Only the sign.** Replace the gradient by its sign in SGD. How far does it get, and which
#   optimiser does it remind you of?
#
# ### References
#
# - T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama (2019). Optuna: a next-generation
#   hyperparameter optimization framework. *KDD*.
# - J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl (2011). Algorithms for hyper-parameter
#   optimization. *NeurIPS*.
# - J. Bergstra, Y. Bengio (2012). Random search for hyper-parameter optimization. *JMLR* 13,
#   281–305.
# - L. Bottou, F. Curtis, J. Nocedal (2018). Optimization methods for large-scale machine learning.
#   *SIAM Review* 60, 223–311.
# - A. Bray, D. Dean (2007). Statistics of critical points of Gaussian fields on large-dimensional
#   spaces. *Physical Review Letters* 98, 150201.
# - A. Cauchy (1847). Méthode générale pour la résolution des systèmes d'équations simultanées.
#   *Comptes rendus* 25, 536–538.
# - J. Cohen, S. Kaur, Y. Li, J. Kolter, A. Talwalkar (2021). Gradient descent on neural networks
#   typically occurs at the edge of stability. *ICLR*.
# - Y. Dauphin, R. Pascanu, C. Gulcehre, K. Cho, S. Ganguli, Y. Bengio (2014). Identifying and
#   attacking the saddle point problem in high-dimensional non-convex optimization. *NeurIPS*.
# - D. Dean, S. Majumdar (2006). Large deviations of extreme eigenvalues of random matrices.
#   *Physical Review Letters* 97, 160201.
# - T. Dozat (2016). Incorporating Nesterov momentum into Adam. *ICLR workshop*.
# - X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep feedforward neural
#   networks. *AISTATS*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015). Delving deep into rectifiers. *ICCV*.
# - S. Ioffe, C. Szegedy (2015). Batch normalization. *ICML*.
# - D. Kingma, J. Ba (2015). Adam: a method for stochastic optimization. *ICLR*.
# - I. Loshchilov, F. Hutter (2017). SGDR: stochastic gradient descent with warm restarts. *ICLR*.
# - I. Loshchilov, F. Hutter (2019). Decoupled weight decay regularization. *ICLR*.
# - Y. Nesterov (1983). A method for solving the convex programming problem with convergence rate
#   O(1/k²). *Soviet Mathematics Doklady* 27, 372–376.
# - B. Polyak (1964). Some methods of speeding up the convergence of iteration methods. *USSR
#   Computational Mathematics and Mathematical Physics* 4(5), 1–17.
# - S. Reddi, S. Kale, S. Kumar (2018). On the convergence of Adam and beyond. *ICLR*.
# - H. Robbins, S. Monro (1951). A stochastic approximation method. *Annals of Mathematical
#   Statistics* 22, 400–407.
# - H. Rosenbrock (1960). An automatic method for finding the greatest or least value of a function.
#   *The Computer Journal* 3, 175–184.
# - N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2014). Dropout: a
#   simple way to prevent neural networks from overfitting. *JMLR* 15, 1929–1958.
# - I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013). On the importance of initialization and
#   momentum in deep learning. *ICML*.
# - T. Tieleman, G. Hinton (2012). Lecture 6.5, RMSprop. *COURSERA: Neural networks for machine
#   learning*.
# - H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking
#   machine learning algorithms. arXiv:1708.07747.
