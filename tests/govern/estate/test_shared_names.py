"""A name that others bear, too: what is left for a person to look at is told, and never called complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.govern.estate import Estate, build_estate
from tests.govern.estate.conftest import DAY, busiest

Build = Callable[..., Estate]
TEXTS = {
    "healthcare": ("notes", "patient_id", "patients"),
    "finance": ("chats", "customer_id", "customers"),
}


@pytest.mark.parametrize("sector", TEXTS)
def test_an_erasure_is_not_complete_while_a_record_names_one_of_two(
    tmp_path: Path, tables: dict, sector: str
) -> None:
    table, key, main = TEXTS[sector]
    persons, texts = tables[sector][main].copy(), tables[sector][table].copy()
    columns = ["first_name", "last_name"]
    persons.loc[persons.index[1], columns] = persons.loc[persons.index[0], columns].to_numpy()
    one, other = persons[key].iloc[:2]
    name = " ".join(persons[columns].iloc[0])
    thirds = texts.index[~texts[key].isin([one, other])][:2]
    texts.loc[thirds[0], "text"] = f"Asked about {name}."
    estate = build_estate(tmp_path / "e", sector, {**tables[sector], main: persons, table: texts}, seed=3)
    receipt = estate.erase(estate.subject(one), today=DAY, reference="R-1")
    # The text, its entry in the full-text index, the cached answer about it, and the backup.
    assert receipt.ambiguous == 4
    assert not receipt.complete
    assert receipt.to_dict()["ambiguous"] == 4
    assert "4 for a person to look at" in receipt.sentence()


@pytest.mark.parametrize("sector", TEXTS)
def test_a_name_in_a_record_of_the_person_makes_no_second_bearer(
    tmp_path: Path, tables: dict, sector: str
) -> None:
    table, key, main = TEXTS[sector]
    changed = {name: frame.copy() for name, frame in tables[sector].items()}
    probe = build_estate(tmp_path / "probe", sector, changed, backup=False)
    person = busiest(probe)
    name = person.identifiers["name"][0]
    if sector == "healthcare":
        own = changed[main][key] == person.key
        changed[main].loc[own, ["emergency_contact_name", "emergency_contact_phone"]] = [
            name,
            "(999) 555-0177",
        ]
    else:
        wires = changed["wires"]
        wires.loc[wires.index[0], "account_id"] = person.identifiers["account_id"][0]
        wires.loc[wires.index[0], ["creditor_name", "creditor_iban"]] = [name, "GB29NWBK60161331926819"]
    texts = changed[table]
    other = texts.index[texts[key] != person.key][0]
    texts.loc[other, "text"] = f"Asked about {name}."
    estate = build_estate(tmp_path / "e", sector, changed, backup=False)
    person = estate.subject(person.key)
    assert name not in person.shared
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.complete, receipt.traces
    assert "Asked about [ERASED]." in {text for (text,) in estate.store(table).rows(["text"])}
