"""What is planted is misuse by the stated policy, stands in the month only, and leaves a trace."""

from __future__ import annotations

import pandas as pd
import pytest

from synthetic_data.activity import kinds_of, make_month


def planted(month, kind):
    """The events or transactions of a kind, with the incident that they belong to."""
    names = month.incidents.loc[month.incidents["kind"] == kind, "incident_id"]
    truth = month.truth[month.truth["incident_id"].isin(names)]
    frame = pd.concat([month.events, month.transactions])
    rows = frame.merge(truth, on="event_id")
    assert len(rows), kind
    return rows.dropna(axis=1, how="all")


def test_every_planted_event_is_in_the_month_and_belongs_to_one_incident(month):
    known = pd.concat([month.events["event_id"], month.transactions["event_id"]])
    old = pd.concat([month.history["event_id"], month.history_transactions["event_id"]])
    assert month.truth["event_id"].isin(known).all()
    assert not month.truth["event_id"].isin(old).any()
    assert month.truth["event_id"].is_unique
    counts = month.truth["incident_id"].value_counts()
    assert (counts.reindex(month.incidents["incident_id"]).to_numpy() == month.incidents["events"]).all()


def test_the_actor_and_the_span_of_an_incident_are_those_of_its_events(month):
    frame = pd.concat([month.events, month.transactions.rename(columns={"account": "actor"})])
    rows = frame.merge(month.truth, on="event_id").groupby("incident_id")
    found = rows.agg(
        actors=("actor", "nunique"), actor=("actor", "first"), start=("time", "min"), end=("time", "max")
    )
    table = month.incidents.set_index("incident_id")
    found = found.reindex(table.index)
    assert (found["actors"] == 1).all()
    assert (found["actor"] == table["actor"]).all()
    assert (found["start"] == table["start"]).all() and (found["end"] == table["end"]).all()


@pytest.mark.parametrize("kind", ["snooping_colleague", "snooping_prominent", "snooping_household"])
def test_snooping_concerns_such_a_person_of_another_unit_without_a_relation(month, kind):
    rows = planted(month, kind).merge(
        month.subjects, left_on="target", right_on="subject_id", suffixes=("", "_s")
    )
    rows = rows.merge(
        month.staff[["staff_id", "household"]], left_on="actor", right_on="staff_id", suffixes=("", "_w")
    )
    assert (rows["relation"] == "").all()
    assert (rows["unit"] != rows["unit_s"]).all()
    assert (rows["staff_id"] != rows["actor"]).all()
    trait = {
        "snooping_colleague": rows["staff_id"] != "",
        "snooping_prominent": rows["prominent"],
        "snooping_household": rows["household"] == rows["household_w"],
    }[kind]
    assert trait.all()


def test_nobody_works_on_their_own_record(month):
    for frame in (month.events, month.history):
        rows = frame.merge(month.subjects, left_on="target", right_on="subject_id")
        assert not (rows["staff_id"] == rows["actor"]).any()


def test_a_dormant_account_was_silent_for_forty_five_days_and_belongs_to_somebody_who_is_gone(month):
    begin = pd.Timestamp(month.begins)
    rows = planted(month, "dormant_account")
    people = month.staff.set_index("staff_id").loc[rows["actor"].unique()]
    gone = people["left_on"] <= begin - pd.Timedelta(days=45)
    away = (people["leave_from"] <= begin - pd.Timedelta(days=45)) & (
        people["leave_until"] > begin + pd.Timedelta(days=month.days)
    )
    assert (gone | away).all()
    assert not month.history["actor"].isin(people.index).any()
    others = month.events[month.events["actor"].isin(people.index)]
    assert others["event_id"].isin(rows["event_id"]).all()


def test_honest_staff_work_only_while_employed_and_not_on_leave(month):
    for frame in (month.history, month.events):
        honest = frame[~frame["event_id"].isin(month.truth["event_id"]) & (frame["target"] != "self-service")]
        rows = honest.merge(month.staff, left_on="actor", right_on="staff_id")
        # A night shift that began before ends on the first day of a leave.
        day = rows["time"].dt.tz_localize(None)
        slack = pd.Timedelta(hours=36)
        assert not (day < rows["hired_on"]).any()
        assert not (day >= rows["left_on"] + slack).any()
        assert not ((day >= rows["leave_from"] + slack) & (day < rows["leave_until"])).any()


def test_an_override_without_an_emergency_is_followed_by_no_team(month):
    both = pd.concat([month.history, month.events], ignore_index=True)
    opened = both[both["action"].isin(["view", "update", "print"])]
    bad = set(planted(month, "break_glass_abuse")["event_id"])
    shares = {}
    for planted_ in (True, False):
        overrides = opened[opened["break_glass"] & (opened["event_id"].isin(bad) == planted_)]
        first = overrides.drop_duplicates(["actor", "target"])
        around = first.merge(opened[opened["relation"] != ""], on="target", suffixes=("", "_o"))
        wait = (around["time_o"] - around["time"]).dt.total_seconds()
        near = around[(wait > 0) & (wait < 3 * 3600) & (around["actor"] != around["actor_o"])]
        shares[planted_] = first["event_id"].isin(near["event_id"]).mean()
    assert shares[False] > 0.9
    assert shares[True] < 0.35


