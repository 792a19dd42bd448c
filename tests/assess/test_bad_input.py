"""Whatever is wrong with the input ends in one sentence, exit code 2, and nothing written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from secure_ai import cli
from secure_ai.assess import read_parameters, run_assessment
from secure_ai.assess.notebook import Run, begin
from secure_ai.assess.registry import PARTS
from secure_ai.assess.risks import judge, leave_open
from secure_ai.assess.run import AssessmentResult
from secure_ai.core import Level, Measurement, Outcome, UserError
from secure_ai.learn.forkserver import KERNEL_NAME

GOOD = "age,sex,zip\n" + "".join(f"{20 + i % 7},{'fm'[i % 2]},0{i:04}\n" for i in range(30))
FILES = {
    "good.csv": GOOD.encode(),
    "empty.csv": b"",
    "blank.csv": b"\n\n  \n",
    "header_only.csv": b"age,sex\n",
    "binary.csv": bytes(range(256)) * 40,
    "zip.csv": b"PK\x03\x04" + b"\0" * 60,
    "latin.csv": "name,city\nMüller,Köln\n".encode("latin-1") * 3,
    "semicolons.csv": b"age;sex\n30;f\n31;m\n",
    "notes.docx": b"age,sex\n30,f\n",
    "fake.parquet": b"age,sex\n30,f\n",
    "broken.json": b'{"age": [1,',
    "broken.yaml": b"a: [1,",
    "list.yaml": b"- 1\n- 2\n",
}
# What is wrong, parameters beside data and sector, and words that the sentence must hold.
CASES = [
    ("missing file", {"data": "none.csv"}, "does not exist"),
    ("a folder", {"data": "."}, "not a file"),
    ("no match", {"data": "none-*.csv"}, "No file matches"),
    ("empty", {"data": "empty.csv"}, "is empty"),
    ("blank lines", {"data": "blank.csv"}, "blank lines"),
    ("header only", {"data": "header_only.csv"}, "no rows"),
    ("binary", {"data": "binary.csv"}, "binary.csv"),
    ("zip", {"data": "zip.csv"}, "ZIP or Excel"),
    ("encoding", {"data": "latin.csv"}, "UTF-8"),
    ("wrong delimiter", {"data": "semicolons.csv", "delimiter": ","}, "--delimiter"),
    ("delimiter too long", {"delimiter": "::"}, "'delimiter' must be one character"),
    ("unknown ending", {"data": "notes.docx"}, "ending that is not known"),
    ("no parquet", {"data": "fake.parquet"}, "fake.parquet"),
    ("broken json", {"data": "broken.json"}, "broken.json"),
    ("column missing", {"quasi_identifiers": "age,height"}, "no column 'height'"),
    ("sensitive missing", {"sensitive": ["height"]}, "no column 'height'"),
    ("both", {"quasi_identifiers": "age", "sensitive": "age"}, "both as a quasi-identifier and as sensitive"),
    ("population missing", {"population": "none.csv"}, "none.csv does not exist"),
    ("population column", {"population": "semicolons.csv", "quasi_identifiers": "zip"}, "no column 'zip'"),
    (
        "unknown",
        {"quasi_identifer": "age"},
        "There is no parameter 'quasi_identifer'. The parameters are: sector, subject, data",
    ),
    ("sector", {"sector": "bank"}, "healthcare or finance"),
    ("type", {"sample": "many"}, "'sample' must be a whole number"),
    ("range", {"threshold": 0}, "'threshold' must be a number above 0"),
    ("bool", {"seed": True}, "'seed' must be a whole number"),
    ("date", {"date": "yesterday"}, "2026-03-31"),
    ("no data", {"data": ""}, "There is nothing to assess: give one of data, model"),
    ("no such risk", {"thresholds": {"model.evason": 0.3}}, "no risk 'model.evason'"),
    ("folder missing", {"previous": "none"}, "'previous' is the path of a folder that is not there"),
    (
        "folder is a file",
        {"evidence": "good.csv", "controls": "good.csv"},
        "'evidence' is the path of a folder",
    ),
    ("token missing", {"token_file": "none.txt"}, "'token_file' is the path of a file that is not there"),
    ("token empty", {"token_file": "empty.csv"}, "'token_file' is empty"),
    ("token binary", {"token_file": "binary.csv"}, "'token_file' is no text"),
    ("log missing", {"log": "none.jsonl"}, "'log' is the path of a file that is not there"),
    ("training missing", {"training": "none.csv"}, "The file given as training does not exist"),
    ("held-out binary", {"held_out": "binary.csv"}, "The file given as held_out is a binary file"),
    ("mitigated missing", {"mitigated_data": "none.csv"}, "none.csv does not exist"),
    ("model missing", {"model": "none.skops"}, "model"),
    ("model empty", {"model": "empty.csv"}, "model"),
    *(
        (f"{name} {kind}", {name: file}, "")
        for name in ("controls", "mitigated_controls", "plan", "losses", "rules", "vendor")
        for kind, file in (("missing", "none.yaml"), ("no yaml", "broken.yaml"), ("a list", "list.yaml"))
    ),
    ("database", {"data": "sqlite:///nowhere.db"}, "name of a table"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input must be found before any work: a kernel that is started here is a failure."""

    def started(*_: object, **__: object) -> None:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr("secure_ai.assess.run.engine.execute", started)


