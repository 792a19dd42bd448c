"""Findings say what was measured, against which threshold, and never turn silence into safety."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from markupsafe import Markup

from secure_ai.anonymize import reidentification_risk
from secure_ai.assess import Assessment, AssessmentParameters, assess
from secure_ai.assess.charts import Bar, bar_chart, class_size_bins
from secure_ai.assess.findings import area_of, findings_schema, three_things_to_do
from secure_ai.assess.outputs import describe_run
from secure_ai.assess.report import render_report
from secure_ai.core import Level, Measurement, Outcome
from secure_ai.core.finding import combine_level
from secure_ai.core.frameworks import entry
from secure_ai.core.sources import open_source


def assessed(folder: Path, frame: pd.DataFrame, **options) -> Assessment:
    frame.to_csv(folder / "table.csv", index=False)
    return assess(
        AssessmentParameters.read({"data": str(folder / "table.csv"), "sector": "healthcare", **options})
    )


@pytest.fixture
def patients(tmp_path: Path) -> Assessment:
    frame = pd.DataFrame(
        {
            "ssn": [f"9{i:02}-{i % 40 + 10}-{1000 + i}" for i in range(60)],
            "card_number": ["4111111111111111"] * 60,
            "diagnosis": ["diabetes", "asthma", "hypertension"] * 20,
            "age": [20 + i % 12 for i in range(60)],
            "sex": ["f", "m"] * 30,
        }
    )
    return assessed(tmp_path, frame)


def test_identifiers_cards_and_special_categories_exceed_a_threshold_of_none(patients: Assessment) -> None:
    found = {f.id: f for f in patients.findings}
    for name in ("safe_harbor_identifiers", "payment_cards", "special_categories"):
        finding = found[f"data.{name}"]
        assert finding.outcome is Outcome.EXCEEDS_THRESHOLD, name
        assert isinstance(finding.measurement, Measurement) and finding.measurement.value >= 1
        assert finding.level is combine_level(finding.likelihood, finding.severity)
    assert found["data.safe_harbor_identifiers"].level is Level.CRITICAL


def test_every_finding_states_threshold_source_attacker_and_framework(patients: Assessment) -> None:
    for finding in patients.findings:
        assert finding.attacker_knowledge and finding.threat and finding.asset
        assert finding.mappings and all(entry(name).id == name for name in finding.mappings)
        if finding.outcome is not Outcome.UNASSESSED:
            assert finding.threshold is not None and finding.threshold_source and finding.evidence


def test_findings_come_worst_first_and_unassessed_last(patients: Assessment) -> None:
    order = [Level.CRITICAL, Level.HIGH, Level.MEDIUM, Level.LOW, Level.UNASSESSED]
    positions = [order.index(finding.level) for finding in patients.findings]
    assert positions == sorted(positions)
    assert len({finding.id for finding in patients.findings}) == len(patients.findings)


def test_the_worst_of_an_area_is_its_worst_finding_and_silence_stays_unassessed(patients: Assessment) -> None:
    worst = patients.worst_by_area()
    assert worst["data"][0] is Level.CRITICAL
    assert {area: level for area, (level, _) in worst.items() if area != "data"} == dict.fromkeys(
        ("model", "assistant", "controls", "monitoring"), Level.UNASSESSED
    )


def test_three_things_to_do_are_different_and_start_with_the_worst(patients: Assessment) -> None:
    todo = three_things_to_do(patients.findings)
    assert len({action for action, _ in todo}) == 3
    assert todo[0][1] == patients.findings[0].title


def test_a_harmless_table_is_within_its_thresholds_and_is_still_not_called_safe(tmp_path: Path) -> None:
    frame = pd.DataFrame({"grade": ["a"] * 50 + ["b"] * 50, "shift": ["x", "y"] * 50})
    result = assessed(tmp_path, frame)
    measured = [f for f in result.findings if f.outcome is not Outcome.UNASSESSED]
    assert {f.outcome for f in measured} == {Outcome.WITHIN_THRESHOLD}
    assert {f.level for f in measured} == {Level.LOW}
    assert "were not assessed" in result.verdict()
    assert len(three_things_to_do(result.findings)) == 3


def test_a_population_table_measures_the_journalist(tmp_path: Path) -> None:
    people = pd.DataFrame({"age": [30, 31] * 20, "sex": ["f"] * 40})
    people.to_csv(tmp_path / "people.csv", index=False)
    result = assessed(tmp_path, people.head(4), population=str(tmp_path / "people.csv"))
    journalist = next(f for f in result.findings if f.id == "data.reidentification.journalist")
    assert journalist.outcome is Outcome.WITHIN_THRESHOLD
    assert journalist.measurement.value == pytest.approx(1 / 20)


def test_a_threshold_of_ones_own_is_named_as_such(tmp_path: Path) -> None:
    result = assessed(tmp_path, pd.DataFrame({"age": [1, 1, 2], "sex": ["f", "f", "m"]}), threshold=0.09)
    prosecutor = next(f for f in result.findings if f.id == "data.reidentification.prosecutor")
    assert prosecutor.threshold == 0.09 and prosecutor.threshold_source.startswith("set by the assessor")


def test_the_published_schema_is_the_one_of_the_code(repo_root: Path) -> None:
    published = repo_root / "secure_ai" / "assess" / "findings.schema.json"
    assert published.read_text(encoding="utf-8") == findings_schema()


def test_areas_are_the_first_part_of_an_id(patients: Assessment) -> None:
    assert {area_of(f) for f in patients.findings} == {"data", "model", "assistant", "controls", "monitoring"}


@pytest.mark.parametrize("threshold", [0.05, 0.09, 0.2, 1 / 3, 0.5, 1.0])
def test_bins_of_class_sizes_add_up_and_split_at_the_threshold(threshold: float) -> None:
    frame = pd.DataFrame({"x": [i for i in range(1, 40) for _ in range(i)]})
    risk = reidentification_risk(open_source(frame), ["x"], threshold=threshold)
    bins = class_size_bins(risk)
    assert bins["records"].sum() == risk.n and bins["classes"].sum() == risk.classes
    at_risk = bins.loc[bins["above_threshold"], "records"].sum() / risk.n
    assert at_risk == pytest.approx(risk.prosecutor.records_at_risk.value)


def test_a_drawing_escapes_its_labels() -> None:
    drawn = bar_chart("x", "<b>", [Bar("<i>", 0.5, "&", True)], "</svg>")
    assert isinstance(drawn, Markup)
    assert "<b>" not in drawn and "<i>" not in drawn and drawn.count("</svg>") == 1


def test_a_manifest_of_a_database_holds_no_address() -> None:
    parameters = AssessmentParameters.read(
        {"data": "postgresql://user:secret@host/db", "table": "visits", "sector": "finance"}
    )
    content = str(describe_run(parameters))
    assert "visits" in content and "secret" not in content and "host" not in content


def test_the_report_is_the_same_each_time(patients: Assessment) -> None:
    manifest = describe_run(patients.parameters)
    assert render_report(patients, manifest) == render_report(patients, manifest)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "sector", "known"),
    [
        ("heart.csv", "healthcare", {"age", "sex"}),
        ("german_credit.csv", "finance", {"Age", "Employment", "Job"}),
    ],
)
def test_public_tables_get_sensible_quasi_identifiers_and_a_report(
    shared_data: Path, file: str, sector: str, known: set[str]
) -> None:
    result = assess(AssessmentParameters.read({"data": str(shared_data / file), "sector": sector}))
    assert known <= {choice.column for choice in result.reidentification.chosen}
    assert not {"target", "Result"} & {choice.column for choice in result.reidentification.chosen}
    assert file in render_report(result, describe_run(result.parameters))


def test_a_risk_equal_to_the_threshold_is_within_it_for_every_attacker(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [30] * 5 + [40] * 5})
    frame.to_csv(tmp_path / "everybody.csv", index=False)
    result = assessed(
        tmp_path, frame, quasi_identifiers="age", population=str(tmp_path / "everybody.csv"), threshold=0.2
    )
    outcomes = {f.id: f.outcome for f in result.findings if f.id.startswith("data.reid")}
    assert set(outcomes.values()) == {Outcome.WITHIN_THRESHOLD}
    journalist = result.reidentification.risk.journalist
    assert journalist.highest_risk.value == 0.2 and journalist.records_at_risk.value == 0


def test_a_bound_is_called_a_bound(patients: Assessment) -> None:
    title = next(f.title for f in patients.findings if f.id == "data.reidentification.marketer")
    assert "at most" in title


@pytest.mark.parametrize(("sector", "rule"), [("finance", "12 CFR 30 App. B III.C"), ("healthcare", "")])
def test_a_bank_is_measured_by_the_guidelines_for_banks_and_nobody_by_the_rule_for_non_banks(
    tmp_path: Path, sector: str, rule: str
) -> None:
    frame = pd.DataFrame({"card_number": ["4111111111111111"] * 60, "age": [20 + i % 9 for i in range(60)]})
    result = assessed(tmp_path, frame, sector=sector)
    cited = {finding.id: finding.mappings for finding in result.findings}
    assert not [own for ids in cited.values() for own in ids if own.startswith("16 CFR 314")]
    assert [own for own in cited["data.payment_cards"] if own.startswith("12 CFR 30")] == [rule] * bool(rule)
    assert any(own.startswith("12 CFR 30") for own in cited["monitoring.audit_log"]) is bool(rule)
