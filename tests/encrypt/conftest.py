"""A key ring in memory, and tables of patients, diagnoses and transactions."""

from __future__ import annotations

import pytest

from secure_ai.encrypt.key_rings.local import LocalKeyRing
from synthetic_data import load


@pytest.fixture
def ring():
    """Return a ring with the keys "k", "patients", "stores", "clinical" and "analytics"."""
    with_keys = LocalKeyRing.in_memory("k", "patients", "stores", "clinical", "analytics")
    yield with_keys
    with_keys.close()


@pytest.fixture(scope="session")
def patients():
    return load("healthcare", rows=300, seed=1).tables["patients"]


@pytest.fixture(scope="session")
def diagnoses():
    return load("healthcare", rows=300, seed=1).tables["diagnoses"]


@pytest.fixture(scope="session")
def transactions():
    return load("finance", rows=2000, seed=1).tables["transactions"]
