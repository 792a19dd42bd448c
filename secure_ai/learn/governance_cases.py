"""What the tasks of chapter 16 are checked on: answers of vendors, consents, requests, files, decisions."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

# --- a vendor's answer ---

TOPICS = ("encryption at rest", "access reviews", "training data", "sub-processors", "incident history")
ISSUERS = ("an auditor", "a test laboratory", "the vendor")


@dataclass(frozen=True)
class Paper:
    """A document that a vendor hands in.

    Attributes:
        covers: topics that it says something about.
        issuer: ``"the vendor"``, or somebody independent.
        issued, expires: first and last day on which it is in force.
    """

    covers: tuple[str, ...]
    issuer: str
    issued: date
    expires: date


@dataclass(frozen=True)
class VendorAnswer:
    """What a vendor answers to one question.

    Attributes:
        topic: what was asked about.
        says: ``"yes"``, ``"partly"`` or ``"no"``.
        papers: the evidence.
    """

    topic: str
    says: str
    papers: tuple[Paper, ...]


def vendor_answer(rng: np.random.Generator) -> tuple[VendorAnswer, date]:
    """Return an answer and the day on which it is read."""
    today = date(2026, 1, 1) + timedelta(days=int(rng.integers(0, 700)))
    topic, *others = rng.permutation(TOPICS).tolist()
    papers = tuple(_paper(rng, today, topic, others) for _ in range(int(rng.integers(0, 4))))
    return VendorAnswer(topic, str(rng.choice(("yes", "yes", "yes", "yes", "partly", "no"))), papers), today


def _paper(rng: np.random.Generator, today: date, topic: str, others: list[str]) -> Paper:
    start, end = [
        (-400, 300), (-400, 300), (-400, 0), (0, 365), (-500, -1), (-800, -200), (3, 400)
    ][int(rng.integers(7))]  # fmt: skip
    covered = [others[0], *([topic] if rng.random() < 0.6 else [others[1]])]
    return Paper(
        tuple(rng.permutation(covered).tolist()),
        str(rng.choice(ISSUERS)),
        today + timedelta(days=start),
        today + timedelta(days=end),
    )


# --- what a consent ledger holds ---

PURPOSES = ("treatment reminders", "research", "model training", "marketing")


@dataclass(frozen=True)
class ConsentEntry:
    """One line of a consent ledger.

    Attributes:
        person, purpose: whom and what it is about.
        kind: ``"given"`` or ``"withdrawn"``.
        at: when.
        until: end of a consent that was given for a time; None where it has none.
    """

    person: str
    purpose: str
    kind: str
    at: datetime
    until: datetime | None = None


def consent_case(rng: np.random.Generator) -> tuple[list[ConsentEntry], str, str, datetime]:
    """Return a ledger in no particular order, a person, a purpose, and a moment."""
    moment = datetime(2026, 6, 1, 12) + timedelta(hours=int(rng.integers(0, 5000)))
    person, other = (f"P-{number:04d}" for number in rng.choice(9000, 2, replace=False) + 1000)
    purpose, second = rng.permutation(PURPOSES)[:2].tolist()
    entries = []
    for who, what, most in ((person, purpose, 4), (person, second, 2), (other, purpose, 2)):
        hours = rng.choice(
            [-900, -600, -300, -90, -20, 0, 30, 200], size=int(rng.integers(0, most + 1)), replace=False
        )
        for hour in hours:
            kind = "given" if rng.random() < 0.6 else "withdrawn"
            ends = kind == "given" and rng.random() < 0.4
            at = moment + timedelta(hours=int(hour))
            entries.append(
                ConsentEntry(
                    who,
                    what,
                    kind,
                    at,
                    at + timedelta(hours=int(rng.choice([10, 20, 60, 90, 5000]))) if ends else None,
                )
            )
    if rng.random() < 0.25:  # given and withdrawn at the same moment
        at = moment - timedelta(hours=5)
        entries += [ConsentEntry(person, purpose, kind, at) for kind in ("given", "withdrawn")]
    elif rng.random() < 0.25:  # a consent without an end, and a newer one that has ended, perhaps just now
        early, late = (moment - timedelta(hours=hours) for hours in (1200, 15))
        entries += [
            ConsentEntry(person, purpose, "given", early),
            ConsentEntry(person, purpose, "given", late, late + timedelta(hours=int(rng.choice([10, 15])))),
        ]
    return [entries[place] for place in rng.permutation(len(entries))], person, purpose, moment


# --- a request, and the law that it is under ---

LAWS = ("HIPAA", "GDPR", "CCPA")
RIGHTS = ("access", "correction", "erasure")


@dataclass(frozen=True)
class Request:
    """What somebody asks for.

    Attributes:
        law: ``"HIPAA"``, ``"GDPR"`` or ``"CCPA"``.
        right: ``"access"``, ``"correction"`` or ``"erasure"``.
        verified: whether it is known that the data are the requester's own.
        regulated: whether the data are a patient's record or a bank customer's account (PHI or GLBA data).
        duty: whether a law says that the data must be kept for some time yet.
        hold: whether a legal hold lies on the data.
    """

    law: str
    right: str
    verified: bool
    regulated: bool
    duty: bool
    hold: bool


def rights_request(rng: np.random.Generator) -> tuple[Request]:
    """Return a request."""
    return (
        Request(
            str(rng.choice(LAWS)),
            str(rng.choice(RIGHTS, p=(0.25, 0.25, 0.5))),
            bool(rng.random() < 0.75),
            bool(rng.random() < 0.5),
            bool(rng.random() < 0.35),
            bool(rng.random() < 0.25),
        ),
    )


# --- files in which somebody may still stand ---

FORMS = ("plain", "utf-16", "gzip", "base64", "gzip in base64", "base64 in gzip", "utf-16 in gzip")
OTHER_FILES = ("somebody else", "broken gzip", "pretends to be base64", "empty")


def hidden_files(rng: np.random.Generator) -> tuple[Mapping[str, bytes], str, dict[str, str]]:
    """Return files, a value, and for each file in what form the value stands in it ("" where it does not)."""
    value = f"MRN-{rng.integers(10**7, 10**8)}"
    forms = [*rng.permutation(FORMS), *OTHER_FILES]
    names = [f"{word}.{end}" for word, end in zip(_WORDS, ("txt", "log", "bak", "dat") * 3, strict=False)]
    rng.shuffle(names)
    files, truth = {}, {}
    for name, form in zip(names, forms, strict=False):
        files[name] = _written(rng, value, str(form))
        truth[name] = str(form) if form in FORMS else ""
    return files, value, truth


_WORDS = (
    "admissions", "backup", "cache", "draft", "export", "index", "journal", "mailbox", "notes", "queue",
    "report",
)  # fmt: skip


def _written(rng: np.random.Generator, value: str, form: str) -> bytes:
    other = f"MRN-{rng.integers(10**7, 10**8)}"
    text = f"{rng.choice(_WORDS)} of {other}, seen after {value} on the ward\n"
    match form:
        case "plain":
            return text.encode()
        case "utf-16":
            return text.encode("utf-16-le")
        case "gzip":
            return gzip.compress(text.encode(), mtime=0)
        case "base64":
            return base64.b64encode(text.encode())
        case "gzip in base64":
            return base64.b64encode(gzip.compress(text.encode(), mtime=0))
        case "base64 in gzip":
            return gzip.compress(base64.b64encode(text.encode()), mtime=0)
        case "utf-16 in gzip":
            return gzip.compress(text.encode("utf-16-le"), mtime=0)
        case "broken gzip":
            return gzip.compress(text.replace(value, other).encode(), mtime=0)[:20]
        case "pretends to be base64":
            return b"TWFu" * 5 + b"T"  # the letters of base64, and one too many
        case "empty":
            return b""
    return text.replace(value, other).encode()


# --- decisions about two groups ---

FEWEST = 20


def two_groups(rng: np.random.Generator, *, small: bool = False) -> tuple[list[bool], list[bool], list[str]]:
    """Return decisions, outcomes and groups ("A" or "B"); ``small``: one group has too few cases to say."""
    decision, outcome, group = [], [], []
    for name in "AB":
        few = small and name == "B"
        # Now and then exactly as many as are needed.
        enough = FEWEST if rng.random() < 0.2 else int(rng.integers(30, 60))
        cases = int(rng.integers(3, FEWEST)) if few else enough
        others = int(rng.integers(40, 120))
        found, alarms = int(cases * rng.uniform(0.3, 0.9)), int(others * rng.uniform(0.05, 0.5))
        decision += [True] * found + [False] * (cases - found) + [True] * alarms + [False] * (others - alarms)
        outcome += [True] * cases + [False] * others
        group += [name] * (cases + others)
    order = rng.permutation(len(group))
    return [decision[i] for i in order], [outcome[i] for i in order], [group[i] for i in order]
