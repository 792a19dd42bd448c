"""One pass over bytes for many patterns at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick, Implementation

from secure_ai.govern.estate.mentions import value_pattern
from secure_ai.govern.estate.search.patterns import Pattern

CHUNK = 1 << 24
_SEPARATORS = b" \t\r\n-./()+_\xa0\xc2"
_GAP = rb"(?:[ \t\r\n\-./()+_]|\xc2\xa0|\xc2\xad|\xe2\x80[\x8b-\x95]|\xa0){0,5}"
_AROUND = 160
_FIELDS = re.compile(r"""["']?\s*[\x1f,;|\t]\s*(?:["'][\w ]{1,24}["']\s*:\s*)?["']?""")
_DIGITS = frozenset(b"0123456789")


@dataclass
class Counts:
    """How often patterns stand in bytes.

    Attributes:
        clean: pattern → how often, where it is clear that it begins and ends there.
        doubtful: pattern → how often it stands between further digits: a longer number, or a neighbor
            without a separator, as in the pages of a database.
    """

    clean: Counter[Pattern] = field(default_factory=Counter)
    doubtful: Counter[Pattern] = field(default_factory=Counter)

    def total(self, pattern: Pattern) -> int:
        """Return how often the pattern stands there in all."""
        return self.clean[pattern] + self.doubtful[pattern]

    def patterns(self) -> list[Pattern]:
        """Return the patterns that were found."""
        return list(dict.fromkeys([*self.clean, *self.doubtful]))


class Scanner:
    """Counts patterns in bytes, in capitals and small letters, and numbers with any separators."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.plain = [pattern for pattern in patterns if not pattern.squeezed]
        self.numbers = [pattern for pattern in patterns if pattern.squeezed]
        self._masked: dict[str, re.Pattern[str]] = {}
        self._plain = _automaton(self.plain)
        self._numbers = _automaton(self.numbers)
        self._written = [_number(pattern.data) for pattern in self.numbers]
        self._overlap = 4 * max((len(pattern.data) for pattern in patterns), default=1)

    def count(self, chunks: Iterable[bytes]) -> Counts:
        """Return how often each pattern stands in the bytes, which may come in parts."""
        found = Counts()
        before = b""
        for chunk in chunks:
            data = before + chunk
            for pattern, start, end in self.hits(data):
                # What ends in the part that was seen was counted with it.
                if end > len(before):
                    where = found.doubtful if between_digits(data, start, end) else found.clean
                    where[pattern] += 1
            before = data[-self._overlap :]
        return found

    def hits(self, data: bytes) -> Iterator[tuple[Pattern, int, int]]:
        """Yield every pattern that stands in the bytes, with its start and end."""
        small = data.lower()
        if self._plain is not None:
            for index, start, end in self._plain.find_matches_as_indexes(small, overlapping=True):
                pattern = self.plain[index]
                if pattern.words:
                    yield from self._written_otherwise(pattern, data, small, start, end)
                    continue
                if not pattern.exact or data[start:end] == pattern.original:
                    yield pattern, start, end
        if self._numbers is not None:
            bare = small.translate(None, _SEPARATORS)
            found = {index for index, *_ in self._numbers.find_matches_as_indexes(bare, overlapping=True)}
            for index in found:
                # Taking separators out joins neighbors: only what stands so in the file counts.
                for match in self._written[index].finditer(small):
                    yield self.numbers[index], match.start(), match.end()

    def _written_otherwise(
        self, pattern: Pattern, data: bytes, small: bytes, start: int, end: int
    ) -> Iterator[tuple[Pattern, int, int]]:
        """Yield the name whose word stands there, if the masker or fields side by side give it."""
        if (start and _is_letter(small[start - 1])) or (end < len(small) and _is_letter(small[end])):
            return
        first = max(0, start - _AROUND)
        before = data[first:start].decode(errors="ignore")
        text = before + data[start : end + _AROUND].decode(errors="ignore")
        written = self._masked.get(pattern.text) or self._masked.setdefault(
            pattern.text, value_pattern(pattern.kind, pattern.text)
        )
        # Each writing counts once, at its first word that is sought.
        if any(found.start() == len(before) for found in written.finditer(text)) or any(
            found.start() == len(before)
            for found in written.finditer(before + _FIELDS.sub(",", text[len(before) :]))
        ):
            yield pattern, start, end


def _is_letter(byte: int) -> bool:
    return 97 <= byte <= 122


def between_digits(data: bytes, start: int, end: int) -> bool:
    """Return whether a digit stands beside a digit at either end of a part."""
    before = start > 0 and data[start] in _DIGITS and data[start - 1] in _DIGITS
    return before or (end < len(data) and data[end - 1] in _DIGITS and data[end] in _DIGITS)


def _automaton(patterns: Sequence[Pattern]) -> BytesAhoCorasick | None:
    if not patterns:
        return None
    return BytesAhoCorasick([pattern.data for pattern in patterns], implementation=Implementation.DFA)


def _number(raw: bytes) -> re.Pattern[bytes]:
    letters = [re.escape(bytes([letter])) for letter in raw]
    return re.compile(_GAP.join(letters))


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in parts."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
