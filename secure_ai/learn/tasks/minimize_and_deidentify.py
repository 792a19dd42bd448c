"""The tasks of chapter 04: minimum columns, a Safe Harbor policy, pseudonyms, card data, what is left."""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from secure_ai.anonymize.deidentify.policy import read_policy
from secure_ai.anonymize.deidentify.rules import RULES
from secure_ai.core.errors import UserError
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same

lab = Lab("04_minimize_and_deidentify", title="Minimize and de-identify")
progress = lab.progress

# -------------------------------------------------------------------------------- 1 · the minimum data set

MINIMUM_BEST = "this takes the highest score; the purpose does well enough with less."
MINIMUM_FEWEST = "this takes the fewest columns, and loses more of the score than may be lost."
MINIMUM_LAST = "this takes the last row that is within the tolerance, and another one shows less of people."
MINIMUM_IDENTIFYING = "identifying columns come first: fewer of them matter more than fewer columns in all."
MINIMUM_FIRST = "the tolerance counts from the best score, and that is not always in the first row."
MINIMUM_TIES = "of two that show equally little, the one with the better score was to be taken."
MINIMUM_KIND = "the number in the column `step` is asked for."
MINIMUM_OTHER = "this is not the row that is asked for."


def _minimum(options: pd.DataFrame, tolerance: float) -> int:
    enough = options[options["score"] >= options["score"].max() - tolerance]
    ordered = enough.sort_values(["identifying", "columns", "score"], ascending=[True, True, False])
    return int(ordered["step"].iloc[0])


def _by(
    keys: Sequence[str], up: Sequence[bool], *, first: bool = False
) -> Callable[[pd.DataFrame, float], int]:
    def choose(options: pd.DataFrame, tolerance: float) -> int:
        best = options["score"].iloc[0] if first else options["score"].max()
        enough = options[options["score"] >= best - tolerance]
        return int(enough.sort_values(list(keys), ascending=list(up))["step"].iloc[0])

    return choose


def _best(options: pd.DataFrame, tolerance: float) -> int:
    return int(options.loc[options["score"].idxmax(), "step"])


def _fewest(options: pd.DataFrame, tolerance: float) -> int:
    return int(options.sort_values(["identifying", "columns"])["step"].iloc[0])


def _last(options: pd.DataFrame, tolerance: float) -> int:
    enough = options[options["score"] >= options["score"].max() - tolerance]
    return int(enough["step"].iloc[-1])


_columns_first = _by(["columns", "identifying", "score"], [True, True, False])
_from_first = _by(["identifying", "columns", "score"], [True, True, False], first=True)
_worst_of_ties = _by(["identifying", "columns", "score"], [True, True, True])


