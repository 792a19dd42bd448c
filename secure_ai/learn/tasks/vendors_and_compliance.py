"""The tasks of chapter 16: evidence that counts, a consent in force, a request answered, a trace, a gap."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect
from secure_ai.learn.governance_cases import (
    FEWEST,
    ConsentEntry,
    Paper,
    Request,
    VendorAnswer,
    consent_case,
    hidden_files,
    rights_request,
    two_groups,
    vendor_answer,
)
from secure_ai.learn.slips import Slip, explained, is_number, telling_cases

lab = Lab("16_vendors_and_compliance", title="Vendors and compliance")
progress = lab.progress


def _known(slips: tuple[Slip, ...]) -> list[KnownWrong]:
    return [KnownWrong(slip, message, f"slip {place}") for place, (slip, message, _) in enumerate(slips, 1)]


# ------------------------------------------------------------------------------ 1 · evidence that counts

EVIDENCE_KIND = "the answer is True or False."
EVIDENCE_WORD = "an answer counts here because the vendor says so; without a document it is a promise."
EVIDENCE_SAYS = "an answer counts here that is not `yes`; a paper does not turn a no into a yes."
EVIDENCE_OLD = "a document counts here that has expired, or is not in force yet."
EVIDENCE_LAST = "a document is still in force on its last day, and already on its first."
EVIDENCE_TOPIC = "a document counts here that is about something else."
EVIDENCE_OWN = "the vendor's own paper counts here; it is the same promise on better paper."
EVIDENCE_MIXED = "one document must meet all the conditions; here one meets this and another meets that."
EVIDENCE_ALL = "every document is asked to be enough here; one is."
EVIDENCE_OTHER = "for some answers this is not what the rule says."


def _in_force(paper: Paper, today: date) -> bool:
    return paper.issued <= today <= paper.expires


def _good(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return _in_force(paper, today) and answer.topic in paper.covers and paper.issuer != "the vendor"


def _counts(answer: VendorAnswer, today: date) -> bool:
    return answer.says == "yes" and any(_good(paper, answer, today) for paper in answer.papers)


def _counts_by(*rules: Callable[[Paper, VendorAnswer, date], bool]) -> Callable[[VendorAnswer, date], bool]:
    return lambda answer, today: (
        answer.says == "yes"
        and any(all(rule(paper, answer, today) for rule in rules) for paper in answer.papers)
    )


def _now(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return _in_force(paper, today)


def _before_the_last_day(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return paper.issued < today < paper.expires


def _not_expired(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return today <= paper.expires


def _on_topic(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return answer.topic in paper.covers


def _independent(paper: Paper, answer: VendorAnswer, today: date) -> bool:
    return paper.issuer != "the vendor"


def _mixed(answer: VendorAnswer, today: date) -> bool:
    papers = answer.papers
    return answer.says == "yes" and all(
        any(rule(paper, answer, today) for paper in papers) for rule in (_now, _on_topic, _independent)
    )


EVIDENCE_SLIPS: tuple[Slip, ...] = (
    (lambda answer, today: answer.says == "yes", EVIDENCE_WORD, "Look at `answer.papers`."),
    (
        lambda answer, today: any(_good(paper, answer, today) for paper in answer.papers),
        EVIDENCE_SAYS,
        "Ask for `answer.says == 'yes'`, too.",
    ),
    (
        _counts_by(_on_topic, _independent),
        EVIDENCE_OLD,
        "Ask for `paper.issued <= today <= paper.expires`.",
    ),
    (
        _counts_by(_not_expired, _on_topic, _independent),
        EVIDENCE_OLD,
        "A paper that starts next month says nothing of today.",
    ),
    (
        _counts_by(_before_the_last_day, _on_topic, _independent),
        EVIDENCE_LAST,
        "Compare with `<=`, not with `<`.",
    ),
    (_counts_by(_now, _independent), EVIDENCE_TOPIC, "Ask for `answer.topic in paper.covers`."),
    (_counts_by(_now, _on_topic), EVIDENCE_OWN, "Ask for `paper.issuer != 'the vendor'`."),
    (
        _counts_by(
            lambda paper, answer, today: paper.issued <= today < paper.expires, _on_topic, _independent
        ),
        EVIDENCE_LAST,
        "Compare with `<=` on both sides.",
    ),
    (
        lambda answer, today: (
            answer.says != "no" and any(_good(paper, answer, today) for paper in answer.papers)
        ),
        EVIDENCE_SAYS,
        '`"partly"` is no yes.',
    ),
    (
        lambda answer, today: (
            answer.says == "yes"
            and bool(answer.papers)
            and all(_good(paper, answer, today) for paper in answer.papers)
        ),
        EVIDENCE_ALL,
        "Use `any` in place of `all`.",
    ),
    (_mixed, EVIDENCE_MIXED, "Put the three conditions into one `any(... for paper in answer.papers)`."),
)


@lab.task(
    prompt="Say whether a vendor's answer counts: a yes, with one document that is enough.",
    hints=(
        "A document is enough if it is about the topic, in force today, and not from the vendor. Look at one "
        "document at a time.",
        "In force: `paper.issued <= today <= paper.expires`. On the topic: `answer.topic in paper.covers`.",
        "`return answer.says == 'yes' and any(paper.issued <= today <= paper.expires and answer.topic in "
        "paper.covers and paper.issuer != 'the vendor' for paper in answer.papers)`.",
    ),
    known_wrong=(
        KnownWrong(EVIDENCE_SLIPS[0][0], EVIDENCE_WORD, "takes the word"),
        KnownWrong(EVIDENCE_SLIPS[1][0], EVIDENCE_SAYS, "forgets what was said"),
        KnownWrong(EVIDENCE_SLIPS[2][0], EVIDENCE_OLD, "forgets the dates"),
        KnownWrong(EVIDENCE_SLIPS[3][0], EVIDENCE_OLD, "forgets the first day"),
        KnownWrong(EVIDENCE_SLIPS[4][0], EVIDENCE_LAST, "leaves out the first and the last day"),
        KnownWrong(EVIDENCE_SLIPS[5][0], EVIDENCE_TOPIC, "any document will do"),
        KnownWrong(EVIDENCE_SLIPS[6][0], EVIDENCE_OWN, "forgets who wrote it"),
        KnownWrong(_mixed, EVIDENCE_MIXED, "asks each condition of another document"),
        KnownWrong(EVIDENCE_SLIPS[7][0], EVIDENCE_LAST, "leaves out the last day"),
        KnownWrong(EVIDENCE_SLIPS[8][0], EVIDENCE_SAYS, "takes partly for a yes"),
        KnownWrong(EVIDENCE_SLIPS[9][0], EVIDENCE_ALL, "asks it of every document"),
        KnownWrong(lambda answer, today: answer.says, EVIDENCE_KIND, "returns the word"),
    ),
    solution=_counts,
)
def counts_as_evidence(value: Any) -> CheckResult:
    """Compare with the rule on answers on which the usual slips differ."""
    cases = telling_cases(vendor_answer, _counts, EVIDENCE_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool) for answer in answers):
        return incorrect(EVIDENCE_KIND, "Return the result of a comparison, or put `bool(...)` around it.")
    if all(answer == _counts(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("A yes counts when somebody else vouches for it, for this, today.")
    otherwise = incorrect(EVIDENCE_OTHER, "Read the three conditions again, one document at a time.")
    return explained(answers, cases, EVIDENCE_SLIPS, otherwise)


# ---------------------------------------------------------------------------- 2 · a consent that is in force

CONSENT_KIND = "the answer is True or False."
CONSENT_EVER = "somebody who once said yes and then no is still used."
CONSENT_PURPOSE = "a consent for another purpose is taken for this one."
CONSENT_PERSON = "somebody else's consent is taken for this person's."
CONSENT_FUTURE = "an entry from after the moment decides about it; nobody could know it then."
CONSENT_ORDER = (
    "the order of the list decides, and entries arrive late: it is the time of the entry that counts."
)
CONSENT_EXPIRED = "a consent that was given for a time is used after it has ended."
CONSENT_TIE = "given and withdrawn at the same moment: when in doubt it is a no."
CONSENT_DEFAULT = "who never said anything counts as a yes."
CONSENT_OLDER = "the newest consent has ended, so an older one is taken up again; the newest entry decides."
CONSENT_END = "at its end a consent is over; here it still counts at that very moment."
CONSENT_NOW = "an entry of this very moment counts, too."
CONSENT_AGAIN = "who withdrew and gave consent anew later has given it."
CONSENT_OTHER = "for some ledgers this is not what the rule says."


def _latest(entries: list[ConsentEntry]) -> ConsentEntry | None:
    # At the same moment a withdrawal comes last.
    return max(entries, key=lambda entry: (entry.at, entry.kind == "withdrawn"), default=None)


def _holds(entry: ConsentEntry | None, moment: datetime, *, unknown: bool = False) -> bool:
    if entry is None:
        return unknown
    return entry.kind == "given" and (entry.until is None or moment < entry.until)


def _mine(entries: list[ConsentEntry], person: str, purpose: str, moment: datetime) -> list[ConsentEntry]:
    return [e for e in entries if e.person == person and e.purpose == purpose and e.at <= moment]


def _may_use(entries: list[ConsentEntry], person: str, purpose: str, moment: datetime) -> bool:
    return _holds(_latest(_mine(entries, person, purpose, moment)), moment)


def _ever(entries, person, purpose, moment):
    return any(e.kind == "given" for e in _mine(entries, person, purpose, moment))


def _any_purpose(entries, person, purpose, moment):
    return _holds(_latest([e for e in entries if e.person == person and e.at <= moment]), moment)


def _anybody(entries, person, purpose, moment):
    return _holds(_latest([e for e in entries if e.purpose == purpose and e.at <= moment]), moment)


def _any_time(entries, person, purpose, moment):
    return _holds(_latest([e for e in entries if e.person == person and e.purpose == purpose]), moment)


def _as_listed(entries, person, purpose, moment):
    mine = _mine(entries, person, purpose, moment)
    return _holds(mine[-1] if mine else None, moment)


def _for_ever(entries, person, purpose, moment):
    latest = _latest(_mine(entries, person, purpose, moment))
    return latest is not None and latest.kind == "given"


def _yes_wins(entries, person, purpose, moment):
    mine = _mine(entries, person, purpose, moment)
    return _holds(max(mine, key=lambda e: (e.at, e.kind == "given"), default=None), moment)


def _silence_is_yes(entries, person, purpose, moment):
    return _holds(_latest(_mine(entries, person, purpose, moment)), moment, unknown=True)


def _older(entries, person, purpose, moment):
    mine = [e for e in _mine(entries, person, purpose, moment) if e.until is None or moment < e.until]
    return _holds(_latest(mine), moment)


def _until_the_end(entries, person, purpose, moment):
    latest = _latest(_mine(entries, person, purpose, moment))
    return latest is not None and latest.kind == "given" and (latest.until is None or moment <= latest.until)


def _strictly_before(entries, person, purpose, moment):
    return _holds(_latest([e for e in _mine(entries, person, purpose, moment) if e.at < moment]), moment)


def _withdrawn_for_ever(entries, person, purpose, moment):
    mine = _mine(entries, person, purpose, moment)
    return _holds(_latest(mine), moment) and not any(e.kind == "withdrawn" for e in mine)


CONSENT_SLIPS: tuple[Slip, ...] = (
    (_ever, CONSENT_EVER, "Find the newest entry and look at its `kind`."),
    (_any_purpose, CONSENT_PURPOSE, "Keep the entries with `entry.purpose == purpose`."),
    (_anybody, CONSENT_PERSON, "Keep the entries with `entry.person == person`."),
    (_any_time, CONSENT_FUTURE, "Keep the entries with `entry.at <= moment`."),
    (_as_listed, CONSENT_ORDER, "Sort by `entry.at`, or take the `max`."),
    (_for_ever, CONSENT_EXPIRED, "Ask for `entry.until is None or moment < entry.until`."),
    (_yes_wins, CONSENT_TIE, "Sort by `(entry.at, entry.kind == 'withdrawn')`: a withdrawal comes last."),
    (_silence_is_yes, CONSENT_DEFAULT, "Return False where there is no entry."),
    (_until_the_end, CONSENT_END, "Compare with `moment < entry.until`."),
    (_strictly_before, CONSENT_NOW, "Keep the entries with `entry.at <= moment`."),
    (_withdrawn_for_ever, CONSENT_AGAIN, "Look at the newest entry alone."),
    (_older, CONSENT_OLDER, "Find the newest entry first, and ask only then whether it has ended."),
)


@lab.task(
    prompt="Say whether a person's data may be used for a purpose at a moment, by the ledger alone.",
    hints=(
        "Keep the entries of this person, for this purpose, up to this moment. Of these the newest decides.",
        "`max(mine, key=lambda entry: (entry.at, entry.kind == 'withdrawn'))` is the newest; of two at the "
        "same moment it is the withdrawal. Mind that there may be none.",
        "`newest.kind == 'given' and (newest.until is None or moment < newest.until)` is the answer; without "
        "an entry it is False.",
    ),
    known_wrong=(
        *_known(CONSENT_SLIPS),
        KnownWrong(lambda entries, person, purpose, moment: entries[-1:], CONSENT_KIND, "returns an entry"),
    ),
    solution=_may_use,
)
def may_be_used(value: Any) -> CheckResult:
    """Compare with the rule on ledgers on which the usual slips differ."""
    cases = telling_cases(consent_case, _may_use, CONSENT_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool) for answer in answers):
        return incorrect(CONSENT_KIND, "Return the result of a comparison.")
    if all(answer == _may_use(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("The newest word decides, and silence is no word.")
    otherwise = incorrect(
        CONSENT_OTHER, "The newest entry of this person, for this purpose, up to this moment."
    )
    return explained(answers, cases, CONSENT_SLIPS, otherwise)


# --------------------------------------------------------------------------------- 3 · a request answered

REQUEST_KIND = 'the answer is "ask", "grant" or "refuse".'
REQUEST_STRANGER = "somebody whose identity is not known gets an answer; ask first, whatever the request is."
REQUEST_HIPAA = "HIPAA gives a right of access and of amendment, and none of erasure."
REQUEST_EXEMPT = "CCPA does not reach PHI and GLBA data: the request has to be made under another law."
REQUEST_HOLD = "data under a legal hold are erased."
REQUEST_DUTY = "data are erased that a law says must be kept."
REQUEST_TOO_MUCH = "a hold or a duty to keep forbids erasing; it does not forbid reading or correcting."
REQUEST_LATE = "a stranger learns from the refusal what lies on the data; ask who it is before anything else."
REQUEST_NEVER = "erasure is refused where the law gives it and nothing stands against it."
REQUEST_OTHER = "some requests are answered otherwise than the rules say."


def _answer(request: Request, *, strict: bool = False) -> str:
    if not request.verified:
        return "ask"
    if request.law == "CCPA" and request.regulated:
        return "refuse"
    if request.right != "erasure" and not strict:
        return "grant"
    blocked = request.hold or request.duty or (request.right == "erasure" and request.law == "HIPAA")
    return "refuse" if blocked else "grant"


def _answer_without(**changes: Any) -> Callable[[Request], str]:
    return lambda request: _answer(replace(request, **changes))


def _hipaa_erases(request: Request) -> str:
    return _answer(replace(request, law="GDPR") if request.law == "HIPAA" else request)


def _ccpa_reaches(request: Request) -> str:
    return _answer(replace(request, regulated=False))


def _asks_late(request: Request) -> str:
    known = _answer(replace(request, verified=True))
    return known if request.verified or known == "refuse" else "ask"


def _never_erases(request: Request) -> str:
    return "refuse" if request.verified and request.right == "erasure" else _answer(request)


REQUEST_SLIPS: tuple[Slip, ...] = (
    (_answer_without(verified=True), REQUEST_STRANGER, 'Begin with `if not request.verified: return "ask"`.'),
    (_asks_late, REQUEST_LATE, "Put the question of identity before every other rule."),
    (_hipaa_erases, REQUEST_HIPAA, 'Refuse `right == "erasure"` under `law == "HIPAA"`.'),
    (_ccpa_reaches, REQUEST_EXEMPT, 'Refuse where `law == "CCPA"` and `request.regulated`.'),
    (_answer_without(hold=False), REQUEST_HOLD, "Refuse an erasure where `request.hold`."),
    (_answer_without(duty=False), REQUEST_DUTY, "Refuse an erasure where `request.duty`."),
    (lambda request: _answer(request, strict=True), REQUEST_TOO_MUCH, 'Ask for `right == "erasure"` first.'),
    (_never_erases, REQUEST_NEVER, "GDPR Art. 17 and CCPA 1798.105 give erasure, with exceptions."),
)


@lab.task(
    prompt='Answer a request: "ask" who it is, "grant" it, or "refuse" it with a reason that the law knows.',
    hints=(
        "Three rules in this order: is it known who asks; does the law reach these data at all; and, for an "
        "erasure only, does anything forbid it?",
        'Under `"CCPA"` refuse `regulated` data whatever the right. For an erasure refuse under `"HIPAA"`, '
        "under a `hold`, and where there is a `duty` to keep.",
        'Begin: `if not request.verified: return "ask"`. Then CCPA. Then `if request.right == "erasure" and '
        '(request.law == "HIPAA" or request.hold or request.duty): return "refuse"`. Else `"grant"`.',
    ),
    known_wrong=(
        *_known(REQUEST_SLIPS),
        KnownWrong(lambda request: _answer(request) == "grant", REQUEST_KIND, "returns True or False"),
    ),
    solution=_answer,
)
def answer_request(value: Any) -> CheckResult:
    """Compare with the rules on requests on which the usual slips differ."""
    cases = telling_cases(rights_request, _answer, REQUEST_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, str) and answer in ("ask", "grant", "refuse") for answer in answers):
        return incorrect(REQUEST_KIND, "Return one of the three words.")
    if all(answer == _answer(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("Who asks, which law, and what stands against it: in this order.")
    otherwise = incorrect(REQUEST_OTHER, "Go through the three rules in their order.")
    return explained(answers, cases, REQUEST_SLIPS, otherwise)


# -------------------------------------------------------------------------------- 4 · where a person still is

TRACE_KIND = "a list of names of files is asked for."
TRACE_PLAIN = "only what can be read as it stands is found; the person is still in copies that are packed."
TRACE_UTF16 = "text with two bytes a letter is not found."
TRACE_GZIP = "what is packed with gzip is not unpacked."
TRACE_BASE64 = "what is written as base64 is not decoded."
TRACE_NESTED = "one wrapping inside the other is not found; unwrap until nothing can be unwrapped."
TRACE_TWICE = "a file is named twice."
TRACE_FALSE = "a file is named in which the value does not stand."
TRACE_OTHER = "some of the files in which the value stands are not named."
_BROKEN = (OSError, EOFError, zlib.error, ValueError, binascii.Error)


def _unwrapped(data: bytes, kinds: str) -> bytes | None:
    try:
        if "g" in kinds and data[:2] == b"\x1f\x8b":
            return gzip.decompress(data)
        if "b" in kinds and data:
            return base64.b64decode(data, validate=True)
    except _BROKEN:
        pass
    return None


def _finds(encodings: tuple[str, ...], kinds: str, deep: int) -> Callable[..., list[str]]:
    def places(files: Mapping[str, bytes], value: str) -> list[str]:
        found = []
        for name, content in files.items():
            data: bytes | None = content
            for _ in range(deep + 1):
                if data is None:
                    break
                if any(value.encode(encoding) in data for encoding in encodings):
                    found.append(name)
                    break
                data = _unwrapped(data, kinds)
        return found

    return places


_BOTH = ("utf-8", "utf-16-le")
_places = _finds(_BOTH, "gb", 5)
TRACE_SLIPS: tuple[Slip, ...] = (
    (_finds(("utf-8",), "", 0), TRACE_PLAIN, "Look into the unpacked content, too: gzip and base64."),
    (_finds(_BOTH, "", 0), TRACE_PLAIN, "Look into the unpacked content, too: gzip and base64."),
    (_finds(("utf-8",), "gb", 5), TRACE_UTF16, "Look for `value.encode('utf-16-le')`, too."),
    (_finds(_BOTH, "b", 5), TRACE_GZIP, "What begins with `b'\\x1f\\x8b'` is for `gzip.decompress`."),
    (_finds(_BOTH, "g", 5), TRACE_BASE64, "Try `base64.b64decode(data, validate=True)`."),
    (_finds(_BOTH, "gb", 1), TRACE_NESTED, "Repeat it with what came out, until nothing comes out."),
)


@lab.task(
    prompt="Name the files in which a value still stands: as it is, with two bytes a letter, or wrapped.",
    hints=(
        "Write a function for one file: does the value stand in it as it is? If not, can it be unwrapped, "
        "and does it stand in what comes out? That is the same question again.",
        "As it is: `value.encode() in data or value.encode('utf-16-le') in data`. The function `unwrap` "
        "gives what is inside a wrapping, or None where there is none.",
        "`while data is not None:` look into `data`; if the value is not there, `data = unwrap(data)`.",
    ),
    known_wrong=(
        KnownWrong(TRACE_SLIPS[0][0], TRACE_PLAIN, "a plain search"),
        KnownWrong(TRACE_SLIPS[1][0], TRACE_PLAIN, "both encodings, nothing unpacked"),
        KnownWrong(TRACE_SLIPS[2][0], TRACE_UTF16, "one byte a letter"),
        KnownWrong(TRACE_SLIPS[3][0], TRACE_GZIP, "no gzip"),
        KnownWrong(TRACE_SLIPS[4][0], TRACE_BASE64, "no base64"),
        KnownWrong(TRACE_SLIPS[5][0], TRACE_NESTED, "one wrapping"),
        KnownWrong(lambda files, value: list(files), TRACE_FALSE, "names every file"),
        KnownWrong(lambda files, value: bool(_places(files, value)), TRACE_KIND, "returns True"),
        KnownWrong(lambda files, value: [], TRACE_OTHER, "names none"),
        KnownWrong(lambda files, value: set(_places(files, value)), TRACE_KIND, "returns a set"),
        KnownWrong(lambda files, value: 2 * _places(files, value), TRACE_TWICE, "names each twice"),
    ),
    solution=_places,
)
def places_of(value: Any) -> CheckResult:
    """Compare with the files in which the value was put, in whatever form."""
    rng = fresh()
    cases, answers, truths = [], [], []
    for _ in range(3):
        files, wanted, truth = hidden_files(rng)
        answer = attempt(value, dict(files), wanted)
        if not isinstance(answer, list | tuple) or not all(isinstance(name, str) for name in answer):
            return incorrect(TRACE_KIND, "Return a list of the names.")
        if len(set(answer)) < len(answer):
            return incorrect(TRACE_TWICE, "Stop looking into a file once the value is found: `break`.")
        cases.append((files, wanted))
        answers.append(set(answer))
        truths.append({name for name, form in truth.items() if form})
    if any(answer - truth for answer, truth in zip(answers, truths, strict=True)):
        return incorrect(TRACE_FALSE, "Name a file only if the value was found in it.")
    if answers == truths:
        return correct("Found in every form. What nobody looks into is where a person stays behind.")
    for slip, message, next_step in TRACE_SLIPS:
        if answers == [set(slip(*case)) for case in cases]:
            return incorrect(message, next_step)
    return incorrect(TRACE_OTHER, "Unwrap each file until nothing can be unwrapped, and look each time.")


def unwrap(data: bytes) -> bytes | None:
    """Return what is inside a gzip or base64 wrapping; None where there is none, or it is broken."""
    return _unwrapped(data, "gb")


# -------------------------------------------------------------------------- 5 · is everybody found as often?

GAP_KIND = "a number is asked for, or None where there are too few cases."
GAP_SELECTION = "this compares how often the decision falls; asked for is how often the cases are found."
GAP_PRECISION = "this asks who of those decided on was a case; asked for is who of the cases was decided on."
GAP_ALARMS = "this compares the false alarms; asked for is how often the cases are found."
GAP_ACCURACY = "this compares how often the decision was right."
GAP_SIGN = "this is B minus A; asked for is A minus B."
GAP_FEW = "fewer than 20 cases in a group say nothing: the answer is None, and None is not 0."
GAP_SIZE = "this is the size of the difference; asked for is A minus B, which may be below 0."
GAP_EXACT = "with exactly 20 cases in a group there is an answer; fewer than 20 are too few."
GAP_PERCENT = "this is in percent, or rounded; asked for is the difference of two shares, as it is."
GAP_ZERO = "0 says that there is no difference; with too few cases nobody knows, and that is None."
GAP_OTHER = "this is not the difference in how often the cases are found."
Decided = tuple[list[bool], list[bool], list[str]]


def _share_of(hits: list[bool], among: list[bool]) -> float:
    inside = [hit for hit, taken in zip(hits, among, strict=True) if taken]
    return sum(inside) / len(inside) if inside else 0.0


def _gap_from(fewest: int) -> Callable[..., float | None]:
    return _gap_of(_found, fewest)


def _gap_of(
    rate: Callable[[list[bool], list[bool]], float], fewest: int = FEWEST
) -> Callable[..., float | None]:
    def gap(decision: list[bool], outcome: list[bool], group: list[str]) -> float | None:
        rates = []
        for name in "AB":
            inside = [place for place, label in enumerate(group) if label == name]
            truth = [outcome[place] for place in inside]
            if sum(truth) < fewest:
                return None
            rates.append(rate([decision[place] for place in inside], truth))
        return rates[0] - rates[1]

    return gap


def _found(decision: list[bool], outcome: list[bool]) -> float:
    return _share_of(decision, outcome)


_gap = _gap_of(_found)


def _never_none(decision: list[bool], outcome: list[bool], group: list[str]) -> float:
    rates = []
    for name in "AB":
        inside = [place for place, label in enumerate(group) if label == name]
        rates.append(_found([decision[p] for p in inside], [outcome[p] for p in inside]))
    return rates[0] - rates[1]


def _zero(*case: Any) -> float:
    found = _gap(*case)
    return 0.0 if found is None else found


def _swapped(*case: Any) -> float | None:
    found = _gap(*case)
    return None if found is None else -found


GAP_SLIPS: tuple[Slip, ...] = (
    (_gap_of(lambda d, y: sum(d) / len(d)), GAP_SELECTION, "Keep the cases (`outcome` is True) first."),
    (
        _gap_of(lambda d, y: _share_of(y, d)),
        GAP_PRECISION,
        "Divide by the number of cases, not of decisions.",
    ),
    (
        _gap_of(lambda d, y: _share_of(d, [not true for true in y])),
        GAP_ALARMS,
        "Keep those with `outcome` True.",
    ),
    (
        _gap_of(lambda d, y: sum(a == b for a, b in zip(d, y, strict=True)) / len(d)),
        GAP_ACCURACY,
        "Keep the cases first, and count the decisions among them.",
    ),
    (lambda *case: None if _gap(*case) is None else abs(_gap(*case)), GAP_SIZE, "Leave `abs` away."),
    (_gap_from(FEWEST + 1), GAP_EXACT, "Compare with `< 20`."),
    (lambda *case: None if _gap(*case) is None else 100 * _gap(*case), GAP_PERCENT, "Leave the 100 away."),
    (lambda *case: None if _gap(*case) is None else round(_gap(*case), 2), GAP_PERCENT, "Do not round."),
    (_swapped, GAP_SIGN, "Subtract the rate of B from the rate of A."),
    (_zero, GAP_ZERO, "Return None in place of 0."),
    (_never_none, GAP_FEW, "Return None if a group has fewer than 20 with `outcome` True."),
)


def _case_of_gap(rng: Any) -> Decided:
    return two_groups(rng, small=bool(rng.random() < 0.4))


@lab.task(
    prompt="Equal opportunity: how much more often are the cases of group A found than those of group B?",
    hints=(
        "Of each group keep the cases: those whose `outcome` is True. Of these, what share has the decision?",
        "Count the cases of each group first: with fewer than 20 in one of them return None.",
        "`cases = [d for d, y, g in zip(decision, outcome, group) if g == name and y]` are the decisions "
        "about the cases of a group; `sum(cases) / len(cases)` is the rate.",
    ),
    known_wrong=(
        *_known(GAP_SLIPS),
        KnownWrong(lambda decision, outcome, group: "equal", GAP_KIND, "returns a word"),
    ),
    solution=_gap,
)
def opportunity_gap(value: Any) -> CheckResult:
    """Compare with the difference of true positive rates; None where a group has too few cases."""
    cases = telling_cases(_case_of_gap, _gap, GAP_SLIPS, most=200)
    answers = [attempt(value, *case, none_is_an_answer=True) for case in cases]
    if not all(answer is None or is_number(answer) for answer in answers):
        return incorrect(GAP_KIND, "Return a difference of two shares, or None.")
    wanted = [_gap(*case) for case in cases]
    if _agree(answers, wanted):
        return correct("The same chance of being found, measured, and silence where there are too few.")
    otherwise = incorrect(GAP_OTHER, "Of each group keep the cases, and count the decisions among them.")
    return explained(answers, cases, GAP_SLIPS, otherwise)


def _agree(answers: list[Any], wanted: list[float | None]) -> bool:
    return all(
        (answer is None) == (right is None) and (right is None or abs(answer - right) < 1e-9)
        for answer, right in zip(answers, wanted, strict=True)
    )
