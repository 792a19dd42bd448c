"""The tasks of chapter 01: expected loss, a bad year, a control to buy, a missing owner, a paste."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.govern.acceptable_use import Request, Rule, decide, load_policy
from secure_ai.govern.loss import LossScenario
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect

lab = Lab("01_why_security", title="Why security")
progress = lab.progress

NO_NUMBER = "one number is asked for."


def _numbers(answers: list[object]) -> bool:
    return all(isinstance(answer, numbers.Number | np.bool_) for answer in answers)


# ---------------------------------------------------------------------------------- 1 · the expected loss

EXPECTED_OTHER = "that is not the average loss of a year."


def _expected(frequency: float, low: float, high: float) -> float:
    return LossScenario("theft", frequency, (low, high)).expected_annual_loss


def _lognormal(frequency: float, low: float, high: float, z: float) -> float:
    return frequency * math.sqrt(low * high) * math.exp((math.log(high / low) / (2 * z)) ** 2 / 2)


EXPECTED_SLIPS: tuple[tuple[Callable[[float, float, float], float], str, str, str], ...] = (
    (
        lambda frequency, low, high: frequency * (low + high) / 2,
        "the middle between the two bounds is not the average loss.",
        "Losses are lopsided: most lie near the lower bound and a few far out. Give the interval to a "
        "`LossScenario` and let it work out the mean.",
        "takes the midpoint",
    ),
    (
        lambda frequency, low, high: frequency * math.sqrt(low * high),
        "that is frequency times the typical loss, and the rare large losses are missing.",
        "The mean of a lopsided distribution lies above its median: ask the scenario for "
        "`expected_annual_loss`.",
        "takes the median",
    ),
    (
        lambda frequency, low, high: _expected(1, low, high),
        "that is the average loss of one event; how often it happens in a year is missing.",
        "Multiply by the frequency.",
        "forgets the frequency",
    ),
    (
        lambda frequency, low, high: _lognormal(frequency, low, high, 1.959964),
        "the bounds were taken for a 95 % interval, but they hold nine losses in ten.",
        "A 90 % interval reaches 1.64485 standard deviations to each side.",
        "uses the habitual 1.96",
    ),
    (
        lambda frequency, low, high: frequency * high,
        "that takes every loss for a bad one.",
        "Only one loss in twenty is above the upper bound.",
        "multiplies by the worst case",
    ),
)


@lab.task(
    prompt="Work out the expected loss of a year from a frequency and a 90 % interval for one loss.",
    hints=(
        "How often, times how much on average. The average of one loss is neither bound, nor their middle.",
        "`LossScenario('any name', frequency, (low, high))` knows the answer; look at its "
        "properties with the tab key.",
        "`return LossScenario('theft', frequency, (low, high)).expected_annual_loss`",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, note) for slip, message, _, note in EXPECTED_SLIPS),
        KnownWrong(
            lambda frequency, low, high: 40_400.13, EXPECTED_OTHER, "the textbook figure for every case"
        ),
        KnownWrong(lambda frequency, low, high: (low, high), NO_NUMBER, "gives the range back"),
    ),
    solution=_expected,
)
def expected_loss(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(5):
        # Wide intervals, so that the right answer and each slip are far apart.
        low = float(np.round(rng.uniform(5_000, 50_000), -2))
        cases.append((float(np.round(rng.uniform(0.6, 4), 1)), low, low * int(rng.integers(40, 100))))
    answers = [attempt(value, *case) for case in cases]
    if not _numbers(answers):
        return incorrect(NO_NUMBER, "Return the average loss of a year, in dollars.")
    # 3 %, so that whoever simulates with enough years is right too.
    if _close(answers, _expected, cases):
        return correct("Five made-up scenarios, and each answer is frequency times mean loss.")
    for slip, message, next_step, _ in EXPECTED_SLIPS:
        if _close(answers, slip, cases):
            return incorrect(message, next_step)
    frequency, low, high = cases[0]
    return incorrect(
        EXPECTED_OTHER,
        f"For {frequency} events a year of {low:,.0f} to {high:,.0f} "
        f"it is about {_expected(*cases[0]):,.0f}.",
    )


def _close(answers: list[object], rule: Callable[..., float], cases: list[tuple[float, ...]]) -> bool:
    return all(_near(answer, rule(*case), 0.03) for answer, case in zip(answers, cases, strict=True))


def _near(answer: object, expected: float, tolerance: float) -> bool:
    try:
        return abs(float(answer) - expected) <= tolerance * abs(expected)
    except (TypeError, ValueError, OverflowError):
        return False


# ------------------------------------------------------------------------------------ 2 · a year that hurts

CHANCE_OTHER = "that is not the share of years that lose more than the amount."


def _chance(losses: pd.Series, amount: float) -> float:
    return float((losses > amount).mean())


CHANCE_SLIPS: tuple[tuple[Callable[[pd.Series, float], float], str, str, str], ...] = (
    (
        lambda losses, amount: int((losses > amount).sum()),
        "that is a number of years; a chance is a share of all years.",
        "`mean()` of a column of True and False is the share of True.",
        "counts",
    ),
    (
        lambda losses, amount: float((losses[losses > 0] > amount).mean()),
        "the quiet years were left out, so the year looks worse than it is.",
        "Divide by all simulated years, also by those without a loss.",
        "looks at years with a loss only",
    ),
    (
        lambda losses, amount: float((losses <= amount).mean()),
        "that is the chance of a year that stays below the amount.",
        "Turn the comparison around.",
        "compares the wrong way",
    ),
    (
        lambda losses, amount: 100 * _chance(losses, amount),
        "that is a percentage; a chance lies between 0 and 1.",
        "Leave out the factor of 100.",
        "gives percent",
    ),
    (
        lambda losses, amount: float(losses[losses > amount].sum() / losses.sum()),
        "that is the share of the money, not of the years.",
        "Count years: each simulated year is as likely as the next.",
        "adds up money",
    ),
    (
        lambda losses, amount: float(losses.mean() > amount),
        "that asks whether an average year loses more; hardly any year is average.",
        "Compare every year with the amount first, and average afterwards.",
        "averages first",
    ),
)


@lab.task(
    prompt="Work out the chance that a year loses more than an amount, from simulated years.",
    hints=(
        "Every simulated year is as likely as the next. What share of them lost more?",
        "`losses > amount` gives True or False for each year.",
        "`return (losses > amount).mean()`",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, note) for slip, message, _, note in CHANCE_SLIPS),
        KnownWrong(lambda losses, amount: 0.05, CHANCE_OTHER, "one year in twenty, whatever the losses"),
        KnownWrong(lambda losses, amount: losses > amount, NO_NUMBER, "stops after the comparison"),
    ),
    solution=_chance,
)
def chance_above(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(5):
        quiet = rng.random(1000) < rng.uniform(0.3, 0.6)
        losses = pd.Series(np.where(quiet, 0.0, rng.lognormal(10, 1, 1000)), name="loss of the year")
        cases.append((losses, float(losses.quantile(rng.uniform(0.7, 0.9)))))
    answers = [attempt(value, *case) for case in cases]
    if not _numbers(answers):
        return incorrect(NO_NUMBER, "`mean()` of a column of True and False is the share of True.")
    if _exact(answers, _chance, cases):
        return correct(
            f"Right for five simulations of {len(cases[0][0]):,} years each, quiet years included."
        )
    for slip, message, next_step, _ in CHANCE_SLIPS:
        if _exact(answers, slip, cases):
            return incorrect(message, next_step)
    losses, amount = cases[0]
    return incorrect(
        CHANCE_OTHER,
        f"In one of the checks {int((losses > amount).sum())} of {len(losses)} years lost more.",
    )


def _exact(answers: list[object], rule: Callable[..., float], cases: list[tuple]) -> bool:
    return all(_near(answer, rule(*case), 1e-9) for answer, case in zip(answers, cases, strict=True))


# ------------------------------------------------------------------------------- 3 · the control worth buying

CONTROL_EMPTY = "where no control is sure enough, your function fails."
CONTROL_OTHER = "that is not the control that the committee's rule chooses."


def _best(table: pd.DataFrame, column: str = "net", *, lowest: bool = False) -> str:
    return table.loc[table[column].idxmin() if lowest else table[column].idxmax(), "control"]


def _worth(table: pd.DataFrame, least_chance: float) -> str | None:
    sure = table[table["chance_it_pays"] >= least_chance]
    return None if sure.empty else _best(sure)


CONTROL_SLIPS: tuple[tuple[Callable[[pd.DataFrame, float], str | None], str, str, str], ...] = (
    (
        lambda table, least_chance: _best(table, "saves"),
        "that is the control that saves most, before its own cost and without asking how sure it is.",
        "First keep the rows that are sure enough, then compare `net`.",
        "looks at the saving",
    ),
    (
        lambda table, least_chance: _best(table, "net"),
        "its average is the best, but it is not sure enough to pay.",
        "First keep the rows with `chance_it_pays` of at least `least_chance`.",
        "forgets the uncertainty",
    ),
    (
        lambda table, least_chance: _best(table, "chance_it_pays"),
        "that is the surest control, not the one with the most to gain among those that are sure enough.",
        "Sure enough is enough: among those rows compare `net`.",
        "only looks at the chance",
    ),
    (
        lambda table, least_chance: _best(table, "cost", lowest=True),
        "the cheapest control is not the one with the most to gain.",
        "Compare `net`, which is what is saved minus the cost.",
        "buys the cheapest",
    ),
    (
        lambda table, least_chance: _worth(table, least_chance) or _best(table),
        "where no control is sure enough, none is to be bought.",
        "Return None where no row is left.",
        "always buys something",
    ),
    (
        lambda table, least_chance: _best(table[table["net"] > 0]) if (table["net"] > 0).any() else None,
        "its average is the best, but it is not sure enough to pay.",
        "First keep the rows with `chance_it_pays` of at least `least_chance`.",
        "takes a positive average for sure",
    ),
)


@lab.task(
    prompt="Choose the control with the highest net saving among those that are sure enough to pay, or None.",
    hints=(
        "Two steps: keep the controls that are sure enough, then take the best of what is left. If nothing "
        "is left, nothing is to be bought.",
        "`sure = controls[controls['chance_it_pays'] >= least_chance]`, and `if sure.empty: return None`.",
        "`return sure.loc[sure['net'].idxmax(), 'control']`",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, note) for slip, message, _, note in CONTROL_SLIPS),
        KnownWrong(
            lambda table, least_chance: _best(table[table["chance_it_pays"] >= least_chance]),
            CONTROL_EMPTY,
            "forgets that nothing may be left",
        ),
        KnownWrong(
            lambda table, least_chance: table["control"].iloc[0], CONTROL_OTHER, "takes the first row"
        ),
    ),
    solution=_worth,
)
def choose_control(value) -> CheckResult:
    rng = fresh()
    tables = [_controls(rng) for _ in range(6)]
    cases = [(table, 0.7) for table in tables]
    answers = [attempt(value, *case, none_is_an_answer=True) for case in cases]
    cases.append((tables[0], 0.99))
    try:
        answers.append(attempt(value, *cases[-1], none_is_an_answer=True))
    except (ValueError, LookupError):
        return incorrect(CONTROL_EMPTY, "Return None where no row is left, before you look for the best.")
    expected = [_worth(*case) for case in cases]
    if answers == expected:
        return correct("Right in seven made-up portfolios, also in the one in which nothing is worth buying.")
    for slip, message, next_step, _ in CONTROL_SLIPS:
        if answers == [slip(*case) for case in cases]:
            return incorrect(message, next_step)
    number = next(i for i, pair in enumerate(zip(answers, expected, strict=True)) if pair[0] != pair[1])
    return incorrect(
        CONTROL_OTHER,
        f"In portfolio {number + 1} of the check the answer is {expected[number]!r}: return a name or None.",
    )


def _controls(rng: np.random.Generator) -> pd.DataFrame:
    # One row each for the best saving, the best average, the highest chance, the lowest cost, the answer.
    cost = rng.integers(50, 60, 5) * 1000 + np.array([90_000, 40_000, 10_000, -40_000, 20_000])
    net = rng.integers(1, 9, 5) * 1000 + np.array([30_000, 90_000, 10_000, 20_000, 60_000])
    chance = rng.uniform(0, 0.05, 5) + np.array([0.4, 0.5, 0.9, 0.75, 0.8])
    saves = cost + net
    saves[0] += 150_000
    cost[0] += 150_000
    names = [f"control {letter}" for letter in rng.permutation(list("ABCDE"))]
    table = pd.DataFrame(
        {"control": names, "cost": cost, "saves": saves, "net": net, "chance_it_pays": chance}
    )
    return table.iloc[rng.permutation(5)].reset_index(drop=True)


# ------------------------------------------------------------------------------------- 4 · the missing owner

OWNER_NO_LIST = "a list of activities is asked for: the names in the chart's index."
OWNER_OTHER = "these are not exactly the activities that lack a single accountable person."


def _accountable(chart: pd.DataFrame) -> pd.Series:
    return chart.apply(lambda row: sum("A" in str(cell) for cell in row), axis=1)


def _ownerless(chart: pd.DataFrame) -> list[str]:
    return list(chart.index[_accountable(chart) != 1])


OWNER_SLIPS: tuple[tuple[Callable[[pd.DataFrame], list[str]], str, str, str], ...] = (
    (
        lambda chart: list(chart.index[_accountable(chart) == 0]),
        "activities with two accountable people are missing: where two answer, nobody does.",
        "Look for every count of A that is not exactly 1.",
        "only finds none",
    ),
    (
        lambda chart: list(chart.index[_accountable(chart) > 1]),
        "activities for which nobody is accountable are missing.",
        "Look for every count of A that is not exactly 1.",
        "only finds two",
    ),
    (
        lambda chart: list(chart.index[(chart == "A").sum(axis=1) != 1]),
        "a cell can hold two letters: in A/R the person is accountable and does the work.",
        "Ask whether there is an A in the cell, not whether the cell is an A.",
        "compares the whole cell",
    ),
    (
        lambda chart: list(chart.index[chart.apply(lambda row: sum("R" in c for c in row), axis=1) != 1]),
        "R is who does the work; asked for is A, who answers for it.",
        "Count A in each row.",
        "counts R",
    ),
    (
        lambda chart: list(chart.index[_accountable(chart) == 1]),
        "these are the activities that are in order.",
        "Turn the condition around.",
        "gives the good ones",
    ),
)


@lab.task(
    prompt="List the activities of a responsibility chart that do not have exactly one accountable person.",
    hints=(
        "Count in each row of the chart how many cells hold an A. One is right; none and two are both gaps.",
        "`row.str.contains('A').sum()` counts the cells of one row, also those that hold `A/R`.",
        "`count = chart.apply(lambda row: row.str.contains('A').sum(), axis=1)`, then "
        "`return list(chart.index[count != 1])`",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, note) for slip, message, _, note in OWNER_SLIPS),
        KnownWrong(lambda chart: len(_ownerless(chart)), OWNER_NO_LIST, "counts them"),
        KnownWrong(lambda chart: chart[_accountable(chart) != 1], OWNER_NO_LIST, "gives the rows"),
        KnownWrong(lambda chart: [], OWNER_OTHER, "finds none, whatever the chart"),
    ),
    solution=_ownerless,
)
def find_ownerless(value) -> CheckResult:
    rng = fresh()
    charts = [_chart(rng) for _ in range(4)]
    answers = []
    for chart in charts:
        answer = attempt(value, chart)
        if isinstance(answer, str | pd.DataFrame) or not hasattr(answer, "__iter__"):
            return incorrect(OWNER_NO_LIST, "Return `list(...)` of the index values.")
        answers.append(sorted(map(str, answer)))
    if answers == [sorted(_ownerless(chart)) for chart in charts]:
        return correct("Every gap in four made-up charts was found, and no activity was accused wrongly.")
    for slip, message, next_step, _ in OWNER_SLIPS:
        if answers == [sorted(slip(chart)) for chart in charts]:
            return incorrect(message, next_step)
    missing = len(_ownerless(charts[0]))
    return incorrect(OWNER_OTHER, f"In one of the checks there are {missing}; you gave {len(answers[0])}.")


def _chart(rng: np.random.Generator) -> pd.DataFrame:
    verbs = [
        "Approve",
        "Train",
        "Log",
        "Test",
        "Review",
        "Report",
        "Restore",
        "Contract",
        "Classify",
        "Patch",
    ]
    roles = ["executive", "security officer", "data protection officer", "model owner", "data owner"]
    rows = {}
    # The first rows hold each kind once; the others are drawn.
    kinds = ["none", "two", "one", "both", *rng.choice(["none", "two", "one", "both"], 6)]
    for verb, kind in zip(rng.permutation(verbs), kinds, strict=True):
        row = list(rng.choice(["", "C", "I"], len(roles)))
        places = rng.permutation(len(roles))
        row[places[0]] = {"none": "R", "two": "A", "one": "A", "both": "A/R"}[kind]
        row[places[1]] = {"none": "C", "two": "A/R", "one": "R", "both": "R"}[kind]
        rows[f"{verb} models"] = row
    order = list(rng.permutation(list(rows)))
    chart = pd.DataFrame.from_dict(rows, orient="index", columns=roles).loc[order]
    return chart.rename_axis("activity")


# --------------------------------------------------------------------------------- 5 · the rule for the paste

PASTE_NO_RULE = "a rule is asked for: a dictionary with name, effect, reason and the conditions."
PASTE_THROUGH = "a record pasted into a public chatbot still goes through."
PASTE_ASK = "the paste is only asked about, and by then it has been pasted."
PASTE_TIER = "a name in a text of a lower tier still goes through."
PASTE_TASK = "the paste goes through when somebody gives another task as the purpose."
PASTE_APPROVED = "the approved assistant is blocked too, so staff are left without any tool."
PASTE_HARMLESS = "harmless text is blocked too, and a rule like that teaches people to go around it."
PASTE_NO_WAY_OUT = "the alternative names no tool that staff may use instead."

OPEN_POLICY = load_policy(
    [
        {
            "name": "try it out",
            "effect": "allow",
            "tools": ["public_chatbot"],
            "reason": "New tools are welcome.",
        },
        {
            "name": "our own",
            "effect": "allow",
            "tools": ["approved_assistant"],
            "reason": "It has a contract.",
        },
    ]
)
GOOD_RULE = {
    "name": "no records in public tools",
    "effect": "deny",
    "tools": ["public_chatbot"],
    "identifiers": True,
    "reason": "A record about a person would leave our control for good.",
    "alternative": "Use the approved assistant.",
}


def _changed(**change: object) -> dict[str, object]:
    return {key: value for key, value in (GOOD_RULE | change).items() if value is not None}


@lab.task(
    prompt="Write the rule that keeps records out of public chatbots and leaves staff a way to work.",
    hints=(
        "Three things must be true of the rule: it denies, it speaks only of public chatbots, and only of "
        "texts that identify somebody.",
        "The conditions are `'tools': ['public_chatbot']` and `'identifiers': True`; the effect is `'deny'`.",
        "Put those three lines in, then a `reason`, and an `alternative` that names the approved assistant.",
    ),
    known_wrong=(
        KnownWrong(_changed(identifiers=None), PASTE_HARMLESS, "bans the public chatbot altogether"),
        KnownWrong(_changed(tools=None), PASTE_APPROVED, "bans records in every tool"),
        KnownWrong(_changed(effect="ask"), PASTE_ASK, "asks for approval"),
        KnownWrong(
            _changed(identifiers=None, at_least="restricted"),
            PASTE_TIER,
            "thinks of the most sensitive tier only",
        ),
        KnownWrong(_changed(tasks=["summarize"]), PASTE_TASK, "thinks of the one case that was in the news"),
        KnownWrong(_changed(identifiers=False), PASTE_THROUGH, "turns the condition around"),
        KnownWrong(_changed(alternative="Please do not do that again."), PASTE_NO_WAY_OUT, "only forbids"),
        KnownWrong("deny public_chatbot", PASTE_NO_RULE, "writes a sentence"),
    ),
    solution=GOOD_RULE,
    legitimate=(GOOD_RULE,),
)
def paste_rule(value) -> CheckResult:
    if not isinstance(value, dict | Rule):
        return incorrect(PASTE_NO_RULE, "Begin with a curly bracket: `{'name': ...}`.")
    try:
        (rule,) = load_policy([value])
        rules = load_policy([*OPEN_POLICY, rule])
    except UserError as error:
        return incorrect(
            str(error),
            "Compare fields and values with the table above; `name`, `effect` and `reason` are needed.",
        )
    rng = fresh()
    pastes = [_request(rng, "public_chatbot", int(rng.integers(1, 40))) for _ in range(200)]
    if any(decide(rules, paste).effect != "deny" for paste in pastes):
        return _why_it_passes(rule)
    if any(decide(rules, _request(rng, "approved_assistant", n)).effect != "allow" for n in range(60)):
        return incorrect(PASTE_APPROVED, "Name the tool that the rule speaks of: `'tools': [...]`.")
    harmless = [Request("public_chatbot", "public", 0, paste.task) for paste in pastes]
    if any(decide(rules, request).effect != "allow" for request in harmless):
        return incorrect(PASTE_HARMLESS, "Let the rule speak only of texts that identify somebody.")
    if "approved" not in rule.alternative.lower():
        return incorrect(PASTE_NO_WAY_OUT, "Say that the approved assistant may be used.")
    return correct(
        f"{len(pastes)} made-up pastes were stopped, harmless text passes, and staff hear what to do instead."
    )


def _request(rng: np.random.Generator, tool: str, identifiers: int) -> Request:
    tier = str(rng.choice(["public", "internal", "confidential", "restricted"]))
    task = str(rng.choice(["draft", "translate", "summarize", "code"]))
    return Request(tool, tier, identifiers, task)


def _why_it_passes(rule: Rule) -> CheckResult:
    if rule.effect == "ask":
        return incorrect(PASTE_ASK, "Deny it; the alternative says what to do.")
    if rule.at_least or rule.at_most:
        return incorrect(PASTE_TIER, "Ask whether the text identifies somebody: `'identifiers': True`.")
    if rule.tasks:
        return incorrect(PASTE_TASK, "Leave the tasks out, so that the rule speaks of all of them.")
    return incorrect(PASTE_THROUGH, "Check the effect, the tool and the condition on identifiers.")
