"""Data sets, offline first.

``load`` looks in this order: the folder given, ``$CHAINRULE_DATA``, the files that come with the
kit, the cache (``$CHAINRULE_CACHE`` or the platform's user cache), and last the internet
(``$CHAINRULE_MIRROR`` first, where set). Everywhere a data set is one ``.npz`` file with the keys
``x_train``, ``y_train``, ``x_test`` and ``y_test``.
"""

import hashlib
import os
import sys
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autograder.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")
TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 18

_HERE = Path(__file__).resolve().parent
# In the wheel the cards are inside the package, in a checkout beside it.
_CARDS = next(
    (folder for folder in (_HERE / "datasets", _HERE.parent / "datasets") if folder.is_dir()),
    _HERE / "datasets",
)

Arrays = dict[str, np.ndarray]


class DataUnavailable(UserError):
    """A data set that is not at hand, with what to do about it."""


class _BadFile(Exception):
    """A file that is not the data set it should be; the message says why."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set, split into a training and a test part.

    Attributes
    ----------
    name : str
    x_train, x_test : ndarray, (N, ...)
        Inputs as they are stored: bytes for images, H before W before C.
    y_train, y_test : ndarray of int64, (N,)
        Class of each input, an index into `classes`.
    classes : tuple of str
    card : dict
        Where it comes from: title, authors, citation, licence, axes, shapes, ...
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]
    card: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {len(self.x_train)} training and {len(self.x_test)} test "
            f"examples of shape {self.x_train.shape[1:]}, {len(self.classes)} classes)"
        )


def names() -> tuple[str, ...]:
    """Names of the data sets that the kit knows."""
    return tuple(sorted(path.stem for path in _CARDS.glob("*.toml")))


def card(name: str) -> dict[str, Any]:
    """The data card of `name`: source, authors, licence, checksums, shapes, classes, axes."""
    if name not in names():
        raise DataUnavailable(f"There is no data set {name!r}; there are {', '.join(names())}.")
    return tomllib.loads((_CARDS / f"{name}.toml").read_text(encoding="utf-8"))


def available(name: str, folder: str | Path | None = None) -> bool:
    """Whether `load` finds `name` on this machine, without the internet."""
    return any(path.is_file() for path in _places(name, folder))


def load(name: str, folder: str | Path | None = None) -> Dataset:
    """Load a data set, from this machine if it is there, else from the internet.

    Parameters
    ----------
    name : str
        One of `names()`; or any other name, if ``<name>.npz`` is in `folder` or in
        ``$CHAINRULE_DATA``.
    folder : path, optional
        A folder of ``.npz`` files to look in first.

    Returns
    -------
    Dataset

    Raises
    ------
    DataUnavailable
        If it is nowhere to be had; the message says what to do next.
    """
    found = next((path for path in _local(name, folder) if path.is_file()), None)
    about = card(name) if name in names() or found is None else {}
    if found is not None:
        return _dataset(name, _read_or_explain(found, about), about)
    if "embedded" in about:
        return _dataset(name, _read_or_explain(_CARDS / about["embedded"]["file"], about), about)
    return _dataset(name, _cached(about), about)


def at_hand(name: str, *, instead: str = "digits", download: bool = False) -> Dataset:
    """Load `name` if it is at hand; else say so, and load an embedded data set in its place.

    Parameters
    ----------
    name : str
        The data set that is wanted.
    instead : str
        The embedded one that stands in for it.
    download : bool
        Whether to try the internet first.
    """
    if download or available(name):
        try:
            return load(name)
        except DataUnavailable as reason:
            print(reason)
    print(f"{name} is not at hand, {instead} stands in: data.load({name!r}) would download it.")
    return load(instead)


def standardised(dataset: Dataset, axis: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Give the inputs as rows of mean 0 and standard deviation 1, by the training set's numbers.

    Parameters
    ----------
    dataset : Dataset
    axis : int, optional
        0 standardises each feature by itself; by default all together.

    Returns
    -------
    x_train, x_test : ndarray of float32, (N, D)
    """
    x_train, x_test = (
        x.reshape(len(x), -1).astype(np.float32) for x in (dataset.x_train, dataset.x_test)
    )
    mean, std = x_train.mean(axis=axis), x_train.std(axis=axis)
    for x in (x_train, x_test):
        x -= mean
        x /= std
    return x_train, x_test


