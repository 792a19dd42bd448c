"""A month has the frames of its contract, is the same for the same seed, and refuses what it cannot make."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.audit import parse_event
from synthetic_data.activity import family_of, kinds_of, make_month
from synthetic_data.activity.month import _plan

EVENTS = ["event_id", "time", "actor", "role", "unit", "action", "resource", "target", "record_count"]
EVENTS += [
    "purpose",
    "outcome",
    "break_glass",
    "relation",
    "destination",
    "fields",
    "model",
    "data",
    "source",
]
QUERIES = ["event_id", "time", "actor", "model", *[f"x{i}" for i in range(8)], "score"]
PAYMENTS = [
    "event_id",
    "time",
    "account",
    "counterparty",
    "amount",
    "category",
    "channel",
    "country",
    "device",
]
FRAMES = ("staff", "subjects", "services", "feeds", "events", "queries", "transactions", "history",
          "history_queries", "history_transactions", "incidents", "truth")  # fmt: skip
TIMED = ("events", "queries", "transactions", "history", "history_queries", "history_transactions")


def test_frames_have_the_columns_of_the_contract(month):
    assert list(month.events) == list(month.history) == EVENTS
    assert list(month.queries) == list(month.history_queries) == QUERIES
    assert list(month.transactions)[:9] == PAYMENTS
    assert list(month.transactions) == list(month.history_transactions)
    assert list(month.incidents) == ["incident_id", "family", "kind", "actor", "start", "end", "events"]
    assert list(month.truth) == ["event_id", "incident_id"]
    assert str(month.events["time"].dtype) == "datetime64[ms, UTC]"
    assert month.events["break_glass"].dtype == bool
    assert set(month.events["outcome"]) == {"allowed", "denied"}
    assert set(month.events["action"]) == {"view", "update", "print", "export", "read", "sign_in", "query"}


@pytest.mark.parametrize("frame", TIMED)
def test_times_are_in_order_within_their_weeks(month, frame):
    times = getattr(month, frame)["time"]
    begin = pd.Timestamp(month.begins).tz_localize("UTC")
    assert times.is_monotonic_increasing
    if frame.startswith("history"):
        assert begin - pd.Timedelta(days=21) <= times.min() and times.max() < begin
    else:
        assert begin <= times.min() and times.max() < begin + pd.Timedelta(days=month.days)


def test_no_identifier_of_an_event_comes_twice(month):
    for old, new in (("history", "events"), ("history_transactions", "transactions")):
        assert pd.concat([getattr(month, old), getattr(month, new)])["event_id"].is_unique


def test_nothing_is_empty_or_not_a_number(month):
    for name in FRAMES:
        frame = getattr(month, name)
        assert len(frame), name
        optional = {"left_on", "leave_from", "leave_until"}
        assert not frame.drop(columns=optional & set(frame)).isna().any().any(), name
    assert (month.events["record_count"] >= 0).all()
    assert (month.transactions["amount"] > 0).all()
    assert month.queries["score"].between(0, 1).all()


def test_every_query_is_an_event_of_its_client_at_its_time(month):
    asked = month.events[month.events["action"] == "query"]
    both = month.queries.merge(asked, on="event_id", suffixes=("", "_event"), validate="1:1")
    assert len(both) == len(month.queries) == len(asked)
    assert (both["actor"] == both["actor_event"]).all()
    assert (both["time"] == both["time_event"]).all()
    assert (both["model"] == both["target"]).all()


def test_same_inputs_get_the_same_score(month):
    inputs = ["model", *[f"x{i}" for i in range(8)]]
    assert month.queries.groupby(inputs)["score"].nunique().max() == 1


def test_staff_work_in_the_unit_and_role_of_the_directory(month):
    both = month.events.merge(month.staff, left_on="actor", right_on="staff_id", suffixes=("", "_staff"))
    assert len(both) > 5000
    assert (both["role"] == both["role_staff"]).all()
    assert (both["unit"] == both["unit_staff"]).all()


def test_every_record_that_is_opened_is_of_a_known_subject(month):
    opened = month.events[month.events["action"].isin(["view", "update", "print"])]
    assert opened["target"].isin(month.subjects["subject_id"]).all()


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_same_seed_same_frames_and_another_seed_others(sector):
    first, second, other = (make_month(sector, staff=40, days=3, seed=seed) for seed in (5, 5, 6))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))
    assert first.card.to_markdown() == second.card.to_markdown()
    assert not first.events.equals(other.events)
    assert not first.transactions.equals(other.transactions)


def test_the_two_sectors_are_not_each_other_under_another_name(months):
    plans = [month.incidents["start"].tolist() for month in months.values()]
    assert plans[0] != plans[1]


@pytest.mark.parametrize("change", [{"stealth": 0.9}, {"incidents": ()}])
def test_honest_work_does_not_depend_on_what_is_planted(change):
    def honest(month):
        planted = month.events["event_id"].isin(month.truth["event_id"])
        return month.events[~planted].drop(columns="event_id").reset_index(drop=True)

    usual = make_month("finance", staff=40, days=3, seed=8)
    changed = make_month("finance", staff=40, days=3, seed=8, **change)
    pd.testing.assert_frame_equal(honest(usual), honest(changed))
    pd.testing.assert_frame_equal(usual.history, changed.history)


def test_a_large_institution_has_every_kind_and_some_thirty_five_a_month(month):
    assert set(month.incidents["kind"]) == set(kinds_of(month.sector))
    assert (month.incidents["family"] == month.incidents["kind"].map(family_of)).all()
    plan = _plan(np.random.default_rng(4), month.sector, 500, 30, None)
    assert 30 <= len(plan) <= 40 and set(plan) == set(kinds_of(month.sector))


def test_incidents_can_be_chosen_by_kind_or_number():
    kinds = ["extraction", "export_volume"]
    chosen = make_month("finance", staff=30, days=3, seed=1, incidents=kinds)
    assert set(chosen.incidents["kind"]) == set(kinds)
    counted = make_month("finance", staff=30, days=3, seed=1, incidents={"extraction": 3, "card_testing": 1})
    assert counted.incidents["kind"].value_counts().to_dict() == {"extraction": 3, "card_testing": 1}
    none = make_month("finance", staff=30, days=3, seed=1, incidents=())
    assert len(none.incidents) == len(none.truth) == 0 and list(none.truth) == ["event_id", "incident_id"]
    assert "Planted incidents" in none.card.to_markdown()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sector": "retail"}, "Unknown sector 'retail'; choose one of healthcare, finance"),
        ({"sector": None}, "Unknown sector None"),
        ({"staff": 19}, "staff must be a whole number of at least 20, not 19"),
        ({"staff": "many"}, "staff must be a whole number"),
        ({"staff": 1_000_000}, "staff must be at most 9999"),
        ({"days": 1}, "days must be a whole number of at least 2, not 1"),
        ({"days": 2.5}, "days must be a whole number of at least 2, not 2.5"),
        ({"days": 3650}, "days must be at most 366"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"seed": None}, "seed must be a whole number"),
        ({"stealth": 1.1}, "stealth must be a number from 0 to 1, not 1.1"),
        ({"stealth": math.nan}, "stealth must be a number from 0 to 1, not nan"),
        ({"stealth": True}, "stealth must be a number from 0 to 1, not True"),
        ({"stealth": "high"}, "stealth must be a number from 0 to 1, not 'high'"),
        ({"incidents": ["sabotage"]}, "Unknown kind of incident 'sabotage'; choose among snooping_colleague"),
        ({"incidents": "card_testing"}, "Unknown kind of incident 'card_testing'"),
        ({"incidents": {"extraction": -1}}, "the number of extraction must be a whole number of at least 0"),
        ({"incidents": 7}, "incidents must be kinds, or a number for each kind"),
        ({"incidents": [["extraction"]]}, "Unknown kind of incident|incidents must be"),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_month(**({"sector": "healthcare", "staff": 30, "days": 2, "seed": 1} | arguments))


@settings(max_examples=8, deadline=None)
@given(
    sector=st.sampled_from(["healthcare", "finance"]),
    staff=st.integers(20, 70),
    days=st.integers(2, 8),
    seed=st.integers(0, 99),
    stealth=st.floats(0, 1),
)
def test_any_small_institution_has_a_month_with_a_consistent_truth(sector, staff, days, seed, stealth):
    month = make_month(sector, staff=staff, days=days, seed=seed, stealth=stealth, incidents=kinds_of(sector))
    known = set(month.events["event_id"]) | set(month.transactions["event_id"])
    assert set(month.truth["event_id"]) <= known
    assert month.truth["event_id"].is_unique
    assert set(month.truth["incident_id"]) == set(month.incidents["incident_id"])
    assert (month.incidents["events"] > 0).all()
    assert len(month.staff) == staff
    for name in TIMED:
        assert getattr(month, name)["time"].is_monotonic_increasing


@pytest.mark.parametrize("history", [False, True])
def test_every_event_becomes_an_entry_that_an_audit_trail_accepts(month, history):
    frame = month.history if history else month.events
    rows = list(month.as_audit_rows(history=history))
    assert len(rows) == len(frame)
    for position in (*range(0, len(rows), 97), *np.flatnonzero(frame["break_glass"])[:3]):
        row, event = rows[position], frame.iloc[position]
        parsed = parse_event(json.loads(json.dumps(row)))
        assert (parsed.event_id, parsed.actor, parsed.model) == (event.event_id, event.actor, event.model)
        assert pd.Timestamp(parsed.time) == event.time
        assert parsed.time == event.time.isoformat(timespec="milliseconds")
        assert parsed.details["record_count"] == event.record_count
        assert parsed.alert == event.break_glass
    names = "role unit resource record_count break_glass relation destination fields source"
    assert set(rows[0]["details"]) == set(names.split())


def test_the_card_says_what_is_there(month):
    text = month.card.to_markdown()
    assert month.card.facts["volumes"]["events"] == len(month.events)
    assert set(month.card.facts["planted incidents"]) == set(kinds_of(month.sector))
    for kind in month.card.facts["planted incidents"].values():
        assert kind["what"].endswith(".") and kind["events"] > 0
    assert "nobody in it exists" in text
