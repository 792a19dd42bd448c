"""Claims about the hospital and the bank of chapter 17: the incident, its clocks, continuity and sharing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.govern.incidents import (
    Tabletop,
    bundle_text,
    clocks_for,
    drafts_of,
    make_backup,
    model_down,
    restore_drill,
)
from secure_ai.learn.clocks import SteppingClock
from secure_ai.learn.incident_scenes import (
    SCENES,
    clock_table,
    damaged_copy,
    done_table,
    draft_gaps,
    draft_text,
    drill_table,
    first_facts,
    harm_table,
    incident_scene,
    outage_cases,
    play_teams,
    plot_teams,
    sharing_attempts,
    source_address,
    team_table,
    write_report,
)
from synthetic_data import load

BOTH = pytest.mark.parametrize("sector", SCENES)
STAFF = ["S000000001", "S000000002"]
NIGHT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def teams():
    return {sector: play_teams("exposed_store", sector, scene.incident) for sector, scene in SCENES.items()}


def test_another_sector_is_refused_with_the_ones_that_there_are():
    with pytest.raises(UserError, match="healthcare, finance"):
        incident_scene("school")


@BOTH
def test_doing_everything_is_better_than_nothing_and_worse_than_the_plan(sector, teams):
    table = team_table(teams[sector]).set_index("team")
    nothing, everything, planned = (
        table.loc[name] for name in ("does nothing", "everything at once", "by the plan")
    )
    assert nothing["score"] < everything["score"] < planned["score"]
    assert nothing["records read"] > everything["records read"] > planned["records read"]


@BOTH
def test_the_second_team_told_an_untruth_and_stopped_all_work(sector, teams):
    did = " ".join(harm_table(teams[sector]["everything at once"]).iloc[:, 0])
    assert "it was not true" in did and "work stopped everywhere" in did and "warned" in did
    assert harm_table(teams[sector]["by the plan"]).empty


@BOTH
def test_the_team_with_the_plan_keeps_evidence_before_it_wipes_the_server(sector, teams):
    done = list(done_table(teams[sector]["by the plan"])["what"])
    assert done[0] == "Look at the events behind the alarm"
    kept = next(place for place, what in enumerate(done) if what.startswith("Copy logs"))
    assert kept < next(place for place, what in enumerate(done) if what.startswith("Wipe"))


@BOTH
def test_at_the_alarm_and_half_an_hour_later_no_clock_is_decided_to_run(sector):
    _, at_alarm, known_laws = first_facts(sector, SCENES[sector].incident)
    assert all(clock.status == "undecided" for clock in at_alarm)
    undecided = [clock for clock in known_laws if clock.status == "undecided"]
    assert not any(clock.status == "applies" for clock in known_laws)
    assert len(undecided) >= 4 and all(clock.missing for clock in undecided)


@BOTH
def test_encryption_takes_away_the_letters_and_not_the_notice_to_the_authority(sector, teams):
    _, _, known_laws = first_facts(sector, SCENES[sector].incident)
    facts = teams[sector]["by the plan"].facts
    encrypted = facts.with_facts(data_unintelligible=True)
    table = clock_table(
        {
            "laws known": known_laws,
            "known": clocks_for(facts),
            "encrypted": clocks_for(encrypted),
            "no risk": clocks_for(encrypted.with_facts(risk_to_persons="unlikely")),
        }
    ).set_index("source")
    assert table.loc["GDPR Art. 34", "known"] == "without undue delay"
    assert table.loc["GDPR Art. 34", "encrypted"] == "does not apply"
    assert table.loc["GDPR Art. 33(1)", "encrypted"].startswith("by ")
    assert table.loc["GDPR Art. 33(1)", "no risk"] == "does not apply"
    if sector == "healthcare":
        assert table.loc["164.404", "known"].startswith("by ")
        assert table.loc["164.404", "encrypted"] == "does not apply"
    else:
        assert set(table.loc["Form 8-K Item 1.05"].iloc[2:]) == {table.loc["Form 8-K Item 1.05", "known"]}


@BOTH
def test_drafts_have_gaps_early_and_none_in_the_end(sector, teams):
    early = first_facts(sector, SCENES[sector].incident)[0]
    gaps = draft_gaps(early, teams[sector]["by the plan"])
    assert (gaps.iloc[:, 2] > 0).all()
    assert set(gaps["gaps in the end"]) <= {0, "not sent"}
    text = draft_text(drafts_of(early)[0])
    assert "NOT ESTABLISHED YET" in text and "Not decided yet" in text and "**" not in text


def test_the_picture_of_the_teams_says_its_finding_in_its_title(teams):
    axes = plot_teams(teams["finance"]).axes[0]
    counts = [len(game.world.records) for game in teams["finance"].values()]
    assert f"{min(counts)} to {max(counts)}" in axes.get_title(loc="left")
    assert len(axes.get_legend().get_texts()) == 3


def test_the_report_is_written_below_reports_of_the_kit_and_linked(tmp_path, monkeypatch, teams):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "secure-ai"\n')
    monkeypatch.chdir(tmp_path)
    table = write_report(teams["finance"]["everything at once"], "finance")
    written = tmp_path / "reports/17_people_and_incidents/finance"
    assert sorted(path.name for path in written.iterdir()) == ["after_action.html", "after_action.md"]
    assert "../reports/17_people_and_incidents/finance/after_action.html" in table.html()
    assert str(tmp_path) not in table.text()


def test_of_three_backups_only_the_whole_one_with_its_key_comes_back(tmp_path):
    data = load("healthcare", seed=3, rows=200)
    log = AuditLog(clock=SteppingClock(NIGHT))
    promised = {
        "failed_at": NIGHT + timedelta(hours=5),
        "rpo": timedelta(hours=24),
        "rto": timedelta(hours=4),
    }
    with LocalKeyRing.in_memory("nightly", "weekly", "restored") as ring:
        tables = {"patients": data["patients"]}
        nightly = make_backup(tables, tmp_path / "nightly.duckdb", ring, "nightly", log)
        weekly = make_backup(tables, tmp_path / "weekly.duckdb", ring, "weekly", log)
        damaged = damaged_copy(nightly)
        assert damaged.stat().st_size == nightly.stat().st_size
        ring.rotate("weekly")
        ring.destroy("weekly", "1")
        files = {"as written": nightly, "one byte changed": damaged, "key destroyed": weekly}
        drills = {name: restore_drill(file, ring, log, **promised) for name, file in files.items()}
    table = drill_table(drills).set_index("backup")
    assert list(table["drill"]) == ["passed", "failed", "failed"]
    assert "destroyed" in table.loc["key destroyed", "what it found"]


def test_a_stepping_clock_shows_each_minute_once():
    clock = SteppingClock(NIGHT)
    assert [clock(), clock()] == [NIGHT + timedelta(minutes=1), NIGHT + timedelta(minutes=2)]


@BOTH
def test_the_model_of_the_outage_never_saw_the_cases_of_the_day(sector):
    scene = incident_scene(sector)
    cases = load(sector, seed=3, rows=2000 if sector == "healthcare" else 20_000)[scene.cases]
    today = outage_cases(cases, scene, seed=3)
    assert len(today) < len(cases) and today["model_score"].between(0, 1).all()
    assert set(today[scene.target]) == {0, 1}
    again = outage_cases(cases, scene, seed=3)
    assert again.equals(today)
    ways = {
        way.way: way
        for way in model_down(today, scene.target, rule=scene.rule, model_score="model_score", seed=3).ways
    }
    assert len({way.handled for way in ways.values()}) == 1
    assert ways["with the model"].reached > ways["in order of arrival"].reached


def test_only_a_list_of_ones_own_keeps_a_staff_id_out_of_a_bundle():
    game = Tabletop("exposed_store", "healthcare", seed=3)
    tried, bundle = sharing_attempts(source_address(game), "lakemere.example", STAFF, game.now)
    outcomes = list(tried["outcome"])
    assert outcomes[0] == outcomes[2] == "may be shared"
    assert outcomes[1].startswith("refused") and not any(one in outcomes[1] for one in STAFF)
    assert not any(one in bundle_text(bundle) for one in STAFF)
    assert json.loads(bundle_text(bundle))["type"] == "bundle"
