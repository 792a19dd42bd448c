"""The commands of self-paced learning: start on a path, progress, certificate, record."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secure_ai import start
from secure_ai.cli import invoke
from secure_ai.learn import progress
from secure_ai.learn.resume import ChosenPath, remembered
from tests.learn.learners import place_progress, solve, solve_path


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return place_progress(monkeypatch, tmp_path / "kept" / "progress.sqlite")


@pytest.fixture
def opened(monkeypatch, repo_root, tmp_path):
    """What JupyterLab would open, without starting it; the progress page goes to the test's folder."""
    seen = {}

    def pretend(port, *, open_browser=None, page=start.START_PAGE, before=None):
        seen["page"] = page
        if before is not None:
            before("http://127.0.0.1:8899")
        return 0

    monkeypatch.setattr(start, "start_jupyterlab", pretend)
    monkeypatch.setattr("secure_ai.doctor.run_checks", lambda quick: [])
    monkeypatch.setattr("secure_ai.learn.progress_page.DEFAULT", Path(tmp_path.resolve(), "progress.html"))
    return seen


def test_start_on_a_path_remembers_it_and_opens_where_the_learner_stopped(place, opened, capsys):
    assert invoke(["start", "--path", "compliance", "--sector", "finance"]) == 0
    assert opened["page"] == "notebooks/00_start_here.ipynb"
    assert remembered() == ChosenPath("compliance", "finance")
    progress.record("03_data_inventory", "find_labeled", "incorrect")
    assert invoke(["start"]) == 0
    assert opened["page"] == "labs/03_data_inventory.ipynb"
    said = capsys.readouterr().out
    assert "Go on with lab 03: 0 of 6 tasks solved" in said and "Your progress: " in said
    page = Path("progress.html").read_text(encoding="utf-8")
    assert 'href="http://127.0.0.1:8899/lab/tree/labs/03_data_inventory.ipynb"' in page


def test_a_finished_path_opens_its_progress_page(place, opened, tmp_path):
    solve_path("compliance")
    assert invoke(["start", "--path", "compliance"]) == 0
    assert opened["page"].endswith("progress.html")


def test_without_a_path_the_start_page_opens_and_nothing_is_written(place, opened, tmp_path):
    assert invoke(["start"]) == 0
    assert opened["page"] == start.START_PAGE and list(tmp_path.iterdir()) == []


def test_a_damaged_memory_or_progress_keeps_nobody_from_learning(place, opened, capsys):
    place.parent.mkdir()
    (place.parent / "learning.json").write_text("{")
    assert invoke(["start"]) == 0 and opened["page"] == start.START_PAGE
    assert "choose again" in capsys.readouterr().out
    place.write_bytes(b"no database " * 100)
    assert invoke(["start", "--path", "compliance"]) == 0 and opened["page"] == start.START_PAGE
    assert "the progress file is damaged" in capsys.readouterr().out


@pytest.fixture
def not_replaced(monkeypatch):
    """The server does not take the place of this process."""

    def stop(*arguments):
        raise SystemExit(0)

    monkeypatch.setattr(os, "chdir", lambda folder: None)
    monkeypatch.setattr(os, "execve", stop)


@pytest.mark.usefixtures("not_replaced")
@pytest.mark.skipif(os.name == "nt", reason="there the server is a child")
def test_a_page_that_is_missing_falls_back_to_the_start_page(capsys):
    with pytest.raises(SystemExit):
        start.start_jupyterlab(open_browser=False, page="labs/99_nothing.ipynb")
    assert "/lab/tree/notebooks/00_start_here.ipynb?token=" in capsys.readouterr().out


@pytest.mark.usefixtures("not_replaced")
@pytest.mark.skipif(os.name == "nt", reason="there the server is a child")
def test_a_page_that_is_written_before_the_server_starts_is_opened(monkeypatch, tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / start.START_PAGE).write_text("{}")
    monkeypatch.setattr(start, "project_root", lambda: tmp_path)

    def write(address):
        assert address.startswith("http://127.0.0.1:")
        (tmp_path / "progress.html").write_text("<p>")

    with pytest.raises(SystemExit):
        start.start_jupyterlab(open_browser=False, page="progress.html", before=write)
    assert "/lab/tree/progress.html?token=" in capsys.readouterr().out


