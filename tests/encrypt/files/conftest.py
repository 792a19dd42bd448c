"""A key ring in memory, and a plain file to encrypt."""

from __future__ import annotations

from pathlib import Path

import pytest

from secure_ai.encrypt.key_rings.local import LocalKeyRing


@pytest.fixture
def ring() -> LocalKeyRing:
    """A fresh key ring with one key, "files"."""
    return LocalKeyRing.in_memory("files")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A plain file of 1,000 bytes."""
    path = tmp_path / "visits.csv"
    path.write_bytes(bytes(range(250)) * 4)
    return path
