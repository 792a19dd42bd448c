"""Reporting culture: groups only, intervals, difficulty beside each click rate, and nonsense refused."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Unassessed
from secure_ai.govern.awareness import (
    Trend,
    plot_culture,
    plot_culture_trend,
    read_campaign,
    reporting_culture,
    simulate_campaign,
)

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def campaign():
    return simulate_campaign("healthcare", staff=200, campaigns=6, seed=3)


@pytest.fixture(scope="module")
def culture(campaign):
    return reporting_culture(campaign)


def rows(units, clicked=(), reported=(), campaign="c1", difficulty="very"):
    sent = pd.Timestamp("2026-03-02T09:00:00Z")
    people = [f"r{n}" for n in range(len(units))]
    after = [pd.Timedelta(minutes=10 + n) for n in range(len(units))]
    return pd.DataFrame({
        "campaign": campaign, "recipient": people, "unit": units, "difficulty": difficulty, "sent": sent,
        "clicked": [sent + pd.Timedelta(minutes=5) if n in clicked else pd.NaT for n in range(len(units))],
        "reported": [sent + late if n in reported else pd.NaT for n, late in enumerate(after)],
    })  # fmt: skip


def test_rates_and_times_are_those_of_the_rows():
    found = reporting_culture(rows(["a"] * 20, clicked={0, 1}, reported={2, 3, 4, 5, 6}))
    row = found.to_frame("overall").iloc[0]
    assert (row.report_rate, row.click_rate, row.reports_per_click) == (0.25, 0.1, 2.5)
    assert (row.first_report_minutes, row.dwell_minutes) == (12, 14)
    assert row.click_low < 0.1 < row.click_high


def test_a_simulation_says_so_first(campaign, culture):
    assert campaign.sentence().startswith("This is a simulation")
    assert culture.sentence().startswith("Simulated")
    assert not reporting_culture(campaign.frame).simulated


@pytest.mark.parametrize("by", ["recipient", "person", "employee"])
def test_there_is_no_table_per_person(culture, by):
    with pytest.raises(UserError, match="never for a person"):
        culture.to_frame(by)
    assert not any("recipient" in frame.columns for frame in culture.frames.values())


@settings(max_examples=9, deadline=None)
@given(sizes=st.lists(st.integers(1, 25), min_size=1, max_size=7), seed=st.integers(0, 100))
def test_small_units_can_neither_be_read_nor_subtracted(sizes, seed):
    units = [f"u{n}" for n, size in enumerate(sizes) for _ in range(size)]
    random = np.random.default_rng(seed)
    chosen = set(np.flatnonzero(random.random(len(units)) < 0.4))
    if len(units) < 10:
        with pytest.raises(UserError):
            reporting_culture(rows(units, reported=chosen))
        return
    frame = reporting_culture(rows(units, reported=chosen)).to_frame("unit").set_index("group")
    hidden = frame.index[frame["suppressed"]]
    people = pd.Series(sizes, index=[f"u{n}" for n in range(len(sizes))])
    assert (frame.loc[~frame["suppressed"], "recipients"] >= 10).all()
    assert frame.loc[hidden].drop(columns="suppressed").isna().all(axis=None)
    if len(hidden) and len(hidden) < len(sizes):
        assert len(hidden) >= 2 and people[hidden].sum() >= 10


def test_a_unit_in_which_everybody_clicked_is_not_shown():
    units = ["a"] * 12 + ["b"] * 15 + ["c"] * 30
    found = reporting_culture(rows(units, clicked=set(range(12)), reported={15, 16, 30, 31}))
    frame = found.to_frame("unit").set_index("group")
    assert frame["suppressed"].to_dict() == {"a": True, "b": True, "c": False}


def test_click_rates_rise_with_difficulty_and_units_are_compared_at_the_same_difficulty():
    found = reporting_culture(simulate_campaign("finance", staff=600, campaigns=12, improvement=0, seed=6))
    rates = found.to_frame("difficulty").set_index("group")["click_rate"]
    assert rates["least"] < rates["very"]
    units = found.to_frame("unit").query("not suppressed")
    assert (units["expected_click_rate"] - found.to_frame("overall")["click_rate"][0]).abs().max() < 0.01


def test_answers_of_the_same_people_widen_the_interval():
    one = rows(["a"] * 30, reported=set(range(10)))
    many = pd.concat([one.assign(campaign=f"c{n}") for n in range(8)])
    interval = [reporting_culture(frame).to_frame("overall").iloc[0] for frame in (one, many)]
    widths = [row.report_high - row.report_low for row in interval]
    # Eight times the same answers tell little more than once.
    assert widths[1] > 0.9 * widths[0]


def test_a_rise_is_seen_where_there_is_one_and_not_where_there_is_none():
    def trend(improvement, seed):
        return reporting_culture(
            simulate_campaign(staff=120, campaigns=8, improvement=improvement, seed=seed)
        ).trend

    assert all(trend(0.4, seed).interval[0] > 1 for seed in range(2))
    flat = [trend(0.0, seed) for seed in range(3)]
    assert sum(found.interval[0] < 1 < found.interval[1] for found in flat) >= 2
    assert isinstance(reporting_culture(simulate_campaign(staff=40, campaigns=2)).trend, Unassessed)
    assert isinstance(flat[0], Trend) and "odds" in flat[0].sentence()


def test_own_results_are_read_from_a_file(tmp_path, campaign):
    path = tmp_path / "results.csv"
    campaign.frame.to_csv(path, index=False)
    found = read_campaign(path)
    assert not found.simulated and found.sentence().startswith("results.csv")
    pd.testing.assert_frame_equal(
        reporting_culture(found).to_frame("unit"), reporting_culture(campaign).to_frame("unit")
    )


BAD = {
    "a name": ("recipient", "Ada Byron"),
    "an address": ("recipient", "a@mailbox.example"),
    "an unknown difficulty": ("difficulty", "nightmare"),
    "an unknown time": ("clicked", "yesterday"),
    "a number for a time": ("reported", 12.5),
    "a report before the sending": ("reported", "2020-01-01T00:00:00Z"),
    "no sending": ("sent", None),
    "no unit": ("unit", ""),
    "no campaign": ("campaign", None),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_values_are_named_without_being_shown(case):
    column, value = BAD[case]
    frame = rows(["a"] * 20).astype(object)
    frame.loc[3, column] = value
    if case == "a number for a time":
        frame["reported"] = value
        frame["reported"] = frame["reported"].astype(float)
    with pytest.raises(UserError) as error:
        reporting_culture(frame)
    assert not value or str(value) not in str(error.value)


def test_other_bad_input_is_refused(campaign, tmp_path):
    frame = rows(["a"] * 20)
    mixed = frame.assign(difficulty=["very"] * 10 + ["least"] * 10)
    twice = pd.concat([frame, frame])
    for bad in (None, "x", frame.iloc[:0], frame.drop(columns="unit"), twice, frame.head(5), mixed):
        with pytest.raises(UserError):
            reporting_culture(bad)
    with pytest.raises(UserError, match="from 10"):
        reporting_culture(campaign, smallest_group=3)
    for arguments in ({"sector": "zoo"}, {"staff": 5}, {"campaigns": 0}, {"improvement": float("nan")}):
        with pytest.raises(UserError):
            simulate_campaign(**arguments)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError):
        read_campaign(tmp_path / "empty.csv")


def test_pictures_state_their_finding(culture):
    for figure in (plot_culture(culture), plot_culture(culture, "unit"), plot_culture_trend(culture)):
        assert figure.axes[0].get_title(loc="left").startswith("Simulation")


def test_a_small_campaign_cannot_be_had_from_its_difficulty():
    """One difficulty, two campaigns, one of them to five people: their sum less the other would tell."""
    big = rows(["a"] * 20 + ["b"] * 20, reported={1, 2})
    also = rows(["a"] * 15 + ["b"] * 15, reported={3, 9}, campaign="c2", difficulty="least")
    few = rows(["a"] * 5, clicked={0, 1, 2}, reported={4}, campaign="c3")
    found = reporting_culture(pd.concat([big, also, few]))
    shown = {
        by: set(frame.loc[~frame["suppressed"], "group"])
        for by, frame in ((by, found.to_frame(by)) for by in ("campaign", "difficulty"))
    }
    assert "c3" not in shown["campaign"]
    assert not ({"c1"} <= shown["campaign"] and "very" in shown["difficulty"])
    assert not ({"c1", "c2"} <= shown["campaign"])


def test_what_few_people_of_a_unit_did_in_a_campaign_cannot_be_computed():
    """A unit was mailed once by itself and once in a campaign that went nowhere else but to five of it."""
    whole = rows(["a"] * 15 + ["b"] * 30, reported={1, 20, 21, 40})
    b = whole.query("unit == 'b'")
    a, parts = whole.query("unit == 'a'"), {"c2": b.head(18), "c0": b.tail(12)}
    parts |= {"c1": a, "c3": a.head(5)}
    frame = pd.concat([part.assign(campaign=name) for name, part in parts.items()])
    found = reporting_culture(frame)
    units, campaigns = (found.to_frame(by).set_index("group")["suppressed"] for by in ("unit", "campaign"))
    assert campaigns["c3"] and (units["a"] or campaigns["c1"])


@pytest.mark.parametrize("column", ["unit", "recipient", "campaign"])
@pytest.mark.parametrize("value", ['=HYPERLINK("x")', "+1", "@SUM(A1)", "-2+3", "a\x00b1", "x" * 81])
def test_formulas_and_control_characters_of_a_file_are_refused(column, value):
    frame = rows(["a"] * 20)
    frame.loc[3, column] = value
    with pytest.raises(UserError) as error:
        reporting_culture(frame)
    assert value not in str(error.value)


def test_a_recipient_is_a_code_and_not_a_name_without_spaces():
    frame = rows(["a"] * 20)
    frame.loc[3, "recipient"] = "ada.byron"
    with pytest.raises(UserError, match="codes"):
        reporting_culture(frame)
