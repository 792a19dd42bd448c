"""A backup that is restored after an erasure names the person nowhere, not in the parts of others either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate import Estate, Subject, build_estate
from tests.govern.estate.conftest import DAY, busiest

SECTORS = ("healthcare", "finance")
TEXTS = {"healthcare": ("notes", "patient_id"), "finance": ("chats", "customer_id")}
PEOPLE = {"healthcare": "patients", "finance": "customers"}


def _planted(tmp_path: Path, tables: dict, sector: str) -> tuple[Estate, Subject, set[str]]:
    """Build an estate in whose texts others mention somebody, before its backup is made."""
    probe = build_estate(tmp_path / "probe", sector, tables[sector], seed=3, backup=False)
    person = busiest(probe)
    table, key = TEXTS[sector]
    name, phone = person.identifiers["name"][0], person.identifiers["phone"][0]
    texts = tables[sector][table].copy()
    others = texts.index[texts[key] != person.key]
    texts.loc[others[0], "text"] = f"Brought in by {name.upper()}, {phone.replace('-', ' ')}."
    texts.loc[others[-1], "text"] = f"Spoke with {person.identifiers['email'][0]}, é."
    changed = {**tables[sector], table: texts}
    whose = {texts.loc[others[0], key], texts.loc[others[-1], key]}
    if sector == "healthcare":
        patients = changed["patients"].copy()
        other = patients.index[(patients["patient_id"] != person.key) & ~patients["patient_id"].isin(whose)][
            0
        ]
        patients.loc[other, ["emergency_contact_name", "emergency_contact_phone"]] = [name, phone]
        changed["patients"] = patients
        whose.add(patients.loc[other, "patient_id"])
    estate = build_estate(tmp_path / "estate", sector, changed, seed=3)
    person = estate.subject(person.key)
    return estate, person, {estate.people.pseudonym_of(one) for one in whose}


def _named(person: Subject, restored: dict) -> list[str]:
    raw = json.dumps(restored, ensure_ascii=False).lower()
    digits = "".join(filter(str.isdigit, person.identifiers["phone"][0]))
    values = [
        person.key,
        *(one for kind, found in person.identifiers.items() for one in found if kind != "address"),
    ]
    return [one for one in (*values, digits) if one.lower() in raw]


@pytest.mark.parametrize("sector", SECTORS)
def test_the_restored_backup_and_every_copy_name_the_person_nowhere(
    tmp_path: Path, tables: dict, sector: str
) -> None:
    estate, person, whose = _planted(tmp_path, tables, sector)
    backup = estate.store("nightly backup")
    copy = shutil.copy(backup.path, tmp_path / "copy.sqlite")
    before = dict(backup.restore())
    assert _named(person, {name: part for name, part in before.items() if name in whose})
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert receipt.complete, receipt
    after, of_copy = dict(backup.restore()), dict(backup.restore(Path(copy)))
    assert not _named(person, after)
    assert not _named(person, of_copy)
    assert set(after) == set(before) - {person.pseudonym} - whose | {f"{one}.2" for one in whose}
    assert set(of_copy) == set(before) - {person.pseudonym} - whose
    untouched = set(before) - {person.pseudonym} - whose
    assert all(after[name] == before[name] for name in untouched)
    assert "[ERASED]" in json.dumps([after[f"{one}.2"] for one in whose])
    assert "must be replaced" in next(one.note for one in receipt.removals if one.store == backup.name)


def test_the_next_backup_takes_in_those_whose_parts_were_sealed_anew(tmp_path: Path, tables: dict) -> None:
    estate, person, whose = _planted(tmp_path, tables, "healthcare")
    backup = estate.store("nightly backup")
    estate.erase(person, today=DAY, reference="R-1", search=False)
    count = len(dict(backup.restore()))
    assert backup.make(DAY) == count
    assert {f"{one}.2" for one in whose} <= set(dict(backup.restore()))
    other = estate.subject_by_pseudonym(sorted(whose)[0])
    estate.erase(other, today=DAY, reference="R-2", search=False)
    assert len(dict(backup.restore())) == count - 1


def test_an_erasure_cut_off_before_the_old_keys_go_destroys_them_when_it_is_finished(
    tmp_path: Path, tables: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate, person, whose = _planted(tmp_path, tables, "healthcare")
    backup = estate.store("nightly backup")
    copy = shutil.copy(backup.path, tmp_path / "copy.sqlite")

    def cut(names: object) -> None:
        raise UserError("The process ends here.")

    with monkeypatch.context() as patch:
        patch.setattr(backup.keys, "shred", cut)
        with pytest.raises(UserError, match="ends here"):
            estate.erase(person, today=DAY, reference="R-1", search=False)
    assert whose & set(dict(backup.restore(Path(copy))))
    Estate(estate.stores, estate.people, folder=estate.folder, suppression=estate.suppression)
    assert not whose & set(dict(backup.restore(Path(copy))))
    assert not _named(person, dict(backup.restore()))
