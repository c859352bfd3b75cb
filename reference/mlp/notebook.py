# %% [markdown]
# # Backpropagation by hand
#
# A neural network is a composition of small functions. Training it asks one question of calculus,
# over and over: if I nudge this number, how much does the loss move? The chain rule answers it for
# every parameter at once, and the art of organising that answer is called *backpropagation*
# (Rumelhart, Hinton and Williams, 1986). In this assignment you write all of it in NumPy: a neuron,
# seven activations, a linear layer, three losses, a network, a training loop. Nothing is hidden in
# a library, and at the end PyTorch agrees with you to the last digits.
#
# **How the notebook works.** You write where a cell says `raise NotImplementedError`; everything
# else is ready to run. Each exercise is followed by a check: run it as often as you like, it tells
# you which property fails and, where it can, why. `progress()` in a cell of your own lists every
# exercise with its points. Functions are graded one by one: a gap in one costs another nothing,
# unless that one calls it, as the network calls your linear layer. Mend the lower one first. Use
# NumPy operations on whole arrays rather than Python loops over samples: they say the same in fewer
# words and run much faster.
#
# **One alphabet for axes**, everywhere in the course: $N$ samples in a batch, $D$ features in, $M$
# features out, $C$ classes. A batch of inputs is an array `x` of shape $(N, D)$, one sample a row.
#
# **One precision, kept.** Every function gives its floating-point results in the dtype of its
# inputs: float64 in the checks, float32 in the experiments, where it is twice as fast. NumPy keeps
# it by itself, unless you bring in an array of float64 of your own, as a bare `np.zeros(shape)` is;
# `np.zeros_like(x)` is not.

# %% provided=true
import os

import numpy as np

from autograder import check, data, progress
from autograder.figures import draw_history, draw_images, figure

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # longer experiments, downloads allowed
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. One neuron
#
# ### Forward
#
# A neuron weighs its $D$ inputs, adds a bias and squashes the sum between 0 and 1:
#
# $$ z_n = \sum_d x_{nd}\, w_d + b, \qquad
#    \text{out}_n = \sigma(z_n), \qquad \sigma(z) = \frac{1}{1 + e^{-z}} . $$
#
# The sum over $d$ for all $n$ at once is a matrix-vector product. Every function of this course
# that has a gradient comes as a pair: `thing_forward` returns its output and a *cache*, a tuple of
# whatever the way back will need; `thing_backward` takes the cache and never sees the inputs
# otherwise. The docstring says what is in the cache, and in which order.

# %% exercise="neuron_forward" points=4
def neuron_forward(x, w, b):
    """A sigmoid neuron over a batch: out_n = σ(Σ_d x_nd w_d + b) with σ(z) = 1 / (1 + e^−z).

    Parameters
    ----------
    x : ndarray (N, D)
        Inputs, one sample a row.
    w : ndarray (D,)
        Weights.
    b : float
        Bias.

    Returns
    -------
    out : ndarray (N,)
        Activations, one a sample.
    cache : tuple (x, w, out)
        What `neuron_backward` needs.
    """
    ### BEGIN SOLUTION  the weighted sum plus the bias, through the sigmoid
    out = 1 / (1 + np.exp(-(x @ w + b)))
    return out, (x, w, out)
    ### END SOLUTION


# %% [markdown]
# ### Backward
#
# Somewhere above this neuron a loss $L$ is computed from its outputs. Whatever lies in between, all
# that the neuron must be told of it is the *upstream gradient*
#
# $$ \text{dout}_n = \frac{\partial L}{\partial\, \text{out}_n} . $$
#
# (In code, `d` before a name means "the gradient of the loss with respect to".) The neuron's job is
# to turn it into the gradients of what went *in*. Two steps of the chain rule do it. First through
# the sigmoid, whose derivative can be written with its own output:
#
# $$ \sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^2} = \sigma(z)\,\bigl(1 - \sigma(z)\bigr)
#    \quad\Longrightarrow\quad
#    dz_n = \frac{\partial L}{\partial z_n}
#         = \text{dout}_n \; \text{out}_n\, (1 - \text{out}_n) . $$
#
# That is why the cache holds `out` and not $z$. Then through the sum. The weight $w_d$ reaches the
# loss through *every* $z_n$, so its gradient collects a term from each sample, and likewise for
# $b$; the input $x_{nd}$ reaches it through $z_n$ alone:
#
# $$ dw_d = \sum_n \frac{\partial L}{\partial z_n} \frac{\partial z_n}{\partial w_d}
#         = \sum_n dz_n\, x_{nd}, \qquad
#    db = \sum_n dz_n, \qquad
#    dx_{nd} = dz_n\, w_d . $$
#
# Note what is *not* there: no $1/N$. The backward pass sums over the batch. If the loss is a mean,
# the $1/N$ is already inside `dout`, put there by the loss.
#
# A gradient has the shape of what it is the gradient of. That rule alone finds most mistakes.

# %% exercise="neuron_backward" points=6
def neuron_backward(dout, cache):
    """Gradients of a sigmoid neuron: dz_n = dout_n out_n (1 − out_n), then back through the sum.

    Parameters
    ----------
    dout : ndarray (N,)
        Upstream gradient, ∂L/∂out.
    cache : tuple (x, w, out)
        As `neuron_forward` returns it: x (N, D), w (D,), out (N,).

    Returns
    -------
    dx : ndarray (N, D)
        Gradient with respect to x.
    dw : ndarray (D,)
        Gradient with respect to w, summed over the batch.
    db : float
        Gradient with respect to b, summed over the batch.
    """
    ### BEGIN SOLUTION  dz from dout through the sigmoid, then dx, dw and db from dz
    x, w, out = cache
    dz = dout * out * (1 - out)
    return np.outer(dz, w), x.T @ dz, dz.sum()
    ### END SOLUTION


# %% [markdown]
# ### How do you know that a gradient is right?
#
# Ask the function itself. By Taylor's theorem the *central difference*
#
# $$ \frac{f(x + h) - f(x - h)}{2h} = f'(x) + \frac{h^2}{6} f'''(x) + \dots $$
#
# is off by something of order $h^2$, while the one-sided difference $(f(x+h) - f(x))/h$ is off by
# order $h$. A smaller $h$ is not always better: floating point keeps about 16 digits, and the two
# values that are subtracted agree in more and more of them, which leaves a rounding error of order
# $10^{-16}/h$. The sum of both errors is least near $h \approx 10^{-5}$, where central differences
# are good to about eleven digits. The plot shows it for $f = \tanh$; it is the reason why the
# checks compare gradients in float64, with $h = 10^{-5}$. `autograder.gradcheck` has it for any
# function. It costs two forward passes *per parameter*, where backpropagation needs about two for
# *all* of them: that is why it is a test and not a method.

# %% experiment="gradient_check"
steps = np.logspace(-13, 0, 200)
points = np.linspace(-2, 2, 50)[:, None]
exact = 1 - np.tanh(points) ** 2
central = (np.tanh(points + steps) - np.tanh(points - steps)) / (2 * steps)
one_sided = (np.tanh(points + steps) - np.tanh(points)) / steps

(axis,) = figure()
for name, estimate, line in (("one-sided", one_sided, "--"), ("central", central, "-")):
    axis.loglog(steps, np.abs(estimate - exact).mean(axis=0), line, label=f"{name} difference")
axis.set(xlabel="step h", ylabel="mean absolute error", title="Error of a numerical derivative")
axis.legend()

NUMBERS["gradient_check_error"] = float(np.abs(central - exact).mean(axis=0).min())

# %% [markdown]
# ## 2. Activations
#
# Two linear layers on top of each other are one linear layer: $(x W_1) W_2 = x (W_1 W_2)$. What
# makes depth worth having is the nonlinear *activation* between them. One hidden layer with a
# suitable activation already approximates any continuous function on a bounded region as closely
# as you like, if it is wide enough (Cybenko, 1989). Here are the activations that you will meet.
#
# Apart from softmax they act on each element by itself, so their inputs may have any shape, and
# their backward is a product, element by element:
#
# $$ \text{out} = f(x), \qquad dx = \text{dout} \cdot f'(x) . $$
#
# ### Sigmoid, and why stability matters
#
# $\sigma$ again, on its own. The formula $1/(1 + e^{-x})$ has a flaw on a computer: at $x = -1000$
# the exponential overflows to infinity and NumPy warns. In float32 that starts at $x = -89$.
# Multiply numerator and denominator by $e^{x}$ and you get $e^{x}/(1 + e^{x})$, the same function,
# which is safe exactly where the first form isn't. Both forms use $e^{-|x|}$, which is never above
# 1:
#
# $$ \sigma(x) = \begin{cases} \dfrac{1}{1 + e^{-|x|}} & x \ge 0 \\[2ex]
#                              \dfrac{e^{-|x|}}{1 + e^{-|x|}} & x < 0 . \end{cases} $$
#
# `np.where(condition, a, b)` picks from `a` or `b` element by element. It evaluates both, so
# neither may overflow. For backward you have derived $\sigma' = \sigma\,(1 - \sigma)$ already. It
# is at most ¼, and nearly 0 once $|x|$ is large: a *saturated* unit hardly learns.

