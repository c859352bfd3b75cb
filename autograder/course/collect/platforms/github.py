"""GitHub Classroom's repositories, one a student or a team: ``hw-janedoe/hw.ipynb``.

The repository is named by the assignment's own name there, which has this kit's in it, and the
login. A repository downloaded by itself ends with its branch's name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from autograder.course.collect.names import is_archive, stem
from autograder.course.collect.platforms.owned import Context, Owned, Platform

BRANCH = re.compile(r"-(main|master)$")


def read(names: Iterable[str], known: Context) -> Iterator[Owned]:
    """Tell whose files are."""
    found = [(name, top) for name in names if (top := _repository(name))]
    before = _before({top for _, top in found}, known.assignment)
    for name, top in found:
        login = top.removeprefix(before)
        if before and login and login != top:
            yield Owned(name, login, file=name.partition("/")[2] or name)


def _repository(name: str) -> str:
    """Give the repository's name, which is a folder's or an archive's."""
    top, slash, _ = name.partition("/")
    return BRANCH.sub("", stem(top)) if slash or is_archive(top) else ""


def _before(repositories: set[str], assignment: str) -> str:
    """Find what most repositories begin with: words up to the assignment's name, and its number."""
    start = re.compile(rf"((?:[\w.]+-)*?{re.escape(assignment)}-)(\d+-)?")
    found = [match for each in repositories if (match := start.match(each))]
    names = Counter(match[1] for match in found).most_common(1)
    numbers = {match[2] for match in found if names and match[1] == names[0][0]}
    alike = len(found) > 1 and len(numbers) == 1  # a login may begin with a number of its own
    return names[0][0] + ((alike and numbers.pop()) or "") if names else ""


PLATFORM = Platform("github", read)
