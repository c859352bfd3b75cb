# %% [markdown]
# # A toy assignment

# %% provided=true
import numpy as np

from autograder import check, progress

NUMBERS = {}

# %% exercise="scale" points=2
def scale(x, factor):
    """Multiply x (N, D) by a factor."""
    ### BEGIN SOLUTION  x times the factor
    product = x * factor
    return product
    ### END SOLUTION

# %% [markdown]
# The mean over the batch.

# %% exercise="batch_mean" points=3
def batch_mean(x):
    """Average x (N, D) over N; the result is (D,)."""
    ### BEGIN SOLUTION  the mean over the rows
    total = scale(x, 1.0).sum(axis=0)
    return total / len(x)
    ### END SOLUTION

# %% [markdown] written="why" points=4
# **Why** is a mean better than a sum?
#
# ### BEGIN SOLUTION
# Its size does not depend on N.
# ### END SOLUTION

# %% experiment="draw"
NUMBERS["mean"] = float(batch_mean(np.ones((2, 2))).mean())