def test_progress_prints_and_writes_the_page(place, capsys):
    solve("00")
    assert invoke(["progress", "--path", "compliance", "--out", "p.html"]) == 0
    said = capsys.readouterr().out
    assert "1 of 1 tasks" in said and "Reading a lesson leaves no trace" in said
    assert "1 of 1 tasks" in Path("p.html").read_text(encoding="utf-8")


def test_what_is_missing_for_a_certificate_is_listed_with_exit_code_1(place, capsys):
    solve("00", "01", "04", "05", "16", "17")
    solve("03", but=("find_labeled", "table_tier"))
    assert invoke(["certificate", "--path", "compliance", "--name", "Ana Lopez"]) == 1
    assert "- 03 Data inventory: find_labeled, table_tier\n" in capsys.readouterr().out
    assert not Path("certificate.html").exists()
    assert not (place.parent / "certificate.key").exists(), "no key is made before there is something to sign"


def test_from_the_labs_to_a_verified_certificate(place, capsys):
    solve_path("compliance")
    assert invoke(["certificate-key", "org.key", "--no-passphrase"]) == 0
    line = re.search(r"ed25519:\S+", capsys.readouterr().out)[0]
    command = ["certificate", "--path", "compliance", "--name", "Ana Lopez", "--key", "org.key"]
    assert invoke([*command, "--issuer", "General Hospital", "--out", "ana.html"]) == 0
    capsys.readouterr()
    assert invoke(["certificate", "verify", "ana.html", "--public-key", line]) == 0
    assert capsys.readouterr().out.startswith(
        "Verified with your key: Ana Lopez has completed the path Compliance"
    )
    Path("org.pub").write_text(line + "\n")
    assert invoke(["certificate", "verify", "ana.html", "--public-key", "org.pub"]) == 0
    assert invoke(["certificate", "verify", "ana.html"]) == 3
    capsys.readouterr()
    text = Path("ana.html").read_text(encoding="utf-8")
    Path("ana.html").write_text(text.replace("Ana Lopez", "Eva Lopez"), encoding="utf-8")
    assert invoke(["certificate", "verify", "ana.html", "--public-key", line]) == 1
    assert capsys.readouterr().out == "The certificate was changed after it was signed: do not accept it.\n"


def test_a_key_with_a_passphrase_signs(place, monkeypatch, capsys):
    monkeypatch.setenv("SECURE_AI_PASSPHRASE", "correct horse battery")
    assert invoke(["certificate-key", "org.key"]) == 0
    assert b"ENCRYPTED" in Path("org.key").read_bytes()
    solve("00")
    command = ["certificate", "--path", "instructor", "--name", "Bo", "--key", "org.key", "--issuer", "H"]
    assert invoke(command) == 0
    monkeypatch.delenv("SECURE_AI_PASSPHRASE")
    assert invoke(command) == 2
    assert "give its passphrase" in capsys.readouterr().err


def test_a_self_issued_certificate_says_so(place, capsys):
    solve("00")
    assert invoke(["certificate", "--path", "instructor", "--name", "Bo"]) == 0
    assert "It is self-issued" in capsys.readouterr().out
    assert "Self-issued." in Path("certificate.html").read_text(encoding="utf-8")


def test_an_instructor_certifies_a_seat_and_a_file(place, monkeypatch, tmp_path, capsys):
    home = tmp_path / "room" / "homes" / "seat-01" / ".secure-ai"
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(home / "progress.sqlite"))
    solve("00")
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(place))
    base = ["certificate", "--path", "instructor", "--name", "Bo"]
    sources = (["--room", "room", "--seat", "seat-01"], ["--progress", str(home / "progress.sqlite")])
    for source, said in zip(sources, ("seat in the issuer", "was handed a progress file"), strict=True):
        assert invoke([*base, *source]) == 2
        assert "signed by an organization" in capsys.readouterr().err
        invoke(["certificate-key", "org.key", "--no-passphrase"])
        assert invoke([*base, *source, "--key", "org.key", "--issuer", "H"]) == 0
        assert said in Path("certificate.html").read_text(encoding="utf-8")
        capsys.readouterr()


