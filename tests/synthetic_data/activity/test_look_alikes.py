"""Honest work looks like misuse in single features, so that no single rule and no plain forest is enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest

from synthetic_data.activity import make_month


@pytest.fixture(scope="module")
def accesses():
    """Accesses of a month of 300 staff with whom they concern, and whether they are planted."""
    month = make_month("healthcare", staff=300, days=20, seed=11)
    rows = month.events[month.events["action"].isin(["view", "update", "print"])]
    rows = rows.merge(month.subjects.add_prefix("s_"), left_on="target", right_on="s_subject_id")
    rows = rows.merge(month.staff[["staff_id", "household"]], left_on="actor", right_on="staff_id")
    return rows.assign(planted=rows["event_id"].isin(month.truth["event_id"]))


RULES = {
    "no relation": lambda rows: rows["relation"] == "",
    "at night": lambda rows: (rows["time"].dt.hour >= 22) | (rows["time"].dt.hour < 6),
    "an override": lambda rows: rows["break_glass"],
    "an employee": lambda rows: rows["s_staff_id"] != "",
    "a prominent subject": lambda rows: rows["s_prominent"],
    "a relative": lambda rows: rows["household"] == rows["s_household"],
    "another unit without a relation": lambda rows: (
        (rows["relation"] == "") & (rows["unit"] != rows["s_unit"])
    ),
    "an employee without a relation": lambda rows: (rows["relation"] == "") & (rows["s_staff_id"] != ""),
}


@pytest.mark.parametrize("rule", RULES)
def test_no_single_rule_is_precise(accesses, rule):
    flagged = accesses[RULES[rule](accesses)]
    assert flagged["planted"].any()
    assert flagged["planted"].mean() < 0.4


def test_context_together_narrows_down_what_no_single_rule_does(accesses):
    special = (accesses["s_staff_id"] != "") | accesses["s_prominent"]
    special |= accesses["household"] == accesses["s_household"]
    pairs = accesses.assign(
        special=special, away=accesses["unit"] != accesses["s_unit"], known=accesses["relation"] != ""
    ).groupby(["actor", "target"])
    table = pairs.agg(
        n=("event_id", "size"), known=("known", "sum"), special=("special", "any"),
        away=("away", "all"), planted=("planted", "any"), locks=("break_glass", "sum"),
    )  # fmt: skip
    flagged = table[
        (table["n"] > 1) & (table["known"] == 0) & table["special"] & table["away"] & (table["locks"] == 0)
    ]
    assert flagged["planted"].mean() > 0.2


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_an_isolation_forest_on_counts_misses_most_incidents(sector):
    month = make_month(sector, staff=200, days=12, seed=12)

    def counts(frame):
        frame = frame[~frame["role"].isin(["service", "application"])]
        opened = frame["action"].isin(["view", "update", "print"])
        hour = frame["time"].dt.hour
        rows = frame.assign(
            day=frame["time"].dt.floor("D"), night=(hour >= 22) | (hour < 6),
            unknown=opened & (frame["relation"] == ""), asked=frame["action"] == "query",
            taken=frame["record_count"].where(frame["action"] == "export", 0),
        )  # fmt: skip
        return rows.groupby(["actor", "day"]).agg(
            n=("event_id", "size"), targets=("target", "nunique"), night=("night", "sum"),
            unknown=("unknown", "sum"), taken=("taken", "sum"), asked=("asked", "sum"),
        )  # fmt: skip

    forest = IsolationForest(n_estimators=100, random_state=0).fit(np.log1p(counts(month.history)))
    days = counts(month.events)
    days["score"] = -forest.score_samples(np.log1p(days[list(days)]))
    truth = month.events.merge(month.truth, on="event_id")
    truth = truth[~truth["role"].isin(["service", "application"])]
    truth["day"] = truth["time"].dt.floor("D")
    days["incident"] = truth.groupby(["actor", "day"])["incident_id"].first().reindex(days.index)
    days = days.sort_values("score", ascending=False)
    allowed = 5 * len(month.staff) / 1000 * month.days  # five false alarms a day per thousand
    top = days[days["incident"].isna().cumsum() <= allowed]
    assert top["incident"].nunique() < 0.6 * days["incident"].nunique()


def test_honest_look_alikes_are_there(month):
    facts = month.card.facts["honest work that looks like misuse"]
    assert 0.03 < facts["share of accesses whose relation is not known"] < 0.12
    numbers = {name: value for name, value in facts.items() if isinstance(value, int)}
    assert all(value > 0 for value in numbers.values()), numbers
    begin = pd.Timestamp(month.begins)
    feed = month.feeds.iloc[-1]
    assert feed["announced_on"] < feed["starts_on"] and feed["starts_on"] > begin
    sent = month.events[month.events["destination"] == feed["destination"]]
    assert not (month.history["destination"] == feed["destination"]).any()
    assert (sent["time"].dt.tz_localize(None) >= feed["starts_on"]).all() and len(sent)
    updated = month.events[month.events["model"] == month.services["model"].iloc[-1]]
    assert len(updated) and (updated["time"].dt.tz_localize(None) >= month.services["since"].iloc[-1]).all()


def test_people_on_leave_may_sign_in_and_open_nothing(month):
    visits = pd.concat([month.history, month.events]).query("target == 'self-service'")
    assert (visits["action"] == "sign_in").all()
    assert not visits["event_id"].isin(month.truth["event_id"]).any()
