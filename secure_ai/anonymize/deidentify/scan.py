"""Where personal data stand in files, in counts: by type, column, field or line; never the values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secure_ai.anonymize.deidentify.documents import lines
from secure_ai.anonymize.deidentify.files import (
    DELIMITED,
    DICOM,
    PARQUET,
    RECORDS,
    TEXT,
    cleaner_for,
    files_of,
)
from secure_ai.anonymize.deidentify.json_files import leaves, read_json, read_json_lines
from secure_ai.anonymize.deidentify.records import ANY_KEY, PLAIN_KEY
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source, shown
from secure_ai.discover.detector import DEFAULT_THRESHOLD, detect, known_entities
from secure_ai.discover.inventory import inventory
from secure_ai.discover.scoring import mask

BLOCK = 100
"""Lines that are counted together in a text file."""
BATCH = 2_000


@dataclass(frozen=True)
class ScanRow:
    """Finds of one type in one place.

    Attributes:
        file: name of the file, without its folder.
        place: a column, a field, or lines from-to.
        entity: what was found.
        count: finds, or for a column that holds nothing else its values.
        sample: one of them, masked.
    """

    file: str
    place: str
    entity: str
    count: int
    sample: str


@dataclass(frozen=True)
class Scan:
    """What a scan found.

    Attributes:
        source: name of the file or folder.
        files: files that were read.
        rows: finds by file, place and type.
    """

    source: str
    files: int
    rows: tuple[ScanRow, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Finds by type, the most frequent first."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts[row.entity] += row.count
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def to_dict(self) -> dict[str, Any]:
        """Return the scan as plain values for JSON."""
        return {
            "source": self.source,
            "files": self.files,
            "counts": self.counts,
            "finds": [asdict(row) for row in self.rows],
        }


def scan(
    source: str | Path, *, entities: Sequence[str] | None = None, threshold: float = DEFAULT_THRESHOLD
) -> Scan:
    """Find personal data in a text, table, JSON or FHIR file, or in every file of a folder.

    Columns of a table are judged as in an inventory (on samples); texts and records are read whole.

    Args:
        source: file or folder.
        entities: types to look for; all by default.
        threshold: least score of a find.

    Raises:
        UserError: if the source cannot be read, or an entity or the threshold is not right.
    """
    path = Path(source)
    name = shown(path.name or str(path))
    if not path.exists():
        raise UserError(f"The file {name} does not exist: check the path.")
    _check(entities, threshold)
    files = files_of(path) if path.is_dir() else [path]
    rows: list[ScanRow] = []
    for file in files:
        rows += _scan_file(file, entities, threshold)
    return Scan(name, len(files), tuple(rows))


def _check(entities: Sequence[str] | None, threshold: float) -> None:
    from secure_ai.discover.classification import ENTITY_CLASSES

    if entities is not None:
        known = {*known_entities(), *ENTITY_CLASSES}
        unknown = next((entity for entity in entities if entity not in known), None)
        if unknown is not None:
            raise UserError(
                f"The entity '{shown(unknown)}' is not known: choose from {', '.join(sorted(known))}."
            )
    if not 0 <= threshold <= 1:
        raise UserError(f"The threshold is {threshold}: choose a number from 0 to 1.")


def _scan_file(path: Path, entities: Sequence[str] | None, threshold: float) -> list[ScanRow]:
    label = shown(path.name)
    if not path.is_file():
        raise UserError(f"{label} is not a file but a device or a pipe: save its content to a file first.")
    if path.stat().st_size == 0:
        raise UserError(f"The file {label} is empty: export it again.")
    cleaner_for(path)
    suffix = path.suffix.lower()
    try:
        if suffix in DELIMITED | PARQUET:
            return _columns(path, entities)
        if suffix in RECORDS:
            return _texts(label, _fields(path), entities, threshold)
        if suffix in DICOM:
            from secure_ai.anonymize.deidentify.dicom import header_texts

            return _texts(label, header_texts(path), entities, threshold)
        assert suffix in TEXT
        return _texts(label, _blocks(path), entities, threshold)
    except OSError:
        raise UserError(f"{label} cannot be read: check its rights.") from None


def _columns(path: Path, entities: Sequence[str] | None) -> list[ScanRow]:
    source = open_source(path)
    found = inventory(source)
    rows = []
    for column in found.columns:
        values = round(found.n_rows * (1 - column.null_share))
        for entity in column.entities:
            if entities is None or entity in entities:
                share = column.identifier_share if column.free_text else None
                count = values if share is None else round(values * share)
                if count:
                    sample = column.samples[0] if column.samples else ""
                    rows.append(ScanRow(shown(path.name), shown(column.name), entity, count, sample))
    return rows


def _blocks(path: Path) -> Iterator[tuple[str, str]]:
    block: list[str] = []
    first = 1
    for number, line in enumerate(lines(path), 1):
        block.append(line)
        if len(block) == BLOCK:
            yield f"lines {first}-{number}", "".join(block)
            block, first = [], number + 1
    if block:
        yield f"lines {first}-{first + len(block) - 1}", "".join(block)


def _fields(path: Path) -> Iterator[tuple[str, str]]:
    value = read_json(path) if path.suffix.lower() == ".json" else None
    records = (value if isinstance(value, list) else [value]) if value is not None else read_json_lines(path)
    for record in records:
        for place, leaf in leaves(record, key=_shown_key):
            if isinstance(leaf, str) and leaf.strip():
                yield place, leaf


def _shown_key(name: str) -> str:
    return name if PLAIN_KEY.fullmatch(name) else ANY_KEY


def _texts(
    label: str, pairs: Iterable[tuple[str, str]], entities: Sequence[str] | None, threshold: float
) -> list[ScanRow]:
    wanted = None if entities is None else [entity for entity in entities if entity in known_entities()]
    counts: dict[tuple[str, str], int] = {}
    samples: dict[tuple[str, str], str] = {}

    def read(batch: list[tuple[str, str]]) -> None:
        found = detect([text for _, text in batch], entities=wanted, threshold=threshold)
        for (place, text), spans in zip(batch, found, strict=True):
            for span in spans:
                at = (shown(place), span.entity_type)
                counts[at] = counts.get(at, 0) + 1
                samples.setdefault(at, mask(text[span.start : span.end]))

    batch: list[tuple[str, str]] = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == BATCH:
            read(batch)
            batch = []
    read(batch)
    return [ScanRow(label, place, entity, n, samples[place, entity]) for (place, entity), n in counts.items()]
