"""The stream: order, late rows, duplicates, restarts, episodes; nothing lost, nothing told twice."""

from __future__ import annotations

import json
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection import Context, Detection, Episodes, Settings, Watch
from secure_ai.monitor.detection.baselines import EVERYBODY, Habits, Levels
from secure_ai.monitor.detection.stream import iso, merged
from tests.monitor.detection.conftest import event, usual_days
from tests.monitor.detection.test_watch import DAY, LOOKS, look, night

FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(watch, rows):
    return [(a.time, a.kind, a.actor, a.target, a.score, a.events) for a in watch.observe(pd.DataFrame(rows))]


@pytest.fixture(scope="module")
def busy():
    """A usual day with incidents in it."""
    usual = usual_days(1, seed=5, start=pd.Timestamp(DAY, tz="UTC"), prefix="m").to_dict("records")
    bad = [{**row, "event_id": f"bad-{i}"} for i, (row, _) in enumerate(LOOKS.values())]
    return sorted([*usual, *bad, *night(20)], key=lambda row: row["time"])


@FEW
@given(seed=st.randoms(use_true_random=False))
def test_the_order_in_which_a_log_holds_equal_times_changes_nothing(ward, learned, busy, seed):
    coarse = [{**row, "time": row["time"].floor("10min")} for row in busy]
    shuffled = list(coarse)
    seed.shuffle(shuffled)
    shuffled.sort(key=lambda row: row["time"])
    first = told(Watch.resume(learned, ward.context), coarse)
    assert first and told(Watch.resume(learned, ward.context), shuffled) == first


@FEW
@given(places=st.lists(st.integers(0, 199), max_size=20))
def test_duplicates_are_ignored_and_counted(ward, learned, busy, places):
    plain = Watch.resume(learned, ward.context)
    first = told(plain, busy)
    again = Watch.resume(learned, ward.context)
    doubled = sorted([*busy, *(busy[place] for place in places)], key=lambda row: row["time"])
    assert told(again, doubled) == first
    assert again.counts.duplicates == plain.counts.duplicates + len(places)
    assert again.counts.rows == plain.counts.rows


@pytest.mark.parametrize("cut", [0, 100, 190])
def test_a_restart_neither_forgets_nor_tells_twice(ward, learned, busy, tmp_path, cut):
    whole = told(Watch.resume(learned, ward.context), busy)
    first = Watch.resume(learned, ward.context)
    before = told(first, busy[:cut]) if cut else []
    first.save(tmp_path / "state.json")
    second = Watch.resume(tmp_path / "state.json", ward.context)
    # A reader that does not know how far it came reads the whole log again.
    after = told(second, busy)
    assert before + after == whole
    assert second.counts.duplicates >= cut


def test_a_late_row_is_judged_but_teaches_nothing(ward, learned):
    watch = Watch.resume(learned, ward.context)
    told(watch, [look(target="pat-021", resource="vitals")])
    before = json.dumps(watch.detectors[0].work.habits["resource"].state(), sort_keys=True)
    late = {**look(target="pat-200"), "event_id": "late", "time": pd.Timestamp("2026-03-01", tz="UTC")}
    assert [kind for _, kind, *_ in told(watch, [late])] == ["snooping_prominent"]
    assert watch.counts.late == 1
    assert json.dumps(watch.detectors[0].work.habits["resource"].state(), sort_keys=True) == before


def test_a_row_without_a_time_is_judged_where_it_stands(ward, learned):
    watch = Watch.resume(learned, ward.context)
    rows = pd.DataFrame(
        [look(target="pat-021", resource="vitals"), {**look(target="pat-200"), "event_id": "x"}]
    )
    rows.loc[1, "time"] = pd.NaT
    assert [alert.time[:10] for alert in watch.observe(rows)] == [DAY]
    assert watch.counts.without_time == 1 and watch.counts.rows == 2


def test_rows_can_be_pushed_one_at_a_time_with_little(watch):
    row = {"time": f"{DAY}T11:00:00Z", "actor": "emp-01", "action": "view", "target": "pat-200",
           "resource": "claims", "event_id": "p-1"}  # fmt: skip
    assert [alert.kind for alert in watch.push(row)] == ["snooping_prominent"]
    assert watch.push(row) == [] and watch.counts.duplicates == 1
    assert watch.push({**row, "event_id": "p-2", "time": "no time"}) == []
    assert watch.counts.without_time == 1


@pytest.mark.parametrize(
    ("row", "table", "words"),
    [
        ({"time": 1.0, "actor": "a", "action": "view"}, "events", "no 'target'"),
        ({"time": 1.0}, "queries", "no 'event_id'"),
        ({}, "visits", "none of them"),
    ],
)
def test_a_row_that_cannot_be_judged_is_refused_in_a_sentence(watch, row, table, words):
    with pytest.raises(UserError, match=words):
        watch.push(row, table)