# %% exercise="sigmoid" points=4
def sigmoid_forward(x):
    """Logistic sigmoid, out = 1 / (1 + e^−x), without overflow for any x.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shape of x
    cache : ndarray
        out itself.
    """
    ### BEGIN SOLUTION  one formula for x ≥ 0 and one for x < 0, so that no exponential overflows
    e = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, e) / (1 + e)
    return out, out
    ### END SOLUTION


def sigmoid_backward(dout, cache):
    """Gradient of the sigmoid, dx = dout · σ′(x).

    Parameters
    ----------
    dout : ndarray, shape of out
        Upstream gradient.
    cache : ndarray
        out, as `sigmoid_forward` returns it.

    Returns
    -------
    dx : ndarray, shape of out
    """
    ### BEGIN SOLUTION  dout times the derivative, written with out
    out = cache
    return dout * out * (1 - out)
    ### END SOLUTION


# %% [markdown]
# ### Hyperbolic tangent
#
# $\tanh(x) = (e^{x} - e^{-x})/(e^{x} + e^{-x}) = 2\sigma(2x) - 1$ is a sigmoid stretched to $(-1,
# 1)$. Its outputs are centred on 0, which helps the next layer (LeCun et al., 1998, *Efficient
# BackProp*, §4.4). `np.tanh` is stable. By the quotient rule, with $\sinh$ and $\cosh$,
#
# $$ \tanh'(x) = \frac{\cosh^2 x - \sinh^2 x}{\cosh^2 x} = 1 - \tanh^2(x) . $$

# %% exercise="tanh" points=3
def tanh_forward(x):
    """Hyperbolic tangent, out = tanh(x).

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shape of x
    cache : ndarray
        out itself.
    """
    ### BEGIN SOLUTION  the hyperbolic tangent, and what its gradient needs
    out = np.tanh(x)
    return out, out
    ### END SOLUTION


def tanh_backward(dout, cache):
    """Gradient of the hyperbolic tangent, dx = dout · tanh′(x).

    Parameters
    ----------
    dout : ndarray, shape of out
        Upstream gradient.
    cache : ndarray
        out, as `tanh_forward` returns it.

    Returns
    -------
    dx : ndarray, shape of out
    """
    ### BEGIN SOLUTION  dout times the derivative, written with out
    out = cache
    return dout * (1 - out * out)
    ### END SOLUTION


# %% [markdown]
# ### ReLU
#
# The rectified linear unit keeps what is positive and drops the rest, $\max(x, 0)$ (Nair and
# Hinton, 2010). Its derivative is 1 for $x > 0$ and 0 for $x < 0$, so on the active side it does
# not saturate however large $x$ is. At $x = 0$ there is a kink and no derivative. Any slope
# between 0 and 1 is a valid *subgradient* there; like PyTorch we take 0.

# %% exercise="relu" points=3
def relu_forward(x):
    """Rectified linear unit, out = max(x, 0).

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shape of x
    cache : ndarray
        x itself.
    """
    ### BEGIN SOLUTION  the positive part of x
    return np.maximum(x, 0), x
    ### END SOLUTION


def relu_backward(dout, cache):
    """Gradient of the rectified linear unit; at x = 0 its derivative is taken as 0.

    Parameters
    ----------
    dout : ndarray, shape of x
        Upstream gradient.
    cache : ndarray
        x, as `relu_forward` returns it.

    Returns
    -------
    dx : ndarray, shape of x
    """
    ### BEGIN SOLUTION  pass dout on where the input was positive
    x = cache
    return dout * (x > 0)
    ### END SOLUTION


# %% [markdown]
# ### Leaky ReLU
#
# A ReLU whose input is negative for every sample gets no gradient and stays dead. A small slope $s$
# on the negative side keeps it alive (Maas, Hannun and Ng, 2013):
#
# $$ f(x) = \begin{cases} x & x > 0 \\ s\,x & x \le 0 \end{cases}, \qquad
#    f'(x) = \begin{cases} 1 & x > 0 \\ s & x \le 0 \end{cases} . $$
#
# At the kink, any slope between $s$ and 1 would do; we take $s$. The slope is a parameter of the
# function, not of the training: it travels in the cache and has no gradient.

# %% exercise="leaky_relu" points=3
def leaky_relu_forward(x, slope=0.01):
    """Leaky rectified linear unit: out = x where x > 0, slope · x elsewhere.

    Parameters
    ----------
    x : ndarray, any shape
    slope : float
        Slope of the negative side.

    Returns
    -------
    out : ndarray, shape of x
    cache : tuple (x, slope)
    """
    ### BEGIN SOLUTION  x where it is positive, slope times x elsewhere
    return np.where(x > 0, x, slope * x), (x, slope)
    ### END SOLUTION


def leaky_relu_backward(dout, cache):
    """Gradient of the leaky rectified linear unit; at x = 0 its derivative is taken as slope.

    Parameters
    ----------
    dout : ndarray, shape of x
        Upstream gradient.
    cache : tuple (x, slope)
        As `leaky_relu_forward` returns it.

    Returns
    -------
    dx : ndarray, shape of x
    """
    ### BEGIN SOLUTION  dout where the input was positive, slope times dout elsewhere
    x, slope = cache
    return np.where(x > 0, dout, slope * dout)
    ### END SOLUTION


# %% [markdown]
# ### ELU
#
# The exponential linear unit (Clevert, Unterthiner and Hochreiter, 2016) bends smoothly towards
# $-\alpha$ instead:
#
# $$ f(x) = \begin{cases} x & x > 0 \\ \alpha\,(e^{x} - 1) & x \le 0 \end{cases}, \qquad
#    f'(x) = \begin{cases} 1 & x > 0 \\ \alpha\, e^{x} = f(x) + \alpha & x \le 0 \end{cases} . $$
#
# For $\alpha = 1$ both sides meet with slope 1, and there is no kink at all; otherwise we take the
# left slope, $\alpha$, at 0. Two traps: `np.where` evaluates the exponential on the positive side
# too, where it may overflow, so cut the argument off first; and for tiny $x$, $e^x - 1$ loses its
# digits in the subtraction, which is what `np.expm1` is made for.

# %% exercise="elu" points=4
def elu_forward(x, alpha=1.0):
    """Exponential linear unit: out = x where x > 0, alpha · (e^x − 1) elsewhere, without overflow.

    Parameters
    ----------
    x : ndarray, any shape
    alpha : float
        The function tends to −alpha for x → −∞.

    Returns
    -------
    out : ndarray, shape of x
    cache : tuple (x, out, alpha)
    """
    ### BEGIN SOLUTION  x where it is positive, the exponential elsewhere, and no overflow
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)
    ### END SOLUTION


def elu_backward(dout, cache):
    """Gradient of the exponential linear unit; at x = 0 its derivative is taken as alpha.

    Parameters
    ----------
    dout : ndarray, shape of x
        Upstream gradient.
    cache : tuple (x, out, alpha)
        As `elu_forward` returns it.

    Returns
    -------
    dx : ndarray, shape of x
    """
    ### BEGIN SOLUTION  dout times 1 on the positive side, times the exponential's slope elsewhere
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)
    ### END SOLUTION


# %% [markdown]
# ### Identity
#
# The last layer of a network often has no activation: a regression predicts any real number, and
# the losses below take raw scores. An activation that does nothing saves the network from a
# special case. There is nothing to remember for the way back, so the cache is `None`.

# %% exercise="identity" points=2
def identity_forward(x):
    """The identity, out = x.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shape of x
    cache : None
    """
    ### BEGIN SOLUTION  the simplest function there is
    return x, None
    ### END SOLUTION


def identity_backward(dout, cache):
    """Gradient of the identity, dx = dout.

    Parameters
    ----------
    dout : ndarray, any shape
        Upstream gradient.
    cache : None

    Returns
    -------
    dx : ndarray, shape of dout
    """
    ### BEGIN SOLUTION  the chain rule with a derivative of one
    return dout
    ### END SOLUTION


