"""nbgrader's exchange, for classes on a JupyterHub, with a course of this kit.

In the exchange a hand-in is a folder that its student owns. nbgrader copies it with the rights of
whoever collects, and follows links: one to the instructor's ``source/`` would be full marks. Here
only plain notebooks are taken, and nothing that one student left there stops the others.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect
from traitlets.config import Config

from autograder.course.collect.extract import DEEPEST_PATH, LONGEST_PATH
from autograder.course.collect.handins import HandIns
from autograder.course.folder import Course
from autograder.course.submissions import LARGEST_NOTEBOOK, PROBLEM

BESIDE = ("timestamp.txt", "submission_secret.txt")
MOST_FILES = 1000


class Collect(ExchangeCollect):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's collect, which takes over plain notebooks and keeps every hand-in."""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Take over one hand-in."""
        target, size, problem = Path(dest), 0, ""
        target.mkdir(parents=True)
        for number, (name, read) in enumerate(_readable(src)):
            data = read(LARGEST_NOTEBOOK + 1)
            size += len(data)
            if size > 2 * LARGEST_NOTEBOOK or number >= MOST_FILES:
                problem = "More was handed in than is allowed; hand in the notebook alone."
                break
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
        if not any(target.rglob("*.ipynb")):
            problem = problem or "No notebook was handed in that is a plain file; hand it in."
            (target / PROBLEM).write_text(problem + "\n", encoding="utf-8")
        course = Course(self.coursedir.root)
        HandIns(course, self.coursedir.assignment_id, target.parent.name).adopt()


def _readable(folder: str) -> Iterator[tuple[str, Any]]:
    """Yield the plain files of a hand-in, by path, each with what reads it; no link is followed."""
    if os.path.islink(folder):
        return
    for place, folders, files, inside in os.fwalk(folder, follow_symlinks=False):
        deep = place.count("/") - folder.count("/") >= DEEPEST_PATH
        folders[:] = sorted(name for name in folders if not (deep or name.startswith(".")))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(place, name), folder)
            if len(path.encode(errors="replace")) > LONGEST_PATH:
                continue
            if not name.endswith(".ipynb") and path not in BESIDE:
                continue
            with contextlib.suppress(OSError):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                with open(os.open(name, flags, dir_fd=inside), "rb") as file:
                    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        yield path, file.read


def configure(config: Config, folder: Path) -> None:
    """Tell nbgrader what course.toml says of the exchange, and make its commands collect safely."""
    config.ExchangeFactory.collect = f"{__name__}.Collect"
    config.ZipCollectApp.extractor_plugin = "autograder.course.collect.zipcollect.SafeExtractor"
    if (folder / "course.toml").is_file():
        known = Course(folder).settings.exchange
        if known.course_id is not None:
            config.CourseDirectory.course_id = known.course_id
        if known.root is not None:
            config.Exchange.root = str(folder / known.root)
