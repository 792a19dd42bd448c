"""The sentences that the names model learns from: our own, marked up in ``corpus/``, and open ones.

Our own are one a line, entities marked as ``[type:text]`` and line breaks as ``⏎``. The type says both
what the entity is called (:data:`ENTITY_OF`) and which other values may take its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import regex

from secure_ai.core.errors import UserError
from secure_ai.core.text import Document, Span

CORPUS = Path(__file__).parents[1] / "corpus"

ENTITY_OF = {
    **dict.fromkeys(("person", "first", "last", "initials_name", "fictional"), "PERSON"),
    **dict.fromkeys(
        ("city", "country", "state", "region", "place", "facility", "street", "address"), "LOCATION"
    ),
    **dict.fromkeys(
        ("company", "agency", "university", "hospital", "team", "media", "party", "band", "org"),
        "ORGANIZATION",
    ),
    "nrp": "NRP",
    "title": "TITLE",
    "date": "DATE_TIME",
    "age": "AGE",
    "zip": "ZIP_CODE",
    "phone": "PHONE_NUMBER",
    "email": "EMAIL_ADDRESS",
    "url": "URL",
    "ip": "IP_ADDRESS",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "ssn": "US_SSN",
    "license": "US_DRIVER_LICENSE",
    "account": "US_BANK_NUMBER",
    "mrn": "MEDICAL_RECORD_NUMBER",
    "number": None,
}
LEARNED = ("PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME", "TITLE", "AGE", "ZIP_CODE")
"""What the model finds; the other types are left to patterns with check digits."""

_MARK = regex.compile(r"\[([a-z_]+):([^\[\]]+)\]")


@dataclass(frozen=True)
class Piece:
    """A stretch of a template: plain text (type None) or an entity of a type."""

    text: str
    type: str | None = None


Template = tuple[Piece, ...]


def parse(line: str) -> Template:
    """Split a marked-up line.

    Raises:
        UserError: for an unknown type or a stray bracket.
    """
    pieces: list[Piece] = []
    at = 0
    line = line.replace("⏎", "\n")
    for mark in _MARK.finditer(line):
        if mark[1] not in ENTITY_OF:
            raise UserError(f"The corpus marks '{mark[1]}', which is no type: see ENTITY_OF.")
        if mark.start() > at:
            pieces.append(Piece(line[at : mark.start()]))
        pieces.append(Piece(mark[2], mark[1]))
        at = mark.end()
    if at < len(line):
        pieces.append(Piece(line[at:]))
    if any(piece.type is None and ("[" in piece.text or "]" in piece.text) for piece in pieces):
        raise UserError(f"The corpus line '{line[:40]}...' has a stray bracket.")
    return tuple(pieces)


def read_templates(folder: Path = CORPUS) -> list[Template]:
    """Read the training templates of ``folder``, file by file; ``held_out/`` is not among them."""
    return [
        parse(line)
        for path in sorted(folder.glob("*.txt"))
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]


def read_held_out(folder: Path = CORPUS / "held_out") -> dict[str, list[Template]]:
    """Read the templates that training never sees, by genre."""
    return {path.stem: read_templates_of(path) for path in sorted(folder.glob("*.txt"))}


def read_templates_of(path: Path) -> list[Template]:
    """Read the templates of one file."""
    return [parse(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


# ---------------------------------------------------------------- open corpora

_OPEN_TYPES = {
    "PER": "PERSON",
    "LOC": "LOCATION",
    "ORG": "ORGANIZATION",
    "person": "PERSON",
    "location": "LOCATION",
    "corporation": "ORGANIZATION",
    "Person": "PERSON",
    "Location": "LOCATION",
    "Organisation": "ORGANIZATION",
    "Nationality": "NRP",
    "Temporal": "DATE_TIME",
}
ANY = "?"
"""Tag of a word of which the corpus does not say what it is to us."""


def read_conll(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield (words, tags) of a CoNLL file; tags are ``O``, ``B-``/``I-`` of our names, or ``?``."""
    words: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if line.strip():
            word, tag = line.split("\t")[0].strip(), line.split()[-1]
            if not word:
                continue
            words.append(word)
            name = _OPEN_TYPES.get(tag[2:])
            tags.append("O" if tag == "O" else f"{tag[0]}-{name}" if name else ANY)
        elif words:
            yield words, tags
            words, tags = [], []


def as_document(template: Template) -> Document:
    """Return a template with its own values as a text with true spans, by Presidio's names."""
    spans: list[Span] = []
    at = 0
    for piece in template:
        entity = ENTITY_OF[piece.type] if piece.type else None
        if entity is not None:
            spans.append(Span(at, at + len(piece.text), entity))
        at += len(piece.text)
    return Document("".join(piece.text for piece in template), spans)
