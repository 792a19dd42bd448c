"""findings.json satisfies its schema and comes back as it was; the manifest tells what it rests on."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai import assess
from secure_ai.assess.assessment import Assessment
from secure_ai.assess.earlier import read_report
from secure_ai.assess.outputs import (
    OUTPUTS,
    FindingsFile,
    check_out,
    describe_run,
    findings_of,
    findings_schema,
    save,
    write_manifest,
    write_results,
)
from secure_ai.assess.outputs.findings_file import findings_json
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.core import Measurement, UserError

from .samples import GIVEN, made_anew, sample


@cache
def made(kind: str = "everything", words: str = "") -> Assessment:
    return sample(kind, words=words)  # type: ignore[arg-type]


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(findings_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def with_figure(value: float) -> Assessment:
    """An assessment whose first finding has this figure."""
    whole = made("model only")
    first = whole.findings[0]
    assert isinstance(first.measurement, Measurement)
    measured = replace(first.measurement, value=value, interval=(value, value))
    changed = first.model_copy(update={"measurement": measured})
    return Assessment(whole.parameters, whole.sections, (changed, *whole.findings[1:]), whole.treatment)


# ------------------------------------------------------------------------- findings.json


@pytest.mark.parametrize("kind", GIVEN)
def test_every_kind_satisfies_the_schema_and_comes_back_as_it_was(kind: str) -> None:
    text = findings_json(made(kind))
    validator().validate(json.loads(text))
    assert FindingsFile.model_validate_json(text) == findings_of(made(kind))
    assert findings_of(made(kind)).format == "secure-ai findings 2"


def test_the_published_schema_is_the_one_of_the_model() -> None:
    published = Path(assess.__file__).parent / "outputs" / "findings.schema.json"
    assert published.read_text(encoding="utf-8") == findings_schema()


def test_sections_say_whether_they_assessed_anything() -> None:
    content = json.loads(findings_json(made("data only")))
    assessed = {one["id"]: one["assessed"] for one in content["sections"]}
    assert assessed["data.inventory"] and not assessed["model.membership"]
    assert content["facts"]["records"] == 1234 and content["redact"] == "names"


def test_the_schema_refuses_another_format_and_an_unknown_field() -> None:
    content = json.loads(findings_json(made("data only")))
    for wrong in ({"format": "secure-ai findings 3"}, {"more": 1}, {"sector": "retail"}):
        assert list(validator().iter_errors(content | wrong)), wrong


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(allow_nan=False), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_figure_and_any_words_come_back(value: float, words: str) -> None:
    changed = with_figure(value)
    first = changed.findings[0].model_copy(update={"title": words})
    whole = Assessment(changed.parameters, (), (first,), ())
    text = findings_json(whole)
    back = FindingsFile.model_validate_json(text).findings[0]
    assert back.title == words and isinstance(back.measurement, Measurement)
    if math.isfinite(value):
        assert back == first
    else:
        assert back.measurement.value == math.copysign(1.7976931348623157e308, value)


def test_an_unbounded_figure_is_valid_json_and_is_shown_in_words(tmp_path) -> None:
    names = write_results(with_figure(math.inf), tmp_path)
    assert "Infinity" not in (tmp_path / "findings.json").read_text(encoding="utf-8")
    assert "unbounded" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert set(names) == set(OUTPUTS) - {"risk_assessment.ipynb"}


def test_the_folder_can_be_compared_with_later(tmp_path) -> None:
    write_results(made(), tmp_path)
    report = read_report(tmp_path)
    assert report.findings == made().findings and report.subject == made().subject
    assert report.parameters == json.loads(json.dumps(made().parameters.labels()))


# ------------------------------------------------------------------------- the folder and its manifest


def test_the_manifest_has_the_fingerprint_of_every_output_and_no_name_of_an_input(tmp_path) -> None:
    data = tmp_path / "Maria Garcia.csv"
    data.write_text("a,b\n1,2\n", encoding="utf-8")
    parameters = made("data only").parameters.model_copy(update={"data": str(data), "redact": "strict"})
    folder = tmp_path / "out"
    folder.mkdir()
    whole = made("data only")
    write_results(Assessment(parameters, whole.sections, whole.findings, whole.treatment), folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"] == [
        {
            "role": "data",
            "kind": "csv",
            "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
            "bytes": data.stat().st_size,
        }
    ]
    assert manifest["redact"] == "strict" and manifest["seed"] == 7 and manifest["date"] == "2026-03-31"
    assert set(manifest["outputs"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    for path in folder.iterdir():
        assert "Garcia" not in path.read_text(encoding="utf-8"), path.name
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path.name


def test_a_secret_has_no_fingerprint_and_a_stand_in_no_file(tmp_path) -> None:
    secret = tmp_path / "token.txt"
    secret.write_text("hunter2", encoding="utf-8")
    parameters = AssessmentParameters.read(
        {"sector": "finance", "assistant": "hardened", "secret_file": str(secret), "token_file": str(secret)}
    )
    described = json.dumps(describe_run(parameters))
    assert hashlib.sha256(b"hunter2").hexdigest() not in described and "hunter2" not in described
    kinds = {one["role"]: one["kind"] for one in describe_run(parameters)["inputs"]}
    assert kinds["assistant"] == "offline stand-in"


def test_folders_patterns_databases_and_missing_files_are_described(tmp_path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in ("a.csv", "b.csv")]
    whole = hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def described(place: str) -> dict[str, object]:
        return describe_run(AssessmentParameters.read({"sector": "finance", "data": place}))["inputs"][0]

    assert described(str(tmp_path))["sha256"] == whole
    assert described(str(tmp_path / "*.csv"))["files"] == 2
    assert described("postgresql://user:secret@host/db")["note"] == "none: not a file"
    assert described(str(tmp_path / "gone.csv"))["sha256"] is None
    assert described("x\x00y")["sha256"] is None


def test_the_same_assessment_gives_the_same_bytes(tmp_path) -> None:
    for name, assessment in (("one", made()), ("two", made_anew())):
        (tmp_path / name).mkdir()
        write_results(assessment, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_save_writes_whole_or_not_at_all_and_replaces_only_an_assessment(tmp_path) -> None:
    def to(out: Path | None) -> Assessment:
        parameters = made().parameters.model_copy(update={"out": None if out is None else str(out)})
        return Assessment(parameters, made().sections, made().findings, made().treatment)

    assert "only" in save(to(None))
    said = save(to(tmp_path / "out"))
    assert said.startswith("Report: report.html") and "oscal.json" in said and said.endswith("manifest.json.")
    save(to(tmp_path / "out"))
    (tmp_path / "out" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="not an earlier assessment"):
        save(to(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_the_first_format_may_be_replaced_and_a_damaged_one_not(tmp_path) -> None:
    (tmp_path / "report.html").write_text("x", encoding="utf-8")
    for text in ("", "[]", "null", '{"format": "else"}', "[" * 50_000):
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
        with pytest.raises(UserError):
            check_out(tmp_path)
    write_manifest(tmp_path, {"format": "secure-ai assessment 1"})
    check_out(tmp_path)
