"""Two months for all tests of this folder: one of the hospital and one of the bank."""

from __future__ import annotations

import pytest

from synthetic_data.activity import make_month


@pytest.fixture(scope="session")
def months():
    return {
        sector: make_month(sector, staff=220, days=12, seed=3, stealth=0.3)
        for sector in ("healthcare", "finance")
    }


@pytest.fixture(params=["healthcare", "finance"])
def month(request, months):
    return months[request.param]
