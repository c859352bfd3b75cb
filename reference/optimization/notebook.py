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
# runs into a time limit.
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

from autograder import check, data, progress
from autograder.figures import draw_curves, draw_images, figure

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # longer experiments, downloads allowed
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. Gradient descent
#
# ### On a function
#
# Near a point $\theta$, a smooth function is a plane: $f(\theta + \delta) \approx f(\theta) + g \cdot
# \delta$, where $g = \nabla f(\theta)$. Among all steps $\delta$ of a given length, the one against
# the gradient goes down fastest. So walk, with the *learning rate* $\eta$ (Cauchy, 1847):
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
# own: the *steepest* direction limits $\eta$, and the *flattest* one then decides how long it takes,
# about $\lambda_{\max} / \lambda_{\min}$ steps. That ratio, the condition number, is what most of
# this notebook fights against.

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
# The functions are *pure*: they return a new parameter and a new state, and leave the old ones
# alone. So a training can be stopped, copied, taken back, and tested one step at a time.
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
