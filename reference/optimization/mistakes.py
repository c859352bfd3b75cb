"""Wrong solutions of `optimization` that students really write, each with the hint it earns.

Two edits that give the same results share a hint, for nobody can tell them apart from outside.
"""

from autograder.mutation import Mistake

DESCENT = [
    Mistake(
        "gradient_descent",
        "uphill",
        "path[-1] - learning_rate",
        "path[-1] + learning_rate",
        "The walk goes uphill: the gradient points to where the function grows, so subtract it.",
    ),
    Mistake(
        "sgd",
        "uphill",
        "param - learning_rate * grad",
        "param + learning_rate * grad",
        "The step goes up the gradient; subtract it to go down.",
    ),
]

MISTAKES = [*DESCENT]
