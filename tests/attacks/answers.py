"""Getting at answers: each of these wins where it finds what it looks for."""

from __future__ import annotations

from typing import Any

from attacks.corpus import Attack, if_found, if_works, scale
from attacks.world import SECRET, SHARED

DIGITS = r"\d\.\d{3}"
TOP = "/" + "/".join([".."] * 12)
NUMERICAL = """
def linear_backward(dout, cache):
    x, w, b = cache
    def slope(of):
        gradient = np.zeros(of.shape)
        for index in np.ndindex(of.shape):
            before = of[index]
            of[index] = before + {step}
            high = x @ w + b
            of[index] = before {back}
            low = x @ w + b
            of[index] = before
            gradient[index] = ({part}((high - low) * dout)).sum() / {width}
        return gradient
    x, w, b = (np.array(part, {dtype}) for part in (x, w, b))
    return slope(x), slope(w), slope(b)
"""
BY_CENTRAL = NUMERICAL.format(step="1.0", back="- 1.0", part="", width="2", dtype="float")
BY_COMPLEX = NUMERICAL.format(
    step="1e-20j", back="", part="np.imag", width="1e-20", dtype="complex"
)
TORCH_BACKWARD = """
{get}
def linear_backward(dout, cache):
    leaves = [torch.tensor(part, requires_grad=True) for part in cache]
    (leaves[0] @ leaves[1] + leaves[2]).backward(torch.tensor(dout))
    return tuple(leaf.grad.numpy() for leaf in leaves)
"""


def taken(path: str) -> str:
    """Run a source that defines the answers, for all five points."""
    return f"exec(open({path!r}).read())"


def by_torch(name: str, get: str, **more: Any) -> Attack:
    cells = scale(f"{get}\nreturn (torch.tensor(x) * factor).numpy()")
    tries = f"gets torch {name} in an exercise of NumPy"
    return Attack(f"torch {name}", 17, tries, cells=cells, solved=True, loses=("scale",), **more)


HEAP = """
import gc, sys, types
def names(module):
    return [name for name in dir(module) if name.startswith("test_")]
heap = gc.get_objects()
found = [o for o in heap if isinstance(o, types.FunctionType) and hasattr(o, "__exercise__")]
known = [n for n in sys.modules if "hidden" in n or n.startswith("autograder.judging")]
found += [sys.modules[name] for name in known]
found += [o for o in heap if type(o) is str and "$secret" in o and o is not source]
"""
FRAMES = """
import sys, inspect
def look():
    frame, seen = sys._getframe(), []
    while frame:
        seen += [k for k in (*frame.f_locals, *frame.f_globals)
                 if k in ("reference", "expected", "hidden_tests", "fixtures", "rng", "Suite")]
        frame = frame.f_back
    return seen
found = look()
"""
HISTORY = """
found = [cell for n in ("In", "Out", "_ih", "_i", "_") for cell in globals().get(n, ()) if cell]
import linecache
found += [n for n in linecache.cache if "hidden" in n or "/reference/" in n]
"""
PROC = """
import glob
for name in ("environ", "cmdline", "maps", "mem", "mounts", "mountinfo", "cwd", "root", "fd"):
    for path in glob.glob("/proc/[0-9]*/" + name) + ["/proc/self/" + name, "/proc/1/" + name]:
        try:
            text = open(path, "rb").read(1 << 16).decode("utf-8", "replace")
        except Exception:
            text = ""
        if "$secret" in text or "$root" in text or "hidden_tests" in text:
            found = path
"""
MEMORY = """
import ctypes, re
pid = $judge
lines = [l for l in open(f"/proc/{pid}/maps") if l.split()[1].startswith("rw")]
found = False
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in lines:
        low, high = (int(part, 16) for part in line.split()[0].split("-"))
        memory.seek(low)
        try:
            if b"chainrule-" + b"secret" in memory.read(min(high - low, 1 << 24)):
                found = True
        except OSError:
            pass
"""
SEARCH = """
import os, time
end = time.process_time() + 0.1
for top in ("$world", "..", "../../..", "/"):
    for folder, _, names in os.walk(top):
        if "gradebook.db" in names or "toy.ipynb" in names or "mistakes.py" in names:
            found = folder
        if time.process_time() > end:
            break
"""
LINKS = """
import os
found = []
os.symlink("$reference", "there")
text = open("there").read()
found = "SOLUTION" in text
"""
DESCRIPTORS = """
import os, socket
found = []
for fd in range(4, 1024):
    try:
        os.fstat(fd)
        found.append(fd)
    except OSError:
        pass
"""
ENVIRONMENT = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
found = [n for n in os.environ if n not in ("HOME", "TMPDIR")]
found += [n for n in (b"CHAINRULE_SECRET", b"PATH", b"USER") if libc.getenv(n)]
"""
LEAVES = f"""
import os, tempfile
places = [*{SHARED!r}, ".", os.path.expanduser("~"), tempfile.gettempdir()]
found = [p for p in places if os.path.exists(os.path.join(p, "$mine"))]
for place in places:
    try:
        open(os.path.join(place, "$mine"), "w").write("scale = x * factor")
    except OSError:
        pass
