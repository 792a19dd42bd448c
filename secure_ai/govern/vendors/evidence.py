"""Whether a document counts for an answer: kind, issuer, dates, scope, place, and the file itself."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.govern.vendors.answers import Answer, Evidence
from secure_ai.govern.vendors.questionnaire import Kind, Question, Questionnaire

LONGEST_RANGE = 10
"""Pages that a place may span; "pages 1 to 80" is no place."""
MOST_NUMBERS = 6
"""Numbers in one place; a list of all pages is no place either."""
LARGEST_FILE = 500_000_000
_EXCEPT = re.compile(
    r"\b(except|excluding|excludes|excluded|other than|not includ\w+|without|out of scope)\b"
)
_LEGAL_FORM = re.compile(r"\b(inc|llc|ltd|limited|gmbh|ag|corp|corporation|company|co|plc|sa|bv|se)\b")


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """A document, and whether it counts for one answer.

    Attributes:
        question: id.
        document: its title.
        kind: of document.
        counts: whether the answer may rest on it.
        problems: code and sentence of everything that speaks against it.
        seen: whether the file was there and was read.
        dated: its date, where it has one that can be read.
        counts_until: last day on which it counts, if it does.
        expires: its own last day, where it states one.
        sha256: of the file where it was seen, else as stated.
    """

    question: str
    document: str
    kind: str
    counts: bool
    problems: tuple[tuple[str, str], ...]
    seen: bool
    dated: date | None
    counts_until: date | None
    expires: date | None
    sha256: str


@dataclass
class EvidenceJudge:
    """Judges the documents of one form; knows all of them, because one may be named for too much.

    Attributes:
        questionnaire: the rules.
        vendor: who is assessed; a document that it issued itself is not independent.
        service: what is bought; a document that does not name it is about something else.
        today: the day of the assessment.
        folder: where the files are; None where nobody has them yet.
        redated: digest → date that the same file had in the last assessment.
    """

    questionnaire: Questionnaire
    vendor: str
    service: str
    today: date
    folder: Path | None = None
    redated: Mapping[str, date] = field(default_factory=dict)
    _digests: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _places: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        if self.folder is not None and not self.folder.is_dir():
            raise UserError(f"The folder of evidence {self.folder.name} does not exist: name another.")

    def learn(self, answers: Iterable[Answer]) -> None:
        """Note what each document is named for; call it once before judging."""
        for given in answers:
            for evidence in given.evidence:
                for key in self._keys(evidence):
                    self._kinds[key].add(evidence.kind)
                    self._dates[key].add(evidence.date)
                for key in self._place_keys(evidence):
                    self._places[key, _place_key(evidence.place)].add(given.question)

    def judge(self, question: Question, evidence: Evidence) -> JudgedEvidence:
        """Return whether ``evidence`` counts for the answer to ``question``."""
        kind = self.questionnaire.kinds.get(evidence.kind)
        seen, digest, problems = self._file(evidence)
        problems += self._kind(question, evidence, kind)
        dated, expires, until, said = self._dated(evidence, kind)
        problems += said
        if digest and self.redated.get(digest, dated) != dated:
            problems.append(("redated", "is the same file as last time under another date"))
        problems += self._scope(evidence) + self._reach(evidence, kind)
        return JudgedEvidence(
            question=question.id,
            document=evidence.document,
            kind=evidence.kind,
            counts=not problems,
            problems=tuple(problems),
            seen=seen,
            dated=dated,
            counts_until=until,
            expires=expires,
            sha256=digest or evidence.sha256.lower(),
        )

    def _keys(self, evidence: Evidence) -> list[str]:
        digest = self._read(evidence.file)[0] or evidence.sha256.lower()
        named = (
            ("title", plain(evidence.document)),
            ("file", evidence.file.casefold()),
            ("sha256", digest),
        )
        return [f"{name}:{value}" for name, value in named if value]

    def _place_keys(self, evidence: Evidence) -> list[str]:
        # A copy under another title is the same document if issuer, date and kind are.
        made = f"made:{plain(evidence.issuer)}|{evidence.date}|{evidence.kind}"
        return [*self._keys(evidence), made]

    def _read(self, name: str) -> tuple[str, str, str]:
        """Return digest, code and sentence for a file of the folder."""
        if self.folder is None or not name:
            return "", "", ""
        if name not in self._digests:
            self._digests[name] = _digest(self.folder, name)
        return self._digests[name]

    def _file(self, evidence: Evidence) -> tuple[bool, str, list[tuple[str, str]]]:
        stated = evidence.sha256.lower()
        problems = []
        if stated and not re.fullmatch(r"[0-9a-f]{64}", stated):
            problems.append(("hash", "has a SHA-256 that is none (64 hexadecimal digits)"))
        if self.folder is None:
            return False, "", problems
        if not evidence.file:
            return False, "", [*problems, ("file_missing", "names no file in the folder of evidence")]
        digest, code, sentence = self._read(evidence.file)
        if code:
            return False, "", [*problems, (code, sentence)]
        if stated and stated != digest:
            problems.append(("hash", "is another file than the one whose SHA-256 the form states"))
        return True, digest, problems

    def _kind(self, question: Question, evidence: Evidence, kind: Kind | None) -> list[tuple[str, str]]:
        if kind is None:
            return [("wrong_kind", "is of a kind that the questionnaire does not know")]
        if kind.statement:
            return [("statement", "is the vendor's own word")]
        problems = []
        if not evidence.document:
            problems.append(("unnamed", "has no title"))
        if evidence.kind not in question.accepts:
            accepted = " or ".join(question.accepts)
            problems.append(("wrong_kind", f"cannot answer this question, which takes {accepted}"))
        if not evidence.issuer:
            problems.append(("issuer", "has no issuer"))
        elif kind.independent and _same_house(evidence.issuer, self.vendor):
            problems.append(("issuer", "was issued by the vendor itself and is not independent"))
        return problems

    def _dated(
        self, evidence: Evidence, kind: Kind | None
    ) -> tuple[date | None, date | None, date | None, list[tuple[str, str]]]:
        problems: list[tuple[str, str]] = []
        dated, expires = read_date(evidence.date), read_date(evidence.expires)
        if dated is None:
            problems.append(("bad_date", "has no date that reads as 2026-01-31"))
        elif dated > self.today:
            problems.append(("future", f"is dated in the future ({dated})"))
        if evidence.expires and expires is None:
            problems.append(("bad_date", "has an expiry that does not read as 2026-01-31"))
        if kind is None or dated is None:
            return dated, expires, None, problems
        try:
            until = dated + timedelta(kind.most_days)
        except OverflowError:
            until = date.max
        if until < self.today:
            problems.append(
                ("too_old", f"is dated {dated}, older than the {kind.most_days} days this kind speaks")
            )
        if expires is not None:
            if expires < self.today:
                problems.append(("expired", f"expired on {expires}"))
            if expires < dated:
                problems.append(("bad_date", "expires before it was issued"))
            if kind.longest_days is not None and (expires - dated).days > kind.longest_days:
                problems.append(
                    ("bad_date", f"claims to hold for longer than {kind.longest_days} days, as none does")
                )
            until = min(until, expires)
        elif kind.expires and not evidence.expires:
            problems.append(("bad_date", "states no expiry, and this kind has one"))
        return dated, expires, until, problems

    def _scope(self, evidence: Evidence) -> list[tuple[str, str]]:
        scope, service = plain(evidence.scope), plain(self.service)
        if not service:
            return [("scope", "cannot be compared, because nobody says which service is bought")]
        if f" {service} " not in f" {scope} ":
            return [("scope", "does not name the service that is bought in its scope")]
        if _EXCEPT.search(scope):
            return [("scope", "has an exception in its scope: a person has to read it")]
        return []

    def _reach(self, evidence: Evidence, kind: Kind | None) -> list[tuple[str, str]]:
        problems = []
        keys = self._keys(evidence)
        if any(len(self._kinds[key]) > 1 for key in keys):
            problems.append(("two_kinds", "is presented as documents of several kinds"))
        if any(len(self._dates[key]) > 1 for key in keys):
            problems.append(("two_dates", "is presented under several dates"))
        if kind is not None and kind.place and not kind.statement:
            place = _place_key(evidence.place)
            if not place:
                problems.append(("vague_place", "is given without section or page"))
            elif _wide(evidence.place):
                problems.append(
                    (
                        "vague_place",
                        f"is given with more than {LONGEST_RANGE} pages or {MOST_NUMBERS} numbers",
                    )
                )
            most = self.questionnaire.same_place_most
            used = max(len(self._places[key, place]) for key in self._place_keys(evidence))
            if place and used > most:
                problems.append(
                    ("one_passage", f"answers {used} questions with one passage, more than {most}")
                )
        return problems


def plain(text: str) -> str:
    """Return ``text`` for comparing: lower case, single spaces, no punctuation, one form of each letter."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w]+", " ", folded).split())


