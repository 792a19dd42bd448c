"""What a check said, without a learner's values: only words of the kit's own sentences get through.

A message may quote what a learner wrote, and a seat's process is the learner's: it may send anything at all.
So numbers, names in code and whatever stands in quotation marks or backticks are masked, and every other word
that does not occur in the sentences of ``secure_ai.learn`` is masked as well. Equal mistakes become equal
messages by the same step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

from secure_ai.workshop.hub.board.catalog import LEARN

MASK = "…"
MOST_CHARACTERS = 200
# Fewer words are names of columns, cells of tables and options: not sentences.
FEWEST_WORDS = 4

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Also names in code, which a learner may have chosen.
_NUMBER = re.compile(r"[+-]?\w*[\d_][\w.,:%/-]*")
# A quotation mark opens where no word ends before it, and closes where none begins after it.
_QUOTED = re.compile(
    r"`[^`]*(?:`|$)"
    r"|(?<!\w)(?P<mark>['\"])(?:.*?(?P=mark)(?!\w)|.*$)"
    r"|[“„«‹‘].*?(?:[”»›’“](?!\w)|$)",
    re.DOTALL,
)
_PIECE = re.compile(rf"{MASK}|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|_+|\s+|.", re.DOTALL)
_PLAIN_MARKS = frozenset(".,;:!?()-–—/%=<>+*[]{}'’\"&|")


def read_vocabulary(learn: Path = LEARN) -> frozenset[str]:
    """Return the words of the kit's own sentences: of texts in its code with four words or more."""
    words: set[str] = set()
    for path in sorted(learn.rglob("*.py")):
        try:
            module = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = _WORD.findall(node.value)
                # Parts of an f-string are short, but a sentence in lower case they are all the same.
                if len(found) >= FEWEST_WORDS or (node.value[:1] == " " and len(found) > 1):
                    words.update(word for word in found if word.islower())
                    words.update(_sentence_starts(node.value))
    return frozenset(words)


def _sentence_starts(text: str) -> set[str]:
    return {match.lower() for match in re.findall(r"(?:^|[.:!?]\s+)([A-Z][a-z]+)(?=\s+[a-z])", text)}


class Masker:
    """Masks messages against a vocabulary.

    Args:
        vocabulary: words in lower case that may be shown.
    """

    def __init__(self, vocabulary: Collection[str]) -> None:
        self.vocabulary = frozenset(word.lower() for word in vocabulary)

    def __call__(self, message: str) -> str:
        """Return ``message`` with all that could be a learner's replaced by ``…``, shortened, on one line."""
        text = " ".join(message[: 4 * MOST_CHARACTERS].split())
        text = _QUOTED.sub(MASK, text)
        text = _NUMBER.sub(MASK, text)
        text = "".join(self._shown(piece) for piece in _PIECE.findall(text))
        text = re.sub(rf"{MASK}(?:[\s,;:./()\[\]{{}}'’\"&|=<>+*–—-]*{MASK})+", MASK, text).strip()
        return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1].rstrip() + MASK

    def _shown(self, piece: str) -> str:
        if piece.isspace():
            return " "
        if _WORD.fullmatch(piece):
            return piece if piece.lower() in self.vocabulary else MASK
        return piece if piece in _PLAIN_MARKS else MASK
