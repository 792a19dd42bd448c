"""A ring in a file, with a passphrase that is cheap to try, for every test of this room."""

from __future__ import annotations

import warnings

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.encrypt.key_rings import UNSAFE_COST_FOR_TESTS, LocalKeyRing

PASSPHRASE = "a canary of five words"


@pytest.fixture(autouse=True)
def cheap_rings_are_meant():
    """Rings of tests are cheap to guess on purpose."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*cheap to guess.*")
        yield


@pytest.fixture
def passphrase() -> str:
    """The passphrase of the test's ring."""
    return PASSPHRASE


@pytest.fixture
def audit() -> AuditLog:
    """The trail of the test's ring."""
    return AuditLog()


@pytest.fixture
def ring(tmp_path, audit) -> LocalKeyRing:
    """A ring in a file, with one key."""
    made = LocalKeyRing.create(
        tmp_path / "hospital.keys", PASSPHRASE, actor="service-1", audit=audit, cost=UNSAFE_COST_FOR_TESTS
    )
    made.create_key("patients")
    return made
