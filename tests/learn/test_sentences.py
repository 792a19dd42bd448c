"""Claims about what lessons say in words."""

from __future__ import annotations

import pytest

from secure_ai.core.errors import UserError
from secure_ai.learn.sentences import WIDTH, outcome, say


def test_long_sentences_are_told_in_short_lines_and_no_word_is_lost(capsys):
    text = "first\n" + "word " * 60 + "last"
    say(text)
    told = capsys.readouterr().out
    assert told.split() == text.split() and told.startswith("first\n")
    assert max(map(len, told.splitlines())) <= WIDTH


def test_a_refusal_is_told_in_its_own_sentence_and_a_fault_is_no_refusal():
    def door(who, *, key):
        if key != "right":
            raise UserError(f"Not you, {who}.")

    assert outcome(door, "Ann", key="wrong") == "refused: Not you, Ann."
    assert outcome(door, "Ann", key="right") == "opens"
    with pytest.raises(ZeroDivisionError):
        outcome(lambda: 1 / 0)