# %% [markdown]
# ### Softmax
#
# Softmax turns $C$ scores into $C$ probabilities (the name is Bridle's, 1990):
#
# $$ p_i = \frac{e^{x_i}}{\sum_{j} e^{x_j}} . $$
#
# It acts on a whole row (the last axis), not on single elements. Adding a constant to all scores
# of a row changes nothing, since $e^{c}$ cancels. So subtract the largest score first: the largest
# exponent is then 0, nothing overflows, and the denominator is at least 1.
#
# Every output depends on every score, so its derivative is a matrix, the Jacobian. For $i = j$ the
# quotient rule gives $p_i - p_i^2$, for $i \ne j$ it gives $-p_i p_j$. Together, with Kronecker's
# $\delta_{ij}$ (1 if $i = j$, else 0):
#
# $$ \frac{\partial p_i}{\partial x_j} = p_i\,(\delta_{ij} - p_j) . $$
#
# Backward multiplies it by the upstream gradient and sums over all outputs:
#
# $$ dx_j = \sum_i \text{dout}_i\; p_i\,(\delta_{ij} - p_j)
#         = p_j \Bigl(\text{dout}_j - \sum_i \text{dout}_i\, p_i\Bigr) . $$
#
# The right-hand side needs one sum a row and no $C \times C$ matrix at all. This is the pattern of
# the whole subject: backward never builds a Jacobian, it computes the product with one.

# %% exercise="softmax" points=7
def softmax_forward(x):
    """Softmax over the last axis, out_i = e^{x_i} / Σ_j e^{x_j}, without overflow for any x.

    Parameters
    ----------
    x : ndarray (..., C)
        Scores; any number of axes before the last.

    Returns
    -------
    out : ndarray (..., C)
        Probabilities, which sum to one over the last axis.
    cache : ndarray
        out itself.
    """
    ### BEGIN SOLUTION  exponentials of the shifted scores, divided by their sum over the last axis
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out = e / e.sum(axis=-1, keepdims=True)
    return out, out
    ### END SOLUTION


def softmax_backward(dout, cache):
    """Gradient of softmax over the last axis, dx_j = Σ_i dout_i ∂out_i/∂x_j.

    Parameters
    ----------
    dout : ndarray (..., C)
        Upstream gradient.
    cache : ndarray (..., C)
        out, as `softmax_forward` returns it.

    Returns
    -------
    dx : ndarray (..., C)
    """
    ### BEGIN SOLUTION  the product of dout with the Jacobian, without building the Jacobian
    out = cache
    return out * (dout - np.sum(dout * out, axis=-1, keepdims=True))
    ### END SOLUTION


# %% [markdown]
# A network finds its activations by name in this table. Below it, six of them are drawn with the
# derivatives that *your* backward functions give. Compare the heights: what a sigmoid passes back
# is at most a quarter of what it is given, and ten sigmoids in a row pass back less than a
# millionth.

# %% provided=true
ACTIVATIONS = {
    "sigmoid": (sigmoid_forward, sigmoid_backward),
    "tanh": (tanh_forward, tanh_backward),
    "relu": (relu_forward, relu_backward),
    "leaky_relu": (leaky_relu_forward, leaky_relu_backward),
    "elu": (elu_forward, elu_backward),
    "identity": (identity_forward, identity_backward),
    "softmax": (softmax_forward, softmax_backward),
}

# %% experiment="derivatives"
x = np.linspace(-4, 4, 801)
elementwise = [name for name in ACTIVATIONS if name != "softmax"]
steepest = {}
for axis, name in zip(figure(columns=3, rows=2, height=2.8), elementwise, strict=True):
    forward, backward = ACTIVATIONS[name]
    out, cache = forward(x)
    derivative = backward(np.ones_like(x), cache)
    steepest[name] = float(derivative.max())
    axis.plot(x, out, label="f(x)")
    axis.plot(x, derivative, "--", label="f′(x)")
    axis.set(title=name, xlabel="x", ylim=(-1.5, 2.5))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")

NUMBERS["sigmoid_steepest_slope"] = steepest["sigmoid"]

# %% [markdown]
# ## 3. The linear layer
#
# A layer is $M$ neurons side by side that share their inputs, without the squashing. The weights of
# neuron $m$ are column $m$ of $w$:
#
# $$ \text{out}_{nm} = \sum_d x_{nd}\, w_{dm} + b_m . $$
#
# NumPy's broadcasting adds $b$, of shape $(M,)$, to each of the $N$ rows.

# %% exercise="linear_forward" points=4
def linear_forward(x, w, b):
    """A linear layer: out_nm = Σ_d x_nd w_dm + b_m.

    Parameters
    ----------
    x : ndarray (N, D)
        Inputs, one sample a row.
    w : ndarray (D, M)
        Weights, one output a column.
    b : ndarray (M,)
        Biases.

    Returns
    -------
    out : ndarray (N, M)
    cache : tuple (x, w, b)
    """
    ### BEGIN SOLUTION  one matrix product and one broadcast sum
    return x @ w + b, (x, w, b)
    ### END SOLUTION


# %% [markdown]
# Backward, the general recipe: the loss depends on all outputs $\text{out}_{nm}$; the chain rule
# sums over all of them; the derivative of one output by one weight is mostly zero. Written out for
# $w_{ij}$ (fresh letters, because $n$ and $m$ are being summed over):
#
# $$ dw_{ij} = \sum_{n,m} \text{dout}_{nm} \frac{\partial\, \text{out}_{nm}}{\partial w_{ij}}
#            = \sum_{n,m} \text{dout}_{nm}\; x_{ni}\, \delta_{mj}
#            = \sum_n x_{ni}\, \text{dout}_{nj} . $$
#
# The sum over $n$ pairs the *first* axis of $x$ with the first axis of dout; a matrix product pairs
# the second axis of its left factor with the first axis of its right one. So one of the two has to
# be transposed, and the shape $(D, M)$ of the result tells you which. Derive $dx$ and $db$ in the
# same way, and write all three without a loop.

# %% exercise="linear_backward" points=8
def linear_backward(dout, cache):
    """Gradients of a linear layer.

    Parameters
    ----------
    dout : ndarray (N, M)
        Upstream gradient, ∂L/∂out.
    cache : tuple (x, w, b)
        As `linear_forward` returns it: x (N, D), w (D, M), b (M,).

    Returns
    -------
    dx : ndarray (N, D)
        Gradient with respect to x.
    dw : ndarray (D, M)
        Gradient with respect to w, summed over the batch.
    db : ndarray (M,)
        Gradient with respect to b, summed over the batch.
    """
    ### BEGIN SOLUTION  dx, dw and db from dout by the chain rule
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## 4. Losses
#
# A loss compares outputs with targets and returns *one number*, and with it the gradient by the
# outputs: the `dout` where all backward passes begin.
#
# ### Mean squared error
#
# For regression, with the mean over *all* elements of `pred` (their number is $NM$ if its shape is
# $(N, M)$):
#
# $$ L = \frac{1}{NM} \sum_{n,m} (\text{pred}_{nm} - \text{target}_{nm})^2 . $$
#
# Differentiate it by one prediction: one term of the sum survives. A trap worth knowing:
# predictions of shape $(N, 1)$ minus targets of shape $(N,)$ broadcast to $(N, N)$ without
# complaint, and the training quietly goes nowhere. Keep the shapes equal.

# %% exercise="mse_loss" points=4
def mse_loss(pred, target):
    """Mean squared error over all elements, and its gradient.

    Parameters
    ----------
    pred : ndarray, any shape
        Predictions.
    target : ndarray, shape of pred
        What they should be.

    Returns
    -------
    loss : float
        Mean of (pred − target)² over all elements.
    dpred : ndarray, shape of pred
        Gradient of the loss with respect to pred.
    """
    ### BEGIN SOLUTION  the mean of the squared differences, and its derivative by each prediction
    difference = pred - target
    return np.mean(difference**2), difference * (2 / difference.size)
    ### END SOLUTION