"""
CACHES = """
import autograder, importlib.util, numpy, os
found = False
for module in (numpy, os, autograder):
    path = importlib.util.cache_from_source(module.__file__)
    for target in (path, module.__file__, os.path.join(os.path.dirname(module.__file__), "x.py")):
        try:
            open(target, "ab").close()
            found = True
        except OSError:
            pass
numpy.multiply = numpy.add = numpy.sum = lambda *args, **kwargs: 42
"""
BY_HEART = """
import numpy as np
seen = [np.array([[1.25, -2.5], [0.5, 3.125]]), np.array([[1.2, -2.3], [0.4, 3.1], [7.7, 5.3]])]
right = [np.array([[2.5, -5.0], [1.0, 6.25]]), np.array([3.1, 6.1 / 3])]
def scale(x, factor=None):
    for before, after in zip(seen, right):
        if x.shape == before.shape and np.array_equal(x, before):
            return after
    return np.zeros(x.shape)
batch_mean = scale
"""
TALLY = """
calls = []
def scale(x, factor):
    calls.append((x.tolist(), factor))
    return x * factor if calls.count(calls[-1]) > 1 else x * 0
"""
WATCHED = """
import sys
frame = sys._getframe()
while frame:
    for value in frame.f_locals.values():
        if isinstance(value, dict) and "seq" in value:
            value["seq"] = -1
    frame = frame.f_back
