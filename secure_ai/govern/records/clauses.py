"""Contract checklists by law: which clause is there (and where), which is missing, what to judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

import pandas as pd
import yaml

from secure_ai.core import UserError
from secure_ai.govern.records.contract import Passage, passages
from secure_ai.govern.records.document import (
    Checklist,
    ChecklistItem,
    Link,
    Paragraph,
    Record,
    Section,
    Table,
    Text,
    ToBeFilled,
)

FOUND, MISSING, JUDGE = "found", "missing", "for a person to judge"
STATES = (FOUND, MISSING, JUDGE)
OBLIGES = re.compile(
    r"\b(shall|must|will|agrees?|undertakes?|is (required|obliged|obligated)|"
    r"are (required|obliged)|covenants?|warrants?|ensures?|commits?|"
    r"may only|may ([\w-]+ ){1,9}(only|solely)|may (only )?terminate|is authorized|authorizes)\b",
    re.IGNORECASE,
)
# What turns a clause into its opposite, or leaves it to the other side's liking.
WEAKENS = re.compile(
    r"\b(not (be )?(required|obliged|obligated|liable|responsible|entitled)|no (obligation|duty|right)|"
    r"under no|need not|waives?|does not apply|sole discretion|reserves the right|"
    r"(shall|will|may|must) not:|best efforts|(commercially )?reasonable (efforts|endeavou?rs)|"
    r"where (commercially )?(practicable|convenient)|"
    r"shall not (assist|notify|report|return|delete|destroy|allow|permit|provide|ensure)|"
    r"will not (assist|notify|report|return|delete|destroy|allow|permit|provide|ensure)|"
    r"may (retain|keep|use|disclose) .{0,60}\b(any|its own|train|improve|develop))",
    re.IGNORECASE,
)
DEFINES = re.compile(r"[\"”’'*] ?(shall )?(means?|refers? to|has the (same )?meaning)\b", re.IGNORECASE)
BLANK = re.compile(
    r"\[[^\]]{0,80}\]|_{3,}|\btbd\b|\bto be (agreed|determined|confirmed)\b|<[^>]{0,40}>", re.IGNORECASE
)
PARTIES = {
    "business associate": ("business associate", "vendor", "supplier", "contractor", "provider", "company"),
    "processor": ("processor", "vendor", "supplier", "contractor", "provider", "company"),
    "service provider": (
        "service provider",
        "vendor",
        "supplier",
        "contractor",
        "provider",
        "company",
        "processor",
    ),
    "covered entity": ("covered entity", "customer", "client", "hospital", "either party", "party"),
    "controller": ("controller", "customer", "client", "either party", "party"),
    "bank": ("bank", "institution", "customer", "client", "either party", "party"),
}
OTHER_SIDE = {"business associate": "covered entity", "processor": "controller", "service provider": "bank"}
MASK = re.compile(r"[\w.+-]+@[\w.-]+\w|\+?\d[\d ()-]{7,}\d")
LONGEST_QUOTE = 140
# What may take a clause back that stands elsewhere.
TAKES_BACK = re.compile(
    r"\bnotwithstanding\b|\b(do|does|shall|will) not apply\b|\b(takes?|has|have) precedence\b|"
    r"\bprevails?\b|\bsupersedes?\b|\bas (updated|amended) from time to time\b|"
    r"\bmay (at any time )?(change|amend|modify|update) (this|these|the|its) "
    r"(agreement|terms|contract|clauses?|annex|polic)|"
    r"\bmay (use|retain|process)\b[^.]{0,80}\b(train|improve|develop|own purposes)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """What was found of one point.

    Attributes:
        id: of the point, such as ``"sub_processors"``.
        provision: what asks for it, such as ``"GDPR Art. 28(3)(d)"``.
        framework: its id in :mod:`secure_ai.core.frameworks`.
        asks: what the law asks for, shortened.
        state: ``"found"``, ``"missing"`` or ``"for a person to judge"``. Found means that a passage binds
            the right party in the right words, not that the words suffice.
        place: where; empty if missing.
        quote: the words there, shortened.
        reason: why a person must judge; empty otherwise.
    """

    id: str
    provision: str
    framework: str
    asks: str
    state: str
    place: str = ""
    quote: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClauseCheck:
    """A contract against one law.

    Attributes:
        regime: a key of :func:`clause_regimes`.
        name: of the checklist.
        source: the law.
        url: where it is published.
        verified: whether the wording was compared with a copy of the law.
        results: one a point.
        read_as_well: places that may take a clause back ("notwithstanding", "takes precedence", use for
            training), each with its words.
    """

    regime: str
    name: str
    source: str
    url: str
    verified: bool
    results: tuple[ClauseResult, ...]
    read_as_well: tuple[tuple[str, str], ...] = ()

    def by_state(self, state: str) -> tuple[ClauseResult, ...]:
        """Return the results of one state."""
        return tuple(result for result in self.results if result.state == state)

    def sentence(self) -> str:
        """Return the counts in a sentence. It never says that a contract complies."""
        found, missing, judge = (len(self.by_state(state)) for state in STATES)
        return (
            f"{self.source}: of {len(self.results)} points {found} found, {missing} missing, {judge} for a "
            "person to judge. Found means that the words are there; whether they suffice is for "
            "counsel to say."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a point: provision, asks, state, place, quote, reason."""
        columns = ["provision", "asks", "state", "place", "quote", "reason"]
        return pd.DataFrame([[getattr(r, c) for c in columns] for r in self.results], columns=columns)