def pixels(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Give images as rows of numbers from 0 to 1, by the range that the data card names.

    Returns
    -------
    x_train, x_test : ndarray of float32, (N, D)
    """
    low, high = dataset.card["range"]
    x_train, x_test = (
        (x.reshape(len(x), -1).astype(np.float32) - low) / np.float32(high - low)
        for x in (dataset.x_train, dataset.x_test)
    )
    return x_train, x_test


def _local(name: str, folder: str | Path | None) -> Iterator[Path]:
    """Where a user may have put the file."""
    for place in (folder, os.environ.get("CHAINRULE_DATA")):
        if place:
            yield Path(place).expanduser() / f"{name}.npz"


def _places(name: str, folder: str | Path | None) -> Iterator[Path]:
    yield from _local(name, folder)
    yield _cache_folder() / f"{name}.npz"
    yield _CARDS / f"{name}.npz"


def _cache_folder() -> Path:
    if chosen := os.environ.get("CHAINRULE_CACHE"):
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local")) / "chainrule" / "Cache"
    if sys.platform == "darwin":
        return home / "Library/Caches/chainrule"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "chainrule"


def _dataset(name: str, arrays: Arrays, about: dict[str, Any]) -> Dataset:
    classes = about.get("classes") or [str(label) for label in np.unique(arrays["y_train"])]
    labels = {key: arrays[key].reshape(-1).astype(np.int64) for key in ("y_train", "y_test")}
    return Dataset(name=name, classes=tuple(classes), card=about, **{**arrays, **labels})


# Reading an .npz --------------------------------------------------------------------------------


def _read(path: Path, about: dict[str, Any]) -> Arrays:
    """The four arrays of an .npz file, held against the card."""
    if not zipfile.is_zipfile(path):
        raise _BadFile("it is not a whole .npz archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in KEYS if key in archive}
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise _BadFile(f"it cannot be read ({error})") from None
    if missing := [key for key in KEYS if key not in arrays]:
        raise _BadFile(f"it has no {missing[0]}")
    for key, shape in about.get("shapes", {}).items():
        # (N, 1) is how Keras gives the labels of CIFAR-10.
        if arrays[key].shape not in (tuple(shape), (*shape, 1)):
            raise _BadFile(f"{key} has shape {arrays[key].shape} instead of {tuple(shape)}")
    for key in ("x_train", "x_test"):
        if arrays[key].dtype != about.get("dtype", arrays[key].dtype):
            raise _BadFile(f"{key} has type {arrays[key].dtype} instead of {about['dtype']}")
    return arrays


def _read_or_explain(path: Path, about: dict[str, Any]) -> Arrays:
    try:
        return _read(path, about)
    except _BadFile as error:
        raise DataUnavailable(
            f"{path} is not the data set that its name says: {error}. "
            "Replace the file or take it away."
        ) from None


# Cache and download -----------------------------------------------------------------------------


def _cached(about: dict[str, Any]) -> Arrays:
    """The arrays from the cache; what is missing or damaged there is downloaded."""
    path = _cache_folder() / f"{about['name']}.npz"
    if path.is_file():
        try:
            return _read(path, about)
        except _BadFile:
            print(f"{path} is damaged and is downloaded again.", file=sys.stderr)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as scratch:
            arrays = _download(about, Path(scratch))
            whole = Path(scratch) / path.name
            np.savez(whole, allow_pickle=False, **arrays)
            os.replace(whole, path)
    except OSError as error:
        raise DataUnavailable(
            f"{about['title']} cannot be stored in {path.parent} ({error.strerror or error}). "
            "Free some space there, or set CHAINRULE_CACHE to a folder that can be written."
        ) from None
    return arrays


def _download(about: dict[str, Any], folder: Path) -> Arrays:
    """Fetch, check and parse the files of a card's [download] section."""
    origin = about["download"]
    bases = list(origin["from"])
    if mirror := os.environ.get("CHAINRULE_MIRROR"):
        bases.insert(0, f"{mirror.rstrip('/')}/{about['name']}")
    for filename, md5 in origin["md5"].items():
        failures = []
        for base in bases:
            try:
                _fetch(f"{base}/{filename}", folder / filename, md5)
                break
            except _BadFile as error:
                failures.append(f"{base}: {error}")
        else:
            raise DataUnavailable(_nowhere(about, filename, failures))
    return _PARSERS[origin["format"]](folder)


def _nowhere(about: dict[str, Any], filename: str, failures: list[str]) -> str:
    name = about["name"]
    return (
        f"{about['title']} is not on this machine and {filename} cannot be downloaded "
        f"({'; '.join(failures)}). Go online and try again, or put {name}.npz (arrays "
        f"{', '.join(KEYS)}) into a folder and set CHAINRULE_DATA to it; "
        "data.load('digits') and data.load('iris') need no download."
    )


def _fetch(url: str, path: Path, md5: str) -> None:
    """Download one file and hold it against its checksum."""
    import http.client
    import urllib.error
    import urllib.request

    digest = hashlib.md5(usedforsecurity=False)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            with path.open("wb") as file:
                received = _copy(answer, file, digest.update, path.name, total)
    except urllib.error.HTTPError as error:
        raise _BadFile(f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _BadFile(f"no connection, {error.reason}") from None
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise _BadFile(f"the connection broke, {error!r}") from None
    except ValueError as error:
        raise _BadFile(f"not an address, {error}") from None
    if received < total:
        raise _BadFile(f"only {received} of {total} bytes arrived")
    if digest.hexdigest() != md5:
        raise _BadFile(f"wrong checksum, {digest.hexdigest()} instead of {md5}")


def _copy(
    source: BinaryIO, target: BinaryIO, update: Callable[[bytes], None], label: str, total: int
) -> int:
    """Copy in chunks with a progress bar; return the number of bytes."""
    received, shown = 0, -1
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        update(chunk)
        received += len(chunk)
        tenths = 10 * received // total if total else 0
        if tenths > shown:
            bar = "#" * tenths + "." * (10 - tenths)
            print(f"\r{label} [{bar}] {received / 1e6:.1f} MB", end="", file=sys.stderr)
            shown = tenths
    print(file=sys.stderr)
    return received


def _parse_idx(folder: Path) -> Arrays:
    """The four gzipped IDX files of the MNIST family."""
    prefixes = {"train": "train", "test": "t10k"}
    arrays = {}
    for part, prefix in prefixes.items():
        arrays[f"x_{part}"] = _idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        arrays[f"y_{part}"] = _idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
    return arrays


def _idx(path: Path) -> np.ndarray:
    """One IDX file of bytes: two zero bytes, type 8, rank, the big-endian shape, the data."""
    import gzip

    with gzip.open(path) as file:
        content = file.read()
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)


def _parse_cifar(folder: Path) -> Arrays:
    """CIFAR-10's binary version: records of one label byte and 3×32×32 pixels."""
    import tarfile

    records = {}
    with tarfile.open(folder / "cifar-10-binary.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".bin") and (file := archive.extractfile(member)):
                content = np.frombuffer(file.read(), dtype=np.uint8)
                records[Path(member.name).stem] = content.reshape(-1, 1 + 3 * 32 * 32)
    train = np.concatenate([records[f"data_batch_{index}"] for index in range(1, 6)])
    arrays = {}
    for part, rows in (("train", train), ("test", records["test_batch"])):
        arrays[f"x_{part}"] = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
        arrays[f"y_{part}"] = rows[:, 0].copy()
    return arrays


_PARSERS: dict[str, Callable[[Path], Arrays]] = {"idx": _parse_idx, "cifar": _parse_cifar}
