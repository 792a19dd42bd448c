"""The tasks of chapter 15: marked text, a permitted call, filtered rows, a held call, a rate."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from secure_ai.learn.assistant_cases import (
    BREAKOUTS,
    CALLS,
    HELD,
    WORDS,
    Call,
    Caller,
    Found,
    HeldCall,
    found_documents,
    held_call,
    outcomes,
    outside_text,
    tool_call,
)
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect
from secure_ai.learn.slips import Slip, explained, is_number, telling_cases

lab = Lab("15_chatbot_security", title="Chatbot security")
progress = lab.progress

# --------------------------------------------------------------------------------- 1 · a text marked as data

MARK_KIND = "a text is asked for: the marker, the cleaned text and the marker, each on a line of its own."
MARK_FRAME = "the marker has to stand on a line of its own before the text, and once more after it."
MARK_LEFT = "the text can still say the marker itself, so that it ends where its author likes."
MARK_CASE = "the text can still say the marker in other capitals; models do not mind capitals."
MARK_NESTED = (
    "where one marker is taken out of another, a new one comes together; take out until none is left."
)
MARK_LOST = (
    "some of the text is lost: only the marker is to be taken out of it, however often it stands there."
)


def _without(text: str, marker: str) -> str:
    pattern = re.compile(re.escape(marker), re.IGNORECASE)
    while pattern.search(text):
        text = pattern.sub("", text)
    return text


def _framed(clean: Callable[[str, str], str]) -> Callable[[str, str], str]:
    return lambda text, marker: f"{marker}\n{clean(text, marker)}\n{marker}"


_mark = _framed(_without)
_mark_once = _framed(lambda text, marker: re.sub(re.escape(marker), "", text, flags=re.IGNORECASE))
_mark_case = _framed(lambda text, marker: text.replace(marker, "").replace(marker, "").replace(marker, ""))


def _kept_words(text: str) -> list[str]:
    return [word for word in text.split() if word in WORDS]


@lab.task(
    prompt="Put a text that others wrote between two marks, so that it cannot pretend to end early.",
    hints=(
        "Whoever writes the text may guess the marker and write it into the text. What stands after it would "
        "then look like your own words.",
        "Take the marker out of the text first, in any capitals (`re.compile(re.escape(marker), "
        "re.IGNORECASE)`), and again as long as `pattern.search(text)` finds one.",
        "`while pattern.search(text): text = pattern.sub('', text)`, then return "
        "`f'{marker}\\n{text}\\n{marker}'`.",
    ),
    known_wrong=(
        KnownWrong(_framed(lambda text, marker: text), MARK_LEFT, "takes nothing out"),
        KnownWrong(_mark_once, MARK_NESTED, "takes out once"),
        KnownWrong(_mark_case, MARK_CASE, "minds the capitals"),
        KnownWrong(_without, MARK_FRAME, "puts no mark"),
        KnownWrong(
            lambda text, marker: f"{marker}\n{_without(text, marker)}", MARK_FRAME, "forgets the second mark"
        ),
        KnownWrong(
            _framed(lambda text, marker: text.lower().partition(marker.lower())[0]), MARK_LOST, "cuts at it"
        ),
        KnownWrong(_framed(lambda text, marker: ""), MARK_LOST, "leaves nothing"),
        KnownWrong(lambda text, marker: [marker, text, marker], MARK_KIND, "returns a list"),
    ),
    solution=_mark,
)
def mark_as_data(value: Any) -> CheckResult:
    """Judge the marked text by what it holds: no marker inside, every word still there."""
    rng = fresh()
    advice = {
        "none": (MARK_LOST, "Change the text in no other way."),
        "plain": (MARK_LEFT, "Take `marker` out of `text` before you put it around."),
        "other case": (MARK_CASE, "`re.sub` with `flags=re.IGNORECASE` minds no capitals."),
        "nested": (MARK_NESTED, "Repeat it in a `while` loop."),
        "nested twice": (MARK_NESTED, "Repeat it in a `while` loop."),
    }
    for breakout in (*BREAKOUTS, *BREAKOUTS):
        text, marker = outside_text(rng, breakout)
        answer = attempt(value, text, marker)
        if not isinstance(answer, str):
            return incorrect(MARK_KIND, "Return one string.")
        if not (answer.startswith(f"{marker}\n") and answer.endswith(f"\n{marker}")):
            return incorrect(MARK_FRAME, "`f'{marker}\\n{text}\\n{marker}'` has the form.")
        inside = answer[len(marker) + 1 : -len(marker) - 1]
        if _kept_words(inside) != _kept_words(text) or (breakout == "none" and inside != text):
            return incorrect(MARK_LOST, "Change the text in no other way.")
        if marker.lower() in inside.lower():
            return incorrect(*advice[breakout])
    return correct("Whatever stands between the marks, the text cannot end before you say so.")


# ------------------------------------------------------------------------------------- 2 · may it be called?

CALL_KIND = "the answer is True or False."
CALL_TOOL = "a tool that the role of the caller does not have is called all the same."
CALL_FOREIGN = "the record of somebody who is neither the caller nor in the caller's care is touched."
CALL_CLAIM = "the role that somebody claims in the conversation counts; only the sign-on knows who it is."
CALL_NOBODY = "a call that names nobody passes: the empty name equals the empty `person` of staff."
CALL_UNKNOWN = "a role that nobody has heard of must get nothing."
CALL_OWN = "a patient's or customer's call about their own record is refused."
CALL_CARE = "a call about a person in the caller's care is refused."
CALL_ALWAYS = "calls that are allowed and calls that are not get the same answer."


def _may(user: Caller, call: Call, allowed: dict[str, list[str]]) -> bool:
    return (
        call.tool in allowed.get(user.role, [])
        and call.person != ""
        and (call.person == user.person or call.person in user.in_care)
    )


def _may_by(
    tool: bool = True, person: bool = True, nobody: bool = True, claim: bool = False
) -> Callable[..., bool]:
    def judge(user: Caller, call: Call, allowed: dict[str, list[str]]) -> bool:
        role = call.said_role if claim else user.role
        related = call.person == user.person or call.person in user.in_care
        return bool(
            (call.tool in allowed.get(role, []) or not tool)
            and (related or not person)
            and (call.person != "" or not nobody)
        )

    return judge


CALL_ADVICE = {
    "own": (CALL_OWN, "`call.person == user.person` is enough for patients and customers."),
    "in care": (CALL_CARE, "`call.person in user.in_care` is the other way."),
    "foreign": (CALL_FOREIGN, "Ask for `call.person == user.person or call.person in user.in_care`."),
    "nobody": (CALL_NOBODY, "Ask for `call.person != ''`, too."),
    "tool not allowed": (CALL_TOOL, "Ask for `call.tool in allowed.get(user.role, [])`."),
    "claims a role": (CALL_CLAIM, "Use `user.role`, never `call.said_role`."),
    "unknown role": (CALL_UNKNOWN, "`allowed.get(user.role, [])` is empty for a role that is not listed."),
}


def _may_unless_unknown(user: Caller, call: Call, allowed: dict[str, list[str]]) -> bool:
    return user.role not in allowed or _may(user, call, allowed)


def _may_own_only(user: Caller, call: Call, allowed: dict[str, list[str]]) -> bool:
    return _may(user, call, allowed) and call.person == user.person


def _may_care_only(user: Caller, call: Call, allowed: dict[str, list[str]]) -> bool:
    return _may(user, call, allowed) and call.person in user.in_care


@lab.task(
    prompt="Decide whether a tool call of the model may be carried out for the one who is signed on.",
    hints=(
        "Two questions, and both must be answered with yes: does the ROLE have the tool, and has the caller "
        "something to do with the PERSON? Neither answer comes from the conversation.",
        "The role: `call.tool in allowed.get(user.role, [])`. The person: `call.person == user.person or "
        "call.person in user.in_care`. And look at what `person` is for staff.",
        "`related = call.person != '' and (call.person == user.person or call.person in user.in_care)`, then "
        "`return related and call.tool in allowed.get(user.role, [])`.",
    ),
    known_wrong=(
        KnownWrong(_may_by(tool=False), CALL_TOOL, "asks for the person only"),
        KnownWrong(_may_by(person=False), CALL_FOREIGN, "asks for the role only"),
        KnownWrong(_may_by(claim=True), CALL_CLAIM, "believes the conversation"),
        KnownWrong(_may_by(nobody=False), CALL_NOBODY, "takes two empty names for one person"),
        KnownWrong(_may_unless_unknown, CALL_UNKNOWN, "lets unknown roles pass"),
        KnownWrong(_may_own_only, CALL_CARE, "forgets those in care"),
        KnownWrong(_may_care_only, CALL_OWN, "forgets the own record"),
        KnownWrong(lambda *_: True, CALL_ALWAYS, "lets everything pass"),
        KnownWrong(lambda *_: False, CALL_ALWAYS, "refuses everything"),
        KnownWrong(lambda user, call, allowed: "yes", CALL_KIND, "answers with a word"),
    ),
    solution=_may,
)
def may_call(value: Any) -> CheckResult:
    """Judge the decisions on calls of every kind, each several times, in no foreseeable order."""
    rng = fresh()
    wrong, given = set(), set()
    for kind in rng.permutation([*CALLS] * 5).tolist():
        case = tool_call(rng, kind)
        answer = attempt(value, *case)
        if not isinstance(answer, bool | np.bool_):
            return incorrect(CALL_KIND, "Join the two questions with `and`.")
        given.add(bool(answer))
        if bool(answer) != _may(*case):
            wrong.add(kind)
    if not wrong:
        return correct("The model may ask for what it likes; what happens is what this person may do.")
    if len(given) == 1:
        return incorrect(CALL_ALWAYS, "Two questions, and both must be answered with yes.")
    return incorrect(*CALL_ADVICE[next(kind for kind in ORDER_OF_CALLS if kind in wrong)])


ORDER_OF_CALLS = (
    "tool not allowed", "claims a role", "foreign", "nobody", "unknown role", "in care", "own",
)  # fmt: skip

# ------------------------------------------------------------------------------ 3 · filtered before ranking

ROWS_KIND = "a list of identifiers is asked for, such as `['D3', 'D7']`."
ROWS_ALL = "documents about others are among those that the model is shown."
ROWS_AFTER = "others' documents take up places in the ranking: fewer are shown than could be."
ROWS_GUIDANCE = "guidance, which is about nobody and for everybody, is missing."
ROWS_CARE = "documents about people in the caller's care are missing."
ROWS_ORDER = "the best document comes first, the next best after it."
ROWS_COUNT = "at most `top` documents are to be shown, the best ones."
ROWS_OTHER = "these are not the best documents that the caller may read."


def _readable(user: Caller, one: Found, *, guidance: bool = True, care: bool = True) -> bool:
    return (
        (one.person == "" and guidance)
        or (one.person != "" and one.person == user.person)
        or (care and one.person in user.in_care)
    )


def _best(documents: list[Found]) -> list[Found]:
    return sorted(documents, key=lambda one: one.score, reverse=True)


def _rows(documents: list[Found], user: Caller, top: int, **which: bool) -> list[str]:
    return [one.id for one in _best([one for one in documents if _readable(user, one, **which)])[:top]]


def _rows_after(documents: list[Found], user: Caller, top: int) -> list[str]:
    return [one.id for one in _best(documents)[:top] if _readable(user, one)]


def _rows_unordered(documents: list[Found], user: Caller, top: int) -> list[str]:
    kept = set(_rows(documents, user, top))
    return [one.id for one in documents if one.id in kept]


def _rows_worst(documents: list[Found], user: Caller, top: int) -> list[str]:
    return [one.id for one in _best([one for one in documents if _readable(user, one)])[::-1][:top]]


def _rows_first(documents: list[Found], user: Caller, top: int) -> list[str]:
    return [one.id for one in documents if _readable(user, one)][:top]


def _rows_every(documents: list[Found], user: Caller, top: int) -> list[str]:
    return [one.id for one in _best([one for one in documents if _readable(user, one)])]


ROWS_SLIPS: tuple[Slip, ...] = (
    (
        lambda documents, user, top: [one.id for one in _best(documents)[:top]],
        ROWS_ALL,
        "Keep only documents that the caller may read.",
    ),
    (_rows_after, ROWS_AFTER, "Filter first, then sort, then take the first `top`."),
    (
        lambda documents, user, top: _rows(documents, user, top, guidance=False),
        ROWS_GUIDANCE,
        "Keep documents with `one.person == ''`, too.",
    ),
    (
        lambda documents, user, top: _rows(documents, user, top, care=False),
        ROWS_CARE,
        "Keep documents with `one.person in user.in_care`, too.",
    ),
    (_rows_every, ROWS_COUNT, "Cut the list with `[:top]`."),
    (_rows_unordered, ROWS_ORDER, "Sort by `one.score`, `reverse=True`."),
    (_rows_worst, ROWS_ORDER, "Sort by `one.score`, `reverse=True`."),
    (_rows_first, ROWS_OTHER, "Sort before you cut: `[:top]` is the last step."),
)


def _telling_rows() -> list[tuple[Any, ...]]:
    return telling_cases(found_documents, _rows, ROWS_SLIPS)


@lab.task(
    prompt="Choose the documents that the model is shown: the best of those that the caller may read.",
    hints=(
        "In which order: rank and then filter, or filter and then rank? Think of a question on which the "
        "best matches are all about other people.",
        "Readable is what is about nobody (`one.person == ''`), about the caller (`one.person == "
        "user.person`), or about somebody in care (`one.person in user.in_care`).",
        "`mine = [one for one in documents if ...]`, then `sorted(mine, key=lambda one: one.score, "
        "reverse=True)[:top]`, and return the `id` of each.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, "usual slip") for slip, message, _ in ROWS_SLIPS),
        KnownWrong(lambda documents, user, top: [], ROWS_OTHER, "shows nothing"),
        KnownWrong(lambda documents, user, top: documents[:top], ROWS_KIND, "returns documents"),
    ),
    solution=_rows,
)
def rows_to_show(value: Any) -> CheckResult:
    """Judge the identifiers chosen on documents of which the best are always about others."""
    cases = _telling_rows()
    answers = [attempt(value, *case) for case in cases]
    for answer in answers:
        if type(answer) not in (list, tuple) or not all(isinstance(one, str) for one in answer):
            return incorrect(ROWS_KIND, "Return `[one.id for one in ...]`.")
    wanted = [_rows(*case) for case in cases]
    if [list(answer) for answer in answers] == wanted:
        return correct("What the caller may not read never comes near the model, and no place is lost to it.")
    return explained(
        answers,
        cases,
        ROWS_SLIPS,
        incorrect(ROWS_OTHER, "Filter first, then sort, then take the first `top`."),
    )


# ------------------------------------------------------------------------------------------ 4 · a held call

HELD_KIND = "the answer is True (approve) or False."
HELD_ALWAYS = "calls that are to be approved and calls that are not get the same answer."
HELD_ADVICE = {
    "said": ("a call is denied of which the user said every value.", "Look for each value in `said`."),
    "said quietly": (
        "a call is denied because the user wrote in small letters.",
        "Compare both in small letters: `.lower()`.",
    ),
    "read": (
        "a call is approved whose values stand only in what the assistant read: somebody else's words.",
        "Look in `said` alone.",
    ),
    "half": (
        "a call is approved of which the user said one value only; the other was exchanged on the way.",
        "Every value has to be there: `all(...)`.",
    ),
    "part of a word": (
        "an amount counts as said where it is only part of a longer one.",
        "Compare whole words: `value.lower() in said.lower().split()`.",
    ),
    "own": (
        "somebody approves what their own assistant asked for; that takes a second pair of eyes.",
        "Ask for `by != call.asked_by`.",
    ),
    "too late": ("a call is approved after it has expired.", "Ask for `now < call.expires`."),
    "just too late": (
        "a call is approved in the very minute from which it can no longer be decided.",
        "`now < call.expires`, not `<=`.",
    ),
}


def _approve(call: HeldCall, said: str, read: str, by: str, now: int) -> bool:
    words = said.lower().split()
    return by != call.asked_by and now < call.expires and all(value.lower() in words for value in call.values)


def _approve_by(
    values: Callable[[HeldCall, str, str], bool] | None = None,
    eyes: bool = True,
    time: Callable[[int, int], bool] = lambda now, expires: now < expires,
) -> Callable[..., bool]:
    def judge(call: HeldCall, said: str, read: str, by: str, now: int) -> bool:
        known = values or (lambda call, said, read: _approve(call, said, read, "nobody", -1))
        return known(call, said, read) and (by != call.asked_by or not eyes) and time(now, call.expires)

    return judge


def _words_of(text: str) -> list[str]:
    return text.lower().split()


@lab.task(
    prompt="Decide whether a held call is approved: the user's own words, a second pair of eyes, in time.",
    hints=(
        "The one question that the machine could not answer: did the USER want this, with these values? What "
        "the assistant read was written by others.",
        "Three conditions: `by != call.asked_by`, `now < call.expires`, and each of `call.values` stands in "
        "`said` as a whole word, in any capitals.",
        "`words = said.lower().split()`, then `by != call.asked_by and now < call.expires and "
        "all(value.lower() in words for value in call.values)`.",
    ),
    known_wrong=(
        KnownWrong(
            _approve_by(
                lambda call, said, read: all(v.lower() in _words_of(said + " " + read) for v in call.values)
            ),
            HELD_ADVICE["read"][0],
            "counts what was read",
        ),
        KnownWrong(
            _approve_by(lambda call, said, read: any(v.lower() in _words_of(said) for v in call.values)),
            HELD_ADVICE["half"][0],
            "is content with one value",
        ),
        KnownWrong(
            _approve_by(lambda call, said, read: all(v.lower() in said.lower() for v in call.values)),
            HELD_ADVICE["part of a word"][0],
            "looks for letters",
        ),
        KnownWrong(
            _approve_by(lambda call, said, read: all(v in said.split() for v in call.values)),
            HELD_ADVICE["said quietly"][0],
            "minds capitals",
        ),
        KnownWrong(_approve_by(eyes=False), HELD_ADVICE["own"][0], "lets the asker decide"),
        KnownWrong(_approve_by(time=lambda now, expires: True), HELD_ADVICE["too late"][0], "has no clock"),
        KnownWrong(
            _approve_by(time=lambda now, expires: now <= expires),
            HELD_ADVICE["just too late"][0],
            "is a minute late",
        ),
        KnownWrong(lambda call, said, read, by, now: True, HELD_ALWAYS, "approves all"),
        KnownWrong(lambda call, said, read, by, now: False, HELD_ALWAYS, "denies all"),
        KnownWrong(lambda call, said, read, by, now: "approve", HELD_KIND, "answers with a word"),
    ),
    solution=_approve,
)
def approve(value: Any) -> CheckResult:
    """Judge the decisions on held calls of every kind."""
    rng = fresh()
    wrong, given = set(), set()
    for kind in rng.permutation([*HELD] * 4).tolist():
        case = held_call(rng, kind)
        answer = attempt(value, *case)
        if not isinstance(answer, bool | np.bool_):
            return incorrect(HELD_KIND, "Join the conditions with `and`.")
        given.add(bool(answer))
        if bool(answer) != _approve(*case):
            wrong.add(kind)
    if not wrong:
        return correct("What happens was wanted by the user, and seen by somebody else, in time.")
    if len(given) == 1:
        return incorrect(HELD_ALWAYS, "Look at the second hint.")
    return incorrect(*HELD_ADVICE[next(kind for kind in ORDER_OF_HELD if kind in wrong)])


ORDER_OF_HELD = (
    "read", "half", "part of a word", "own", "too late", "just too late", "said quietly", "said",
)  # fmt: skip

# ------------------------------------------------------------------------------- 5 · a rate of attack success

RATE_KIND = "two things are asked for: a dictionary family -> rate or None, and the name of the worst family."
RATE_ALL = "cases of which nothing was learnt count as resisted: the rate looks better than what you know."
RATE_RUNS = "this counts repeats; asked for is the share of cases that succeeded at least once."
RATE_FIRST = "a case succeeded if it did in ANY repeat; an attacker tries again."
RATE_EVERY = "a case succeeded if it did in any repeat; here it has to in every one."
RATE_ZERO = "a family of which nothing was learnt has no rate: None, not 0. Unassessed is not safe."
RATE_ONE = "a family of which nothing was learnt has no rate: None, not 1. Unassessed is not broken either."
RATE_MISSING = "every family is to be in the answer, with None where nothing was learnt."
RATE_WORST = "the worst family is the one with the highest rate."
RATE_OTHER = "these are not the rates of cases that succeeded, among those that were assessed."


def _cases_of(lines: list[dict[str, str]]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for line in lines:
        found.setdefault(line["family"], {}).setdefault(line["case"], []).append(line["outcome"])
    return found


def _rates_by(
    assessed: Callable[[list[str]], bool] = lambda seen: set(seen) != {"unassessed"},
    hit: Callable[[list[str]], bool] = lambda seen: "succeeded" in seen,
    empty: float | None = None,
) -> Callable[..., Any]:
    def rates(lines: list[dict[str, str]]) -> tuple[dict[str, float | None], str]:
        found = {}
        for family, cases in _cases_of(lines).items():
            known = [seen for seen in cases.values() if assessed(seen)]
            found[family] = sum(map(hit, known)) / len(known) if known else empty
        return found, max(found, key=lambda family: -1 if found[family] is None else found[family])

    return rates


_rates = _rates_by()


def _rates_of_runs(lines: list[dict[str, str]]) -> tuple[dict[str, float | None], str]:
    found: dict[str, float | None] = {}
    for family, cases in _cases_of(lines).items():
        seen = [word for words in cases.values() for word in words if word != "unassessed"]
        found[family] = seen.count("succeeded") / len(seen) if seen else None
    return found, max(found, key=lambda family: found[family] or 0)


def _every(seen: list[str]) -> bool:
    return set(seen) - {"unassessed"} == {"succeeded"}


def _first(seen: list[str]) -> bool:
    return next(word for word in seen if word != "unassessed") == "succeeded"


RATE_SLIPS: tuple[Slip, ...] = (
    (
        _rates_by(assessed=lambda seen: True),
        RATE_ALL,
        "Leave out cases in which every repeat is `unassessed`.",
    ),
    (_rates_of_runs, RATE_RUNS, "Group by `case` first: a case counts once."),
    (_rates_by(hit=_first), RATE_FIRST, "Ask whether `'succeeded'` is among the outcomes of the case."),
    (_rates_by(hit=_every), RATE_EVERY, "Ask whether `'succeeded'` is among the outcomes of the case."),
    (_rates_by(empty=0.0), RATE_ZERO, "Give `None` where no case of the family was assessed."),
    (_rates_by(empty=1.0), RATE_ONE, "Give `None` where no case of the family was assessed."),
)


def _pair(answer: Any) -> tuple[dict[str, float | None], str] | None:
    if type(answer) not in (tuple, list) or len(answer) != 2 or not isinstance(answer[0], dict):
        return None
    rates, worst = answer
    plain = all(isinstance(name, str) and (rate is None or is_number(rate)) for name, rate in rates.items())
    return (rates, worst) if plain and isinstance(worst, str) else None


@lab.task(
    prompt="Say how often attacks of each family succeed, over what was assessed, and which is worst.",
    hints=(
        "Three kinds of outcome, and repeats: make of all lines of a case ONE outcome, then count cases.",
        "A case is assessed if any repeat is not `unassessed`, and a hit if any repeat is `succeeded`. The "
        "rate of a family is hits divided by assessed cases, `None` where there are none.",
        "Collect outcomes in `cases[family][case]`; `known = [seen for seen in cases[family].values() if "
        "set(seen) != {'unassessed'}]`; the rate is `sum('succeeded' in seen for seen in known) / "
        "len(known)` if there are any. The worst: `max` over the families that have a rate.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, "usual slip") for slip, message, _ in RATE_SLIPS),
        KnownWrong(
            lambda lines: (
                {name: rate for name, rate in _rates(lines)[0].items() if rate is not None},
                "e-mail",
            ),
            RATE_MISSING,
            "leaves families out",
        ),
        KnownWrong(lambda lines: (_rates(lines)[0], "none"), RATE_WORST, "names no family"),
        KnownWrong(lambda lines: _rates(lines)[0], RATE_KIND, "returns the rates alone"),
        KnownWrong(
            lambda lines: (dict.fromkeys(_cases_of(lines), 0.5), _rates(lines)[1]), RATE_OTHER, "a constant"
        ),
    ),
    solution=_rates,
)
def success_rates(value: Any) -> CheckResult:
    """Judge the rates on outcomes in which every slip shows."""
    cases = telling_cases(lambda rng: (outcomes(rng),), _rates, RATE_SLIPS)
    answers = [attempt(value, *case) for case in cases]
    for answer, (lines,) in zip(answers, cases, strict=True):
        if _pair(answer) is None:
            return incorrect(RATE_KIND, "Return `rates, worst`.")
        if set(answer[0]) != set(_cases_of(lines)):
            return incorrect(RATE_MISSING, "Begin with every family of `lines`.")
    wanted = [_rates(*case) for case in cases]
    if all(_same_rates(answer[0], right[0]) for answer, right in zip(answers, wanted, strict=True)):
        if all(answer[1] == right[1] for answer, right in zip(answers, wanted, strict=True)):
            return correct("Over what was assessed, once for each case, and the worst first.")
        return incorrect(RATE_WORST, "`max` over the families that have a rate.")
    plain = [(answer[0], _rates(*case)[1]) for answer, case in zip(answers, cases, strict=True)]
    return explained(
        [answer[0] for answer in plain],
        cases,
        [(lambda lines, slip=slip: slip(lines)[0], message, step) for slip, message, step in RATE_SLIPS],
        incorrect(RATE_OTHER, "Look at the second hint."),
    )


def _same_rates(given: dict[str, float | None], right: dict[str, float | None]) -> bool:
    return all(
        (given[name] is None) == (rate is None) and (rate is None or abs(given[name] - rate) < 1e-9)
        for name, rate in right.items()
    )
