"""A watched place for each test, with the canaries planted in what it works on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .planted import PERSONAL, SECRET, Canaries
from .watch import Watch, watching


@pytest.fixture
def watch(capfd) -> Iterator[Watch]:
    """A watched place for one test."""
    with watching(Canaries.of(PERSONAL, SECRET), capfd) as watched:
        yield watched
