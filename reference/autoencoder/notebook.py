# %% [markdown]
# # Autoencoders: learning without labels
#
# Nobody has written down what is on most of the world's images. An *autoencoder* learns from such
# data all the same: it is a network whose target is its own input. That would be no task at all,
# were it not for the bottleneck in its middle, a layer of $K$ units where an image has $D \gg K$
# pixels. What comes out right at the far end must have gone through those $K$ numbers, so they hold
# what the images have in common, and what tells one from the next. They are called the *code*.
#
# The idea is old (Bourlard and Kamp, 1988; Baldi and Hornik, 1989), it became deep with Hinton and
# Salakhutdinov (2006), and with Kingma and Welling (2014) it became a model that can invent new
# images. You build both kinds here, by hand and in NumPy: the network with its backward pass, a
# training that stops in time and keeps its best moment, the search for good settings, the means to
# look inside, a fair test of what the codes are worth, and last the variational autoencoder.
#
# **How the notebook works.** You write where a cell says `raise NotImplementedError`; everything
# else is ready to run. Run the check below an exercise as often as you like. `progress()` in a cell
# of your own lists all exercises with their points. Each is graded by itself.
#
# **Axes**: $N$ samples in a batch, $D$ features (pixels) in, $M$ features out, $K$ numbers in a
# code, $C$ classes. One sample is one row. Functions keep the dtype of their inputs: float64 in the
# checks, float32 in the experiments.

# %% provided=true
import os
from itertools import pairwise, product

import numpy as np

from autograder import check, data, progress
from autograder.figures import draw_curves, draw_images, figure

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # longer experiments, downloads allowed
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. The loss
#
# Call the input $x$ and what the network makes of it $\hat x$, both of shape $(N, D)$. The most
# common measure of how far they lie apart is the mean squared error over *all* elements,
#
# $$ L = \frac{1}{ND} \sum_{n,d} (\hat x_{nd} - x_{nd})^2 . $$
#
# Dividing by $D$ too makes images of different sizes comparable: with pixels in $[0, 1]$, $L =
# 0.01$ says that a pixel is typically off by $\sqrt{0.01} = 0.1$. Backpropagation starts from the
# derivative of $L$ by each $\hat x_{nd}$, which occurs in one term of the double sum.

# %% exercise="reconstruction_loss" points=4
def reconstruction_loss(x_hat, x):
    """Mean squared error over all elements, and its gradient.

    Parameters
    ----------
    x_hat : ndarray (N, D)
        Reconstructions.
    x : ndarray (N, D)
        What they should be.

    Returns
    -------
    loss : float
        (1/ND) Σ_nd (x_hat_nd − x_nd)².
    dx_hat : ndarray (N, D)
        Gradient of the loss with respect to x_hat.
    """
    ### BEGIN SOLUTION  the mean of the squared differences, and its derivative by x_hat
    difference = x_hat - x
    loss = np.vdot(difference, difference) / difference.size
    return loss, difference * (2 / difference.size)
    ### END SOLUTION


# %% [markdown]
# ## 2. A layer and its batch normalisation
#
# The network is a chain of layers of one kind: a matrix product, a normalisation or a bias, an
# activation. The parts are known from the assignments before this one, so they are given here.
# Two things are worth a look. Each activation is written so that its backward pass needs nothing
# but its own *output*. And batch normalisation (Ioffe and Szegedy, 2015) has two lives:
#
# - *In training* it takes the mean $m_j$ and the biased variance $v_j$ of column $j$ over the
#   batch, and gives $\gamma_j \hat z_{nj} + \beta_j$ with $\hat z_{nj} = (z_{nj} - m_j) / \sqrt{v_j
#   + \varepsilon}$. On the way it moves its *running* statistics a tenth towards those of the
#   batch, in place.
# - *In evaluation* it uses the running statistics, so that what a sample gives does not depend on
#   the company it came in.
#
# The running statistics are not parameters: no gradient ever reaches them. They are part of the
# model all the same, and a checkpoint without them is worth nothing.

# %% provided=true
EPSILON = 1e-5  # batch normalisation adds it to the variance

ACTIVATIONS = {  # name: (the function, its slope written with its output)
    "identity": (lambda z: z, lambda out: 1),
    "relu": (lambda z: np.maximum(z, 0), lambda out: out > 0),
    "leaky_relu": (
        lambda z: np.maximum(z, z * z.dtype.type(0.01)),
        lambda out: np.where(out > 0, out.dtype.type(1), out.dtype.type(0.01)),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda out: np.where(out > 0, 1, out + 1),
    ),
    "tanh": (np.tanh, lambda out: 1 - out * out),
}


def activation_forward(z, name):
    """out = f(z), element by element, for a name in `ACTIVATIONS`."""
    return ACTIVATIONS[name][0](z)


def activation_backward(dout, out, name):
    """dz = dout · f′(z), from the activation's output."""
    return dout * ACTIVATIONS[name][1](out)


