"""Tables for people who decide: what an attacker can win, and what limits cost."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.anonymize.differential_privacy import PrivacyUnit, differencing_success
from secure_ai.anonymize.differential_privacy.reports import (
    attack_report,
    bounds_report,
    odds_report,
    rows_report,
)
from secure_ai.core.errors import UserError


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    """Ten people: one with ten visits, the others with one each."""
    people = [0] * 10 + list(range(1, 10))
    return pd.DataFrame({"who": people, "days": [2.0] * 18 + [40.0]})


def test_odds_are_said_as_factors_and_shares():
    report = odds_report((1.0, 10.0))
    assert report.iloc[0, :4].tolist() == ["1", "2.72", "2.7%", "73.1%"]
    assert report.iloc[1, 1] == "22,026"
    assert abs(float(report.iloc[0, 4].rstrip("%")) - 73.1) < 2


def test_attack_never_succeeds_more_often_than_its_bound():
    report = attack_report(differencing_success((0.5, 4.0), rounds=2000))
    assert report["epsilon"].tolist() == ["0.5", "4"]
    right, most = (report.iloc[:, place].str.rstrip("%").astype(float) for place in (1, 2))
    assert (right <= most + 4).all()


def test_low_limit_leaves_rows_out_and_high_one_needs_noise(visits):
    report = rows_report(visits, "who", (1, 10), epsilon=0.5)
    assert report["rows left out"].tolist() == ["9", "0"]
    low, high = report["error of the noise"].astype(float)
    assert low < high


def test_narrow_bounds_move_the_mean_and_wide_ones_need_noise(visits):
    unit = PrivacyUnit("who", 10)
    report = bounds_report(visits, "days", [(0, 2), (0, 40), (0, 4_000_000)], epsilon=0.5, unit=unit)
    assert report["bounds"].tolist() == ["0 to 2", "0 to 40", "0 to 4,000,000"]
    moved = report["moved by the limits"].astype(float)
    assert moved.tolist() == [2.0, 0.0, 0.0]
    noise = report["error of the noise"].str.replace(",", "").astype(float)
    assert noise.is_monotonic_increasing


@pytest.mark.parametrize("report", [rows_report, bounds_report])
def test_report_without_any_choice_is_refused_in_words(visits, report):
    with pytest.raises(UserError, match="at least one"):
        report(visits, "who", [], epsilon=0.5)
