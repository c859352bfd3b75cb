"""Asks one student process one question, and says what confines it: the image's health check."""

from autograder.sandbox import WarmParent

with WarmParent() as parent, parent.attempt() as student:
    student.execute([("question", "answer = sum(range(4))")])
    assert student.namespace.answer == 6
    print(f"A student process answers, confined by {parent.isolation}.")