@pytest.mark.parametrize(("options", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_is_one_sentence_before_any_work(here: Path, options: dict, words: str) -> None:
    before = sorted(here.rglob("*"))
    with pytest.raises(UserError) as caught:
        run_assessment({"data": "good.csv", "sector": "finance", **options}, here / "new" / "out")
    sentence = str(caught.value)
    assert words in sentence
    assert "\n" not in sentence and sentence.endswith(".") and str(here) not in sentence
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("case", ["file", "under a file", "foreign", "foreign beside ours", "not writable"])
def test_an_output_folder_that_cannot_be_used_is_one_sentence_and_loses_nothing(
    here: Path, case: str
) -> None:
    out = here / "out"
    if case == "file":
        out.write_text("precious")
    elif case == "under a file":
        out = here / "good.csv" / "out"
    elif case == "not writable":
        out = Path("/proc/assessment") if Path("/proc").is_dir() else here / "good.csv" / "out"
    else:
        out.mkdir()
        (out / "thesis.txt").write_text("precious")
        if case == "foreign beside ours":
            (out / "manifest.json").write_text(json.dumps({"format": "secure-ai assessment 2"}))
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="choose") as caught:
        run_assessment({"data": "good.csv", "sector": "finance"}, out)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_folder_of_files_with_our_names_but_no_manifest_of_ours_is_refused(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "report.html").write_text("somebody else's report")
    with pytest.raises(UserError, match="not an earlier assessment"):
        run_assessment({"data": "good.csv", "sector": "finance"}, here / "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "none.csv", "--sector", "finance"], "does not exist"),
        (["--data", "empty.csv", "--sector", "finance"], "is empty"),
        (["--data", "binary.csv", "--sector", "finance"], "binary.csv"),
        (["--data", "semicolons.csv", "--sector", "finance", "--delimiter", ","], "--delimiter"),
        (["--data", "good.csv", "--sector", "finance", "--quasi-identifiers", "age, height"], "'height'"),
        (["--data", "good.csv"], "'sector' is missing"),
        (["--data", "good.csv", "--sector", "finance", "--threshold", "2"], "'threshold'"),
        (["--parameters", "none.yaml"], "none.yaml cannot be read"),
        (["--parameters", "good.csv"], "good.csv"),
        (["--parameters", "odd.yaml"], "no parameter 'colour'"),
    ],
)
def test_the_command_line_says_the_sentence_and_ends_with_two(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (here / "odd.yaml").write_text("data: good.csv\nsector: finance\ncolour: red\n")
    assert cli.invoke(["assess", *arguments, "--out", "out"]) == 2
    printed = capsys.readouterr()
    assert words in printed.err and "Traceback" not in printed.err
    assert printed.err.startswith("Error: ") and printed.err.count("\n") == 1
    assert not (here / "out").exists()


# ------------------------------------------------------------------- strange, but not wrong


def wide() -> pd.DataFrame:
    return pd.DataFrame({f"column {i}": [i, i + 1, i] for i in range(300)})


STRANGE = {
    "single row": pd.DataFrame({"age": [44], "sex": ["f"], "name": ["Ada"]}),
    "single column": pd.DataFrame({"age": [44, 45, 44]}),
    "all null column": pd.DataFrame({"age": [1, 2, 3], "nothing": [None, None, None]}),
    "all equal": pd.DataFrame({"age": [1] * 9, "sex": ["f"] * 9}),
    "all different": pd.DataFrame({"a": range(50), "b": range(50)}),
    "300 columns": wide(),
    "other scripts": pd.DataFrame({"年齢": [1, 2, 2], "пол": ["ж", "м", "ж"]}),
}


def assessed(path: Path, capsys: pytest.CaptureFixture[str], **options) -> Run:
    run = begin({"data": str(path), "sector": "healthcare", **options})
    for part in PARTS[:4]:
        run(part.id, raising=True)
    assert "Traceback" not in capsys.readouterr().out
    return run


@pytest.mark.parametrize("name", STRANGE)
def test_strange_tables_are_assessed_to_the_end(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    STRANGE[name].to_csv(tmp_path / "table.csv", index=False)
    run = assessed(tmp_path / "table.csv", capsys)
    made = run.conclude()
    assert run.inputs.n_rows == len(STRANGE[name])
    assert {part.id for part in PARTS} == {section.id for section in made.sections}


def test_duplicate_headers_stay_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["age", "age", "AGE"], [1, 2, 3], [1, 3, 3]])
    run = assessed(tmp_path / "table.csv", capsys)
    assert len({profile.name for profile in run.inputs.inventory.columns}) == 3