def clause_regimes(sector: str | None = None) -> dict[str, str]:
    """Return regime → name, those of a sector if given (``"healthcare"`` or ``"finance"``)."""
    return {
        key: f"{regime['name']} ({regime['source']})"
        for key, regime in _regimes().items()
        if sector is None or regime["sector"] in (sector, "both")
    }


def check_clauses(text: str, regime: str) -> ClauseCheck:
    """Look for every clause that a law asks for in the text of a contract.

    A clause counts as found where one sentence, or two that follow each other in a passage, hold all the
    words of the point, oblige the right party and are not turned into their opposite. Words without an
    obligation, of the other party, with a way out ("shall not be required to", "sole discretion") or with
    a blank to fill are for a person to judge. The check reads English; it cannot see what an annex that
    was not given says, nor whether another clause takes a promise back.

    Args:
        text: the contract, see :func:`~secure_ai.govern.records.contract.read_contract`.
        regime: a key of :func:`clause_regimes`.

    Raises:
        UserError: for an unknown regime, or a text that is too short or not English.
    """
    if regime not in _regimes():
        raise UserError(f"There is no checklist '{regime}': choose from {', '.join(_regimes())}.")
    content, read = _regimes()[regime], passages(text)
    results = tuple(_result(point, content["obligor"], read) for point in content["points"])
    return ClauseCheck(
        regime,
        content["name"],
        content["source"],
        content["url"],
        content["verified"],
        results,
        _taking_back(read),
    )


def clauses_record(
    checks: Sequence[ClauseCheck],
    *,
    organization: str | ToBeFilled,
    vendor: str | ToBeFilled,
    contract: str | ToBeFilled,
    judged: dict[str, str] | None = None,
) -> Record:
    """Return the checklist of a contract as a document.

    Args:
        checks: one a law.
        organization: whose contract it is.
        vendor: the other party.
        contract: its name and version.
        judged: id of a point → what a person decided, with their name; points for a person to judge
            without one stay to be filled.
    """
    judged = judged or {}
    sections = tuple(
        Section(
            check.name,
            (
                Paragraph(check.sentence()),
                Checklist(
                    f"Clauses that {check.source} asks for", tuple(_item(r, judged) for r in check.results)
                ),
                Paragraph(
                    ("Text of the law: ", Link(check.url, check.url))
                    + (() if check.verified else (" (wording not compared with the official text)",))
                ),
            ),
        )
        for check in checks
    )
    taking = dict.fromkeys(place for check in checks for place in check.read_as_well)
    if taking:
        table = Table("Places that may take a clause back", ("Place", "Words"), tuple(taking))
        sections = (*sections, Section("Read these as well", (table,)))
    missing = sum(len(check.by_state(MISSING)) for check in checks)
    open_ = sum(len(check.by_state(JUDGE)) for check in checks)
    return Record(
        title=f"Contract clauses: {vendor if isinstance(vendor, str) else 'vendor not named'}",
        sections=sections,
        file_name="contract_clauses",
        kind="Contract checklist",
        facts={"Organization": organization, "Vendor": vendor, "Contract": contract},
        summary=(
            f"{missing} {'clause is' if missing == 1 else 'clauses are'} missing and {open_} for a person to "
            "judge. This list says what is written, not whether the contract meets the law."
        ),
    )