def test_without_a_history_the_watch_works_and_says_so(ward):
    watch = Watch.for_context(ward.context)
    assert sum("no history of" in note for note in watch.notes) == 3
    rows = [{**row, "event_id": str(place)} for place, (row, _) in enumerate(LOOKS.values())]
    found = {kind for _, kind, *_ in told(watch, rows)}
    assert {"dormant_account", "purpose_fields", "purpose_volume", "unknown_account"} <= found


def test_without_registers_nothing_breaks_and_the_gaps_are_named(ward):
    watch = Watch.for_context(Context(), ward.history)
    assert any("no table 'staff'" in note for note in watch.notes)
    told(watch, [row for row, _ in LOOKS.values()])
    assert watch.counts.rows == 1  # they share an identifier


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no checkpoint"),
        ("[]", "another version"),
        ('{"version": 99}', "another version"),
        ('{"version": 1}', "not whole"),
    ],
)
def test_a_checkpoint_that_is_no_checkpoint_is_refused(tmp_path, ward, content, words):
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        Watch.resume(path, ward.context)
    with pytest.raises(UserError, match="cannot be read"):
        Watch.resume(tmp_path / "none.json", ward.context)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path, watch):
    watch.save(tmp_path / "state.json")
    old = (tmp_path / "state.json").read_bytes()
    with pytest.raises(UserError):
        watch.save(tmp_path / "state.json" / "below")
    assert (tmp_path / "state.json").read_bytes() == old


def test_tables_are_merged_in_order_of_time_whatever_the_order_of_equal_rows():
    def table(times, name):
        return pd.DataFrame(
            {"event_id": [f"{name}{t}" for t in times], "time": pd.to_datetime(times, unit="s", utc=True)}
        )

    events, queries = table([3, 1, 1], "e"), table([2, 1], "q")
    for order in permutations(range(3)):
        found = [row["event_id"] for _, row in merged(events=events.iloc[list(order)], queries=queries)]
        assert found == ["e1", "e1", "q1", "q2", "e3"]


def candidate(seconds, score=0.9, actor="a", kind="k"):
    return Detection(iso(seconds), "access", kind, actor, "t", "high", score, (), (f"e{seconds}",))


def test_a_burst_is_one_alert_and_a_pause_ends_it():
    episodes = Episodes(window=100, threshold=0.5)
    heard = [episodes.add(candidate(t)) is not None for t in (0, 50, 140, 260)]
    assert heard == [True, False, False, True]
    assert [item.events for item in episodes.all()] == [("e0", "e50", "e140"), ("e260",)]


def test_weak_candidates_and_other_actors_do_not_join():
    episodes = Episodes(window=100, threshold=0.5)
    assert episodes.add(candidate(0, score=0.4)) is None
    assert episodes.add(candidate(1)) is not None and episodes.add(candidate(2, actor="b")) is not None
    assert len(episodes.all()) == 2


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
def test_shares_of_habits_add_up_and_follow_what_was_seen(values):
    habits = Habits(half_life=100.0, strength=4)
    for place, value in enumerate(values):
        habits.learn("p", "g", EVERYBODY, value, float(place))
    shares = {v: habits.share("p", "g", EVERYBODY, v, float(len(values))) for v in set(values)}
    assert all(0 < share < 1 for share in shares.values()) and sum(shares.values()) <= 1 + 1e-9
    copy = Habits(half_life=100.0, strength=4)
    copy.restore(json.loads(json.dumps(habits.state())))
    assert copy.share("p", "g", EVERYBODY, "a", 1e3) == pytest.approx(
        habits.share("p", "g", EVERYBODY, "a", 1e3)
    )


def test_habits_are_forgotten_and_survive_ten_years():
    habits = Habits(half_life=86_400.0, strength=4)
    for day in range(3650):
        habits.learn("p", "g", EVERYBODY, "old" if day < 3600 else "new", day * 86_400.0)
    assert habits.share("p", "g", EVERYBODY, "new", 3650 * 86_400.0) > 0.7


def test_levels_of_a_new_person_are_those_of_her_peers():
    levels = Levels(fading=0.05, strength=4, least_spread=0.3)
    for _ in range(40):
        levels.learn("p1", "nurse", EVERYBODY, 10.0)
        levels.learn("p2", "clerk", EVERYBODY, 1000.0)
    assert levels.usual("p9", "nurse", EVERYBODY)[0] == pytest.approx(10, rel=0.6)
    assert (
        levels.excess("p9", "nurse", EVERYBODY, 1000.0)
        > 3
        > abs(levels.excess("p2", "clerk", EVERYBODY, 900.0))
    )


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0}, {"threshold": 1.5}, {"alert_bits": "ten"}, {"episode_hours": float("nan")}]
)
def test_a_setting_that_cannot_be_is_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        Settings(**wrong)


def test_event_of_the_fixture_is_what_the_log_has():
    assert event("e", DAY, "a", "view", "t")["time"].tzinfo is not None
