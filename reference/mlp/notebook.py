# %% [markdown]
# # Backpropagation by hand
#
# A neural network is a composition of small functions, and training it needs one thing from calculus: the
# chain rule. Here you write both, in NumPy, with nothing hidden.

# %% provided=true
import os

import numpy as np

from autograder import check, progress

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # True: experiments run at their full length
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. One neuron
#
# A neuron takes the weighted sum of its $D$ inputs, adds a bias and squashes the result,
# $\text{out}_n = \sigma(\sum_d x_{nd} w_d + b)$ with $\sigma(z) = 1/(1+e^{-z})$.

# %% exercise="neuron_forward" points=4
def neuron_forward(x, w, b):
    """A sigmoid neuron over a batch: out_n = σ(Σ_d x_nd w_d + b), σ(z) = 1 / (1 + e^−z).

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
# Backward: $dz_n = \text{dout}_n\,\text{out}_n(1-\text{out}_n)$.

# %% exercise="neuron_backward" points=6
def neuron_backward(dout, cache):
    """Gradients of a sigmoid neuron.

    Parameters
    ----------
    dout : ndarray (N,)
        Upstream gradient, ∂loss/∂out.
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
# ## 2. Activations

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
    """Gradient of the sigmoid.

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
    """Gradient of the hyperbolic tangent.

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
    """Gradient of the rectified linear unit; at x = 0 the derivative is taken as 0.

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


# %% exercise="leaky_relu" points=3
def leaky_relu_forward(x, slope=0.01):
    """Leaky rectified linear unit: out = x where x > 0, slope · x elsewhere.

    Parameters
    ----------
    x : ndarray, any shape
    slope : float
        Slope of the negative side, 0 ≤ slope < 1.

    Returns
    -------
    out : ndarray, shape of x
    cache : tuple (x, slope)
    """
    ### BEGIN SOLUTION  x where it is positive, slope times x elsewhere
    return np.where(x > 0, x, slope * x), (x, slope)
    ### END SOLUTION


def leaky_relu_backward(dout, cache):
    """Gradient of the leaky rectified linear unit; at x = 0 the derivative is taken as slope.

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


# %% exercise="elu" points=4
def elu_forward(x, alpha=1.0):
    """Exponential linear unit: out = x where x > 0, alpha · (e^x − 1) elsewhere, without overflow.

    Parameters
    ----------
    x : ndarray, any shape
    alpha : float
        Minus the limit for x → −∞.

    Returns
    -------
    out : ndarray, shape of x
    cache : tuple (x, out, alpha)
    """
    ### BEGIN SOLUTION  x where it is positive, the exponential branch elsewhere; keep exp away from large x
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)
    ### END SOLUTION


def elu_backward(dout, cache):
    """Gradient of the exponential linear unit; at x = 0 the derivative is taken as alpha.

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
    ### BEGIN SOLUTION  dout times 1 on the positive side, times the derivative of the exponential branch elsewhere
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)
    ### END SOLUTION


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
        Its gradient needs nothing.
    """
    ### BEGIN SOLUTION  the simplest function there is
    return x, None
    ### END SOLUTION


def identity_backward(dout, cache):
    """Gradient of the identity.

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


# %% exercise="softmax" points=7
def softmax_forward(x):
    """Softmax over the last axis, out_i = e^{x_i} / Σ_j e^{x_j}, without overflow for any x.

    Parameters
    ----------
    x : ndarray (..., C)
        Scores.

    Returns
    -------
    out : ndarray (..., C)
        Probabilities, each row sums to one.
    cache : ndarray
        out itself.
    """
    ### BEGIN SOLUTION  exponentials of the shifted scores, divided by their sum over the last axis
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out = e / e.sum(axis=-1, keepdims=True)
    return out, out
    ### END SOLUTION


def softmax_backward(dout, cache):
    """Gradient of softmax over the last axis.

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
    ### BEGIN SOLUTION  the product of the Jacobian with dout, without building the Jacobian
    out = cache
    return out * (dout - np.sum(dout * out, axis=-1, keepdims=True))
    ### END SOLUTION


# %% [markdown]
# The table through which a network finds its activations by name.

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

# %% [markdown]
# ## 3. The linear layer