def batchnorm_forward(z, gamma, beta, mean, var, training):
    """γ (z − m) / √(v + ε) + β for z (N, M); all others (M,).

    In training m and v are the batch's own, N ≥ 2, and `mean` and `var` move towards them in place
    (`var` towards the unbiased variance). In evaluation m and v are `mean` and `var`. The cache is
    the tuple (normalised z, √(v + ε), gamma), in evaluation None.
    """
    if not training:
        scale = gamma / np.sqrt(var + EPSILON)
        return z * scale + (beta - mean * scale), None
    n = len(z)
    batch_mean = z.mean(axis=0)
    normalised = z - batch_mean
    batch_var = np.einsum("nm,nm->m", normalised, normalised) / n
    deviation = np.sqrt(batch_var + EPSILON)
    normalised /= deviation
    mean += 0.1 * (batch_mean - mean)
    var += 0.1 * (batch_var * (n / (n - 1)) - var)
    return normalised * gamma + beta, (normalised, deviation, gamma)


def batchnorm_backward(dout, cache):
    """Gradients dz (N, M), dgamma (M,), dbeta (M,) of `batchnorm_forward` in training."""
    normalised, deviation, gamma = cache
    dgamma, dbeta = np.einsum("nm,nm->m", dout, normalised), dout.sum(axis=0)
    dz = dout - (dbeta + normalised * dgamma) / len(dout)
    dz *= gamma / deviation
    return dz, dgamma, dbeta


# %% [markdown]
# ### The layer, forward and backward
#
# A layer is a dictionary of arrays. Without batch normalisation it has weights and biases:
#
# $$ \text{out} = f(x w + b), \qquad \texttt{layer} = \{\texttt{"w"}: (D, M),\ \texttt{"b"}: (M,)\}. $$
#
# With it, the bias goes: the normalisation would subtract it again with the mean. Its place is
# taken by $\beta$:
#
# $$ \text{out} = f(\operatorname{batchnorm}(x w)), \qquad
#    \texttt{layer} = \{\texttt{"w"}, \texttt{"gamma"}, \texttt{"beta"}, \texttt{"mean"},
#    \texttt{"var"}\} . $$
#
# Backward runs through the same three steps from the far end. Let $dz$ be the gradient at the
# product $z = x w$. Each $w_{ij}$ touches column $j$ of $z$ in every sample, each $x_{ni}$ touches
# row $n$, so
#
# $$ dw_{ij} = \sum_n x_{ni}\, dz_{nj}, \qquad dx_{ni} = \sum_j dz_{nj}\, w_{ij}, \qquad
#    db_j = \sum_n dz_{nj} . $$
#
# One thing is new. The first layer's `x` is data, and nobody asks how the loss depends on it. Its
# `dx` would be the dearest product of the whole backward pass, as wide as an image. So whoever
# calls may say that it is not wanted.

# %% exercise="block" points=8
def block_forward(x, layer, activation, training=True):
    """A layer: out = f(batchnorm(x w)) if it has a "gamma", else f(x w + b).

    Parameters
    ----------
    x : ndarray (N, D)
    layer : dict of ndarray
        "w" (D, M), and either "b" (M,), or "gamma", "beta", "mean" and "var", all (M,). In training
        the running statistics "mean" and "var" change in place, as `batchnorm_forward` does it;
        nothing else changes.
    activation : str
        A name in `ACTIVATIONS`.
    training : bool
        Which of its two lives batch normalisation leads.

    Returns
    -------
    out : ndarray (N, M)
    cache : tuple (x, w, normal, out, activation)
        normal is the cache of `batchnorm_forward`, or None for a layer without it.
    """
    ### BEGIN SOLUTION  the product, then batch normalisation or the bias, then the activation
    z, normal = x @ layer["w"], None
    if "gamma" in layer:
        arrays = (layer[name] for name in ("gamma", "beta", "mean", "var"))
        z, normal = batchnorm_forward(z, *arrays, training)
    else:
        z += layer["b"]
    out = activation_forward(z, activation)
    return out, (x, layer["w"], normal, out, activation)
    ### END SOLUTION


def block_backward(dout, cache, want_dx=True):
    """Gradients of a layer, in training.

    Parameters
    ----------
    dout : ndarray (N, M)
        Upstream gradient, ∂L/∂out.
    cache : tuple (x, w, normal, out, activation)
        As `block_forward` returns it.
    want_dx : bool
        Whether dx is computed.

    Returns
    -------
    dx : ndarray (N, D), or None if it is not wanted
    gradients : dict of ndarray
        "w" (D, M) and "b" (M,); or "w", "gamma" and "beta" for a layer with batch normalisation.
    """
    ### BEGIN SOLUTION  back through the activation, the normalisation or the bias, and the product
    x, w, normal, out, activation = cache
    dz = activation_backward(dout, out, activation)
    if normal is None:
        gradients = {"b": dz.sum(axis=0)}
    else:
        dz, dgamma, dbeta = batchnorm_backward(dz, normal)
        gradients = {"gamma": dgamma, "beta": dbeta}
    gradients["w"] = x.T @ dz
    return (dz @ w.T if want_dx else None), gradients
    ### END SOLUTION


