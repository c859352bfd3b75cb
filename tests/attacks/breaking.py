"""Breaking the machine: what a submission does to itself costs it an exercise, and nobody else."""

from __future__ import annotations

from pathlib import Path

from attacks.corpus import Attack, if_works, scale


def breaks(name: str, line: int, tries: str, body: str, becomes: str = "") -> list[Attack]:
    """Do something in a function, which costs that exercise, and in a cell, which costs nothing."""
    statuses = {"scale": becomes} if becomes else {}
    return [
        Attack(name, line, tries, cells=scale(body), solved=True, loses=("scale",),
               becomes={"batch_mean": "passed", **statuses}),
        Attack(f"{name}, in a cell", line, f"{tries}, in a cell of its own", body, solved=True),
    ]  # fmt: skip


def forged(name: str, tries: str, reply: str) -> Attack:
    """Answer on the wire in the student's stead."""
    body = f"import json, os, socket, struct\nwire = socket.socket(fileno=os.dup(3))\n{reply}"
    return Attack(name, 29, tries, cells=scale(body), solved=True, loses=("scale",),
                  becomes={"batch_mean": "passed"})  # fmt: skip


def value(node: str) -> str:
    """Send a frame with a value of one's own making, for whatever question comes next."""
    return (
        f"text = json.dumps({{'seq': 10**6, 'value': {node}, 'sizes': []}}).encode()\n"
        "for _ in range(50):\n"
        "    wire.send(struct.pack('!I', len(text)) + text)\n"
        "return x * factor"
    )


SELF = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
GROUP = "import os, signal\nos.killpg(0, signal.SIGKILL)"
#: Whoever it can see or guess, and never itself, which 0 means too: its parent's number where that
#: is outside its namespace.
OTHERS = """
import os
def seen():
    try:
        return {int(name) for name in os.listdir("/proc") if name.isdigit()}
    except OSError:
        return set()
others = {$victim, $judge, os.getppid(), *seen(), *range(1, 400)} - {0, os.getpid()}
"""
KILL = """
import os, signal
for pid in others:
    for deed in (lambda: os.kill(pid, signal.SIGKILL), lambda: os.killpg(pid, signal.SIGKILL)):
        try:
            deed()
        except OSError:
            pass
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
"""
STARVE = """
import os, resource
for pid in others:
    for deed in (
        lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)),
        lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0)),
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
        lambda: os.sched_setaffinity(pid, [0]),
        lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    ):
        try:
            deed()
        except OSError:
            pass
"""
SWALLOWS = """
import signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        while True: pass
    except BaseException:
        continue
"""
DEADLOCK = """
import threading
lock = threading.Lock()
lock.acquire()
threading.Thread(target=lock.acquire).start()
lock.acquire()
"""
THREADS = """
import threading
hold = threading.Event()
while True:
    threading.Thread(target=hold.wait, daemon=True).start()
"""
BUSY = """
import threading
def burn():
    while True: pass
for _ in range(2):
    threading.Thread(target=burn, daemon=True).start()
import time
time.sleep(10**6)
"""
FILES = """
for number in range(10**6):
    open(f"file{number}", "w").close()
"""
DISK = """
for number in range(10**6):
    open(f"full{number}", "wb").write(bytes(10**7))
"""
DAEMON = """
import os
def stay():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            time.sleep(10**4)
        os._exit(0)
stay()
"""
THREAD = """
import threading, time
def wait():
    while True:
        time.sleep(0.01)
threading.Thread(target=wait).start()
"""
SHADOWS = """
import os
for name in ("numpy.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "decimal.py",
             "ipython_config.py", "x.pth", "json.py", "autograder.py", "socket.py"):
    open(name, "w").write("raise SystemExit('shadowed')")
os.makedirs(".ipython/profile_default/startup")
open(".ipython/profile_default/startup/00.py", "w").write("raise SystemExit")
import decimal, json, socket
"""


def beside(folder: Path, data: bytes) -> None:
    """Hand in the notebook with files beside it that would be imported or obeyed."""
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_bytes(data)
    for name in ("numpy.py", "sitecustomize.py", "conftest.py", "autograder.py", "evil.pth"):
        (folder / name).write_text("import os\nos._exit(7)\n")
    for name in ("nbgrader_config.py", "jupyter_config.py", "ipython_config.py", "pytest.ini"):
        (folder / name).write_text("raise SystemExit('shadowed')\n")