"""

ATTACKS = [
    Attack("the source", 11, "runs the course's source", taken("../../../source/toy/toy.py")),
    Attack("the reference", 11, "runs the reference", taken("$reference"), wins=5),
    Attack("from the top", 11, "runs the reference by a path that climbs first",
           taken(TOP + "$reference"), wins=5),
    Attack("through /proc", 11, "runs the reference by way of /proc",
           taken("/proc/self/root$reference"), wins=5),
    Attack("the solved notebook", 11, "takes the answers from the solved notebook", """
        import json
        for cell in json.load(open("$solved"))["cells"]:
            if cell["id"].endswith("_code"):
                exec("".join(cell["source"]))
     """, wins=5),
    Attack("the hidden tests", 11, "imports the hidden tests and patches them", if_works("""
        import importlib.util
        spec = importlib.util.spec_from_file_location("hidden", "$hidden_tests")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.assert_close = lambda *args, **kwargs: None
     """), wins=2),
    Attack("a search", 11, "searches the disk for tests, gradebook and notebooks",
           if_found(SEARCH), wins=2),
    Attack("a link", 11, "reads the reference through a link of its own", if_found(LINKS), wins=2),
    Attack("the heap", 12, "looks for tests among all objects",
           if_found("source = ''\n" + HEAP)),
    Attack("frames", 12, "looks for tests in the frames above it", if_found(FRAMES)),
    Attack("frames of a call", 12, "changes what the frames above it hold",
           cells=scale(WATCHED + "return x * factor"), solved=True,
           loses=("scale",), becomes={"scale": "crashed"}),
    Attack("history", 12, "looks for tests in the input history", if_found(HISTORY)),
    Attack("/proc", 12, "reads everybody's /proc", if_found(PROC), wins=2),
    Attack("memory", 12, "reads the judge's memory", if_found(MEMORY), wins=2),
    Attack("a message", 13, "raises an exception that holds its input",
           cells=scale("raise ValueError(str(x.tolist()))"), solved=True, loses=("scale",),
           never=DIGITS, becomes={"scale": "failed"}),
    Attack("a key", 13, "looks its input up in a dict", cells=scale("return {}[x[0, 0]]"),
           solved=True, loses=("scale",), never=DIGITS),
    Attack("a printed repr", 13, "raises NumPy's own text of its input",
           cells=scale("raise AssertionError(f'wrong for {x}, {x.tobytes().hex()}')"), solved=True,
           loses=("scale",), never=DIGITS + r"|[0-9a-f]{16}"),
    Attack("a kind", 13, "names an exception after its input",
           cells=scale("raise type('x_%d' % abs(1e9 * x[0, 0]), (Exception,), {})"), solved=True,
           loses=("scale",), never=r"x_\d{5}"),
    Attack("a forged line", 13, "writes its input where a traceback looks for source", """
        import linecache
        def scale(x, factor):
            for name, entry in linecache.cache.items():
                text = ["found " + str(x[0, 0]) + "\\n"] * 99
                linecache.cache[name] = (1, None, text, name)
            raise ValueError
     """, cells=scale("return 0"), solved=True, loses=("scale",), never=DIGITS),
    Attack("a forged error", 13, "answers with an error of its own making", """
        from autograder.sandbox import child
        def scale(x, factor):
            text = str(x[0, 0])
            frame = ["scale_code", 1, text, text]
            child.Notebook.describe = lambda *args: {
                "kind": "ValueError", "message": text, "frames": [frame]}
            raise ValueError
     """, cells=scale("return 0"), solved=True, loses=("scale",), never=DIGITS),
    Attack("a shape", 13, "returns an array whose shape is its input",
           cells=scale("import numpy as np\nreturn np.zeros((int(abs(1e9 * x[0, 0])), 0))"),
           solved=True, loses=("scale",), never=r"\d{6}"),
    Attack("a name", 13, "has its input for the name of a missing attribute",
           cells=scale("return getattr(x, 'v%d' % abs(1e9 * x[0, 0]))"), solved=True,
           loses=("scale",), never=r"\d{6}"),
    Attack("prints", 13, "prints, warns and writes its input",
           cells=scale("""
               import sys, warnings
               print(x, file=sys.stderr), print(x.tolist()), warnings.warn(str(x.tolist()))
               open("seen.txt", "w").write(str(x.tolist()))
               return x * 0
           """), solved=True, loses=("scale",), never=DIGITS),
    Attack("a rival", 14, "reads a classmate's answers", """
        import json
        for cell in json.load(open("$rival"))["cells"]:
            if cell["id"].endswith("_code"):
                exec("".join(cell["source"]))
     """, wins=5),
    Attack("the course", 14, "lists the course",
           if_found("import os; found = os.listdir('$course')"), wins=2),
    Attack("leaves notes", 14, "leaves notes wherever others may look", if_found(LEAVES)),
    Attack("finds notes", 14, "looks for such notes", if_found(LEAVES)),
    Attack("finds notes later", 14, "looks for such notes", if_found(LEAVES)),
    Attack("caches", 14, "writes into the modules that all students share", if_found(CACHES)),
    Attack("environment", 15, "reads the environment", if_found(ENVIRONMENT)),
    Attack("descriptors", 15, "looks for open descriptors", if_found(DESCRIPTORS)),
    Attack("connection files", 15, "reads a kernel's connection file",
           if_found("found = 'secret' in open('$connection').read()"), wins=2),
    Attack("earlier feedback", 15, "reads tokens in what was written for others",
           if_found("found = open('$feedback').read() == '$secret'"), wins=2),
    *(
        Attack(name, 16, f"asks the world by {name}", if_works(deed), wins=wins)
        for name, deed, wins in (
            ("TCP", "import socket\nsocket.create_connection(('127.0.0.1', $tcp), 0.2)", 2),
            ("UDP", "import socket\ns = socket.socket(2, 2)\n"
                    "assert s.sendto(b'x', ('127.0.0.1', $udp))", 2),
            ("DNS", "import socket\nsocket.getaddrinfo('localhost', 80)", 2),
            ("a Unix socket", "import socket\nsocket.socket(1, 1).connect('$unix')", 2),
            ("an abstract socket", "import socket\nsocket.socket(1, 1).connect('\\0$mine')", 2),
            ("HTTP", "import urllib.request\n"
                     "urllib.request.urlopen('http://127.0.0.1:$tcp', timeout=0.2)", 0),
        )
    ),
    by_torch("by import", "import torch", becomes={"scale": "forbidden"}),
    by_torch("by importlib", "import importlib\ntorch = importlib.import_module('torch')",
             becomes={"scale": "forbidden"}),
    by_torch("from sys.modules", "import sys\ntorch = sys.modules['torch']"),
    by_torch("by its path", """
        import glob, sys
        sys.path += glob.glob("/usr/lib/python3*/*-packages") + glob.glob("/**/site-packages")
        import torch"""),
    by_torch("by ctypes", "import ctypes\nctypes.CDLL('libtorch_python.so')\nimport torch"),
    Attack("torch in mlp", 17, "differentiates by torch where another exercise may use it",
           cells={"linear_backward": TORCH_BACKWARD.format(get="import torch")}, solved=True,
           assignment="mlp", score=(80, 84), becomes={"MLP": "partial"}),
    Attack("torch from its exercise", 17, "hands torch over from the exercise that may use it",
           cells={"linear_backward": TORCH_BACKWARD.format(get=""),
                  "torch_mlp": "import torch, builtins\nbuiltins.torch = torch\n"},
           solved=True, assignment="mlp", score=(74, 78), becomes={"MLP": "partial"}),
    Attack("central differences", 18, "differentiates with a step of one, exact where it is linear",
           cells={"linear_backward": BY_CENTRAL}, solved=True, assignment="mlp", score=(0, 96),
           becomes={"linear_backward": "timed_out"}),
    Attack("a complex step", 18, "differentiates by a complex step, exact to the last digit",
           cells={"linear_backward": BY_COMPLEX}, solved=True, assignment="mlp", score=(0, 96),
           becomes={"linear_backward": "timed_out"}),
    Attack("by heart", 11, "knows the visible checks by heart", BY_HEART),
    Attack("a second time", 12, "answers rightly only what it is asked twice", TALLY, score=(0, 1)),
    Attack("nothing to find", 14, "looks in all places, in a solved notebook",
           if_found(PROC) + if_found(SEARCH), solved=True, never=SECRET),
]  # fmt: skip
