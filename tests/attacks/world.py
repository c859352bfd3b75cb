"""What attacks are after: a course, a repository, a process, servers; and what harm came to them.

Everything is as open as a careless instructor would leave it, so that not file permissions but the
kit's own confinement has to hold.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.assignment import build
from autograder.assignment.source import load

SECRET = "chainrule-secret-7d1f0c55"
TESTS = Path(__file__).resolve().parents[1]
#: Where people leave things for each other.
SHARED = ("/tmp", "/var/tmp", "/dev/shm")


class World:
    """What attacks are after, in a folder of its own.

    Attributes
    ----------
    root : Path
        A repository with the toy assignment.
    places : dict
        What ``$name`` stands for in an attack's source. ``$mine`` is a name that no other run
        has, for what an attack makes outside its own folder.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="chainrule-world-"))
        self._stack.callback(shutil.rmtree, self.folder)
        self._mine = f"chainrule-{secrets.token_hex(8)}"
        self._shared = [Path(folder, self._mine) for folder in SHARED]
        self._stack.callback(self._tidy)
        self.root = self.folder / "repository"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(TESTS / "toy", self.root, ignore=ignored)
        self.places = {
            **self._files(), **self._servers(), **self._system_v(), "mine": self._mine,
        }  # fmt: skip
        os.environ["CHAINRULE_SECRET"] = SECRET
        self._stack.callback(os.environ.pop, "CHAINRULE_SECRET")
        self.victim = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
        )
        self._stack.callback(self._end_victim)
        self.places |= {"victim": self.victim.pid, "judge": os.getpid(), "secret": SECRET}
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        self._before = self._look()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def damage(self) -> list[str]:
        """Name what is not as it was."""
        after = self._look()
        changed = [
            key for key in {*self._before, *after} if self._before.get(key) != after.get(key)
        ]
        return [f"{key}: {self._before.get(key)} → {after.get(key)}" for key in sorted(changed)]

    def _look(self) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for path in sorted(self.folder.rglob("*")):
            inside = "" if path.is_dir() else hashlib.sha256(_bytes(path)).hexdigest()
            if "__pycache__" not in path.parts:  # the judge's own imports
                seen[str(path.relative_to(self.folder))] = (oct(path.stat().st_mode), inside)
        pid = self.victim.pid
        seen["the victim lives"] = self.victim.poll() is None
        if self.victim.poll() is not None:
            return seen
        seen["the victim's limits"] = [
            resource.prlimit(pid, kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE)
        ]
        seen["the victim's priority"] = os.getpriority(os.PRIO_PROCESS, pid)
        seen["the victim's processors"] = os.sched_getaffinity(pid)
        seen["the victim's scheduler"] = os.sched_getscheduler(pid)
        seen["what reached a server"] = list(_reached(self._listening))
        seen["what was left behind"] = [str(path) for path in self._shared if os.path.lexists(path)]
        return seen

    # What there is

    def _files(self) -> dict[str, Any]:
        course = self.folder / "course"
        toy = load("toy", self.root)
        reference = self.root / "reference" / "toy"
        files = {
            "hidden_tests": reference / "hidden_tests.py",
            "reference": reference / "notebook.py",
            "mistakes": reference / "mistakes.py",
            "gradebook": course / "gradebook.db",
            "rival": course / "submitted" / "rival" / "toy" / "toy.ipynb",
            "attempts": course / "attempts" / "ab" / "abcd.json",
            "feedback": course / "feedback" / "rival" / "toy" / "toy.html",
            "solved": self.folder / "build" / "solved" / "toy.ipynb",
            "connection": self.folder / ".local/share/jupyter/runtime/kernel-1.json",
        }
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        files["rival"].write_text(build.solved(toy))
        files["solved"].write_text(build.solved(toy))
        files["attempts"].write_text(json.dumps({"score": 1.0, "note": SECRET}))
        files["feedback"].write_text(SECRET)
        files["connection"].write_text(json.dumps({"key": SECRET}))
        with contextlib.closing(sqlite3.connect(files["gradebook"])) as db, db:
            db.execute("CREATE TABLE grade (student TEXT, auto_score REAL, note TEXT)")
            db.execute("INSERT INTO grade VALUES ('rival', 5.0, ?), ('me', 0.0, '')", (SECRET,))
        return {"course": course, "root": self.root, "world": self.folder, **files}

    def _servers(self) -> dict[str, Any]:
        path = self.folder / "docker.sock"
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        unix, hidden = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        unix.bind(str(path))
        hidden.bind(f"\0{self._mine}")
        for server in (unix, hidden):
            server.listen()
        self._listening = {"tcp": tcp, "udp": udp, "unix": unix, "abstract": hidden}
        for server in self._listening.values():
            server.setblocking(False)
            self._stack.callback(server.close)
        ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1]}
        return {**ports, "unix": path}

    def _system_v(self) -> dict[str, Any]:
        libc = ctypes.CDLL(None, use_errno=True)
        key, create = secrets.randbelow(2**31 - 1) + 1, 0o3666
        segment, queue, semaphore = (
            libc.shmget(key, 4096, create), libc.msgget(key, create), libc.semget(key, 1, create),
        )  # fmt: skip
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(segment, None, 0)
        ctypes.memmove(address, SECRET.encode(), len(SECRET))
        libc.shmdt(ctypes.c_void_p(address))
        self._stack.callback(libc.shmctl, segment, 0, None)
        self._stack.callback(libc.msgctl, queue, 0, None)
        self._stack.callback(libc.semctl, semaphore, 0, 0)
        return {"key": key, "segment": segment, "queue": queue, "semaphore": semaphore}

    def _tidy(self) -> None:
        for path in self._shared:
            path.unlink(missing_ok=True)

    def _end_victim(self) -> None:
        self.victim.kill()
        self.victim.communicate()


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def _reached(servers: dict[str, socket.socket]) -> Iterator[str]:
    for name, server in servers.items():
        with contextlib.suppress(BlockingIOError):
            if server.type == socket.SOCK_DGRAM:
                server.recv(100)
            else:
                server.accept()[0].close()
            yield name
