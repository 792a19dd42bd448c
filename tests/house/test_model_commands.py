"""The commands about models of one's own: look into a file, sign it, attack it; and about dependencies."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from secure_ai.cli import invoke
from secure_ai.defend.model_files import save_skops

PHRASE = "five random words for models"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A table, a model of it as skops, and the same as pickle."""
    folder = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(240, 3)).round(4), columns=["a", "b", "c"])
    outcome = (table["a"] + table["b"] > 0).astype(int)
    model = LogisticRegression().fit(table, outcome)
    table.assign(outcome=outcome).to_csv(folder / "cases.csv", index=False)
    (folder / "signed").mkdir()
    save_skops(model, folder / "signed" / "model.skops")
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "rules.yaml").write_text("immutable: [c]\n")
    return folder


@pytest.fixture
def phrase(monkeypatch):
    monkeypatch.setenv("SECURE_AI_PASSPHRASE", PHRASE)


def test_a_model_is_known_by_its_content(kept, tmp_path, capsys):
    assert invoke(["model", "inspect", str(kept / "signed" / "model.skops")]) == 0
    belied = tmp_path / "model.skops"
    belied.write_bytes((kept / "model.pkl").read_bytes())
    assert invoke(["model", "inspect", str(belied)]) == 1
    assert "pickle" in capsys.readouterr().out


def test_signing_verifying_and_a_changed_byte(kept, tmp_path, phrase, capsys):
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(kept / "signed", folder)
    trusted = str(tmp_path / "trusted.json")
    assert invoke(["model", "key", str(tmp_path)]) == 0
    assert (
        invoke(["model", "trust", trusted, "--add", str(tmp_path / "model-key.pub"), "--owner", "team"]) == 0
    )
    assert invoke(["model", "sign", str(folder), str(tmp_path / "model-key.pem")]) == 0
    assert invoke(["model", "verify", str(folder), trusted]) == 0
    assert "team" in capsys.readouterr().out
    file = folder / "model.skops"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert invoke(["model", "verify", str(folder), trusted]) == 1
    said = capsys.readouterr()
    assert "model.skops" in said.out and PHRASE not in said.out + said.err


def test_a_revoked_key_counts_no_more(kept, tmp_path, phrase, capsys):
    trusted = str(tmp_path / "trusted.json")
    invoke(["model", "key", str(tmp_path)])
    invoke(["model", "trust", trusted, "--add", str(tmp_path / "model-key.pub"), "--owner", "team"])
    key_id = json.loads((tmp_path / "trusted.json").read_text())["keys"][0]["key_id"]
    assert invoke(["model", "trust", trusted, "--revoke", key_id]) == 2
    assert invoke(["model", "trust", trusted, "--revoke", key_id, "--reason", "laptop stolen"]) == 0
    assert "revoked" in capsys.readouterr().out


def test_ones_own_model_is_evaded_within_rules(kept, capsys):
    command = ["attack", "evasion", str(kept / "signed" / "model.skops"), str(kept / "cases.csv"),
               "--drop", "outcome", "--rules", str(kept / "rules.yaml"), "--budget", "60"]  # fmt: skip
    assert invoke(command) in (0, 1)
    assert "%" in capsys.readouterr().out


def test_ones_own_model_is_copied(kept, capsys):
    command = ["attack", "extraction", str(kept / "signed" / "model.skops"), str(kept / "cases.csv"),
               "--drop", "outcome", "--budget", "100"]  # fmt: skip
    assert invoke(command) == 1
    assert "100" in capsys.readouterr().out


