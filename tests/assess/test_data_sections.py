"""The data sections: what is found, how it is judged, and that no value of the table comes along."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from secure_ai.anonymize import reidentification_risk
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import risks
from secure_ai.assess.section import Section, Table
from secure_ai.assess.sections import anonymization, exposure
from secure_ai.assess.sections.inventory import type_in_words
from secure_ai.assess.sections.reidentification import class_size_bins
from secure_ai.core import Finding, Level, Measurement, Outcome, UserError
from secure_ai.core.finding import combine_level
from secure_ai.core.frameworks import entry
from secure_ai.core.sources import open_source
from secure_ai.core.svg import Bar, bar_chart
from secure_ai.discover.inventory import inventory

PARTS = ("data.inventory", "data.exposure", "data.reidentification", "data.anonymization")


def sections(file: Path, *parts: str, **options) -> dict[str, Section]:
    parameters = AssessmentParameters.read({"data": str(file), "sector": "healthcare", **options})
    with Inputs(parameters) as inputs:
        return {name: part_of(name).run(inputs, Progress()) for name in parts or PARTS}


def written(folder: Path, frame: pd.DataFrame, name: str = "table.csv") -> Path:
    path = folder / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def by_id(found: dict[str, Section]) -> dict[str, Finding]:
    return {finding.id: finding for section in found.values() for finding in section.findings}


def table(section: Section, title: str) -> Table:
    return next(b for b in section.blocks if isinstance(b, Table) and b.title.startswith(title))


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Section]:
    frame = pd.DataFrame(
        {
            "ssn": [f"9{i:02}-{i % 40 + 10}-{1000 + i}" for i in range(60)],
            "card_number": ["4111111111111111"] * 60,
            "diagnosis": ["diabetes", "asthma", "hypertension"] * 20,
            "age": [20 + i % 12 for i in range(60)],
            "sex": ["f", "m"] * 30,
        }
    )
    return sections(written(tmp_path_factory.mktemp("patients"), frame))


# ---------------------------------------------------------------- findings


def test_identifiers_cards_and_special_categories_exceed_a_threshold_of_none(patients) -> None:
    found = by_id(patients)
    for name in ("safe_harbor_identifiers", "payment_cards", "special_categories"):
        finding = found[f"data.{name}"]
        assert finding.outcome is Outcome.EXCEEDS_THRESHOLD, name
        assert isinstance(finding.measurement, Measurement) and finding.measurement.value >= 1
        assert finding.level is combine_level(finding.likelihood, finding.severity)
    assert found["data.safe_harbor_identifiers"].level is Level.CRITICAL
    assert found["data.payment_cards"].level is Level.CRITICAL


def test_every_finding_states_threshold_source_rule_attacker_and_framework(patients) -> None:
    assert set(by_id(patients)) == {name for name in risks() if name.startswith("data.")}
    for finding in by_id(patients).values():
        assert finding.attacker_knowledge and finding.threat and finding.asset
        assert finding.mappings and all(entry(name).id == name for name in finding.mappings)
        if finding.outcome is not Outcome.UNASSESSED:
            assert finding.threshold is not None and finding.threshold_source and finding.evidence
            assert "Likelihood" in finding.rule and "Severity" in finding.rule


def test_each_mitigation_of_the_data_says_what_it_is_expected_to_change_and_who_says_so() -> None:
    for name, risk in risks().items():
        if name.startswith("data."):
            assert all(m.action and m.effect and m.source for m in risk.mitigations), name


def test_likelihood_follows_the_share_of_records_that_name_a_person(tmp_path: Path) -> None:
    numbers = [f"9{i:03}-{i % 40 + 10}-{1000 + i}"[1:] for i in range(1000)]
    few = [number if i < 20 else None for i, number in enumerate(numbers)]
    frame = pd.DataFrame({"ssn": few, "unit": ["a", "b"] * 500})
    finding = by_id(sections(written(tmp_path, frame), "data.inventory"))["data.safe_harbor_identifiers"]
    assert finding.measurement.value >= 1
    assert finding.likelihood is Level.MEDIUM


def test_a_harmless_table_is_within_its_thresholds(tmp_path: Path) -> None:
    frame = pd.DataFrame({"grade": ["a"] * 50 + ["b"] * 50, "shift": ["x", "y"] * 50})
    measured = [
        f for f in by_id(sections(written(tmp_path, frame))).values() if f.outcome is not Outcome.UNASSESSED
    ]
    assert len(measured) == 5
    assert {f.outcome for f in measured} == {Outcome.WITHIN_THRESHOLD}
    assert {f.level for f in measured} == {Level.LOW}


def test_a_table_without_a_column_to_trace_people_by_is_unassessed_and_not_safe(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ssn": [f"9{i:02}-{i % 40 + 10}-{1000 + i}" for i in range(60)]})
    found = sections(written(tmp_path, frame))
    outcomes = {f.outcome for f in found["data.reidentification"].findings}
    assert outcomes == {Outcome.UNASSESSED}
    assert found["data.reidentification"].assessed == found["data.anonymization"].assessed == ""
    assert found["data.anonymization"].summary.startswith("not assessed: ")


def test_a_population_table_measures_the_journalist_and_is_not_called_by_its_file(tmp_path: Path) -> None:
    people = pd.DataFrame({"age": [30, 31] * 20, "sex": ["f"] * 40})
    register = written(tmp_path, people, "register_of_garcia.csv")
    found = sections(
        written(tmp_path, people.head(4), "file_of_garcia.csv"), "data.reidentification",
        population=str(register),
    )  # fmt: skip
    journalist = by_id(found)["data.reidentification.journalist"]
    assert journalist.outcome is Outcome.WITHIN_THRESHOLD
    assert journalist.measurement.value == pytest.approx(1 / 20)
    assert journalist.measurement.method == "exact count of the data against the population table"
    assert "garcia" not in found["data.reidentification"].model_dump_json().lower()


def test_a_population_without_the_columns_leaves_the_risk_open(tmp_path: Path) -> None:
    people = pd.DataFrame({"age": [30, 31] * 20, "sex": ["f", "m"] * 20})
    register = written(tmp_path, people[["sex"]], "register.csv")
    found = sections(written(tmp_path, people), "data.reidentification", population=str(register))
    assert {f.outcome for f in by_id(found).values()} == {Outcome.UNASSESSED}


def test_a_threshold_of_ones_own_is_named_as_such(tmp_path: Path) -> None:
    file = written(tmp_path, pd.DataFrame({"age": [1, 1, 2], "sex": ["f", "f", "m"]}))
    prosecutor = by_id(sections(file, "data.reidentification", threshold=0.09))[
        "data.reidentification.prosecutor"
    ]
    assert prosecutor.threshold == 0.09 and prosecutor.threshold_source.startswith("set by the assessor")


def test_a_threshold_of_one_attacker_counts_the_records_that_it_is_about(tmp_path: Path) -> None:
    file = written(tmp_path, pd.DataFrame({"age": [1] * 3 + [2] * 7, "sex": ["f"] * 10}))
    found = by_id(
        sections(
            file,
            "data.reidentification",
            quasi_identifiers="age",
            thresholds={"data.reidentification.prosecutor": 0.5},
        )
    )
    assert found["data.reidentification.prosecutor"].outcome is Outcome.WITHIN_THRESHOLD
    assert found["data.reidentification.prosecutor"].title.startswith("No record has a risk above 50%")
    assert found["data.reidentification.marketer"].threshold == 0.2


def test_a_risk_equal_to_the_threshold_is_within_it_for_every_attacker(tmp_path: Path) -> None:
    file = written(tmp_path, pd.DataFrame({"age": [30] * 5 + [40] * 5}))
    found = by_id(
        sections(file, "data.reidentification", quasi_identifiers="age", population=str(file), threshold=0.2)
    )
    assert {f.outcome for f in found.values()} == {Outcome.WITHIN_THRESHOLD}
    assert found["data.reidentification.journalist"].measurement.value == 0.2


def test_a_bound_is_called_a_bound(patients) -> None:
    assert "at most" in by_id(patients)["data.reidentification.marketer"].title


@pytest.mark.parametrize(("sector", "rule"), [("finance", "12 CFR 30 App. B III.C"), ("healthcare", "")])
def test_a_bank_is_measured_by_the_guidelines_for_banks_and_nobody_by_the_rule_for_non_banks(
    tmp_path: Path, sector: str, rule: str
) -> None:
    frame = pd.DataFrame({"card_number": ["4111111111111111"] * 60, "age": [20 + i % 9 for i in range(60)]})
    found = by_id(sections(written(tmp_path, frame), "data.inventory", sector=sector))
    cited = {name: finding.mappings for name, finding in found.items()}
    assert not [own for ids in cited.values() for own in ids if own.startswith("16 CFR 314")]
    assert [own for own in cited["data.payment_cards"] if own.startswith("12 CFR 30")] == [rule] * bool(rule)


# ---------------------------------------------------------------- what is shown


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
    assert "<b>" not in drawn and "<i>" not in drawn and drawn.count("</svg>") == 1


def test_every_column_is_listed_with_all_that_is_known_of_it(patients) -> None:
    listed = table(patients["data.inventory"], "Every column")
    assert [row[0] for row in listed.rows] == ["ssn", "card_number", "diagnosis", "age", "sex"]
    assert listed.columns == (
        "Column", "Type", "Holds", "Tier", "HIPAA", "Other rules", "Confidence", "Different values", "Empty",
        "Evidence",
    )  # fmt: skip
    assert [row[7] for row in listed.rows] == [60, 1, 3, 12, 2]


def test_exposure_adds_up_to_all_filled_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ssn": ["911-10-1000", None, "911-11-1001"], "grade": ["a", "b", None]})
    shown = table(sections(written(tmp_path, frame), "data.exposure")["data.exposure"], "Exposure")
    assert sum(row[2] for row in shown.rows) == 4
    assert sum(row[3] for row in shown.rows) == pytest.approx(1)


def test_reidentification_shows_classes_figures_combinations_and_reasons(patients) -> None:
    section = patients["data.reidentification"]
    assert [b.kind for b in section.blocks].count("drawing") == 1
    assert sum(row[2] for row in table(section, "Records by the size").rows) == 60
    figures = {row[0]: row[1] for row in table(section, "All figures").rows}
    assert figures["k"] == section.facts["k"]
    assert table(section, "The combinations").rows
    assert [row[0] for row in table(section, "Why each column").rows][:2] == ["age", "ssn"]


def test_a_section_reads_back_what_it_wrote(patients) -> None:
    for section in patients.values():
        assert Section.model_validate_json(section.model_dump_json()) == section


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [20 + i % 30 for i in range(400)], "sex": ["f", "m"] * 200})
    file = written(tmp_path, frame)
    once, again = sections(file), sections(file)
    assert [s.model_dump_json() for s in once.values()] == [s.model_dump_json() for s in again.values()]


def test_long_steps_say_how_far_they_are(tmp_path: Path) -> None:
    told: list[tuple[str, float | None]] = []
    file = written(tmp_path, pd.DataFrame({"age": [20, 21, 22] * 20, "sex": ["f", "m"] * 30}))
    parameters = AssessmentParameters.read({"data": str(file), "sector": "finance"})
    with Inputs(parameters) as inputs:
        for name in PARTS:
            part_of(name).run(inputs, Progress(lambda what, done: told.append((what, done))))
    assert len(told) > 6 and all(what and 0 <= done <= 1 for what, done in told)


@pytest.mark.parametrize(
    ("sql_type", "words"),
    [
        ("VARCHAR", "VARCHAR"),
        ("DECIMAL(10,2)", "DECIMAL(10,2)"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("STRUCT(maria_garcia VARCHAR)", "STRUCT"),
        ("ENUM('Maria', 'Peter')", "ENUM"),
        ("STRUCT(maria VARCHAR)[]", "LIST"),
    ],
)
def test_a_type_shows_no_name_and_no_value_that_stands_in_it(sql_type: str, words: str) -> None:
    assert type_in_words(sql_type) == words


# ---------------------------------------------------------------- what anonymization would cost


def census(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [18 + (i * 7) % 70 for i in range(rows)],
            "sex": [("f", "m")[i % 2] for i in range(rows)],
            "race": [("w", "b", "a")[(i * 5) % 11 % 3] for i in range(rows)],
        }
    )


def test_each_k_leaves_at_most_its_risk_and_a_larger_k_costs_no_less(tmp_path: Path) -> None:
    shown = table(
        sections(written(tmp_path, census(2_000)), "data.anonymization")["data.anonymization"], "What each k"
    )
    assert {row[1] for row in shown.rows} == {5, 11}
    assert all(row[2] <= 1 / row[1] for row in shown.rows)
    for method in {row[0] for row in shown.rows}:
        losses = [row[5] for row in shown.rows if row[0] == method]
        assert losses == sorted(losses)
    assert all(0 <= row[4] <= 0.02 for row in shown.rows)


def test_the_threshold_asks_for_a_k_of_its_own(tmp_path: Path) -> None:
    shown = table(
        sections(written(tmp_path, census(2_000)), "data.anonymization", threshold=0.05)[
            "data.anonymization"
        ],
        "What each k",
    )
    assert {row[1] for row in shown.rows} == {5, 11, 20}


def test_a_large_table_is_sampled_and_the_section_says_so_with_the_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(anonymization, "SAMPLED_ROWS", 500)
    section = sections(written(tmp_path, census(2_000)), "data.anonymization")["data.anonymization"]
    text = section.blocks[0].text
    assert "500 of 2,000 records, drawn at random" in text and "within 4.4% at 95 %" in text
    assert section.facts["records_anonymized"] == 500


def test_a_k_that_is_not_reached_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": list(range(20, 28)), "sex": ["f", "m"] * 4})
    section = sections(written(tmp_path, frame), "data.anonymization", quasi_identifiers="age, sex")[
        "data.anonymization"
    ]
    assert any(b.kind == "text" and "k = 11: there are fewer records" in b.text for b in section.blocks)


def test_too_many_columns_or_too_few_records_are_told_and_not_tried(tmp_path: Path) -> None:
    wide = pd.DataFrame({f"code{i}": [j % (i + 2) for j in range(50)] for i in range(9)})
    names = ", ".join(wide.columns)
    for frame, columns in ((wide, names), (wide.head(3), "code0")):
        section = sections(
            written(tmp_path, frame), "data.anonymization", quasi_identifiers=columns
        )["data.anonymization"]  # fmt: skip
        assert section.summary.startswith("not assessed: ") and not section.findings


# ---------------------------------------------------------------- engines


def test_dask_counts_what_duckdb_counts(tmp_path: Path) -> None:
    frame = census(3_000).assign(note=[None if i % 4 else "seen" for i in range(3_000)])
    file = written(tmp_path, frame, "table.parquet")
    here, there = (sections(file, *PARTS[1:3], engine=engine) for engine in ("duckdb", "dask"))
    assert here["data.exposure"] == there["data.exposure"]
    ours, theirs = here["data.reidentification"], there["data.reidentification"]
    assert ours.facts == theirs.facts and ours.findings == theirs.findings
    assert [b for b in ours.blocks if b.kind == "table"] == [b for b in theirs.blocks if b.kind == "table"]
    assert "Counted by Dask" in theirs.blocks[0].text


def test_filled_cells_are_the_same_from_both_engines(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, None, float("nan")], "b": ["x", None, "y"], "c": [[1], None, [2]]})
    source = open_source(written(tmp_path, frame, "table.parquet"))
    assert exposure.filled_cells(source) == exposure.filled_cells(source, "dask")


# ---------------------------------------------------------------- no value of the table comes along

CANARY = "Zephyrine Quillfeather"
NUMBER = 734_519_286


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = 240
    frame = pd.DataFrame(
        {
            f"{CANARY} 1": [f"{CANARY} {i % 7}" for i in range(rows)],
            "patient_name": [f"{CANARY} {i}" for i in range(rows)],
            "note": [
                f"Seen by {CANARY}, call 212-555-01{i % 90 + 10} about {NUMBER + i}" for i in range(rows)
            ],
            "account_number": [NUMBER + i for i in range(rows)],
            "age": [20 + i % 50 for i in range(rows)],
            "city": [f"{CANARY.split()[i % 2]}ville" for i in range(rows)],
            "details": [{CANARY: {"family": CANARY, "ssn": f"9{i:02.0f}-10-1000"}} for i in range(rows)],
            "tags": [[CANARY, str(NUMBER)] for _ in range(rows)],
            "as_json": [json.dumps({"who": CANARY, CANARY.lower(): NUMBER}) for _ in range(rows)],
            "when": pd.Timestamp("1951-07-13"),
        }
    ).astype({"city": "category"})
    return written(tmp_path_factory.mktemp(CANARY), frame, f"{CANARY}.parquet")


@pytest.mark.parametrize(
    "options", [{}, {"redact": "strict"}, {"quasi_identifiers": f"{CANARY} 1, city, age"}]
)
def test_no_value_name_or_place_of_the_table_is_in_any_section(canaries: Path, options) -> None:
    for name, section in sections(canaries, **options).items():
        text = section.model_dump_json().lower()
        for word in (*CANARY.lower().split(), str(NUMBER)[:6], "1951-07-13", str(canaries.parent).lower()):
            assert word not in text, (name, word)


def test_strict_shows_no_column_by_its_name(canaries: Path) -> None:
    for section in sections(canaries, redact="strict").values():
        for shown in (b for b in section.blocks if isinstance(b, Table)):
            cells = {str(cell) for row in shown.rows for cell in row}
            assert not cells & {"patient_name", "note", "age", "city", "details", "when"}
        text = section.model_dump_json()
        assert "patient_name" not in text and "account_number" not in text and "'patient name'" not in text


def test_the_inventory_of_the_room_is_the_one_that_is_shown(tmp_path: Path) -> None:
    file = written(tmp_path, census(100))
    listed = table(sections(file, "data.inventory")["data.inventory"], "Every column")
    found = inventory(open_source(file), sample=2000, seed=7)
    assert [row[3].upper() for row in listed.rows] == [profile.tier.name for profile in found.columns]


def test_a_column_named_twice_over_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = written(tmp_path, census(50))
    with pytest.raises(UserError, match="both as a quasi-identifier and as sensitive"):
        sections(file, "data.inventory", quasi_identifiers="age", sensitive="age")
    with pytest.raises(UserError, match="has no column 'income'"):
        sections(file, "data.inventory", quasi_identifiers="income")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "sector", "known"),
    [
        ("heart.csv", "healthcare", {"age", "sex"}),
        ("german_credit.csv", "finance", {"Age", "Employment", "Job"}),
    ],
)
def test_public_tables_get_sensible_quasi_identifiers(
    shared_data: Path, file: str, sector: str, known: set[str]
) -> None:
    found = sections(shared_data / file, "data.reidentification", sector=sector)["data.reidentification"]
    chosen = {row[0] for row in table(found, "Why each column").rows if row[1] == "quasi-identifier"}
    assert known <= chosen
    assert not {"target", "Result"} & chosen
