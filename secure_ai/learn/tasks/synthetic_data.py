"""The tasks of chapter 02: check digit, orphan rows, identifiers of nobody, determinism, a leaking column."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect

lab = Lab("02_synthetic_data", title="Synthetic data")
progress = lab.progress

# ------------------------------------------------------------------------------------- 1 · check digit


def _luhn(number: str, *, doubled: int = 0, split: bool = True, complement: bool = True) -> int:
    """Luhn's check digit (ISO/IEC 7812-1, annex B), or a slip of it by the options."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit)
        if position % 2 == doubled:
            value = sum(divmod(2 * value, 10)) if split else 2 * value
        total += value
    return (-total if complement else total) % 10


def _ten_for_zero(number: str) -> int:
    return _luhn(number) or 10


def _from_left(number: str) -> int:
    return _luhn(number, doubled=(len(number) + 1) % 2)


LUHN_SLIPS: tuple[tuple[Callable[[str], int], str, str, str], ...] = (
    (
        lambda number: _luhn(number, doubled=1),
        "the wrong digits are doubled.",
        "Count from the right: the digit next to the check digit is doubled, then every second one.",
        "starts doubling one digit too late",
    ),
    (
        _from_left,
        "the digits were counted from the left, and that goes wrong where their number is even.",
        "Start at the right end: `enumerate(reversed(number))`.",
        "goes through the number from the left",
    ),
    (
        lambda number: _luhn(number, split=False),
        "a doubled digit above 9 has to become one digit again.",
        "14 counts as 1 + 4 = 5, which is also 14 - 9.",
        "adds the doubled digit as it is",
    ),
    (
        lambda number: _luhn(number, complement=False),
        "that is the rest of the sum, not what is missing to the next ten.",
        "The check digit brings the whole sum to a multiple of ten.",
        "returns the sum modulo ten",
    ),
    (
        _ten_for_zero,
        "10 is not a digit.",
        "Where the sum already ends in 0 the check digit is 0: one more `% 10` does it.",
        "returns 10 - total % 10",
    ),
    (
        lambda number: sum(map(int, number)) % 10,
        "that is a plain sum of digits, which does not notice two swapped neighbors.",
        "Every second digit, counted from the right, has to be doubled first.",
        "adds up all digits",
    ),
)
LUHN_OTHER = "at least one check digit is wrong."
LUHN_WHOLE = "this is the whole number; its last digit alone is asked for."


@lab.task(
    prompt="Give the check digit that completes a card number, by Luhn's rule.",
    hints=(
        "Work from the right. The check digit is not there yet, so the last digit that you have is the first "
        "one to be doubled.",
        "`for position, digit in enumerate(reversed(number))`: double where `position % 2 == 0`, and take 9 "
        "off whatever is then above 9.",
        "With all digits in `total`, the answer is `(10 - total % 10) % 10`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, note) for slip, message, _, note in LUHN_SLIPS),
        KnownWrong(lambda number: 7, LUHN_OTHER, "one digit for every number"),
        KnownWrong(lambda number: f"{number}{_luhn(number)}", LUHN_WHOLE, "completes the number"),
    ),
    solution=_luhn,
)
def luhn_digit(value) -> CheckResult:
    rng = fresh()
    # Lengths both odd and even, and numbers whose check digit is 0: each finds a slip the others miss.
    numbers = ["".join(map(str, rng.integers(0, 10, length))) for length in [9, 14, 15, 15, 18] * 6]
    numbers += [next(n + d for d in "0123456789" if _luhn(n + d) == 0) for n in numbers[:4]]
    answers = [_digit(attempt(value, number)) for number in numbers]
    if answers == [_luhn(number) for number in numbers]:
        return correct("Every number that was made up for this check passes with your digit.")
    if answers == [int(f"{number}{_luhn(number)}") for number in numbers]:
        return incorrect(LUHN_WHOLE, "Leave the digits that you were given out of the result.")
    for slip, message, next_step, _ in LUHN_SLIPS:
        if answers == [slip(number) for number in numbers]:
            return incorrect(message, next_step)
    wrong = next(n for n, answer in zip(numbers, answers, strict=True) if answer != _luhn(n))
    return incorrect(LUHN_OTHER, f"Work through {wrong} by hand: it needs {_luhn(wrong)}.")


