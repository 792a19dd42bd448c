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


def test_the_published_schema_is_the_one_of_the_code(repo_root: Path) -> None:
    published = repo_root / "secure_ai" / "assess" / "findings.schema.json"
    assert published.read_text(encoding="utf-8") == findings_schema()


def test_areas_are_the_first_part_of_an_id(patients: Assessment) -> None:
    assert {area_of(f) for f in patients.findings} == {"data", "model", "assistant", "controls", "monitoring"}


def test_a_manifest_of_a_database_holds_no_address() -> None:
    parameters = AssessmentParameters.read(
        {"data": "postgresql://user:secret@host/db", "table": "visits", "sector": "finance"}
    )
    content = str(describe_run(parameters))
    assert "visits" in content and "secret" not in content and "host" not in content


def test_the_report_is_the_same_each_time(patients: Assessment) -> None:
    manifest = describe_run(patients.parameters)
    assert render_report(patients, manifest) == render_report(patients, manifest)
