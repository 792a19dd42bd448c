"""A contract as passages with their places: clause number, heading and line."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core import UserError
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import shown
from secure_ai.govern.records.files import PANDOC_SECONDS, find_pandoc

LARGEST_FILE = 5_000_000
MOST_CHARACTERS = 1_000_000
NUMBER = re.compile(
    r"^\s*(?:(?:section|article|clause|§)\s*)?(?P<number>(?:\d+(?:\.\d+)*|\([a-z0-9]{1,4}\)|[a-z]\)|[IVX]+\.|[A-Z]\.))"
    r"[.:)]?(?=\s)",
    re.IGNORECASE,
)
BULLET = re.compile(r"[-*•–]\s")
TOP_NUMBER = re.compile(r"\d+(\.\d+)*|[IVX]+\.?|[A-Z]\.")
SENTENCE_END = re.compile(r"(?<=[.;!?])\s+(?=[A-Z(\"“])")
# Emphasis of Markdown; runs of underscores stay, for they are blanks to fill.
MARKUP = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`|(?<!_)_(?=\[)|(?<=\])_(?!_)")
LONGEST_HEADING = 90
ENGLISH = frozenset(
    {"the", "of", "and", "to", "shall", "in", "or", "by", "any", "will", "with", "for", "must"}
)
LEAST_ENGLISH = 0.12
LEAST_WORDS = 30


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph or list item of a contract.

    Attributes:
        text: on one line.
        line: where it begins, from 1.
        number: its clause number, such as ``"5.2"`` or ``"5 (a)"``; empty without one.
        heading: the heading above it; empty without one.
        lead: what introduces the list that it is an item of ("The Processor shall:").
    """

    text: str
    line: int
    number: str = ""
    heading: str = ""
    lead: str = ""

    def place(self) -> str:
        """Return where it is, in words."""
        parts = [f"clause {self.number}" if self.number else "", f"line {self.line}"]
        return ", ".join(part for part in parts if part) + (
            f", under “{self.heading}”" if self.heading else ""
        )

    def sentences(self) -> tuple[str, ...]:
        """Return its sentences, each with the lead of the list."""
        lead = f"{self.lead} " if self.lead else ""
        return tuple(f"{lead}{sentence}" for sentence in SENTENCE_END.split(self.text))


def read_contract(path: str | Path) -> str:
    """Return the text of a contract: .txt, .md, or .docx where pandoc is installed.

    Raises:
        UserError: if the file is not there, too large, empty, of another kind or no text.
    """
    file = Path(path)
    name, kind = shown(file.name), file.suffix.lower()
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UserError(f"The contract {name} is larger than 5 MB: save its text as .txt.")
        if kind == ".docx":
            return _from_docx(file, name)
        if kind not in {".txt", ".md", ".markdown", ".text"}:
            raise UserError(
                f"The contract {name} is no .txt, .md or .docx: save its text as .txt (also a PDF's)."
            )
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"The contract {name} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise UserError(
            f"The contract {name} cannot be read ({system_reason(error)}): check the path."
        ) from None


def passages(text: str) -> tuple[Passage, ...]:
    """Return the passages of a contract in order, headings apart.

    Raises:
        UserError: if there are fewer than 30 words or over a million characters, or it is not English.
    """
    if len(text) > MOST_CHARACTERS:
        raise UserError("The contract has over a million characters: give one contract at a time.")
    words = re.findall(r"[a-zA-ZÀ-ÿ]+", text.lower())
    if len(words) < LEAST_WORDS:
        raise UserError("The contract has fewer than 30 words: give the whole text (a scan needs OCR first).")
    if sum(word in ENGLISH for word in words) / len(words) < LEAST_ENGLISH:
        raise UserError("The contract does not look like English: the check reads English words only.")
    found: list[Passage] = []
    heading, above, lead = "", "", ""
    for line, block in _blocks(text):
        number, body = _numbered(block)
        item = bool(BULLET.match(block)) or bool(number and not TOP_NUMBER.fullmatch(number))
        if not item and _is_heading(body):
            heading, above, lead = body.strip(" #*:."), number or "", ""
            continue
        if not item:
            above, lead = number or above, ""
        full = f"{above} {number}".strip() if item else number
        found.append(Passage(body, line, full or above, heading, lead))
        if not item and body.rstrip().endswith((":", ": -", "—")):
            lead = body
    return tuple(found)


def _blocks(text: str) -> list[tuple[int, str]]:
    """Return (line, paragraph): paragraphs end at an empty line or where a numbered line or bullet begins."""
    blocks: list[tuple[int, list[str]]] = []
    fresh = True
    for line, raw in enumerate(text.splitlines(), 1):
        stripped = MARKUP.sub("", raw.strip())
        if not re.search(r"[^\W_]", stripped):
            fresh = True
            continue
        after_title = bool(blocks) and len(blocks[-1][1]) == 1 and _is_title(blocks[-1][1][0])
        starts = (
            fresh
            or (after_title and stripped[0].isupper())
            or NUMBER.match(stripped)
            or stripped[0] == "#"
            or BULLET.match(stripped)
        )
        if starts:
            blocks.append((line, []))
        blocks[-1][1].append(stripped)
        fresh = stripped.startswith("#")
    return [(line, " ".join(lines)) for line, lines in blocks]


def _numbered(block: str) -> tuple[str, str]:
    bare = re.sub(r"^[#*•–\-\s]+", "", block)
    match = NUMBER.match(bare)
    # "- 90 days" is an item that begins with a number, not clause 90.
    if match is None or (BULLET.match(block) and TOP_NUMBER.fullmatch(match["number"].strip("."))):
        return "", bare
    return match["number"].strip("."), bare[match.end() :].strip()


def _is_heading(body: str) -> bool:
    short = len(body) <= LONGEST_HEADING and not body.rstrip("*").endswith((".", ";", ",", ":"))
    obliges = re.search(r"\b(shall|must|will|agrees?|may)\b", body, re.IGNORECASE)
    return not body or (short and not obliges and len(body.split()) <= 12)


def _is_title(line: str) -> bool:
    """Say whether a line is a heading by itself: numbered, marked or in capitals."""
    number, body = _numbered(line)
    return bool(number or line.startswith("#") or line.isupper()) and bool(body) and _is_heading(body)


def _from_docx(file: Path, name: str) -> str:
    if find_pandoc() is None:
        raise UserError(f"Reading {name} needs pandoc, which is not installed: save the contract as .txt.")
    try:
        done = subprocess.run(
            [find_pandoc() or "pandoc", "--from=docx", "--to=plain", "--wrap=none", str(file.absolute())],
            capture_output=True,
            timeout=PANDOC_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"pandoc did not finish with {name}: save the contract as .txt.") from None
    if done.returncode:
        raise UserError(f"pandoc cannot read {name}: save the contract as .txt.")
    return done.stdout.decode("utf-8", "replace")
