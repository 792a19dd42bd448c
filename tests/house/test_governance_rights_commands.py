"""The commands of estate, rights desk and retention on an organization's own files."""

from __future__ import annotations

import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from secure_ai.cli import invoke
from secure_ai.cli.governance_rights import open_desk
from secure_ai.core.errors import UserError

ESTATE = """
stores:
  - {kind: sqlite, path: clinic.sqlite, table: people, data_class: CLASS, column: id}
  - {kind: file, path: visits.csv, name: visits, data_class: claim, column: id, date_column: day}
  - {kind: texts, path: letters, name: letters, data_class: CLASS}
identities:
  - {store: people, key_column: id, columns: {name: name, mail: email, born: birth_date}}
"""
ADA = ("K000001", "Ada Prime", "ada@example.org", "1980-01-02")
BO = ("K000002", "Bo Second", "bo@example.org", "1990-03-04")
NAMESAKE = ("K000003", "Ada Prime", "ada3@example.org", "1985-03-04")
PERSONAL = {value for person in (ADA, BO, NAMESAKE) for value in person}
DAY = "--today 2026-03-05"


def run(command: str, *more: str) -> int:
    return invoke([*command.split(), *more])


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    """An estate of three people, two of the same name; claims must be kept by law, the rest need not."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("clinic.sqlite")) as connection:
        connection.execute("CREATE TABLE people (id TEXT, name TEXT, mail TEXT, born TEXT)")
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", [ADA, BO, NAMESAKE])
        connection.commit()
    (tmp_path / "visits.csv").write_text(
        "id,day,why\nK000001,2024-01-01,a\nK000002,2012-02-02,old\nK000003,2011-02-02,y\n"
    )
    (tmp_path / "letters" / "K000001").mkdir(parents=True)
    (tmp_path / "letters" / "K000001" / "1.txt").write_text("To ada@example.org\n")
    (tmp_path / "estate.yaml").write_text(ESTATE.replace("CLASS", "cache"))
    hold = "retention hold place holds.sqlite --matter 2026-cv-1 --class statistics --actor alice --reason"
    assert run(hold, "A lawsuit about figures") == 2  # no ledger yet: a lost one is never begun anew
    assert run(hold, "A lawsuit about figures", "--new") == 0
    assert run(
        "rights init desk.yaml --sector healthcare --estate estate.yaml --register requests.sqlite "
        "--holds holds.sqlite"
    ) == 0  # fmt: skip
    capsys.readouterr()
    return tmp_path


def ask(place, right: str, person: tuple[str, ...], *, whole: bool = True, more: str = "") -> str:
    """Write a request and return its file."""
    stated = (
        f'name: {person[1]}, birth_date: "{person[3]}", email: {person[2]}' if whole else f"name: {person[1]}"
    )
    text = f"right: {right}\nresidence: eu\nreceived: 2026-03-02\nstated: {{{stated}}}\n{more}"
    (place / "request.yaml").write_text(text)
    return "request.yaml"


def test_what_is_held_about_a_person_is_counted_and_nobody_is_named(place, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("K000001\n"))
    assert run("estate holdings estate.yaml -") == 0
    assert run("estate search estate.yaml K000001") == 1
    said = capsys.readouterr().out
    assert "visits" in said and "traces of the person" in said
    assert not [value for value in PERSONAL if value in said]


def test_two_people_of_one_name_are_asked_for_a_detail_and_told_nothing(place, capsys):
    assert (
        run(f"rights receive desk.yaml {ask(place, 'access', ADA, whole=False)} {DAY} --audit a.jsonl") == 1
    )
    said = capsys.readouterr().out
    assert run(f"rights copy desk.yaml RR-000001 --out copy {DAY}") == 2
    assert not (place / "copy").exists()
    assert run(f"rights letter desk.yaml RR-000001 detail --out letters_out {DAY}") == 0
    assert run(f"rights identify desk.yaml RR-000001 {ask(place, 'access', ADA)} {DAY} --audit a.jsonl") == 0
    said += capsys.readouterr().out + (place / "a.jsonl").read_text()
    assert not [value for value in PERSONAL if value in said]


def test_a_copy_is_a_folder_that_a_person_can_read_and_holds_nobody_else(place, capsys):
    (place / "estate.yaml").write_text(ESTATE.replace("CLASS", "medical_record"))
    run(f"rights receive desk.yaml {ask(place, 'access', ADA)} {DAY}")
    assert run(f"rights copy desk.yaml RR-000001 --out copy {DAY}") == 0
    written = "".join(path.read_text() for path in (place / "copy").iterdir())
    assert "ada@example.org" in written and "bo@example.org" not in written and NAMESAKE[0] not in written
    assert run(f"rights copy desk.yaml RR-000001 --out copy {DAY}") == 2  # answered, and the folder is there


def test_a_copy_can_be_sealed_for_the_person_who_asked(place, capsys):
    run("handover key requester.key receiving")
    line = capsys.readouterr().out.splitlines()[-1]
    run(f"rights receive desk.yaml {ask(place, 'access', ADA)} {DAY}")
    assert run(f"rights copy desk.yaml RR-000001 --out copy --seal-for no-key {DAY}") == 2
    assert run(f"rights copy desk.yaml RR-000001 --out copy --seal-for {line} {DAY}") == 0
    assert b"ada@example.org" not in (place / "copy.sealed").read_bytes()


def test_an_erasure_keeps_what_the_law_keeps_and_says_so(place, capsys):
    run(f"rights receive desk.yaml {ask(place, 'erasure', ADA)} {DAY}")
    assert run(f"rights decide desk.yaml RR-000001 {DAY}") == 0
    assert run(f"rights erase desk.yaml RR-000001 --out answers --yes {DAY} --audit a.jsonl") == 1
    said = capsys.readouterr().out
    assert "granted  people" in said and "kept     visits" in said
    assert sorted(path.name for path in (place / "answers").iterdir()) == [
        "RR-000001-answer.html", "RR-000001-receipt.json",
    ]  # fmt: skip
    assert "K000001" in (place / "visits.csv").read_text()  # the claim is kept
    assert not (place / "letters" / "K000001").exists()
    said += (place / "a.jsonl").read_text()
    assert not [value for value in PERSONAL if value in said]


def test_who_was_erased_leaves_no_trace_and_is_noticed_when_they_come_back(place, capsys):
    (place / "estate.yaml").write_text(ESTATE.replace("CLASS", "cache").replace("claim", "cache"))
    (place / "before.yaml").write_text(
        f'key: {BO[0]}\nname: {BO[1]}\nemail: {BO[2]}\nbirth_date: "{BO[3]}"\n'
    )
    run(f"rights receive desk.yaml {ask(place, 'erasure', BO)} {DAY}")
    (place / "request.yaml").unlink()
    assert run(f"rights erase desk.yaml RR-000001 --out answers --yes {DAY}") == 0
    assert run("estate search estate.yaml --stated before.yaml") == 0
    assert run("estate verify estate.yaml --sector healthcare") == 0
    with closing(sqlite3.connect("clinic.sqlite")) as connection:
        connection.execute("INSERT INTO people VALUES ('K000009', ?, ?, ?)", BO[1:])
        connection.commit()
    assert run("estate verify estate.yaml") == 1
    assert run("estate search estate.yaml --stated before.yaml") == 1
    assert not [value for value in PERSONAL if value in capsys.readouterr().out]


def test_nobody_is_erased_without_a_yes(place, monkeypatch, capsys):
    run(f"rights receive desk.yaml {ask(place, 'erasure', BO)} {DAY}")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert run(f"rights erase desk.yaml RR-000001 --out answers {DAY}") == 130
    assert BO[0] in (place / "visits.csv").read_text() and not (place / "answers").exists()


def test_a_correction_is_made_or_refused_with_a_ground(place, capsys):
    change = "correction: {store: people, field: mail, value: new@example.org}\n"
    run(f"rights receive desk.yaml {ask(place, 'correction', ADA, more=change)} {DAY}")
    assert run(f"rights correct desk.yaml RR-000001 --refuse --out answers {DAY}") == 2
    assert run(f"rights correct desk.yaml RR-000001 --accept --out answers {DAY}") == 0
    with closing(sqlite3.connect("clinic.sqlite")) as connection:
        assert connection.execute("SELECT mail FROM people WHERE id = 'K000001'").fetchone() == (
            "new@example.org",
        )
    assert "new@example.org" not in capsys.readouterr().out


def test_the_clock_of_a_case_is_listed_extended_and_counted(place, capsys):
    run(f"rights receive desk.yaml {ask(place, 'access', ADA)} {DAY}")
    assert run("rights list desk.yaml --today 2026-04-02") == 0
    assert run("rights list desk.yaml --today 2026-04-03") == 1
    late = "rights extend desk.yaml RR-000001 --out letters_out --reason"
    assert run(f"{late} paper {DAY}") == 2  # no sentence
    assert invoke([*late.split(), "The notes are on paper", "--today", "2026-04-03"]) == 2  # too late
    assert invoke([*late.split(), "The notes are on paper", "--today", "2026-03-30"]) == 0
    assert run("rights list desk.yaml --today 2026-04-03") == 0
    assert run("rights statistics desk.yaml --today 2026-04-03") == 0
    assert "2026-06-02" in capsys.readouterr().out


def test_a_request_of_a_wrong_form_is_one_sentence_without_its_values(place, capsys):
    (place / "bad.yaml").write_text(
        "right: gossip\nresidence: eu\nreceived: 2026-03-02\nstated: {name: Ada Prime}\n"
    )
    assert run(f"rights receive desk.yaml bad.yaml {DAY}") == 2
    assert run(f"rights decide desk.yaml RR-000099 {DAY}") == 2
    assert (
        run(f"rights receive desk.yaml {ask(place, 'access', ADA)} --today 2026-03-01") == 2
    )  # not yet received
    error = capsys.readouterr().err
    assert error.count("\n") == 3 and "Ada Prime" not in error


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_each_right_is_listed_with_its_law_and_time(sector, capsys):
    assert run(f"rights laws {sector} --residence eu") == 0
    assert "GDPR Art. 17(1) 1 month" in capsys.readouterr().out


def test_a_sweep_changes_nothing_before_it_is_told_to(place, capsys):
    before = (place / "visits.csv").read_bytes()
    swept = f"retention sweep estate.yaml --schedule healthcare --holds holds.sqlite {DAY} --out report"
    assert run(swept) == 3  # stores without dates cannot be judged
    assert (place / "visits.csv").read_bytes() == before
    assert run(f"{swept} --apply --yes --audit a.jsonl") == 3
    assert (place / "visits.csv").read_text() == "id,day,why\nK000001,2024-01-01,a\n"
    said = capsys.readouterr().out + "".join(p.read_text() for p in (place / "report").iterdir())
    assert not [value for value in PERSONAL if value in said + (place / "a.jsonl").read_text()]


def test_a_hold_keeps_the_records_of_a_person_until_a_second_person_releases_it(place, capsys):
    hold = "retention hold place holds.sqlite --matter 2026-cv-2 --person K000003 --estate estate.yaml"
    assert run(f"{hold} --actor alice --reason", "A lawsuit about old visits") == 0
    swept = f"retention sweep estate.yaml --schedule healthcare --holds holds.sqlite {DAY} --apply --yes"
    run(swept)
    assert (
        "K000003" in (place / "visits.csv").read_text()
        and "K000002" not in (place / "visits.csv").read_text()
    )
    release = "retention hold release holds.sqlite HOLD-0002 --audit a.jsonl --reason"
    assert run(release, "The lawsuit was settled", "--actor", "alice") == 2
    assert run(release, "The lawsuit was settled", "--actor", "bob") == 0
    run(swept + " --reference again")
    assert "K000003" not in (place / "visits.csv").read_text()
    said = capsys.readouterr()
    assert "placed by the same person" in said.err
    assert not [value for value in PERSONAL if value in said.out + said.err + (place / "a.jsonl").read_text()]


def test_a_ledger_of_holds_that_was_put_back_from_an_old_copy_is_refused_until_it_is_caught_up(place, capsys):
    hold = "retention hold place kept.sqlite --witness kept.jsonl --class cache --actor alice --reason"
    assert run(hold, "A lawsuit about figures", "--new", "--matter", "2026-cv-8") == 0
    old = (place / "kept.sqlite").read_bytes()
    assert run(hold, "A second lawsuit", "--matter", "2026-cv-9") == 0
    (place / "kept.sqlite").write_bytes(old)
    assert run("retention hold list kept.sqlite --witness kept.jsonl") == 2
    assert "lacks entries" in capsys.readouterr().err
    assert run("retention hold recover kept.sqlite --witness kept.jsonl") == 0
    assert run("retention hold list kept.sqlite --witness kept.jsonl") == 0
    assert "HOLD-0002" in capsys.readouterr().out


def test_a_desk_knows_its_state_and_refuses_to_work_with_an_old_copy_of_the_holds(place, capsys):
    hold = "retention hold place kept.sqlite --witness kept.jsonl --class cache --actor alice --reason"
    assert run(hold, "A lawsuit about figures", "--new", "--matter", "2026-cv-8") == 0
    old = (place / "kept.sqlite").read_bytes()
    assert run(hold, "A second lawsuit", "--matter", "2026-cv-9") == 0
    begun = "rights init own.yaml --sector healthcare --estate estate.yaml --register own.sqlite"
    assert run(f"{begun} --witness kept.jsonl") == 2
    assert run(f"{begun} --holds kept.sqlite --witness kept.jsonl --home-state US-TX") == 2
    assert run(f"{begun} --holds kept.sqlite --witness kept.jsonl --home-state US-NY") == 0
    desk, _ = open_desk(Path("own.yaml"), None, None, None)
    assert desk.blockers[0].home_state == "US-NY" and len(desk.blockers[1].active()) == 2
    (place / "kept.sqlite").write_bytes(old)
    with pytest.raises(UserError, match="lacks entries"):
        open_desk(Path("own.yaml"), None, None, None)


def test_a_hold_whose_review_is_due_is_told(place, capsys):
    placed = (
        "retention hold place holds.sqlite --matter 2026-cv-3 --everything --review-by 2030-01-01 --reason"
    )
    assert run(placed, "All records are wanted") == 0
    assert run("retention hold list holds.sqlite --today 2029-12-31") == 0
    assert run("retention hold list holds.sqlite --today 2030-01-01") == 1
    assert "Due for review: HOLD-0002" in capsys.readouterr().out


def test_a_schedule_that_breaks_a_law_is_refused_and_lint_says_why(place, capsys):
    from importlib import resources

    shipped = resources.files("secure_ai.govern.retention").joinpath("schedules/finance.yaml").read_text()
    assert "maximum: 7 years" in shipped
    (place / "short.yaml").write_text(shipped.replace("maximum: 7 years", "maximum: 1 month"))
    assert run("retention schedule short.yaml") == 2
    assert run("retention lint short.yaml") == 1
    assert "refused" in capsys.readouterr().out
    assert run("retention lint finance") in {0, 3}
    assert run("retention schedule finance --out schedule") == 0


def test_the_law_of_the_home_state_alone_is_shown(place, capsys):
    assert run("retention schedule healthcare --home-state US-NY") == 0
    said = capsys.readouterr().out
    assert "NYCRR" in said and "22 CCR" not in said
    assert run("retention schedule healthcare --jurisdictions US,US-NY,US-CA") == 2
    assert "at once" in capsys.readouterr().err


def test_a_contested_decision_is_judged_by_a_second_person_who_saw_it(place, monkeypatch, capsys):
    from secure_ai.govern.rights import ReviewQueue

    more = "decision: triage-17\ndecided_on: 2026-02-20\n"
    run(f"rights receive desk.yaml {ask(place, 'automated_decision', ADA, more=more)} {DAY}")
    opening = f"rights review open desk.yaml RR-000001 --outcome declined --decided-by triage@v1 {DAY}"
    low = ["--reason", "Income is below the limit"]
    assert run(f"{opening} --owner K000002 --actor alice", *low) == 2  # another person's decision
    assert run(f"{opening} --owner K000001 --actor alice", *low) == 0
    assert run("rights review list desk.yaml") == 1
    note = ["--note", "The income of the second job counts as well"]
    assert run("rights review see desk.yaml RR-000001 --actor alice") == 2  # the first person
    assert run("rights review confirm desk.yaml RR-000001 upheld --actor bob", *note) == 2  # not seen
    assert run("rights review see desk.yaml RR-000001 --actor bob --audit a.jsonl") == 0
    assert run("rights review confirm desk.yaml RR-000001 upheld --actor bob", *note) == 2  # seen just now
    assert run(f"rights review close desk.yaml RR-000001 --out answers {DAY}") == 2
    assert not (place / "answers").exists()
    monkeypatch.setitem(ReviewQueue.__init__.__kwdefaults__, "least_seconds", 0.0)
    changed = "rights review confirm desk.yaml RR-000001 changed --new-outcome granted --actor bob"
    assert run(changed, *note) == 0
    assert run(f"rights review close desk.yaml RR-000001 --out answers {DAY}") == 0
    assert "second job" in (place / "answers" / "RR-000001-answer.html").read_text()
    assert run("rights review list desk.yaml") == 0
    said = capsys.readouterr()
    assert not [value for value in PERSONAL if value in said.out + said.err]