def _digit(answer: object) -> object:
    try:
        return int(str(answer))
    except ValueError:
        return answer


# -------------------------------------------------------------------------------------- 2 · orphan rows

ORPHANS_REVERSED = "these are the parents without a child; an orphan is a child without a parent."
ORPHANS_COMPLEMENT = "these are the rows whose parent exists; the orphans are the others."
ORPHANS_MASK = "this says True or False for each row; the rows themselves are asked for."
ORPHANS_INDEX = "the row numbers were compared; what links the tables is the key column."
ORPHANS_NO_TABLE = "a table with the orphan rows is asked for."
ORPHANS_OTHER = "these are not exactly the orphan rows."


def _orphans(children: pd.DataFrame, parents: pd.DataFrame, key: str) -> pd.DataFrame:
    return children[~children[key].isin(parents[key])]


@lab.task(
    prompt="Give the rows of a child table whose key is missing in the parent table.",
    hints=(
        "For each child row ask one question: is its key among the parent's keys?",
        "`children[key].isin(parents[key])` answers it for all rows at once.",
        "`children[~(...)]` keeps the rows for which the answer is no; `~` means not.",
    ),
    known_wrong=(
        KnownWrong(
            lambda children, parents, key: _orphans(parents, children, key),
            ORPHANS_REVERSED,
            "looks in the other direction",
        ),
        KnownWrong(
            lambda children, parents, key: children[children[key].isin(parents[key])],
            ORPHANS_COMPLEMENT,
            "forgets the not",
        ),
        KnownWrong(
            lambda children, parents, key: ~children[key].isin(parents[key]),
            ORPHANS_MASK,
            "stops at the mask",
        ),
        KnownWrong(
            lambda children, parents, key: children[~children.index.isin(parents.index)],
            ORPHANS_INDEX,
            "compares the index",
        ),
        KnownWrong(
            lambda children, parents, key: len(_orphans(children, parents, key)),
            ORPHANS_NO_TABLE,
            "counts them",
        ),
        KnownWrong(
            lambda children, parents, key: children.iloc[:0], ORPHANS_OTHER, "finds none, whatever the tables"
        ),
    ),
    solution=_orphans,
)
def orphan_rows(value) -> CheckResult:
    rng = fresh()
    for _ in range(5):
        key = f"{rng.choice(['patient', 'customer', 'account', 'encounter'])}_id"
        keys = np.array([f"K{number:05d}" for number in rng.choice(90_000, 260, replace=False)])
        parents = pd.DataFrame({key: keys[:200], "name": rng.integers(0, 9, 200)})
        # Two thirds of the children point to an existing parent, some parents have none.
        children = pd.DataFrame({"line": np.arange(300), key: rng.choice(keys[60:], 300)})
        answer = attempt(value, children, parents, key)
        expected = _orphans(children, parents, key)["line"].tolist()
        if isinstance(answer, pd.Series) and answer.dtype == bool:
            return incorrect(ORPHANS_MASK, "Put it in square brackets behind the table: `children[mask]`.")
        if not isinstance(answer, pd.DataFrame):
            return incorrect(ORPHANS_NO_TABLE, "Return rows of `children`.")
        if "line" not in answer:
            return incorrect(ORPHANS_REVERSED, "Start from `children`, and look its keys up in `parents`.")
        given = sorted(answer["line"].tolist())
        if given != expected:
            if given == sorted(set(range(300)) - set(expected)):
                return incorrect(ORPHANS_COMPLEMENT, "Turn the condition around with `~`.")
            if given == children.index[~children.index.isin(parents.index)].tolist():
                return incorrect(ORPHANS_INDEX, "Compare `children[key]` with `parents[key]`.")
            return incorrect(
                ORPHANS_OTHER, f"In one of the checks there are {len(expected)}; you gave {len(given)}."
            )
    return correct("Every orphan in five pairs of tables was found, and no other row.")


