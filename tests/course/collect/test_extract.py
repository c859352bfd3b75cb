"""Hostile and unlucky archives, really made: nothing is written outside, nobody else pays."""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from autograder.course.collect.entries import ArchiveError, Caps
from autograder.course.collect.extract import Found, unpack
from autograder.course.collect.names import LONGEST_NAME, clean

HONEST = b'{"cells": []}'
LINK, FIFO, DEVICE = stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644
SMALL = Caps(entries=50, file=200_000, total=500_000, ratio=20, slack=10_000)


def zipped(path: Path, *entries: tuple[str, bytes], mode: int = 0, flags: int = 0) -> Path:
    """Make a zip, in the middle of which stands an honest notebook."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (*entries, ("honest.ipynb", HONEST)):
            info = zipfile.ZipInfo(name, (2027, 3, 1, 10, 15, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            if name != "honest.ipynb":
                info.external_attr, info.flag_bits = mode << 16, flags
            archive.writestr(info, data)
    return path


TarMode = Literal["w", "w:gz"]


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: TarMode = "w") -> Path:
    """Make a tar archive with an honest notebook at its end."""
    honest = tarfile.TarInfo("honest.ipynb")
    honest.size, honest.mtime = len(HONEST), 1_800_000_000
    with tarfile.open(path, mode) as archive:
        for member, data in (*members, (honest, HONEST)):
            archive.addfile(member, io.BytesIO(data))
    return path


def taken(found: list[Found]) -> dict[str, bytes]:
    return {each.name: each.path.read_bytes() for each in found if each.path}


def problems(found: list[Found]) -> dict[str, str]:
    return {each.name: each.problem for each in found if each.problem}


def everything(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, whatever it is."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where to unpack, with something outside that must not change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.ipynb").write_text("secret")
    (tmp_path / "work").mkdir()
    return tmp_path / "work" / "files"


@pytest.mark.parametrize(
    "name",
    [
        "../outside/evil.ipynb",
        "a/../../outside/evil.ipynb",
        "..\\outside\\evil.ipynb",
        "{tmp_path}/outside/evil.ipynb",
        "C:\\evil.ipynb",
        "c:evil.ipynb",
        "\\\\server\\share\\evil.ipynb",
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_path_leads_out(place: Path, tmp_path: Path, name: str, kind: str) -> None:
    name = name.format(tmp_path=tmp_path)
    member = tarfile.TarInfo(name)
    member.size = 2
    make = {"zip": lambda p: zipped(p, (name, b"{}")), "tar": lambda p: tarred(p, (member, b"{}"))}
    archive = make[kind](tmp_path / f"a.{kind}")
    before = everything(tmp_path)
    found = unpack(archive, place)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert list(problems(found).values()) == ["has a path that leads out of the archive"]
    assert everything(tmp_path).keys() - before.keys() == {"work/files", "work/files/honest.ipynb"}


@pytest.mark.parametrize("mode", [LINK, FIFO, DEVICE])
def test_links_and_devices_of_a_zip_are_refused(place: Path, tmp_path: Path, mode: int) -> None:
    target = str(tmp_path / "outside" / "secret.ipynb").encode()
    found = unpack(zipped(tmp_path / "a.zip", ("mlp.ipynb", target), mode=mode), place)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert "link" in problems(found)["mlp.ipynb"] or "device" in problems(found)["mlp.ipynb"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_links_and_devices_of_a_tar_are_refused(
    place: Path, tmp_path: Path, kind: bytes, mode: TarMode
) -> None:
    member = tarfile.TarInfo("mlp.ipynb")
    member.type, member.linkname = kind, str(tmp_path / "outside" / "secret.ipynb")
    archive = tarred(tmp_path / ("a.tar" if mode == "w" else "a.tar.gz"), (member, b""), mode=mode)
    found = unpack(archive, place)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert "is a link, a device" in problems(found)["mlp.ipynb"]


def test_a_file_through_a_linked_folder_stays_inside(place: Path, tmp_path: Path) -> None:
    """First a link called ``out``, then a file ``out/evil.ipynb``."""
    link, file = tarfile.TarInfo("out"), tarfile.TarInfo("out/evil.ipynb")
    link.type, link.linkname, file.size = tarfile.SYMTYPE, str(tmp_path / "outside"), 2
    unpack(tarred(tmp_path / "a.tar", (link, b""), (file, b"{}")), place)
    assert everything(tmp_path / "outside") == {"secret.ipynb": b"secret"}
    assert (place / "out" / "evil.ipynb").read_bytes() == b"{}"


# Bombs


def test_a_bomb_costs_its_entry(place: Path, tmp_path: Path) -> None:
    found = unpack(zipped(tmp_path / "a.zip", ("b.ipynb", bytes(150_000))), place, caps=SMALL)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert "zip bomb" in problems(found)["b.ipynb"]


def test_a_file_that_is_too_large_costs_its_entry(place: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("b.ipynb", os.urandom(200_001)))
    assert "more than the" in problems(unpack(archive, place, caps=SMALL))["b.ipynb"]


def test_all_together_may_be_too_much(place: Path, tmp_path: Path) -> None:
    entries = [(f"{i}.ipynb", os.urandom(180_000)) for i in range(3)]
    found = unpack(zipped(tmp_path / "a.zip", *entries), place, caps=SMALL)
    assert "more bytes than are allowed" in problems(found)["2.ipynb"]
    assert sum(len(data) for data in taken(found).values()) <= SMALL.total


def test_a_size_that_lies_is_not_believed(place: Path, tmp_path: Path) -> None:
    """The headers say 10 bytes; there are 150,000."""
    path = zipped(tmp_path / "a.zip", ("b.ipynb", bytes(150_000)))
    size = struct.pack("<I", 150_000)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 10)))
    found = unpack(path, place, caps=SMALL)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert "damaged" in problems(found)["b.ipynb"]


def test_a_hundred_thousand_entries_are_refused(place: Path, tmp_path: Path) -> None:
    path, number = tmp_path / "a.zip", 100_000
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 11, 0)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 11, *[0] * 6)
    names = [f"{i:05}.ipynb".encode() for i in range(number)]
    entries = b"".join(entry + name for name in names)
    start = len(local) + 11
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0, 0, len(entries), start, 0)
    path.write_bytes(local + names[0] + entries + end)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == number
    with pytest.raises(ArchiveError, match="more than 10000 entries"):
        unpack(path, place)
    assert list(place.parent.iterdir()) == []


def test_a_list_of_entries_too_long_is_not_even_read(place: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", *((f"{i}{'x' * 200}.ipynb", b"") for i in range(50)))
    with pytest.raises(ArchiveError, match="list of entries is too long"):
        unpack(archive, place, caps=Caps(at_once=5000))


def test_tar_entries_are_counted(place: Path, tmp_path: Path) -> None:
    members = [(tarfile.TarInfo(f"{i}.txt"), b"") for i in range(60)]
    with pytest.raises(ArchiveError, match="more than 50 entries"):
        unpack(tarred(tmp_path / "a.tar", *members), place, caps=SMALL)


def test_overlapping_entries_are_refused(place: Path, tmp_path: Path) -> None:
    """Many entries of the list lead to the same packed bytes, as in a quoted zip bomb."""
    kernel, number = zlib.compress(bytes(50_000), wbits=-15), 40
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(kernel), 50_000, 7, 0)
    data = local + b"a.ipynb" + kernel
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(kernel), 50_000, 7, 0, 0, 0, 0, 0, 0
    )
    entries = (entry + b"a.ipynb") * number
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, number, number, len(entries), len(data), 0)
    (tmp_path / "a.zip").write_bytes(data + entries + end)
    with pytest.raises(ArchiveError, match="overlap"):
        unpack(tmp_path / "a.zip", place)


def test_a_gzip_bomb_is_refused(place: Path, tmp_path: Path) -> None:
    member = tarfile.TarInfo("notes.txt")
    member.size = 20_000_000
    archive = tarred(tmp_path / "a.tar.gz", (member, bytes(member.size)), mode="w:gz")
    assert archive.stat().st_size < 50_000
    with pytest.raises(ArchiveError, match="far more than its size"):
        unpack(archive, place)


def test_a_tar_header_does_not_fill_the_memory(place: Path, tmp_path: Path) -> None:
    """A pax header that says that it has a gigabyte is read in one piece by tarfile."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**30
    with open(tmp_path / "a.tar", "wb") as file:
        file.write(header.tobuf())
        file.truncate(2**30 + 4096)
    with pytest.raises(ArchiveError, match=r"too long|damaged"):
        unpack(tmp_path / "a.tar", place)


