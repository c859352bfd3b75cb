"""A Formgrader that runs, for the tests that press its buttons and open its pages."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import requests

from autograder.course.folder import Course

TOKEN = secrets.token_hex(16)
START = 240.0


class Formgrader:
    """Formgrader on a course, gone at the end of the block."""

    headers = {"Authorization": f"token {TOKEN}"}  # noqa: RUF012

    def __init__(self, course: Course) -> None:
        self._course = course
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]  # if another takes it meanwhile, Jupyter tries the next
        self._options = [
            "--no-browser",
            "--allow-root",
            f"--port={port}",
            "--ServerApp.ip=127.0.0.1",
            f"--IdentityProvider.token={TOKEN}",
        ]

    def __enter__(self) -> Formgrader:
        self._log, self._runtime = TemporaryFile(), TemporaryDirectory()
        command = ("formgrader", "--course", str(self._course.folder), "--", *self._options)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autograder", *command],
            cwd=self._course.root,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": self._runtime.name},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        end = time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(StopIteration, ValueError, requests.ConnectionError):
                told = next(Path(self._runtime.name).glob("jpserver-*.json"))
                self.url = json.loads(told.read_text())["url"].rstrip("/")
                self.get("/formgrader/api/assignments")
                return self
            time.sleep(0.2)
        self._end()
        with self._log:
            self._log.seek(0)
            raise RuntimeError(f"Formgrader did not start:\n{self._log.read().decode()[-3000:]}")

    def __exit__(self, *error: object) -> None:
        self._end()
        self._log.close()

    def _end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._runtime.cleanup()

    def get(self, path: str) -> Any:
        """Ask for JSON."""
        return requests.get(self.url + path, headers=self.headers, timeout=600).json()

    def post(self, path: str) -> Any:
        """Press a button."""
        return requests.post(self.url + path, headers=self.headers, timeout=600).json()
