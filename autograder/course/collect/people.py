"""Whose a downloaded file is, in this course: the roster's word counts more than the platform's."""

from __future__ import annotations

from autograder.course.collect.download import Download
from autograder.course.collect.names import clean, stem
from autograder.course.collect.platforms import Owned, owner
from autograder.course.submissions import is_id
from autograder.course.roster import Roster, Unknown


class People:
    """Whom the names in a download mean."""

    def __init__(self, download: Download, roster: Roster | None) -> None:
        self.download, self.roster = download, roster
        self.platform, self.assignment = download.platform, download.assignment

    def owner(self, name: str) -> Owned | None:
        """Tell whose a file is by its name, or the archive's if that is one student's own."""
        whose = owner(name, self.platform, self.assignment)
        archive = self.download.archive
        if self.platform != "folder" or archive.is_dir():
            return whose
        own = stem(archive.name).removesuffix(".ipynb")
        strange = self.roster and whose and not self._has(whose.student, whose.number)
        if name == f"{self.assignment}.ipynb" or (strange and self._has(own)):
            whose = owner(f"{own}/{name}", self.platform, self.assignment)
        return whose

    def student(self, whose: Owned) -> str:
        """Give a student's id: the roster's, or without one what the platform calls people.

        Raises
        ------
        Unknown
            If there is none.
        """
        if self.roster is not None:
            return self.roster.find(self.platform, whose.student, whose.number)
        name = clean(whose.student).replace("+", "_")
        if self.platform == "canvas":  # two may have one name; the number is theirs for good
            name = f"{name}_{whose.number}"
        elif self.platform == "moodle":
            name = name.replace(" ", "_")
        if not is_id(name):
            raise Unknown("is no name for a student's id; say in a roster.csv who it is")
        return name

    def _has(self, name: str, number: str = "") -> bool:
        try:
            return bool(self.roster and self.roster.find(self.platform, name, number))
        except Unknown:
            return False
