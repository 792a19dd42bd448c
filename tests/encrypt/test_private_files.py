"""Claims about files that only their owner reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.encrypt.private_files import open_private, write_new_private
from secure_ai.encrypt.secret_keys import generate_key
from secure_ai.encrypt.transport.public_keys import generate_recipient_key, generate_signing_key
from secure_ai.encrypt.transport.ssh_keys import generate_ssh_key


def test_nobody_else_reads_it_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_private(tmp_path / "empty").close()
        write_new_private(tmp_path / "full", b"content")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("there", ["file", "link", "dangling link"])
def test_what_is_there_stays(tmp_path: Path, there: str) -> None:
    (tmp_path / "real").write_bytes(b"old")
    path = tmp_path / "real" if there == "file" else tmp_path / "link"
    if there != "file":
        path.symlink_to(tmp_path / ("real" if there == "link" else "nowhere"))
    with pytest.raises(FileExistsError):
        write_new_private(path, b"new")
    assert (tmp_path / "real").read_bytes() == b"old" and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "make", [generate_key, generate_signing_key, generate_recipient_key, generate_ssh_key]
)
def test_half_a_key_is_not_left_where_the_disk_is_full(
    tmp_path: Path, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="cannot be written") as told:
        make(tmp_path / "key")
    assert str(tmp_path) not in str(told.value) and list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    make(tmp_path / "key")
