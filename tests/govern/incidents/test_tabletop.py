"""Claims about the tabletop: its log is the rooms' own, decisions change it, and the plan is what counts."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.govern.incidents import Tabletop, load_plan, parse_plan, play, scenarios, score, timeline
from secure_ai.govern.incidents.tabletop import drafts_of, make_world, register_scenario
from secure_ai.govern.incidents.tabletop.actions import ACTIONS
from secure_ai.govern.incidents.tabletop.engine import LENGTH
from secure_ai.govern.incidents.tabletop.registry import Scenario
from secure_ai.monitor.detection.result import Detection

GAMES = [
    (name, sector, seed)
    for name in ("exposed_store", "insider")
    for sector in ("healthcare", "finance")
    for seed in (5,)
]


@pytest.mark.parametrize(("name", "sector", "seed"), GAMES)
def test_a_team_that_follows_the_plan_scores_high_and_others_low(name, sector, seed):
    points = {
        policy: score(play(Tabletop(name, sector, seed=seed), policy)).total
        for policy in ("by_plan", "nothing", "everything")
    }
    assert points["by_plan"] >= 90 and points["nothing"] == 0 and points["everything"] <= 55


@pytest.mark.parametrize("action", [action.id for action in ACTIONS])
def test_no_single_decision_wins(action):
    game = Tabletop("insider", "healthcare", seed=2)
    game.decide(action, by="security")
    assert score(play(game, "nothing")).total < 45


def test_the_same_list_of_notices_is_not_right_for_every_incident():
    """By seed and sector other clocks apply: what is right once costs points elsewhere."""
    told = set()
    for sector in ("healthcare", "finance"):
        for seed in (2, 3, 5):
            game = play(Tabletop("exposed_store", sector, seed=seed))
            done = {one.action for one in game.decisions}
            told.add(tuple(sorted(name for name in done if name.startswith(("notify", "log_for", "file_")))))
    assert len(told) >= 3


@pytest.mark.parametrize("name", ["exposed_store", "insider"])
def test_the_same_seed_is_the_same_incident(name):
    first, second = (play(Tabletop(name, "finance", seed=7), "by_plan") for _ in range(2))
    assert [event for _, event in first.world.events] == [event for _, event in second.world.events]
    assert first.messages == second.messages and score(first) == score(second)


def test_another_seed_is_another_incident():
    assert (
        len({len(make_world("exposed_store", "healthcare", seed).truth().known()) for seed in range(4)}) >= 1
    )
    starts = {make_world("exposed_store", "healthcare", seed).total_records for seed in range(6)}
    assert len(starts) > 3


# ---------------------------------------------------------------- the rooms really run


def test_the_gate_refuses_the_thief_after_the_account_is_disabled():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    game.advance(40)
    assert any(
        e.action == "unwrap" and e.outcome == "allowed" and e.actor == "svc-export"
        for _, e in game.world.events
    )
    game.decide("disable_account", by="security")
    game.advance(10)
    before = len([1 for r in game.world.records if r])
    game.decide("close_share", by="security")
    game.advance(60)
    refused = [e for _, e in game.world.events if e.actor == "svc-export" and e.outcome == "denied"]
    assert refused and all(e.alert and e.action == "unwrap" for e in refused)
    assert game.world.contained() and len(game.world.records) <= before + 5 * 12


def test_rotating_the_key_alone_stops_nobody():
    rotated = Tabletop("exposed_store", "healthcare", seed=2)
    rotated.decide("rotate_key", by="security")
    nobody = Tabletop("exposed_store", "healthcare", seed=2)
    assert len(play(rotated, "nothing").world.records) == len(play(nobody, "nothing").world.records)


def test_revoking_the_key_stops_the_front_office_too():
    game = Tabletop("exposed_store", "finance", seed=2)
    game.decide("revoke_key_use", by="security")
    game.advance(60)
    assert game.world.refused_application > 0
    assert any(message.source == "front office" for message in game.messages)


def test_the_policy_refuses_the_insider_once_the_account_is_disabled():
    game = Tabletop("insider", "healthcare", seed=3)
    game.decide("disable_account", by="security")
    game.advance(120)
    after = [e for minute, e in game.world.events if e.actor == "staff-0417" and minute > 6]
    assert after and all(event.outcome == "denied" for event in after)
    assert any("no-disabled-account" in event.reason for event in after)


def test_emergency_accesses_of_the_insider_stand_in_the_trail_of_the_glass():
    game = Tabletop("insider", "finance", seed=3)
    opened = [e for _, e in game.world.events if e.action == "open emergency access"]
    assert len(opened) >= 2 and all(e.alert and e.purpose == "emergency" for e in opened)


def test_warning_the_insider_makes_it_worse():
    warned = Tabletop("insider", "healthcare", seed=3)
    warned.decide("confront_suspect", by="clinical_owner")
    quiet = Tabletop("insider", "healthcare", seed=3)
    assert len(play(warned, "nothing").world.records) > len(play(quiet, "nothing").world.records)
    assert warned.decisions[0].harm


@pytest.mark.parametrize("name", ["exposed_store", "insider"])
def test_late_containment_costs_records(name):
    read = []
    for wait in (1, 60, 240):
        game = Tabletop(name, "healthcare", seed=4)
        game.advance(wait)
        game.decide("disable_account", by="security")
        if name == "exposed_store":
            game.decide("close_share", by="security")
        read.append(len(play(game, "nothing").world.records))
    assert read[0] < read[1] < read[2]


# ---------------------------------------------------------------- evidence


def test_wiping_first_destroys_the_evidence_and_the_count():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    game.decide("rebuild_server", by="security")
    game.advance(200)
    game.decide("count_records", by="security")
    game.advance(100)
    assert game.decisions[0].harm and "The log is gone" in game.decisions[1].result
    assert game.facts.individuals == game.world.total_records
    assert score(game).evidence == 0


def test_wiping_after_the_logs_were_kept_does_no_harm():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    game.decide("disable_account", by="security")
    game.decide("close_share", by="security")
    game.decide("preserve_logs", by="security")
    game.advance(60)
    game.decide("rebuild_server", by="security")
    game.advance(300)
    game.decide("count_records", by="security")
    game.advance(100)
    assert not any(one.harm for one in game.decisions)
    assert game.facts.individuals == len(game.world.records) and score(game).evidence == 10


def test_facts_are_known_only_after_somebody_asked():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    assert {clock.status for clock in game.clocks()} == {"undecided"}
    answer = game.ask("which_laws")
    assert answer.minute == 20 and game.facts.hipaa_role == "covered_entity"
    assert "individuals" not in game.facts.known()


# ---------------------------------------------------------------- time and people


def test_one_role_does_one_thing_after_the_other():
    game = Tabletop("insider", "healthcare", seed=2)
    first, second = game.decide("confirm_alert", by="security"), game.decide("preserve_logs", by="security")
    assert second.started == first.finished and second.finished == first.finished + 15


def test_the_wrong_role_needs_twice_as_long():
    game = Tabletop("insider", "healthcare", seed=2)
    made = game.decide("confirm_alert", by="communications")
    assert made.finished - made.started == 10 and not made.right_role


def test_deciding_and_asking_cost_time():
    game = Tabletop("insider", "healthcare", seed=2)
    game.decide("confirm_alert", by="security")
    game.ask("is_it_over")
    assert game.minute == 6


def test_the_alarm_comes_by_the_contract_of_detections():
    def one(events):
        return [Detection(events[-1].time, "access", "odd", "svc-x", "t", "low", 0.1)]

    game = Tabletop("insider", "healthcare", seed=2, detector=one)
    assert game.messages[0].source == "monitoring" and "odd by svc-x" in game.messages[0].text
    assert len(game.detections) == 1


def test_every_scenario_starts_with_an_alarm():
    for name in scenarios()["scenario"]:
        for seed in range(1, 4):
            assert Tabletop(name, "finance", seed=seed).messages[0].source == "monitoring"


def test_a_later_room_registers_its_scenario():
    from secure_ai.govern.incidents.tabletop import Insider

    register_scenario(Scenario("insider_again", "The insider again", Insider))
    assert Tabletop("insider_again", "finance").minute == 0
    with pytest.raises(UserError, match="already"):
        register_scenario(Scenario("insider_again", "Another", Insider))


# ---------------------------------------------------------------- plans


def test_decisions_are_scored_against_the_plan_that_is_given(tmp_path):
    text = """