# Archives in archives


def test_a_zip_in_a_zip_is_unpacked_and_its_time_is_the_outer_ones(
    place: Path, tmp_path: Path
) -> None:
    inner = zipped(tmp_path / "inner.zip", ("mlp.ipynb", b"{}")).read_bytes()
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("ada.zip", (2027, 3, 5, 8, 0, 0)), inner)
    found = unpack(outer, place)
    assert taken(found) == {"ada/mlp.ipynb": b"{}", "ada/honest.ipynb": HONEST}
    assert {each.when for each in found} == {datetime(2027, 3, 5, 8, tzinfo=UTC)}


def test_a_third_level_is_not_opened(place: Path, tmp_path: Path) -> None:
    data = zipped(tmp_path / "deepest.zip").read_bytes()
    for name in ("deeper.zip", "outer.zip"):
        data = zipped(tmp_path / name, ("in.zip", data)).read_bytes()
    found = unpack(tmp_path / "outer.zip", place)
    assert set(taken(found)) == {"honest.ipynb", "in/honest.ipynb"}
    assert problems(found) == {"in/in.zip": "is an archive in an archive in an archive"}


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"not an archive", b"\x1f\x8bnot gzip" * 9])
def test_a_broken_archive_in_an_archive_costs_its_author(
    place: Path, tmp_path: Path, data: bytes
) -> None:
    for suffix in ("zip", "tar.gz"):
        folder = place.with_name(suffix)
        found = unpack(zipped(tmp_path / "a.zip", (f"eve.{suffix}", data)), folder)
        assert taken(found) == {"honest.ipynb": HONEST}
        assert "damaged" in problems(found)[f"eve.{suffix}"]


