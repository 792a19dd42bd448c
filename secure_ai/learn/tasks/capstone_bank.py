"""The tasks of chapter 19: thresholds missed, before and after, a day survived, the decision."""

from __future__ import annotations

from typing import Any

from secure_ai.learn.capstones.cases import (
    DECISION_ATTACK,
    DECISION_BUDGET,
    DECISION_CHECK,
    DECISION_KIND,
    effects_case,
    example_outcome,
    holds_case,
    judge_decision,
    limits_case,
)
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, incorrect
from secure_ai.learn.slips import Slip, explained, telling_cases

lab = Lab("19_capstone_bank", title="Capstone: the bank")
progress = lab.progress


def _known(slips: tuple[Slip, ...]) -> list[KnownWrong]:
    return [KnownWrong(slip, message, f"slip {place}") for place, (slip, message, _) in enumerate(slips, 1)]


# ------------------------------------------------------------------------------------ 1 · thresholds missed

MISSED_KIND = "the answer is a list of names."
MISSED_ABSENT = "what was not measured counts as met here."
MISSED_SIDE = "every threshold is read as 'at most'; some ask for at least so much."
MISSED_EDGE = "a figure that is exactly the threshold meets it."
MISSED_TURNED = "the names of the thresholds that are met are returned."
MISSED_OTHER = "for some figures these are not the thresholds that are missed."


def _met(figure: float | None, side: str, bound: float) -> bool:
    return figure is not None and (figure <= bound if side == "at most" else figure >= bound)


def _missed(figures: Any, limits: Any) -> list[str]:
    return sorted(name for name, (side, bound) in limits.items() if not _met(figures.get(name), side, bound))


def _missed_absent(figures: Any, limits: Any) -> list[str]:
    return sorted(
        name
        for name, (side, bound) in limits.items()
        if figures.get(name) is not None and not _met(figures[name], side, bound)
    )


def _missed_edge(figures: Any, limits: Any) -> list[str]:
    def met(figure: float | None, side: str, bound: float) -> bool:
        return figure is not None and (figure < bound if side == "at most" else figure > bound)

    return sorted(name for name, (side, bound) in limits.items() if not met(figures.get(name), side, bound))


MISSED_SLIPS: tuple[Slip, ...] = (
    (_missed_absent, MISSED_ABSENT, "Where `figures.get(name)` is `None`, the threshold is missed."),
    (
        lambda figures, limits: sorted(
            name for name, (_, bound) in limits.items() if not _met(figures.get(name), "at most", bound)
        ),
        MISSED_SIDE,
        "Look at the first part of `limits[name]`.",
    ),
    (_missed_edge, MISSED_EDGE, "Compare with `<=` and `>=`."),
    (
        lambda figures, limits: sorted(set(limits) - set(_missed(figures, limits))),
        MISSED_TURNED,
        "Keep the names where the comparison fails.",
    ),
)


