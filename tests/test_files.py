"""Which files count, and that a file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import files


def test_caches_checkpoints_hidden_files_and_links_do_not_count(tmp_path: Path) -> None:
    for name in ("a.py", "deep/b.txt", "__pycache__/a.pyc", ".ipynb_checkpoints/a.py", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "a.py")
    assert files.counted(tmp_path) == [Path("a.py"), Path("deep/b.txt")]
    assert files.counted(tmp_path / "absent") == []


def test_a_digest_changes_with_names_and_bytes(tmp_path: Path) -> None:
    seen = set()
    for name, content in (("a", "1"), ("a", "2"), ("b", "2")):
        (tmp_path / name).write_text(content)
        seen.add(files.digest(tmp_path, files.counted(tmp_path)))
    assert len(seen) == 3
    assert files.digest(tmp_path, files.counted(tmp_path)) in seen


def test_an_interrupted_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