def test_services_break_their_declaration_only_where_it_is_planted(month):
    declared = month.services.set_index("model")
    calls = pd.concat([month.history, month.events])
    calls = calls[calls["action"] == "read"].merge(
        month.services[["model", "fields", "resources", "typical_records"]], on="model", suffixes=("", "_d")
    )
    known = calls["fields_d"].str.split(",")
    beyond = [bool(set(a.split(",")) - set(b)) for a, b in zip(calls["fields"], known, strict=True)]
    outside = [a not in b.split(",") for a, b in zip(calls["resource"], calls["resources"], strict=True)]
    assert set(calls.loc[beyond, "event_id"]) == set(planted(month, "purpose_fields")["event_id"])
    assert set(calls.loc[outside, "event_id"]) == set(planted(month, "purpose_resource")["event_id"])
    volume = planted(month, "purpose_volume")
    typical = volume["model"].map(declared["typical_records"])
    assert (volume["record_count"] > 4 * typical).all()


def test_a_planted_export_is_far_above_the_own_habit_or_goes_where_none_was_announced(month):
    exports = pd.concat([month.history, month.events])
    exports = exports[exports["action"] == "export"]
    volume = planted(month, "export_volume")
    assert volume["destination"].str.startswith("internal:").all() and (volume["relation"] == "").all()
    honest = exports[~exports["event_id"].isin(month.truth["event_id"])]
    for row in volume.itertuples():
        usual = honest[(honest["actor"] == row.actor)]["record_count"]
        assert usual.empty or row.record_count > 4 * usual.median()
    where = planted(month, "export_destination")["destination"]
    assert not where.isin(month.feeds["destination"]).any()
    assert not where.str.startswith("internal:").any()


def test_planted_queries_leave_their_pattern(month):
    inputs = [f"x{i}" for i in range(8)]
    asked = {
        kind: planted(month, kind)[["event_id", "incident_id"]].merge(month.queries, on="event_id")
        for kind in ("extraction", "boundary_probing", "membership_probing")
    }
    genuine = month.queries[~month.queries["event_id"].isin(month.truth["event_id"])]
    assert asked["extraction"][inputs].abs().mean().mean() > 1.3 * genuine[inputs].abs().mean().mean()
    near = ((asked["boundary_probing"]["score"] - 0.5).abs() < 0.05).mean()
    assert near > 3 * ((genuine["score"] - 0.5).abs() < 0.05).mean()
    steps = asked["membership_probing"].groupby("incident_id")[inputs].diff().dropna().abs().max(axis=1)
    assert (steps < 0.3).mean() > 0.6


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_stealth_makes_incidents_quieter(sector):
    def loud(stealth):
        return (
            make_month(sector, staff=80, days=5, seed=9, stealth=stealth, incidents=kinds_of(sector))
            .incidents["events"]
            .sum()
        )

    assert loud(0.0) > 1.2 * loud(0.5) and loud(0.5) > 2 * loud(1.0)


def test_at_low_stealth_no_relation_is_invented(month):
    rows = pd.concat([planted(month, kind) for kind in ("bulk_night_reading", "dormant_account")])
    assert (rows["relation"].fillna("") == "").all()


def test_claims_are_planted_as_stated(months):
    month = months["healthcare"]
    claims = month.transactions
    both = pd.concat([month.history_transactions, claims])
    phantom = planted(month, "phantom_billing")
    assert (phantom["encounter"] == "").all()
    opened = pd.concat([month.history, month.events])
    opened = opened.assign(day=opened["time"].dt.date)[["actor", "target", "day"]].drop_duplicates()
    seen = phantom.assign(day=phantom["service_time"].dt.date).merge(
        opened, left_on=["account", "counterparty", "day"], right_on=["actor", "target", "day"]
    )
    assert len(seen) <= 0.2 * len(phantom)
    for row in planted(month, "duplicate_billing").itertuples():
        same = both[(both["account"] == row.account) & (both["service_time"] == row.service_time)
                    & (both["counterparty"] == row.counterparty) & (both["time"] < row.time)]  # fmt: skip
        assert (same["outcome"] == "paid").any()
    day = planted(month, "impossible_day").groupby("incident_id")["minutes"].sum()
    assert (day > 14 * 60).all()
    levels = planted(month, "upcoding_burst")["category"]
    assert levels.isin(["visit_4", "visit_5"]).all()


def test_payments_are_planted_as_stated(months):
    month = months["finance"]
    both = pd.concat([month.history_transactions, month.transactions])
    honest = both[~both["event_id"].isin(month.truth["event_id"])]
    devices = set(zip(honest["account"], honest["device"], strict=True))
    for kind in ("card_testing", "account_takeover"):
        rows = planted(month, kind)
        assert not any(pair in devices for pair in zip(rows["account"], rows["device"], strict=True))
    mule = planted(month, "mule_layering")
    assert set(mule["direction"]) == {"in", "out"}
    paid = mule.groupby(["incident_id", "direction"])["amount"].sum().unstack()
    assert (paid["out"] / paid["in"]).between(0.9, 1.0).all()
    assert not mule["counterparty"].isin(honest["counterparty"]).any()
    abroad = planted(month, "cloned_card")
    usual = honest.groupby("account")["country"].agg(set)
    assert all(row.country not in usual[row.account] for row in abroad.itertuples())
