"""Whose a downloaded file is, in this course: the roster's word counts more than the platform's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.course.collect.download import Download, Part
from autograder.course.collect.names import clean
from autograder.course.collect.platforms import Owned
from autograder.course.collect.platforms.canvas import ANONYMOUS
from autograder.course.collect.worksheet import Worksheet
from autograder.course.roster import BY_NAME, Match, Roster, Unknown
from autograder.course.submissions import is_id

#: Whose number in a download's names tells people apart, and by which of the roster's columns.
NUMBERED = ("canvas", "moodle", "brightspace")


@dataclass
class Claim:
    """The files of one caller of a platform, and whom of the course they belong to.

    ``students`` is empty where that is not known; ``why`` says then why not, and what to do.
    """

    whose: Owned
    parts: list[Part]
    students: list[str]
    exact: bool = True
    named: bool = True
    why: str = ""


class People:
    """Whom the names in a download mean."""

    def __init__(
        self, download: Download, roster: Roster | None, worksheet: Worksheet | None
    ) -> None:
        self.download, self.roster, self.worksheet = download, roster, worksheet
        self.platform = download.platform.name

    def claims(self) -> list[Claim]:
        """Tell of every caller who that is, so that no two have one place."""
        claims = [self._claim(parts) for parts in self.download.owned]
        claimed: Mapping[str, list[Claim]] = defaultdict(list)
        for claim in claims:
            for student in claim.students if len(claim.students) == 1 else ():
                claimed[student].append(claim)
        for student, rivals in claimed.items():
            if len(rivals) > 1:
                self._settle(student, rivals)
        return claims

    def _settle(self, student: str, rivals: list[Claim]) -> None:
        """Give a place to whom it belongs letter by letter; where more than one do, to nobody."""
        exact = [claim for claim in rivals if claim.exact]
        several = self.platform == "folder"  # a student's files may have several names
        winners = exact if several or len(exact) == 1 else []
        for claim in rivals:
            if claim not in winners:
                others = " and ".join(_called(each.whose) for each in rivals if each is not claim)
                claim.students = []
                advice = self._tell_apart(claim.whose)
                claim.why = f"would be {student}, as {others} would; {advice}"

    def _claim(self, parts: list[Part]) -> Claim:
        whose = parts[0][0]
        if self.platform == "canvas" and whose.student.startswith(f"{ANONYMOUS}_"):
            why = "is nobody: the grading is anonymous; turn that off in Canvas, download it again"
            return Claim(whose, parts, [], why=why)
        if self.roster is None:
            return self._without_roster(whose, parts)
        team = self.roster.team(whose.student)
        try:
            match = self._match(self.roster, whose)
        except Unknown as unknown:
            if team:
                return Claim(whose, parts, team)
            advice = self._tell_apart(whose) if unknown.several else self._add(whose)
            return Claim(whose, parts, [], why=f"{unknown}; {advice}")
        if team and not match.named:
            return Claim(whose, parts, team)
        return Claim(whose, parts, [match.student], match.exact, match.named)

    def _match(self, roster: Roster, whose: Owned) -> Match:
        aliases = whose.aliases
        if self.worksheet and whose.number and self.platform == "moodle":
            try:
                return roster.match("", "", aliases=self.worksheet.aliases(whose.number))
            except Unknown:
                aliases = ()
        return roster.match(self.platform, whose.student, whose.number, aliases)

    def _without_roster(self, whose: Owned, parts: list[Part]) -> Claim:
        """Call a student what the platform does."""
        name = clean(whose.student).replace("+", "_")
        if self.platform == "canvas":  # two may have one name; the number is theirs for good
            name = f"{name}_{whose.number}"
        elif self.platform in BY_NAME:
            name = clean(whose.aliases[0]) if whose.aliases else name.replace(" ", "_")
        unsaid = self.platform in ("blackboard", "gradescope") and not whose.aliases
        if unsaid or not is_id(name):
            return Claim(whose, parts, [], why=f"is no student's id; {self._add(whose)}")
        return Claim(whose, parts, [name])

    # What to do

    def _add(self, whose: Owned) -> str:
        """Say how the roster comes to know somebody."""
        if self.roster is None:
            return "say in a roster.csv who it is"
        team = "; of a group, write its name as group in each member's row"
        if self.platform == "canvas":
            return f"write {whose.number} as canvas_id in the right row{team}"
        if self.platform == "gradescope":
            if not whose.aliases:
                return "submission_metadata.yml does not name it; export the submissions again"
            return f"write {whose.aliases[0]} as email in the right row"
        if self.platform == "folder":
            return "add a row, or name the file by an id"
        if self.platform == "blackboard" and not whose.aliases:
            return "keep the receipts (.txt) beside the files"
        if self.platform in ("blackboard", "github"):
            word = whose.aliases[0] if whose.aliases else whose.student
            return f"write {word} as {self.platform}_name in the right row{team}"
        team = "" if self.platform == "google" else team
        return f"write {whose.student} as {self.platform}_name in the right row{team}"

    def _tell_apart(self, whose: Owned) -> str:
        """Say how the roster tells namesakes apart."""
        if self.roster is None:
            return "write a roster.csv that tells them apart"
        if self.platform == "moodle" and whose.number:
            return (
                f"write {whose.number} as moodle_id in the right row, or say with --times which "
                "grading worksheet has their addresses"
            )
        if self.platform in NUMBERED and whose.number:
            return f"write {whose.number} as {self.platform}_id in the right row"
        if whose.aliases:
            column = "email" if self.platform == "gradescope" else f"{self.platform}_name"
            return f"write {whose.aliases[0]} as {column} in the right row"
        return "name the files by ids"


def _called(whose: Owned) -> str:
    """Call somebody so that namesakes differ."""
    return " ".join(filter(None, (whose.student, whose.number)))
