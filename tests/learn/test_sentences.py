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
    def refuse():
        raise UserError("Not you.")

    assert outcome(refuse) == "refused: Not you."
    assert outcome(lambda: None) == "opens" and outcome(lambda: None, "came through") == "came through"
    with pytest.raises(ZeroDivisionError):
        outcome(lambda: 1 / 0)
