"""The tasks of chapter 05: quasi-identifiers, records at risk, age bands, classes too alike, a release."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, incorrect, same
from secure_ai.learn.slips import Case, Slip, explained, telling_cases

lab = Lab("05_anonymize_tables", title="Anonymize tables")
progress = lab.progress

# -------------------------------------------------------------------------------- 1 · the quasi-identifiers

KNOWN_KIND = "a list of names from the column `column` is asked for."
KNOWN_ALL = "this is every column; most of them nobody outside knows."
KNOWN_NAMES = "a column that names one person is no quasi-identifier: it leaves the table altogether."
KNOWN_SECRET = "the sensitive column is what the attacker wants to learn, not what leads to the record."
KNOWN_ONE_VALUE = "a column that is the same for everybody splits nobody off."
KNOWN_FIRST = "this looks at the first attacker only; each of them counts."
KNOWN_BY_ALL = "it is enough that one of the attackers knows a column."
KNOWN_ANYBODY = "this takes whatever anybody knows; asked is about the attackers of this situation."
KNOWN_OTHER = "these are not the columns that are asked for."

ATTACKERS = ("public register", "neighbors", "employer", "former spouse", "social network")


def _knows(known_to: str) -> set[str]:
    return {name.strip() for name in known_to.split(",")}


def _choose(
    *, names: bool = True, secret: bool = True, constant: bool = True, who: str = "any"
) -> Callable[[pd.DataFrame, Sequence[str], str], list[str]]:
    """Return the answer, or the one of somebody who forgets a part of it."""

    def chosen(columns: pd.DataFrame, attackers: Sequence[str], sensitive: str) -> list[str]:
        found = []
        for row in columns.itertuples():
            known = _knows(row.known_to)
            fits = {
                "any": bool(known & set(attackers)),
                "all": known >= set(attackers),
                "first": attackers[0] in known,
                "anybody": known != {"staff only"},
            }[who]
            if names and row.names_one_person:
                fits = False
            if secret and row.column == sensitive:
                fits = False
            if constant and row.values < 2:
                fits = False
            if fits:
                found.append(row.column)
        return sorted(found)

    return chosen


_known = _choose()


def _everything(columns: pd.DataFrame, attackers: Sequence[str], sensitive: str) -> list[str]:
    return sorted(columns["column"])


KNOWN_SLIPS: tuple[Slip, ...] = (
    (_everything, KNOWN_ALL, "Keep those of which `known_to` names one of `attackers`."),
    (_choose(names=False), KNOWN_NAMES, "Leave out the rows where `names_one_person` is true."),
    (_choose(secret=False), KNOWN_SECRET, "Leave out the column `sensitive`."),
    (_choose(constant=False), KNOWN_ONE_VALUE, "Leave out the rows with fewer than two `values`."),
    (_choose(who="first"), KNOWN_FIRST, "Compare `known_to` with every entry of `attackers`."),
    (_choose(who="all"), KNOWN_BY_ALL, "Use `any(...)` rather than `all(...)`."),
    (_choose(who="anybody"), KNOWN_ANYBODY, "Compare `known_to` with the entries of `attackers`."),
)


def _situation(rng: np.random.Generator) -> Case:
    who = [str(name) for name in rng.permutation(ATTACKERS)]
    attackers, absent = who[: int(rng.integers(2, 4))], who[4]
    # (known to, values, names one person)
    rows: list[tuple[str, int, bool]] = [
        (attackers[0], 90, False),
        (attackers[1], 3, False),
        (f"{absent}, {attackers[-1]}", 40, False),
        (", ".join(attackers), 12, False),
        (absent, 25, False),
        ("staff only", 300, False),
        ("staff only", 7, False),
        (", ".join(attackers), 5000, True),
        (", ".join(attackers), 1, False),
        (", ".join(attackers), 6, False),  # the sensitive one
    ]
    pool = ["occupation", "birth_date", "zip", "language", "school", "car", "ward"]
    names = [str(name) for name in rng.permutation(pool)]
    names += [str(rng.choice(["email", "phone"])), "country", str(rng.choice(["diagnosis", "income"]))]
    frame = pd.DataFrame(rows, columns=["known_to", "values", "names_one_person"])
    frame.insert(0, "column", names)
    order = rng.permutation(len(rows))
    return frame.iloc[order].reset_index(drop=True), attackers, names[-1]


@lab.task(
    prompt="Return the columns by which one of the given attackers could recognize somebody.",
    hints=(
        "Four questions for each row: does it name a person, is it the secret, is it the same for everybody, "
        "and does one of the attackers know it?",
        "`any(name in row.known_to for name in attackers)` says whether one of them knows the column. The "
        "other three are `row.names_one_person`, `row.column == sensitive` and `row.values < 2`.",
        "`[row.column for row in columns.itertuples() if any(name in row.known_to for name in attackers) and "
        "not row.names_one_person and row.values > 1 and row.column != sensitive]`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, step) for slip, message, step in KNOWN_SLIPS),
        KnownWrong(lambda columns, attackers, sensitive: columns, KNOWN_KIND, "returns the table"),
        KnownWrong(
            lambda columns, attackers, sensitive: _known(columns, attackers, sensitive)[1:],
            KNOWN_OTHER,
            "forgets one",
        ),
    ),
    solution=_known,
)
def quasi_identifiers(value) -> CheckResult:
    cases = telling_cases(_situation, _known, KNOWN_SLIPS)
    answers = [attempt(value, *case) for case in cases]
    if not all(
        isinstance(answer, list | tuple | set | frozenset) and all(isinstance(name, str) for name in answer)
        for answer in answers
    ):
        return incorrect(KNOWN_KIND, "Collect the names in a list.")
    given = [sorted(set(answer)) for answer in answers]
    if same(given, [_known(*case) for case in cases]):
        return correct("What an attacker of this situation knows, and nothing else, has to be made coarser.")
    return explained(
        given,
        cases,
        KNOWN_SLIPS,
        incorrect(KNOWN_OTHER, "Take the rows one by one: who knows it, and would it single somebody out?"),
    )


# --------------------------------------------------------------------------------------- 2 · records at risk

RISK_KIND = "one number, a share from 0 to 1, is asked for."
RISK_CLASSES = "this is a share of the classes; asked is the share of the records in them."
RISK_EDGE = "a record whose risk is exactly the threshold is not above it."
RISK_UNIQUE = "this counts only those who are alone; two who look alike are at a risk of one half each."
RISK_MISSING = "records with a missing value have dropped out; a missing value is a value that can be known."
RISK_COUNT = "this is the number of records; asked is their share."
RISK_FIRST = "this groups by the first column only; an attacker uses all of them together."
RISK_AVERAGE = "this is the average risk; asked is the share of the records above the threshold."
RISK_OTHER = "this is not the share of the records whose risk is above the threshold."


def _sizes(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    return table.groupby(list(columns), dropna=False)[columns[0]].transform("size")


def _at_risk(table: pd.DataFrame, columns: Sequence[str], threshold: float) -> float:
    return float((1 / _sizes(table, columns) > threshold).mean())


def _risk_of_classes(table: pd.DataFrame, columns: Sequence[str], threshold: float) -> float:
    return float((1 / table.groupby(list(columns), dropna=False).size() > threshold).mean())


def _without_missing(table: pd.DataFrame, columns: Sequence[str], threshold: float) -> float:
    whole = table.dropna(subset=list(columns))
    return float((1 / _sizes(whole, columns) > threshold).mean())


def _missing_safe(table: pd.DataFrame, columns: Sequence[str], threshold: float) -> float:
    whole = table.dropna(subset=list(columns))
    return float((1 / _sizes(whole, columns) > threshold).sum() / len(table))


RISK_SLIPS: tuple[Slip, ...] = (
    (_risk_of_classes, RISK_CLASSES, "Give each record the size of its class with `transform('size')`."),
    (
        lambda table, columns, threshold: float((1 / _sizes(table, columns) >= threshold).mean()),
        RISK_EDGE,
        "Use `>` rather than `>=`.",
    ),
    (
        lambda table, columns, threshold: float((_sizes(table, columns) == 1).mean()),
        RISK_UNIQUE,
        "The risk of a record is 1 divided by the size of its class.",
    ),
    (_without_missing, RISK_MISSING, "Pass `dropna=False` to `groupby`."),
    (_missing_safe, RISK_MISSING, "Pass `dropna=False` to `groupby`."),
    (
        lambda table, columns, threshold: float((1 / _sizes(table, columns) > threshold).sum()),
        RISK_COUNT,
        "Use `mean()` rather than `sum()`.",
    ),
    (
        lambda table, columns, threshold: _at_risk(table, columns[:1], threshold),
        RISK_FIRST,
        "Pass all of `columns` to `groupby`.",
    ),
    (
        lambda table, columns, threshold: float((1 / _sizes(table, columns)).mean()),
        RISK_AVERAGE,
        "Compare each risk with the threshold first, then take the mean.",
    ),
)


def _risk_case(rng: np.random.Generator) -> Case:
    """A table with classes below, at and above the size that the threshold asks for."""
    size = int(rng.choice([4, 5, 10]))
    sizes = [1, 1, 2, size - 1, size, size, size + 1, 2 * size, int(rng.integers(3 * size, 5 * size))]
    places = [f"0{n}" for n in rng.permutation(np.arange(2100, 2199))[:5]]
    years = rng.permutation(np.arange(1940, 2005))[:2].tolist()
    kinds: list[tuple[Any, Any]] = [(place, year) for place in places for year in years]
    kinds[0] = (None, years[0])
    kinds[4] = (None, years[1])
    rows = [
        (place, year, "x")
        for (place, year), n in zip(kinds[: len(sizes)], rng.permutation(sizes), strict=True)
        for _ in range(n)
    ]
    frame = pd.DataFrame(rows, columns=["zip", "birth_year", "diagnosis"])
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    return frame, ["zip", "birth_year"], 1 / size


@lab.task(
    prompt="Return the share of the records whose risk, 1 divided by the size of their class, is above the "
    "threshold.",
    hints=(
        "First give every record the number of records that look like it, then compare.",
        "`table.groupby(columns, dropna=False)` makes the classes, missing values included, and "
        "`[columns[0]].transform('size')` gives each record the size of its class.",
        "`sizes = table.groupby(columns, dropna=False)[columns[0]].transform('size')`, then "
        "`float((1 / sizes > threshold).mean())`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, step) for slip, message, step in RISK_SLIPS),
        KnownWrong(lambda table, columns, threshold: table, RISK_KIND, "returns the table"),
        KnownWrong(
            lambda table, columns, threshold: 1 - _at_risk(table, columns, threshold),
            RISK_OTHER,
            "returns the share that is safe",
        ),
    ),
    solution=_at_risk,
)
def records_at_risk(value) -> CheckResult:
    cases = telling_cases(_risk_case, _at_risk, RISK_SLIPS)
    answers = [attempt(value, *case) for case in cases]
    if not all(_is_number(answer) for answer in answers):
        return incorrect(RISK_KIND, "Return `float(...)` of the share.")
    if same(answers, [_at_risk(*case) for case in cases]):
        return correct("Every record counts with the size of its own class, missing values included.")
    return explained(
        answers,
        cases,
        RISK_SLIPS,
        incorrect(
            RISK_OTHER, "Give each record the size of its class, and compare 1 / size with the threshold."
        ),
    )


def _is_number(answer: Any) -> bool:
    return (
        isinstance(answer, int | float | np.number)
        and not isinstance(answer, bool | np.bool_)
        and math.isfinite(answer)
    )


# ------------------------------------------------------------------------------------------- 3 · age bands

BANDS_KIND = "one of the entries of `widths` is asked for."
BANDS_WIDEST = "this is the widest; a narrower one hides everybody as well, and says more."
BANDS_MEAN = "in the average band there are enough people; k asks it of every band."
BANDS_MORE = "a band of exactly k people is large enough."
BANDS_ORDER = "this is the first in the list that does; the list is in no order."
BANDS_EMPTY = "bands in which nobody is need no k people: nobody can be found in them."
BANDS_YOUNGEST = "these bands begin with the youngest; asked are bands that begin at 0."
BANDS_NARROWEST = "this is the narrowest, and somebody is left in a band that is too small."
BANDS_OTHER = "this is not the narrowest width with k people in every band."


def _holds(ages: Sequence[int], width: int, k: int, start: int = 0) -> bool:
    counts = np.unique((np.asarray(ages) - start) // width, return_counts=True)[1]
    return bool(counts.min() >= k)


def _narrowest(ages: Sequence[int], widths: Sequence[int], k: int) -> int:
    return next(width for width in sorted(widths) if _holds(ages, width, k))


def _by_mean(ages: Sequence[int], widths: Sequence[int], k: int) -> int:
    return next(w for w in sorted(widths) if len(ages) / len(np.unique(np.asarray(ages) // w)) >= k)


def _no_gap(ages: Sequence[int], widths: Sequence[int], k: int) -> int:
    def counts(width: int) -> np.ndarray:
        places = np.asarray(ages) // width
        return np.bincount(places - places.min())

    return next(width for width in sorted(widths) if counts(width).min() >= k)


BAND_SLIPS: tuple[Slip, ...] = (
    (
        lambda ages, widths, k: max(widths),
        BANDS_WIDEST,
        "Go through `sorted(widths)` and stop at the first.",
    ),
    (lambda ages, widths, k: min(widths), BANDS_NARROWEST, "Count the people in each band first."),
    (_by_mean, BANDS_MEAN, "Compare the smallest band with k."),
    (lambda ages, widths, k: _narrowest(ages, widths, k + 1), BANDS_MORE, "Use `>=` rather than `>`."),
    (
        lambda ages, widths, k: next(width for width in widths if _holds(ages, width, k)),
        BANDS_ORDER,
        "Go through `sorted(widths)`.",
    ),
    (_no_gap, BANDS_EMPTY, "Count only the bands that occur, as `Counter` or `value_counts` do."),
    (
        lambda ages, widths, k: next(w for w in sorted(widths) if _holds(ages, w, k, min(ages))),
        BANDS_YOUNGEST,
        "The band of an age is `age // width`.",
    ),
)


def _band_case(rng: np.random.Generator) -> Case:
    """Ages with a gap, and a k that the smallest band of the right width just reaches."""
    least = int(rng.integers(16, 26))
    young, old = rng.integers(least, 40, int(rng.integers(50, 90))), rng.integers(70, 90, 40)
    ages = np.concatenate([young, old])
    widths = [1, 2, 4, 5, 10, 20, 50, 100]
    # The band from 0 to 19 would never be large enough for a large k.
    ages = np.append(ages, [least] * 4)
    width = _narrowest(ages, widths, int(rng.integers(2, 5)))
    k = int(np.unique(ages // width, return_counts=True)[1].min())
    ages = ages[rng.permutation(len(ages))]
    return ages.tolist(), [int(width) for width in rng.permutation(widths)], k


@lab.task(
    prompt="Return the narrowest width with which every age band that occurs holds at least k people.",
    hints=(
        "Try the widths from the narrowest on, and stop at the first that does.",
        "The band of an age is `age // width`. `Counter(age // width for age in ages)` counts the people of "
        "each band that occurs.",
        "`for width in sorted(widths):` and, if `min(Counter(age // width for age in ages).values()) >= k`, "
        "`return width`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, step) for slip, message, step in BAND_SLIPS),
        KnownWrong(lambda ages, widths, k: str(max(widths)), BANDS_KIND, "returns text"),
        KnownWrong(lambda ages, widths, k: sorted(widths)[1], BANDS_OTHER, "takes the second"),
    ),
    solution=_narrowest,
)
def narrowest_bands(value) -> CheckResult:
    cases = telling_cases(_band_case, _narrowest, BAND_SLIPS)
    answers = [attempt(value, *case) for case in cases]
    if not all(
        isinstance(answer, int | np.integer) and not isinstance(answer, bool) and answer in case[1]
        for answer, case in zip(answers, cases, strict=True)
    ):
        return incorrect(BANDS_KIND, "Return one of the numbers in `widths`.")
    answers = [int(answer) for answer in answers]
    if same(answers, [_narrowest(*case) for case in cases]):
        return correct("As narrow as k allows: nobody is alone, and no detail is lost for nothing.")
    return explained(
        answers,
        cases,
        BAND_SLIPS,
        incorrect(
            BANDS_OTHER, "For each width count the people per band, and compare the smallest count with k."
        ),
    )


# --------------------------------------------------------------------------------- 4 · classes that tell

ALIKE_KIND = "one True or False for each record is asked for, in the order of the records."
ALIKE_CLASSES = "this has one entry per class; asked is one per record."
ALIKE_SIZE = "this counts the records of a class; asked are the different secrets in it."
ALIKE_EDGE = "a class with exactly that many different secrets has enough of them."
ALIKE_WRONG_WAY = "this is true where a class is diverse enough; asked is the opposite."
ALIKE_TABLE = "this counts the secrets of the whole table; asked is about each class."
ALIKE_FIRST = "this groups by the first column only; a class shares all quasi-identifiers."
ALIKE_ALL_SAME = "this finds classes with a single secret only; asked is fewer than `least`."
ALIKE_OTHER = "these are not the records whose class has too few different secrets."


def _different(release: pd.DataFrame, columns: Sequence[str], sensitive: str) -> pd.Series:
    return release.groupby(list(columns))[sensitive].transform("nunique")


def _too_alike(release: pd.DataFrame, columns: Sequence[str], sensitive: str, least: int) -> list[bool]:
    return (_different(release, columns, sensitive) < least).tolist()


ALIKE_SLIPS: tuple[Slip, ...] = (
    (
        lambda release, columns, sensitive, least: (
            release.groupby(list(columns))[sensitive].transform("size") < least
        ).tolist(),
        ALIKE_SIZE,
        "Use `transform('nunique')` rather than `transform('size')`.",
    ),
    (
        lambda release, columns, sensitive, least: (
            _different(release, columns, sensitive) <= least
        ).tolist(),
        ALIKE_EDGE,
        "Use `<` rather than `<=`.",
    ),
    (
        lambda release, columns, sensitive, least: (
            _different(release, columns, sensitive) >= least
        ).tolist(),
        ALIKE_WRONG_WAY,
        "Use `<` rather than `>=`.",
    ),
    (
        lambda release, columns, sensitive, least: (
            [bool(release[sensitive].nunique() < least)] * len(release)
        ),
        ALIKE_TABLE,
        "Group by the quasi-identifiers first.",
    ),
    (
        lambda release, columns, sensitive, least: _too_alike(release, columns[:1], sensitive, least),
        ALIKE_FIRST,
        "Pass all of `quasi_identifiers` to `groupby`.",
    ),
    (
        lambda release, columns, sensitive, least: _too_alike(release, columns, sensitive, 2),
        ALIKE_ALL_SAME,
        "Compare with `least`.",
    ),
)

_SECRETS = ("asthma", "diabetes", "fracture", "flu", "migraine", "anemia")


def _alike_case(rng: np.random.Generator) -> Case:
    """Classes with one to five different secrets, each with more records than that."""
    bands = ["[20, 29]", "[30, 39]", "[40, 59]", "*"]
    places = ["021**", "100**", "941**"]
    kinds = [(band, place) for band in bands for place in places]
    rows = []
    for at, number in zip(rng.permutation(len(kinds))[:9], [1, 1, 2, 2, 3, 3, 4, 5, 1], strict=True):
        held = [str(name) for name in rng.permutation(_SECRETS)[:number]]
        held += [str(name) for name in rng.choice(held, int(rng.integers(4, 9)))]
        rows += [(*kinds[at], secret) for secret in held]
    # A class whose records are fewer than `least` could be.
    rows += [("[60, 89]", "021**", "flu"), ("[60, 89]", "021**", "asthma")]
    frame = pd.DataFrame(rows, columns=["age", "zip", "diagnosis"])
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    return frame, ["age", "zip"], "diagnosis", int(rng.integers(2, 5))


@lab.task(
    prompt="Say for each record whether its class has fewer than `least` different sensitive values.",
    hints=(
        "Count the different secrets of each class, and give that number to every record of the class.",
        "`release.groupby(quasi_identifiers)[sensitive]` are the secrets by class, and "
        "`.transform('nunique')` gives each record how many different ones there are.",
        "`release.groupby(quasi_identifiers)[sensitive].transform('nunique') < least`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, step) for slip, message, step in ALIKE_SLIPS),
        KnownWrong(
            lambda release, columns, sensitive, least: release.groupby(columns)[sensitive].nunique() < least,
            ALIKE_CLASSES,
            "returns the classes",
        ),
        KnownWrong(
            lambda release, columns, sensitive, least: int(
                sum(_too_alike(release, columns, sensitive, least))
            ),
            ALIKE_KIND,
            "returns a number",
        ),
        KnownWrong(
            lambda release, columns, sensitive, least: _too_alike(release, columns, sensitive, least)[::-1],
            ALIKE_OTHER,
            "is in another order",
        ),
    ),
    solution=_too_alike,
)
def too_alike(value) -> CheckResult:
    cases = telling_cases(_alike_case, _too_alike, ALIKE_SLIPS)
    answers = [_as_flags(attempt(value, *case)) for case in cases]
    if any(answer is None for answer in answers):
        return incorrect(ALIKE_KIND, "Return the comparison itself, a column of True and False.")
    if any(len(answer) != len(case[0]) for answer, case in zip(answers, cases, strict=True)):
        return incorrect(ALIKE_CLASSES, "Use `transform('nunique')` in place of `nunique()`.")
    if same(answers, [_too_alike(*case) for case in cases]):
        return correct("These are the records whose class says too much, however large it is.")
    return explained(
        answers,
        cases,
        ALIKE_SLIPS,
        incorrect(
            ALIKE_OTHER, "Group by all quasi-identifiers, count the different secrets, compare with `least`."
        ),
    )


def _as_flags(answer: Any) -> list[bool] | None:
    if isinstance(answer, pd.Series | np.ndarray):
        answer = answer.tolist()
    if not isinstance(answer, list | tuple) or not all(isinstance(flag, bool | np.bool_) for flag in answer):
        return None
    return [bool(flag) for flag in answer]


# ------------------------------------------------------------------------------------ 5 · which release

OFFER_KIND = "the name of a release, or 'none', is asked for."
OFFER_BEST = "this takes the best score and forgets what the committee requires."
OFFER_T = "a smaller t protects better: it is the largest distance that is allowed."
OFFER_UNKNOWN = "a figure that was not measured has been taken as good enough; not measured is not safe."
OFFER_SAFEST = "this takes the largest k; all that satisfy the committee are safe enough, so use decides."
OFFER_TIE = "of two that are equally useful, the one with the larger k was to be taken."
OFFER_K_ONLY = "this looks at k only; l and t are required as well."
OFFER_NONE = "something is released although nothing satisfies the committee: then the answer is 'none'."
OFFER_OTHER = "this is not the release that is asked for."

NONE = "none"


def _allowed(offers: pd.DataFrame, needs: Mapping[str, float]) -> pd.Series:
    # A comparison with a figure that is missing is false, so what was not measured does not pass.
    return (offers["k"] >= needs["k"]) & (offers["l"] >= needs["l"]) & (offers["t"] <= needs["t"])


def _best(
    offers: pd.DataFrame, by: Sequence[str] = ("score", "k"), up: Sequence[bool] = (False, False)
) -> str:
    if offers.empty:
        return NONE
    return str(offers.sort_values(list(by), ascending=list(up))["release"].iloc[0])


def _offer(offers: pd.DataFrame, needs: Mapping[str, float]) -> str:
    return _best(offers[_allowed(offers, needs)])


def _or_the_best(offers: pd.DataFrame, needs: Mapping[str, float]) -> str:
    allowed = offers[_allowed(offers, needs)]
    return _best(offers if allowed.empty else allowed)


def _unknown_passes(offers: pd.DataFrame, needs: Mapping[str, float]) -> str:
    fails = (offers["k"] < needs["k"]) | (offers["l"] < needs["l"]) | (offers["t"] > needs["t"])
    return _best(offers[~fails])


def _t_upward(offers: pd.DataFrame, needs: Mapping[str, float]) -> str:
    kept = (offers["k"] >= needs["k"]) & (offers["l"] >= needs["l"]) & (offers["t"] >= needs["t"])
    return _best(offers[kept])


OFFER_SLIPS: tuple[Slip, ...] = (
    (lambda offers, needs: _best(offers), OFFER_BEST, "Keep what satisfies `needs` first."),
    (_t_upward, OFFER_T, "Use `offers['t'] <= needs['t']`."),
    (_unknown_passes, OFFER_UNKNOWN, "Ask whether each figure passes, not whether it fails."),
    (
        lambda offers, needs: _best(offers[_allowed(offers, needs)], ["k"], [False]),
        OFFER_SAFEST,
        "Sort by `score` first.",
    ),
    (
        lambda offers, needs: _best(offers[_allowed(offers, needs)], ["score", "k"], [False, True]),
        OFFER_TIE,
        "Sort by `score`, then by `k`, both downward.",
    ),
    (
        lambda offers, needs: _best(offers[offers["k"] >= needs["k"]]),
        OFFER_K_ONLY,
        "Compare `k`, `l` and `t`, each with its entry in `needs`.",
    ),
    (_or_the_best, OFFER_NONE, "Return 'none' where no row is left."),
)


def _offer_case(rng: np.random.Generator) -> Case:
    k, l, t = int(rng.choice([5, 10, 20])), int(rng.integers(2, 4)), float(rng.choice([0.2, 0.3]))  # noqa: E741
    high = float(rng.uniform(0.7, 0.85))
    rows = [
        (2, 1, 0.8, high + 0.05),
        (k, l - 1, t + 0.3, high + 0.04),
        (k, l, math.nan, high + 0.03),
        (2 * k, l, t, high),
        (k, l, t - 0.1, high),
        (5 * k, l + 2, t - 0.15, high - 0.06),
        (k, l, t + 0.05, high + 0.01),
        (k - 1, l + 1, t - 0.05, high + 0.02),
    ]
    if rng.random() < 0.3:
        rows = [row for row in rows if not (row[0] >= k and row[1] >= l and row[2] <= t)]
    frame = pd.DataFrame(rows, columns=["k", "l", "t", "score"])
    names = rng.permutation([f"release {letter}" for letter in "ABCDEFGHJKLM"])[: len(frame)]
    frame.insert(0, "release", [str(name) for name in names])
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    return frame, {"k": k, "l": l, "t": t}


@lab.task(
    prompt="Return the name of the most useful release that satisfies the committee, or 'none'.",
    hints=(
        "Two questions, one after the other: which rows satisfy all three requirements, and which of "
        "these is most useful?",
        "k and l have to be at least, t at most what `needs` says. Ask it so that a missing figure does not "
        "pass. Then sort by `score` and `k`, both downward.",
        "`allowed = offers[(offers['k'] >= needs['k']) & (offers['l'] >= needs['l']) & "
        "(offers['t'] <= needs['t'])]`; if `allowed.empty`, `'none'`; else the first name of "
        "`allowed.sort_values(['score', 'k'], ascending=False)`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, step) for slip, message, step in OFFER_SLIPS),
        KnownWrong(lambda offers, needs: offers, OFFER_KIND, "returns the table"),
        KnownWrong(lambda offers, needs: 0, OFFER_KIND, "returns a number"),
        KnownWrong(lambda offers, needs: offers["release"].iloc[0], OFFER_OTHER, "takes the first row"),
    ),
    solution=_offer,
)
def choose_release(value) -> CheckResult:
    cases = telling_cases(_offer_case, _offer, OFFER_SLIPS)
    answers = [attempt(value, *case) for case in cases]
    if not all(
        isinstance(answer, str) and (answer == NONE or answer in set(case[0]["release"]))
        for answer, case in zip(answers, cases, strict=True)
    ):
        return incorrect(OFFER_KIND, "Return one entry of the column `release`, or 'none'.")
    if same(answers, [_offer(*case) for case in cases]):
        return correct("Safe enough first, then as useful as possible, and nothing where nothing is safe.")
    return explained(
        answers,
        cases,
        OFFER_SLIPS,
        incorrect(OFFER_OTHER, "Keep the rows that satisfy `needs`, then sort by `score` and `k`."),
    )