def test_a_pickle_is_opened_only_if_it_is_trusted(kept, capsys):
    command = ["attack", "extraction", str(kept / "model.pkl"), str(kept / "cases.csv"), "--drop", "outcome"]
    assert invoke([*command, "--budget", "60"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_model_that_cannot_be_judged_is_unassessed(kept, tmp_path, capsys):
    pd.DataFrame({"a": [9.0] * 60, "b": [9.0] * 60, "c": [0.0] * 60}).to_csv(
        tmp_path / "same.csv", index=False
    )
    command = ["attack", "evasion", str(kept / "signed" / "model.skops"), str(tmp_path / "same.csv")]
    assert invoke(command) == 3
    assert capsys.readouterr().out.startswith("Unassessed: ")


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    """A forest that knows its records by heart, who they are, and others."""
    folder = tmp_path_factory.mktemp("forest")
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(320, 4)).round(4), columns=list("abcd"))
    table["outcome"] = (table["a"] + rng.normal(0, 1.5, len(table)) > 0).astype(int)
    inside, outside = table.iloc[:160], table.iloc[160:]
    model = RandomForestClassifier(20, random_state=0).fit(inside[list("abcd")], inside["outcome"])
    inside.to_csv(folder / "inside.csv", index=False)
    outside.to_csv(folder / "outside.csv", index=False)
    save_skops(model, folder / "model.skops")
    chances = pd.DataFrame(model.predict_proba(table[list("abcd")]), columns=["p_0", "p_1"])
    chances["label"], chances["member"] = table["outcome"], [1] * 160 + [0] * 160
    chances.to_csv(folder / "answers.csv", index=False)
    return folder


def test_members_are_told_from_a_model_and_its_recipe(forest, capsys):
    command = [
        "attack",
        "membership",
        str(forest / "model.skops"),
        "--members",
        str(forest / "inside.csv"),
        "--others",
        str(forest / "outside.csv"),
        "--label",
        "outcome",
        "--references",
        "8",
    ]
    assert invoke(command) == 1
    said = capsys.readouterr().out
    assert "tells members from others" in said and "members found first" in said
    assert "Unassessed: " in said and "0.1%" in said


def test_members_are_told_from_a_table_of_answers_alone(forest, capsys):
    assert invoke(["attack", "membership", str(forest / "answers.csv")]) == 1
    assert "loss threshold" in capsys.readouterr().out


def test_others_that_are_members_too_are_refused_and_counted(forest, tmp_path, capsys):
    both = pd.concat([pd.read_csv(forest / "outside.csv"), pd.read_csv(forest / "inside.csv").head(7)])
    both.to_csv(tmp_path / "both.csv", index=False)
    command = ["attack", "membership", str(forest / "model.skops"), "--members", str(forest / "inside.csv"),
               "--others", str(tmp_path / "both.csv"), "--label", "outcome", "--references", "0"]  # fmt: skip
    assert invoke(command) == 2
    assert "7 " in capsys.readouterr().err
    assert invoke([*command, "--overlap", "leave out"]) == 1


def test_a_column_is_guessed_of_members_and_of_others(forest, capsys):
    command = ["attack", "attribute", str(forest / "model.skops"), "--members", str(forest / "inside.csv"),
               "--others", str(forest / "outside.csv"), "--label", "outcome", "--column", "b"]  # fmt: skip
    assert invoke(command) in (0, 1)
    assert "without it" in capsys.readouterr().out


def test_release_rules_are_asked_with_and_without_the_data(forest, capsys):
    command = ["model", "release", str(forest / "model.skops")]
    data = ["--data", str(forest / "inside.csv"), "--label", "outcome"]
    assert invoke(command) == 1
    structure = capsys.readouterr().out
    assert "smallest_leaf" in structure and "not assessed" in structure
    assert invoke([*command, *data]) == 1
    assert "0 not assessed" in capsys.readouterr().out