# %% [markdown]
# ### Binary cross-entropy
#
# For a yes-or-no question the network gives one score $z$, the *logit*, and $\sigma(z)$ is the
# probability of "yes". The loss is minus the log-probability of what was true ($t = 1$ for yes, 0
# for no), averaged over all elements:
#
# $$ L = \operatorname{mean}\bigl[-t \log \sigma(z) - (1 - t) \log(1 - \sigma(z))\bigr] . $$
#
# At $z = 1000$, $1 - \sigma(z)$ is 0 in floating point and its logarithm is $-\infty$, though the
# loss of a wrong answer there is a harmless 1000. Simplify before you compute. With
# $-\log\sigma(z) = \log(1 + e^{-z})$ and $-\log(1 - \sigma(z)) = z + \log(1 + e^{-z})$ the bracket
# is
#
# $$ \ell(z) = z - t z + \log(1 + e^{-z})
#            = \max(z, 0) - t z + \log\bigl(1 + e^{-|z|}\bigr) . $$
#
# The last form holds for both signs of $z$ (check the negative one: pull $e^{-z}$ out of the
# logarithm), and its exponential cannot overflow. `np.log1p` computes $\log(1 + e)$ without losing
# a small $e$. For the gradient, start from the middle form:
#
# $$ \frac{d\ell}{dz} = 1 - t - \frac{e^{-z}}{1 + e^{-z}} = \sigma(z) - t . $$
#
# Prediction minus truth: the logarithm of the loss cancels the saturation of the sigmoid. That is
# why the two belong together, and why the loss takes logits. Do not forget what the mean adds.

# %% exercise="bce_loss" points=7
def bce_loss(logits, target):
    """Binary cross-entropy from logits, mean over all elements, and its gradient.

    loss = mean(−t log σ(z) − (1 − t) log(1 − σ(z))), exact and finite for any finite logit z.

    Parameters
    ----------
    logits : ndarray, any shape
        Scores z, before the sigmoid.
    target : ndarray, shape of logits
        Probabilities t of "yes", from 0 to 1.

    Returns
    -------
    loss : float
        Mean over all elements.
    dlogits : ndarray, shape of logits
        Gradient of the loss with respect to the logits.
    """
    ### BEGIN SOLUTION  the stable form of the loss, and its gradient by the logits
    e = np.exp(-np.abs(logits))
    loss = np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))
    probabilities = np.where(logits >= 0, 1, e) / (1 + e)
    return loss, (probabilities - target) / logits.size
    ### END SOLUTION


# %% [markdown]
# ### Cross-entropy
#
# With $C$ classes, the scores of a sample become probabilities by softmax, and the loss is again
# minus the log-probability of the truth, averaged over the *batch*:
#
# $$ L = -\frac{1}{N} \sum_{n,c} t_{nc} \log p_{nc}, \qquad
#    p_{nc} = \frac{e^{z_{nc}}}{\sum_k e^{z_{nk}}} . $$
#
# The target is *one-hot*: row $n$ of $t$ is 1 at the true class and 0 elsewhere. Integers say the
# same in less space, and the function takes both. (Row $i$ of an identity matrix is the one-hot
# form of class $i$, and an array may be indexed with an array.)
#
# The logarithm of a softmax that has underflowed to 0 is $-\infty$, so again simplify first. With
# $s_{nc} = z_{nc} - \max_k z_{nk}$,
#
# $$ \log p_{nc} = s_{nc} - \log \sum_k e^{s_{nk}} , $$
#
# and the sum is at least 1. The gradient has the same beautiful form as before,
#
# $$ \frac{\partial L}{\partial z_{nc}} = \frac{1}{N} (p_{nc} - t_{nc}) . $$
#
# Why that is so is part of the written question below. An untrained network that thinks all classes
# equally likely has the loss $\log C$, 2.303 for ten classes. Remember that number: it is the first
# thing to look at when training starts.

# %% exercise="cross_entropy_loss" points=9
def cross_entropy_loss(logits, target):
    """Cross-entropy of softmax(logits) with the target, mean over the batch, and its gradient.

    loss = −(1/N) Σ_n Σ_c t_nc log softmax(logits)_nc, exact and finite for any finite logits.

    Parameters
    ----------
    logits : ndarray (N, C)
        Scores, before the softmax.
    target : ndarray (N,) of int, or ndarray (N, C)
        The class of each sample, from 0 to C − 1; or t itself, one-hot.

    Returns
    -------
    loss : float
        Mean over the batch.
    dlogits : ndarray (N, C)
        Gradient of the loss with respect to the logits.
    """
    ### BEGIN SOLUTION  a stable log-softmax, the mean loss over the batch, and its gradient
    n, classes = logits.shape
    one_hot = target if target.ndim == 2 else np.eye(classes, dtype=logits.dtype)[target]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -np.sum(one_hot * log_probabilities) / n
    return loss, (np.exp(log_probabilities) - one_hot) / n
    ### END SOLUTION


# %% [markdown] written="derivation" points=8
# ### Written question (8 points)
#
# Take the network with one hidden layer and a cross-entropy loss,
#
# $$ a_{nk} = \sum_d x_{nd}\, w^{(1)}_{dk} + b^{(1)}_k, \quad h_{nk} = f(a_{nk}), \quad
#    z_{nc} = \sum_k h_{nk}\, w^{(2)}_{kc} + b^{(2)}_c, \quad
#    L = -\frac{1}{N} \sum_{n,c} t_{nc} \log \frac{e^{z_{nc}}}{\sum_j e^{z_{nj}}} , $$
#
# where every row of $t$ sums to one. **Derive its whole backward pass in index notation:**
#
# 1. $\partial L / \partial z_{nc}$ (and say where you use that the rows of $t$ sum to one),
# 2. $\partial L / \partial w^{(2)}_{kc}$ and $\partial L / \partial b^{(2)}_c$,
# 3. $\partial L / \partial h_{nk}$ and $\partial L / \partial a_{nk}$,
# 4. $\partial L / \partial w^{(1)}_{dk}$, $\partial L / \partial b^{(1)}_k$ and
#    $\partial L / \partial x_{nd}$.
#
# Start each from the chain rule with its sums, show where a Kronecker delta removes one, and write
# the result as a matrix product with the shapes beside it. Last, say which of the quantities of the
# forward pass have to be kept for the way back, and why.
#
# ### BEGIN SOLUTION
# **1.** (2 points) Write $S_n = \sum_j e^{z_{nj}}$ and $p_{nc} = e^{z_{nc}} / S_n$. Since
# $\log p_{ni} = z_{ni} - \log S_n$ and $\partial \log S_n / \partial z_{nc} = e^{z_{nc}} / S_n
# = p_{nc}$, while other samples do not contain $z_{nc}$ at all,
#
# $$ \frac{\partial L}{\partial z_{nc}}
#    = -\frac{1}{N} \sum_i t_{ni} \frac{\partial \log p_{ni}}{\partial z_{nc}}
#    = -\frac{1}{N} \sum_i t_{ni} (\delta_{ic} - p_{nc})
#    = -\frac{1}{N} \Bigl( t_{nc} - p_{nc} \sum_i t_{ni} \Bigr)
#    = \frac{1}{N} (p_{nc} - t_{nc}) . $$
#
# The last step uses $\sum_i t_{ni} = 1$. Call this $g_{nc}$: $G = (P - T)/N$, of shape $(N, C)$.
#
# **2.** (2 points) $\partial z_{ni} / \partial w^{(2)}_{kc} = h_{nk}\, \delta_{ic}$ and
# $\partial z_{ni} / \partial b^{(2)}_c = \delta_{ic}$, so
#
# $$ \frac{\partial L}{\partial w^{(2)}_{kc}} = \sum_{n,i} g_{ni}\, h_{nk}\, \delta_{ic}
#    = \sum_n h_{nk}\, g_{nc}, \qquad
#    \frac{\partial L}{\partial b^{(2)}_c} = \sum_{n,i} g_{ni}\, \delta_{ic} = \sum_n g_{nc} : $$
#
# $H^\top G$, $(K, N)(N, C) = (K, C)$; and the sum of the rows of $G$, $(C,)$. All samples share
# the weights: that is why $n$ is summed over.
#
# **3.** (2 points) $\partial z_{mc} / \partial h_{nk} = w^{(2)}_{kc}\, \delta_{mn}$; the delta
# removes the sum over the samples and the one over classes stays, since $h_{nk}$ feeds every
# class:
#
# $$ \frac{\partial L}{\partial h_{nk}} = \sum_{m,c} g_{mc}\, w^{(2)}_{kc}\, \delta_{mn}
#    = \sum_c g_{nc}\, w^{(2)}_{kc}, \qquad
#    q_{nk} := \frac{\partial L}{\partial a_{nk}}
#            = \frac{\partial L}{\partial h_{nk}}\, f'(a_{nk}) : $$
#
# $G\,W^{(2)\top}$, $(N, C)(C, K) = (N, K)$; then $Q = (G\,W^{(2)\top}) \odot f'(A)$, element by
# element, because $h_{nk}$ depends on $a_{nk}$ alone.
#
# **4.** (1 point) The first layer has the form of the second, with $x$ for $h$ and $q$ for $g$:
#
# $$ \frac{\partial L}{\partial w^{(1)}_{dk}} = \sum_n x_{nd}\, q_{nk}, \qquad
#    \frac{\partial L}{\partial b^{(1)}_k} = \sum_n q_{nk}, \qquad
#    \frac{\partial L}{\partial x_{nd}} = \sum_k q_{nk}\, w^{(1)}_{dk} : $$
#
# $X^\top Q$, $(D, N)(N, K) = (D, K)$; the sum of the rows of $Q$, $(K,)$; and $Q\,W^{(1)\top}$,
# $(N, K)(K, D) = (N, D)$.
#
# **What to keep.** (1 point) $x$ and $h$, because a weight's gradient contains the layer's input;
# $a$ (or $h$, where $f'$ can be written with the output, as for sigmoid and tanh); $p$ for the
# loss; and the weights as they were in the forward pass. The biases and $z$ are not needed.
# ### END SOLUTION

