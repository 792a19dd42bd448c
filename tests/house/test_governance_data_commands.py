"""The commands of consent and of the hand-over, on files of a house: who said what, and what may leave."""

from __future__ import annotations

import csv
import io
import sys

import pandas as pd
import pytest

from secure_ai.cli import invoke

NAME = "Maria Lopez"
DAY = "2026-03-02"
TEXT = "name: research leaflet\nversion: '2026-03'\npurposes: [research]\ntext: May we use your records?\n"
PURPOSE = """
name: denials model
description: A vendor predicts which claims will be denied.
columns: {patient_id: claims of one person, billed: the amount, status: what is predicted}
deidentify: safe_harbor
legal_basis: ["164.502(b)"]
person_column: patient_id
consent_purpose: research
"""
FILTER = "consent filter consent.yaml claims.csv out.csv --purpose research --person patient_id"
CONTRACT = """
id: C-17
vendor: Acme Models
purposes: [denials model]
signed: 2026-01-01
ends: 2026-12-31
contact: privacy office
"""


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def house(tmp_path, monkeypatch, capsys):
    """A folder with claims of ten people, and a consent ledger in which two agreed to research."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(
        {
            "patient_id": [f"00{number % 10:03d}" for number in range(40)],
            "member_name": [NAME] * 40,
            "billed": [100.0 + number for number in range(40)],
            "status": ["paid", "denied"] * 20,
        }
    ).to_csv("claims.csv", index=False)
    for name, text in (("leaflet", TEXT), ("purpose", PURPOSE), ("contract", CONTRACT)):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "keys").mkdir()
    places = "--ledger c.sqlite --key keys/c.key --witness keys/w"
    assert run(f"consent init consent.yaml {places} --sector healthcare") == 0
    for person in ("00003", "00004"):
        assert run(f"consent give consent.yaml {person} research --text leaflet.yaml") == 0
    capsys.readouterr()
    return tmp_path


def run(command: str, *more: str) -> int:
    return invoke([*command.split(), *more])


def test_rows_of_people_who_agreed_pass_and_of_nobody_else(house, capsys):
    filtered = f"{FILTER} --audit a.jsonl"
    assert run(filtered) == 0
    assert {row["patient_id"] for row in read(house / "out.csv")} == {"00003", "00004"}
    assert run("consent withdraw consent.yaml 00003 research") == 0
    assert run(filtered) == 0
    assert {row["patient_id"] for row in read(house / "out.csv")} == {"00004"}
    assert run("consent allowed consent.yaml research claims.csv --person patient_id") == 1
    said = capsys.readouterr().out + (house / "a.jsonl").read_text()
    assert "4 of 40 rows, of 1 of 10 people" in said
    assert NAME not in said and "00004" not in said


def test_a_refused_filter_leaves_the_old_file(house, capsys):
    (house / "out.csv").write_text("old")
    assert run(f"{FILTER} --refuse") == 2
    assert run(FILTER.replace("--purpose research", "--purpose gossip")) == 2
    assert run(FILTER.replace("patient_id", "nobody")) == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert (house / "out.csv").read_text() == "old"


def test_an_interrupted_filter_leaves_nothing(house, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    before = sorted(path.name for path in house.iterdir())
    monkeypatch.setattr("pandas.DataFrame.to_csv", interrupted)
    assert run(FILTER) == 130
    assert sorted(path.name for path in house.iterdir()) == before


def test_somebody_who_withdraws_while_the_file_is_written_is_not_in_it(house, monkeypatch, capsys):
    written = pd.DataFrame.to_csv

    def slow(frame, *arguments, **options):
        monkeypatch.undo()
        monkeypatch.chdir(house)
        assert run("consent withdraw consent.yaml 00003 research") == 0
        written(frame, *arguments, **options)

    monkeypatch.setattr("pandas.DataFrame.to_csv", slow)
    assert run(FILTER) == 0
    assert {row["patient_id"] for row in read(house / "out.csv")} == {"00004"}
    assert "4 rows for research, 36 left out" in capsys.readouterr().out


def test_a_person_is_read_from_standard_input_and_not_said_again(house, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("00003\n"))
    assert run("consent status consent.yaml -") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("00003\n"))
    assert run("consent history consent.yaml -") == 0
    said = capsys.readouterr().out
    assert "yes  research" in said and "given" in said and "00003" not in said
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run("consent status consent.yaml -") == 2


def test_a_person_whom_the_ledger_never_heard_of_is_told_apart(house, capsys):
    assert run("consent history consent.yaml 99999") == 1
    assert run("consent withdraw consent.yaml 99999") == 2
    assert "compare the key" in capsys.readouterr().err
    assert run("consent withdraw consent.yaml 99999 --confirmed") == 1
    assert "check that the key is right" in capsys.readouterr().out


def test_consent_to_what_the_text_does_not_name_is_refused(house, capsys):
    assert run("consent give consent.yaml 00005 marketing --text leaflet.yaml") == 2
    assert run("consent give consent.yaml 00005 research --text purpose.yaml") == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_ledger_is_begun_once(house, capsys):
    again = (
        "consent init again.yaml --ledger c.sqlite --key keys/other.key --witness keys/w2 --sector healthcare"
    )
    assert run(again) == 2
    assert not (house / "again.yaml").exists()


@pytest.fixture
def parties(house, capsys):
    """The same house with its keys and those of a vendor, and a package that was prepared."""
    lines = {}
    for name, use in (("lake", "signing"), ("acme", "receiving"), ("sign", "signing")):
        assert run(f"handover key keys/{name}.key {use}") == 0
        lines[name] = capsys.readouterr().out.splitlines()[-1]
    prepared = run(
        "handover prepare claims.csv p.tar --purpose purpose.yaml --contract contract.yaml --sender Lakeside "
        "--signing-key keys/lake.key --until 2026-09-01 --register r.sqlite --audit a.jsonl "
        f"--consent consent.yaml --today {DAY} --vendor-key {lines['acme']}"
    )
    assert prepared == 0
    said = capsys.readouterr().out
    lines["package"] = said.rstrip(".\n").rpartition(" ")[2]
    assert NAME not in said and "00003" not in said
    return lines


def receive(parties, *more: str) -> int:
    return run(
        "handover receive sent.tar data --receiving-key keys/acme.key --signing-key keys/sign.key "
        f"--receipt receipt.txt --today 2026-03-03 --trust Lakeside={parties['lake']} --name",
        "Acme Models", *more,
    )  # fmt: skip


def test_a_hand_over_goes_out_comes_back_receipted_and_ends_destroyed(house, parties, capsys):
    which = f"--register r.sqlite --package {parties['package'][:10]} --today"
    assert run(f"handover check p.tar {which} {DAY}") == 0
    assert run(f"handover send p.tar --to sent.tar {which} {DAY}") == 0
    assert receive(parties) == 0
    table = pd.read_parquet(house / "data" / "data.parquet")
    assert len(table) == 8 and list(table) == ["patient_id", "billed", "status"]  # two people consented
    assert run("handover outstanding --register r.sqlite --today 2026-04-01") == 1
    assert run(f"handover confirm receipt.txt {which} 2026-04-01 --vendor-key {parties['sign']}") == 0
    assert run("handover outstanding --register r.sqlite --today 2026-04-01") == 0
    assert run("handover recipients 00003 --register r.sqlite") == 1
    assert run("handover recipients 00007 --register r.sqlite") == 0
    signed = "--signing-key keys/sign.key --certificate gone.txt"
    assert run(f"handover destroy data {signed} --yes --today 2026-08-01") == 0
    assert not (house / "data").exists()
    assert run(f"handover destroyed gone.txt {which} 2026-08-02 --vendor-key {parties['sign']}") == 0
    assert run("handover recipients 00003 --register r.sqlite") == 0
    said = capsys.readouterr().out + (house / "a.jsonl").read_text()
    assert NAME not in said and "00003" not in said


def test_a_package_that_was_changed_is_neither_sent_nor_received(house, parties, capsys):
    which = f"--register r.sqlite --package {parties['package'][:10]} --today {DAY}"
    whole = (house / "p.tar").read_bytes()
    (house / "p.tar").write_bytes(whole[:3_000] + bytes([whole[3_000] ^ 1]) + whole[3_001:])
    assert run(f"handover check p.tar {which}") == 2
    assert run(f"handover send p.tar --to sent.tar {which}") == 2
    assert not (house / "sent.tar").exists()
    (house / "sent.tar").write_bytes((house / "p.tar").read_bytes())
    assert receive(parties) == 2
    assert not (house / "data").exists() and not (house / "receipt.txt").exists()
    assert capsys.readouterr().err.count("\n") == 3


def test_a_receipt_of_somebody_else_and_an_unknown_package_are_refused(house, parties, capsys):
    which = f"--register r.sqlite --package {parties['package'][:10]} --today {DAY}"
    run(f"handover send p.tar --to sent.tar {which}")
    receive(parties)
    capsys.readouterr()
    later = which.replace(DAY, "2026-03-04")
    assert run(f"handover confirm receipt.txt {later} --vendor-key {parties['lake']}") == 2
    assert run("handover check p.tar --register r.sqlite --package ffff0000") == 2
    assert "no package begins" in capsys.readouterr().err
    # The receipt is tried to be written before the package is opened: what is there stays.
    assert receive(parties) == 2


def test_data_are_deleted_only_by_somebody_who_says_so(house, parties, monkeypatch, capsys):
    which = f"--register r.sqlite --package {parties['package'][:10]} --today {DAY}"
    run(f"handover send p.tar --to sent.tar {which}")
    receive(parties)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert run("handover destroy data --signing-key keys/sign.key --certificate gone.txt") == 130
    assert (house / "data").is_dir() and not (house / "gone.txt").exists()


def test_columns_are_proposed_as_the_beginning_of_a_purpose(house, capsys):
    pd.DataFrame(
        {
            "x": [number * 7 % 10 for number in range(300)],
            "noise": [number // 3 % 4 for number in range(300)],
            "late": [number * 7 % 10 > 4 for number in range(300)],
        }
    ).to_csv("table.csv", index=False)
    assert run("handover propose table.csv --target late --out draft.yaml --purpose", "late payments") == 0
    draft = (house / "draft.yaml").read_text()
    assert "  x:" in draft and "noise" not in draft and "legal_basis" in draft