def test_answers_are_compared_for_the_recipe_of_a_file(forest, capsys):
    command = [
        "model",
        "leakage",
        str(forest / "model.skops"),
        str(forest / "inside.csv"),
        "--label",
        "outcome",
    ]
    assert invoke(command) == 3
    assert capsys.readouterr().out.startswith("Unassessed: ")
    everybody = pd.concat(pd.read_csv(forest / name) for name in ("inside.csv", "outside.csv"))
    pd.concat([everybody, everybody.assign(a=lambda rows: rows["a"] + 0.5)]).to_csv(
        forest / "everybody.csv", index=False
    )
    assert invoke([*command[:3], str(forest / "everybody.csv"), *command[4:]]) == 1
    assert "in a leaf" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["attack", "evasion", "none.skops", "cases.csv"], "none.skops"),
        (["attack", "evasion", "{model}", "{table}", "--drop", "nobody"], "nobody"),
        (["attack", "evasion", "{model}", "{table}", "--drop", "outcome", "--goal", "7"], "tells apart"),
        (["attack", "extraction", "{model}", "{table}", "--budget", "0"], "--budget"),
        (["attack", "extraction", "http://scores.example.org/v1", "{table}"], "https"),
        (["attack", "membership", "none.csv"], "none.csv"),
        (["attack", "membership", "{model}", "--members", "{table}"], "--others"),
        (["attack", "attribute", "{model}", "--column", "a"], "--members"),
        (["model", "release", "none.skops"], "none.skops"),
        (["model", "release", "{model}", "--data", "{table}", "--label", "nobody"], "nobody"),
        (["model", "leakage", "{model}", "{table}", "--label", "nobody"], "nobody"),
        (["model", "inspect", "none.skops"], "none.skops"),
        (["model", "watch", "none.skops"], "none.skops"),
        (["model", "verify", "none", "none.json"], "none.json"),
        (["lineage", "verify", "none"], "no folder"),
        (["dependencies", "check", "none.json"], "none.json"),
        (["dependencies", "check", "--lock", "none.lock"], "none.lock"),
        (["dependencies", "check", "a.json", "--lock", "b.lock"], "one of"),
    ],
)
def test_bad_input_is_one_sentence(kept, command, words, capsys):
    places = {"model": kept / "signed" / "model.skops", "table": kept / "cases.csv"}
    assert invoke([part.format(**places) for part in command]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and "Traceback" not in said


def test_a_lock_with_a_known_flaw_is_found(tmp_path, capsys):
    lock = tmp_path / "app.lock"
    lock.write_text("jinja2==2.10\nclick==8.2.0\n")
    out = tmp_path / "report"
    command = ["dependencies", "check", "--lock", str(lock), "--as-of", "2026-03-01", "--out", str(out)]
    assert invoke(command) == 1
    assert "jinja2" in capsys.readouterr().out.lower()
    assert (out / "report.html").is_file() and (out / "constraints.txt").is_file()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    from secure_ai.defend.lineage import Lineage

    folder = tmp_path_factory.mktemp("pipeline") / "lineage"
    claims = pd.DataFrame({"claim_id": ["C-1", "C-2", "C-3"], "amount": [10.0, -5.0, 20.0]})
    kept = Lineage(folder)
    with kept.job("collect") as job:
        read = job.read("claims", claims, identifier="claim_id")
        table = job.write("training rows", read[read["amount"] > 0])
    with kept.job("train") as job:
        job.train("triage", table, version="v1")
    return folder


def test_a_bad_row_is_followed_forward_to_the_model(recorded, capsys):
    follow = ["lineage", "trace", str(recorded), "forward", "--identifier", "claim_id", "--value"]
    assert invoke([*follow, "C-1"]) == 0
    said = capsys.readouterr().out
    assert "into 1 of 1 version of the model triage" in said and "C-1" not in said
    assert invoke([*follow, "C-2"]) == 0
    assert "went into no model" in capsys.readouterr().out
    assert invoke([*follow, "C-9"]) == 1


def test_lineage_that_nobody_touched_has_no_problem(recorded, capsys):
    assert invoke(["lineage", "verify", str(recorded)]) == 0
    assert "0 problems" in capsys.readouterr().out
