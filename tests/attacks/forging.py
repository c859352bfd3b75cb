"""Forging the verdict: each of these wins something where tests run in the student's process."""

from __future__ import annotations

import copy
from typing import Any

from attacks.corpus import RIGHT, Attack, Notebook, cell, code, everywhere

SAME = """
class Same(float):
    __eq__ = __ge__ = __le__ = __lt__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__
    __sub__ = __rsub__ = __abs__ = __truediv__ = __add__ = lambda self, *other: self
scale = batch_mean = lambda *args: Same(0)
"""
ARRAY = """
import numpy as np
class Same(np.ndarray):
    __eq__ = lambda self, other: np.ones(self.shape, bool)
    __array_priority__ = 1e9
    def __array_function__(self, function, kinds, args, kwargs):
        return True
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.zeros(self.shape)
    def __array__(self, *args, **kwargs):
        return np.zeros(self.shape)
scale = lambda x, factor: np.zeros(x.shape).view(Same)
batch_mean = lambda x: np.zeros(x.shape[1]).view(Same)
"""
CLASS = """
import numpy as np
class Same:
    __class__ = np.ndarray
    __getattr__ = lambda self, name: self
    __call__ = __getitem__ = lambda self, *args, **kwargs: self
    __array__ = lambda self, *args, **kwargs: np.zeros(1)
    __float__ = lambda self: 0.0
    __eq__ = lambda self, other: True
    shape, dtype, ndim = (4, 3), np.dtype(float), 2
scale = batch_mean = lambda *args: Same()
"""
DICT = """
class Same(dict):
    __getitem__ = get = lambda self, *key: self
    __eq__ = lambda self, other: True
class Pair(tuple):
    __eq__ = lambda self, other: True
    __len__ = lambda self: 4
    __iter__ = lambda self: iter([[0.0] * 3] * 4)
scale = lambda x, factor: Same()
batch_mean = lambda x: Pair()
"""
BUILTINS = """
import builtins
builtins.abs = builtins.sum = builtins.max = lambda *args, **kwargs: 0
builtins.all = builtins.any = builtins.isinstance = lambda *args: True
builtins.AssertionError = builtins.Exception = builtins.NotImplementedError = SystemExit
"""
ASSERTS = """
import ast, builtins
class Drop(ast.NodeTransformer):
    visit_Assert = visit_Raise = lambda self, node: ast.Pass()
compiled, parsed = compile, ast.parse
def lenient(source, *args, **kwargs):
    source = Drop().visit(source) if isinstance(source, ast.AST) else source
    return compiled(source, *args, **kwargs)
builtins.compile = lenient
ast.parse = lambda *args, **kwargs: Drop().visit(parsed(*args, **kwargs))
try:
    get_ipython().ast_transformers.append(Drop())
except NameError:
    pass
"""
INPUTS = """
try:
    get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
except NameError:
    pass
import linecache, types
types.FunctionType.__code__
linecache.getlines = lambda *args: ["pass"]
"""
LIBRARIES = """
import numpy as np, numpy.testing, unittest
for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, lambda *args, **kwargs: None)
for name in dir(unittest.TestCase):
    if name.startswith("assert"):
        setattr(unittest.TestCase, name, lambda *args, **kwargs: None)
np.allclose = np.array_equal = np.isclose = np.all = lambda *args, **kwargs: True
np.linalg.norm = np.abs = lambda *args, **kwargs: np.float64(0)
scale = batch_mean = lambda x, *rest: np.zeros(3)
"""
KIT = """
import autograder, autograder.testing, autograder.checking.diagnose
import autograder.checking.checks as kit
autograder.testing.assert_close = autograder.testing.assert_unchanged = lambda *a, **k: None
autograder.checking.diagnose.explain = lambda *args, **kwargs: None
autograder.testing._identical = lambda a, b: True
scale = batch_mean = lambda x, *rest: x
"""
MODULES = """
import sys, types
for name in ("pytest", "_pytest", "autograder.judging.hidden_tests", "autograder.judging.judge",
             "autograder.testing"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["numpy"] = sys.modules["json"] = sys.modules["socket"] = None
sys.meta_path.clear()
"""
PRINTED = "test_scale PASSED\\n5 passed in 0.01s\\nscale: 2 of 2 points\\nScore: 5/5\\n"
SAYS = f"""
import atexit, os, sys
said = "{PRINTED}" + '{{"status": "graded", "score": 5.0, "max_score": 5.0}}\\n'
for stream in (sys.stdout, sys.stderr, sys.__stdout__):
    stream.write(said)
    stream.flush()
for fd in (1, 2):
    os.write(fd, said.encode())
atexit.register(lambda: os._exit(0))
sys.exit(0)
"""


def shown(value: str, what: str) -> Attack:
    own = f"import sys\nclass Grade: points = 2\nsys.displayhook({value})\nraise SystemExit"
    return Attack(f"displays {what}", 2 if value == "2.0" else 3, f"displays {what}", own)


def tagged(*tags: str) -> Any:
    return everywhere(lambda cell: cell["metadata"].update(tags=list(tags)))


def results_by_hand(made: Notebook) -> Notebook:
    data = {"text/plain": "2.0"}
    result = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
    for each in made["cells"]:
        if each["cell_type"] == "code":
            each["outputs"] = [result]
    return made