# %% [markdown]
# ## 5. The network
#
# All parts are there; a multilayer perceptron only strings them together. Forward, it alternates
# linear layers and activations and keeps the caches. Backward, it goes through the same list in
# reverse, and each `dx` is the `dout` of the layer below. One forward and one backward pass give
# the gradients of *all* parameters, for about three times the cost of the forward pass alone: per
# linear layer one matrix product on the way up, two on the way down.
#
# Parameters have names: layer 1 owns `"w1"` and `"b1"`, layer 2 `"w2"` and `"b2"`, and so on. The
# gradients live in a second dictionary under the same names. A step of gradient descent is then
#
# $$ \theta \leftarrow \theta - \eta\, \frac{\partial L}{\partial \theta} \qquad
#    \text{for every parameter } \theta, \text{ with the learning rate } \eta . $$
#
# Make it *in place* (`-=`), so that whoever holds the array sees the step.
#
# **Where the weights start.** Equal weights would stay equal: all units of a layer would compute
# the same and get the same gradient, for ever. So they start at random. How large? If the inputs
# of a linear layer are independent with mean square $q$, its outputs have the variance $D\,q \cdot
# \operatorname{Var}(w)$. A ReLU then keeps half of the mean square (it cuts a symmetric
# distribution in two), so that $\operatorname{Var}(w) = 2/D$ hands the mean square $q$ on to the
# next layer unchanged, through any depth. That is He's initialisation (He et al., 2015), and the
# default here. Biases start at 0.
#
# All randomness comes from a `numpy.random.Generator` that the caller passes in: equal seed, equal
# network.

# %% exercise="MLP" points=14
class MLP:
    """A multilayer perceptron: L linear layers, each followed by its activation.

    Parameters
    ----------
    sizes : sequence of L + 1 int
        Widths from the input to the output: layer l has D = sizes[l − 1] inputs and M = sizes[l]
        outputs, l = 1 … L.
    activations : sequence of L str
        The name in `ACTIVATIONS` of each layer's activation; default slope and alpha.
    rng : numpy.random.Generator
        Draws the weights, w1 first, then w2, …, each by one call of rng.normal for its whole shape.
    std : float, optional
        Standard deviation of all weights; without it He's √(2/D), layer by layer.

    Attributes
    ----------
    parameters : dict of ndarray
        "w1" (D, M), "b1" (M,), "w2", "b2", …: float64; weights normal with mean 0, biases 0.
    gradients : dict of ndarray
        The same keys and shapes, filled by `backward`; empty before.
    """

    def __init__(self, sizes, activations, *, rng, std=None):
        ### BEGIN SOLUTION  draw the parameters, layer by layer
        self.activations = list(activations)
        self.parameters = {}
        self.gradients = {}
        for layer in range(1, len(sizes)):
            inputs, outputs = sizes[layer - 1], sizes[layer]
            scale = np.sqrt(2 / inputs) if std is None else std
            self.parameters[f"w{layer}"] = rng.normal(0, scale, size=(inputs, outputs))
            self.parameters[f"b{layer}"] = np.zeros(outputs)
        ### END SOLUTION

    def forward(self, x):
        """Outputs of the last layer; keeps every cache for `backward`.

        Parameters
        ----------
        x : ndarray (N, D)
            D = sizes[0].

        Returns
        -------
        out : ndarray (N, M)
            M = sizes[-1].
        """
        ### BEGIN SOLUTION  linear layer, activation, next layer; keep both caches of each
        self.caches = []
        for layer, name in enumerate(self.activations, start=1):
            activation_forward, _ = ACTIVATIONS[name]
            w, b = self.parameters[f"w{layer}"], self.parameters[f"b{layer}"]
            x, linear_cache = linear_forward(x, w, b)
            x, activation_cache = activation_forward(x)
            self.caches.append((linear_cache, activation_cache))
        return x
        ### END SOLUTION

    def backward(self, dout):
        """Gradients of all parameters, into `gradients`, for the batch of the last `forward`.

        They replace those of the batch before.

        Parameters
        ----------
        dout : ndarray (N, M)
            Upstream gradient, ∂L/∂out.

        Returns
        -------
        dx : ndarray (N, D)
            Gradient with respect to the network's inputs.
        """
        ### BEGIN SOLUTION  the layers in reverse order, each backward with its own caches
        for layer in range(len(self.activations), 0, -1):
            _, activation_backward = ACTIVATIONS[self.activations[layer - 1]]
            linear_cache, activation_cache = self.caches[layer - 1]
            dout = activation_backward(dout, activation_cache)
            dout, dw, db = linear_backward(dout, linear_cache)
            self.gradients[f"w{layer}"] = dw
            self.gradients[f"b{layer}"] = db
        return dout
        ### END SOLUTION

    def update(self, learning_rate):
        """One step of gradient descent: each parameter loses learning_rate times its gradient.

        The arrays in `parameters` change in place, with the gradients of the last `backward`.

        Parameters
        ----------
        learning_rate : float
        """
        ### BEGIN SOLUTION  a step against the gradient, for every parameter
        for name, gradient in self.gradients.items():
            self.parameters[name] -= learning_rate * gradient
        ### END SOLUTION


# %% [markdown]
# ### What should the loss be before training?
#
# A good habit: predict the first number that your program prints. If the logits of a sample are
# independent and normal with variance $s^2$, expand the loss to second order in them,
#
# $$ \mathbb{E}[L] = \mathbb{E}\Bigl[\log \sum_c e^{z_c}\Bigr]
#    \approx \log C + \frac{s^2}{2} \Bigl(1 - \frac{1}{C}\Bigr) . $$
#
# Small weights ($\sigma = 0.01$) give $s \approx 0$: a loss of $\log C$, an honest "I don't know".
# He's initialisation has $s^2 = 2$ at the last layer (no ReLU follows that would need the factor),
# and the network starts with confident nonsense, about 3.1 for ten classes. Xavier's, with the
# variance $2/(D + M)$ (Glorot and Bengio, 2010), gives a little less. (The formula overshoots a
# little: $s^2 = 2$ is no longer small.) If *your* first loss is 9 or `nan`, don't train: look for
# the mistake.

# %% experiment="initial_loss"
sizes, classes, trials = (784, 128, 10), 10, 10


def first_loss(seed, kind):
    """Loss and logit variance of a fresh ReLU network on unit normal inputs."""
    rng = np.random.default_rng(seed)
    model = MLP(sizes, ["relu", "identity"], rng=rng, std=0.01 if kind == "std 0.01" else None)
    if kind == "Xavier":
        for name in ("w1", "w2"):
            inputs, outputs = model.parameters[name].shape
            model.parameters[name] *= np.sqrt(inputs / (inputs + outputs))
    logits = model.forward(rng.standard_normal((1000, sizes[0])))
    return cross_entropy_loss(logits, rng.integers(classes, size=1000))[0], logits.var()


kinds = ("std 0.01", "Xavier", "He")
measured = {k: np.array([first_loss(seed, k) for seed in range(trials)]) for k in kinds}
means = [measured[kind][:, 0].mean() for kind in kinds]
predicted = [np.log(classes) + measured[k][:, 1].mean() / 2 * (1 - 1 / classes) for k in kinds]

(axis,) = figure()
bars = axis.bar(kinds, means, width=0.5, yerr=[measured[k][:, 0].std() for k in kinds], capsize=4)
axis.bar_label(bars, [f"{mean:.2f}" for mean in means], label_type="center", color="white")
axis.plot(kinds, predicted, "kD", markersize=5, label="second-order formula")
axis.axhline(np.log(classes), color="black", linestyle="--", label=f"ln {classes}")
axis.set(ylabel="cross-entropy (nats)", title=f"Loss before training, {trials} networks each")
axis.legend(loc="upper left")

