"""The command line answers bad input with one sentence and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from secure_ai import __version__
from secure_ai.cli import invoke

BAD_INPUT = [
    (["nonsense"], "No such command 'nonsense'"),
    (["doctor", "--bogus"], "No such option '--bogus'"),
    (["data", "hospital", "--out", "x"], "'hospital' is not one of"),
    (["data", "finance"], "Missing option '--out'"),
    (["data", "finance", "--out", "x", "--rows", "many"], "'many' is not a valid integer"),
    (["assess", "--data", "x.csv", "--sector", "finance"], "Missing option '--out'"),
    (["start", "--port", "abc"], "'abc' is not a valid integer"),
    (["start", "--port", "70000"], "70000 is not a port"),
    (["lab", "reset", "99_no_such_lab"], "99_no_such_lab"),
    (["scan"], "Missing argument 'SOURCE'"),
    (["scan", "none.csv"], "does not exist"),
    (["deidentify", "none.csv", "out.csv", "--policy", "safe_harbor"], "does not exist"),
    (["deidentify", "none.csv", "out.csv"], "Missing option '--policy'"),
    (["key"], "Missing argument 'FILE'"),
    (["lab", "submit", "99_no_such_lab"], "99_no_such_lab"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), BAD_INPUT, ids=[" ".join(arguments)[:40] for arguments, _ in BAD_INPUT]
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, said, capsys):
    assert invoke(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert said in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


FORMAT_OF_THE_OTHER_SECTOR = [("finance", "fhir"), ("healthcare", "iso20022")]


@pytest.mark.parametrize(("sector", "fmt"), FORMAT_OF_THE_OTHER_SECTOR)
def test_a_format_of_the_other_sector_is_refused_and_nothing_is_written(sector, fmt, tmp_path, capsys):
    out = tmp_path / "data"
    assert invoke(["data", sector, "--rows", "100", "--out", str(out), "--format", fmt]) == 2
    assert fmt in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rows", ["0", "-5"])
def test_rows_below_one_are_refused(rows, tmp_path, capsys):
    assert invoke(["data", "finance", "--rows", rows, "--out", str(tmp_path / "d")]) == 2
    assert "rows" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_data_writes_the_bank(tmp_path, capsys):
    out = tmp_path / "bank"
    assert invoke(["data", "finance", "--rows", "500", "--out", str(out), "--format", "csv"]) == 0
    assert (out / "transactions.csv").read_text(encoding="utf-8").count("\n") == 501
    assert "Wrote" in capsys.readouterr().out


def test_version_is_the_package_version(capsys):
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"secure-ai {__version__}"


def test_every_command_explains_itself(capsys):
    for command in (
        ["doctor"],
        ["start"],
        ["data"],
        ["lab", "list"],
        ["lab", "reset"],
        ["lab", "submit"],
        ["assess"],
        ["scan"],
        ["deidentify"],
        ["key"],
    ):
        assert invoke([*command, "--help"]) == 0
        assert "Usage: secure-ai " + " ".join(command) in capsys.readouterr().out


def test_the_installed_command_ends_with_code_2_on_bad_input():
    ended = subprocess.run(
        [sys.executable, "-m", "secure_ai.cli", "nonsense"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of a scheduler")
@pytest.mark.parametrize(
    ("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)], ids=["stopped by a scheduler", "Ctrl-C"]
)
def test_a_stopped_assessment_keeps_the_old_report_and_leaves_nothing_behind(tmp_path, stopped, name, code):
    (tmp_path / "t.csv").write_text("age,sex\n" + "".join(f"{i % 40},{'fm'[i % 2]}\n" for i in range(500)))
    out = tmp_path / "out"
    out.mkdir()
    command = ["assess", "--data", "t.csv", "--sector", "finance", "--out", "out"]
    returned, error = stopped(command, ".out.work/progress.json", name)
    assert returned == code and "Traceback" not in error
    # Finished sections may be kept, nothing half-written.
    assert sorted({path.name for path in tmp_path.iterdir()} - {".out.work"}) == ["out", "t.csv"]
    kept = tmp_path / ".out.work"
    assert not kept.exists() or {path.name for path in kept.iterdir()} == {"lock", "run.json", "sections"}
    assert list(out.iterdir()) == []


def test_an_interrupted_query_ends_like_any_other_interruption(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("secure_ai.assess.run_assessment", interrupted)
    assert invoke(["assess", "--data", "x.csv", "--sector", "finance", "--out", "out"]) == 130
    assert capsys.readouterr().err == ""
