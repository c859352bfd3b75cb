"""When something was handed in, as tables say it: in four languages, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from autograder.course.collect import dates, worksheet
from autograder.course.collect.platforms import Owned
from autograder.course.errors import CourseError
from autograder.course.roster import Person, Roster
from autograder.course.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")
SECOND_OF_MARCH = datetime(2027, 3, 2, 14, tzinfo=BERLIN)
BERLINS = Settings.model_validate({"seed": 1, "time_zone": "Europe/Berlin"})


@pytest.mark.parametrize(
    "text",
    [
        "Tuesday, 2 March 2027, 2:00 PM",
        "Tuesday, March 2, 2027, 2:00 PM",
        "2 Mar 2027 14:00",
        "2nd March 2027 at 2 pm",
        "Dienstag, 2. März 2027, 14:00",
        "2. März 2027, 14:00 Uhr",
        "mardi 2 mars 2027, 14:00",
        "mardi 2 mars 2027 à 14h00",
        "martes, 2 de marzo de 2027, 14:00",
        "martes, 2 de marzo de 2027, 2:00 p. m.",
        "02.03.2027 14:00",
        "2.3.27 14:00:00",
        "2027-03-02T14:00",
        "2027-03-02 13:00:00.000 Z",
        "2027-03-02T13:00:00+00:00",
        "2027/03/02 08:00 -0500",
        "Tuesday, March 2, 2027 2:00:00 PM CET",
    ],
)
def test_times_in_four_languages(text: str) -> None:
    assert dates.parse(text, BERLIN) == SECOND_OF_MARCH


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("Freitag, 8. Jänner 2027, 10:00", 1),
        ("lundi 8 février 2027, 10:00", 2),
        ("domingo, 8 de agosto de 2027, 10:00", 8),
        ("dimanche 8 août 2027, 10:00", 8),
        ("miércoles, 8 de septiembre de 2027, 10:00", 9),
        ("Freitag, 8. Oktober 2027, 10:00", 10),
        ("mercredi 8 décembre 2027, 10:00", 12),
        ("Mittwoch, 8. Dezember 2027, 10:00", 12),
    ],
)
def test_months_in_four_languages(text: str, month: int) -> None:
    assert dates.parse(text, UTC) == datetime(2027, month, 8, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday-ish",
        "10:00",
        "3",
        "31.02.2027",
        "2027-03-02 25:00",
        "2 March 2027 14:00 EST",
        "2 March 2027 14:00 or so",
        "March 2027",
        "2 Marchember 2027",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        dates.parse(text, BERLIN)


def read(
    tmp_path: Path, text: str, order: str | None = None, roster: Roster | None = None
) -> worksheet.Worksheet:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    return worksheet.read(tmp_path / "t.csv", BERLINS, roster, order)


def column(tmp_path: Path, *values: str, order: str | None = None) -> list[datetime | None]:
    rows = "".join(f"s{i};{value}\n" for i, value in enumerate(values))
    found = read(tmp_path, f"id;submitted\n{rows}", order).rows
    return [row.when.astimezone(BERLIN).replace(tzinfo=None) if row.when else None for row in found]


def test_slashes_are_decided_by_the_whole_column(tmp_path: Path) -> None:
    second, thirteenth = datetime(2027, 3, 2), datetime(2027, 3, 13)
    assert column(tmp_path, "02/03/2027", "13/03/2027") == [second, thirteenth]
    assert column(tmp_path, "03/02/2027", "03/13/2027") == [second, thirteenth]
    assert column(tmp_path, "02-03-2027", "-", "13/03/2027") == [second, None, thirteenth]
    assert column(tmp_path, "03/03/2027") == [datetime(2027, 3, 3)]
    assert column(tmp_path, "02.03.2027", "03/13/2027") == [second, thirteenth]


def test_what_no_row_decides_is_asked_for(tmp_path: Path) -> None:
    values = ("02/03/2027 10:00", "04/05/2027 10:00")
    with pytest.raises(CourseError, match=r"row 2: .* say it with --dates dmy or --dates mdy"):
        column(tmp_path, *values)
    assert column(tmp_path, *values, order="dmy")[0] == datetime(2027, 3, 2, 10)
    assert column(tmp_path, *values, order="mdy")[0] == datetime(2027, 2, 3, 10)
    with pytest.raises(CourseError, match="'13/03/2027' has the day first and '03/13/2027' the"):
        column(tmp_path, "13/03/2027", "03/13/2027")
    with pytest.raises(CourseError, match="'13/03/2027' is not a time"):
        column(tmp_path, "13/03/2027", order="mdy")
    with pytest.raises(CourseError, match="--dates ymd is not known; it is dmy or mdy"):
        column(tmp_path, "13/03/2027", order="ymd")


ENGLISH = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Online text,Last modified (grade),Feedback comments\n"
    'Participant 7,Ada Lovelace,,Submitted,8,10,Yes,"{}",,"Monday, 5 April 2027, 1:00 PM",\n'
)
GERMAN = (
    "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert "
    "werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar\n"
    'Teilnehmer/in7,Ada Lovelace,,Zur Bewertung abgegeben,8,10,Ja,"{}","Montag, 5. April 2027, '
    '13:00",\n'
)
FRENCH = (
    "Identifiant,Nom complet,Adresse de courriel,Statut,Note,Note maximale,La note peut être "
    "modifiée,Dernière modification (travail remis),Dernière modification (note)\n"
    'Participant 7,Ada Lovelace,,Remis,8,10,Oui,"{}","lundi 5 avril 2027, 13:00"\n'
)
SPANISH = (
    "Identificador,Nombre completo,Dirección de correo,Estado,Calificación,Calificación máxima,"
    "La calificación puede ser cambiada,Última modificación (entrega),Última modificación "
    '(calificación)\nParticipante 7,Ada Lovelace,,Enviado,8,10,Sí,"{}","lunes, 5 de abril de '
    '2027, 13:00"\n'
)


@pytest.mark.parametrize(
    ("table", "when"),
    [
        (ENGLISH, "Tuesday, 2 March 2027, 2:00 PM"),
        (GERMAN, "Dienstag, 2. März 2027, 14:00"),
        (FRENCH, "mardi 2 mars 2027, 14:00"),
        (SPANISH, "martes, 2 de marzo de 2027, 14:00"),
    ],
)
def test_moodles_worksheets_in_four_languages(tmp_path: Path, table: str, when: str) -> None:
    ada = Owned("x", "A. L.", "7")
    assert read(tmp_path, table.format(when)).of("whoever", ada) == SECOND_OF_MARCH
    sheet = read(tmp_path, table.format(when), roster=Roster([Person("ada", "Ada", "Lovelace")]))
    assert sheet.of("ada", Owned("x", "ada")) == SECOND_OF_MARCH
    assert sheet.of("bob", Owned("x", "Bob", "8")) is None


PEOPLE = Roster(
    [Person("ada", "Ada", "Lovelace", "ada@x.org"), Person("a1", "", "Ada"), Person("7", "S", "T")]
)


@pytest.mark.parametrize(
    ("table", "student"),
    [
        ("First name,Surname,Submitted\nAda,Lovelace,{}\n", "ada"),
        ("Vorname;Nachname;abgegeben\nAda;Lovelace;{}\n", "ada"),
        ("Nombre,Apellido(s),Entregado\nAda,Lovelace,{}\n", "ada"),
        ("Prénom,Nom,Remis le\nAda,Lovelace,{}\n", "ada"),
        ("Student,submitted at\n'Lovelace Ada',{}\n", "ada"),
        ("E-mail,time\nADA@x.org,{}\n", "ada"),
        ("id,submitted\n7,{}\n", "7"),
    ],
)
def test_other_tables(tmp_path: Path, table: str, student: str) -> None:
    sheet = read(tmp_path, table.format("2027-03-02 14:00"), roster=PEOPLE)
    assert sheet.of(student, Owned("x", "?")) == SECOND_OF_MARCH
    others = set(PEOPLE.people) - {student}  # a first name alone is not somebody called so
    assert [sheet.of(other, Owned("x", "?")) for other in others] == [None, None]


def test_two_rows_that_may_both_be_meant_say_nothing(tmp_path: Path) -> None:
    table = "Full name,submitted\nBo Ng,2027-03-02 14:00\nBo Ng,2027-03-02 15:00\n"
    assert read(tmp_path, table).of("bo1", Owned("x", "Bo Ng", "11")) is None