def test_the_record_in_its_three_forms(place, capsys):
    solve("00", "08")
    assert invoke(["record", "--out", "r.csv"]) == 0
    with Path("r.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    assert invoke(["record", "--out", "r.json", "--as", "xapi", "--iri", "https://t.example.org"]) == 0
    assert len(json.loads(Path("r.json").read_text(encoding="utf-8"))) == 8
    assert invoke(["record", "--out", "r.html", "--as", "evidence", "--path", "security"]) == 0
    assert "1 learner was read; 0 have solved all labs" in capsys.readouterr().out
    assert "164.308(a)(5)(ii)(C)" in Path("r.html").read_text(encoding="utf-8")


def test_who_could_not_be_read_is_named_with_exit_code_1(place, capsys):
    solve("00")
    (place.parent / "bad.sqlite").write_bytes(b"no database " * 100)
    assert invoke(["record", "--out", "r.csv", "--folder", str(place.parent)]) == 1
    said = capsys.readouterr().out
    assert "Not read: file 1: the file is no progress file" in said and "1 learner." in said


BAD_INPUT = [
    (["start", "--path", "nurse"], "choose from executive"),
    (["start", "--sector", "finance"], "--sector goes with --path"),
    (["start", "--path", "full", "--sector", "insurance"], "is not one of"),
    (["start", "--path", "full", "--port", "70000"], "70000 is not a port"),
    (["progress"], "No path is chosen yet"),
    (["progress", "--path", "nurse"], "choose from executive"),
    (["progress", "--path", "full", "--out", "."], "is no file"),
    (["certificate", "--path", "full"], "needs a name"),
    (["certificate", "--name", "Ana"], "No path is chosen yet"),
    (["certificate", "--path", "nurse", "--name", "Ana"], "choose from executive"),
    (["certificate", "--path", "full", "--name", "a\nb"], "1 to 100 printable characters"),
    (["certificate", "--path", "full", "--name", "A", "--room", "r"], "both --room and --seat"),
    (["certificate", "--path", "full", "--name", "A", "--room", "r", "--seat", "s"], "no room here"),
    (["certificate", "--path", "full", "--name", "A", "--progress", "none.sqlite"], "does not exist"),
    (["certificate", "verify", "none.html"], "no such certificate file"),
    (["certificate", "verify", "none.html", "--public-key", "none.pub"], "--public-key is a line"),
    (["certificate", "verify"], "Missing argument 'FILE'"),
    (["certificate-key", "no/such/folder/key", "--no-passphrase"], "cannot be written"),
    (["record"], "Missing option '--out'"),
    (["record", "--out", "r", "--as", "pdf"], "is not one of"),
    (["record", "--out", "r", "--folder", "none"], "no such folder"),
    (["record", "--out", "r", "--room", "none"], "no room here"),
    (["record", "--out", "r", "--room", "a", "--folder", "b"], "give one of them"),
    (["record", "--out", "r", "--as", "xapi", "--iri", "here"], "--iri is an address"),
    (["record", "--out", "r", "--as", "evidence", "--path", "executive"], "has no labs"),
    (["record", "--out", "r", "--as", "evidence", "--name", "Ana"], "--name goes with"),
    (["record", "--out", "."], "is no file"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_INPUT, ids=[" ".join(one)[:50] for one, _ in BAD_INPUT])
@pytest.mark.usefixtures("place", "opened")
def test_bad_input_is_one_sentence_and_nothing_is_written(arguments, said, tmp_path, capsys):
    assert invoke(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and said in error and error.count("\n") == 1
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "progress.sqlite"]
    assert left == []


def test_the_commands_load_no_heavy_library_before_they_are_called(repo_root):
    code = "import sys, secure_ai.cli; print({'sqlalchemy', 'jinja2', 'cryptography'} & {*sys.modules})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=repo_root)
    assert done.stdout.strip() == "set()"
