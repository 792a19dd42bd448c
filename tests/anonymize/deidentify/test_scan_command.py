"""``secure-ai scan``, ``deidentify`` and ``key``: exit codes, masked output, nothing left behind."""

from __future__ import annotations

import json
import os

import pytest

from secure_ai.cli import invoke
from secure_ai.core import UserError

NOTE = "Patient: Maria Garcia, SSN 219-09-9999, seen on 2024-02-03.\n"


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text(NOTE)
    return path


def test_scan_counts_by_type_and_masks(note, capsys):
    assert invoke(["scan", str(note)]) == 0
    shown = capsys.readouterr().out
    assert "PERSON" in shown and "US_SSN" in shown and "lines 1-1" in shown
    assert "Garcia" not in shown and "219-09" not in shown


def test_scan_fails_on_a_find_if_asked_to(note, tmp_path, capsys):
    assert invoke(["scan", str(note), "--fail-on-find", "--json", "--entities", "US_SSN"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"US_SSN": 1}
    clean = tmp_path / "clean.md"
    clean.write_text("Nothing here.\n")
    assert invoke(["scan", str(clean), "--fail-on-find"]) == 0


def test_scan_reads_tables_records_and_folders(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("ssn,n\n" + "".join(f"219-09-{i},{i % 3}\n" for i in range(1000, 1050)))
    (tmp_path / "r.jsonl").write_text('{"note": "Mail maria@example.com"}\n')
    assert invoke(["scan", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == 2
    assert {(row["file"], row["place"], row["entity"]) for row in found["finds"]} >= {
        ("t.csv", "ssn", "US_SSN"),
        ("r.jsonl", "note", "EMAIL_ADDRESS"),
    }


def test_deidentify_writes_output_and_receipt(note, tmp_path, capsys):
    out, receipt = tmp_path / "out.txt", tmp_path / "receipt.json"
    arguments = ["deidentify", str(note), str(out), "--policy", "safe_harbor", "--receipt", str(receipt)]
    assert invoke([*arguments, "--as-of", "2026"]) == 0
    assert out.read_text() == "Patient: [PERSON], SSN [US_SSN], seen on 2024.\n"
    done = json.loads(receipt.read_text())
    assert done["counts"]["US_SSN"] == {"redact": 1} and done["clean"] is True
    assert "Garcia" not in capsys.readouterr().out + receipt.read_text()


def test_a_key_made_by_the_command_serves_and_a_vault_is_kept(note, tmp_path, capsys):
    key, out = tmp_path / "k", tmp_path / "out.txt"
    assert invoke(["key", str(key)]) == 0
    arguments = ["deidentify", str(note), str(out), "--policy", "pseudonymize", "--key-file", str(key)]
    assert invoke([*arguments, "--vault", str(tmp_path / "v")]) == 0
    first = out.read_text()
    assert invoke([*arguments, "--vault", str(tmp_path / "v")]) == 0
    assert out.read_text() == first and "Garcia" not in first
    assert (tmp_path / "v").exists()


def test_what_the_second_look_still_finds_makes_the_exit_code_1(note, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("secure_ai.anonymize.deidentify.text.ROUNDS", 0)
    cleaner = "secure_ai.anonymize.deidentify.text.TextCleaner"
    monkeypatch.setattr(f"{cleaner}.leaks", lambda self, document, spans: [(0, 1, "PERSON")])
    out = tmp_path / "out.txt"
    assert invoke(["deidentify", str(note), str(out), "--policy", "safe_harbor"]) == 1
    assert "still finds PERSON 1" in capsys.readouterr().out


BAD = [
    (["scan", "none.txt"], "does not exist"),
    (["scan", "{note}", "--entities", "PERSN"], "PERSN"),
    (["scan", "{note}", "--entities", ","], "--entities"),
    (["scan", "{note}", "--threshold", "2"], "0 to 1"),
    (["deidentify", "{note}", "o.txt"], "Missing option '--policy'"),
    (["deidentify", "{note}", "{out}", "--policy", "nonsense"], "nonsense"),
    (["deidentify", "{note}", "{out}", "--policy", "pseudonymize"], "--key-file"),
    (["deidentify", "{note}", "{out}", "--policy", "pseudonymize", "--key-file", "none"], "does not exist"),
    (["deidentify", "{note}", "{out}", "--policy", "safe_harbor", "--vault", "v"], "--key-file"),
    (["deidentify", "{note}", "{out}", "--policy", "safe_harbor", "--receipt", "r.txt"], ".json or .md"),
    (["deidentify", "{note}", "{out}", "--policy", "safe_harbor", "--zip-list", "none"], "ZIP"),
    (["deidentify", "{note}", "{note}", "--policy", "safe_harbor"], "the same"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_sentence_and_nothing_is_written(arguments, said, note, tmp_path, capsys):
    places = {"note": str(note), "out": str(tmp_path / "out.txt")}
    assert invoke([argument.format(**places) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and error.count("\n") == 1 and said in error
    assert note.read_text() == NOTE and [p.name for p in tmp_path.iterdir()] == ["note.txt"]


CLASHES = [
    ["{note}", "{key}", "--policy", "pseudonymize", "--key-file", "{key}"],
    ["{note}", "{out}", "--policy", "pseudonymize", "--key-file", "{key}", "--vault", "{out}"],
    ["{note}", "{out}", "--policy", "pseudonymize", "--key-file", "{json}", "--receipt", "{json}"],
    ["{folder}", "{out}", "--policy", "safe_harbor", "--receipt", "{folder}/r.json"],
    ["{note}", "{out}", "--policy", "safe_harbor", "--as-of", "-5"],
    ["{note}", "{out}", "--policy", "safe_harbor", "--as-of", "99999"],
]


@pytest.mark.parametrize("arguments", CLASHES, ids=range(len(CLASHES)))
def test_no_output_overwrites_a_key_or_vault_and_no_year_switches_the_rule_off(arguments, tmp_path, capsys):
    from secure_ai.anonymize import generate_key

    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text(NOTE)
    note = tmp_path / "note.txt"
    note.write_text(NOTE)
    key, as_json = generate_key(tmp_path / "key.txt"), generate_key(tmp_path / "key.json")
    places = {"note": note, "out": tmp_path / "out.txt", "key": key, "json": as_json, "folder": folder}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert invoke(["deidentify", *(argument.format(**places) for argument in arguments)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_vault_that_cannot_be_saved_leaves_no_output(note, tmp_path, monkeypatch):
    from secure_ai.anonymize import Key, TokenVault, deidentify_file

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TokenVault, "save", full)
    with pytest.raises(UserError, match="no room"):
        deidentify_file(note, tmp_path / "out.txt", "pseudonymize", key=Key(bytes(64)), vault=tmp_path / "v")
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_stopped_run_leaves_the_old_output_and_nothing_else(tmp_path, stopped, name, code):
    (tmp_path / "in.txt").write_text(NOTE * 20_000)
    (tmp_path / "out.txt").write_text("old")
    command = ["deidentify", "in.txt", "out.txt", "--policy", "safe_harbor"]
    returned, error = stopped(command, ".out.txt.*.partial/out.txt", name)
    assert returned == code and "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.txt"]
    assert (tmp_path / "out.txt").read_text() == "old"
