"""One authority, one running service, and what must be gone when a test is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_ai.encrypt.transport.certificates import CertificateAuthority, lesson_authority
from secure_ai.encrypt.transport.scoring_service import ScoringService, serve

CALLER = "ward-dashboard"


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 3
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"still running: {left}"


@pytest.fixture(scope="session")
def authority() -> Iterator[CertificateAuthority]:
    with lesson_authority("Lakeside Hospital") as made:
        yield made


@pytest.fixture(scope="session")
def foreign() -> Iterator[CertificateAuthority]:
    with lesson_authority("Another Hospital") as made:
        yield made


@pytest.fixture
def service(authority: CertificateAuthority) -> Iterator[ScoringService]:
    with serve(lambda record: record["age"] / 100, authority.server(), allowed={CALLER}) as running:
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_bytes(b"claim,amount\n" + b"".join(b"%06d,%d\n" % (row, row * 7) for row in range(60_000)))
    return path
