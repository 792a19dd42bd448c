"""Fixtures that several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout that is being tested."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public files made by others, beside the checkout; the test is skipped where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_taxonomy() -> Path:
    """The pinned names of framework entries; the test is skipped where they are absent."""
    folder = ROOT.parent / "shared" / "taxonomy"
    if not folder.is_dir():
        pytest.skip("../shared/taxonomy is not on this machine")
    return folder
