"""What chapters 07 to 09 and 17 store shows no person of their tables, and no key, token or password."""

from __future__ import annotations

from pathlib import Path

import pytest

from secure_ai.encrypt.leaked_keys import find_leaked_keys
from secure_ai.learn.notebook import read_notebook
from synthetic_data import load

from .personal_values import CHAPTERS, everything_shown, personal_values, shown_values, values_of_the_lesson

ROOT = Path(__file__).resolve().parents[2]
PATHS = [
    ROOT / folder / f"{name}.ipynb" for folder in ("notebooks", "solutions", "labs") for name in CHAPTERS
]
ids = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())


@ids
def test_stored_outputs_show_nobody(path):
    text = everything_shown(read_notebook(path))
    found = shown_values(text, values_of_the_lesson(path, "healthcare"))
    # A value found is not named here: the output of a test is an output, too.
    assert len(found) == 0, f"{len(found)} personal values are shown"


@ids
def test_neither_code_nor_output_holds_a_key_a_token_or_a_password(path):
    result = find_leaked_keys(path)
    assert [(leak.cell, leak.place, leak.kind) for leak in result.found] == []
    assert all("picture" in reason for _, reason in result.not_examined)


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_a_person_who_is_shown_is_found(sector):
    values = personal_values(sector, 300, 7)
    people = load(sector, seed=7, rows=300).tables["patients" if sector == "healthcare" else "customers"]
    someone = people.iloc[5]
    for shown in (
        f"SSN {someone['ssn']}.",
        f"<td>{someone['first_name']} {someone['last_name']}</td>",
        f'"{someone["phone"]}"',
        people.head().to_string(),
    ):
        assert shown_values(shown, values)
    assert shown_values(f"{len(people)} people in {someone['city']}; 12{someone['ssn']}34", values) == set()
