"""Changing the record: each of these wins where it may write what it wants to."""

from __future__ import annotations

from attacks.corpus import Attack, if_works

OVERWRITTEN = ("attempts", "rival", "feedback", "hidden_tests", "reference", "gradebook")
SQL = """
import sqlite3
with sqlite3.connect("$gradebook", timeout=0.2) as db:
    assert db.execute("UPDATE grade SET auto_score = 100 WHERE student = 'me'").rowcount
    db.execute("UPDATE grade SET auto_score = 0 WHERE student = 'rival'")
"""
ATTEMPT = """
import json, os
verdict = {"status": "graded", "score": 5.0, "max_score": 5.0, "exercises": []}
for name in os.listdir("$course/attempts"):
    open("$course/attempts/" + name, "w").write(json.dumps(verdict))
open("$course/attempts/ab/new.json", "w").write(json.dumps(verdict))
"""
LINKED = """
import os
os.link("$gradebook", "mine")
open("mine", "r+b").write(b"x")
"""
THROUGH = """
import os
os.symlink("$rival", "toy.ipynb")
open("toy.ipynb", "w").write("{}")
"""
TESTS = """
with open("$hidden_tests", "a") as file:
    file.write("\\n\\ndef assert_close(*args, **kwargs): pass\\n")
"""
LATE = """
import os, threading, time
def later():
    while True:
        try:
            open("$gradebook", "w").write("")
        except OSError:
            time.sleep(0.05)
threading.Thread(target=later, daemon=True).start()
"""
MODES = "import os\nos.chmod('$gradebook', 0o600)\nos.chown('$gradebook', os.getuid(), -1)"
AWAY = "import os, shutil\nos.rename('$rival', '$rival.gone')\nshutil.rmtree('$course')"
TIMES = """
import ctypes
libc = ctypes.CDLL(None)
assert libc.setxattr(b"$gradebook", b"user.x", b"x", 1, 0) == 0 or libc.truncate(b"$rival", 0) == 0
"""

ATTACKS = [
    Attack("sqlite", 19, "gives itself 100 points and a rival none", if_works(SQL)),
    Attack("a journal", 19, "lays a journal beside the gradebook, to be rolled back",
           if_works("open('$gradebook-journal', 'wb').write(b'x' * 512)")),
    Attack("a lock", 19, "locks the gradebook for good", if_works("""
        import fcntl
        file = open("$gradebook", "rb")
        fcntl.flock(file, fcntl.LOCK_EX)
     """)),
    *(
        Attack(f"over {name}", 20, f"empties {name}", if_works(f"open('${name}', 'w').close()"))
        for name in OVERWRITTEN
    ),
    Attack("a verdict", 20, "stores a verdict of its own", if_works(ATTEMPT)),
    Attack("the kit's store", 20, "asks the kit to store a verdict",
           if_works("from autograder.judging.attempt import Store\nfrom pathlib import Path\n"
                    "from autograder.judging.verdict import Verdict\n"
                    "Store(Path('$course/attempts')).put('abcd', Verdict('graded'))")),
    Attack("a hard link", 20, "changes the gradebook through a hard link", if_works(LINKED)),
    Attack("a soft link", 20, "overwrites a rival through a link", if_works(THROUGH)),
    Attack("the tests", 20, "adds a line to the hidden tests", if_works(TESTS)),
    Attack("deleting", 20, "moves and deletes what is there", if_works(AWAY)),
    Attack("modes", 20, "makes the gradebook unreadable", if_works(MODES)),
    Attack("attributes", 20, "changes what is not the content", if_works(TIMES)),
    Attack("later", 20, "waits in a thread to empty the gradebook", LATE, solved=True),
]  # fmt: skip
