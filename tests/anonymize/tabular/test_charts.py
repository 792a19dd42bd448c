"""Pictures of a release: titles and sentences say what the data say, and every case can be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.tabular import charts
from secure_ai.anonymize.tabular.anonymizer import anonymize
from secure_ai.anonymize.tabular.frontier import Frontier, frontier
from secure_ai.anonymize.tabular.risk import reidentification_risk
from secure_ai.core.sources import open_source


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(9)
    age = rng.integers(18, 90, 500)
    return pd.DataFrame({"age": age, "sex": rng.choice(["f", "m"], 500), "cost": age + rng.normal(0, 5, 500)})


@pytest.fixture(scope="module")
def done(table):
    return anonymize(table, ["age", "sex"], k=10, keep="cost")


def test_bins_of_risk_hold_every_record_once(done):
    bins = charts.risk_bins(done.risk_before, done.risk_after)
    assert bins["records_before"].sum() == bins["records_after"].sum() == 500
    assert bins["share_after"].sum() == pytest.approx(1)
    assert bins.loc[bins["risk"] == "1 in 1", "records_before"].item() == done.risk_before.uniques


def test_bins_of_class_sizes_hold_every_record_once(done):
    bins = charts.class_size_bins(done.partitioning)
    assert bins["records"].sum() == 500 and bins["classes"].sum() == done.loss.classes


def test_titles_change_with_the_data(table, done):
    alone = reidentification_risk(open_source(table), ["age", "sex", "cost"])
    assert charts.risk_title(alone, done.risk_after).startswith("Records that can be traced for sure: 100%")
    assert "nothing was released" in charts.risk_title(alone, None)
    assert charts.column_losses_title({"a": 0.0}) == "No column had to be made coarser"
    assert charts.column_losses_title({"a": 0.1, "b": 0.5}).startswith("'b' lost most")


def test_the_frontier_names_the_largest_k_that_costs_nothing_that_chance_does_not(table, done):
    found = frontier(table, done.plan, ks=(2, 5), target="cost")
    points = found.points.assign(high=[0.1, -0.1])
    assert "Up to k = 2 these 500 rows" in charts.frontier_sentence(Frontier(points, {}, found.before))
    points = found.points.assign(high=[-0.1, 0.1])
    assert "Even the smallest k" in charts.frontier_sentence(Frontier(points, {}, found.before))
    empty = Frontier(found.points.iloc[:0], {2: "why"}, None)
    assert charts.frontier_title(empty) == "No k could be reached"
    assert "No k could be reached" in charts.frontier_sentence(empty)


def test_every_picture_has_title_and_labeled_axes(table, done):
    levels = anonymize(table, ["age", "sex"], k=10, method="full_domain").levels
    figures = [
        charts.plot_risk(done.risk_before, done.risk_after),
        charts.plot_class_sizes(done.partitioning),
        charts.plot_column_losses(done.loss.by_column),
        charts.plot_frontier(frontier(table, done.plan, ks=(2, 5), target="cost")),
        charts.plot_frontier(frontier(table, done.plan, ks=(2, 5))),
        charts.plot_levels(levels),
    ]
    for figure in figures:
        assert figure.get_suptitle()
        assert all(axes.get_xlabel() for axes in figure.axes)


def test_a_dollar_sign_in_a_name_is_no_formula():
    figure = charts.plot_column_losses({"a $x$ and $y$": 0.5})
    assert r"\$x\$" in figure.get_suptitle()
