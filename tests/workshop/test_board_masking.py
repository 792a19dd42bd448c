"""What the board may show of a message: the kit's own words, and no learner's value."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secure_ai.learn.tasks as tasks_room
from secure_ai.workshop.hub.board.catalog import read_catalog
from secure_ai.workshop.hub.board.masking import MASK, MOST_CHARACTERS, Masker, read_vocabulary

MASKER = Masker(read_vocabulary())
SMALL = Masker(["the", "column", "is", "missing", "answer", "a", "patient's", "not"])


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the column 'diagnosis' is missing", "the column … is missing"),
        ('the column "Anna\'s file" is missing', "the column … is missing"),
        ("the column `x` is missing", "the column … is missing"),
        ("the column “x y” is missing", "the column … is missing"),
        ("the column «x y» is missing", "the column … is missing"),
        ("a 412 1,250.50 -3e7 2025-01-31 12:30 50% is missing", "a … is missing"),
        ("a answer 'never closed Maria is the", "a answer …"),
        ("a answer `never closed is the", "a answer …"),
        ("the patient's answer is missing", "the patient's answer is missing"),
        ("Anna Huber is missing", "… is missing"),
        ("the patient_id is missing", "the … is missing"),
        ("the x1 is missing", "the … is missing"),
        ("the 患者 ١٢٣ is missing", "the … is missing"),
        ("the answer\nis\tmissing", "the answer is missing"),
        ("", ""),
    ],
)
def test_values_are_masked_and_the_kits_words_stay(message, shown):
    assert SMALL(message) == shown


@given(st.text(max_size=300))
def test_nothing_passes_but_the_vocabulary(text):
    shown = MASKER(f"the column {text}")
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", shown)
    assert all(word.lower() in MASKER.vocabulary for word in words)
    assert not re.search(r"[\d_`]", shown)
    assert len(shown) <= MOST_CHARACTERS


@given(st.text(st.characters(exclude_characters="'\n"), min_size=1, max_size=40))
def test_equal_mistakes_are_one_message_whatever_the_value(value):
    quoted = value.replace("`", "")
    assert SMALL(f"the column `{quoted}` is missing") == "the column … is missing"


def test_a_value_from_a_learners_data_is_not_in_the_vocabulary():
    found = read_vocabulary()
    assert not found & {"maria", "huber", "meier", "diabetes", "schmidt", "johnson"}
    assert {"column", "answer", "value"} <= found
    assert all(word == word.lower() for word in found)


def test_it_takes_long_texts_that_are_hard_to_match():
    for text in ("'" * 20_000, "`a" * 20_000, "“" * 20_000, "1," * 20_000, "a'" * 20_000):
        assert len(MASKER(text)) <= MOST_CHARACTERS


def test_the_catalog_is_that_of_the_tasks_themselves():
    """Hints and names on the board are the engine's own, though the board cannot import the engine."""
    found = read_catalog()
    for path in sorted(Path(tasks_room.__file__).parent.glob("*.py")):
        if path.stem == "__init__":
            continue
        lab = importlib.import_module(f"secure_ai.learn.tasks.{path.stem}").lab
        assert [(one.name, one.prompt, one.hints) for one in found[lab.key].tasks] == [
            (task.name, task.prompt, task.hints) for task in lab.tasks.values()
        ]
        assert found[lab.key].title == lab.title


def test_the_messages_of_known_mistakes_can_still_be_read():
    """The mask is no use if it leaves nothing: of all messages for known mistakes, most words stay."""
    kept = total = 0
    for path in sorted(Path(tasks_room.__file__).parent.glob("*.py")):
        module = sys.modules.get(f"secure_ai.learn.tasks.{path.stem}")
        for task in module.lab.tasks.values() if module and hasattr(module, "lab") else ():
            for wrong in task.known_wrong:
                total += len(wrong.message.split())
                kept += len(MASKER(wrong.message).replace(MASK, " ").split())
    assert total > 1_000
    assert kept > 0.8 * total


def test_a_broken_module_is_left_out(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "bad.py").write_text("def (")
    (tmp_path / "tasks" / "none.py").write_text("x = 1")
    assert read_catalog(tmp_path) == {}
    assert read_vocabulary(tmp_path) == frozenset()