NUMBERS |= {
    "initial_loss_std_001": float(means[0]),
    "initial_loss_xavier": float(means[1]),
    "initial_loss_he": float(means[2]),
}

# %% [markdown]
# ## 6. Training
#
# ### Accuracy
#
# The loss is what we descend; what we care about is how often the largest score is at the right
# class. It is a step function of the parameters with gradient 0 almost everywhere, which is why
# nobody trains on it.

# %% exercise="accuracy" points=3
def accuracy(scores, target):
    """Fraction of rows whose largest score is at the target class.

    Parameters
    ----------
    scores : ndarray (N, C)
        Logits or probabilities.
    target : ndarray (N,) of int, or one-hot ndarray (N, C)

    Returns
    -------
    float
        Between 0 and 1.
    """
    ### BEGIN SOLUTION  compare the place of the largest score of each row with the target class
    classes = target if target.ndim == 1 else target.argmax(axis=1)
    return np.mean(scores.argmax(axis=1) == classes)
    ### END SOLUTION


# %% [markdown]
# ### Mini-batches
#
# The gradient over all samples costs a pass over all samples. A *mini-batch* of a few dozen gives
# an estimate of it, noisy but right on average, and hundreds of steps for the price of one. An
# *epoch* visits every sample once, in a fresh random order, so that no batch repeats. Each step is
# the sentence that this notebook has been building up to:
#
# > forward, loss, backward, update.
#
# The history keeps one number per epoch. The training loss is collected on the way, from the
# batches as they come, each before its own update: it is free, and slightly out of date. Batches
# count by their number of samples, since the last one may be smaller. The validation loss is
# measured after the epoch, in one piece, on data that no gradient ever saw.

# %% exercise="train" points=9
def train(
    model,
    x,
    y,
    *,
    loss,
    epochs,
    batch_size,
    learning_rate,
    rng,
    x_val=None,
    y_val=None,
    metric=None,
):
    """Mini-batch gradient descent; returns the history of the training.

    Each epoch draws one rng.permutation(N) and visits the samples in that order, in consecutive
    batches of batch_size; the last batch may be smaller.

    Parameters
    ----------
    model : MLP
        Trained in place, through forward, backward and update.
    x : ndarray (N, D)
        Inputs; not changed.
    y : ndarray (N, ...)
        Targets, as the loss takes them; not changed.
    loss : callable (out, target) -> loss, dout
        A mean over its samples, such as `mse_loss`.
    epochs, batch_size : int
        Both at least 1.
    learning_rate : float
    rng : numpy.random.Generator
        Shuffles the samples.
    x_val, y_val : ndarray, optional
        Validation data, evaluated in one piece after each epoch.
    metric : callable (out, target) -> float, optional
        Such as `accuracy`.

    Returns
    -------
    history : dict of lists of float, one entry an epoch
        "loss": the mini-batches' losses, each before its update, averaged over the epoch's samples
        (a batch counts in proportion to its size);
        "metric": the same average of the metric of the same outputs, only if a metric is given;
        "val_loss": only with validation data; "val_metric": only with both.
    """
    ### BEGIN SOLUTION  epochs of shuffled batches: forward, loss, backward, update; and the history
    history = {}

    def record(**values):
        for key, value in values.items():
            history.setdefault(key, []).append(float(value))

    for _ in range(epochs):
        order = rng.permutation(len(x))
        epoch_loss = epoch_metric = 0
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            out = model.forward(x[batch])
            batch_loss, dout = loss(out, y[batch])
            model.backward(dout)
            model.update(learning_rate)
            epoch_loss += batch_loss * len(batch)
            if metric is not None:
                epoch_metric += metric(out, y[batch]) * len(batch)
        record(loss=epoch_loss / len(x))
        if metric is not None:
            record(metric=epoch_metric / len(x))
        if x_val is not None:
            out = model.forward(x_val)
            record(val_loss=loss(out, y_val)[0])
            if metric is not None:
                record(val_metric=metric(out, y_val))
    return history
    ### END SOLUTION


# %% [markdown]
# ## 7. Experiments
#
# Now use it. The experiments run in float32, which carries seven digits, half the memory traffic
# and about twice the speed; nothing in your functions has to change for that, as long as none of
# them turns float32 into float64 on the way. The cell below has what they share. Inputs are
# *standardised* (`data.standardised`): the training set's mean becomes 0 and its standard deviation
# 1, because gradient descent is slow where features differ in scale (LeCun et al., 1998, §4.3). The
# test set is treated with the training set's numbers; nothing is ever chosen by its curve.

# %% provided=true
def in_float32(model):
    """The same model, with its parameters in float32."""
    for name, value in model.parameters.items():
        model.parameters[name] = value.astype(np.float32)
    return model


def train_by_schedule(model, x, y, *, learning_rates, **options):
    """`train` with one learning rate for each epoch, and a progress bar; the whole history."""
    from tqdm.auto import tqdm

    bar = tqdm(learning_rates, unit="epoch")
    epochs = [train(model, x, y, epochs=1, learning_rate=rate, **options) for rate in bar]
    return {key: [epoch[key][0] for epoch in epochs] for key in epochs[0]}


def draw_mistakes(dataset, scores, count=8):
    """The test images that the scores are most wrongly sure of, with both names."""
    chosen = scores.argmax(axis=1)
    excess = scores.max(axis=1) - scores[np.arange(len(scores)), dataset.y_test]
    worst = np.argsort(-excess)[:count]
    titles = (
        f"says {dataset.classes[chosen[i]]}\nis {dataset.classes[dataset.y_test[i]]}" for i in worst
    )
    draw_images(dataset.x_test[worst], titles)


# %% [markdown]
# ### A line
#
# A network with one layer and no activation is linear regression, and for that we know the answer:
# least squares has a closed form. Gradient descent on the mean squared error must find the same
# line, and the distance to it must shrink by a constant factor a step (a straight line on the
# logarithmic axis), because the loss is a parabola.

# %% experiment="linear_regression"
rng = np.random.default_rng(1)
x = rng.uniform(-1, 1, size=(100, 1))
y = 2 * x - 0.5 + rng.normal(0, 0.3, size=x.shape)
best = np.linalg.lstsq(np.hstack([x, np.ones_like(x)]), y, rcond=None)[0].ravel()

model = MLP([1, 1], ["identity"], rng=rng, std=0.01)
distances, snapshots = [], {}
for step in range(201):
    line = np.array([model.parameters["w1"].item(), model.parameters["b1"].item()])
    distances.append(np.linalg.norm(line - best))
    if step in (0, 2, 5, 200):
        snapshots[step] = line
    train(model, x, y, loss=mse_loss, epochs=1, batch_size=len(x), learning_rate=0.2, rng=rng)

left, right = figure(2)
left.plot(x, y, ".", color="0.6", label="data")
for (step, (slope, offset)), style in zip(snapshots.items(), (":", "-.", "--", "-"), strict=True):
    left.plot([-1, 1], [offset - slope, offset + slope], style, label=f"after {step} steps")
left.set(xlabel="x", ylabel="y", xticks=[-1, 0, 1], title="Linear regression, step by step")
left.legend()
right.semilogy(distances)
right.set(xlabel="step", ylabel="‖(w, b) − least squares‖", title="Distance to the exact answer")

NUMBERS["linear_regression_distance"] = float(distances[-1])

# %% [markdown]
# ### A curve
#
# Two hidden layers of tanh units learn a wave from 200 noisy points. The root mean squared error
# (RMSE) has the unit of $y$ and can be compared with the noise: on fresh data no model gets below
# the standard deviation of the noise, 0.1 here.

# %% experiment="nonlinear_regression"
rng = np.random.default_rng(2)
noise = 0.1


def wave(x):
    """The curve behind the data."""
    return np.sin(4 * x) * np.exp(-(x**2)) + 0.3 * x


def rmse(pred, target):
    """Root mean squared error, in the unit of the target."""
    return np.sqrt(np.mean((pred - target) ** 2))


def sample(n):
    """n noisy points of the curve."""
    x = rng.uniform(-2, 2, size=(n, 1))
    return x, wave(x) + rng.normal(0, noise, size=x.shape)


x, y = sample(200)
x_test, y_test = sample(1000)
model = MLP([1, 32, 32, 1], ["tanh", "tanh", "identity"], rng=rng)
history = train_by_schedule(
    model, x, y, learning_rates=[0.02] * 300 + [0.004] * 50, loss=mse_loss, batch_size=8, rng=rng,
    x_val=x_test, y_val=y_test, metric=rmse,
)

