"""Mistakes of the toy."""

from autograder.assignment.edits import Mistakes

SCALE = Mistakes(
    "scale",
    ("adds", "x * factor", "x + factor", "You add the factor; multiply by it."),
)
BATCH_MEAN = Mistakes(
    "batch_mean",
    ("wrong axis size", "/ len(x)", "/ x.shape[1]",
     "You divide by the number of columns; the batch is counted by rows."),
)
