"""The commands about incidents and people, and the alert desk."""

from __future__ import annotations

import io
import re
import sys

import pandas as pd
import pytest

from secure_ai.cli import invoke
from secure_ai.core.audit import AuditLog

FACTS = """
discovered: 2026-03-02T09:00:00-05:00
personal_data: true
phi: true
hipaa_role: covered_entity
individuals: 700
data_unintelligible: false
"""


def test_clocks_say_what_runs_and_what_is_undecided(tmp_path, capsys):
    (tmp_path / "facts.yaml").write_text(FACTS)
    assert invoke(["incident", "clocks", str(tmp_path / "facts.yaml")]) == 1
    said = capsys.readouterr().out
    assert "undecided, missing" in said
    assert "01 May 2026" in said  # sixty days after 2 March


def test_a_fact_that_nobody_knows_of_is_refused(tmp_path, capsys):
    (tmp_path / "facts.yaml").write_text("patients: 5\n")
    assert invoke(["incident", "clocks", str(tmp_path / "facts.yaml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_tabletop_that_is_left_leaves_its_report(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("quit\n"))
    assert (
        invoke(["incident", "tabletop", "finance", "--scenario", "insider", "--out", str(tmp_path / "r")])
        == 0
    )
    assert any(path.suffix == ".html" for path in (tmp_path / "r").iterdir())


def test_training_ends_when_there_is_nobody_to_answer(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert invoke(["phishing", "train", "healthcare"]) == 0
    assert "End of the training" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("records.lakemere.example", 0),
        ("lakenere.example", 1),
        ("https://lakemere.example@evil.test/login", 1),
        ("gardening.example", 0),
    ],
)
def test_an_imitated_domain_or_link_is_told(name, code, capsys):
    assert invoke(["phishing", "domains", name, "--known", "lakemere.example"]) == code


@pytest.mark.parametrize(
    "arguments",
    [
        ["incident", "clocks", "nowhere.yaml"],
        ["incident", "plan", "nowhere.yaml"],
        ["incident", "tabletop", "finance", "--scenario", "flood"],
        ["incident", "receive", "nowhere.json", "nowhere.jsonl"],
        ["phishing", "domains", "", "--known", "a.example"],
        ["phishing", "culture", "nowhere.csv"],
        ["alerts", "list", "--desk", "nowhere.yaml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_bad_input_is_one_sentence(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("Error: ") and told.count("\n") == 1 and "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_an_alert_goes_from_the_watch_to_the_desk_and_is_closed_by_somebody_else(tmp_path, capsys):
    log = AuditLog(tmp_path / "log.jsonl")
    log.record("gone", "view", "P1", "allowed", event_id="a")
    pd.DataFrame({"staff_id": ["gone"], "left_on": ["2020-11-30"]}).to_csv(
        tmp_path / "staff.csv", index=False
    )
    (tmp_path / "desk.yaml").write_text("store: desk.db\nsinks:\n  - {kind: file, path: alerts.jsonl}\n")
    desk = ["--desk", str(tmp_path / "desk.yaml")]
    assert invoke(["watch", str(tmp_path / "log.jsonl"), "--staff", str(tmp_path / "staff.csv"), *desk]) == 1
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1
    capsys.readouterr()
    assert invoke(["alerts", "list", *desk]) == 0
    alert = re.search(r"\S*A-\S+", capsys.readouterr().out)[0]
    assert invoke(["alerts", "acknowledge", alert, *desk, "--by", "gone"]) == 2
    assert invoke(["alerts", "acknowledge", alert, *desk, "--by", "analyst-2"]) == 0
    assert invoke(["alerts", "close", alert, "true", *desk, "--by", "analyst-2"]) == 0
    capsys.readouterr()
    assert invoke(["alerts", "list", *desk]) == 0
    assert "No alerts." in capsys.readouterr().out
