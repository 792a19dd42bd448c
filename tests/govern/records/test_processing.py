"""Claims about the record of processing: every particular of Art. 30, and no category hidden in the files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from secure_ai.core import UserError
from secure_ai.discover import ENTITY_CLASSES
from secure_ai.govern import records
from secure_ai.govern.records import (
    ProcessingInventory,
    processing_record,
    read_processing,
    to_markdown,
    undeclared_categories,
    write_register,
)
from secure_ai.govern.records.categories import _data, categories, found_categories, special_categories
from secure_ai.govern.records.forms import fill_form

DATA = Path(records.__file__).parent / "data"
ACTIVITY = {"healthcare": "readmission_model", "finance": "loan_model"}
SECTORS = tuple(ACTIVITY)


def declared(**fields) -> ProcessingInventory:
    return fill_form({"activities": [{"id": "one", **fields}]}, ProcessingInventory, "form")


def test_every_entity_that_discover_knows_has_a_category_or_is_not_about_people():
    listed = [entity for entities in categories().values() for entity in entities]
    assert sorted([*listed, *_data()["not_personal"]]) == sorted(ENTITY_CLASSES)
    special = {name for name, of in categories().items() if any(ENTITY_CLASSES[e].gdpr_special for e in of)}
    assert special == special_categories()


@pytest.mark.parametrize("sector", SECTORS)
def test_the_example_leaves_no_gap_and_hides_categories_that_the_files_show(sector, inventories):
    example = read_processing(DATA / f"processing_{sector}.yaml")
    record = processing_record(example, {ACTIVITY[sector]: inventories[sector]})
    hidden = {
        found.category
        for found in undeclared_categories(example, {ACTIVITY[sector]: inventories[sector]})[ACTIVITY[sector]]
    }
    assert "government numbers" in hidden and "origin, belief and opinion" in hidden
    text = to_markdown(record)
    assert all(name in text for name in hidden) and f"{len(hidden)} undeclared categories" in text


@pytest.mark.parametrize("sector", SECTORS)
def test_what_is_declared_is_not_flagged(sector, inventories):
    everything = sorted({found.category for found in found_categories(inventories[sector])})
    flagged = undeclared_categories(declared(categories=everything), {"one": inventories[sector]})
    assert flagged == {"one": ()}


def test_special_categories_that_are_only_in_the_files_ask_for_a_case_of_article_9(inventories):
    record = processing_record(declared(categories=["identity"]), {"one": inventories["finance"]})
    assert "case of Art. 9(2) for one" in record.open_points()


def test_no_value_of_a_table_is_in_the_record(inventories):
    text = to_markdown(processing_record(declared(), {"one": inventories["healthcare"]}))
    samples = {s for one in inventories["healthcare"] for column in one.columns for s in column.samples}
    assert not [sample for sample in samples if len(sample) > 4 and sample in text]


def test_a_field_left_out_is_a_gap_and_an_empty_list_says_none():
    gaps = processing_record(declared()).open_points()
    for what in (
        "purposes",
        "data subjects",
        "categories",
        "recipients",
        "transfers",
        "time limits",
        "security",
    ):
        assert any(gap.startswith(what) for gap in gaps), what
    filled = processing_record(declared(recipients=[], transfers=[])).open_points()
    assert not [gap for gap in filled if gap.startswith(("recipients", "transfers"))]
    # Purposes and people cannot be "none": the law asks for them without exception.
    assert [gap for gap in processing_record(declared(purposes=[])).open_points() if "purposes" in gap]


def test_a_transfer_without_a_safeguard_is_a_gap():
    record = processing_record(declared(transfers=[{"country": "Freedonia"}]))
    assert "safeguard for Freedonia" in record.open_points()


def test_an_activity_whose_files_were_not_read_is_unassessed():
    record = processing_record(declared())
    assert "no file of one was read" in record.unassessed()[0]
    assert "not compared with any file" in record.summary


def test_a_processor_keeps_another_record_than_a_controller():
    form = {"role": "processor", "activities": [{"id": "one", "controllers": ["A clinic"]}]}
    record = processing_record(fill_form(form, ProcessingInventory, "form"))
    text = to_markdown(record)
    assert "GDPR Art. 30\\(2\\)" in text or "GDPR Art. 30(2)" in text
    assert "A clinic" in text and "Categories of processing" in text and "Time limits" not in text


def test_the_register_as_csv_runs_no_formula(tmp_path):
    path = write_register(declared(name="=HYPERLINK(1)", purposes=["+1"]), tmp_path / "register.csv")
    rows = list(csv.reader(path.open(encoding="utf-8")))
    assert rows[1][:2] == ["'=HYPERLINK(1)", "'+1"] and len(rows[0]) == len(rows[1]) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("activities: []", "activities"),
        ("activities: [{id: Bad Id}]", "activities.0.id"),
        ("activities: [{id: a}, {id: a}]", "Two activities have the id 'a'"),
        ("activities: [{id: a, categories: [shoe size]}]", "'shoe size' is no category"),
        ("activities: [{id: a, colour: red}]", "colour"),
        ("role: judge\nactivities: [{id: a}]", "role"),
        ("- a", "name: value"),
        ("a: [", r"no valid YAML \(line"),
        ("!!python/object/apply:os.system [ls]", "no valid YAML"),
    ],
)
def test_a_broken_form_is_refused_with_its_place(tmp_path, content, message):
    (tmp_path / "form.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        read_processing(tmp_path / "form.yaml")


def test_a_refusal_never_repeats_what_a_field_held(tmp_path):
    content = {"role": {"secret": "Jane Roe"}, "activities": [{"id": "a"}]}
    (tmp_path / "form.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError) as refused:
        read_processing(tmp_path / "form.yaml")
    assert "Jane" not in str(refused.value)


def test_a_stray_activity_and_two_files_of_one_name_are_refused(inventories):
    one = inventories["finance"][0]
    with pytest.raises(UserError, match="No activity is called 'two'"):
        processing_record(declared(), {"two": (one,)})
    with pytest.raises(UserError, match="Two files are called 'customers'"):
        processing_record(declared(), {"one": (one, one)})
