"""The commands of someone who watches: trail, watch and drift."""

from __future__ import annotations

import json
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest

from secure_ai.cli import invoke
from secure_ai.core.audit import AuditLog
from synthetic_data.activity import make_month


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A key, a file of events, and the trail that holds them."""
    folder = tmp_path_factory.mktemp("trail")
    log = AuditLog(folder / "events.jsonl")
    for number in range(30):
        log.record("nurse-7", "view", f"P{number}", "allowed", purpose="treatment", event_id=f"e{number}")
    key, trail, witness = folder / "audit.key", folder / "audit.db", folder / "witness"
    assert invoke(["trail", "key", str(key)]) == 0
    taken = ["trail", "import", str(trail), str(folder / "events.jsonl"), "--signing-key", str(key)]
    assert invoke([*taken, "--witness", str(witness)]) == 0
    return folder


def verify(folder, trail="audit.db"):
    return invoke(
        ["trail", "verify", str(folder / trail), "--public-key", str(folder / "audit.key.pub"),
         "--witness", str(folder / "witness")]
    )  # fmt: skip


def test_a_trail_that_nobody_touched_is_whole(kept, capsys):
    assert verify(kept) == 0
    assert "30" in capsys.readouterr().out


def test_an_edit_is_found_and_located(kept, tmp_path, capsys):
    for name in ("audit.db", "witness", "audit.key.pub"):
        shutil.copy(kept / name, tmp_path / name)
    with sqlite3.connect(tmp_path / "audit.db") as base:
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f"DROP TRIGGER {name}")
        assert base.execute("UPDATE trail_entries SET actor = 'nurse-8' WHERE sequence = 17").rowcount == 1
    base.close()
    assert verify(tmp_path) == 1
    assert "17" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["jsonl", "cef", "ocsf"])
def test_the_trail_goes_to_a_siem_and_an_export_can_be_verified(kept, tmp_path, form, capsys):
    out = tmp_path / "out.jsonl"
    assert invoke(["trail", "export", str(kept / "audit.db"), str(out), "--as", form]) == 0
    assert len(out.read_text().splitlines()) >= 30
    if form == "jsonl":
        shutil.copy(out, kept / "export.jsonl")
        assert verify(kept, "export.jsonl") == 0


def test_the_report_of_a_quarter_says_whether_the_trail_is_whole(kept, tmp_path, capsys):
    made = ["trail", "report", str(kept / "audit.db"), "--quarter", "2026Q1", "--out", str(tmp_path / "r")]
    assert invoke([*made, "--public-key", str(kept / "audit.key.pub")]) == 0
    assert (tmp_path / "r" / "report.html").is_file() and (tmp_path / "r" / "findings.json").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["trail", "verify", "nowhere.db", "--public-key", "nowhere.pub"],
        ["trail", "import", "t.db", "nowhere.jsonl", "--signing-key", "nowhere.key"],
        ["trail", "export", "nowhere.db", "out"],
        ["trail", "report", "nowhere.db", "--quarter", "2026Q9", "--out", "r"],
        ["trail", "report", "nowhere.db", "--quarter", "2026Q1", "--out", "r", "--witness", "w"],
        ["watch", "nowhere.csv"],
        ["drift", "nowhere.csv", "nowhere.csv"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_bad_input_is_one_sentence(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("Error: ") and told.count("\n") == 1 and "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_watch_over_ones_own_log_names_who_left_and_what_it_could_not_judge(tmp_path, capsys):
    events = pd.DataFrame(
        {
            "WHEN": pd.date_range("2026-03-02T09:00Z", periods=40, freq="10min").astype(str),
            "USER_ID": ["n1", "n2"] * 20,
            "action": "view",
            "target": [f"P{number}" for number in range(40)],
        }
    )
    events.to_csv(tmp_path / "log.csv", index=False)
    staff = pd.DataFrame({"staff_id": ["n1", "n2"], "left_on": [None, "2025-11-30"]})
    staff.to_csv(tmp_path / "staff.csv", index=False)
    command = ["watch", str(tmp_path / "log.csv"), "--staff", str(tmp_path / "staff.csv")]
    named = ["--column", "time=WHEN", "--column", "actor=USER_ID"]
    assert invoke([*command, *named, "--out", str(tmp_path / "alerts.jsonl")]) == 1
    alerts = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert {alert["actor"] for alert in alerts} == {"n2"}
    said = capsys.readouterr().out
    assert "Not assessed" in said and "n2" in said


def test_a_watch_goes_on_from_its_checkpoint_and_tells_nothing_twice(tmp_path, capsys):
    events = pd.DataFrame(
        {
            "event_id": ["a"],
            "time": ["2026-03-02T09:00:00Z"],
            "actor": ["gone"],
            "action": ["view"],
            "target": ["P1"],
        }
    )
    events.to_csv(tmp_path / "log.csv", index=False)
    pd.DataFrame({"staff_id": ["gone"], "left_on": ["2025-11-30"]}).to_csv(
        tmp_path / "staff.csv", index=False
    )
    command = ["watch", str(tmp_path / "log.csv"), "--staff", str(tmp_path / "staff.csv")]
    command += ["--state", str(tmp_path / "state.json")]
    assert invoke(command) == 1
    assert invoke(command) == 0


def test_drift_is_told_with_what_to_do(tmp_path, capsys):
    chance = np.random.default_rng(3)
    before = pd.DataFrame({"creatinine": chance.normal(1, 0.2, 800), "age": chance.normal(60, 9, 800)})
    after = before.assign(creatinine=before["creatinine"] * 88.4)
    before.to_csv(tmp_path / "before.csv", index=False)
    after.to_csv(tmp_path / "after.csv", index=False)
    assert invoke(["drift", str(tmp_path / "before.csv"), str(tmp_path / "before.csv")]) == 0
    capsys.readouterr()
    assert invoke(["drift", str(tmp_path / "before.csv"), str(tmp_path / "after.csv")]) == 1
    said = capsys.readouterr().out
    assert "creatinine" in said and "- " in said


def test_a_watch_says_of_what_it_has_no_past_and_takes_it_from_a_table(tmp_path, capsys):
    month = make_month("finance", staff=40, days=2, seed=3, incidents=())
    month.history_queries.to_csv(tmp_path / "queries.csv", index=False)
    row = {"event_id": "a", "time": "2026-03-20T09:00Z", "actor": "n1", "action": "view", "target": "P1"}
    pd.DataFrame([row]).to_csv(tmp_path / "log.csv", index=False)
    command = ["watch", str(tmp_path / "log.csv")]
    for given in ([], ["--history-queries", str(tmp_path / "queries.csv")]):
        invoke([*command, *given])
        said = capsys.readouterr().out
        assert ("no history of queries" in said) is not bool(given)
        assert "no history of transactions" in said
