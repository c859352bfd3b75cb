"""The judge's view of a student process: what it answers, what its errors say, how it ends."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.checking.student import Expression
from autograder.sandbox import (
    Limits,
    ParentError,
    ProtocolError,
    StudentDied,
    StudentError,
    StudentProcess,
    WarmParent,
)

MLP = """
import numpy as np

class MLP:
    def __init__(self, sizes, *, rng):
        self.sizes = sizes
        self.parameters = {f"w{i + 1}": rng.standard_normal((d, m))
                           for i, (d, m) in enumerate(zip(sizes, sizes[1:]))}
        self.layers = [Layer(w) for w in self.parameters.values()]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def __getitem__(self, index):
        return self.layers[index]

class Layer:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        return np.maximum(x @ self.w, 0)

def linear_forward(x, w, b):
    return x @ w + b, (x, w, b)

def double_in_place(x):
    x *= 2

def broken(x):
    raise ValueError("sizes differ") if x else NotImplementedError("broken: write it")

def apply(f, x):
    return f(x)

SIZE = 3
"""


@pytest.fixture
def mlp(student: StudentProcess) -> StudentProcess:
    """A student process that has run a notebook."""
    (outcome,) = student.execute([("mlp", MLP)])
    assert outcome.status == "ok", outcome.error
    return student


# Cells


def test_cells_run_one_after_the_other_and_an_error_ends_only_its_own(
    student: StudentProcess,
) -> None:
    outcomes = student.execute(
        [
            ("a", "x = 1\n"),
            ("b", "y = x + 1\nz = 1 / 0\nw = 3\n"),
            ("c", "v = y + 1"),
            ("d", "def f(:\n    pass"),
            ("e", "# a comment only"),
        ]
    )
    assert [outcome.status for outcome in outcomes] == ["ok", "error", "ok", "error", "ok"]
    assert outcomes[1].error == "ZeroDivisionError: division by zero (line 2: `z = 1 / 0`)"
    assert outcomes[3].error == "SyntaxError: invalid syntax (line 1: `def f(:`)"
    assert student.namespace.v == 3
    assert student.namespace.w == 3  # what stands below the line that failed
    with pytest.raises(StudentError, match="f is not defined"):
        _ = student.namespace.f


def test_a_missing_import_does_not_stop_its_cell(student: StudentProcess) -> None:
    (outcome,) = student.execute([("a", "import pandas\nfrom seaborn import x\ny = 5")])
    assert (
        outcome.error == "ModuleNotFoundError: No module named 'pandas' (line 1: `import pandas`)"
    )
    assert student.namespace.y == 5


def test_a_missing_import_is_the_cause_of_what_follows(student: StudentProcess) -> None:
    (outcome,) = student.execute([("a", "import pandas as pd\ntable = pd.DataFrame()\ny = 5")])
    assert outcome.error and "No module named 'pandas'" in outcome.error
    assert student.namespace.y == 5
    with pytest.raises(StudentError, match="table is not defined"):
        _ = student.namespace.table


def test_futures_last_and_sources_can_be_inspected(student: StudentProcess) -> None:
    cells = [
        ("a", "from __future__ import annotations"),
        ("b", "def f(x: Undefined): return x\n"),
        ("c", "import inspect\nsource = inspect.getsource(f)\nmain = __name__, f.__module__"),
    ]
    assert [outcome.error for outcome in student.execute(cells)] == [None] * 3
    assert student.namespace.source == "def f(x: Undefined): return x\n"
    assert student.namespace.main == ("__main__", "__main__")


def test_a_cell_without_input_or_output_goes_on(student: StudentProcess) -> None:
    cells = [
        ("a", "import sys, warnings\nprint('x' * 10**7)\nsys.stderr.write('y' * 10**7)"),
        ("b", "warnings.warn('harmless')"),
        ("c", "input()"),
        ("d", "breakpoint()"),
        ("e", "import subprocess, os\nos.write(1, b'x' * 10**6)"),
    ]
    errors = [outcome.error for outcome in student.execute(cells)]
    assert errors[:2] == [None, None] and errors[4] is None
    assert errors[2] and errors[2].startswith("EOFError")
    assert errors[3] is not None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import sys; sys.exit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise BaseExceptionGroup('', [KeyboardInterrupt()])", "BaseExceptionGroup"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("x = bytearray(10**12)", "MemoryError"),
        ("class Odd(Exception):\n    def __str__(self): raise SystemExit\nraise Odd", "Odd"),
        ("class Odd(Exception):\n    def __str__(self): return 3\nraise Odd", "Odd"),
        ("exec('(' * 10000)", "MemoryError"),
        ("raise type('\\x1b[2J<b>', (Exception,), {})", "Exception"),
    ],
)
def test_whatever_a_cell_raises_is_reported(
    student: StudentProcess, source: str, kind: str
) -> None:
    first, second = student.execute([("a", source), ("b", "y = 1")])
    assert first.error is not None
    assert first.error.startswith(kind) or (kind == "MemoryError" and "Error" in first.error)
    assert second.status == "ok"


def test_attempts_are_alike(parent: WarmParent) -> None:
    chance = """