# %% exercise="linear_forward" points=4
def linear_forward(x, w, b):
    """A linear layer: out_nm = Σ_d x_nd w_dm + b_m.

    Parameters
    ----------
    x : ndarray (N, D)
        Inputs.
    w : ndarray (D, M)
        Weights.
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


# %% exercise="linear_backward" points=8
def linear_backward(dout, cache):
    """Gradients of a linear layer.

    Parameters
    ----------
    dout : ndarray (N, M)
        Upstream gradient.
    cache : tuple (x, w, b)
        As `linear_forward` returns it.

    Returns
    -------
    dx : ndarray (N, D)
    dw : ndarray (D, M)
        Summed over the batch.
    db : ndarray (M,)
        Summed over the batch.
    """
    ### BEGIN SOLUTION  dx, dw and db from dout by the chain rule
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    ### END SOLUTION


# %% [markdown] written="derivation" points=8
# Derive the backward pass in index notation.
#
# ### BEGIN SOLUTION
# Model answer.
# ### END SOLUTION

# %% [markdown]
# ## 4. Losses

# %% exercise="mse_loss" points=4
def mse_loss(pred, target):
    """Mean squared error over all elements, and its gradient.

    Parameters
    ----------
    pred : ndarray, any shape
        Predictions.
    target : ndarray, shape of pred

    Returns
    -------
    loss : float
        Mean of (pred − target)² over all elements.
    dpred : ndarray, shape of pred
        Gradient of the loss with respect to pred.
    """
    ### BEGIN SOLUTION  the mean of the squared differences, and its derivative by every prediction
    difference = pred - target
    return np.mean(difference**2), difference * (2 / difference.size)
    ### END SOLUTION


# %% exercise="bce_loss" points=7
def bce_loss(logits, target):
    """Binary cross-entropy from logits, mean over all elements, and its gradient.

    loss = mean(−t log σ(z) − (1 − t) log(1 − σ(z))), finite for any finite logit z.

    Parameters
    ----------
    logits : ndarray, any shape
        Scores z before the sigmoid.
    target : ndarray, shape of logits
        Probabilities t of class 1, between 0 and 1.

    Returns
    -------
    loss : float
    dlogits : ndarray, shape of logits
        Gradient of the loss with respect to the logits.
    """
    ### BEGIN SOLUTION  the stable form of the loss, and its gradient by the logits
    e = np.exp(-np.abs(logits))
    loss = np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))
    probabilities = np.where(logits >= 0, 1, e) / (1 + e)
    return loss, (probabilities - target) / logits.size
    ### END SOLUTION


# %% exercise="cross_entropy_loss" points=9
def cross_entropy_loss(logits, target):
    """Cross-entropy of softmax(logits) with the target, mean over the batch, and its gradient.

    loss = −(1/N) Σ_n Σ_c t_nc log softmax(logits)_nc, finite for any finite logits.

    Parameters
    ----------
    logits : ndarray (N, C)
        Scores before the softmax.
    target : ndarray (N,) of int, or ndarray (N, C)
        Class of each sample, or the same one-hot (rows that sum to one).

    Returns
    -------
    loss : float
    dlogits : ndarray (N, C)
        Gradient of the loss with respect to the logits.
    """
    ### BEGIN SOLUTION  a stable log-softmax, the mean loss over the batch, and its gradient by the logits
    n, classes = logits.shape
    one_hot = target if target.ndim == 2 else np.eye(classes, dtype=logits.dtype)[target]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -np.sum(one_hot * log_probabilities) / n
    return loss, (np.exp(log_probabilities) - one_hot) / n
    ### END SOLUTION


# %% [markdown]
# ## 5. The network

# %% exercise="MLP" points=14
class MLP:
    """A multilayer perceptron: linear layers, each followed by an activation.

    Parameters
    ----------
    sizes : sequence of L + 1 int
        Widths, from the input to the output.
    activations : sequence of L str
        Name in `ACTIVATIONS` of each layer's activation.
    rng : numpy.random.Generator
        Draws the weights: layer by layer, w1 first, each with one call of `rng.normal` of the weight's shape.
    std : float, optional
        Standard deviation of all weights; without it He's √(2/D), D the inputs of the layer.

    Attributes
    ----------
    parameters : dict
        "w1" (D, M), "b1" (M,), "w2", "b2", … Weights are drawn from a normal distribution of mean 0, biases are 0.
    gradients : dict
        The same keys, filled by `backward`; empty before.
    """

    def __init__(self, sizes, activations, *, rng, std=None):
        ### BEGIN SOLUTION  draw the parameters, layer by layer
        self.activations = list(activations)
        self.parameters = {}
        self.gradients = {}
        for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:]), start=1):
            scale = np.sqrt(2 / inputs) if std is None else std
            self.parameters[f"w{layer}"] = rng.normal(0, scale, size=(inputs, outputs))
            self.parameters[f"b{layer}"] = np.zeros(outputs)
        ### END SOLUTION

    def forward(self, x):
        """Outputs (N, M) of the last layer for inputs x (N, D); stores the caches for `backward`."""
        ### BEGIN SOLUTION  linear layer, activation, next layer; keep both caches of every layer
        self.caches = []
        for layer, name in enumerate(self.activations, start=1):
            activation_forward, _ = ACTIVATIONS[name]
            x, linear_cache = linear_forward(x, self.parameters[f"w{layer}"], self.parameters[f"b{layer}"])
            x, activation_cache = activation_forward(x)
            self.caches.append((linear_cache, activation_cache))
        return x
        ### END SOLUTION

    def backward(self, dout):
        """Gradient dx (N, D) with respect to the inputs of the last `forward`, from dout (N, M); fills `gradients`."""
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
        """One step of gradient descent, in place: every parameter loses learning_rate times its gradient."""
        ### BEGIN SOLUTION  a step against the gradient, for every parameter
        for name, gradient in self.gradients.items():
            self.parameters[name] -= learning_rate * gradient
        ### END SOLUTION


# %% [markdown]
# ## 6. Training

# %% exercise="accuracy" points=3
def accuracy(scores, target):
    """Fraction of rows whose largest score is at the target class.

    Parameters
    ----------
    scores : ndarray (N, C)
    target : ndarray (N,) of int, or one-hot ndarray (N, C)

    Returns
    -------
    float
        Between 0 and 1.
    """
    ### BEGIN SOLUTION  compare the largest score of each row with the target class
    classes = target if target.ndim == 1 else target.argmax(axis=1)
    return np.mean(scores.argmax(axis=1) == classes)
    ### END SOLUTION


# %% exercise="train" points=9
def train(model, x, y, *, loss, epochs, batch_size, learning_rate, rng, x_val=None, y_val=None, metric=None):
    """Mini-batch gradient descent; returns the history of the training.

    Each epoch visits every sample once, in the order of one `rng.permutation(N)` drawn at its start, in
    consecutive batches of batch_size samples; the last batch of an epoch may be smaller.

    Parameters
    ----------
    model : MLP
        Trained in place, through forward, backward and update.
    x : ndarray (N, D)
    y : ndarray (N, ...)
    loss : callable (out, target) -> loss, dout
        Such as `mse_loss`; a mean over its samples.
    epochs, batch_size : int
        Both at least 1.
    learning_rate : float
    rng : numpy.random.Generator
    x_val, y_val : ndarray, optional
        Validation data, evaluated in one piece after each epoch.
    metric : callable (out, target) -> float, optional
        Such as `accuracy`.

    Returns
    -------
    history : dict of lists of float, one entry an epoch
        "loss": mean over the samples of the epoch of the mini-batches' losses, each as it was before its update
        (so a batch counts in proportion to its samples);
        "metric", if a metric is given: the same mean of the mini-batches' metrics, from the same outputs;
        "val_loss", if validation data are given; "val_metric", if both are given.
    """
    ### BEGIN SOLUTION  epochs of shuffled mini-batches: forward, loss, backward, update; keep the history
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
# ## 7. The same network in PyTorch

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
        "w1" (D, M), "b1" (M,), … as in `MLP.parameters`. They are copied: training the twin leaves them alone.
    activations : sequence of L str
        Names in `TORCH_ACTIVATIONS`.

    Returns
    -------
    torch.nn.Sequential
        Linear, activation, Linear, activation, … `torch.nn.Linear` stores its weight as (M, D).
    """
    ### BEGIN SOLUTION  a Sequential of Linear layers and activations, then copy the weights in
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
    y : ndarray (N,) of int

    Returns
    -------
    loss : float
    gradients : dict of ndarray
        Names and shapes as in `MLP.gradients`: "w1" (D, M), "b1" (M,), …; of this batch alone, however often the
        function is called.
    """
    ### BEGIN SOLUTION  forward, cross-entropy, backward; then the gradients by our names and in our shapes
    module.zero_grad()
    loss = torch.nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(y).long())
    loss.backward()
    gradients = {}
    for layer, linear in enumerate(module[::2], start=1):
        gradients[f"w{layer}"] = linear.weight.grad.T.numpy()
        gradients[f"b{layer}"] = linear.bias.grad.numpy()
    return loss.item(), gradients
    ### END SOLUTION


# %% [markdown]
# ## What to try next
