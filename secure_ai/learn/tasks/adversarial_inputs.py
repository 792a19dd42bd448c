"""The tasks of chapter 10: an attacker's rules, valid pictures, honest success, who looks, which reasons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.evasion import Constraints
from secure_ai.core.errors import UserError
from secure_ai.learn.adversarial_bills import MONTH_HOURS, MOST_SHEETS, UNITS, bill_changes
from secure_ai.learn.adversarial_cases import (
    attacked_cases,
    findings,
    picture_pairs,
    sure_answers,
)
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same
from secure_ai.learn.slips import Slip, explained, telling_cases

lab = Lab("10_adversarial_inputs", title="Adversarial inputs")
progress = lab.progress

# ------------------------------------------------------------------- 1 · what the other side can change

BILL_KIND = "constraints are asked for: `Constraints(...)`."
BILL_COLUMN = "a rule names a column that the bills do not have."
BILL_BOOKS = "the agency may change what comes from our own books or from the contract."
BILL_AMOUNT = "the amount need not be `hours * rate`, although our own system computes it."
BILL_AMOUNT_FIXED = "the hours cannot change at all, because the amount may not follow them."
BILL_RANGE = "more or less than there can be is allowed."
BILL_WHOLE = "parts of an hour or of a sheet are allowed, which the form does not take."
BILL_NIGHT = "more hours at night than hours in all are allowed."
BILL_SHEETS = "the agency may take back time sheets that it has handed in."
BILL_UNIT = "a unit that does not exist is allowed."
BILL_STRICT = "something is forbidden that an agency can do: the attack would look harder than it is."

_RULES = Constraints(
    immutable=["rate", "years_known", "past_disputes"],
    increasing=["time_sheets"],
    integer=["hours", "night_hours", "time_sheets"],
    ranges={"hours": (1, MONTH_HOURS), "night_hours": (0, None), "time_sheets": (None, MOST_SHEETS)},
    categories={"unit": list(UNITS)},
    formulas=["amount = hours * rate", "night_hours <= hours"],
)
BILL_MESSAGES = {
    BILL_BOOKS: ("another rate", "other years_known", "fewer past_disputes"),
    BILL_AMOUNT: ("a lower amount alone", "a higher amount alone", "other hours alone"),
    BILL_SHEETS: ("fewer time sheets",),
    BILL_NIGHT: ("more hours at night than in all",),
    BILL_UNIT: ("an invented unit",),
    BILL_WHOLE: ("half an hour", "half an hour at night", "half a time sheet"),
    BILL_RANGE: ("too many hours", "no hours", "fewer hours at night than none", "too many time sheets"),
}
BILL_NEXT = {
    BILL_BOOKS: "Name the column under `immutable`. What was let through: ",
    BILL_AMOUNT: "Write it as a formula, with one equals sign. What was let through: ",
    BILL_SHEETS: "Name the column under `increasing`. What was let through: ",
    BILL_NIGHT: "Write it as a formula: `night_hours <= hours`. What was let through: ",
    BILL_UNIT: "List the four units under `categories`. What was let through: ",
    BILL_WHOLE: "Name the column under `integer`. What was let through: ",
    BILL_RANGE: "Give the column under `ranges`, as (least, most). What was let through: ",
}


@lab.task(
    prompt="Declare what an agency can change about its bill, and what it cannot.",
    hints=(
        "Go through the list column by column: who writes it? Where it is our own system, is it fixed, or "
        "computed from something that the agency writes? A column can stand under several rules.",
        '`immutable=["rate", ...]` for what stays, `formulas=["amount = ...", "night_hours <= ..."]` for '
        'what follows, `ranges={"hours": (1, 744), ...}`, `categories={"unit": [...]}`. `amount` is not '
        "immutable: it changes with the hours.",
        '`Constraints(immutable=["rate", "years_known", "past_disputes"], increasing=["time_sheets"], '
        'integer=["hours", "night_hours", "time_sheets"], ranges={"hours": (1, 744), '
        '"night_hours": (0, None), "time_sheets": (None, 60)}, '
        'categories={"unit": ["north", "south", "east", "west"]}, '
        'formulas=["amount = hours * rate", "night_hours <= hours"])`',
    ),
    known_wrong=(
        KnownWrong(Constraints(), BILL_BOOKS, "declares nothing"),
        KnownWrong(replace(_RULES, immutable=["rate", "years_known"]), BILL_BOOKS, "forgets one of ours"),
        KnownWrong(replace(_RULES, formulas=["night_hours <= hours"]), BILL_AMOUNT, "forgets the amount"),
        KnownWrong(
            replace(_RULES, formulas=["amount >= hours * rate", "night_hours <= hours"]),
            BILL_AMOUNT,
            "ties it on one side",
        ),
        KnownWrong(
            replace(_RULES, immutable=[*_RULES.immutable, "amount"]), BILL_AMOUNT_FIXED, "freezes the amount"
        ),
        KnownWrong(replace(_RULES, formulas=["amount = hours * rate"]), BILL_NIGHT, "forgets the nights"),
        KnownWrong(replace(_RULES, increasing=()), BILL_SHEETS, "lets sheets be taken back"),
        KnownWrong(replace(_RULES, immutable=[*_RULES.immutable, "unit"]), BILL_STRICT, "freezes the unit"),
        KnownWrong(replace(_RULES, increasing=["time_sheets", "hours"]), BILL_STRICT, "lets hours only rise"),
        KnownWrong(
            replace(_RULES, ranges={**_RULES.ranges, "hours": (1, 700)}), BILL_STRICT, "cuts the hours short"
        ),
        KnownWrong(replace(_RULES, integer=["hours", "time_sheets"]), BILL_WHOLE, "forgets half a night"),
        KnownWrong(replace(_RULES, ranges={}), BILL_RANGE, "gives no ranges"),
        KnownWrong(
            replace(_RULES, ranges={**_RULES.ranges, "hours": (0, MONTH_HOURS)}), BILL_RANGE, "bills no hour"
        ),
        KnownWrong(replace(_RULES, categories={}), BILL_UNIT, "lists no units"),
        KnownWrong(replace(_RULES, immutable=["price"]), BILL_COLUMN, "invents a column"),
        KnownWrong({"immutable": ["rate"]}, BILL_KIND, "gives a dictionary"),
    ),
    solution=_RULES,
)
def bill_rules(value) -> CheckResult:
    if type(value) is not Constraints:
        return incorrect(BILL_KIND, "Write the rules between the round brackets of `Constraints`.")
    changes = bill_changes(fresh())
    try:
        broken = set(value.violations(changes.before, changes.after)["row"])
    except UserError as error:
        return incorrect(BILL_COLUMN, str(error))
    judged = list(zip(range(len(changes.kinds)), changes.kinds, changes.possible, strict=True))
    let_through = [kind for row, kind, possible in judged if not possible and row not in broken]
    refused = [kind for row, kind, possible in judged if possible and row in broken]
    if "amount" in value.immutable and "more hours" in refused:
        return incorrect(BILL_AMOUNT_FIXED, "Tie it to the hours by a formula instead.")
    for message, kinds in BILL_MESSAGES.items():
        found = [kind for kind in kinds if kind in let_through]
        if found:
            return incorrect(message, f"{BILL_NEXT[message]}{found[0]}.")
    if refused:
        return incorrect(BILL_STRICT, f"Look at your rules again. What was refused: {refused[0]}.")
    return correct("What an agency can do is allowed, and every change that it cannot make is caught.")


# ------------------------------------------------------------------------- 2 · which pictures count

COUNTS_KIND = "True or False is asked for."
COUNTS_ALL = "every picture counts, whatever was done to it."
COUNTS_NONE = "no picture counts, not even one that was hardly changed."
COUNTS_WRAP = "bytes were subtracted as bytes: 9 minus 10 is 255 there, and 250 to 5 looks like a small step."
COUNTS_SHAPE = "a picture counts of which only one row is there."
COUNTS_NUMBER = "a picture counts in which a pixel is no number."
COUNTS_RANGE = "a picture counts with a pixel darker than 0 or brighter than 255."
COUNTS_WHOLE = "a picture counts that no file can hold: its grey levels are not whole."
COUNTS_MEAN = "one pixel was changed by far too much, and the picture counts."
COUNTS_SIGN = "pixels that became darker are not looked at."
COUNTS_LIMIT = "a change of exactly `most` grey levels is allowed."
COUNTS_STRICT = "a picture is refused that can be stored, and is within the limit."


def _counts(
    before: np.ndarray, after: np.ndarray, most: int, *, less: Sequence[str] = (), how: str = "max"
) -> bool:
    """Return the right answer, or the one of somebody who leaves out a part of it."""
    if "shape" not in less and before.shape != after.shape:
        return False
    if "number" not in less and np.isnan(after).any():
        return False
    after = np.where(np.isnan(after), before, after).astype(float)
    if "whole" not in less and (after != np.round(after)).any():
        return False
    if "range" not in less and ((after < 0).any() or (after > 255).any()):
        return False
    change = after - before
    size = {
        "max": lambda: np.abs(change).max(),
        "mean": lambda: np.abs(change).mean(),
        "up": change.max,
        "below": lambda: np.abs(change).max() + 1e-6,
    }[how]()
    return bool(size <= most)


def _counts_bytes(before: np.ndarray, after: np.ndarray, most: int) -> bool:
    return _counts(before, after, most, how="mean") and bool(np.abs(after - before).max() <= most)


@lab.task(
    prompt="Tell the changed pictures that count from those that no file can hold or that change too much.",
    hints=(
        "Four questions: has it the shape of the other? Is every pixel a whole number from 0 to 255? How "
        "much is the pixel changed that is changed most? In which kind of number are you subtracting?",
        "Bytes have no minus sign: make numbers of both first, `after = after.astype(float)`, and `before` "
        "too. A pixel that is no number is not equal to its rounded self.",
        "`if before.shape != after.shape: return False`, then `whole = (after == np.round(after)).all()`, "
        "`in_range = ((after >= 0) & (after <= 255)).all()`, and `np.abs(after - before).max() <= most`.",
    ),
    known_wrong=(
        KnownWrong(_counts_bytes, COUNTS_WRAP, "subtracts bytes"),
        KnownWrong(partial(_counts, less=("whole",)), COUNTS_WHOLE, "keeps parts of a grey level"),
        KnownWrong(partial(_counts, less=("range",)), COUNTS_RANGE, "forgets the range"),
        KnownWrong(partial(_counts, less=("number",)), COUNTS_NUMBER, "lets what is no number through"),
        KnownWrong(partial(_counts, less=("shape",)), COUNTS_SHAPE, "lets NumPy fit the shapes"),
        KnownWrong(partial(_counts, how="mean"), COUNTS_MEAN, "takes the mean change"),
        KnownWrong(partial(_counts, how="up"), COUNTS_SIGN, "forgets the sign"),
        KnownWrong(partial(_counts, how="below"), COUNTS_LIMIT, "asks for less than the limit"),
        KnownWrong(lambda before, after, most: True, COUNTS_ALL, "lets everything count"),
        KnownWrong(lambda before, after, most: False, COUNTS_NONE, "lets nothing count"),
        KnownWrong(lambda before, after, most: after, COUNTS_KIND, "returns the picture"),
    ),
    solution=_counts,
)
def picture_counts(value) -> CheckResult:
    pairs = picture_pairs(fresh())
    answers = [attempt(value, pair.before, pair.after, pair.most) for pair in pairs]
    if not all(isinstance(answer, bool | np.bool_) for answer in answers):
        return incorrect(COUNTS_KIND, "Join the conditions with `and`; `.all()` makes one of many.")
    told = [bool(answer) for answer in answers]
    if len(set(told)) == 1:
        return incorrect(COUNTS_ALL if told[0] else COUNTS_NONE, "Ask one question after the other.")
    wrong = {pair.kind for pair, answer in zip(pairs, told, strict=True) if answer is not pair.counts}
    if not wrong:
        return correct("Only pictures count that a file can hold, and that changed nowhere by more.")
    for kind, message, next_step in (
        ("wraps round", COUNTS_WRAP, "Before you subtract: `before.astype(float)`, and `after` too."),
        ("one row only", COUNTS_SHAPE, "Compare `before.shape` with `after.shape` first."),
        ("no number", COUNTS_NUMBER, "`np.isnan(after).any()` finds it; so does comparing with `np.round`."),
        ("out of range", COUNTS_RANGE, "All pixels are from 0 to 255, at both ends."),
        ("no whole levels", COUNTS_WHOLE, "Compare `after` with `np.round(after)`."),
    ):
        if kind in wrong and not (kind == "wraps round" and "one pixel, far down" in wrong):
            return incorrect(message, next_step)
    if "lowered, bytes" in wrong and "lowered, floats" not in wrong:
        return incorrect(COUNTS_WRAP, "Before you subtract: `before.astype(float)`, and `after` too.")
    if "one pixel, far up" in wrong:
        return incorrect(COUNTS_MEAN, "The pixel counts that is changed most: `.max()`.")
    if "one pixel, far down" in wrong:
        return incorrect(COUNTS_SIGN, "Take `np.abs(...)` of the change.")
    if wrong == {"at the limit"}:
        return incorrect(COUNTS_LIMIT, "Compare with `<=`.")
    return incorrect(COUNTS_STRICT, "Print what each of your conditions says about a picture.")


# --------------------------------------------------------------------------------- 3 · honest success

SUCCESS_KIND = "four numbers are asked for: cases, success, baseline, control."
SUCCESS_PERCENT = "shares from 0 to 1 are asked for, not percent."
SUCCESS_NUMBERS = "shares are asked for, not numbers of cases."
SUCCESS_WRONG_BEFORE = "cases are counted in which the model was wrong before anybody attacked."
SUCCESS_GOAL_BEFORE = "cases are counted that had the wanted answer from the start."
SUCCESS_INVALID = "changes count as a success that nobody can make."
SUCCESS_DROPPED = "cases with an impossible change were dropped: an attack that failed is a case, too."
SUCCESS_ANY = "any other answer counts as a success; the attacker wants one of them."
SUCCESS_BASELINE = "baseline or control is taken over other cases than the success."
SUCCESS_GAIN = "the baseline was taken off the success; show both, one beside the other."
SUCCESS_OTHER = "these are not the four figures."


def _arrays(table: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in table}


def _success(
    table: pd.DataFrame | dict[str, np.ndarray],
    goal: str,
    *,
    less: Sequence[str] = (),
    by: str = "",
) -> tuple[float, ...]:
    """Return the right answer, or the one of somebody who leaves out a part of it."""
    of = table if isinstance(table, dict) else _arrays(table)
    kept = np.ones(len(of["truth"]), dtype=bool)
    if "truth" not in less:
        kept &= of["truth"] == of["before"]
    if "goal" not in less:
        kept &= of["before"] != goal
    if by == "dropped":
        kept &= of["valid"]
    won = of["after"] != of["before"] if by == "any" else of["after"] == goal
    if "valid" not in less:
        won = won & of["valid"]
    beside = slice(None) if by == "beside" else kept
    size = int(kept.sum())
    shares = (float(won[kept].mean()), *(float((of[n][beside] == goal).mean()) for n in ("random", "again")))
    if by == "gain":
        shares = (shares[0] - shares[1], *shares[1:])
    factor = {"percent": 100.0, "numbers": float(size)}.get(by, 1.0)
    return (size, *(factor * share for share in shares))


_PERCENT = partial(_success, by="percent")
SUCCESS_SLIPS: tuple[Slip, ...] = (
    (_PERCENT, SUCCESS_PERCENT, "Leave out `100 *`."),
    (partial(_success, by="numbers"), SUCCESS_NUMBERS, "Divide by the number of cases, or take `.mean()`."),
    (
        partial(_success, less=("truth",)),
        SUCCESS_WRONG_BEFORE,
        'Keep the cases with `table["truth"] == table["before"]`.',
    ),
    (
        partial(_success, less=("goal",)),
        SUCCESS_GOAL_BEFORE,
        'Keep the cases with `table["before"] != goal`.',
    ),
    (
        partial(_success, less=("truth", "goal")),
        SUCCESS_WRONG_BEFORE,
        'Keep the cases with `table["truth"] == table["before"]` and `table["before"] != goal`.',
    ),
    (partial(_success, less=("valid",)), SUCCESS_INVALID, 'A success needs `cases["valid"]` as well.'),
    (
        partial(_success, less=("truth", "valid")),
        SUCCESS_WRONG_BEFORE,
        'Keep the cases with `table["truth"] == table["before"]`.',
    ),
    (
        partial(_success, less=("truth", "goal", "valid")),
        SUCCESS_WRONG_BEFORE,
        'Keep the cases with `table["truth"] == table["before"]` and `table["before"] != goal`.',
    ),
    (partial(_success, by="dropped"), SUCCESS_DROPPED, "Keep them, and count them as failed."),
    (partial(_success, by="any"), SUCCESS_ANY, 'Compare `cases["after"]` with `goal`.'),
    (partial(_success, by="beside"), SUCCESS_BASELINE, "Take all three over the same cases."),
    (partial(_success, by="gain"), SUCCESS_GAIN, "Give the success as it is."),
)


def _four(answer: object) -> tuple[float, ...] | None:
    if isinstance(answer, pd.Series | np.ndarray):
        answer = answer.tolist()
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        return None
    if not all(isinstance(x, int | float | np.number) and not isinstance(x, bool) for x in answer):
        return None
    return tuple(float(x) for x in answer)


@lab.task(
    prompt="Judge an attack honestly: return cases, success, baseline and control.",
    hints=(
        "First choose the cases that can count at all: the model was right before, and the attacker had "
        "something to gain. Then judge all three attacks over these same cases.",
        '`cases = table[(table["truth"] == table["before"]) & (table["before"] != goal)]`. A success is a '
        "case whose answer is the goal **and** whose change is valid; the others failed, and stay in.",
        '`success = ((cases["after"] == goal) & cases["valid"]).mean()`, then `(cases["random"] == '
        'goal).mean()` and `(cases["again"] == goal).mean()`. '
        "`return len(cases), success, baseline, control`",
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in SUCCESS_SLIPS),
        KnownWrong(lambda table, goal: _success(table, goal)[1], SUCCESS_KIND, "returns the success alone"),
        KnownWrong(
            lambda table, goal: tuple(reversed(_success(table, goal))), SUCCESS_OTHER, "in another order"
        ),
    ),
    solution=_success,
)
def attack_success(value) -> CheckResult:
    if _four(attempt(value, *attacked_cases(fresh()))) is None:
        return incorrect(SUCCESS_KIND, "`return len(cases), success, baseline, control`")
    # A dozen slips look at each table: taken apart once, it takes a tenth of the time.
    cases = telling_cases(lambda rng: _first(_arrays, attacked_cases(rng)), _success, SUCCESS_SLIPS)
    answers = [_four(attempt(value, *_first(pd.DataFrame, case))) for case in cases]
    if any(answer is None for answer in answers):
        return incorrect(SUCCESS_KIND, "`return len(cases), success, baseline, control`")
    if same(answers, [_floats(_success(*case)) for case in cases]):
        return correct("One figure beside two others: what the attack adds to chance can now be seen.")
    otherwise = incorrect(SUCCESS_OTHER, "Go through five cases by hand: which count, and which succeed?")
    slips = [(_then_floats(slip), message, step) for slip, message, step in SUCCESS_SLIPS]
    return explained(answers, cases, slips, otherwise)


def _first(change: Callable[[Any], Any], case: Sequence[Any]) -> tuple[Any, ...]:
    """Return a case with its table in another form."""
    return (change(case[0]), *case[1:])


def _floats(answer: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(x) for x in answer)


def _then_floats(slip: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *case: _floats(slip(*case))


# ------------------------------------------------------------------------------ 4 · where a person looks

LOOK_KIND = "one number is asked for."
LOOK_MANY = "more cases go to people than they can look at; what they cannot do is decided unseen."
LOOK_FEW = "people have time for more cases than they get."
LOOK_NOBODY = "nobody looks at any case."
LOOK_DAYS = "the cases of several days go to the people of one day."
LOOK_HOURS = "a person has six hours a day for this, not twenty-four and not eight."
LOOK_PEOPLE = "the time of one person is counted, not that of all of them."
LOOK_SUREST = "the number was taken from the end where the model is surest, which is not where attacks land."
LOOK_ALL = "cases were counted that do not get the wanted answer and that nobody needs to look at."
LOOK_LAST = "the last case that people have time for is not among those that they see."


def _reviewed(sure: float, chances: np.ndarray, border: float) -> int:
    return int(((chances >= border) & (chances < sure)).sum())


def _sure_from(
    chances: np.ndarray, border: float, days: int, people: int, minutes: int, *, slip: str = ""
) -> float:
    """Return the right answer, or the one of somebody who makes a slip."""
    hours = {"day": 24, "eight": 8}.get(slip, 6)
    can = (1 if slip == "people" else people) * hours * 60 * (1 if slip == "days" else days) // minutes
    kept = np.sort(chances if slip == "all" else chances[chances >= border])
    if slip == "surest":
        return float(kept[-can - 1]) if can < len(kept) else border
    if slip == "last":
        # The border as somebody sets it who stops one level of the model's answers too early.
        return float(kept[kept < _sure_from(chances, border, days, people, minutes)].max(initial=border))
    return float(kept[can]) if can < len(kept) else math.inf


LOOK_SLIPS: tuple[tuple[str, str, str], ...] = (
    ("days", LOOK_DAYS, "Multiply by `days`: `chances` holds the cases of all of them."),
    ("day", LOOK_HOURS, "`people * 6 * 60 * days // minutes` cases can be looked at."),
    ("eight", LOOK_HOURS, "`people * 6 * 60 * days // minutes` cases can be looked at."),
    ("people", LOOK_PEOPLE, "Multiply by `people`."),
    ("surest", LOOK_SUREST, "Sort from the border upward; the cases just above it go first."),
    ("all", LOOK_ALL, "Keep `chances[chances >= border]` only."),
    ("last", LOOK_LAST, "The case at place `can` is the first that nobody looks at."),
)


@lab.task(
    prompt="Return the chance from which on nobody looks: people see as many cases as they have time for.",
    hints=(
        "How many cases can they look at in all these days? Then sort the cases that got the wanted answer: "
        "those nearest the border come first.",
        "`can = people * 6 * 60 * days // minutes`. `kept = np.sort(chances[chances >= border])`. A person "
        "sees the cases from `kept[0]` to the one before `kept[can]`.",
        "`return kept[can] if can < len(kept) else np.inf`. Several cases with the same chance stay "
        "together: either all of them are seen or none, and it is never more than there is time for.",
    ),
    known_wrong=(
        *(KnownWrong(partial(_sure_from, slip=slip), message) for slip, message, _ in LOOK_SLIPS),
        KnownWrong(
            lambda chances, border, days, people, minutes: border, LOOK_NOBODY, "gives the border itself"
        ),
        KnownWrong(lambda *case: 2.0, LOOK_MANY, "lets people see everything"),
        KnownWrong(lambda *case: [_sure_from(*case)], LOOK_KIND, "returns a list"),
        KnownWrong(lambda *case: float("nan"), LOOK_KIND, "returns no number"),
    ),
    solution=_sure_from,
)
def sure_from(value) -> CheckResult:
    cases = telling_cases(
        sure_answers,
        _then_seen(_sure_from),
        [
            *(
                (_then_seen(partial(_sure_from, slip=slip)), message, step)
                for slip, message, step in LOOK_SLIPS
            ),
            (_then_seen(lambda *case: math.inf), LOOK_MANY, ""),
        ],
    )
    few, border, days, people, minutes = sure_answers(fresh())
    cases.append((few[: people * 360 * days // minutes], border, days, people, minutes))
    answers = [attempt(value, *case) for case in cases]
    if not all(_is_number(answer) for answer in answers):
        return incorrect(LOOK_KIND, "Return a chance, such as `kept[can]`.")
    seen = [_reviewed(float(a), case[0], case[1]) for a, case in zip(answers, cases, strict=True)]
    wanted = [_reviewed(_sure_from(*case), case[0], case[1]) for case in cases]
    if seen == wanted:
        return correct("People get what they have time for, and it is what lies nearest the border.")
    if not any(seen):
        return incorrect(LOOK_NOBODY, "A case is seen if `border <= chance < yours`.")
    for slip, message, next_step in LOOK_SLIPS:
        theirs = [_reviewed(_sure_from(*case, slip=slip), case[0], case[1]) for case in cases]
        if seen == theirs:
            return incorrect(message, next_step)
    if any(a > b for a, b in zip(seen, wanted, strict=True)):
        return incorrect(LOOK_MANY, "Count: how many cases lie from the border to your number?")
    return incorrect(LOOK_FEW, "Count: how many cases lie from the border to your number?")


def _then_seen(answer: Callable[..., float]) -> Callable[..., int]:
    return lambda *case: _reviewed(answer(*case), case[0], case[1])


def _is_number(answer: object) -> bool:
    if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.number):
        return False
    return not math.isnan(float(answer))


# ------------------------------------------------------------------------------------- 5 · the reasons

REASON_KIND = "a list of texts is asked for, from the column `words`."
REASON_KIND_NEXT = 'End with `list(...["words"])`, and with `[]` where no letter goes out.'
REASON_FEATURES = "names of columns were returned; the reader understands the words."
REASON_CHANCE = "a reason is named that is within chance: on another day it would not be there."
REASON_FAVOR = "something is named that spoke for the person."
REASON_ORDER = "the strongest reason does not come first."
REASON_RATIO = "the reasons are sorted by how certain they are, not by how much they counted."
REASON_MANY = "there are more reasons than asked for: among many, nobody sees the principal ones."
REASON_CUT = "the list was cut before what is within chance was taken out: a reason is missing."
REASON_BASIS = "a basis is named on which nobody may be refused; with it, no letter may go out at all."
REASON_HIDDEN = "a prohibited basis counted, and was left out of the letter: that hides it and heals nothing."
REASON_TOP = "a prohibited basis counted behind the first reasons, and the letter went out all the same."
REASON_HARMLESS = "the letter was stopped for a prohibited basis that did not speak against the person."
REASON_NONE = "no reason is ever named."
REASON_OTHER = "these are not the reasons."


FINDING_COLUMNS = ["feature", "words", "contribution", "standard_error"]


def _lines(findings: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(*(findings[name].tolist() for name in FINDING_COLUMNS), strict=True))


def _reasons(
    findings: pd.DataFrame | list[tuple[Any, ...]],
    prohibited: list[str],
    most: int,
    *,
    less: Sequence[str] = (),
    by: str = "",
) -> list[str]:
    """Return the right answer, or the one of somebody who leaves out a part of it."""
    rows = _lines(findings) if isinstance(findings, pd.DataFrame) else findings
    size = abs if "favor" in less else float
    found = [row for row in rows if size(row[2]) > 0]
    keys: dict[str, Callable[[Any], float]] = {
        "up": lambda row: size(row[2]),
        "ratio": lambda row: -row[2] / row[3],
        "table": lambda row: 0.0,
    }
    found.sort(key=keys.get(by, lambda row: -size(row[2])))
    if by == "cut":
        found = found[:most]
    if "chance" not in less:
        found = [row for row in found if abs(row[2]) > 2 * row[3]]
    looked_at = {"top": found[:most], "any": rows}.get(by, found)
    if by == "hidden":
        found = [row for row in found if row[0] not in prohibited]
    elif "basis" not in less and any(row[0] in prohibited for row in looked_at):
        return []
    kept = found if "most" in less else found[:most]
    return [row[0] if by == "features" else row[1] for row in kept]


REASON_SLIPS: tuple[Slip, ...] = (
    (lambda *case: [], REASON_NONE, "Only a prohibited basis that counted stops the letter."),
    (partial(_reasons, by="features"), REASON_FEATURES, "Take `row.words`."),
    (partial(_reasons, less=("basis",)), REASON_BASIS, "If a prohibited feature is among them, return `[]`."),
    (partial(_reasons, by="hidden"), REASON_HIDDEN, "Return `[]`, and have the model looked at."),
    (partial(_reasons, by="top"), REASON_TOP, "Look for prohibited bases before you cut the list."),
    (
        partial(_reasons, by="any"),
        REASON_HARMLESS,
        "Look only among what spoke against the person by more than chance.",
    ),
    (
        partial(_reasons, less=("chance",)),
        REASON_CHANCE,
        "Keep a finding if its contribution is above twice its standard error.",
    ),
    (partial(_reasons, less=("favor",)), REASON_FAVOR, "Keep positive contributions only."),
    (
        partial(_reasons, less=("chance", "basis")),
        REASON_CHANCE,
        "Keep a finding if its contribution is above twice its standard error.",
    ),
    (partial(_reasons, by="up"), REASON_ORDER, "Sort by contribution, the largest first."),
    (partial(_reasons, by="table"), REASON_ORDER, "Sort by contribution, the largest first."),
    (partial(_reasons, by="ratio"), REASON_RATIO, "Sort by contribution alone."),
    (partial(_reasons, less=("most",)), REASON_MANY, "Cut the list: `[:most]`."),
    (partial(_reasons, by="cut"), REASON_CUT, "Cut the list last."),
)


@lab.task(
    prompt="Return the principal reasons for a refusal in words, or none where no letter may go out.",
    hints=(
        "Three steps, in this order: what spoke against the person by more than chance? Is a prohibited "
        "basis among it? Which of it counted most?",
        'More than chance: `findings["contribution"] > 2 * findings["standard_error"]`; that takes out what '
        'spoke for the person, too. `against["feature"].isin(prohibited).any()` asks for prohibited bases.',
        '`against = findings[findings["contribution"] > 2 * findings["standard_error"]]`, then '
        '`if against["feature"].isin(prohibited).any(): return []`, then '
        '`return list(against.sort_values("contribution", ascending=False)["words"][:most])`.',
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in REASON_SLIPS),
        KnownWrong(lambda findings, prohibited, most: findings, REASON_KIND, "returns the table"),
        KnownWrong(
            lambda findings, prohibited, most: ["The model decided so."], REASON_OTHER, "hides behind it"
        ),
    ),
    solution=_reasons,
)
def principal_reasons(value) -> CheckResult:
    if _texts(attempt(value, *findings(fresh()))) is None:
        return incorrect(REASON_KIND, REASON_KIND_NEXT)
    cases = telling_cases(lambda rng: _first(_lines, findings(rng)), _reasons, REASON_SLIPS)
    frame = partial(pd.DataFrame, columns=FINDING_COLUMNS)
    answers = [_texts(attempt(value, *_first(frame, case))) for case in cases]
    if any(answer is None for answer in answers):
        return incorrect(
            REASON_KIND, 'End with `list(...["words"])`, and with `[]` where no letter goes out.'
        )
    if not any(answers):
        return incorrect(REASON_NONE, "Only a prohibited basis that counted stops the letter.")
    if same(answers, [_reasons(*case) for case in cases]):
        return correct(
            "The strongest first, nothing within chance, and no letter where a basis is prohibited."
        )
    otherwise = incorrect(REASON_OTHER, "Sort one table of findings by hand, and strike out what is chance.")
    return explained(answers, cases, REASON_SLIPS, otherwise)


def _texts(answer: object) -> list[str] | None:
    if isinstance(answer, pd.Series | np.ndarray | tuple):
        answer = list(answer)
    if not isinstance(answer, list) or not all(isinstance(item, str) for item in answer):
        return None
    return [str(item) for item in answer]