import random, numpy as np
seen = (random.random(), np.random.rand(), np.random.default_rng(0).random(), hash("x"))
"""
    seen = []
    for _ in range(2):
        with parent.attempt() as student:
            student.execute([("a", chance)])
            seen.append(student.namespace.seen)
    assert seen[0] == seen[1]
    command = [sys.executable, "-c", "print(hash('x'))"]
    hashed = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True)
    assert seen[0][3] == int(hashed.stdout)


# Calls


def test_calls_take_and_give_values(mlp: StudentProcess) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2)
    out, cache = mlp.namespace.linear_forward(x, w, b=b)
    assert np.array_equal(out, x @ w + b)
    assert isinstance(cache, tuple) and np.array_equal(cache[1], w)
    assert mlp.namespace.SIZE == 3
    out[:] = 0


def test_objects_stay_and_answer(mlp: StudentProcess) -> None:
    net = mlp.namespace.MLP([3, 4, 2], rng=np.random.default_rng(1))
    expected = np.random.default_rng(1)
    w1, w2 = expected.standard_normal((3, 4)), expected.standard_normal((4, 2))
    assert repr(net) == "<the student's MLP>"
    assert net.sizes == [3, 4, 2]
    assert np.array_equal(net.parameters["w1"], w1)
    x = np.ones((5, 3))
    assert np.array_equal(net.forward(x), np.maximum(np.maximum(x @ w1, 0) @ w2, 0))
    first, second = net.layers
    assert np.array_equal(second.w, w2)
    assert np.array_equal(net[0].forward(x), first.forward(x))
    assert np.array_equal(mlp.namespace.apply(first.forward, x), first.forward(x))
    with pytest.raises(StudentError, match="has no attribute 'backward'"):
        net.backward(x)
    assert not hasattr(net, "__array__")


def test_put_shows_whether_an_input_was_changed(mlp: StudentProcess) -> None:
    x = np.ones(3)
    handle = mlp.namespace.put(x)
    mlp.namespace.double_in_place(handle)
    assert np.array_equal(mlp.namespace.get(handle), [2, 2, 2])
    assert np.array_equal(x, [1, 1, 1])
    generator = mlp.namespace.put(np.random.default_rng(0))
    assert generator.random() != generator.random()


def test_a_probe_tells_in_one_question_what_a_call_leaves(mlp: StudentProcess) -> None:
    x = np.ones(3)
    asked = mlp._sequence
    _, (left,), named = mlp.namespace.probe("double_in_place", (x,), {})
    assert np.array_equal(left, [2, 2, 2])
    assert np.array_equal(x, [1, 1, 1])
    assert (named, mlp._sequence) == ({}, asked + 1)
    with pytest.raises(StudentError, match="nothing is not defined"):
        mlp.namespace.probe("nothing", (x,), {})


@pytest.mark.parametrize("left", ["1", "(1, (), {})", "(1, (2,), {'a': 3})", "(1, [2], {})"])
def test_a_probe_answered_with_something_else_ends_the_process(
    student: StudentProcess, left: str
) -> None:
    lie = (
        "import sys\n"
        "child = sys.modules['autograder.sandbox.child'].Notebook\n"
        f"child.probe = lambda *_: {left}\n"
        "def f(x): return x\n"
    )
    student.execute([("a", lie)])
    with pytest.raises(ProtocolError):
        student.namespace.probe("f", (2,), {})
    assert not is_alive(student.pid)


def test_callables_go_as_expressions(mlp: StudentProcess) -> None:
    square = Expression("lambda x: np.square(x)")
    named = Expression("def twice(x):\n    return 2 * x\n", "twice")
    assert mlp.namespace.apply(square, 3.0) == 9.0
    assert mlp.namespace.apply(named, np.array([1])).tolist() == [2]
    with pytest.raises(TypeError, match="Expression"):
        mlp.namespace.apply(lambda x: x, 1)


def test_errors_name_the_student_s_own_lines(mlp: StudentProcess) -> None:
    with pytest.raises(StudentError) as caught:
        mlp.namespace.broken(1)
    assert (caught.value.kind, caught.value.message) == ("ValueError", "sizes differ")
    lines = caught.value.trace.splitlines()
    assert lines[0].startswith('  File "mlp", line 33, in broken')
    assert lines[1].strip().startswith("raise ValueError") and len(lines) == 2
    with pytest.raises(StudentError, match="broken: write it"):
        mlp.namespace.broken(0)
    with pytest.raises(StudentError) as caught:
        mlp.namespace.linear_forward(1)
    assert caught.value.kind == "TypeError"
    with pytest.raises(StudentError) as caught:
        _ = mlp.namespace.unknown
    assert (caught.value.kind, str(caught.value)) == (
        "NameError",
        "NameError: unknown is not defined",
    )


def test_messages_are_short_and_printable(student: StudentProcess) -> None:
    hostile = "raise ValueError('\\x1b[31m\\ud800\\u202e<b>' + 'x' * 10**6)"
    (outcome,) = student.execute([("a", hostile)])
    assert outcome.error is not None and len(outcome.error) < 1400
    assert outcome.error.startswith("ValueError: \ufffd[31m\ufffd\ufffd<b>x")


def test_handles_are_given_back(student: StudentProcess) -> None:
    most = student.limits.handles
    student.execute([("a", "def f(): return object()")])
    for _ in range(3 * most):
        student.namespace.f()
    gc.collect()
    kept = [student.namespace.f() for _ in range(most // 2)]
    with pytest.raises(StudentError, match="too many objects"):
        kept += [student.namespace.f() for _ in range(most)]


def test_what_is_too_large_to_send_is_the_student_s_error(student: StudentProcess) -> None:
    student.execute(
        [("a", "import numpy as np\nbig = np.zeros(10**8 // 8, dtype='u1').repeat(8)\n"
               "deep = []\nfor _ in range(1000): deep = [deep]\n"
               "loop = []\nloop.append(loop)\nmany = [[0.5]] * 10**5\nfine = 1")]
    )  # fmt: skip
    for name in ("big", "deep", "loop", "many"):
        with pytest.raises(StudentError) as caught:
            getattr(student.namespace, name)
        assert caught.value.kind == "TooLarge"
    assert student.namespace.fine == 1


def test_subclasses_come_out_as_plain_values(student: StudentProcess) -> None:
    student.execute([("a", """
