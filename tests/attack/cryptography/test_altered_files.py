"""Claims about altered copies: the faithful one opens, every other is refused, each in its own words."""

from __future__ import annotations

import pytest

from secure_ai.attack.cryptography.altered_files import altered_copies, flip_bit, try_copies
from secure_ai.core.errors import UserError
from secure_ai.encrypt.files import encrypt_file, verify_file
from secure_ai.encrypt.key_rings import LocalKeyRing

CHUNK = 1000


@pytest.fixture(scope="module")
def ring():
    return LocalKeyRing.in_memory("files")


def sealed(ring, folder, name, size=4 * CHUNK + 7, chunk_size=CHUNK):
    (folder / name).write_bytes(b"secret" * (size // 6) + b"x" * (size % 6))
    encrypt_file(folder / name, folder / f"{name}.enc", ring, "files", chunk_size=chunk_size)
    return folder / f"{name}.enc"


def test_only_the_faithful_copy_is_accepted(ring, tmp_path):
    file, other = sealed(ring, tmp_path, "one"), sealed(ring, tmp_path, "two")
    before = file.read_bytes()
    copies = altered_copies(file, other, tmp_path / "copies")
    found = try_copies(copies, lambda path: verify_file(path, ring))
    table = found.to_frame()
    assert table.loc[table["outcome"] == "accepted", "what"].tolist() == ["left as it was"]
    assert found.sentence() == "7 of 8 copies were refused; accepted: left as it was."
    assert table.loc[table["outcome"] == "refused", "answer"].str.endswith(".").all()
    assert file.read_bytes() == before
    assert all(copy.read_bytes() != before for what, copy in copies.items() if what != "left as it was")


def test_a_reader_that_checks_nothing_takes_every_copy(ring, tmp_path):
    copies = altered_copies(sealed(ring, tmp_path, "one"), sealed(ring, tmp_path, "two"), tmp_path / "copies")
    assert all(trial.accepted for trial in try_copies(copies, lambda path: path.read_bytes()).trials)


def test_files_that_cannot_be_altered_so_are_refused(ring, tmp_path):
    file, short = sealed(ring, tmp_path, "one"), sealed(ring, tmp_path, "short", size=10)
    with pytest.raises(UserError, match="smaller chunks"):
        altered_copies(short, file, tmp_path / "copies")
    with pytest.raises(UserError, match="different sizes"):
        altered_copies(file, sealed(ring, tmp_path, "other", chunk_size=500), tmp_path / "copies")
    with pytest.raises(UserError, match="none at"):
        flip_bit(file, tmp_path / "flipped", 1 << 30)
