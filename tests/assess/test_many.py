"""A portfolio is assessed whole: a failure stops none of the others, and names cannot leave the folder."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from secure_ai import cli
from secure_ai.assess.outputs.register import guarded
from secure_ai.assess.run import many
from secure_ai.assess.run.many import PortfolioResult, assess_many
from secure_ai.assess.run.portfolio import read_portfolio
from secure_ai.assess.run.summary import (
    Row,
    read_rows,
    summary_csv,
    summary_html,
    verdict,
    write_summary,
)
from secure_ai.core import Level, UserError


def portfolio(folder: Path, content: object) -> Path:
    path = folder / "portfolio.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def one(name: object = "triage", **more: object) -> dict:
    return {"name": name, "parameters": {"data": "none.csv", "sector": "finance"}, **more}


# ------------------------------------------------------------------------- the file

BAD = [
    ("empty file", "", "lists no assessments"),
    ("empty list", [], "lists no assessments"),
    ("no list", {"assessments": {"a": 1}}, "lists no assessments"),
    ("text", "triage", "lists no assessments"),
    ("no yaml", "assessments: [", "no valid YAML"),
    ("unknown setting", {"assessments": [one()], "default": {}}, "'?default'?: it takes assessments"),
    ("defaults", {"assessments": [one()], "defaults": [1]}, "defaults holds no"),
    ("nested", [[one()]], "Entry 1 of the portfolio is no"),
    ("nested portfolio", [{"assessments": [one()]}], "not known, assessments"),
    ("parameter beside", [one(data="x.csv")], "below 'parameters:'"),
    ("no parameters", [{"name": "a"}], "has no parameters"),
    ("file is no path", [{"name": "a", "file": 3}], "names no file"),
    ("twice", [one("a"), one("b"), one("A")], "Entries 1 and 3"),
    ("too many", [one(f"a{i}") for i in range(1001)], "1,001 assessments"),
    *(
        (f"name {name!r}", [one(name)], "needs a name|cannot have")
        for name in (
            "", ".", "..", "../up", "a/b", "a\\b", "/etc", "a\0b", "a\nb", " a", "a ", "a.", "-a", ".a",
            "~", "x" * 65, "=cmd", "<b>", "é", None, 7, ["a"],
            "con", "NUL.txt", "summary.html", "Summary.json",
            "a:b",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_wrong_portfolio_is_one_sentence_before_any_work(
    tmp_path: Path, content: object, words: str
) -> None:
    path = portfolio(tmp_path, content)
    with pytest.raises(UserError, match=words) as caught:
        assess_many(path, tmp_path / "out")
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["portfolio.yaml"]


def test_a_huge_portfolio_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="larger than a megabyte"):
        read_portfolio(portfolio(tmp_path, "# " + "x" * 1_100_000))


def test_entry_wins_over_file_and_file_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("sector: finance\nseed: 2\nrows: 30\n")
    content = {
        "defaults": {"sector": "healthcare", "seed": 1, "rows": 20, "repeats": 3},
        "assessments": [
            {"name": "a", "file": str(tmp_path / "p.yaml"), "parameters": {"rows": 40, "data": "x.csv"}}
        ],
    }
    (entry,) = read_portfolio(portfolio(tmp_path, content))
    made = entry.parameters()
    assert (made.sector, made.seed, made.rows, made.repeats) == ("finance", 2, 40, 3)


@pytest.mark.parametrize("name", ["out", "work"])
def test_an_entry_does_not_decide_where_its_report_goes(tmp_path: Path, name: str) -> None:
    entry = one()
    entry["parameters"][name] = "/tmp/elsewhere"
    (read,) = read_portfolio(portfolio(tmp_path, [entry]))
    with pytest.raises(UserError, match=f"'{name}' is decided by the portfolio"):
        read.parameters()


# ------------------------------------------------------------------------- the summary

ROWS = (
    Row("b", "=1+1", "finance", "high", {"high": 2, "low": 1}, 2, 3, 9),
    Row("a", "<script>", "healthcare", "critical", {"critical": 1}, 1, 1, 2),
    Row("c", failed="-The file does not exist & more."),
)


class Cells(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.heads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)


def test_the_page_shows_failures_first_then_the_worst_and_escapes(tmp_path: Path) -> None:
    page = summary_html(ROWS)
    assert page.index(">c<") < page.index('"a/report.html"') < page.index('"b/report.html"')
    assert "script" not in Cells(page).tags and "&lt;script&gt;" in page and "&amp; more" in page
    assert verdict(ROWS).startswith(
        "2 of 3 systems were assessed, 2 with findings above a threshold; 1 failed."
    )


def test_the_table_is_guarded_against_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(summary_csv(ROWS))))
    assert [row["subject"] for row in rows] == ["'=1+1", "<script>", ""]
    assert rows[2]["failed"].startswith("'-The file") and rows[0]["high"] == "2"
    assert [guarded(text) for text in ("=a", "+a", "-a", "@a", "a")] == ["'=a", "'+a", "'-a", "'@a", "a"]


def test_a_summary_is_read_as_it_was_written_and_a_damaged_one_not_at_all(tmp_path: Path) -> None:
    write_summary(tmp_path, ROWS)
    assert tuple(read_rows(tmp_path)) == ROWS
    for content in (
        "",
        "[]",
        "{}",
        '{"format": "secure-ai portfolio 1", "systems": [{"x": 1}]}',
        "[" * 100_000,
    ):
        (tmp_path / "summary.json").write_text(content)
        assert read_rows(tmp_path) == []


def test_the_worst_level_of_a_portfolio_is_that_of_its_worst_system() -> None:
    result = PortfolioResult(Path(), ROWS)
    assert (
        result.worst is Level.CRITICAL and result.reaches("high") and [r.name for r in result.failed] == ["c"]
    )
    nothing = PortfolioResult(Path(), (Row("a"),))
    assert nothing.worst is Level.UNASSESSED and not nothing.reaches("low")


# ------------------------------------------------------------------------- the run


@pytest.fixture
def quick(changed_notebook: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the processes of a portfolio run quick sections; a system 'hangs' if its seed is 99."""
    from .conftest import QUICK_SECTIONS, WITHOUT_SLOW_PARTS

    code = QUICK_SECTIONS + (
        "\ndef _some(part, inputs, progress):\n"
        "    if inputs.parameters.seed == 99: _time.sleep(600)\n"
        "    if inputs.parameters.seed == 98: import os; os.kill(os.getpid(), 9)\n"
        "    return _quick(part, inputs, progress)\n_registry.Part.run = _some\n"
    )
    notebook = changed_notebook(code)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "quick_one.py").write_text(
        f"{WITHOUT_SLOW_PARTS}from pathlib import Path\nfrom secure_ai.assess.run import engine, one\n"
        f"engine.notebook_path = lambda: Path({str(notebook)!r})\nsys.exit(one.main(Path(sys.argv[1])))\n"
    )
    monkeypatch.setattr(many, "COMMAND", [sys.executable, str(folder / "quick_one.py")])
    return notebook


