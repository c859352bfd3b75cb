"""Right solutions of the toy, written differently."""

from autograder.assignment.edits import Alternatives

BATCH_MEAN = Alternatives(
    "batch_mean",
    ("numpy's mean", "return total / len(x)", "return x.mean(axis=0)"),
)
EQUIVALENT = {
    "batch_mean: 1.0 → 2.0": "listed to be looked at by the tests of validate",
}
