"""The commands about vendors: the form, an assessment, and vendors side by side."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from secure_ai.cli import invoke

DAY = "2026-11-02"


@pytest.fixture(scope="module")
def vendors(tmp_path_factory):
    """Three invented vendors of the bank, assessed."""
    folder = tmp_path_factory.mktemp("vendors")
    assert invoke(["vendor", "example", "finance", "--out", str(folder / "forms")]) == 0
    forms = sorted((folder / "forms").glob("*.csv"))
    assert len(forms) == 3
    for form in forms:
        code = invoke([
            "vendor", "assess", str(form), "--sector", "finance", "--evidence", str(form.with_suffix("")),
            "--service", "Loan Desk Assistant", "--today", DAY, "--out", str(folder / "out" / form.stem),
        ])  # fmt: skip
        assert code == 1  # each of the three has conditions to meet before signing
    return folder


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".yaml"])
def test_a_form_is_written_in_the_format_that_its_name_says(ending, tmp_path, capsys):
    out = tmp_path / f"form{ending}"
    assert invoke(["vendor", "form", str(out), "--sector", "healthcare"]) == 0
    assert out.stat().st_size > 1_000 and "questions" in capsys.readouterr().out


def test_an_assessment_is_a_report_clauses_and_two_files_for_programs(vendors):
    folder = next((vendors / "out").iterdir())
    names = {path.name for path in folder.iterdir()}
    assert {"assessment.json", "findings.json", "clauses.md", "clauses.html"} <= names
    findings = json.loads((folder / "findings.json").read_text())["findings"]
    assert findings and all("measurement" in finding for finding in findings)


def test_the_same_assessment_on_the_same_day_is_the_same_file_byte_by_byte(vendors, tmp_path, capsys):
    form = min((vendors / "forms").glob("*.csv"))
    again = ["vendor", "assess", str(form), "--sector", "finance", "--evidence", str(form.with_suffix("")),
             "--service", "Loan Desk Assistant", "--today", DAY, "--out", str(tmp_path / "o")]  # fmt: skip
    invoke(again)
    first = {path.name: path.read_bytes() for path in (vendors / "out" / form.stem).iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()} == first
    capsys.readouterr()


def test_vendors_stand_side_by_side_and_nothing_is_added_up(vendors, capsys):
    files = [str(path) for path in sorted((vendors / "out").glob("*/assessment.json"))]
    assert invoke(["vendor", "compare", *files, "--out", str(vendors / "compared")]) == 0
    said = capsys.readouterr().out
    assert "Decision" in said and "score" not in said.casefold()
    assert sorted(path.name for path in (vendors / "compared").iterdir()) == ["vendors.html", "vendors.md"]


def test_what_got_worse_since_the_last_assessment_is_said(vendors, tmp_path, capsys):
    form = sorted((vendors / "forms").glob("castellane*.csv"))[0]
    before = vendors / "out" / form.stem / "assessment.json"
    invoke(["vendor", "assess", str(form), "--sector", "finance", "--service", "Loan Desk Assistant",
            "--evidence", str(form.with_suffix("")), "--previous", str(before), "--today", "2027-12-01",
            "--out", str(tmp_path / "later")])  # fmt: skip
    assert "worse: " in capsys.readouterr().out


BAD = [
    (["form", "f.docx", "--sector", "finance"], "A form is .xlsx, .csv, .yaml"),
    (["form", "f.csv"], "Missing option '--sector'"),
    (["assess", "none.csv", "--sector", "finance", "--out", "o"], "cannot be read"),
    (["assess", "blank.csv", "--sector", "finance", "--out", "o"], "fill in the vendor"),
    (["assess", "blank.csv", "--sector", "finance", "--out", "o", "--today", "2.11.2026"], "2026-01-31"),
    (["assess", "blank.csv", "--sector", "finance", "--out", "o", "--data", "some"], "'some' is not one of"),
    (["compare", "blank.csv"], "is no assessment that this kit saved"),
    (["compare"], "Missing argument"),
    (["example", "finance", "--out", "there"], "is not empty"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments)[:50] for arguments, _ in BAD])
def test_bad_input_is_one_sentence_and_nothing_is_written(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    invoke(["vendor", "form", "blank.csv", "--sector", "finance"])
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    capsys.readouterr()
    assert invoke(["vendor", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and said in error and error.count("\n") == 1
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_an_interruption_leaves_the_old_report(vendors, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    form = min((vendors / "forms").glob("*.csv"))
    out = tmp_path / "o"
    out.mkdir()
    (out / "old.md").write_text("old")
    monkeypatch.setattr("secure_ai.govern.records.write_record", interrupted)
    assert invoke(["vendor", "assess", str(form), "--sector", "finance", "--out", str(out)]) == 130
    assert [path.name for path in out.iterdir()] == ["old.md"]
    assert [path.name for path in tmp_path.iterdir()] == ["o"]
    assert "Traceback" not in capsys.readouterr().err


def test_the_commands_load_nothing_heavy_before_they_run():
    heavy = ("pandas", "numpy", "pyarrow", "duckdb", "yaml", "cryptography", "secure_ai.govern.vendors")
    script = f"import secure_ai.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
