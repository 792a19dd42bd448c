"""Whose a value is that several people have: records of others explain it, or it is a trace."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from secure_ai.govern.estate.search.decoded import FIELD, Rows
from secure_ai.govern.estate.search.patterns import Pattern
from secure_ai.govern.estate.search.scanner import Counts, Scanner, between_digits
from secure_ai.govern.estate.search.traces import SharedValue, Trace

AROUND = 400
_ENDS = re.compile(rb"[\x1f\n,;\t|\"']")

Owner = Callable[[str], str]
"""Takes a field of a record; returns the key of the person that it is the key or pseudonym of, or nothing."""


@dataclass
class Verdicts:
    """What the records of one file say.

    Attributes:
        traces: (where, kind, form) → how often.
        explained: pattern → how often the file may hold it, because records hold it.
        theirs: kind → values in records of others, and how many such records.
    """

    traces: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    explained: Counter[Pattern] = field(default_factory=Counter)
    theirs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def shared(self, file: str) -> list[SharedValue]:
        """Return what others have, too."""
        return [SharedValue(file, kind, count, rows) for kind, (count, rows) in sorted(self.theirs.items())]

    def found(self, file: str) -> list[Trace]:
        """Return what is left of the person."""
        return [Trace(file, *key, count) for key, count in sorted(self.traces.items())]


class Judge:
    """Judges the records of one file in which a value of the person stands.

    Args:
        scanner: finds the values.
        owner: whose key or pseudonym a field holds.
        namesakes: people in whose records the name is their own.
    """

    def __init__(self, scanner: Scanner, owner: Owner, namesakes: frozenset[str]) -> None:
        self.scanner, self.owner, self.namesakes = scanner, owner, namesakes
        self.verdicts = Verdicts()

    def rows(self, rows: Rows) -> None:
        """Judge every row of a table."""
        if not rows.table:
            self._terms(rows)
            return
        by_row: dict[tuple[int, int], list[tuple[Pattern, bool]]] = defaultdict(list)
        for pattern, start, end in self.scanner.hits(rows.data):
            self.verdicts.explained[pattern] += rows.copies
            by_row[rows.row_at(start)].append((pattern, between_digits(rows.data, start, end)))
        for (start, end), hits in by_row.items():
            self.record(rows.where, hits, rows.data[start:end].split(FIELD))

    def text(self, where: str, data: bytes, *, lines: bool) -> None:
        """Judge text: line by line, or by what stands around a value where a line is no record."""
        groups: dict[tuple[int, int], list[tuple[Pattern, bool]]] = defaultdict(list)
        for pattern, start, end in self.scanner.hits(data):
            if lines:
                last = data.find(b"\n", end)
                place = (data.rfind(b"\n", 0, start) + 1, last if last >= 0 else len(data))
            else:
                first = max(0, start - AROUND) // AROUND * AROUND
                place = (first, first + 3 * AROUND)
            groups[place].append((pattern, between_digits(data, start, end)))
        for (start, end), hits in groups.items():
            self.record(where, hits, [part.strip() for part in _ENDS.split(data[start:end])])

    def record(self, where: str, hits: Sequence[tuple[Pattern, bool]], fields: Iterable[bytes]) -> None:
        """Judge one record: a value of nobody else, or two shared ones together, are the person.

        Args:
            where: the table, for the trace.
            hits: patterns in the record, and whether each stands within a longer number.
            fields: of the record, to see whose it is.
        """
        own = Counter(
            (pattern.kind, pattern.form) for pattern, longer in hits if not pattern.shared and not longer
        )
        for (kind, form), count in own.items():
            self.verdicts.traces[where, kind, form] += count
        shared = [pattern for pattern, _ in hits if pattern.shared]
        kinds = {pattern.kind for pattern in shared}
        if len(kinds) > 1 and not own:
            keys = {self.owner(text.decode(errors="replace")) for text in fields}
            if not keys & self.namesakes:
                for kind in kinds:
                    self.verdicts.traces[where, kind, "with another value"] += 1
                return
        for kind in kinds:
            self.verdicts.theirs[kind][0] += sum(pattern.kind == kind for pattern in shared)
            self.verdicts.theirs[kind][1] += 1

    def _terms(self, rows: Rows) -> None:
        for pattern, start, end in self.scanner.hits(rows.data):
            self.verdicts.explained[pattern] += rows.copies
            if not pattern.shared and not between_digits(rows.data, start, end):
                self.verdicts.traces[rows.where, pattern.kind, pattern.form] += 1


def unexplained(
    counts: Counts, verdicts: Verdicts, tables: Callable[[], Iterable[Rows]], *, exact: bool
) -> list[tuple[Pattern, int]]:
    """Return patterns that stand in a file's bytes more often than its records can explain.

    Args:
        counts: of the bytes.
        verdicts: of the records.
        tables: gives the records once more, to look across the borders of fields: in a page they stand
            side by side.
        exact: whether the bytes hold each value of a record once, as SQLite does, and not in dictionaries.
    """
    left, doubtful = [], []
    for pattern in counts.patterns():
        if not pattern.shared and counts.clean[pattern]:
            left.append((pattern, counts.clean[pattern]))
            continue
        there, explained = counts.total(pattern), verdicts.explained[pattern]
        if there <= explained or (explained and not exact):
            continue
        (doubtful if exact else left).append((pattern, there - explained))
    if doubtful:
        alone, further = Scanner([pattern for pattern, _ in doubtful]), Counter()
        for rows in tables():
            found = alone.count([rows.data.replace(FIELD, b"")])
            further.update({pattern: rows.copies * found.total(pattern) for pattern in found.patterns()})
        left += [
            (pattern, there - further[pattern])
            for pattern, _ in doubtful
            if (there := counts.total(pattern)) > further[pattern]
        ]
    return left