def test_a_table_without_any_candidate_leaves_reidentification_unassessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame({"grade": ["x"] * 6}).to_csv(tmp_path / "table.csv", index=False)
    run = assessed(tmp_path / "table.csv", capsys)
    outcomes = {f.id: f.outcome for f in run.sections["data.reidentification"].findings}
    assert set(outcomes.values()) == {Outcome.UNASSESSED} and len(outcomes) == 3


def test_the_example_parameter_files_are_valid(repo_root: Path) -> None:
    files = sorted((repo_root / "notebooks" / "assessments" / "parameters").glob("*.yaml"))
    assert len(files) >= 6
    for file in files:
        assert read_parameters(file, {}).sector in {"healthcare", "finance"}, file.name
        assert read_parameters(file, {"threshold": 0.09}).threshold == 0.09


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "sample=many"], "'sample' must be a whole number"),
        (["--set", "colour=red"], "no parameter 'colour'"),
        (["--set", "rows"], "--set is NAME=VALUE"),
        (["--set", "thresholds={a: ["], "no valid YAML"),
        (["--set", "thresholds={model.evasion: high}"], "'thresholds' must be"),
        (["--fail-on-unassessed", "moon"], "no area 'moon'"),
    ],
)
def test_set_takes_every_other_parameter_and_says_what_is_wrong(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    arguments = ["assess", "--data", "good.csv", "--sector", "finance", "--out", "out", *options]
    assert cli.invoke(arguments) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (here / "out").exists()


@pytest.mark.parametrize(
    ("level", "options", "code"),
    [
        ("high", [], 0),
        ("high", ["--fail-on", "high"], 1),
        ("medium", ["--fail-on", "high"], 0),
        ("high", ["--fail-on-unassessed", "model"], 1),
        ("high", ["--fail-on-unassessed", "controls"], 0),
        (None, [], 3),
        (None, ["--fail-on", "low"], 3),
    ],
)
def test_the_exit_code_says_what_was_found(here: Path, monkeypatch, level, options, code) -> None:
    findings = [leave_open("model.evasion", "No model was given.", sector="finance")]
    if level is not None:
        figure = Measurement("share", 0.5, "share", 10, 0.0, (0.5, 0.5), "counted", "none")
        one = judge("data.reidentification.marketer", "A share", figure, sector="finance")
        findings.append(one.model_copy(update={"level": Level(level)}))
    monkeypatch.setattr(
        "secure_ai.assess.run_assessment", lambda *_, **__: AssessmentResult(here, (), tuple(findings))
    )
    arguments = ["assess", "--data", "good.csv", "--sector", "finance", "--out", "out", *options]
    assert cli.invoke(arguments) == code


def test_options_before_a_command_are_not_passed_over_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["assess", "--out", "a", "diff", "b", "c"]) == 2
    assert "takes its options behind its name" in capsys.readouterr().err


def test_the_warm_kernel_is_a_kernel_of_this_machine() -> None:
    from jupyter_client.kernelspec import KernelSpecManager

    assert KERNEL_NAME in KernelSpecManager().find_kernel_specs()