@lab.task(
    prompt="Name the thresholds that are missed, and count what was not measured among them.",
    hints=(
        "Go through `limits`. A figure that is missing or `None` misses its threshold.",
        "For `('at most', bound)` ask `figure <= bound`, for `('at least', bound)` ask `figure >= bound`; "
        "`sorted(...)` the names where it fails.",
    ),
    known_wrong=(
        *_known(MISSED_SLIPS),
        KnownWrong(lambda figures, limits: len(_missed(figures, limits)), MISSED_KIND, "counts"),
    ),
    solution=_missed,
)
def missed_thresholds(value: Any) -> CheckResult:
    """Compare with the rule on figures on which the usual slips differ."""
    cases = telling_cases(limits_case, _missed, MISSED_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, list) and all(isinstance(n, str) for n in answer) for answer in answers):
        return incorrect(MISSED_KIND, "Return `sorted(...)` of the names.")
    answers = [sorted(answer) for answer in answers]
    if all(answer == _missed(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("A threshold is met by a figure, and by nothing else.")
    return explained(answers, cases, MISSED_SLIPS, incorrect(MISSED_OTHER, "One threshold at a time."))


# ------------------------------------------------------------------------------------- 2 · before and after

EFFECT_KIND = 'the answer is a dictionary from a name to "better", "worse", "same" or "unknown".'
EFFECT_SIDE = "for some measures more is better and for others less; here one way is taken for all."
EFFECT_NOISE = "a change of less than 0.01 is called a change; that small, it may be chance."
EFFECT_OPEN = "what was not measured afterwards is called the same; nobody knows."
EFFECT_TURNED = "better and worse are exchanged."
EFFECT_OTHER = "for some figures this is not what the rule says."
SMALLEST = 0.01


def _effect(before: float, after: float | None, side: str, smallest: float = SMALLEST) -> str:
    if after is None:
        return "unknown"
    moved = round(after - before, 6)
    if abs(moved) < smallest or not moved:
        return "same"
    return "better" if (moved < 0) == (side == "at most") else "worse"


def _effects(before: Any, after: Any, sides: Any) -> dict[str, str]:
    return {name: _effect(before[name], after[name], side) for name, side in sides.items()}


def _effects_one_way(before: Any, after: Any, sides: Any) -> dict[str, str]:
    return {name: _effect(before[name], after[name], "at least") for name in sides}


def _effects_noise(before: Any, after: Any, sides: Any) -> dict[str, str]:
    return {name: _effect(before[name], after[name], side, 0.0) for name, side in sides.items()}


def _effects_same(before: Any, after: Any, sides: Any) -> dict[str, str]:
    found = _effects(before, after, sides)
    return {name: "same" if word == "unknown" else word for name, word in found.items()}


def _effects_turned(before: Any, after: Any, sides: Any) -> dict[str, str]:
    turned = {"better": "worse", "worse": "better"}
    return {name: turned.get(word, word) for name, word in _effects(before, after, sides).items()}


EFFECT_SLIPS: tuple[Slip, ...] = (
    (_effects_one_way, EFFECT_SIDE, "Look at `sides[name]`."),
    (_effects_noise, EFFECT_NOISE, 'Where `abs(after - before) < 0.01` the word is "same".'),
    (_effects_same, EFFECT_OPEN, 'Where `after[name] is None` the word is "unknown".'),
    (_effects_turned, EFFECT_TURNED, 'With "at most" a fall is better.'),
)


@lab.task(
    prompt="Say for each measure whether a change made it better, worse or the same, or that nobody knows.",
    hints=(
        'With "at most" less is better, with "at least" more is. Less than 0.01 is the same.',
        'First `None`: "unknown". Then `moved = round(after[name] - before[name], 6)`: "same" if `abs(moved) '
        '< 0.01`. Then "better" if `(moved < 0) == (side == "at most")`, else "worse".',
    ),
    known_wrong=(
        *_known(EFFECT_SLIPS),
        KnownWrong(lambda before, after, sides: list(sides), EFFECT_KIND, "returns the names"),
    ),
    solution=_effects,
)
def before_after(value: Any) -> CheckResult:
    """Compare with the rule on figures on which the usual slips differ."""
    cases = telling_cases(effects_case, _effects, EFFECT_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    words = {"better", "worse", "same", "unknown"}
    if not all(
        isinstance(answer, dict) and all(isinstance(w, str) and w in words for w in answer.values())
        for answer in answers
    ):
        return incorrect(EFFECT_KIND, "Return `{name: word for name in sides}`.")
    if all(answer == _effects(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("A choice is defended by what it changed, including what it made worse.")
    return explained(answers, cases, EFFECT_SLIPS, incorrect(EFFECT_OTHER, "Unknown, same, then the side."))


# -------------------------------------------------------------------------------- 3 · was the day survived?

DAY_KIND = "the answer is True or False."
DAY_NOTICED = "an attack that was noticed counts as lost; somebody knows, and the plan begins."
DAY_MUST = "an attack that must not come through did, and the day counts as survived."
DAY_MANY = "more attacks came through than the case allows."
DAY_EDGE = "as many as are allowed may come through."
DAY_OTHER = "for some days this is not what the rule says."


def _through(results: Any, *, noticed: bool = False) -> list[str]:
    lost = {"succeeded", "noticed"} if noticed else {"succeeded"}
    return [one.attack for one in results if one.state in lost]


def _survived(results: Any, must_hold: Any, may_succeed: int) -> bool:
    through = _through(results)
    return not set(through) & set(must_hold) and len(through) <= may_succeed


def _survived_noticed(results: Any, must_hold: Any, may_succeed: int) -> bool:
    through = _through(results, noticed=True)
    return not set(through) & set(must_hold) and len(through) <= may_succeed


DAY_SLIPS: tuple[Slip, ...] = (
    (_survived_noticed, DAY_NOTICED, "Count the results whose `state` is `'succeeded'`."),
    (
        lambda results, must_hold, may_succeed: len(_through(results)) <= may_succeed,
        DAY_MUST,
        "Ask whether one of them is in `must_hold`.",
    ),
    (
        lambda results, must_hold, may_succeed: not set(_through(results)) & set(must_hold),
        DAY_MANY,
        "Compare their number with `may_succeed`, too.",
    ),
    (
        lambda results, must_hold, may_succeed: (
            not set(_through(results)) & set(must_hold) and len(_through(results)) < may_succeed
        ),
        DAY_EDGE,
        "Compare with `<=`.",
    ),
)


@lab.task(
    prompt="Say whether an attack day was survived: nothing that must hold was lost, and little else.",
    hints=(
        "Only what succeeded is lost: it happened, and nobody knows. What was noticed is in hand.",
        "`through = [one.attack for one in results if one.state == 'succeeded']`; none of them in "
        "`must_hold`, and `len(through) <= may_succeed`.",
    ),
    known_wrong=(
        *_known(DAY_SLIPS),
        KnownWrong(lambda results, must_hold, may_succeed: _through(results), DAY_KIND, "returns names"),
    ),
    solution=_survived,
)
def survived(value: Any) -> CheckResult:
    """Compare with the rule on days on which the usual slips differ."""
    cases = telling_cases(holds_case, _survived, DAY_SLIPS, most=400)
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(answer, bool) for answer in answers):
        return incorrect(DAY_KIND, "Return the result of a comparison.")
    if all(answer == _survived(*case) for answer, case in zip(answers, cases, strict=True)):
        return correct("Not every attack is stopped. What counts is what must hold, and that somebody knows.")
    return explained(answers, cases, DAY_SLIPS, incorrect(DAY_OTHER, "Read both conditions again."))


# ----------------------------------------------------------------------------------------- 4 · the decision

WINS = (
    *("simpler_model", "verified_inputs", "rate_limit", "label_filter", "signed_model", "second_factor"),
    *("strict_tokens", "audit_trail", "calm_watch", "backups", "drill"),
)


@lab.task(
    prompt="Choose controls: every threshold met, the attack day survived, and within the budget.",
    hints=(
        "Begin with what the case asks for by name: the stream, the second factor, the plan. Then look for "
        "'not met'.",
        "A watch that speaks early finds more and is read by nobody: look at the alerts about nothing.",
        "The attack day says for each attack which control alone would have helped: `attacks_table(capstone, "
        "outcome)`.",
    ),
    known_wrong=(
        KnownWrong(list(WINS), DECISION_KIND, "hands in the names"),
        KnownWrong(
            example_outcome("bank", (*WINS, "sensitive_watch", "adversarial_training")), DECISION_BUDGET
        ),
        KnownWrong(example_outcome("bank", WINS, missed="quality"), DECISION_CHECK),
        KnownWrong(example_outcome("bank", WINS, through=("poisoned_batch",)), DECISION_ATTACK),
        KnownWrong(example_outcome("bank", WINS, through=("ransomware", "log_tampering")), DECISION_ATTACK),
    ),
    solution=example_outcome("bank", WINS),
)
def decision(value: Any) -> CheckResult:
    """Judge the outcome by its thresholds, attacks and budget."""
    return judge_decision(value, "bank")