grid = np.linspace(-2, 2, 400)[:, None]
fit, losses, errors = figure(3)
fit.plot(x, y, ".", color="0.7", label="data")
fit.plot(grid, wave(grid), "--", label="truth")
fit.plot(grid, model.forward(grid), label="network")
fit.set(xlabel="x", ylabel="y", title="Fit")
fit.legend(loc="lower right")
for axis, key, label in ((losses, "loss", "mean squared error"), (errors, "metric", "RMSE")):
    axis.plot(history[key], label="training")
    axis.plot(history[f"val_{key}"], "--", label="test")
    axis.set(xlabel="epoch", ylabel=label, title=label.capitalize() if key == "loss" else label)
    axis.axhline(noise**2 if key == "loss" else noise, color="black", ls=":", label="noise")
    axis.set_ylim(bottom=0)
    axis.legend()

NUMBERS["nonlinear_regression_rmse"] = history["val_metric"][-1]

# %% [markdown]
# ### XOR
#
# "One or the other, but not both": no straight line separates the two classes, which is what Minsky
# and Papert (1969) held against networks of one layer. A hidden layer solves it. The picture shows
# the probability of "yes" over the plane.

# %% experiment="xor"
x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
rng = np.random.default_rng(0)
model = MLP([2, 4, 1], ["tanh", "identity"], rng=rng)
history = train(
    model, x, y, loss=bce_loss, epochs=500, batch_size=4, learning_rate=0.5, rng=rng
)

ticks = np.linspace(-0.5, 1.5, 200)
plane = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
probability = sigmoid_forward(model.forward(plane))[0].reshape(200, 200)
left, right = figure(2, height=3.8)
shades = left.contourf(ticks, ticks, probability, levels=np.linspace(0, 1, 11), cmap="PuOr")
left.contour(ticks, ticks, probability, levels=[0.5], colors="black")
left.figure.colorbar(shades, ax=left, label="probability of yes")
for label, marker, name in ((0, "o", "no"), (1, "s", "yes")):
    left.scatter(*x[y[:, 0] == label].T, marker=marker, s=90, c="white", ec="black", label=name)
left.set(xlabel="first input", ylabel="second input", title="XOR", aspect="equal")
left.legend(loc="center")
right.plot(history["loss"])
right.axhline(np.log(2), color="black", linestyle=":", label="guessing, ln 2")
right.set(xlabel="epoch", ylabel="binary cross-entropy", title="Loss")
right.legend()

NUMBERS["xor_correct"] = int(np.sum((model.forward(x) > 0) == (y > 0.5)))

# %% [markdown]
# ### Iris
#
# Fisher's 150 flowers of three species (1936), four lengths in centimetres each. A test set of
# thirty is too small to measure on: one flower is 3.3 points. So *cross-validate*: split the
# flowers into ten folds, train ten times on nine of them, and test on the tenth. Every flower is
# tested once, by a network that has never seen it.

# %% experiment="iris"
dataset = data.load("iris")
x = np.concatenate([dataset.x_train, dataset.x_test]).astype(np.float32)
y = np.concatenate([dataset.y_train, dataset.y_test])
rng = np.random.default_rng(0)
predicted, histories = np.empty_like(y), []
for test in np.array_split(rng.permutation(len(y)), 10):
    rest = np.setdiff1d(np.arange(len(y)), test)
    scaled = (x - x[rest].mean(axis=0)) / x[rest].std(axis=0)
    model = in_float32(MLP([4, 16, 3], ["tanh", "identity"], rng=rng))
    histories.append(
        train(
            model, scaled[rest], y[rest], loss=cross_entropy_loss, epochs=100, batch_size=16,
            learning_rate=0.1, rng=rng, x_val=scaled[test], y_val=y[test],
        )
    )
    predicted[test] = model.forward(scaled[test]).argmax(axis=1)

left, right = figure(2)
for c, marker in enumerate("osv"):
    left.scatter(*x[y == c, 2:].T, marker=marker, s=24, alpha=0.7, label=dataset.classes[c])
wrong = predicted != y
left.scatter(*x[wrong, 2:].T, s=140, facecolors="none", edgecolors="black", label="misclassified")
left.set(xlabel="petal length (cm)", ylabel="petal width (cm)", title="Iris, ten-fold")
left.legend()
for key, style, label in (("loss", "-", "training"), ("val_loss", "--", "held-out fold")):
    mean = np.mean([history[key] for history in histories], axis=0)
    right.plot(np.arange(1, len(mean) + 1), mean, style, label=label)
right.set(xlabel="epoch", ylabel="cross-entropy", title="Mean over the ten networks")
right.legend()

NUMBERS["iris_accuracy"] = float(np.mean(predicted == y))

# %% [markdown]
# ### Handwritten digits
#
# 1,797 images of 8×8 pixels (Alpaydin and Kaynak, 1998), a fifth of them for the test. The training
# takes less than a second: a good place to try out sizes, activations and learning rates. The last
# epochs take a tenth of the learning rate: smaller steps average out the noise of the mini-batches.

# %% experiment="digits"
dataset = data.load("digits")
x_train, x_test = data.standardised(dataset)
rng = np.random.default_rng(0)
model = in_float32(MLP([64, 64, 10], ["relu", "identity"], rng=rng))
history = train_by_schedule(
    model, x_train, dataset.y_train, learning_rates=[0.1] * 24 + [0.01] * 6, batch_size=32, rng=rng,
    loss=cross_entropy_loss, x_val=x_test, y_val=dataset.y_test, metric=accuracy,
)
draw_history(history, "Digits")
draw_mistakes(dataset, model.forward(x_test))

NUMBERS["digits_accuracy"] = history["val_metric"][-1]

# %% [markdown]
# ### Fashion-MNIST
#
# 60,000 training and 10,000 test images of clothes, 28×28 grey pixels (Xiao, Rasul and Vollgraf,
# 2017), made because MNIST had become too easy. If the set is not on this machine, the cell says so
# and uses the digits; `data.load("fashion_mnist")` downloads it once.

# %% experiment="fashion_mnist"
dataset = data.at_hand("fashion_mnist", download=FULL)
x_train, x_test = data.standardised(dataset)
rng = np.random.default_rng(0)
model = in_float32(MLP([x_train.shape[1], 128, 10], ["relu", "identity"], rng=rng))
history = train_by_schedule(
    model, x_train, dataset.y_train, learning_rates=[0.1] * (30 if FULL else 10) + [0.01] * 2,
    batch_size=64, rng=rng, loss=cross_entropy_loss,
    x_val=x_test, y_val=dataset.y_test, metric=accuracy,
)
draw_history(history, dataset.card["title"])
draw_mistakes(dataset, model.forward(x_test))

if dataset.name == "fashion_mnist":
    NUMBERS["fashion_mnist_accuracy"] = history["val_metric"][-1]

# %% [markdown]
# ### CIFAR-10
#
# 50,000 small colour photographs of ten kinds of things (Krizhevsky, 2009), 10,000 more for the
# test. Guessing gives 10%. A network like ours gets to about half: it sees 3,072 numbers and has
# no idea which of them are neighbours. Telling it that is what convolutions are for, later in the
# course.

# %% experiment="cifar10"
dataset = data.at_hand("cifar10", download=FULL)
x_train, x_test = data.standardised(dataset)
rng = np.random.default_rng(0)
model = in_float32(MLP([x_train.shape[1], 128, 10], ["elu", "identity"], rng=rng))
history = train_by_schedule(
    model, x_train, dataset.y_train, learning_rates=[0.1] * 8 + [0.01] * 2, batch_size=64, rng=rng,
    loss=cross_entropy_loss, x_val=x_test, y_val=dataset.y_test, metric=accuracy,
)
draw_history(history, dataset.card["title"])
draw_mistakes(dataset, model.forward(x_test))

if dataset.name == "cifar10":
    NUMBERS["cifar10_accuracy"] = history["val_metric"][-1]

# %% [markdown]
# ## 8. The same network in PyTorch
#
# PyTorch records every operation on its tensors as it happens, and runs the record backwards when
# you call `backward()` on the loss: the algorithm that you have just written by hand, known as
# *reverse-mode automatic differentiation* (for its history see Baydin et al., 2018). Build the twin
# of an `MLP`, with equal weights, and compare. Three things to know:
#
# - `torch.nn.Linear(D, M)` stores its weight as $(M, D)$, the transpose of ours.
# - Weights are float32 unless you say otherwise; ask for `torch.float64`.
# - `backward()` *adds* to the `.grad` of each parameter. Clear it before every pass.

# %% provided=true allows="torch"
import torch