import numpy as np
class Equal(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __array_ufunc__(self, *args, **kwargs): return True
class Always(float):
    def __eq__(self, other): return True
class Yes(str):
    def __eq__(self, other): return True
class Anything:
    def __eq__(self, other): return True
values = [np.zeros(2).view(Equal), Always(0), Yes("a"), type("L", (list,), {})([1])]
anything = Anything()
""")])  # fmt: skip
    array, number, text, items = student.namespace.values
    assert [type(value) for value in (array, number, text, items)] == [np.ndarray, float, str, list]
    assert not np.array_equal(array, [1, 1]) and number != 1 and text != "b" and items != [2]
    assert student.namespace.anything != 1


# Ends


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", "timed_out"),
        ("while True:\n        try:\n            while True: pass\n"
         "        except BaseException: pass", "timed_out"),
        ("sum(range(10**12))", "timed_out"),
        ("import time; time.sleep(10**6)", "timed_out"),
        ("import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", "timed_out"),
        ("import os; os._exit(0)", "crashed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import os; os.abort()", "crashed"),
        ("import os; os.close(3)", "crashed"),
    ],
    ids=["loop", "stubborn", "in C", "sleep", "deadlock", "_exit", "segfault", "abort", "close"],
)  # fmt: skip
def test_deaths_have_a_status(student: StudentProcess, body: str, status: str) -> None:
    student.execute([("a", f"def f():\n    {body}\n")])
    start = time.monotonic()
    with pytest.raises(StudentDied) as caught, student.limit(0.2):
        student.namespace.f()
    assert caught.value.status == status, caught.value
    assert time.monotonic() - start < 5
    assert not is_alive(student.pid)
    with pytest.raises(StudentDied):  # and it stays dead
        _ = student.namespace.f


def test_sleep_costs_little_time(student: StudentProcess) -> None:
    start = time.monotonic()
    with pytest.raises(StudentDied, match="slept or waited for more than 1 s"):
        student.execute([("a", "import time\ntime.sleep(10**6)")])
    assert time.monotonic() - start < 4


def test_a_cell_that_never_ends_ends_the_process(parent: WarmParent) -> None:
    quick = replace(parent.limits, cell_cpu=0.2)
    shared = WarmParent.from_fd(os.dup(parent.fileno()), parent.isolation, quick)
    with shared, shared.attempt() as student, pytest.raises(StudentDied, match=r"0\.2 s of CPU"):
        student.execute([("a", "while True: pass")])


def test_the_whole_attempt_has_a_limit(parent: WarmParent) -> None:
    tight = replace(parent.limits, attempt_cpu=0.3)
    shared = WarmParent.from_fd(os.dup(parent.fileno()), parent.isolation, tight)
    with shared, shared.attempt() as student:
        student.execute([("a", "import time\ndef f():\n"
                               "    end = time.process_time() + 0.05\n"
                               "    while time.process_time() < end: pass")])  # fmt: skip
        with pytest.raises(StudentDied, match=r"0\.3 s of CPU time in all") as caught:
            for _ in range(20):
                student.namespace.f()
        assert caught.value.status == "timed_out"
        assert 0.25 < student.cpu_seconds() < 0.7


def test_memory_has_a_limit(student: StudentProcess) -> None:
    student.execute([("a", "import numpy as np\nkept = []\ndef f():\n"
                           "    while True: kept.append(np.ones(10**6))\n"
                           "def g():\n    kept.clear()\n    return 1")])  # fmt: skip
    with pytest.raises(StudentError) as caught:
        student.namespace.f()
    assert caught.value.kind in ("MemoryError", "_ArrayMemoryError")
    assert student.namespace.g() == 1


FORGED = """
import json, os, struct
def frame(header, body=b""):
    text = json.dumps(header).encode()
    return struct.pack("!I", len(text)) + text + body
def send(*frames):
    for each in frames:
        os.write(3, each)
"""


@pytest.mark.parametrize(
    "forgery",
    [
        "os.write(3, b'garbage ' * 1000)",
        "os.write(3, struct.pack('!I', 2**32 - 1))",
        "send(frame({'seq': 3, 'sizes': [], 'value': 1}))",
        "send(frame({'seq': 4, 'sizes': [], 'value': ['handle', -1, 'x']}))",
        "send(frame({'seq': 4, 'sizes': [], 'value': ['handle', 1]}))",
        "send(frame({'seq': 4, 'sizes': [], 'value': ['expression', '1', None]}))",
        "send(frame({'seq': 4, 'sizes': [], 'value': [['handle', 1, 'x']] * 2000}))",
        "send(frame({'seq': 4, 'sizes': [], 'value': ['list'] + [['handle', 1, 'x']] * 2000}))",
        "send(frame({'seq': 4, 'sizes': [], 'error': 3}))",
        "send(frame({'seq': 4, 'sizes': [],"
        " 'error': {'kind': 'E', 'message': '', 'frames': [['a']]}}))",
        "send(frame({'seq': 4, 'sizes': [], 'error': {'kind': 1, 'message': 2, 'frames': []}}))",
        "send(frame({'seq': 4, 'sizes': [], 'error': {'kind': 'E', 'message': '',"
        " 'frames': [[1, 2, 3, 4]]}}))",
        "send(frame({'seq': 4, 'sizes': [10**12], 'value': 1}))",
        "os.write(3, b'\\0')",
    ],
)
def test_a_forged_answer_ends_the_process(student: StudentProcess, forgery: str) -> None:
    student.execute([("a", FORGED), ("b", f"def f():\n    {forgery}\n    return 7\n")])
    f = student.namespace.f
    with pytest.raises(ProtocolError) as caught:
        f()
    assert caught.value.status == "crashed"
    assert not is_alive(student.pid)


def test_an_answer_too_many_ends_the_process(student: StudentProcess) -> None:
    forgery = "send(frame({'seq': 4, 'sizes': [], 'value': 1}))"
    student.execute([("a", FORGED), ("b", f"def f():\n    {forgery}\n    return 7\n")])
    f = student.namespace.f
    # whether it is noticed with the first answer or the next depends on how the bytes arrive
    with pytest.raises(ProtocolError, match=r"more than one frame|another question"):
        assert [f(), f()] == [1, 1]


def test_an_answer_that_dribbles_is_cut_off(student: StudentProcess) -> None:
    student.execute([("a", FORGED + """
def f():
    os.write(3, struct.pack("!I", 60000))
    while True:
        os.write(3, b" ")
        for _ in range(20000): pass
""")])  # fmt: skip
    start = time.monotonic()
    with pytest.raises(StudentDied) as caught, student.limit(0.2):
        student.namespace.f()
    assert caught.value.status == "timed_out"
    assert time.monotonic() - start < 5


def test_all_answers_together_have_a_limit(student: StudentProcess) -> None:
    student.execute([("a", "import numpy as np\nbig = np.zeros(5 << 20, 'u1')")])
    with pytest.raises(ProtocolError, match="more arrays than it may send"):
        for _ in range(20):
            _ = student.namespace.big


def test_one_death_leaves_the_others(parent: WarmParent) -> None:
    with parent.attempt(0) as one, parent.attempt(1) as two:
        two.execute([("a", "x = 1")])
        with pytest.raises(StudentDied):
            one.execute([("a", "import os\nos._exit(1)")])
        assert two.namespace.x == 1


# The parent


def is_alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether a condition becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


JUDGE = """
import sys
from autograder.sandbox import WarmParent
with WarmParent() as parent:
    busy, idle = parent.attempt(0), parent.attempt(1)
    print(parent._program.pid, busy.pid, idle.pid, flush=True)
    busy.execute([("a", "while True: pass")])
"""


def test_nothing_outlives_a_judge_that_is_killed() -> None:
    judge = subprocess.Popen([sys.executable, "-c", JUDGE], stdout=subprocess.PIPE, text=True)
    with judge:
        assert judge.stdout
        pids = [int(word) for word in judge.stdout.readline().split()]
        assert len(pids) == 3 and all(map(is_alive, pids))
        time.sleep(0.2)
        judge.kill()
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_nothing_outlives_a_parent_that_is_killed() -> None:
    with WarmParent() as parent:
        assert parent._program
        busy, idle = parent.attempt(0), parent.attempt(1)
        parent._program.kill()
        with pytest.raises(ParentError, match="start the grading again"):
            busy.execute([("a", "while True: pass")])
        assert eventually(lambda: not is_alive(busy.pid) and not is_alive(idle.pid))
        with pytest.raises(ParentError):
            parent.attempt()


def test_attempts_end_when_their_judge_lets_go(parent: WarmParent) -> None:
    student = parent.attempt()
    pid = student.pid
    student._status.close()
    assert eventually(lambda: not is_alive(pid))


SHARER = """
import sys
from autograder.sandbox import Isolation, WarmParent
parent = WarmParent.from_fd(int(sys.argv[1]), Isolation(()))
with parent, parent.attempt(slot=1) as student:
    student.execute([("a", "x = 6 * 7")])
    print(student.namespace.x)
"""


def test_judges_share_a_parent(parent: WarmParent, student: StudentProcess) -> None:
    command = [sys.executable, "-c", SHARER, str(parent.fileno())]
    done = subprocess.run(command, pass_fds=[parent.fileno()], capture_output=True, text=True)
    assert done.stdout == "42\n", done.stderr
    student.execute([("a", "x = 1")])  # and the other judge goes on
    assert student.namespace.x == 1


def test_a_parent_that_cannot_start_says_why() -> None:
    with (
        WarmParent(("no-such-package",)) as parent,
        pytest.raises(ParentError, match="no-such-package"),
    ):
        parent.attempt()
    with pytest.raises(ParentError, match="no-such-package"):
        parent.attempt()  # and says so again
    assert parent.forks()
    with WarmParent() as parent, pytest.raises(ValueError, match="slot"):
        parent.attempt(slot=-1)


def test_an_attempt_is_cheap(parent: WarmParent) -> None:
    def once() -> float:
        start = time.monotonic()
        with parent.attempt() as student:
            student.execute([("a", "x = 1")])
            seconds = time.monotonic() - start
            assert student.cpu_seconds() < 0.06
        return seconds

    assert min(once() for _ in range(5)) < 0.06


def test_a_kill_is_no_proof_of_memory_and_is_doubted(student: StudentProcess) -> None:
    os.kill(student.pid, signal.SIGKILL)
    with pytest.raises(StudentDied) as caught:
        student.execute([("a", "x = 1")])
    assert caught.value.status == "crashed" and caught.value.doubtful


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_torch_where_it_is_allowed() -> None:
    source = """
import torch
layer = torch.nn.Linear(3, 2, dtype=torch.float64)
optimiser = torch.optim.Adam(layer.parameters())
def loss(x):
    optimiser.zero_grad()
    value = layer(torch.as_tensor(x)).square().sum()
    value.backward()
    optimiser.step()
    return value, {name: p.grad for name, p in layer.named_parameters()}
"""
    limits = Limits(call_cpu=5, idle=5)
    with WarmParent(("torch",), limits) as parent, parent.attempt() as student:
        outcomes = student.execute([("a", source), ("b", "import torchvision")])
        assert [outcome.status for outcome in outcomes] == ["ok", "error"]
        value, gradients = student.namespace.loss(np.ones((4, 3)))
        assert isinstance(value, np.ndarray) and value.shape == ()
        assert gradients["weight"].shape == (2, 3) and gradients["weight"].dtype == np.float64
        assert repr(student.namespace.layer) == "<the student's Linear>"
        threads: Any = student.namespace.torch.get_num_threads()
        assert threads == 1