# --------------------------------------------------------------------------- 3 · an identifier of nobody

SSN_FORMAT = "a social security number looks like 900-01-0001: three, two and four digits."
SSN_REAL = "areas from 001 to 899 (without 666) are issued to people: one of these numbers may be somebody's."
SSN_NEVER = "areas 000 and 666 belong to nobody, but programs reject them before they look."
SSN_TAX = "in the 9xx areas the groups from 50 on are tax numbers of real people (ITIN)."
SSN_ZERO = "a group of 00 or a serial of 0000 is rejected as no number at all."
SSN_CONSTANT = "all numbers are the same, and a table needs one for each person."
SSN_NARROW = "there are too few different numbers for a table of people."
SSN_GLOBAL = "the same generator gave two different numbers: the function draws from somewhere else."


def _fake_ssn(rng: np.random.Generator) -> str:
    return f"{rng.integers(900, 1000)}-{rng.integers(1, 50):02d}-{rng.integers(1, 10_000):04d}"


@lab.task(
    prompt="Draw a social security number that looks real and can belong to nobody.",
    hints=(
        "The first three digits are the area, the next two the group. No social security number was ever "
        "issued with an area of 900 to 999.",
        "Areas 900 to 999 are also used for tax numbers, with groups from 50 on: stay between 01 and 49. "
        "`rng.integers(1, 50)` draws from 1 to 49.",
        "`f'{rng.integers(900, 1000)}-{rng.integers(1, 50):02d}-...'`: `:02d` writes two digits with a "
        "leading zero; add the four digits of the serial in the same way.",
    ),
    known_wrong=(
        KnownWrong(
            lambda rng: (
                f"{rng.integers(1, 666):03d}-{rng.integers(1, 100):02d}-{rng.integers(1, 10_000):04d}"
            ),
            SSN_REAL,
            "any nine digits",
        ),
        KnownWrong(
            lambda rng: f"000-{rng.integers(1, 50):02d}-{rng.integers(1, 10_000):04d}",
            SSN_NEVER,
            "the area that everybody knows to be free",
        ),
        KnownWrong(
            lambda rng: (
                f"9{rng.integers(0, 100):02d}-{rng.integers(50, 100):02d}-{rng.integers(1, 10_000):04d}"
            ),
            SSN_TAX,
            "a 9xx area with any group",
        ),
        KnownWrong(lambda rng: f"{rng.integers(900, 1000)}-00-0000", SSN_ZERO, "zeros for safety"),
        KnownWrong(lambda rng: "900-01-0001", SSN_CONSTANT, "one number for everybody"),
        KnownWrong(lambda rng: f"900-01-{rng.integers(1, 30):04d}", SSN_NARROW, "few serials"),
        KnownWrong(lambda rng: _fake_ssn(rng).replace("-", ""), SSN_FORMAT, "no dashes"),
        KnownWrong(
            lambda rng: _fake_ssn(np.random.default_rng()), SSN_GLOBAL, "makes a generator of its own"
        ),
    ),
    solution=_fake_ssn,
)
def nobodys_ssn(value) -> CheckResult:
    seeds = fresh().integers(2**62, size=400)
    # Each call gets its own generator: `attempt` hands over a copy, so one that is shared would not advance.
    numbers = [attempt(value, np.random.default_rng(seed)) for seed in seeds]
    shapes = [re.fullmatch(r"(\d{3})-(\d{2})-(\d{4})", str(number)) for number in numbers]
    if not all(shapes):
        return incorrect(SSN_FORMAT, "Write each part with its leading zeros and put dashes between them.")
    parts = [(int(shape[1]), int(shape[2]), int(shape[3])) for shape in shapes]
    if any(area in {0, 666} for area, _, _ in parts):
        return incorrect(SSN_NEVER, "Use an area from 900 to 999.")
    if any(area < 900 for area, _, _ in parts):
        return incorrect(SSN_REAL, "Use an area from 900 to 999.")
    if any(group == 0 or serial == 0 for _, group, serial in parts):
        return incorrect(SSN_ZERO, "Start both at 1.")
    if any(group > 49 for _, group, _ in parts):
        return incorrect(SSN_TAX, "Use a group from 01 to 49.")
    distinct = len(set(numbers))
    if distinct == 1:
        return incorrect(SSN_CONSTANT, "Draw each part from `rng`.")
    if numbers[:20] != [attempt(value, np.random.default_rng(seed)) for seed in seeds[:20]]:
        return incorrect(SSN_GLOBAL, "Draw from the `rng` that is handed in, and from nothing else.")
    if distinct < 0.95 * len(numbers):
        return incorrect(
            SSN_NARROW, f"{len(numbers)} draws gave {distinct} numbers: draw every part, over its range."
        )
    return correct(f"{len(numbers)} draws, enough different numbers, and not one of them can be anybody's.")