TORCH_ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "elu": torch.nn.ELU,
    "identity": torch.nn.Identity,
    "softmax": lambda: torch.nn.Softmax(dim=-1),
}


# %% exercise="torch_mlp" points=6 allows="torch"
def torch_mlp(parameters, activations):
    """The PyTorch twin of an `MLP`, in float64 and with equal weights.

    Parameters
    ----------
    parameters : dict of ndarray
        "w1" (D, M), "b1" (M,), … as in `MLP.parameters`. They are copied: training the twin leaves
        them as they are.
    activations : sequence of L str
        Names in `TORCH_ACTIVATIONS`.

    Returns
    -------
    torch.nn.Sequential
        Linear, activation, Linear, activation, …: 2 L modules.
    """
    ### BEGIN SOLUTION  a Sequential of Linear layers and activations, with the weights copied in
    layers = []
    for layer, name in enumerate(activations, start=1):
        w, b = (torch.tensor(parameters[f"{key}{layer}"], dtype=torch.float64) for key in "wb")
        linear = torch.nn.Linear(*w.shape, dtype=torch.float64)
        linear.weight = torch.nn.Parameter(w.T.contiguous())
        linear.bias = torch.nn.Parameter(b)
        layers += [linear, TORCH_ACTIVATIONS[name]()]
    return torch.nn.Sequential(*layers)
    ### END SOLUTION


def torch_loss_and_gradients(module, x, y):
    """Cross-entropy of the twin, mean over the batch, and its gradients by autograd.

    Parameters
    ----------
    module : torch.nn.Sequential
        As `torch_mlp` returns it.
    x : ndarray (N, D), float64
        Inputs.
    y : ndarray (N,) of int
        Class of each sample.

    Returns
    -------
    loss : float
    gradients : dict of ndarray
        Names and shapes as in `MLP.gradients`: "w1" (D, M), "b1" (M,), …; of this batch alone,
        however often the function is called.
    """
    ### BEGIN SOLUTION  forward, cross-entropy, backward; the gradients by our names, in our shapes
    module.zero_grad()
    logits = module(torch.from_numpy(x))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y).long())
    loss.backward()
    gradients = {}
    for layer, linear in enumerate(module[::2], start=1):
        gradients[f"w{layer}"] = linear.weight.grad.T.numpy()
        gradients[f"b{layer}"] = linear.bias.grad.numpy()
    return loss.item(), gradients
    ### END SOLUTION


# %% [markdown]
# ### Side by side
#
# The same data, the same starting weights, the same mini-batches in the same order. The two loss
# curves should lie on top of each other; what differs is the rounding, and the time.

# %% experiment="numpy_and_torch"
import time

import torch
from tqdm.auto import trange

dataset = data.at_hand("fashion_mnist", download=FULL)
x = data.standardised(dataset)[0]
y = dataset.y_train
batch_size, epochs = (128, 3) if len(x) > 10_000 else (32, 20)
activations = ["relu", "identity"]
model = in_float32(MLP([x.shape[1], 128, 10], activations, rng=np.random.default_rng(0)))


def train_twin(device, x, y):
    """The loop of `train` in PyTorch: the loss of each epoch, and the seconds that it took."""
    twin = torch_mlp(model.parameters, activations).to(device, torch.float32)
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.1)
    inputs, targets = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    rng, losses = np.random.default_rng(1), []
    start = time.perf_counter()
    for _ in trange(epochs, desc=device, unit="epoch"):
        total = 0
        for batch in torch.from_numpy(rng.permutation(len(x))).to(device).split(batch_size):
            optimiser.zero_grad()
            cost = torch.nn.functional.cross_entropy(twin(inputs[batch]), targets[batch])
            cost.backward()
            optimiser.step()
            total += cost.detach() * len(batch)
        losses.append(total.item() / len(x))
    return losses, time.perf_counter() - start


runs = {}
for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
    train_twin(device, x[:1000], y[:1000])  # the first run pays for the start of the library
    runs[f"PyTorch, {device}"] = train_twin(device, x, y)
start = time.perf_counter()
history = train(
    model, x, y, loss=cross_entropy_loss, epochs=epochs, batch_size=batch_size, learning_rate=0.1,
    rng=np.random.default_rng(1),
)
runs = {"NumPy, cpu": (history["loss"], time.perf_counter() - start), **runs}

curves, times = figure(2)
for (name, (losses, seconds)), style in zip(runs.items(), ("-", "--", ":"), strict=False):
    curves.plot(range(1, epochs + 1), losses, style, linewidth=3, label=name)
    times.bar_label(times.bar(name, seconds, width=0.5), [f"{seconds:.2f} s"])
curves.set(xlabel="epoch", ylabel="cross-entropy", title=f"Training loss, {dataset.card['title']}")
curves.xaxis.get_major_locator().set_params(integer=True)
curves.legend()
times.set(ylabel="seconds", title=f"Time of {epochs} epochs, batches of {batch_size}")
times.margins(y=0.15)

reference = np.array(runs["PyTorch, cpu"][0])
NUMBERS["numpy_and_torch_difference"] = float(np.abs(history["loss"] / reference - 1).max())
NUMBERS["numpy_over_torch_time"] = runs["NumPy, cpu"][1] / runs["PyTorch, cpu"][1]

# %% [markdown]
# ## What to try next
#
# - **Break it on purpose.** Initialise all weights with 0, or with a standard deviation of 1. Leave
#   out the shift in the softmax and multiply the inputs by 100. Forget the $1/N$ of the loss and
#   look for a learning rate that repairs it. Predict each result before you run it.
# - **Depth.** Train digits with 1, 2, 4 and 8 hidden layers of sigmoids, then of ReLUs. Print the
#   norm of each `gradients["w…"]` after the first batch. Where do the sigmoids lose it?
# - **The best learning rate.** Train digits for five epochs at 12 rates from 0.001 to 3, evenly
#   spaced on a logarithmic scale, and plot the final loss against the rate. How wide is the good
#   valley? How does it move when the batch size doubles?
# - **Label smoothing** (Szegedy et al., 2016): replace the one-hot targets by 0.9 for the true
#   class and the rest spread evenly. Your `cross_entropy_loss` takes such rows already. What
#   happens to the largest logits?
# - **Fooling it.** `backward` returns the gradient by the *input*. Move a test image a small step
#   along its sign, away from the true class, and find the smallest step that changes the answer
#   (Goodfellow, Shlens and Szegedy, 2015). Can you see the difference?
# - **A smaller cache.** A ReLU's gradient needs one bit a unit. How much memory do the caches of a
#   forward pass take, and what is the least that the way back could do with?
#
# ### References
#
# - A. Baydin, B. Pearlmutter, A. Radul, J. Siskind (2018). Automatic differentiation in machine
#   learning: a survey. *JMLR* 18(153).
# - J. Bridle (1990). Probabilistic interpretation of feedforward classification network outputs,
#   with relationships to statistical pattern recognition. In *Neurocomputing*, Springer.
# - D.-A. Clevert, T. Unterthiner, S. Hochreiter (2016). Fast and accurate deep network learning by
#   exponential linear units. *ICLR*.
# - G. Cybenko (1989). Approximation by superpositions of a sigmoidal function. *Mathematics of
#   Control, Signals and Systems* 2, 303–314.
# - R. Fisher (1936). The use of multiple measurements in taxonomic problems. *Annals of Eugenics*,
#   volume 7.
# - X. Glorot, Y. Bengio (2010). Understanding the difficulty of training deep feedforward neural
#   networks. *AISTATS*.
# - I. Goodfellow, J. Shlens, C. Szegedy (2015). Explaining and harnessing adversarial examples.
#   *ICLR*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015). Delving deep into rectifiers. *ICCV*.
# - A. Krizhevsky (2009). Learning multiple layers of features from tiny images. Technical report,
#   University of Toronto.
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller (1998). Efficient BackProp. In *Neural Networks:
#   Tricks of the Trade*, Springer.
# - A. Maas, A. Hannun, A. Ng (2013). Rectifier nonlinearities improve neural network acoustic
#   models. *ICML workshop on deep learning for audio, speech and language processing*.
# - M. Minsky, S. Papert (1969). *Perceptrons*. MIT Press.
# - V. Nair, G. Hinton (2010). Rectified linear units improve restricted Boltzmann machines. *ICML*.
# - D. Rumelhart, G. Hinton, R. Williams (1986). Learning representations by back-propagating
#   errors. *Nature* 323, 533–536.
# - C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna (2016). Rethinking the Inception
#   architecture for computer vision. *CVPR*.
# - H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking
#   machine learning algorithms. arXiv:1708.07747.
