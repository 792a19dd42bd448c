"""One small model behind one service; the clocks stand still until a test moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.access.scoring import ModelCard, RateLimit, RunningModel, ServiceAccount, run_model
from secure_ai.encrypt.transport import CertificateAuthority, ScoringConnection, lesson_authority

CARD = ModelCard(id="triage@3", purposes=("treatment", "operations"))
COLUMNS = [f"x{place}" for place in range(4)]


class Seconds:
    """A clock of seconds that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def authority() -> Iterator[CertificateAuthority]:
    with lesson_authority("Lakeside Hospital") as made:
        yield made


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(400, 4))


@pytest.fixture(scope="session")
def model(rows: np.ndarray) -> LogisticRegression:
    return LogisticRegression().fit(rows, np.where(rows[:, 0] + rows[:, 1] > 0, "urgent", "routine"))


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def account(name: str = "ward-dashboard", **more: Any) -> ServiceAccount:
    """An account that is registered for the model."""
    fields = {"models": "triage@3", "purposes": "treatment", **more}
    return ServiceAccount(name=name, **fields)


@pytest.fixture
def running(authority, model, rows, clock) -> Callable[..., AbstractContextManager[RunningModel]]:
    @contextmanager
    def run(*accounts: ServiceAccount, card: ModelCard = CARD, **more: Any) -> Iterator[RunningModel]:
        made = accounts or (account(),)
        with run_model(
            more.pop("model", model), card, made, more.pop("reference", rows), authority.server(),
            clock=clock, **more,
        ) as service:  # fmt: skip
            yield service

    return run


@pytest.fixture
def connected(authority) -> Callable[..., ScoringConnection]:
    return lambda service, name="ward-dashboard": ScoringConnection(service.address, authority.client(name))


def many(rows_: int = 100_000) -> RateLimit:
    """A limit that is not reached."""
    return RateLimit(rows_, rows_)