def _options(rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
    """A table of choices in which every usual slip gives another answer than the right one."""
    tolerance = float(rng.choice([0.01, 0.02, 0.03]))
    best = float(rng.uniform(0.75, 0.9))
    full = best - tolerance * 0.8
    # (columns, identifying, score): the right one is the fourth.
    rows = [
        (24, 9, full),
        (16, 6, best),
        (7, 3, best - 0.3 * tolerance),
        (9, 1, best - 0.5 * tolerance),
        (9, 1, best - 0.7 * tolerance),
        (8, 1, best - 1.5 * tolerance),
        (2, 0, best - 4 * tolerance),
        (12, 2, best - 0.4 * tolerance),
    ]
    order = [0, *(1 + rng.permutation(len(rows) - 2)), len(rows) - 1]
    frame = pd.DataFrame([rows[i] for i in order], columns=["columns", "identifying", "score"])
    frame["columns"] += int(rng.integers(0, 5))
    frame.insert(0, "step", rng.permutation(100)[: len(frame)])
    return frame, tolerance


@lab.task(
    prompt="Of the rows within the tolerance of the best score, return the step that shows least of people.",
    hints=(
        "Two questions, one after the other: which rows are good enough, and which of those shows least?",
        "Good enough: `options[options['score'] >= options['score'].max() - tolerance]`. Then sort by "
        "`identifying`, then by `columns`, and by `score` from the top.",
        "`enough.sort_values(['identifying', 'columns', 'score'], ascending=[True, True, False])`, and of "
        "that `['step'].iloc[0]`.",
    ),
    known_wrong=(
        KnownWrong(_best, MINIMUM_BEST, "takes the best score"),
        KnownWrong(_fewest, MINIMUM_FEWEST, "forgets the tolerance"),
        KnownWrong(_columns_first, MINIMUM_IDENTIFYING, "counts columns only"),
        KnownWrong(_from_first, MINIMUM_FIRST, "compares with the first row"),
        KnownWrong(_last, MINIMUM_LAST, "takes the last row within the tolerance"),
        KnownWrong(_worst_of_ties, MINIMUM_TIES, "sorts the score upward"),
        KnownWrong(lambda options, tolerance: options, MINIMUM_KIND, "returns the table"),
    ),
    solution=_minimum,
)
def minimum_step(value) -> CheckResult:
    rng = fresh()
    cases = [_options(rng) for _ in range(12)]
    answers = [attempt(value, options, tolerance) for options, tolerance in cases]
    if not all(isinstance(answer, int | np.integer) and not isinstance(answer, bool) for answer in answers):
        return incorrect(MINIMUM_KIND, "Return one whole number, such as `int(row['step'])`.")
    if same([int(answer) for answer in answers], [_minimum(*case) for case in cases]):
        return correct("Good enough for the purpose, and least of people: that is the minimum data set.")
    slips: tuple[tuple[Callable, str, str], ...] = (
        (_best, MINIMUM_BEST, "Keep all rows within the tolerance, then choose among them."),
        (_fewest, MINIMUM_FEWEST, "Keep the rows within the tolerance first."),
        (_columns_first, MINIMUM_IDENTIFYING, "Sort by `identifying` before `columns`."),
        (_from_first, MINIMUM_FIRST, "Use `options['score'].max()`."),
        (_worst_of_ties, MINIMUM_TIES, "Sort by `score` last, and downward."),
        (_last, MINIMUM_LAST, "The rows are in no order: sort them."),
    )
    for slip, message, next_step in slips:
        if all(int(answer) == slip(*case) for answer, case in zip(answers, cases, strict=True)):
            return incorrect(message, next_step)
    return incorrect(
        MINIMUM_OTHER, "Keep what is within the tolerance, then sort by `identifying`, `columns`, `score`."
    )


# ------------------------------------------------------------------------------ 2 · a policy for Safe Harbor

POLICY_KIND = (
    "a mapping from each kind to the name of an action is asked for, such as `{'PERSON': 'redact'}`."
)
POLICY_MISSING = "a kind that is in the notes has no entry."
POLICY_UNKNOWN = "there is no action of that name."
POLICY_DERIVED = "a code that is derived from the value is not permitted under Safe Harbor."
POLICY_SHIFT = "a shifted date still has day and month; Safe Harbor leaves the year only."
POLICY_STAYS = "something would stay that Safe Harbor removes."
POLICY_MISFIT = "one of the actions is not made for that kind of value."
POLICY_MUCH = (
    "more was removed than the rule asks: a year, an age up to 89, three digits or a state may stay."
)
POLICY_ROWS = "the record number is gone, and with it all knowledge of which notes belong together."

PARTS = {"DATE_TIME": "year", "DATE_OF_BIRTH": "year", "AGE": "age", "ZIP_CODE": "zip3", "LOCATION": "state"}
GONE = (
    "PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "URL", "IP_ADDRESS", "DEVICE_ID", "VEHICLE_ID",
    "US_HEALTH_INSURANCE_MEMBER_ID", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "CREDIT_CARD",
)  # fmt: skip
RECORD = "MEDICAL_RECORD_NUMBER"


def _policy(kinds: Sequence[str]) -> dict[str, str]:
    return {kind: PARTS.get(kind, "random_code" if kind == RECORD else "redact") for kind in kinds}


def _but(**changes: str) -> Callable[[Sequence[str]], dict[str, str]]:
    return lambda kinds: _policy(kinds) | {kind: new for kind, new in changes.items() if kind in kinds}


def _objection(kind: str, action: str) -> str:
    """What the kit's own rules say against an entry; an empty text if nothing."""
    entry = f"{kind}: {{action: generalize, width: 10}}" if action == "generalize" else f"{kind}: {action}"
    try:
        read_policy(f"name: mine\nstandard: safe_harbor\nentities:\n  {entry}\n", "your policy")
    except UserError as error:
        return str(error)
    return ""


@lab.task(
    prompt="Give each kind of identifier the action that Safe Harbor permits, and keep what may be kept.",
    hints=(
        "Three groups: what may stay in part (dates, ages, ZIP codes, places), what gets a random code, and "
        "the rest.",
        "`year`, `age`, `zip3` and `state` keep the part that may stay; `random_code` keeps rows together "
        "without being derived from the number; everything else is `redact`.",
        "`parts = {'DATE_TIME': 'year', 'DATE_OF_BIRTH': 'year', 'AGE': 'age', 'ZIP_CODE': 'zip3', "
        "'LOCATION': 'state', 'MEDICAL_RECORD_NUMBER': 'random_code'}` and then "
        "`{kind: parts.get(kind, 'redact') for kind in kinds}`.",
    ),
    known_wrong=(
        KnownWrong(_but(MEDICAL_RECORD_NUMBER="hash"), POLICY_DERIVED, "hashes the record number"),
        KnownWrong(_but(PERSON="pseudonym"), POLICY_DERIVED, "makes up names with a key"),
        KnownWrong(_but(US_SSN="token"), POLICY_DERIVED, "uses a token that can be undone"),
        KnownWrong(_but(DATE_TIME="shift_date", DATE_OF_BIRTH="shift_date"), POLICY_SHIFT, "shifts dates"),
        KnownWrong(_but(AGE="keep"), POLICY_STAYS, "keeps all ages"),
        KnownWrong(_but(ZIP_CODE="keep"), POLICY_STAYS, "keeps whole ZIP codes"),
        KnownWrong(_but(LOCATION="city"), POLICY_STAYS, "keeps towns"),
        KnownWrong(_but(PHONE_NUMBER="zip3"), POLICY_MISFIT, "uses an action for something else"),
        KnownWrong(lambda kinds: dict.fromkeys(kinds, "redact"), POLICY_MUCH, "redacts everything"),
        KnownWrong(_but(MEDICAL_RECORD_NUMBER="redact"), POLICY_ROWS, "redacts the record number"),
        KnownWrong(lambda kinds: _policy(kinds[1:]), POLICY_MISSING, "forgets one"),
        KnownWrong(_but(PERSON="remove"), POLICY_UNKNOWN, "invents an action"),
        KnownWrong(lambda kinds: list(_policy(kinds).values()), POLICY_KIND, "returns a list"),
    ),
    solution=_policy,
)
def safe_harbor_policy(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(4):
        chosen = [*PARTS, RECORD, "PERSON", "US_SSN", "PHONE_NUMBER", *rng.choice(GONE, 5, replace=False)]
        cases.append([str(kind) for kind in rng.permutation(sorted(set(chosen)))])
    answers = [(kinds, attempt(value, kinds)) for kinds in cases]
    if not all(
        isinstance(answer, Mapping) and all(isinstance(action, str) for action in answer.values())
        for _, answer in answers
    ):
        return incorrect(POLICY_KIND, "Build a dictionary over `kinds`.")
    objections: list[tuple[str, str]] = []
    for kinds, answer in answers:
        missing = [kind for kind in kinds if kind not in answer]
        if missing:
            return incorrect(POLICY_MISSING, f"Give {missing[0]} an action.")
        unknown = [action for action in answer.values() if action not in RULES]
        if unknown:
            return incorrect(POLICY_UNKNOWN, f"Choose from {', '.join(RULES)}.")
        objections += [(kind, answer[kind]) for kind in kinds if _objection(kind, answer[kind])]
    for kind, action in objections:
        if action == "shift_date":
            return incorrect(POLICY_SHIFT, f"Give {kind} the action `year`.")
        if action in {"hash", "pseudonym", "token"}:
            return incorrect(
                POLICY_DERIVED, f"For {kind} use `redact`, or `random_code` to keep rows together."
            )
    for kind, action in objections:
        message = POLICY_MISFIT if "is made for" in _objection(kind, action) else POLICY_STAYS
        return incorrect(message, f"Think again about {kind}: {action}.")
    for kinds, answer in answers:
        wasted = [kind for kind, action in PARTS.items() if kind in kinds and answer[kind] != action]
        if wasted:
            return incorrect(POLICY_MUCH, f"For {wasted[0]} there is an action that keeps what may stay.")
        if answer[RECORD] not in {"random_code", "vault"}:
            return incorrect(POLICY_ROWS, f"Give {RECORD} a random code: it is not derived from the number.")
    return correct("Each entry passes the rules of Safe Harbor, and what may stay stays.")


# --------------------------------------------------------------------------------- 3 · consistent pseudonyms

PSEUDONYM_RANDOM = "the same person got two names: a draw has no memory."
PSEUDONYM_CONSTANT = "different people get the same name."
PSEUDONYM_KEYLESS = "another key gives the same names: whoever has the list of names can calculate them, too."
PSEUDONYM_WRITTEN = "the same person, written with other capitals or blanks, got another name."
PSEUDONYM_POOL = "a name was returned that is not in the list of made-up names."
PSEUDONYM_SESSION = (
    "Python's own `hash` differs from one session to the next: tomorrow everybody has another name."
)

_GIVEN = (
    "Maria",
    "Ahmed",
    "Chen",
    "Olga",
    "James",
    "Aiko",
    "Nadia",
    "Pedro",
    "Ingrid",
    "Tunde",
    "Lars",
    "Mina",
)
_FAMILY = ("Garcia", "Haddad", "Wei", "Petrova", "Smith", "Tanaka", "Okafor", "Silva", "Larsen", "Novak")
_MADE_UP = (
    "Robin Alder", "Kim Birch", "Alex Cedar", "Sam Elm", "Jo Hazel", "Pat Juniper", "Chris Laurel",
    "Sasha Linden", "Toni Maple", "Noa Oak", "Jamie Olive", "Lee Pine", "Max Poplar", "Uli Rowan",
    "Kai Spruce", "Quinn Walnut",
)  # fmt: skip


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _pseudonym(name: str, key: bytes, pool: Sequence[str]) -> str:
    digest = hmac.new(key, _plain(name).encode(), "sha256").digest()
    return pool[int.from_bytes(digest, "big") % len(pool)]


def _keyless(name: str, key: bytes, pool: Sequence[str]) -> str:
    return pool[int(hashlib.sha256(_plain(name).encode()).hexdigest(), 16) % len(pool)]


def _as_written(name: str, key: bytes, pool: Sequence[str]) -> str:
    return pool[int.from_bytes(hmac.new(key, name.encode(), "sha256").digest(), "big") % len(pool)]


def _drawn(name: str, key: bytes, pool: Sequence[str]) -> str:
    return random.choice(list(pool))


SESSIONS = (
    lambda name, key, pool: pool[hash((_plain(name), key)) % len(pool)],
    lambda name, key, pool: pool[hash((key, _plain(name))) % len(pool)],
    lambda name, key, pool: pool[hash(key + _plain(name).encode()) % len(pool)],
    lambda name, key, pool: pool[hash(_plain(name).encode() + key) % len(pool)],
    lambda name, key, pool: pool[(hash(_plain(name)) ^ hash(key)) % len(pool)],
    lambda name, key, pool: pool[(hash(_plain(name)) + hash(key)) % len(pool)],
)


@lab.task(
    prompt="Give each person one made-up name: the same however written, and another under another key.",
    hints=(
        "Nothing may be drawn at random: the name must follow from the person and the key alone.",
        "First write all mentions alike: `' '.join(name.casefold().split())`. Then "
        "`hmac.new(key, that.encode(), 'sha256').digest()` gives bytes that depend on both.",
        "`number = int.from_bytes(digest, 'big')` makes a number of the bytes, and "
        "`pool[number % len(pool)]` picks the made-up name.",
    ),
    known_wrong=(
        KnownWrong(_drawn, PSEUDONYM_RANDOM, "draws at random"),
        KnownWrong(lambda name, key, pool: pool[0], PSEUDONYM_CONSTANT, "one name for all"),
        KnownWrong(_keyless, PSEUDONYM_KEYLESS, "forgets the key"),
        KnownWrong(_as_written, PSEUDONYM_WRITTEN, "takes the name as it is written"),
        KnownWrong(lambda name, key, pool: "Patient " + name[:1], PSEUDONYM_POOL, "keeps the initial"),
        KnownWrong(SESSIONS[0], PSEUDONYM_SESSION, "uses hash()"),
    ),
    solution=_pseudonym,
)
def pseudonym(value) -> CheckResult:
    rng = fresh()
    pool = [f"{name} {rng.integers(100)}" for name in rng.permutation(_MADE_UP)]
    names = [
        f"{given} {family}"
        for given in rng.permutation(_GIVEN)[:8]
        for family in rng.permutation(_FAMILY)[:4]
    ]
    key, other = rng.bytes(32), rng.bytes(32)
    first = [attempt(value, name, key, pool) for name in names]
    again = [attempt(value, name, key, pool) for name in names]
    if not all(isinstance(answer, str) and answer in pool for answer in first):
        return incorrect(PSEUDONYM_POOL, "Return one of the entries of `pool`.")
    if first != again:
        return incorrect(PSEUDONYM_RANDOM, "Compute the name from the person and the key.")
    if len(set(first)) < 4:
        return incorrect(PSEUDONYM_CONSTANT, "Let the name choose the entry of `pool`.")
    # Before the other key: one in some hundred pairs of keys gives the same places of `hash((name, key))`.
    if any(first == [session(name, key, pool) for name in names] for session in SESSIONS):
        return incorrect(PSEUDONYM_SESSION, "Use `hmac` in place of `hash`.")
    if first == [attempt(value, name, other, pool) for name in names]:
        return incorrect(PSEUDONYM_KEYLESS, "Use the key: `hmac.new(key, ..., 'sha256')`.")
    for write in (str.upper, str.lower, lambda name: "  " + name.replace(" ", "   ") + " "):
        if first != [attempt(value, write(name), key, pool) for name in names]:
            return incorrect(
                PSEUDONYM_WRITTEN, "Write all mentions alike first: `' '.join(name.casefold().split())`."
            )
    return correct("One person, one made-up name, however written; and only the key leads back to it.")


# ------------------------------------------------------------------------------- 4 · an action for card data

CARD_SECRET = "a security code or PIN would be stored; after the payment neither may be, not even encrypted."
CARD_PLAIN = "a whole card number would stay readable."
CARD_NEEDED = "a card that is to be charged again needs its token; masked or dropped it is of no use."
CARD_SHOWN = "the clerk needs the last digits to recognize the card, and no more than a mask shows."
CARD_COUNT = "for counting payments nothing of the card is needed: drop it."
CARD_UNKNOWN = "a field that nobody has thought of was kept; what has no rule is dropped."
CARD_ACTION = "one of the actions `vault`, `mask`, `keep` and `drop` is asked for."
CARD_DATE = "expiry date and name are needed to charge a card again, and for nothing else here."

USES = ("charge again", "show to the clerk", "count payments")
CARD_FIELDS = ("card number", "security code", "PIN", "expiry date", "name on card")
CARD_ACTIONS = ("vault", "mask", "keep", "drop")


def _card(field: str, use: str) -> str:
    if field == "card number":
        return {"charge again": "vault", "show to the clerk": "mask"}.get(use, "drop")
    if field in ("expiry date", "name on card") and use == "charge again":
        return "keep"
    return "drop"


def _card_but(change: Callable[[str, str], str | None]) -> Callable[[str, str], str]:
    return lambda field, use: change(field, use) or _card(field, use)


@lab.task(
    prompt="Choose for a field and a use what happens to it: `vault`, `mask`, `keep` or `drop`.",
    hints=(
        "Which fields may never be stored? Which field differs from use to use? What is left?",
        "Begin with the end: the last line is `return 'drop'`, for all that has no rule. Before it come the "
        "few cases that keep something.",
        "`if field == 'card number' and use == 'charge again': return 'vault'`; the same with "
        "`'show to the clerk'` and `'mask'`; `if field in ('expiry date', 'name on card') and use == "
        "'charge again': return 'keep'`; then `return 'drop'`.",
    ),
    known_wrong=(
        KnownWrong(
            _card_but(lambda f, u: "vault" if f in ("security code", "PIN") else None),
            CARD_SECRET,
            "puts the security code into the vault",
        ),
        KnownWrong(
            _card_but(lambda f, u: "keep" if f == "card number" and u == "charge again" else None),
            CARD_PLAIN,
            "keeps the number to charge it",
        ),
        KnownWrong(
            _card_but(lambda f, u: "mask" if f == "card number" and u == "charge again" else None),
            CARD_NEEDED,
            "masks what is to be charged",
        ),
        KnownWrong(
            _card_but(lambda f, u: "vault" if f == "card number" and u == "show to the clerk" else None),
            CARD_SHOWN,
            "shows a token",
        ),
        KnownWrong(
            _card_but(lambda f, u: "vault" if f == "card number" and u == "count payments" else None),
            CARD_COUNT,
            "hands out tokens for counting",
        ),
        KnownWrong(
            _card_but(lambda f, u: None if f in CARD_FIELDS else "keep"),
            CARD_UNKNOWN,
            "keeps what it does not know",
        ),
        KnownWrong(
            _card_but(lambda f, u: "keep" if f in ("expiry date", "name on card") else None),
            CARD_DATE,
            "keeps name and date for every use",
        ),
        KnownWrong(lambda field, use: "encrypt", CARD_ACTION, "answers with another action"),
        KnownWrong(lambda field, use: "drop", CARD_NEEDED, "drops everything"),
    ),
    solution=_card,
)
def card_action(value) -> CheckResult:
    rng = fresh()
    unknown = [f"{word} {rng.integers(1000)}" for word in ("loyalty number", "track data", "browser print")]
    cases = [(field, use) for field in (*CARD_FIELDS, *unknown) for use in USES]
    answers = {case: attempt(value, *case) for case in (cases[i] for i in rng.permutation(len(cases)))}
    if not all(isinstance(answer, str) and answer in CARD_ACTIONS for answer in answers.values()):
        return incorrect(CARD_ACTION, "Return one of the four words.")
    if all(answer == _card(*case) for case, answer in answers.items()):
        return correct(
            "Codes are never stored, numbers only as tokens or masks, and what has no rule is dropped."
        )
    judged = (
        (
            lambda f, u, a: f in ("security code", "PIN") and a != "drop",
            CARD_SECRET,
            "Drop both, for every use.",
        ),
        (
            lambda f, u, a: f == "card number" and a == "keep",
            CARD_PLAIN,
            "Use the vault, a mask, or drop it.",
        ),
        (
            lambda f, u, a: f == "card number" and u == "charge again" and a != "vault",
            CARD_NEEDED,
            "Use `vault`: the token stands for the number, and only the vault leads back.",
        ),
        (
            lambda f, u, a: f == "card number" and u == "show to the clerk" and a != "mask",
            CARD_SHOWN,
            "Use `mask`.",
        ),
        (
            lambda f, u, a: f == "card number" and u == "count payments" and a != "drop",
            CARD_COUNT,
            "Use `drop`.",
        ),
        (lambda f, u, a: f in unknown and a != "drop", CARD_UNKNOWN, "End with `return 'drop'`."),
    )
    for wrong, message, next_step in judged:
        if any(wrong(*case, answer) for case, answer in answers.items()):
            return incorrect(message, next_step)
    return incorrect(CARD_DATE, "Keep them for `charge again`, drop them otherwise.")


# ------------------------------------------------------------------------------------- 5 · what is left

LEFT_NONE = "a value that can still be read was not reported."
LEFT_CASE = "a name in capitals was missed: it is the same name."
LEFT_PIECE = "a value was reported that is only a piece of another word, such as Ann in Annual."
LEFT_FORM = "a number was missed because it is written with other marks; its digits are all there."
LEFT_DIGITS = "a number was reported whose digits only happen to lie next to each other in other numbers."
LEFT_KIND = "a list of values is asked for, taken from `known`."
LEFT_ALL = "a value was reported that is not in the text."


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _still_there(text: str, known: Sequence[str]) -> list[str]:
    found = []
    for value in known:
        digits = _digits(value)
        if len(digits) >= 7:
            pattern = r"\D{0,2}".join(digits)
            pattern = rf"(?<!\d){pattern}(?!\d)"
        else:
            pattern = rf"\b{re.escape(value)}\b"
        if re.search(pattern, text, re.IGNORECASE):
            found.append(value)
    return found


def _plainly(text: str, known: Sequence[str]) -> list[str]:
    return [value for value in known if value in text]


def _caseless(text: str, known: Sequence[str]) -> list[str]:
    return [value for value in known if value.lower() in text.lower()]


def _words_only(text: str, known: Sequence[str]) -> list[str]:
    return [value for value in known if re.search(rf"\b{re.escape(value)}\b", text, re.IGNORECASE)]


def _words_cased(text: str, known: Sequence[str]) -> list[str]:
    return [
        value
        for value in known
        if re.search(rf"\b{re.escape(value)}\b", text)
        or (len(_digits(value)) >= 7 and value in _still_there(text, [value]))
    ]


def _all_digits(text: str, known: Sequence[str]) -> list[str]:
    return [
        value
        for value in known
        if re.search(rf"\b{re.escape(value)}\b", text, re.IGNORECASE)
        or (len(_digits(value)) >= 7 and _digits(value) in _digits(text))
    ]


def _pieces(text: str, known: Sequence[str]) -> list[str]:
    return [value for value in known if value.lower() in text.lower() or value in _still_there(text, [value])]


_SHORT = (
    ("Ann", "Annual"),
    ("Mark", "Markers"),
    ("Rose", "Roseola"),
    ("Grace", "Graceful"),
    ("Art", "Artery"),
)


def _left_case(rng: np.random.Generator) -> tuple[str, list[str], list[str]]:
    """A text, the values of the record, and those that can still be read."""
    short = [_SHORT[i] for i in rng.permutation(len(_SHORT))[:3]]
    family = [str(name) for name in rng.permutation(_FAMILY)[:3]]
    phones = [
        f"({a}) 555-01{b:02d}"
        for a, b in zip(rng.integers(200, 990, 3), rng.permutation(100)[:3], strict=True)
    ]
    number = f"{rng.integers(100, 899)}-{rng.integers(10, 99)}-{rng.integers(1000, 9999)}"
    mark = str(rng.choice([".", "-", " "]))
    plain = _digits(phones[1])
    pieces = [
        f"{short[0][1]} check, no change.",  # holds a short name as a piece of a word only
        f"{short[1][0]} was present.",
        f"{family[0].upper()} signed the form.",
        "Called back on " + mark.join((plain[:3], plain[3:6], plain[6:])) + ".",
        "Contact: [PHONE_NUMBER], [PERSON].",
        # the digits of a number that is not there, across two others
        f"Readings {_digits(number)[:5]}, then normal, then {_digits(number)[5:]} at noon.",
    ]
    text = " ".join(pieces[i] for i in rng.permutation(len(pieces)))
    known = [short[0][0], short[1][0], short[2][0], family[0], family[1], phones[0], phones[1], number]
    known = [known[i] for i in rng.permutation(len(known))]
    left = {short[1][0], family[0], phones[1]}
    return text, known, [value for value in known if value in left]


@lab.task(
    prompt="Return those values of the person's own record that can still be read in the redacted text.",
    hints=(
        "For words: whole words, and capitals do not matter. For numbers: the same digits, whatever "
        "marks are between them.",
        "Words: `re.search(rf'\\b{re.escape(value)}\\b', text, re.IGNORECASE)`. Numbers: take the digits "
        "with `re.sub(r'\\D', '', value)` and allow at most two other characters between them.",
        "For seven digits or more: `re.search(r'(?<!\\d)' + r'\\D{0,2}'.join(digits) + r'(?!\\d)', text)`.",
    ),
    known_wrong=(
        KnownWrong(_plainly, LEFT_PIECE, "looks for the characters anywhere"),
        KnownWrong(_caseless, LEFT_PIECE, "ignores case, and finds pieces of words"),
        KnownWrong(_pieces, LEFT_PIECE, "finds numbers, and pieces of words, too"),
        KnownWrong(_words_only, LEFT_FORM, "looks for numbers as they are written"),
        KnownWrong(_words_cased, LEFT_CASE, "minds the capitals"),
        KnownWrong(_all_digits, LEFT_DIGITS, "joins all digits of the text"),
        KnownWrong(lambda text, known: list(known), LEFT_ALL, "reports everything"),
        KnownWrong(lambda text, known: [], LEFT_NONE, "trusts the receipt"),
        KnownWrong(lambda text, known: len(_still_there(text, known)), LEFT_KIND, "returns a count"),
    ),
    solution=_still_there,
)
def still_there(value) -> CheckResult:
    rng = fresh()
    cases = [_left_case(rng) for _ in range(20)]
    answers = [attempt(value, text, known) for text, known, _ in cases]
    if not all(
        isinstance(answer, list | tuple | set | frozenset)
        and all(isinstance(item, str) and item in known for item in answer)
        for answer, (_, known, _) in zip(answers, cases, strict=True)
    ):
        return incorrect(LEFT_KIND, "Return a list of those entries of `known` that stand in the text.")
    given = [set(answer) for answer in answers]
    right = [set(left) for _, _, left in cases]
    if given == right:
        return correct(
            "Names in capitals and numbers in another form are found, and pieces of words are not."
        )
    extra = [(value, text) for answer, wanted, (text, _, _) in zip(given, right, cases, strict=True)
             for value in answer - wanted]  # fmt: skip
    missed = [value for answer, wanted in zip(given, right, strict=True) for value in wanted - answer]
    if any(value.lower() not in text.lower() and len(_digits(value)) < 7 for value, text in extra):
        return incorrect(LEFT_ALL, "Report a value only if a search for it finds something.")
    if any(len(_digits(value)) < 7 for value, _ in extra):
        return incorrect(LEFT_PIECE, "Put a word boundary, `\\b`, on both sides.")
    if extra:
        return incorrect(LEFT_DIGITS, "Allow at most two other characters between two digits.")
    if any(len(_digits(value)) >= 7 for value in missed) and any(len(_digits(value)) < 7 for value in missed):
        return incorrect(LEFT_NONE, "Look for each value of `known` in the text.")
    if any(len(_digits(value)) >= 7 for value in missed):
        return incorrect(LEFT_FORM, "Compare digits: `617.555.0182` and `(617) 555-0182` are one number.")
    return incorrect(LEFT_CASE, "Add `re.IGNORECASE`.")
