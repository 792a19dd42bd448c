"""Every place that can know a date knows it, so that a retention schedule can tell what is over."""

from __future__ import annotations

from datetime import date

import pytest

from secure_ai.govern.estate.text_folder import TextFolder

DATED = {
    "healthcare": (
        "messages",
        "extract of readmissions",
        "training rows",
        "cached answers",
        "notes",
        "claims",
    ),
    "finance": ("emails", "extract of transactions", "training rows", "cached answers", "chats", "wires"),
}


@pytest.mark.parametrize("sector", DATED)
def test_texts_extracts_and_training_rows_carry_the_dates_of_their_records(build, sector):
    estate = build(sector, backup=False)
    people = map(estate.subject, estate.people.keys())
    held = [one for person in people for one in estate.holdings(person)]
    for name in DATED[sector]:
        found = [one for one in held if one.store == name]
        days = [day for one in found for day in (one.oldest, one.newest)]
        if name == "cached answers":  # their owner is nobody: they are found by what they say
            assert {path.stat().st_mtime for path in estate.store(name).files} == {1767225600.0}
            continue
        assert found, name
        assert all(day is not None and date(2022, 1, 1) < day < date(2026, 3, 1) for day in days), name


def test_the_last_text_of_a_person_takes_the_folder_with_their_key_along(tmp_path):
    for person in ("P-1", "P-2"):
        (tmp_path / person).mkdir()
        (tmp_path / person / "m.txt").write_text("an old message", encoding="utf-8")
    TextFolder(tmp_path, data_class="message").expire(date(2999, 1, 1), keep=frozenset({"P-2"}))
    assert [path.name for path in tmp_path.iterdir()] == ["P-2"]
