"""Data sets: cards, where they are looked for, and what a download survives."""

import gzip
import hashlib
import http.server
import io
import runpy
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import data

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's data or fills the user's cache."""
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.delenv("CHAINRULE_MIRROR", raising=False)
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def arrays(n_train: int = 6, n_test: int = 4, shape: tuple[int, ...] = (3, 2)) -> data.Arrays:
    rng = np.random.default_rng(0)
    made = {}
    for part, n in (("train", n_train), ("test", n_test)):
        made[f"x_{part}"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        made[f"y_{part}"] = np.arange(n, dtype=np.uint8) % 2
    return made


def save(folder: Path, name: str, content: Mapping[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", **content)
    return folder


# Embedded sets and cards ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "n_train", "n_test", "n_classes", "dtype"),
    [("digits", (8, 8), 1438, 359, 10, np.uint8), ("iris", (4,), 120, 30, 3, np.float64)],
)
def test_embedded_sets_load_without_internet(
    name: str,
    shape: tuple[int, ...],
    n_train: int,
    n_test: int,
    n_classes: int,
    dtype: type[np.generic],
) -> None:
    found = data.load(name)
    assert data.available(name)
    assert found.x_train.shape == (n_train, *shape) and found.x_test.shape == (n_test, *shape)
    assert found.x_train.dtype == found.x_test.dtype == dtype
    assert found.y_train.shape == (n_train,) and found.y_test.shape == (n_test,)
    assert found.y_train.dtype == found.y_test.dtype == np.int64
    assert len(found.classes) == n_classes
    counts = np.bincount(found.y_train), np.bincount(found.y_test)
    for train, test in zip(*counts, strict=True):
        assert test / (train + test) == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_embedded_files_are_what_the_script_makes(name: str) -> None:
    made = runpy.run_path(str(ROOT / "datasets" / "make.py"))[name]()
    found = data.load(name)
    for key in data.KEYS:
        np.testing.assert_array_equal(getattr(found, key), made[key])


def test_splits_keep_every_example_of_the_original() -> None:
    from sklearn.datasets import load_digits

    found = data.load("digits")
    whole = np.concatenate([found.x_train, found.x_test]).reshape(-1, 64)
    original = load_digits().data
    np.testing.assert_array_equal(
        whole[np.lexsort(whole.T)], original[np.lexsort(original.T)].astype(np.uint8)
    )


@pytest.mark.parametrize("name", data.names())
def test_cards_say_everything(name: str) -> None:
    about = data.card(name)
    assert about["name"] == name
    for key in ("title", "description", "authors", "citation", "source", "licence"):
        assert len(about[key]) >= 3
    assert set(about["shapes"]) == set(data.KEYS)
    assert len(about["axes"]) == len(about["shapes"]["x_train"])
    assert about["shapes"]["x_train"][1:] == about["shapes"]["x_test"][1:]
    assert np.dtype(about["dtype"]) and about["range"][0] < about["range"][1]
    assert len(about["classes"]) == len(set(about["classes"])) >= 3
    if "embedded" in about:
        content = (data._CARDS / about["embedded"]["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["embedded"]["sha256"]
        found = data.load(name)
        assert [found.x_train.min(), found.x_train.max()] == about["range"]
    else:
        assert about["download"]["format"] in data._PARSERS
        assert all(len(md5) == 32 for md5 in about["download"]["md5"].values())


def test_a_data_set_is_frozen_and_short_to_print() -> None:
    found = data.load("iris")
    with pytest.raises(FrozenInstanceError):
        found.name = "other"  # type: ignore[misc]  # it is frozen
    assert repr(found) == (
        "Dataset(iris: 120 training and 30 test examples of shape (4,), 3 classes)"
    )


# Local folders ----------------------------------------------------------------------------------


def test_a_folder_comes_before_the_variable_and_that_before_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def iris(value: float) -> data.Arrays:
        shapes = data.card("iris")["shapes"]
        return {
            key: np.full(shape, value if key[0] == "x" else 0.0) for key, shape in shapes.items()
        }

    monkeypatch.setenv("CHAINRULE_DATA", str(save(tmp_path / "campus", "iris", iris(1.0))))
    explicit = save(tmp_path / "mine", "iris", iris(2.0))
    assert data.load("iris", explicit).x_train[0, 0] == 2.0
    assert data.load("iris").x_train[0, 0] == 1.0
    assert data.load("iris", tmp_path / "empty").x_train[0, 0] == 1.0
    monkeypatch.delenv("CHAINRULE_DATA")
    assert data.load("iris").x_train[0, 0] not in (1.0, 2.0)


def test_any_file_of_the_local_folder_loads_by_its_name(tmp_path: Path) -> None:
    content = arrays() | {"y_train": np.array([5, 7, 5, 7, 5, 7], dtype=np.uint8)}
    folder = save(tmp_path / "mine", "leaves", content)
    assert data.available("leaves", folder) and not data.available("leaves")
    found = data.load("leaves", folder)
    np.testing.assert_array_equal(found.x_train, content["x_train"])
    assert found.classes == ("5", "7") and found.card == {}


def test_labels_in_a_column_are_flattened_as_keras_gives_them(tmp_path: Path) -> None:
    shapes = data.card("digits")["shapes"]
    content = {key: np.ones(shape, dtype=np.uint8) for key, shape in shapes.items()}
    content["y_test"] = content["y_test"][:, None]
    assert data.load("digits", save(tmp_path / "d", "digits", content)).y_test.shape == (359,)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b"an error page"), "not a whole .npz archive"),
        (lambda path: path.write_bytes(path.read_bytes()[:-300]), "not a whole .npz archive"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"\1\1", b"\1\2")), "CRC"),
        (lambda path: np.savez(path, x_train=np.array([{}])), "Object arrays cannot be loaded"),
        (lambda path: np.savez(path, x_train=np.ones(3)), "has no y_train"),
        (lambda path: save(path.parent, path.stem, arrays()), "instead of (1438, 8, 8)"),
    ],
)
def test_a_bad_local_file_is_named(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    content = {key: np.ones(s, np.uint8) for key, s in data.card("digits")["shapes"].items()}
    path = save(tmp_path / "mine", "digits", content) / "digits.npz"
    spoil(path)
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("digits", path.parent)
    assert str(path) in str(caught.value) and says in str(caught.value)


def test_a_damaged_compressed_file_is_named(tmp_path: Path) -> None:
    shapes = data.card("digits")["shapes"]
    content: dict[str, Any] = {key: np.ones(shape, np.uint8) for key, shape in shapes.items()}
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, **content)
    spoilt = bytearray(path.read_bytes())
    spoilt[70:80] = b"\xff" * 10  # inside the first compressed member
    path.write_bytes(spoilt)
    with pytest.raises(data.DataUnavailable, match="cannot be read"):
        data.load("digits", tmp_path)


def test_pixels_already_scaled_are_refused(tmp_path: Path) -> None:
    content = {key: np.ones(s, np.float32) for key, s in data.card("digits")["shapes"].items()}
    with pytest.raises(data.DataUnavailable, match="type float32 instead of uint8"):
        data.load("digits", save(tmp_path / "mine", "digits", content))


@pytest.mark.parametrize("name", ["nope", "../digits", "", "digits.toml"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(data.DataUnavailable, match="there are cifar10, digits, fashion_mnist"):
        data.load(name)
    assert not data.available(name)


# Downloads --------------------------------------------------------------------------------------


@dataclass
class Site:
    """A web server: what it has, what it was asked for, and which files it cuts short."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    address: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            served.asked.append(path)
            content = served.files.get(path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if path in served.cut else content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def idx(content: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{content.ndim}I", 0, 8, content.ndim, *content.shape)
    return gzip.compress(header + content.tobytes())


def write_card(
    folder: Path,
    name: str,
    content: data.Arrays,
    parser: str,
    files: Iterable[tuple[str, bytes]],
    bases: Iterable[str],
) -> None:
    shapes = "".join(f"{key} = {list(value.shape)}\n" for key, value in content.items())
    sums = "".join(f'"{key}" = "{hashlib.md5(value).hexdigest()}"\n' for key, value in files)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(
        f'name = "{name}"\ntitle = "{name.title()}"\nclasses = ["a", "b"]\ndtype = "uint8"\n'
        f"[shapes]\n{shapes}[download]\nformat = '{parser}'\nfrom = {list(bases)}\n"
        f"[download.md5]\n{sums}"
    )


@pytest.fixture
def clothes(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> data.Arrays:
    """A small set in IDX files on the site, with its card."""
    content = arrays()
    files = {
        "train-images-idx3-ubyte.gz": idx(content["x_train"]),
        "train-labels-idx1-ubyte.gz": idx(content["y_train"]),
        "t10k-images-idx3-ubyte.gz": idx(content["x_test"]),
        "t10k-labels-idx1-ubyte.gz": idx(content["y_test"]),
    }
    site.files = {f"official/{name}": value for name, value in files.items()}
    bases = [f"{site.address}/official"]
    write_card(tmp_path / "cards", "clothes", content, "idx", files.items(), bases)
    monkeypatch.setattr(data, "_CARDS", tmp_path / "cards")
    return content


def assert_is(found: data.Dataset, content: data.Arrays) -> None:
    for key in data.KEYS:
        np.testing.assert_array_equal(getattr(found, key), content[key])


def test_a_download_is_parsed_and_cached(
    site: Site, clothes: data.Arrays, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not data.available("clothes")
    assert_is(data.load("clothes"), clothes)
    assert len(site.asked) == 4
    assert "train-images-idx3-ubyte.gz [##########]" in capsys.readouterr().err
    assert data.available("clothes")
    assert_is(data.load("clothes"), clothes)
    assert len(site.asked) == 4
    assert [path.name for path in own_folders.iterdir()] == ["clothes.npz"]


def test_cifar_records_are_read_as_pictures(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = arrays(10, 2, (32, 32, 3))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        parts = {f"data_batch_{i}": slice(2 * i - 2, 2 * i) for i in range(5, 0, -1)}
        for name, rows, part in [
            *((name, rows, "train") for name, rows in parts.items()),
            ("test_batch", slice(None), "test"),
        ]:
            pictures = content[f"x_{part}"][rows].transpose(0, 3, 1, 2).reshape(2, -1)
            records = np.hstack([content[f"y_{part}"][rows, None], pictures]).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(records)
            archive.addfile(member, io.BytesIO(records))
    files = {"cifar-10-binary.tar.gz": packed.getvalue()}
    site.files = files
    write_card(tmp_path / "cards", "small", content, "cifar", files.items(), [site.address])
    monkeypatch.setattr(data, "_CARDS", tmp_path / "cards")
    assert_is(data.load("small"), content)


def failure(cache: Path) -> str:
    """The one sentence of a failed download, which leaves nothing half done."""
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("clothes")
    assert list(cache.iterdir()) == []
    message = str(caught.value)
    assert message.startswith("Clothes is not on this machine")
    assert "clothes.npz" in message and "CHAINRULE_DATA" in message
    return message


def test_a_missing_file(site: Site, clothes: data.Arrays, own_folders: Path) -> None:
    del site.files["official/t10k-labels-idx1-ubyte.gz"]
    message = failure(own_folders)
    assert "404" in message and "t10k-labels-idx1-ubyte.gz" in message


def test_a_truncated_file(site: Site, clothes: data.Arrays, own_folders: Path) -> None:
    site.cut.add("official/train-images-idx3-ubyte.gz")
    assert "bytes arrived" in failure(own_folders)


def test_a_wrong_checksum(site: Site, clothes: data.Arrays, own_folders: Path) -> None:
    site.files["official/train-images-idx3-ubyte.gz"] = idx(clothes["x_train"] + 1)
    assert "wrong checksum" in failure(own_folders)


def test_no_connection(clothes: data.Arrays, own_folders: Path, tmp_path: Path) -> None:
    card = tmp_path / "cards" / "clothes.toml"
    card.write_text(card.read_text().replace("127.0.0.1:", "127.0.0.1:1#"))
    assert "no connection" in failure(own_folders)


def test_a_failed_download_can_be_tried_again(
    site: Site, clothes: data.Arrays, own_folders: Path
) -> None:
    site.cut.add("official/t10k-images-idx3-ubyte.gz")
    failure(own_folders)
    site.cut.clear()
    assert_is(data.load("clothes"), clothes)


def test_a_mirror_is_asked_first(
    site: Site, clothes: data.Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files = {
        name.replace("official", "near/clothes"): value for name, value in site.files.items()
    }
    monkeypatch.setenv("CHAINRULE_MIRROR", f"{site.address}/near/")
    assert_is(data.load("clothes"), clothes)
    assert all(path.startswith("near/clothes/") for path in site.asked)


def test_a_bad_mirror_falls_back_to_the_official_address(
    site: Site, clothes: data.Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = "train-labels-idx1-ubyte.gz"
    site.files[f"near/clothes/{spoilt}"] = b"an error page"
    monkeypatch.setenv("CHAINRULE_MIRROR", f"{site.address}/near")
    assert_is(data.load("clothes"), clothes)
    assert f"official/{spoilt}" in site.asked


def test_a_mirror_that_is_no_address_is_named(
    clothes: data.Arrays, own_folders: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    site.files.clear()
    monkeypatch.setenv("CHAINRULE_MIRROR", "campus")
    assert "campus/clothes: not an address" in failure(own_folders)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_damaged_cache_is_downloaded_again(
    site: Site,
    clothes: data.Arrays,
    own_folders: Path,
    keep: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data.load("clothes")
    cached = own_folders / "clothes.npz"
    cached.write_bytes(cached.read_bytes()[:keep])
    assert_is(data.load("clothes"), clothes)
    assert "damaged" in capsys.readouterr().err
    assert len(site.asked) == 8
    assert_is(data.load("clothes"), clothes)
    assert len(site.asked) == 8


def test_one_flipped_bit_in_the_cache_is_seen(
    site: Site, clothes: data.Arrays, own_folders: Path
) -> None:
    data.load("clothes")
    cached = own_folders / "clothes.npz"
    content = bytearray(cached.read_bytes())
    content[content.index(clothes["x_train"].tobytes())] ^= 1
    cached.write_bytes(content)
    assert_is(data.load("clothes"), clothes)
    assert len(site.asked) == 8


def test_a_cache_that_cannot_be_written(
    clothes: data.Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file"))
    with pytest.raises(data.DataUnavailable, match=r"cannot be stored in .*CHAINRULE_CACHE"):
        data.load("clothes")


# Import -----------------------------------------------------------------------------------------


def test_a_data_set_that_is_not_at_hand_is_replaced_and_the_student_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "available", lambda name: False)
    assert data.at_hand("fashion_mnist").name == "digits"
    assert "fashion_mnist is not at hand" in capsys.readouterr().out


def test_a_download_that_fails_says_why_and_the_embedded_set_stands_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str) -> data.Dataset:
        if name == "digits":
            return real(name)
        raise data.DataUnavailable("no internet here")

    real = data.load
    monkeypatch.setattr(data, "load", load)
    assert data.at_hand("cifar10", download=True).name == "digits"
    assert "no internet here" in capsys.readouterr().out


def test_standardised_inputs_are_rows_by_the_training_sets_numbers() -> None:
    digits = data.load("digits")
    train, test = data.standardised(digits)
    assert train.shape == (len(digits.x_train), 64) and train.dtype == np.float32
    assert abs(train.mean()) < 1e-5 and abs(train.std() - 1) < 1e-5
    raw = digits.x_train.reshape(len(train), -1)
    whole = (digits.x_test.reshape(len(test), -1) - raw.mean()) / raw.std()
    np.testing.assert_allclose(test, whole, rtol=1e-4, atol=1e-5)
    each, _ = data.standardised(data.load("iris"), axis=0)
    np.testing.assert_allclose(each.mean(axis=0), 0, atol=1e-5)


def test_pixels_are_rows_from_zero_to_one_by_the_card_s_range() -> None:
    digits = data.load("digits")
    train, test = data.pixels(digits)
    assert train.shape == (len(digits.x_train), 64) and train.dtype == test.dtype == np.float32
    np.testing.assert_array_equal(train, digits.x_train.reshape(len(train), -1) / 16)
    assert (train.min(), train.max()) == (0, 1)


def test_importing_it_needs_numpy_and_little_of_the_standard_library() -> None:
    slow = {"urllib.request", "http.client", "ssl", "tarfile", "tqdm", "torch", "matplotlib"}
    code = f"import sys, autograder.data; print(sorted({slow!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