name: small
sector: healthcare
version: "1"
roles: {boss: decides, desk: does}
steps:
  - {id: see, phase: detect, owner: desk, within_minutes: 30, what: look, evidence: [n],
     actions: [confirm_alert]}
  - {id: stop, phase: contain, owner: boss, within_minutes: 60, after: [see], what: stop, evidence: [n],
     actions: [disable_account]}
"""
    game = Tabletop("insider", "healthcare", seed=2, plan=parse_plan(text))
    game.decide("confirm_alert", by="desk")
    game.advance(10)
    game.decide("disable_account", by="desk")
    result = score(play(game, "nothing"))
    assert [(s.step, s.done, s.right_role, s.in_order) for s in result.steps] == [
        ("see", True, True, True),
        ("stop", True, False, True),
    ]


def test_order_counts():
    game = Tabletop("insider", "healthcare", seed=2)
    game.decide("assess_risk", by="privacy")
    play(game)
    step = next(s for s in score(game).steps if s.step == "assess_risk")
    assert step.done and not step.in_order


# ---------------------------------------------------------------- what is told


def test_the_timeline_is_in_order_and_counts_records():
    game = play(Tabletop("exposed_store", "healthcare", seed=2))
    table = timeline(game)
    assert table["minute"].is_monotonic_increasing and table["records"].is_monotonic_increasing
    assert set(table["kind"]) == {"log", "message", "decision", "done", "question"}


def test_drafts_leave_open_what_is_not_established():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    drafts = drafts_of(game)
    assert drafts and all(draft.provisional and draft.open_points for draft in drafts)
    done = {draft.clock: draft for draft in drafts_of(play(game))}
    letter = done["hipaa_individuals"]
    assert not letter.provisional and letter.open_points == 0
    assert [heading for heading, _ in letter.parts][1:] == [
        "What happened.", "What information was involved.", "What you can do.", "What we are doing.",
        "Whom you can ask.",
    ]  # fmt: skip
    assert all("rec-" not in draft.to_text() and "svc-" not in draft.to_text() for draft in done.values())


def test_the_four_days_end():
    game = play(Tabletop("insider", "healthcare", seed=2), "nothing")
    assert game.over and game.minute == LENGTH
    for act in (
        lambda: game.advance(1),
        lambda: game.ask("what_data"),
        lambda: game.decide("debrief", "legal"),
    ):
        with pytest.raises(UserError, match="four days are over"):
            act()


def test_texts_say_where_things_stand():
    game = Tabletop("insider", "finance", seed=2)
    assert game.world.title in game.brief() and "Minute 0" in game.situation()
    made = game.decide("confirm_alert", by="security")
    assert "will be done at minute 6" in made.sentence() and "security: confirm_alert" in game.situation()
    assert len(game.log_frame(5)) == 5 and len(game.actions()) == len(ACTIONS) and len(game.questions()) == 6
    assert game.now == datetime.fromisoformat(game.now.isoformat()) and len(game.clocks_frame()) == 13


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda g: g.decide("dance", "security"), "no action 'dance'"),
        (lambda g: g.decide(["x"], "security"), "no action"),
        (lambda g: g.decide("debrief", "cook"), "no role 'cook'"),
        (lambda g: [g.decide("debrief", "legal") for _ in range(2)], "decided already"),
        (lambda g: g.advance(0), "whole number from 1"),
        (lambda g: g.advance(-5), "whole number from 1"),
        (lambda g: g.advance(1.5), "whole number from 1"),
        (lambda g: g.advance(True), "whole number from 1"),
        (lambda g: g.ask("why"), "no question 'why'"),
        (lambda g: g.log_frame(0), "whole number of 1"),
        (lambda g: play(g, "luck"), "no policy 'luck'"),
        (lambda g: Tabletop("flood"), "no scenario 'flood'"),
        (lambda g: Tabletop("insider", "farm"), "no sector 'farm'"),
        (lambda g: Tabletop("insider", "finance", seed=-1), "A seed"),
        (lambda g: Tabletop("insider", "finance", seed="7"), "A seed"),
        (lambda g: Tabletop("insider", "finance", plan=load_plan("healthcare")), "choose one"),
        (lambda g: Tabletop("insider", "finance", plan="/nowhere/plan.yaml"), "cannot be read"),
    ],
)
def test_bad_input_is_said_in_a_sentence(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call(Tabletop("insider", "healthcare", seed=2))


COMMANDS = st.one_of(
    st.tuples(
        st.just("decide"), st.sampled_from(ACTIONS), st.sampled_from(tuple(load_plan("finance").roles))
    ),
    st.tuples(st.just("advance"), st.integers(-2, 400), st.none()),
    st.tuples(st.just("ask"), st.sampled_from(["since_when", "what_data", "which_laws", "how"]), st.none()),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(COMMANDS, max_size=14), st.sampled_from(["exposed_store", "insider"]))
def test_whatever_a_team_does_ends_in_a_score_or_a_sentence(commands, name):
    game, minute = Tabletop(name, "finance", seed=3), 0
    for do, what, by in commands:
        try:
            if do == "decide":
                game.decide(what.id, by)
            elif do == "advance":
                game.advance(what)
            else:
                game.ask(what)
        except UserError:
            pass
        assert minute <= game.minute <= LENGTH
        minute = game.minute
    assert 0 <= score(game).total <= 100 and len(game.clocks()) == 13
    assert game.world.records_by(game.minute) == len(game.world.records)


def test_a_lost_log_does_not_make_the_incident_begin_after_the_alarm():
    game = Tabletop("exposed_store", "finance", seed=3)
    game.decide("delete_export", "security")
    game.advance(15)
    told = game.ask("since_when")
    assert "may have begun earlier" in told.text and game.facts.occurred <= game.facts.discovered


def test_what_rests_on_unfinished_work_has_no_points_for_being_quick():
    game = Tabletop("insider", "healthcare", seed=2)
    game.decide("assess_risk", "privacy")
    game.advance(200)
    step = next(one for one in score(game).steps if one.step == "assess_risk")
    assert step.in_time and not step.in_order
    assert step.points == pytest.approx(step.of * 0.5)


def test_deciding_everything_at_once_is_no_way_to_win():
    """Even without the harmful decisions, and with every role right."""
    harmless = [action for action in ACTIONS if not action.harm]

    def at_once(game):
        for action in harmless:
            game.decide(action.id, by=game.owner_of(action))

    for name, sector in (("exposed_store", "healthcare"), ("insider", "finance")):
        assert score(play(Tabletop(name, sector, seed=2), at_once)).total < 70


def test_nonsense_of_any_type_is_said():
    game = Tabletop("insider", "healthcare", seed=2)
    for what in ([], {}, None, 10**30, float("nan"), b"x"):
        for call in (
            lambda what=what: game.decide(what, "security"), lambda what=what: game.decide("debrief", what),
            lambda what=what: game.ask(what), lambda what=what: game.advance(what),
            lambda what=what: Tabletop(what), lambda what=what: Tabletop("insider", what),
        ):  # fmt: skip
            with pytest.raises(UserError):
                call()
    assert game.minute == 0 and not game.decisions