# -------------------------------------------------------------------------- 4 · a draw that can be repeated

DRAW_SHAPE = "whole numbers from 18 to 99 are asked for, as many as `n` says."
DRAW_NOT_REPEATED = "the same seed gave two different draws."
DRAW_SEED_IGNORED = "different seeds gave the same draw."
DRAW_SHORT_OF_ENDS = "in 3,000 draws the age 18 or the age 99 never came up."
DRAW_COUNTED = "these ages are computed one from the other, so that whoever sees one knows the next."
DRAW_TOUCHES_GLOBAL = "the draw changes the random numbers of everything else in the program."


def _draw(n: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(18, 100, n).tolist()


def _draw_with_numpy_seed(n: int, seed: int) -> list[int]:
    np.random.seed(seed)
    return np.random.randint(18, 100, n).tolist()


def _draw_with_random_seed(n: int, seed: int) -> list[int]:
    random.seed(seed)
    return [random.randint(18, 99) for _ in range(n)]


def _draw_and_put_back(n: int, seed: int) -> list[int]:
    state = random.getstate()
    ages = [random.randint(18, 99) for _ in range(n)]
    random.setstate(state)
    return ages


@lab.task(
    prompt="Draw ages that come out the same for the same seed, without touching any global state.",
    hints=(
        "`np.random.seed` sets one generator for the whole program. Whoever else uses it gets other numbers "
        "because of you. Make a generator of your own instead.",
        "`rng = np.random.default_rng(seed)` is yours alone; `rng.integers(low, high, n)` leaves `high` out.",
        "`return np.random.default_rng(seed).integers(18, 100, n)`",
    ),
    known_wrong=(
        KnownWrong(_draw_with_numpy_seed, DRAW_TOUCHES_GLOBAL, "seeds numpy's global generator"),
        KnownWrong(_draw_with_random_seed, DRAW_TOUCHES_GLOBAL, "seeds the module random"),
        KnownWrong(
            lambda n, seed: np.random.default_rng().integers(18, 100, n),
            DRAW_NOT_REPEATED,
            "forgets the seed",
        ),
        KnownWrong(_draw_and_put_back, DRAW_NOT_REPEATED, "restores the global state, but starts from it"),
        KnownWrong(
            lambda n, seed: np.random.default_rng(0).integers(18, 100, n),
            DRAW_SEED_IGNORED,
            "writes a fixed seed",
        ),
        KnownWrong(
            lambda n, seed: [18 + i % 82 for i in range(n)], DRAW_SEED_IGNORED, "counts instead of drawing"
        ),
        KnownWrong(
            lambda n, seed: [18 + (seed + i) % 82 for i in range(n)],
            DRAW_COUNTED,
            "counts from the seed",
        ),
        KnownWrong(
            lambda n, seed: np.random.default_rng(seed).integers(18, 99, n),
            DRAW_SHORT_OF_ENDS,
            "forgets that numpy leaves the upper end out",
        ),
        KnownWrong(
            lambda n, seed: np.random.default_rng(seed).random(n), DRAW_SHAPE, "numbers between 0 and 1"
        ),
        KnownWrong(
            lambda n, seed: np.random.default_rng(seed).integers(0, 50, n),
            DRAW_SHAPE,
            "another range of ages",
        ),
    ),
    solution=_draw,
)
def repeatable_draw(value) -> CheckResult:
    rng = fresh()
    n = int(rng.integers(40, 80))
    # Different also as remainders of 82, so that an answer that counts from the seed gives different draws.
    seeds = [int(seed) for seed in rng.integers(2**30) + rng.choice(82, size=4, replace=False)]
    before = random.getstate(), np.random.get_state()
    try:
        _shake(1)
        shaken = _global_state()
        first = [_ages(attempt(value, n, seed)) for seed in seeds]
        touched = _global_state() != shaken
        _shake(2)
        second = [_ages(attempt(value, n, seed)) for seed in seeds]
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
    if any(ages is None or len(ages) != n for ages in first + second):
        return incorrect(
            DRAW_SHAPE, f"For n = {n} the result has {n} whole numbers, none below 18 or above 99."
        )
    if first != second:
        return incorrect(DRAW_NOT_REPEATED, "Make the generator inside the function, from `seed`.")
    if touched:
        return incorrect(
            DRAW_TOUCHES_GLOBAL, "Make a generator of your own with `np.random.default_rng(seed)`."
        )
    if len({tuple(ages) for ages in first}) < len(seeds):
        return incorrect(DRAW_SEED_IGNORED, "Pass `seed` on to the generator.")
    # Long enough that an honest draw misses neither an end nor, by far, half of these pairs.
    many = _ages(attempt(value, 3000, seeds[0])) or []
    if len(set(pairwise(many))) < 1000:
        return incorrect(
            DRAW_COUNTED, "Let a generator draw them: `np.random.default_rng(seed).integers(...)`."
        )
    if not {18, 99} <= set(many):
        return incorrect(DRAW_SHORT_OF_ENDS, "`integers(low, high)` leaves `high` out: write 100 there.")
    return correct(
        f"{len(seeds)} seeds, drawn twice each: equal where they should be, and nothing else was disturbed."
    )


def _shake(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)


def _global_state() -> tuple[object, ...]:
    _, keys, position, *_ = np.random.get_state()
    return random.getstate(), keys.tobytes(), position


def _ages(answer: object) -> list[int] | None:
    try:
        ages = [int(age) for age in answer if age == int(age) and 18 <= age <= 99]
        return ages if len(ages) == len(answer) else None
    except (TypeError, ValueError):
        return None


# ----------------------------------------------------------------------- 5 · the column that knows the answer

LEAK_NOT_A_COLUMN = "the name of one column of the table is asked for."
LEAK_TARGET = "that is the answer itself; look for a column that repeats it in disguise."
LEAK_CORRELATION = "that column has the largest correlation, yet it does not give the answer away."
LEAK_RISING = "that column rises with the answer; the one that leaks falls with it."
LEAK_OTHER = "that column does not give the answer away."


def _separation(column: pd.Series, target: pd.Series) -> float:
    """Area under the ROC curve of one column alone (Mann-Whitney), 0.5 to 1, whichever way it points."""
    ranks = column.rank()
    positives = int(target.sum())
    area = (ranks[target == 1].sum() - positives * (positives + 1) / 2) / (
        positives * (len(target) - positives)
    )
    return max(area, 1 - area)


def _leaking(table: pd.DataFrame, target: str) -> str:
    return max(table.columns.drop(target), key=lambda name: _separation(table[name], table[target]))


def _largest_correlation(table: pd.DataFrame, target: str) -> str:
    return str(table.corr()[target].drop(target).abs().idxmax())


def _rises_most(table: pd.DataFrame, target: str) -> str:
    return max(table.columns.drop(target), key=lambda name: table[name].rank().corr(table[target]))


def _tells_least(table: pd.DataFrame, target: str) -> str:
    return min(table.columns.drop(target), key=lambda name: _separation(table[name], table[target]))


def _table_with_leak(rng: np.random.Generator, falling: bool) -> tuple[pd.DataFrame, str, str, str]:
    """A table, its target, the column that leaks, and an honest one that lies on a straighter line."""
    n = 400
    names = [
        f"{word}_{rng.integers(10, 99)}" for word in ("visits", "balance", "score", "days", "ratio", "level")
    ]
    order = rng.permutation(len(names))
    target = f"{rng.choice(['readmitted', 'defaulted', 'flagged'])}_{rng.integers(10, 99)}"
    label = (rng.random(n) < 0.3).astype(int)
    columns = {name: label * rng.uniform(0, 0.6) + rng.normal(size=n) for name in names}
    leak, straight = names[order[0]], names[order[1]]
    # Skewed on purpose: the order tells everything, the correlation little. Two honest columns are skewed
    # more, and each column has a unit of its own, so that neither spread nor shape names the leak.
    columns[leak] = np.exp((-2 if falling else 2) * (6 * label + rng.normal(size=n)))
    columns[straight] = 1.8 * label + rng.normal(size=n)
    for position in order[2:4]:
        columns[names[position]] = np.exp(rng.uniform(3, 4) * columns[names[position]])
    units = 10 ** rng.uniform(-2, 4, len(names))
    table = pd.DataFrame(
        {
            name: unit * column / column.std()
            for unit, (name, column) in zip(units, columns.items(), strict=True)
        }
    )
    table.insert(int(rng.integers(0, len(names))), target, label)
    return table, target, leak, straight


@lab.task(
    prompt="Name the column that gives the answer away, so that it can be removed before training.",
    hints=(
        "Take one column at a time: if a cut at a single value sorts yes from no without a mistake, the "
        "column knows too much. That can be a high or a low value.",
        "`roc_auc_score(table[target], table[name])` is 0.5 for a column that knows nothing, and 1 or 0 for "
        "one that knows everything: take whichever is farther from 0.5.",
        "`max(columns, key=lambda name: abs(roc_auc_score(table[target], table[name]) - 0.5))`, where "
        "`columns` are all columns but `target`.",
    ),
    known_wrong=(
        KnownWrong(_largest_correlation, LEAK_CORRELATION, "correlation misses what is not a straight line"),
        KnownWrong(_rises_most, LEAK_RISING, "forgets that a column can fall with the answer"),
        KnownWrong(
            lambda table, target: target, LEAK_TARGET, "everything is perfectly correlated with itself"
        ),
        KnownWrong(lambda table, target: "discharge_code", LEAK_NOT_A_COLUMN, "a guess from the name"),
        KnownWrong(
            lambda table, target: table.columns.drop(target).tolist(), LEAK_NOT_A_COLUMN, "gives them all"
        ),
        KnownWrong(
            lambda table, target: table.drop(columns=target).std().idxmax(),
            LEAK_OTHER,
            "takes the column that varies most",
        ),
        KnownWrong(
            lambda table, target: table.drop(columns=target).skew().abs().idxmax(),
            LEAK_OTHER,
            "takes the most lopsided column",
        ),
        KnownWrong(_tells_least, LEAK_OTHER, "takes the smallest figure for the safest find"),
    ),
    solution=_leaking,
)
def leaking_column(value) -> CheckResult:
    rng = fresh()
    wrong = []  # (falling, whether the straighter column was named, how far the named one gets)
    for falling in (False, True) * 4:
        table, target, leak, straight = _table_with_leak(rng, falling)
        answer = attempt(value, table, target)
        if not isinstance(answer, str) or answer not in table:
            return incorrect(LEAK_NOT_A_COLUMN, "Return its name as text.")
        if answer == target:
            return incorrect(LEAK_TARGET, "Leave the target out of the search.")
        if answer != leak:
            wrong.append((falling, answer == straight, _separation(table[answer], table[target])))
    if not wrong:
        return correct("In eight tables you named the column that sorts yes from no all by itself.")
    reached = (
        f"Alone, the column that you named reaches an AUC of {wrong[0][2]:.2f}; another one reaches nearly 1."
    )
    if not all(straight for _, straight, _ in wrong):
        return incorrect(LEAK_OTHER, reached)
    if all(falling for falling, _, _ in wrong):
        return incorrect(
            LEAK_RISING, "An AUC near 0 tells as much as one near 1: measure the distance from 0.5."
        )
    return incorrect(LEAK_CORRELATION, f"Compare the order, not the straight line. {reached}")