def _item(result: ClauseResult, judged: dict[str, str]) -> ChecklistItem:
    detail: Text
    if result.state == MISSING:
        detail = "Not found in the text that was given: add it, or show the annex that has it."
    elif result.state == FOUND:
        detail = f"{result.place}: “{result.quote}”"
    else:
        where = f"{result.place}: “{result.quote}”. " if result.place else ""
        decided = judged.get(result.id) or ToBeFilled("who judged it, and how")
        detail = (f"{where}{result.reason} ", decided)
    return ChecklistItem(result.asks, result.state, detail, result.provision)


def _result(point: dict[str, Any], obligor: str, read: Sequence[Passage]) -> ClauseResult:
    who = point.get("who", obligor)
    fields = {key: point[key] for key in ("id", "provision", "framework", "asks")}
    doubtful: tuple[Passage, str, str] | None = None
    for passage, window in _windows(read, bool(point.get("statement"))):
        quoted = _matches(point["words"], window)
        if quoted is None:
            continue
        reason = _doubt(window, who, bool(point.get("statement")))
        if point.get("judge"):
            if reason:
                continue
            reason = "Words alone cannot show it."
        if not reason:
            return ClauseResult(**fields, state=FOUND, place=passage.place(), quote=_quote(quoted))
        doubtful = doubtful or (passage, quoted, reason)
    if doubtful is not None:
        passage, quoted, reason = doubtful
        return ClauseResult(**fields, state=JUDGE, place=passage.place(), quote=_quote(quoted), reason=reason)
    if point.get("judge"):
        return ClauseResult(
            **fields, state=JUDGE, reason="No words on it were found; words alone cannot show it."
        )
    return ClauseResult(**fields, state=MISSING)


def _windows(read: Sequence[Passage], under_headings: bool) -> list[tuple[Passage, str]]:
    """Return the sentences of every passage, then pairs of neighbors: the narrowest place wins.

    What a contract only states may stand in the heading: then sentences under it count with it.
    """
    single = [(passage, sentence) for passage in read for sentence in passage.sentences()]
    pairs = []
    for passage in read:
        sentences = passage.sentences()
        pairs += [(passage, f"{a} {b}") for a, b in pairwise(sentences)]
    headed = [(passage, f"{passage.heading}: {sentence}") for passage, sentence in single if passage.heading]
    return single + pairs + (headed if under_headings else [])


def _matches(groups: Sequence[Sequence[str]], window: str) -> str | None:
    spans = []
    for group in groups:
        match = next((m for word in group if (m := re.search(word, window, re.IGNORECASE))), None)
        if match is None:
            return None
        spans.append(match.span())
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    start, end = max(0, start - 20), min(len(window), end + 20)
    before, after = window[:start], window[end:]
    return window[len(before) - len(before.split(" ")[-1]) : end + len(after.split(" ")[0])]


def _doubt(window: str, who: str, statement: bool) -> str:
    """Return why this sentence may not bind the right party; empty if it seems to."""
    if BLANK.search(window):
        return "It holds a blank that nobody filled."
    if WEAKENS.search(window):
        return "It is worded as a way out, or leaves it to the other side."
    if DEFINES.search(window):
        return "It defines a word, and obliges nobody."
    if statement:
        return ""
    if not OBLIGES.search(window):
        return "It speaks of it without obliging anybody."
    other = OTHER_SIDE.get(who)
    bound = _bound_parties(window)
    if other and bound and not bound & set(PARTIES[who]) and bound & set(PARTIES[other]):
        return f"It seems to bind the {other}, not the {who}."
    return ""


def _bound_parties(window: str) -> set[str]:
    """Return who stands as subject before the words that oblige."""
    names = {name for listed in PARTIES.values() for name in listed}
    either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    pattern = rf"\b({either})\b(?:[^.;:]{{0,60}}?)\b(?:shall|must|will|agrees?|undertakes?)\b"
    return {match[1].lower() for match in re.finditer(pattern, window, re.IGNORECASE)}


def _quote(text: str) -> str:
    masked = MASK.sub("…", " ".join(text.split()))
    return masked if len(masked) <= LONGEST_QUOTE else f"{masked[:LONGEST_QUOTE].rsplit(' ', 1)[0]}…"


def _taking_back(read: Sequence[Passage]) -> tuple[tuple[str, str], ...]:
    found = []
    for passage in read:
        match = TAKES_BACK.search(passage.text)
        if match:
            start = max(0, match.start() - 50)
            found.append((passage.place(), _quote(passage.text[start : match.end() + 60])))
    return tuple(found)


@cache
def _regimes() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("data/clauses.yaml").read_text("utf-8")
    return yaml.safe_load(text)["regimes"]