def _same_house(issuer: str, vendor: str) -> bool:
    def core(name: str) -> str:
        return " ".join(_LEGAL_FORM.sub(" ", plain(name)).split())

    one, other = core(issuer), core(vendor)
    return not one or not other or f" {other} " in f" {one} " or f" {one} " in f" {other} "


def read_date(text: str) -> date | None:
    """Return a date written as ``2026-01-31``, else None."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _place_key(place: str) -> str:
    # "p. 4", "page 4" and "see page 4 of the report" are one place.
    return " ".join(re.findall(r"[0-9]+(?:\.[0-9]+)*", place))


def _wide(place: str) -> bool:
    if len(_place_key(place).split()) > MOST_NUMBERS:
        return True
    ranges = re.findall(r"([0-9]+)\s*(?:-|–|—|to|through|until)\s*([0-9]+)", place.casefold())
    return any(int(last) - int(first) > LONGEST_RANGE for first, last in ranges)


def _digest(folder: Path, name: str) -> tuple[str, str, str]:
    if Path(name).name != name or name in (".", "..") or "\\" in name or "\0" in name:
        return "", "file_missing", "names a file outside the folder of evidence"
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file():
            return "", "file_missing", "names a file that is not in the folder of evidence"
        size = path.stat().st_size
        if size == 0:
            return "", "file_missing", "names a file that is empty"
        if size > LARGEST_FILE:
            return "", "file_missing", f"names a file of more than {LARGEST_FILE // 10**6} MB"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), "", ""
    except (OSError, ValueError):
        return "", "file_missing", "names a file that cannot be read"