def without_checks(made: Notebook) -> Notebook:
    made["cells"] = [each for each in made["cells"] if each["id"] not in RIGHT]
    return made


def renamed(made: Notebook) -> Notebook:
    for number, each in enumerate(made["cells"]):
        each["id"] = f"cell-{number}"
        each["metadata"].pop("nbgrader", None)
    return made


def doubled(made: Notebook) -> Notebook:
    for name in RIGHT:
        copies = [copy.deepcopy(cell(made, name)) for _ in range(50)]
        made["cells"] += [*copies, copy.deepcopy(cell(made, f"{name}_code"))]
    return made


def split(made: Notebook) -> Notebook:
    first = made["cells"].index(cell(made, "scale_code"))
    made["cells"][first]["source"] = "FACTOR = 1.0"
    made["cells"].insert(first + 1, code(RIGHT["scale"]))
    return made


def backwards(made: Notebook) -> Notebook:
    made["cells"].reverse()
    return made


def retyped(made: Notebook) -> Notebook:
    for name in RIGHT:
        check = cell(made, name)
        check["cell_type"] = "raw"
        check["metadata"]["nbgrader"] = {"grade_id": name, "solution": True, "grade": False}
    return made


def richer(made: Notebook) -> Notebook:
    for each in made["cells"]:
        each["metadata"]["nbgrader"] = {
            **each["metadata"].get("nbgrader", {}), "points": 100, "grade": True, "locked": False,
        }  # fmt: skip
    return made


def impostors(made: Notebook) -> Notebook:
    for name in (*RIGHT, "why", "scale_code"):
        claim = {"grade_id": name, "grade": True, "points": 100, "solution": True, "locked": False}
        made["cells"].append(code("2.0", metadata={"nbgrader": claim}, id=name))
    return made


def emptied(made: Notebook) -> Notebook:
    for name in RIGHT:
        cell(made, name)["source"] = "2.0  # all points, please"
    return made


ATTACKS = [
    Attack("skip-execution", 1, "tags every cell to be skipped", edit=tagged("skip-execution")),
    Attack("other tags", 1, "tags every cell to be removed, hidden, or allowed to fail",
           edit=tagged("remove-cell", "raises-exception", "hide-output", "parameters")),
    shown("2.0", "a number"),
    shown("float('nan')", "NaN"),
    shown("-1", "a negative number"),
    shown("'5/5'", "a string"),
    shown("Grade()", "an object"),
    shown("99", "more than there is"),
    Attack("results by hand", 4, "puts results below every cell of the file", edit=results_by_hand),
    Attack("messages by hand", 4, "publishes a result over the kernel's own channels", """
        try:
            kernel = get_ipython().kernel
            content = {"execution_count": 1, "data": {"text/plain": "2.0"}, "metadata": {}}
            kernel.session.send(kernel.iopub_socket, "execute_result", content)
        except NameError:
            import ipykernel.kernelapp
     """),
    Attack("no asserts", 5, "has asserts and raises taken out of what is compiled", ASSERTS),
    Attack("no cells", 5, "turns whatever is run later into `pass`", INPUTS),
    Attack("equal numbers", 6, "returns numbers that equal everything", SAME),
    Attack("equal arrays", 6, "returns arrays that answer NumPy's protocols themselves", ARRAY),
    Attack("another class", 6, "returns objects that say they are arrays", CLASS),
    Attack("equal containers", 6, "returns dicts and tuples that hold whatever is asked", DICT),
    Attack("builtins", 6, "patches the builtins that comparisons use", BUILTINS),
    Attack("no difference", 6, "patches builtins in a solved notebook", BUILTINS, solved=True),
    Attack("libraries", 7, "patches NumPy's and unittest's comparisons", LIBRARIES),
    Attack("the kit", 7, "patches this kit's own comparisons", KIT),
    Attack("check", 8, "defines a check that never complains",
           "check = progress = lambda *args: None\nscale = batch_mean = lambda *args: None"),
    Attack("modules", 8, "replaces the kit's modules, NumPy and json", MODULES),
    Attack("no checks", 9, "deletes the check cells of a blank notebook", edit=without_checks),
    Attack("no checks, solved", 9, "deletes the check cells", edit=without_checks, solved=True),
    Attack("renamed", 9, "gives every cell another id", edit=renamed, solved=True),
    Attack("doubled", 9, "has every check fifty times", edit=doubled),
    Attack("doubled, solved", 9, "has every check fifty times", edit=doubled, solved=True),
    Attack("split", 9, "splits a solution over two cells", edit=split, solved=True),
    Attack("backwards", 9, "turns the notebook round", edit=backwards, solved=True),
    Attack("retyped", 9, "makes check cells raw, and solutions", edit=retyped),
    Attack("retyped, solved", 9, "makes check cells raw, and solutions", edit=retyped, solved=True),
    Attack("richer", 9, "makes every cell worth 100 points", edit=richer),
    Attack("richer, solved", 9, "makes every cell worth 100 points", edit=richer, solved=True),
    Attack("impostors", 9, "adds cells that claim to be the checks", edit=impostors),
    Attack("emptied", 9, "writes a score into the check cells", edit=emptied),
    Attack("says so", 10, "prints what a grader prints, and ends well", SAYS),
    Attack("returns so", 10, "returns what a verdict looks like",
           "scale = batch_mean = lambda *args: {'status': 'passed', 'score': 5}"),
]  # fmt: skip
