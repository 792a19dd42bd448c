"""The tasks of chapter 06: pairs of counts, one person's reach, odds and epsilon, noise, a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal
from itertools import pairwise, permutations
from numbers import Real

import numpy as np

from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same

lab = Lab("06_differential_privacy", title="Differential privacy")
progress = lab.progress
Questions = Mapping[str, Set[int]]

# ------------------------------------------------------------------------- 1 · pairs that expose a person

PAIRS_KIND = "a list of pairs of names is asked for, such as `[('all', 'all but one ward')]`."
PAIRS_ORDER = "each pair stands in the list once, the question with more people first."
PAIRS_SIZE = "two counts that differ by one need not differ by one person: the people may be others."
PAIRS_SEVERAL = "a pair was reported whose difference is several people, or nobody."
PAIRS_MISSED = "a pair is missing whose difference is one person."


def _dangerous_pairs(questions: Questions) -> list[tuple[str, str]]:
    return [
        (a, b)
        for a, b in permutations(questions, 2)
        if questions[b] < questions[a] and len(questions[a] - questions[b]) == 1
    ]


def _by_size(questions: Questions) -> list[tuple[str, str]]:
    return [(a, b) for a, b in permutations(questions, 2) if len(questions[a]) - len(questions[b]) == 1]


def _nested(questions: Questions) -> list[tuple[str, str]]:
    return [(a, b) for a, b in permutations(questions, 2) if questions[b] < questions[a]]


def _both_ways(questions: Questions) -> list[tuple[str, str]]:
    return [(a, b) for a, b in permutations(questions, 2) if len(questions[a] ^ questions[b]) == 1]


def _next_to_each_other(questions: Questions) -> list[tuple[str, str]]:
    right = _dangerous_pairs(questions)
    return [pair for pair in pairwise(questions) if pair in right]


def _pairs_case(rng: np.random.Generator) -> dict[str, set[int]]:
    """Questions with nested sets, one of equal size that is not nested, and one asked in other words."""
    people = [int(number) for number in rng.permutation(1000)[:40]]
    everyone = set(people[: int(rng.integers(14, 22))])
    inside, outside = sorted(everyone), people[-5:]
    first, second, third = (inside[place] for place in rng.permutation(len(inside))[:3])
    sets = [
        everyone,
        everyone - {first},
        everyone - {first, second},
        (everyone - {first, third}) | {outside[0]},  # one fewer, but other people
        set(everyone),
        set(outside),
        set(outside[:2]),
    ]
    names = [f"question {number}" for number in rng.permutation(90)[: len(sets)] + 10]
    return {names[i]: sets[i] for i in rng.permutation(len(sets))}


@lab.task(
    prompt="Return the pairs of questions whose counts differ by one person, the larger question first.",
    hints=(
        "Two questions are dangerous together if one counts everybody whom the other counts, and one more.",
        "Go through all names twice. `questions[b] < questions[a]` says that all people of `b` are in `a`, "
        "and `len(questions[a] - questions[b])` is how many more there are.",
        "`[(a, b) for a in questions for b in questions if questions[b] < questions[a] and "
        "len(questions[a] - questions[b]) == 1]`",
    ),
    known_wrong=(
        KnownWrong(_by_size, PAIRS_SIZE, "compares the counts only"),
        KnownWrong(_nested, PAIRS_SEVERAL, "takes every question inside another"),
        KnownWrong(_both_ways, PAIRS_ORDER, "reports each pair twice"),
        KnownWrong(
            lambda questions: [(b, a) for a, b in _dangerous_pairs(questions)], PAIRS_ORDER, "reverses"
        ),
        KnownWrong(_next_to_each_other, PAIRS_MISSED, "compares neighbors in the list only"),
        KnownWrong(
            lambda questions: _dangerous_pairs(questions)[:1], PAIRS_MISSED, "stops at the first pair"
        ),
        KnownWrong(lambda questions: [], PAIRS_MISSED, "trusts large counts"),
        KnownWrong(lambda questions: len(_dangerous_pairs(questions)), PAIRS_KIND, "returns how many"),
    ),
    solution=_dangerous_pairs,
)
def dangerous_pairs(value) -> CheckResult:
    rng = fresh()
    cases = [_pairs_case(rng) for _ in range(12)]
    answers = [attempt(value, questions) for questions in cases]
    if not all(
        isinstance(answer, list | tuple | set | frozenset)
        and all(
            isinstance(pair, tuple | list) and len(pair) == 2 and all(type(name) is str for name in pair)
            and set(pair) <= set(questions)
            for pair in answer
        )
        for answer, questions in zip(answers, cases, strict=True)
    ):  # fmt: skip
        return incorrect(PAIRS_KIND, "Return a list of tuples, each with two names from `questions`.")
    given = [[tuple(pair) for pair in answer] for answer in answers]
    right = [set(_dangerous_pairs(questions)) for questions in cases]
    several = False
    for pairs, wanted, questions in zip(given, right, cases, strict=True):
        if len(set(pairs)) < len(pairs) or any((b, a) in wanted for a, b in pairs):
            return incorrect(PAIRS_ORDER, "Put the question that counts more people first.")
        for a, b in set(pairs) - wanted:
            if abs(len(questions[a]) - len(questions[b])) == 1:
                return incorrect(PAIRS_SIZE, "Ask whether all people of one question are in the other.")
            several = True
    if several:
        return incorrect(PAIRS_SEVERAL, "The difference must be exactly one person.")
    if any(set(pairs) != wanted for pairs, wanted in zip(given, right, strict=True)):
        return incorrect(PAIRS_MISSED, "Compare every question with every other one.")
    return correct("Each of these pairs gives one person away, however large the two counts are.")


# ----------------------------------------------------------------------- 2 · how far one person can reach

REACH_KIND = "one number is asked for."
REACH_PEOPLE = "where people are counted, one person is one, however many rows they have."
REACH_ROWS = "where rows are counted, one person moves the count by all of their rows that count."
REACH_SUM_ROWS = "in a sum, too, all rows of a person count, not one."
REACH_WIDTH = "a person who comes or goes adds a whole value, not the distance between the two bounds."
REACH_HIGH = "the bound that is farther from zero matters, and that can be the lower one."
REACH_SUM = "this is not how far one person can move a sum."


def _reach(question: str, max_rows: int, low: float, high: float) -> float:
    if question == "people":
        return 1
    return max_rows if question == "rows" else max_rows * max(abs(low), abs(high))


def _reach_but(**changes: Callable[[int, float, float], object]) -> Callable[..., object]:
    def answer(question: str, max_rows: int, low: float, high: float) -> object:
        change = changes.get(question)
        return change(max_rows, low, high) if change else _reach(question, max_rows, low, high)

    return answer


SUM_SLIPS: tuple[tuple[Callable[[int, float, float], float], str, str], ...] = (
    (lambda n, low, high: max(abs(low), abs(high)), REACH_SUM_ROWS, "Multiply by `max_rows`."),
    (lambda n, low, high: n * (high - low), REACH_WIDTH, "Use the bound that is farther from zero."),
    (lambda n, low, high: n * high, REACH_HIGH, "Use `max(abs(low), abs(high))`."),
    (lambda n, low, high: n * abs(high), REACH_HIGH, "Use `max(abs(low), abs(high))`."),
)


@lab.task(
    prompt="Return how far one person who comes or goes can move the answer.",
    hints=(
        "Think of the person who would move the answer most: with as many rows as count, each with the most "
        "extreme value. How far does the answer move when this person leaves?",
        "For `people` it is 1, for `rows` it is `max_rows`. For `sum` it is `max_rows` times the value "
        "that is farthest from zero.",
        "The value farthest from zero is `max(abs(low), abs(high))`.",
    ),
    known_wrong=(
        KnownWrong(_reach_but(people=lambda n, low, high: n), REACH_PEOPLE, "counts a person many times"),
        KnownWrong(_reach_but(rows=lambda n, low, high: 1), REACH_ROWS, "takes a row for a person"),
        KnownWrong(_reach_but(sum=SUM_SLIPS[0][0]), REACH_SUM_ROWS, "forgets the rows in the sum"),
        KnownWrong(_reach_but(sum=SUM_SLIPS[1][0]), REACH_WIDTH, "takes the width of the bounds"),
        KnownWrong(_reach_but(sum=SUM_SLIPS[2][0]), REACH_HIGH, "takes the upper bound"),
        KnownWrong(_reach_but(sum=lambda n, low, high: n), REACH_SUM, "forgets the bounds"),
        KnownWrong(lambda question, max_rows, low, high: (low, high), REACH_KIND, "returns the bounds"),
    ),
    solution=_reach,
)
def reach(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(8):
        edge, other = float(rng.integers(50, 500)), float(rng.integers(5, 45))
        max_rows = int(rng.integers(2, 20))
        for bounds in ((other, edge), (-edge, other), (-other, edge)):
            cases += [(question, max_rows, *bounds) for question in ("people", "rows", "sum")]
    answers = [attempt(value, *case) for case in cases]
    if not all(_is_number(answer) for answer in answers):
        return incorrect(REACH_KIND, "Return one number for each kind of question.")
    for question, message, next_step in (
        ("people", REACH_PEOPLE, "Return 1."),
        ("rows", REACH_ROWS, "Return `max_rows`."),
    ):
        if not all(same(a, _reach(*c)) for a, c in zip(answers, cases, strict=True) if c[0] == question):
            return incorrect(message, next_step)
    sums = [(answer, case[1:]) for answer, case in zip(answers, cases, strict=True) if case[0] == "sum"]
    if all(same(answer, _reach("sum", *limits)) for answer, limits in sums):
        return correct("This is what the noise has to hide: the largest step of one person.")
    for slip, message, next_step in SUM_SLIPS:
        if all(same(answer, slip(*limits)) for answer, limits in sums):
            return incorrect(message, next_step)
    return incorrect(REACH_SUM, "Multiply `max_rows` with the value that is farthest from zero.")


# ----------------------------------------------------------------------------- 3 · from odds to an epsilon

EPSILON_KIND = "one number is asked for."
EPSILON_CHANCES = "epsilon limits how the odds grow, and this compares the chances."
EPSILON_FACTOR = "this is the factor by which the odds may grow; epsilon is its logarithm."
EPSILON_SIGN = "epsilon came out negative: the odds afterwards stand above, those before below."
EPSILON_BASE = "the logarithm is the natural one, `math.log`, not that to the base 10 or 2."
EPSILON_BEFORE = "how sure the attacker was before matters as well."
EPSILON_OTHER = "this is not the epsilon that is asked for."


def _odds(chance: float) -> float:
    return chance / (1 - chance)


def _largest_epsilon(before: float, after: float) -> float:
    return math.log(_odds(after) / _odds(before))


EPSILON_SLIPS: tuple[tuple[Callable[[float, float], float], str, str], ...] = (
    (lambda b, a: math.log(a / b), EPSILON_CHANCES, "Turn each chance into odds: `chance / (1 - chance)`."),
    (lambda b, a: a - b, EPSILON_CHANCES, "Turn each chance into odds: `chance / (1 - chance)`."),
    (lambda b, a: a / b, EPSILON_CHANCES, "Turn each chance into odds: `chance / (1 - chance)`."),
    (lambda b, a: _odds(a) / _odds(b), EPSILON_FACTOR, "Take `math.log` of it."),
    (lambda b, a: math.log(_odds(b) / _odds(a)), EPSILON_SIGN, "Divide the odds after by the odds before."),
    (lambda b, a: math.log10(_odds(a) / _odds(b)), EPSILON_BASE, "Use `math.log`."),
    (lambda b, a: math.log2(_odds(a) / _odds(b)), EPSILON_BASE, "Use `math.log`."),
    (lambda b, a: math.log(_odds(a)), EPSILON_BEFORE, "Divide by the odds before."),
)


@lab.task(
    prompt="Return the largest epsilon with which an attacker cannot become surer than `after`.",
    hints=(
        "Turn both chances into odds. By what factor may the odds grow? Which epsilon gives this factor?",
        "The odds of a chance are `chance / (1 - chance)`. The factor is the odds of `after`, divided by the "
        "odds of `before`.",
        "Epsilon is the natural logarithm of the factor: `math.log(factor)`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in EPSILON_SLIPS),
        KnownWrong(lambda before, after: 1.0, EPSILON_OTHER, "always takes 1"),
        KnownWrong(lambda before, after: f"{_largest_epsilon(before, after)}", EPSILON_KIND, "returns text"),
    ),
    solution=_largest_epsilon,
)
def largest_epsilon(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(20):
        before = float(rng.uniform(0.005, 0.6))
        cases.append((before, float(rng.uniform(before + 0.05, 0.98))))
    answers = [attempt(value, *case) for case in cases]
    if not all(_is_number(answer) for answer in answers):
        return incorrect(EPSILON_KIND, "Return a number, such as `math.log(factor)`.")
    if all(same(a, _largest_epsilon(*case), tolerance=1e-6) for a, case in zip(answers, cases, strict=True)):
        return correct("A sentence that a committee understands has become a setting of the release.")
    for slip, message, next_step in EPSILON_SLIPS:
        if all(same(a, slip(*case), tolerance=1e-6) for a, case in zip(answers, cases, strict=True)):
            return incorrect(message, next_step)
    return incorrect(EPSILON_OTHER, "Odds after by odds before, and of that the natural logarithm.")


# ------------------------------------------------------------------------------------------- 4 · the noise

NOISE_KIND = "as many numbers as there are counts are asked for, each a finite one."
NOISE_NONE = "the counts came back as they were: nobody is hidden."
NOISE_ONE = "all cells got the same noise: the difference of two cells is exact."
NOISE_AGAIN = "another generator gave the same noise: use the `rng` that is handed in."
NOISE_CLIPPED = "counts below zero were cut off, or the noise leans to one side: sums would come out wrong."
NOISE_INVERSE = "this grows with epsilon: a larger epsilon must mean less noise."
NOISE_ROWS = "the noise hides one row, and a person may have as many as `max_rows`."
NOISE_SMALL = "the noise is smaller than it must be to keep the promise."
NOISE_LARGE = "the noise is larger than it has to be."
NOISE_SHAPE = "the noise has the right size but not the form of a Laplace distribution."
CELLS = 20_000


def _noisy_counts(counts: np.ndarray, epsilon: float, max_rows: int, rng: np.random.Generator) -> np.ndarray:
    return counts + rng.laplace(scale=max_rows / epsilon, size=len(counts))


def _with_noise(make: Callable) -> Callable:
    return lambda counts, epsilon, max_rows, rng: counts + make(len(counts), epsilon, max_rows, rng)


def _noise_judged(noise: np.ndarray, epsilon: float, max_rows: int) -> tuple[str, str] | None:
    """Return message and next step for noise that is not Laplace with scale max_rows / epsilon.

    With 20,000 cells the mean size is known to 0.7 % and the form to 1.6 % (one standard deviation), so that
    limits of 8 % and 12 % let every right answer pass.
    """
    if not noise.any():
        return NOISE_NONE, "Add `rng.laplace(...)`."
    if np.ptp(noise) < 1e-9 * max_rows / epsilon:
        return NOISE_ONE, "Draw one number for each cell: `size=len(counts)`."
    wanted, size = max_rows / epsilon, float(np.abs(noise).mean())
    if abs(noise.mean()) > 0.08 * size:
        return NOISE_CLIPPED, "Leave negative counts as they are, and let the noise have its middle at 0."
    for slip, message, next_step in (
        (1 / epsilon, NOISE_ROWS, "The scale is `max_rows / epsilon`."),
        (epsilon / max_rows, NOISE_INVERSE, "The scale is `max_rows / epsilon`."),
        (epsilon * max_rows, NOISE_INVERSE, "The scale is `max_rows / epsilon`."),
        (epsilon, NOISE_INVERSE, "The scale is `max_rows / epsilon`."),
    ):
        if abs(size / slip - 1) < 0.08:
            return message, next_step
    if abs(size / wanted - 1) > 0.08:
        return (NOISE_SMALL if size < wanted else NOISE_LARGE), "The scale is `max_rows / epsilon`."
    # The mean square over the squared mean size: 2 for Laplace, 1.57 for normal, 1.33 for even noise.
    if abs(float((noise**2).mean()) / size**2 / 2 - 1) > 0.12:
        return NOISE_SHAPE, "Use `rng.laplace`."
    return None


@lab.task(
    prompt="Add Laplace noise to every count, so that a person with `max_rows` rows is hidden at `epsilon`.",
    hints=(
        "How far can one person move the counts? The noise is as large as this, divided by epsilon.",
        "`rng.laplace(scale=..., size=...)` draws the noise. The scale is how far a person reaches, divided "
        "by epsilon; the size is one number for each count.",
        "`counts + rng.laplace(scale=max_rows / epsilon, size=len(counts))`",
    ),
    known_wrong=(
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=1 / e, size=n)), NOISE_ROWS),
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=e / m, size=n)), NOISE_INVERSE),
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=e * m, size=n)), NOISE_INVERSE),
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=m / e)), NOISE_ONE),
        KnownWrong(
            _with_noise(lambda n, e, m, rng: np.random.default_rng(7).laplace(scale=m / e, size=n)),
            NOISE_AGAIN,
            "makes a generator with a seed",
        ),
        KnownWrong(
            _with_noise(lambda n, e, m, rng: rng.normal(scale=m / e * math.sqrt(math.pi / 2), size=n)),
            NOISE_SHAPE,
            "takes normal noise of the same size",
        ),
        KnownWrong(_with_noise(lambda n, e, m, rng: np.abs(rng.laplace(scale=m / e, size=n))), NOISE_CLIPPED),
        KnownWrong(
            lambda c, e, m, rng: np.maximum(0, _noisy_counts(c, e, m, rng)), NOISE_CLIPPED, "cuts off at zero"
        ),
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=0.45 * m / e, size=n)), NOISE_SMALL),
        KnownWrong(_with_noise(lambda n, e, m, rng: rng.laplace(scale=3 * m / e, size=n)), NOISE_LARGE),
        KnownWrong(lambda counts, epsilon, max_rows, rng: counts, NOISE_NONE, "changes nothing"),
        KnownWrong(lambda counts, epsilon, max_rows, rng: counts.sum(), NOISE_KIND, "adds them up"),
    ),
    solution=_noisy_counts,
)
def noisy_counts(value) -> CheckResult:
    rng = fresh()
    for _ in range(3):
        # Epsilon and rows are apart from 1 and from each other, so that each slip has a size of its own.
        epsilon, max_rows = float(rng.uniform(0.15, 0.3)), int(rng.integers(3, 9))
        counts = rng.poisson(rng.choice([0.0, 3.0, 300.0], CELLS)).astype(float)
        noises = []
        for seed in rng.integers(2**31, size=2):
            answer = attempt(value, counts, epsilon, max_rows, np.random.default_rng(seed))
            try:
                noisy = np.asarray(answer, dtype=float)
            except (TypeError, ValueError):
                noisy = np.empty(0)
            if noisy.shape != counts.shape or not np.isfinite(noisy).all():
                return incorrect(NOISE_KIND, "Return `counts + ...`, without leaving a cell out.")
            noises.append(noisy - counts)
        judged = _noise_judged(noises[0], epsilon, max_rows)
        if judged is not None:
            return incorrect(*judged)
        if np.array_equal(*noises):
            return incorrect(NOISE_AGAIN, "Draw with `rng.laplace(...)`.")
    return correct("The noise is Laplace, of the right size, another one in every cell and every time.")


# ------------------------------------------------------------------------------------------ 5 · the budget

BUDGET_KIND = "a list with True or False for each price is asked for."
BUDGET_OVERDRAWN = "a question was answered although the budget did not suffice."
BUDGET_NEGATIVE = "a negative price was paid: that puts budget back, and what was said stays said."
BUDGET_FREE = (
    "a price that is zero, missing, infinite or no number was accepted: such an answer has no noise."
)
BUDGET_STOPPED = "after a refusal a cheaper question may still be answered."
BUDGET_CHARGED = "a refused question was paid: it must cost nothing."
BUDGET_ROUNDED = (
    "the last answer was refused although it fits: three times 0.1 is 0.3, but not quite in a computer."
)
BUDGET_REFUSED = "a question was refused although the budget suffices."


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _price(price: object) -> bool:
    return _is_number(price) and math.isfinite(price) and price > 0


def _answered(prices: Sequence[object], budget: float) -> list[bool]:
    spent, answers = Decimal(0), []
    for price in prices:
        fits = _price(price) and spent + Decimal(str(price)) <= Decimal(str(budget))
        spent += Decimal(str(price)) if fits else 0
        answers.append(fits)
    return answers


def _loop(
    accepts: Callable[[object], bool] = _price,
    fits: Callable[[float, float, float], bool] = lambda spent, price, budget: spent + price <= budget + 1e-9,
    *,
    stops: bool = False,
    charges: bool = False,
) -> Callable[[Sequence[object], float], list[bool]]:
    def answered(prices: Sequence[object], budget: float) -> list[bool]:
        spent, stopped, answers = 0.0, False, []
        for price in prices:
            good = accepts(price)
            fine = good and fits(spent, price, budget) and not (stops and stopped)
            stopped = stopped or not fine
            if fine or (charges and good):
                spent += price
            answers.append(bool(fine))
        return answers

    return answered


BAD_PRICES = (0, 0.0, float("nan"), float("inf"), None, "free")


def _budget_cases(rng: np.random.Generator) -> list[tuple[list[object], float]]:
    """Each usual slip gives a wrong answer in one of them."""
    big = float(rng.integers(6, 9)) / 10
    small = float(rng.integers(1, 3)) / 10
    bad = [BAD_PRICES[i] for i in rng.permutation(len(BAD_PRICES))]
    return [
        ([0.1] * 4, 0.3),  # a sum of floats is a little above 0.3 at the third
        ([big, big, small], 1.0),  # the second is refused and costs nothing, the third fits
        ([big, -big, big, small], 1.0),
        ([bad[0], small, *bad[1:], small], 1.0),
        ([0.5, 0.5, 0.5], 1.0),  # the second uses the budget up, also in floats
        ([float(price) / 10 for price in rng.integers(1, 6, 12)], float(rng.integers(1, 4))),
    ]


@lab.task(
    prompt="Say for each price whether the question is answered, so that the budget is never overdrawn.",
    hints=(
        "Keep the sum of what was paid. Each price is first looked at, then added, and only if it fits.",
        "A price must be a finite number above 0. Then compare `spent + price` with the budget, with some "
        "room (1e-9), because 0.1 is not exact in a computer.",
        "`good = isinstance(price, (int, float)) and math.isfinite(price) and price > 0`, then "
        "`fits = good and spent + price <= budget + 1e-9`, and `spent += price` only if it fits.",
    ),
    known_wrong=(
        KnownWrong(
            _loop(fits=lambda spent, price, budget: spent < budget), BUDGET_OVERDRAWN, "looks too late"
        ),
        KnownWrong(_loop(fits=lambda *_: True), BUDGET_OVERDRAWN, "answers everything"),
        KnownWrong(
            _loop(accepts=lambda price: _is_number(price) and math.isfinite(price) and price != 0),
            BUDGET_NEGATIVE,
            "lets a price be negative",
        ),
        KnownWrong(
            _loop(accepts=lambda price: _is_number(price) and price >= 0), BUDGET_FREE, "free answers"
        ),
        KnownWrong(_loop(stops=True), BUDGET_STOPPED, "stops at the first refusal"),
        KnownWrong(_loop(charges=True), BUDGET_CHARGED, "charges refused questions"),
        KnownWrong(
            _loop(fits=lambda spent, price, budget: spent + price < budget - 1e-9),
            BUDGET_REFUSED,
            "never spends the last part",
        ),
        KnownWrong(
            _loop(fits=lambda spent, price, budget: spent + price <= budget), BUDGET_ROUNDED, "adds floats"
        ),
        KnownWrong(lambda prices, budget: sum(_answered(prices, budget)), BUDGET_KIND, "counts them"),
    ),
    solution=_answered,
)
def answered(value) -> CheckResult:
    cases = _budget_cases(fresh())
    answers = [attempt(value, prices, budget) for prices, budget in cases]
    if not all(
        isinstance(answer, list | tuple)
        and len(answer) == len(prices)
        and all(isinstance(item, bool | np.bool_) for item in answer)
        for answer, (prices, _) in zip(answers, cases, strict=True)
    ):
        return incorrect(BUDGET_KIND, "Append True or False in the loop, and return the list.")
    given = [[bool(item) for item in answer] for answer in answers]
    if given == [_answered(*case) for case in cases]:
        return correct("Nothing is overdrawn, nothing is given back, and what is refused costs nothing.")
    for answer, (prices, _) in zip(given, cases, strict=True):
        for item, price in zip(answer, prices, strict=True):
            if item and not _price(price):
                negative = _is_number(price) and price < 0
                message = BUDGET_NEGATIVE if negative else BUDGET_FREE
                return incorrect(message, "Refuse every price that is not a finite number above 0.")
    for answer, (prices, budget) in zip(given, cases, strict=True):
        paid = sum(Decimal(str(price)) for item, price in zip(answer, prices, strict=True) if item)
        if paid > Decimal(str(budget)):
            return incorrect(BUDGET_OVERDRAWN, "Compare `spent + price` with the budget before you answer.")
    for slip, message, next_step in (
        (_loop(stops=True), BUDGET_STOPPED, "Refuse this one question, and go on."),
        (_loop(charges=True), BUDGET_CHARGED, "Add the price only where the question is answered."),
        (
            _loop(fits=lambda spent, price, budget: spent + price <= budget),
            BUDGET_ROUNDED,
            "Leave a little room: `spent + price <= budget + 1e-9`.",
        ),
    ):
        if given == [slip(*case) for case in cases]:
            return incorrect(message, next_step)
    return incorrect(BUDGET_REFUSED, "Answer whenever `spent + price` is within the budget.")