ATTACKS = [
    *breaks("os._exit", 22, "ends Python at once", "import os\nos._exit(0)", "crashed"),
    *breaks("sys.exit", 22, "asks Python to end", "import sys\nsys.exit(0)", "failed"),
    *breaks("SIGKILL", 22, "kills itself", SELF),
    *breaks("its group", 22, "kills its process group", GROUP),
    *breaks("a crash", 22, "reads where nothing is",
            "import ctypes\nctypes.string_at(0)", "crashed"),
    Attack("everyone", 22, "kills whatever has a number", OTHERS + KILL, solved=True),
    Attack("starving others", 22, "limits, slows and pins others", OTHERS + STARVE,
           solved=True),
    *breaks("a loop", 23, "loops", "while True: pass", "timed_out"),
    Attack("swallows", 23, "loops and lets no signal or exception stop it",
           cells=scale(SWALLOWS), solved=True, loses=("scale",), becomes={"scale": "timed_out"}),
    Attack("a loop in C", 23, "loops where Python looks at no signal",
           cells=scale("sum(iter(int, 1))"), solved=True, loses=("scale",),
           becomes={"scale": "timed_out"}),
    Attack("a long product", 23, "multiplies numbers of a million digits in one instruction",
           cells=scale("return 3 ** (10 ** 8)"), solved=True, loses=("scale",),
           becomes={"scale": "timed_out"}),
    Attack("a deadlock", 23, "waits for a lock that it holds", cells=scale(DEADLOCK), solved=True,
           loses=("scale",), becomes={"scale": "timed_out"}),
    Attack("a deep recursion", 23, "calls itself without end",
           cells=scale("import sys\nsys.setrecursionlimit(10**9)\nreturn scale(x, factor)"),
           solved=True, loses=("scale",)),
    *breaks("memory", 24, "allocates without end",
            "kept = []\nwhile True: kept.append(bytearray(10**7))", "out_of_memory"),
    Attack("a huge array", 24, "returns an array of 100 GB",
           cells=scale("import numpy as np\nreturn np.zeros((10**5, 10**5)) + 1"), solved=True,
           loses=("scale",), becomes={"scale": "out_of_memory"}),
    *breaks("processes", 24, "forks without end", "import os\nwhile True: os.fork()", "failed"),
    *breaks("threads", 24, "starts threads without end", THREADS, "failed"),
    *breaks("descriptors", 24, "opens files without end",
            "import os\nwhile True: os.open('/dev/null', 0)", "failed"),
    Attack("busy threads", 24, "keeps every processor busy from threads",
           cells=scale(BUSY), solved=True, loses=("scale",), becomes={"scale": "timed_out"}),
    Attack("output", 25, "prints 300 MB", "for _ in range(300): print('x' * 10**6)", solved=True),
    Attack("outputs", 25, "prints a million times",
           "import sys\nfor _ in range(10**6): sys.stdout.write('x')", solved=True),
    *breaks("files", 25, "makes a million files", FILES),
    *breaks("the disk", 25, "fills the disk", DISK),
    Attack("a sparse file", 25, "makes a file of a terabyte",
           if_works("import os\nos.truncate(open('big', 'wb').name, 10**12)")),
    Attack("a daemon", 26, "leaves a process behind", if_works(DAEMON)),
    Attack("a thread that stays", 26, "leaves a thread that does not end", THREAD, solved=True),
    *breaks("input", 27, "asks a person", "input('Your name? ')", "failed"),
    *breaks("a debugger", 27, "starts a debugger", "breakpoint()", "failed"),
    *breaks("a sleep", 27, "sleeps for days", "import time\ntime.sleep(10**6)", "timed_out"),
    Attack("shadows", 28, "writes modules and settings beside itself", SHADOWS, solved=True),
    Attack("files beside it", 28, "hands in modules and settings", solved=True, lay=beside),
    forged("a huge frame", "announces four gigabytes",
           "wire.send(struct.pack('!I', 2**32 - 1) + b'x' * 1000)\nreturn x * factor"),
    forged("no JSON", "sends what is no message", "wire.send(b'\\0\\0\\0\\4{{}}')\nreturn x"),
    forged("a deep message", "nests a message a thousand deep",
           "text = b'[' * 5000 + b']' * 5000\n"
           "wire.send(struct.pack('!I', len(text)) + text)\nreturn x"),
    forged("answers in advance", "answers questions that nobody has asked", value("1.0")),
    forged("a negative shape", "sends an array of negative size",
           value("['array', 'float64', [-1, -8], 0]")),
    forged("an overflowing shape", "sends an array whose size overflows",
           value("['array', 'float64', [2**31, 2**31, 2**31], 0]")),
    forged("objects", "sends an array of pointers", value("['array', 'object', [1], 0]")),
    forged("an unknown handle", "sends a handle that it never gave", value("['handle', -1, 'x']")),
    Attack("endless handles", 29, "returns more objects than anybody holds",
           cells=scale("return [object() for _ in range(10**5)]"), solved=True, loses=("scale",)),
    Attack("a deep value", 29, "returns a list in a list in a list",
           cells=scale("deep = []\nfor _ in range(10**5): deep = [deep]\nreturn deep"),
           solved=True, loses=("scale",)),
    Attack("a long text", 29, "returns a text beside which every number would become as long",
           cells=scale("return ['x' * 4_000_000] + [0] * 10_000"), solved=True, loses=("scale",)),
    Attack("objects in objects", 29, "returns objects that hold only such objects",
           cells=scale("class Nest:\n    def __getitem__(self, key): return Nest()\nreturn Nest()"),
           solved=True, loses=("scale",)),
    Attack("long names", 29, "returns a dict of long names",
           cells=scale("return {'x' * 10**6: x}"), solved=True, loses=("scale",)),
    Attack("many magics", 35, "has three thousand cell magics above a cell",
           "%%time\n" * 3000 + "x = 1", solved=True),
    Attack("a magic above much", 35, "has a magic above an expression that is nested deep",
           "%matplotlib inline\nif 0:\n    x = a" + ".b" * 1500, solved=True),
    Attack("an odd assignment", 35, "writes what IPython itself stumbles over",
           '=%"""0', solved=True),
    Attack("itself", 29, "returns a list that holds itself",
           cells=scale("deep = []\ndeep.append(deep)\nreturn deep"), solved=True, loses=("scale",)),
    Attack("silence", 29, "closes the connection",
           cells=scale("import os\nos.closerange(0, 100)\nreturn x"), solved=True,
           loses=("scale",), becomes={"batch_mean": "passed"}),
]  # fmt: skip
