"""The tasks of chapter 18: within the budget, the worst finding, what to change, and the decision itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secure_ai.learn.capstones.cases import (
    DECISION_ATTACK,
    DECISION_BUDGET,
    DECISION_CHECK,
    DECISION_KIND,
    LEVELS,
    budget_case,
    change_case,
    example_outcome,
    findings_case,
    judge_decision,
)
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, incorrect
from secure_ai.learn.slips import Slip, explained, telling_cases

lab = Lab("18_capstone_hospital", title="Capstone: the hospital")
progress = lab.progress


def _known(slips: tuple[Slip, ...]) -> list[KnownWrong]:
    return [KnownWrong(slip, message, f"slip {place}") for place, (slip, message, _) in enumerate(slips, 1)]


# ------------------------------------------------------------------------------------ 1 · within the budget

BUDGET_KIND = "the answer is True or False."
BUDGET_POINTS = "only the points are counted; the hours of people run out, too."
BUDGET_HOURS = "only the hours are counted; the points run out, too."
BUDGET_TWICE = "a control that stands twice in the list is paid twice."
BUDGET_EXACT = "a choice that costs exactly the budget fits it."
BUDGET_EITHER = "one of the two is enough here; both have to fit."
BUDGET_OTHER = "for some choices this is not what the rule says."


def _sums(chosen: Any, prices: Any) -> tuple[int, int]:
    names = set(chosen)
    return sum(prices[name][0] for name in names), sum(prices[name][1] for name in names)


def _fits(chosen: Any, prices: Any, points: int, hours: int) -> bool:
    spent = _sums(chosen, prices)
    return spent[0] <= points and spent[1] <= hours


def _fits_twice(chosen: Any, prices: Any, points: int, hours: int) -> bool:
    return sum(prices[n][0] for n in chosen) <= points and sum(prices[n][1] for n in chosen) <= hours


BUDGET_SLIPS: tuple[Slip, ...] = (
    (lambda c, p, points, hours: _sums(c, p)[0] <= points, BUDGET_POINTS, "Add up `prices[name][1]`, too."),
    (lambda c, p, points, hours: _sums(c, p)[1] <= hours, BUDGET_HOURS, "Add up `prices[name][0]`, too."),
    (_fits_twice, BUDGET_TWICE, "Begin with `set(chosen)`."),
    (
        lambda c, p, points, hours: _sums(c, p)[0] < points and _sums(c, p)[1] < hours,
        BUDGET_EXACT,
        "Compare with `<=`.",
    ),
    (
        lambda c, p, points, hours: _sums(c, p)[0] <= points or _sums(c, p)[1] <= hours,
        BUDGET_EITHER,
        "Use `and` in place of `or`.",
    ),
)


@lab.task(
    prompt="Say whether a choice of controls fits the budget, in points and in hours.",
    hints=(
        "Each control counts once. Add up the points, add up the hours, and compare both.",
        "`names = set(chosen)`; the points are `sum(prices[name][0] for name in names)`, the hours stand at "
        "`prices[name][1]`.",
    ),
    known_wrong=(
        *_known(BUDGET_SLIPS),
        KnownWrong(lambda c, p, points, hours: _sums(c, p)[0], BUDGET_KIND, "returns the sum"),
    ),
    solution=_fits,
)
def fits_budget(value: Any) -> CheckResult:
    """Compare with the rule on choices on which the usual slips differ."""
    cases = telling_cases(budget_case, _fits, BUDGET_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool) for answer in answers):
        return incorrect(BUDGET_KIND, "Return the result of a comparison.")
    if all(answer == _fits(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("Money runs out, and so do people's hours.")
    otherwise = incorrect(BUDGET_OTHER, "Points and hours, each at most the budget.")
    return explained(answers, cases, BUDGET_SLIPS, otherwise)


# ------------------------------------------------------------------------------------- 2 · the worst finding

WORST_KIND = "the answer is the id of a finding, or None."
WORST_OPEN = "what nobody measured is named as the worst, or the best; it has no place in this order."
WORST_ALPHABET = "the levels are ordered by their letters here: 'medium' comes after 'critical'."
WORST_FIRST = "of two findings of one level the one that is further above its threshold is worse."
WORST_VALUE = "the largest figure is not the worst finding: each has its own threshold and level."
WORST_OTHER = "for some reports this is not the worst finding."


def _excess(one: Any) -> float:
    return one.value - one.threshold


def _worst(findings: Any) -> str | None:
    rated = [one for one in findings if one.level in LEVELS]
    worst = max(rated, key=lambda one: (LEVELS.index(one.level), _excess(one)), default=None)
    return None if worst is None else worst.id


def _worst_open(findings: Any) -> str | None:
    order = (*LEVELS, "unassessed")
    return max(findings, key=lambda one: (order.index(one.level), _excess(one))).id


def _worst_lowest(findings: Any) -> str | None:
    order = ("unassessed", *LEVELS)
    return max(findings, key=lambda one: (order.index(one.level), _excess(one))).id


def _worst_letters(findings: Any) -> str | None:
    rated = [one for one in findings if one.level in LEVELS]
    worst = max(rated, key=lambda one: (one.level, _excess(one)), default=None)
    return None if worst is None else worst.id


def _worst_first(findings: Any) -> str | None:
    rated = [one for one in findings if one.level in LEVELS]
    worst = max(rated, key=lambda one: LEVELS.index(one.level), default=None)
    return None if worst is None else worst.id


def _worst_figure(findings: Any) -> str | None:
    rated = [one for one in findings if one.level in LEVELS]
    worst = max(rated, key=lambda one: one.value, default=None)
    return None if worst is None else worst.id


WORST_SLIPS: tuple[Slip, ...] = (
    (_worst_open, WORST_OPEN, "Leave out findings whose level is `'unassessed'`."),
    (_worst_lowest, WORST_OPEN, "Leave out findings whose level is `'unassessed'`; where all are, `None`."),
    (_worst_letters, WORST_ALPHABET, "Compare by `LEVELS.index(one.level)`."),
    (_worst_first, WORST_FIRST, "Compare by `(LEVELS.index(one.level), one.value - one.threshold)`."),
    (_worst_figure, WORST_VALUE, "Compare by the level first."),
)


@lab.task(
    prompt="Name the worst finding of an assessment: by level, then by how far it is above its threshold.",
    hints=(
        "Leave out what nobody measured. Of the others the level decides, and then value minus threshold.",
        "`max(rated, key=lambda one: (LEVELS.index(one.level), one.value - one.threshold))` is the worst; "
        "return its `id`, and `None` where `rated` is empty.",
    ),
    known_wrong=(*_known(WORST_SLIPS), KnownWrong(lambda findings: findings[0], WORST_KIND, "the finding")),
    solution=_worst,
)
def worst_finding(value: Any) -> CheckResult:
    """Compare with the rule on reports on which the usual slips differ."""
    cases = telling_cases(findings_case, _worst, WORST_SLIPS, most=400)
    answers = [attempt(value, *case, none_is_an_answer=True) for case in cases]
    if all(answer is None for answer in answers) or not all(
        answer is None or isinstance(answer, str) for answer in answers
    ):
        return incorrect(WORST_KIND, "Return `worst.id`.")
    if all(answer == _worst(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("The worst finding leads the report. What was not measured is named beside it.")
    return explained(
        answers, cases, WORST_SLIPS, incorrect(WORST_OTHER, "Level first, then value minus threshold.")
    )


# ---------------------------------------------------------------------------------------- 3 · what to change

CHANGE_KIND = "the answer is the name of a control, or None."
CHANGE_ALL = "attacks that were stopped or noticed need no answer; here they count."
CHANGE_PRICE = "the control costs more than is left of the budget."
CHANGE_CHEAP = "the cheapest control is named; the one that helps against the most attacks comes first."
CHANGE_TIE = "of two controls that help equally often the cheaper one is wanted."
CHANGE_OTHER = "for some attack days this is not the control that the rule names."


def _counts(results: Any, *, every: bool = False) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in results:
        if every or one.state == "succeeded":
            for name in one.would_have:
                counts[name] = counts.get(name, 0) + 1
    return counts


def _pick(counts: dict[str, int], prices: Any, left: float, key: Callable[[str], Any]) -> str | None:
    return min((name for name in counts if prices[name] <= left), key=key, default=None)


def _change(results: Any, prices: Any, left: int) -> str | None:
    counts = _counts(results)
    return _pick(counts, prices, left, lambda name: (-counts[name], prices[name], name))


def _change_all(results: Any, prices: Any, left: int) -> str | None:
    counts = _counts(results, every=True)
    return _pick(counts, prices, left, lambda name: (-counts[name], prices[name], name))


def _change_any_price(results: Any, prices: Any, left: int) -> str | None:
    counts = _counts(results)
    return _pick(counts, prices, float("inf"), lambda name: (-counts[name], prices[name], name))


def _change_cheapest(results: Any, prices: Any, left: int) -> str | None:
    return _pick(_counts(results), prices, left, lambda name: (prices[name], name))


def _change_by_name(results: Any, prices: Any, left: int) -> str | None:
    counts = _counts(results)
    return _pick(counts, prices, left, lambda name: (-counts[name], name))


CHANGE_SLIPS: tuple[Slip, ...] = (
    (_change_all, CHANGE_ALL, "Keep the results whose `state` is `'succeeded'`."),
    (_change_any_price, CHANGE_PRICE, "Keep the names with `prices[name] <= left`."),
    (_change_cheapest, CHANGE_CHEAP, "Count first, and compare by `(-count, price, name)`."),
    (_change_by_name, CHANGE_TIE, "Compare by `(-count, price, name)`."),
)


@lab.task(
    prompt="After the attack day, name the one affordable control that answers the most attacks.",
    hints=(
        "Look at attacks that succeeded. Count how often each control would have helped, and leave out what "
        "costs more than is left.",
        "`min(affordable, key=lambda name: (-count[name], prices[name], name), default=None)`, with `count` "
        "a dictionary from a control to the number of attacks.",
    ),
    known_wrong=(
        *_known(CHANGE_SLIPS),
        KnownWrong(lambda results, prices, left: list(prices), CHANGE_KIND, "returns a list"),
    ),
    solution=_change,
)
def what_to_change(value: Any) -> CheckResult:
    """Compare with the rule on attack days on which the usual slips differ."""
    cases = telling_cases(change_case, _change, CHANGE_SLIPS, most=400)
    answers = [attempt(value, *case, none_is_an_answer=True) for case in cases]
    if all(answer is None for answer in answers) or not all(
        answer is None or isinstance(answer, str) for answer in answers
    ):
        return incorrect(CHANGE_KIND, "Return one name.")
    if all(answer == _change(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("One change, for a reason that was measured.")
    otherwise = incorrect(CHANGE_OTHER, "Most attacks first, then the price, then the name.")
    return explained(answers, cases, CHANGE_SLIPS, otherwise)


# ------------------------------------------------------------------------------------------- 4 · the decision

WINS = (
    *("simpler_model", "verified_inputs", "rate_limit", "label_filter", "encrypted_files", "tls"),
    *("second_factor", "calm_watch", "audit_trail", "backups"),
)


@lab.task(
    prompt="Choose controls: every threshold met, the attack day survived, and within the budget.",
    hints=(
        "Begin with what the case asks for by name: encryption, authorized people, the audit. Then look for "
        "'not met'.",
        "Security has side effects here: look at quality, at alerts about nothing, and at who is locked out.",
        "The attack day says for each attack which control alone would have helped: `attacks_table(capstone, "
        "outcome)`.",
    ),
    known_wrong=(
        KnownWrong(list(WINS), DECISION_KIND, "hands in the names"),
        KnownWrong(
            example_outcome("hospital", (*WINS, "sensitive_watch", "signed_batches")), DECISION_BUDGET
        ),
        KnownWrong(example_outcome("hospital", WINS, missed="quality"), DECISION_CHECK),
        KnownWrong(example_outcome("hospital", WINS, through=("stolen_file",)), DECISION_ATTACK),
        KnownWrong(
            example_outcome("hospital", WINS, through=("ransomware", "log_tampering")), DECISION_ATTACK
        ),
    ),
    solution=example_outcome("hospital", WINS),
)
def decision(value: Any) -> CheckResult:
    """Judge the outcome by its thresholds, attacks and budget."""
    return judge_decision(value, "hospital")
