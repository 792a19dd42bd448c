"""A purpose is data that is checked when it is read, with a sentence for each mistake."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from secure_ai.core.errors import UserError
from secure_ai.govern.handover import (
    HandoverRegister,
    declare_contract,
    declare_purpose,
    example_purpose,
    load_contract,
    load_purpose,
    propose_columns,
)
from tests.govern.handover.conftest import PURPOSE

WRONG = {
    "no columns": {"columns": {}},
    "column without a reason": {"columns": {"billed": ""}},
    "unknown field": {"colums": {"billed": "amount"}},
    "unknown policy": {"deidentify": "safe_habour"},
    "unknown legal basis": {"legal_basis": ["GDPR Art. 999"]},
    "no legal basis": {"legal_basis": []},
    "two comparisons": {"rows": [{"column": "year", "equals": 1, "at_least": 2}]},
    "k without quasi-identifiers": {"k": 5},
    "quasi-identifier that does not leave": {"quasi_identifiers": ["zip"], "k": 5},
    "k of one": {"quasi_identifiers": ["region"], "k": 1},
    "find accepted in no column": {"accepted_finds": {"zip": "none"}},
    "no such sector": {"sector": "retail"},
    "person in a condition": {"rows": [{"column": "patient_id", "equals": "P1"}]},
    "share above one": {"most_suppressed": 2},
}


def test_every_mistake_in_a_purpose_has_a_sentence_of_its_own():
    said = {}
    for name, changed in WRONG.items():
        with pytest.raises(UserError) as refused:
            declare_purpose(**{**PURPOSE, **changed})
        said[name] = str(refused.value)
    assert len(set(said.values())) == len(WRONG), said
    assert not any("pydantic" in one or "\n" in one for one in said.values()), said


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_example_of_each_sector_reads_and_names_a_reason_per_column(sector):
    purpose = example_purpose(sector)
    assert purpose.sector == sector
    assert all(purpose.columns.values())
    assert list(purpose.to_frame()) == ["column", "why"]


def test_purpose_from_yaml_is_the_purpose_that_was_declared(tmp_path):
    path = tmp_path / "purpose.yaml"
    path.write_text(yaml.safe_dump(PURPOSE, sort_keys=False))
    assert load_purpose(path) == declare_purpose(**PURPOSE)


def test_files_that_are_no_purpose_are_refused_each_with_its_sentence(tmp_path):
    contents = {
        "list.yaml": "- a",
        "broken.yaml": "a: [",
        "empty.yaml": "",
        "binary.yaml": b"\xff\xfe\x00",
        "numbers.yaml": "1: 2",
    }
    said = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError) as refused:
            load_purpose(tmp_path / name)
        said.append(str(refused.value))
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(UserError):
            load_purpose(path)
    assert len(set(said)) == len(contents)


def test_register_that_is_no_register_or_lost_its_key_is_refused(tmp_path):
    (tmp_path / "text.db").write_text(
        "not a database, but long enough to look like something else entirely" * 20
    )
    (tmp_path / "text.db.key").write_bytes(b"k" * 32)
    with pytest.raises(UserError, match="no register"):
        HandoverRegister(tmp_path / "text.db")
    HandoverRegister(tmp_path / "good.db")
    (tmp_path / "good.db.key").unlink()
    with pytest.raises(UserError, match="lost its key"):
        HandoverRegister(tmp_path / "good.db")


def test_contract_is_checked_when_it_is_read(tmp_path):
    good = {
        "id": "C-17", "vendor": "Acme", "purposes": ["denials model"], "signed": "2026-01-01",
        "ends": "2026-12-31", "contact": "privacy office",
    }  # fmt: skip
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(good))
    assert load_contract(path) == declare_contract(**good)
    wrong = [
        {"id": "C 17"},
        {"purposes": []},
        {"signed": "soon"},
        {"receipt_days": 0},
        {"price": 5},
        {"contact": ""},
    ]
    said = set()
    for changed in wrong:
        with pytest.raises(UserError) as refused:
            declare_contract(**{**good, **changed})
        said.add(str(refused.value))
    assert len(said) == len(wrong)


def test_register_that_is_gone_while_its_key_is_there_does_not_begin_anew(tmp_path):
    path = tmp_path / "register.db"
    register = HandoverRegister(path)
    path.unlink()
    for use in (lambda: HandoverRegister(path), register.packages, lambda: register.packages_with("P1")):
        with pytest.raises(UserError, match="restore"):
            use()
        assert not path.exists()


def test_register_that_was_emptied_is_refused(tmp_path):
    path = tmp_path / "register.db"
    HandoverRegister(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="restore"):
        HandoverRegister(path)


def _table(rows=240, seed=0):
    random = np.random.default_rng(seed)
    table = pd.DataFrame({f"c{number}": random.normal(size=rows) for number in range(4)})
    return table, random.integers(0, 2, rows)


def test_columns_that_predict_nothing_are_not_proposed():
    table, noise = _table()
    found = propose_columns(table.assign(y=noise), "y", "denials model")
    assert list(found) == ["y"]
    assert "no column predicts it better than chance" in found["y"]
    assert "240 rows" in found["y"]


def test_proposed_column_says_rows_interval_and_chance():
    table, _ = _table()
    found = propose_columns(table.assign(y=(table["c0"] > 0).astype(int)), "y", "denials model")
    assert list(found) == ["c0", "y"]
    assert re.search(r"240 rows \(0\.\d{3} to [01]\.\d{3};", found["c0"])
    assert "0.500 without any" in found["c0"]