def test_an_archive_overwrites_nothing_beside_it(place: Path, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "i.zip", ("mlp.ipynb", b"evil")).read_bytes()
    archive = zipped(tmp_path / "a.zip", ("ada/mlp.ipynb", b"ada's"), ("ada.zip", inner))
    found = unpack(archive, place)
    assert taken(found)["ada/mlp.ipynb"] == b"ada's"
    assert "twice" in problems(found)["ada/mlp.ipynb"]


# Names


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("mlp.ipynb", "mlp.ipynb"),
        (unicodedata.normalize("NFD", "Žofie é.ipynb"), "Žofie é.ipynb"),
        ("mlp\u202ebnypi.exe", "mlpbnypi.exe"),
        ("a\x00b\x1b[31m\n.ipynb", "ab[31m.ipynb"),
        ("CON", "_CON"),
        ("nul.ipynb", "_nul.ipynb"),
        ("console.ipynb", "console.ipynb"),
        ('a<b>:"|?*.ipynb', "a_b______.ipynb"),
        ("trailing. . ", "trailing"),
        ("\u202e", "_"),
    ],
)
def test_names_are_made_plain(name: str, cleaned: str) -> None:
    assert clean(name) == cleaned


def test_a_long_name_keeps_its_end() -> None:
    name = clean("ж" * 500 + ".ipynb")
    assert name.endswith("ж.ipynb") and LONGEST_NAME - 2 <= len(name.encode()) <= LONGEST_NAME


def test_utf8_that_does_not_say_so_is_read(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("Žofie.ipynb", b"{}"))
    data = bytearray(path.read_bytes())
    for start in (data.index(b"PK\3\4") + 6, data.index(b"PK\1\2") + 8):
        data[start + 1] &= ~0x08
    path.write_bytes(data)
    assert "Žofie.ipynb" in taken(unpack(path, place))


def test_a_name_in_another_encoding_than_it_says(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("Žofie.ipynb", b"{}"))
    path.write_bytes(path.read_bytes().replace("Ž".encode(), b"\xff\xfe"))
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(path, place)
    assert not place.exists()


def test_names_that_differ_in_case_alone_do_not_overwrite(place: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("MLP.ipynb", b"first"), ("mlp.ipynb", b"second"))
    found = unpack(archive, place)
    assert taken(found)["MLP.ipynb"] == b"first"
    assert "twice" in problems(found)["mlp.ipynb"]


