"""Claims about what the detector covers of HIPAA's eighteen identifiers."""

from __future__ import annotations

import pytest

from secure_ai.core.frameworks import entries
from secure_ai.discover import ENTITY_CLASSES, known_entities
from secure_ai.discover.coverage import coverage


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """The registry is the same with and without a model."""
    monkeypatch.setenv("SECURE_AI_NLP", "blank")


def test_all_eighteen_identifiers_are_there_under_the_names_of_the_regulation():
    table = coverage()
    expected = [(entry.id, entry.name) for entry in entries("HIPAA Safe Harbor")]
    assert list(zip(table["id"], table["identifier"], strict=True)) == expected
    assert len(table) == 18


def test_only_prints_and_photographs_are_not_covered_and_the_table_says_why():
    table = coverage().set_index("id")
    assert list(table.index[~table["covered"]]) == ["HIPAA P", "HIPAA Q"]
    assert all("no text" in limit for limit in table.loc[["HIPAA P", "HIPAA Q"], "limit"])


def test_every_entity_of_the_table_is_in_the_registry_and_classified_under_its_letter():
    known = set(known_entities())
    for row in coverage().itertuples():
        names = [name for name in row[3].split(", ") if name]
        assert set(names) <= known
        letter = row.id[-1]
        # Fax numbers are found as telephone numbers, ages by a rule of their own.
        odd = {"PHONE_NUMBER", "AGE"}
        assert {ENTITY_CLASSES[name].hipaa for name in names if name not in odd} <= {letter}, row.id


def test_every_identifier_that_the_detector_finds_is_in_the_table():
    table = coverage()
    named = {name for cell in table["found as"] for name in cell.split(", ")}
    lettered = {name for name in known_entities() if ENTITY_CLASSES[name].hipaa}
    assert lettered <= named


def test_an_entity_that_the_registry_lacks_is_not_said_to_be_found(tmp_path, monkeypatch):
    path = tmp_path / "house.yaml"
    path.write_text("recognizers: [{name: SsnRecognizer, type: predefined, enabled: false}]")
    monkeypatch.setenv("SECURE_AI_RECOGNIZERS", str(path))
    table = coverage().set_index("id")
    assert not table.loc["HIPAA G", "covered"]