def entry(name: str, data: Path, **parameters: object) -> dict:
    return {"name": name, "parameters": {"data": str(data), **parameters}}


def test_a_failure_and_a_crash_stop_none_of_the_others_and_resume_runs_them_again(
    quick: Path, small_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret-place").mkdir()
    absent = tmp_path / "secret-place" / "jane-doe.csv"
    content = {
        "defaults": {"sector": "finance", "date": "2026-03-31"},
        "assessments": [
            entry("good one", small_file),
            entry("no file", absent),
            entry("wrong", small_file, sample="many"),
            entry("crash", small_file, seed=98),
        ],
    }
    path, out, lines = portfolio(tmp_path, content), tmp_path / "out", []
    result = assess_many(path, out, jobs=2, progress=lines.append)
    good, *others = result.rows
    assert not good.failed and good.measured > 0 and good.worst != "unassessed"
    said = {row.name: row.failed for row in others}
    assert "does not exist" in said["no file"] and "'sample' must be" in said["wrong"]
    assert "ended by itself" in said["crash"]
    assert len(lines) == 4 and lines[-1].startswith("4 of 4: ")
    assert {part.name for part in out.iterdir() if not part.name.startswith(".")} == {
        "good one", "summary.html", "summary.csv", "summary.json",
    }  # fmt: skip
    for name in many.SUMMARIES:
        text = (out / name).read_text()
        assert str(tmp_path) not in text and "jane-doe" not in text and "secret-place" not in text
    before = {part: part.stat().st_mtime_ns for part in (out / "good one").iterdir()}
    absent.write_bytes(small_file.read_bytes())
    content["assessments"] = content["assessments"][:2]
    again = assess_many(portfolio(tmp_path, content), out, resume=True, progress=lines.append)
    assert not again.failed and again.rows[0] == good
    assert before == {part: part.stat().st_mtime_ns for part in (out / "good one").iterdir()}
    # What was changed by hand is no longer what was assessed.
    (out / "good one" / "report.html").write_text("better")
    third = assess_many(path.parent / "portfolio.yaml", out, resume=True, progress=lines.append)
    assert third.rows[0] == good and (out / "good one" / "report.html").read_text() != "better"


def test_a_system_that_hangs_is_given_up(quick: Path, small_file: Path, tmp_path: Path) -> None:
    content = [entry("hang", small_file, seed=99, sector="finance")]
    (row,) = assess_many(portfolio(tmp_path, content), tmp_path / "out", seconds=5, progress=str).rows
    assert row.failed == "It was given up after 5 s."


def test_foreign_files_in_the_output_folder_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="not an earlier portfolio"):
        assess_many(portfolio(tmp_path, [one()]), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_stops_the_systems_and_leaves_nothing_half_written(
    quick: Path, small_file: Path, tmp_path: Path
) -> None:
    path = portfolio(
        tmp_path, {"defaults": {"sector": "finance"}, "assessments": [entry("a", small_file, seed=99)]}
    )
    code = (
        # A shell that puts the tests into the background lets them ignore Ctrl-C, and what they start too.
        "import signal, sys\nfrom secure_ai.assess.run import many\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"many.COMMAND = {many.COMMAND!r}\n"
        "try:\n    many.assess_many(sys.argv[1], sys.argv[2])\nexcept KeyboardInterrupt:\n    sys.exit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path), str(tmp_path / "out")])
    until = time.monotonic() + 60
    told = tmp_path / "out" / ".a.work" / "progress.json"
    while not (told.exists() and "Inventory" in told.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    kernel = json.loads(told.read_text())["process"]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not list((tmp_path / "out").iterdir())
    assert not (tmp_path / ".out.work").exists()
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{kernel}").exists() or "zombie" in Path(f"/proc/{kernel}/status").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.yaml", "--out", "o"], "portfolio none.yaml cannot be read"),
        (["none.yaml"], "Missing option '--out'"),
        (["none.yaml", "--out", "o", "--jobs", "0"], "0 is not in the range"),
    ],
)
def test_the_command_says_the_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert cli.invoke(["assess", "many", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "options", "code"),
    [
        ([Row("a", worst="high", measured=1)], [], 0),
        ([Row("a", worst="high", measured=1)], ["--fail-on", "high"], 1),
        ([Row("a", worst="medium", measured=1)], ["--fail-on", "high"], 0),
        ([Row("a", worst="high", measured=1), Row("b", failed="No.")], ["--fail-on", "high"], 2),
        ([Row("a")], [], 3),
    ],
)
def test_the_command_ends_with_the_code_of_what_was_found(monkeypatch, rows, options, code) -> None:
    monkeypatch.setattr(many, "assess_many", lambda *_, **__: PortfolioResult(Path("o"), tuple(rows)))
    assert cli.invoke(["assess", "many", "p.yaml", "--out", "o", *options]) == code
