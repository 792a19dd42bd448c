"""The assessment's smaller commands: examples that can be assessed as they are, forms, comparisons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from secure_ai.assess import read_parameters
from secure_ai.assess.run.check import check_inputs
from secure_ai.cli import assessment_examples
from secure_ai.cli.app import invoke, root
from tests.assess.samples import sample

PARAMETER_FILES = (
    "credit_model", "fraud_detector", "outsourced_service", "patients_table", "readmission_model",
    "support_assistant", "transactions_table", "triage_model",
)  # fmt: skip


def run(*arguments: object):
    return CliRunner().invoke(root, ["assess", *map(str, arguments)])


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trial") / "examples"
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in (("PATIENTS", 800), ("PAYMENTS", 1500), ("TRANSACTIONS", 4000)):
            patch.setattr(assessment_examples, name, rows)
        result = run("examples", folder)
    assert result.exit_code == 0, result.output
    return folder


def test_every_parameter_file_of_the_kit_is_an_example(examples: Path, repo_root: Path) -> None:
    kept = sorted(path.stem for path in (repo_root / "notebooks/assessments/parameters").glob("*.yaml"))
    assert kept == sorted(PARAMETER_FILES) == sorted(path.stem for path in examples.glob("*.yaml"))


@pytest.mark.parametrize("name", PARAMETER_FILES)
def test_an_example_names_nothing_that_is_not_there(
    examples: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(examples)
    check_inputs(read_parameters(Path(f"{name}.yaml"), {}))


def test_examples_do_not_overwrite_anything(examples: Path) -> None:
    before = sorted(examples.rglob("*"))
    result = run("examples", examples)
    assert isinstance(result.exception, Exception) and "not an empty folder" in str(result.exception)
    assert sorted(examples.rglob("*")) == before


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_an_empty_form_of_controls_is_a_form(tmp_path: Path, sector: str) -> None:
    place = tmp_path / "controls.yaml"
    assert run("controls-form", "--sector", sector, "--out", place).exit_code == 0
    assert isinstance(yaml.safe_load(place.read_text(encoding="utf-8")), dict)


def test_a_form_that_may_be_filled_in_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "controls.yaml"
    place.write_text("filled in for days\n", encoding="utf-8")
    assert invoke(["assess", "controls-form", "--sector", "finance", "--out", str(place)]) == 2
    assert "may be filled in" in capsys.readouterr().err
    assert place.read_text(encoding="utf-8") == "filled in for days\n"


def test_the_refused_folder_is_named_where_it_is_the_present_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert invoke(["assess", "examples", "."]) == 2
    assert f"{tmp_path.name} is not an empty folder" in capsys.readouterr().err


def _report(folder: Path, kind: str, **options: str) -> Path:
    from secure_ai.assess.outputs import write_results

    folder.mkdir()
    write_results(sample(kind, **options), folder)
    return folder


def test_a_report_compared_with_itself_has_not_changed(tmp_path: Path) -> None:
    first, second = _report(tmp_path / "a", "everything"), _report(tmp_path / "b", "everything")
    place = tmp_path / "changes.json"
    result = run("diff", first, second, "--out", place, "--fail-on-worse")
    assert result.exit_code == 0, result.output
    assert isinstance(json.loads(place.read_text(encoding="utf-8")), dict)


@pytest.mark.parametrize("ending", [".html", ".md", ".csv", ".json"])
def test_a_comparison_is_written_in_each_format(tmp_path: Path, ending: str) -> None:
    first, second = _report(tmp_path / "a", "data only"), _report(tmp_path / "b", "everything")
    place = tmp_path / f"changes{ending}"
    assert run("diff", first, second, "--out", place).exit_code == 0
    assert place.stat().st_size > 100


def test_two_subjects_are_shown_side_by_side_and_no_pipeline_decides_on_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _report(tmp_path / "a", "everything")
    second = _report(tmp_path / "b", "model only", subject="Credit model")
    command = ["assess", "diff", str(first), str(second)]
    assert invoke(command) == 0
    shown = capsys.readouterr().out
    assert "DIFFERENT SUBJECTS" in shown and "side by side: " in shown
    assert not any(f"\n{word}: " in shown for word in ("better", "worse", "gone", "new"))
    assert invoke([*command, "--fail-on-worse"]) == 2
    assert "cannot be decided" in capsys.readouterr().err
    assert invoke([*command, "--same-subject", "--fail-on-worse"]) == 1
    assert "newly unassessed: " in capsys.readouterr().out
