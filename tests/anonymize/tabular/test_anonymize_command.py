"""``secure-ai anonymize``: what it writes, and bad input as one sentence with nothing written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from secure_ai.cli import invoke

ROWS = 240


@pytest.fixture
def here(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    age = rng.integers(20, 80, ROWS)
    table = pd.DataFrame(
        {
            "patient_id": [f"P{i:06}" for i in range(ROWS)],
            "age": age,
            "town": rng.choice(["Örebro", "北京", "Köln", "Lund"], ROWS),
            "score": rng.normal(size=ROWS).round(3),
            "illness": rng.choice(["flu", "cold", "=cmd()", "none"], ROWS),
            "ill": np.where(age + rng.normal(0, 15, ROWS) > 50, "yes", "no"),
        }
    )
    table.to_csv(tmp_path / "people.csv", index=False)
    table.assign(age=table["age"].astype(float).where(table.index != 3, np.inf)).to_parquet(
        tmp_path / "infinite.parquet"
    )
    table.assign(age=table["age"].astype(float).where(table.index % 9 > 0)).to_parquet(
        tmp_path / "gaps.parquet"
    )
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but not really")
    ages = range(20, 80)
    (tmp_path / "ages.csv").write_text(
        "".join(f"{a};{a // 10}0s;{'old' if a > 49 else 'young'};*\n" for a in ages)
    )
    (tmp_path / "few_ages.csv").write_text("20;20s;*\n21;20s;*\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("keep me")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*options, source="people.csv", out="out.csv", qi="age,town", k="5"):
    return invoke(["anonymize", source, "--quasi-identifiers", qi, "--k", k, "--out", out, *options])


def test_the_copy_hides_every_record_among_k_and_holds_named_columns_only(here, capsys):
    assert run("--sensitive", "illness", "--l", "2") == 0
    made = pd.read_csv(here / "out.csv")
    assert list(made.columns) == ["age", "town", "illness"] and len(made) == ROWS
    assert made.groupby(["age", "town"]).size().min() >= 5
    assert made.groupby(["age", "town"])["illness"].nunique().min() >= 2
    shown = capsys.readouterr()
    assert "patient_id" in shown.out and "left out" in shown.out and "k=5, l=2" in shown.out
    assert shown.err == "" and "P000001" not in shown.out


def test_text_that_a_spreadsheet_would_run_is_guarded(here):
    assert run("--sensitive", "illness") == 0
    assert set(pd.read_csv(here / "out.csv")["illness"]) == {"flu", "cold", "'=cmd()", "none"}
    assert run("--sensitive", "illness", out="out.tsv") == 0
    assert set(pd.read_csv(here / "out.tsv", sep="\t")["illness"]) == {"flu", "cold", "'=cmd()", "none"}


def test_parquet_keeps_types_and_gaps_stay_visible(here):
    assert run("--keep", "score", source="gaps.parquet", out="out.parquet") == 0
    made = pd.read_parquet(here / "out.parquet")
    assert made["score"].dtype == float and made["age"].str.contains("missing").any()
    assert made.groupby(["age", "town"]).size().min() >= 5


def test_full_domain_reads_hierarchies_and_releases_whole_levels(here):
    assert run("--method", "full_domain", "--hierarchy", "age=ages.csv", "--suppress", "0.05") == 0
    ages = set(pd.read_csv(here / "out.csv", dtype=str)["age"]) - {"*"}
    assert ages <= {f"{n}0s" for n in range(2, 8)} or ages <= {"old", "young"} or not ages


def test_the_report_shows_before_and_after_and_no_value(here):
    assert run("--sensitive", "illness", "--keep", "ill", "--target", "ill", "--report", "report") == 0
    page = (here / "report" / "report.html").read_text()
    found = json.loads((here / "report" / "release.json").read_text())
    assert {row["measure"] for row in found["figures"]} >= {"k", "t", "ncp", "prosecutor_highest_risk"}
    assert found["usefulness"]["target"] == "ill" and found["frontier"]["points"]
    for value in ("Örebro", "北京", "cmd()", "P000001", "cold"):
        assert value not in page and value not in json.dumps(found, ensure_ascii=False)
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


def test_the_same_command_gives_the_same_bytes(here):
    for name in ("a", "b"):
        assert run("--keep", "ill", "--target", "ill", "--report", f"r{name}", out=f"{name}.csv") == 0
    assert (here / "a.csv").read_bytes() == (here / "b.csv").read_bytes()
    for name in ("report.html", "release.json"):
        assert (here / "ra" / name).read_bytes() == (here / "rb" / name).read_bytes()


def test_a_kept_column_that_names_people_is_a_warning(here, capsys):
    assert run("--keep", "patient_id") == 0
    assert "Warning: 'patient_id' stays as it is" in capsys.readouterr().err


def test_all_other_columns_stay_once_those_that_name_people_are_dropped(here):
    assert run("--keep", "*", "--drop", "patient_id,score") == 0
    assert list(pd.read_csv(here / "out.csv").columns) == ["age", "town", "illness", "ill"]


def test_an_earlier_output_is_replaced_and_survives_a_failure(here):
    (here / "out.csv").write_text("earlier")
    assert run(k="1000") == 2
    assert (here / "out.csv").read_text() == "earlier"
    assert run() == 0
    assert (here / "out.csv").read_text() != "earlier"


# What is wrong, arguments for run(), and words that the sentence must hold.
CASES = [
    ("k above the table", {"k": "241"}, "fewer than k=241"),
    ("k of nothing", {"k": "0"}, "k must be a whole number"),
    ("k no number", {"k": "many"}, "'many' is not a valid integer"),
    ("no quasi-identifier", {"qi": ""}, "No quasi-identifier was named for people.csv"),
    ("only commas", {"qi": " , "}, "No quasi-identifier"),
    ("unknown column", {"qi": "age,height"}, "no column 'height'"),
    ("unknown sensitive", {"+": ["--sensitive", "hight"]}, "no column 'hight'"),
    ("unknown kept", {"+": ["--keep", "hight"]}, "no column 'hight'"),
    ("unknown dropped", {"+": ["--drop", "hight"]}, "no column 'hight'"),
    ("sensitive among them", {"+": ["--sensitive", "age"]}, "'age' is named as quasi-identifier and as sens"),
    ("kept and dropped", {"+": ["--keep", "ill", "--drop", "ill"]}, "choose one of the two"),
    ("l without sensitive", {"+": ["--l", "2"]}, "none is named"),
    ("l out of reach", {"+": ["--l", "9", "--sensitive", "illness"]}, "l of at most 4"),
    ("l of a half", {"+": ["--l", "2.5", "--sensitive", "illness"]}, "l must be a whole number"),
    ("l not a number", {"+": ["--l", "nan", "--sensitive", "illness"]}, "l must be a"),
    ("t above one", {"+": ["--t", "1.2", "--sensitive", "illness"]}, "t must be a number from 0 to 1"),
    ("t not a number", {"+": ["--t", "nan", "--sensitive", "illness"]}, "t must be a number"),
    ("infinite", {"source": "infinite.parquet"}, "The column 'age' holds infinite values"),
    ("missing source", {"source": "none.csv"}, "none.csv does not exist"),
    ("unreadable source", {"source": "broken.parquet"}, "broken.parquet cannot be read"),
    ("folder as source", {"source": "other"}, "not a file"),
    ("missing folder", {"out": "none/out.csv"}, "folder of the output out.csv does not exist"),
    ("unknown ending", {"out": "out.xlsx"}, "must end in .csv"),
    ("over the input", {"out": "people.csv"}, "one of the inputs"),
    ("over the input, another way", {"out": "other/../people.csv"}, "one of the inputs"),
    ("over a hierarchy", {"out": "ages.csv", "+": ["--hierarchy", "age=ages.csv"]}, "one of the inputs"),
    ("out is a folder", {"out": "other"}, "must end in .csv"),
    ("no such hierarchy", {"+": ["--hierarchy", "age=none.csv"]}, "none.csv cannot be read"),
    (
        "two hierarchies of a column",
        {"+": ["--hierarchy", "age=ages.csv", "--hierarchy", "age=few_ages.csv"]},
        "Two hierarchies are named for 'age'",
    ),
    ("endless name", {"out": "x" * 300 + ".csv"}, "no name for a file"),
    ("out below a file", {"out": "people.csv/out.csv"}, "choose another"),
    ("seed below zero", {"+": ["--target", "ill", "--keep", "ill", "--seed", "-1"]}, "seed must be"),
    ("l without end", {"+": ["--l", "inf", "--sensitive", "illness"]}, "l must be a number"),
    ("t below zero", {"+": ["--t", "-0.1", "--sensitive", "illness"]}, "t must be a number"),
    ("k of half", {"k": "2.5"}, "'2.5' is not a valid integer"),
    ("k no figure", {"k": "ten"}, "'ten' is not a valid integer"),
    ("Dask writes Parquet", {"+": ["--engine", "dask"]}, "must end in .parquet"),
    ("no hierarchy", {"+": ["--hierarchy", "ages.csv"]}, "must be a column and a file"),
    ("hierarchy of another column", {"+": ["--hierarchy", "ill=ages.csv"]}, "no quasi-identifier"),
    (
        "value missing from a hierarchy",
        {"+": ["--hierarchy", "age=few_ages.csv", "--method", "full_domain"]},
        "hierarchy of 'age' lacks",
    ),
    ("suppress with Mondrian", {"+": ["--suppress", "0.1"]}, "--suppress is for full_domain"),
    ("suppress above one", {"+": ["--suppress", "2", "--method", "full_domain"]}, "suppression limit"),
    ("suppress not a number", {"+": ["--suppress", "nan", "--method", "full_domain"]}, "suppression limit"),
    ("unknown method", {"+": ["--method", "magic"]}, "'magic' is not one of"),
    ("names people", {"+": ["--keep", "*"]}, "patient_id (names one person)"),
    ("target is generalized", {"+": ["--target", "age"]}, "'age' is a quasi-identifier"),
    ("target unknown", {"+": ["--target", "hight"]}, "no column 'hight'"),
    ("target is a code", {"+": ["--target", "patient_id"]}, "different values"),
    ("report in a used folder", {"+": ["--report", "other"]}, "holds other files"),
    ("report is a file", {"+": ["--report", "ages.csv"]}, "is a file"),
    ("scheduler without Dask", {"+": ["--scheduler", "tcp://localhost:1"]}, "for the engine dask"),
    ("wrong delimiter", {"+": ["--delimiter", ";"]}, "--delimiter"),
]


@pytest.mark.parametrize(("options", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_is_one_sentence_and_nothing_is_written(here, capsys, options, words):
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    options = dict(options)
    more = options.pop("+", [])
    assert run(*more, **options) == 2
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and "Traceback" not in shown.err
    assert not any(value in shown.err for value in ("Örebro", "北京", "P000001"))
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_stopped_while_the_report_is_made_leaves_neither_table_nor_report(here, stopped, name, code):
    table = pd.concat([pd.read_csv(here / "people.csv")] * 60, ignore_index=True)
    table.assign(age=np.arange(len(table)) % 997).to_csv(here / "many.csv", index=False)
    arguments = ["anonymize", "many.csv", "--quasi-identifiers", "age,town", "--k", "5", "--keep", "ill"]
    arguments += ["--target", "ill", "--out", "made.csv", "--report", "pages"]
    # The table is written beside its place before the report is begun.
    seen, error = stopped(arguments, ".made.csv.*.partial/made.csv", name)
    assert seen == code and "Traceback" not in error
    assert not (here / "made.csv").exists() and not (here / "pages").exists()
    assert not list(here.glob(".*.partial"))


def test_ctrl_c_leaves_nothing_behind(here, stopped):
    big = pd.concat([pd.read_csv(here / "people.csv")] * 400, ignore_index=True)
    big.assign(age=np.arange(len(big)) % 5003).to_csv(here / "big.csv", index=False)
    arguments = [
        "anonymize",
        "big.csv",
        "--quasi-identifiers",
        "age,town",
        "--k",
        "5",
        "--out",
        "big_out.csv",
    ]
    code, error = stopped(arguments, ".big_out.csv.*.partial", "SIGTERM")
    assert "Traceback" not in error
    assert code == 0 or not (here / "big_out.csv").exists()
    assert not list(here.glob(".*.partial"))