def test_the_same_name_twice(place: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = zipped(tmp_path / "a.zip", ("a.ipynb", b"first"), ("a.ipynb", b"second"))
    found = unpack(archive, place)
    assert taken(found)["a.ipynb"] == b"first" and "twice" in problems(found)["a.ipynb"]


def test_a_file_and_a_folder_of_one_name(place: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("a.ipynb", b"{}"), ("a.ipynb/b.ipynb", b"{}"))
    found = unpack(archive, place)
    assert set(taken(found)) == {"a.ipynb", "honest.ipynb"}
    assert "stands beside it" in problems(found)["a.ipynb/b.ipynb"]


@pytest.mark.parametrize("name", ["a/" * 30 + "b.ipynb", "a" * 2000 + ".ipynb"])
def test_paths_have_an_end(place: Path, tmp_path: Path, name: str) -> None:
    found = unpack(zipped(tmp_path / "a.zip", (name, b"{}")), place)
    assert list(problems(found).values()) == ["has too long a path"]


def test_what_is_no_work_is_passed_over(place: Path, tmp_path: Path) -> None:
    names = ("__MACOSX/._mlp.ipynb", ".ipynb_checkpoints/mlp.ipynb", ".DS_Store", "plot.png")
    found = unpack(zipped(tmp_path / "a.zip", *((name, b"x") for name in names)), place)
    assert [each.name for each in found] == ["plot.png", "honest.ipynb"]
    assert found[0].path is None and not problems(found)


# The rest


def test_an_encrypted_entry_costs_itself(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("mlp.ipynb", b"{}"))
    data = bytearray(path.read_bytes())
    for start in (data.index(b"PK\3\4") + 6, data.index(b"PK\1\2") + 8):
        data[start] |= 1
    path.write_bytes(data)
    found = unpack(path, place)
    assert taken(found) == {"honest.ipynb": HONEST}
    assert problems(found) == {"mlp.ipynb": "is locked with a password"}


def test_a_damaged_entry_costs_itself(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("mlp.ipynb", os.urandom(5000)))
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    found = unpack(path, place)
    assert taken(found) == {"honest.ipynb": HONEST} and "damaged" in problems(found)["mlp.ipynb"]


def test_an_archive_cut_short_leaves_nothing_behind(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("mlp.ipynb", b"{}"))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(path, place)
    assert list(place.parent.iterdir()) == []


def test_what_is_no_archive_is_said(place: Path, tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(ArchiveError, match="none that can be opened"):
        unpack(tmp_path / "a.rar", place)
    found = unpack(zipped(tmp_path / "a.zip", ("b.7z", b"7z")), place)
    assert problems(found) == {"b.7z": "cannot be opened here; ask for a zip"}


def test_links_in_a_folder_are_not_followed(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "mlp.ipynb").write_bytes(HONEST)
    (folder / "mlp.ipynb").symlink_to(tmp_path / "outside" / "secret.ipynb")
    (folder / "all").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe.ipynb")
    found = unpack(folder, place)
    assert taken(found) == {"ada/mlp.ipynb": HONEST}
    assert set(problems(found)) == {"mlp.ipynb", "all", "pipe.ipynb"}


def test_times_are_read_in_their_zone(place: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip")
    (found,) = unpack(archive, place, ZoneInfo("Europe/Berlin"))
    assert found.when == datetime(2027, 3, 1, 9, 15, tzinfo=UTC)
    stamped = zipfile.ZipInfo("a.ipynb", (2027, 3, 1, 10, 15, 0))
    stamped.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_800_000_000)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as more:
        more.writestr(stamped, b"{}")
    (found,) = unpack(tmp_path / "b.zip", place.with_name("b"), ZoneInfo("Europe/Berlin"))
    assert found.when == datetime.fromtimestamp(1_800_000_000, UTC)
    (found,) = unpack(tarred(tmp_path / "a.tar"), place.with_name("c"), ZoneInfo("Asia/Tokyo"))
    assert found.when == datetime.fromtimestamp(1_800_000_000, UTC)


def test_a_time_that_is_none(place: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 14 : data.index(b"PK\1\2") + 16] = b"\0\0"  # month 0, day 0
    path.write_bytes(data)
    (found,) = unpack(path, place)
    assert found.when is None and found.path


@pytest.mark.parametrize("seed", range(300))
def test_whatever_is_damaged_nothing_escapes(place: Path, tmp_path: Path, seed: int) -> None:
    """Random bytes changed in honest archives: a sentence or a file, never another error."""
    rng = random.Random(seed)
    member = tarfile.TarInfo("ada/mlp.ipynb")
    member.size = 2
    make = {
        "a.zip": lambda p: zipped(p, ("ada/mlp.ipynb", b"{}" * 100)),
        "a.tar": lambda p: tarred(p, (member, b"{}")),
        "a.tar.gz": lambda p: tarred(p, (member, b"{}"), mode="w:gz"),
    }
    name = rng.choice(list(make))
    path = make[name](tmp_path / name)
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 3, 20))):
        data[rng.randrange(min(len(data), 2000))] = rng.randrange(256)
    path.write_bytes(data)
    before = everything(tmp_path / "outside")
    try:
        unpack(path, place)
    except ArchiveError as error:
        assert str(error) and "\n" not in str(error)
        assert not place.exists()
    assert everything(tmp_path / "outside") == before
    inside = everything(place.parent)
    assert all(path.startswith("files") for path in inside)
