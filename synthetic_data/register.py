"""A public register, such as a list of voters, that holds some of the institution's people among many others.

Whoever links a table without names to such a list learns whom it is about. The register itself never says
who is a patient or customer; `register_links` does, for scoring an attack.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data.cards import DataCard
from synthetic_data.dataset import Dataset, _whole
from synthetic_data.identifiers import pool
from synthetic_data.people import REFERENCE_DATE, age_on, people
from synthetic_data.places import places

PEOPLE_TABLES = {"healthcare": "patients", "finance": "customers"}
VOTING_AGE = 18
STALE_ADDRESSES = 0.08
BIRTH_DATE_ERRORS = 0.01
NAME_ERRORS = 0.02
COLUMNS = ("name", "sex", "birth_date", "zip", "city")


def public_register(
    data: Dataset, *, seed: int = 7, coverage: float = 0.75, others: int = 500_000
) -> pd.DataFrame:
    """A list of adults, in no order, in which a share of the institution's people stand among many others.

    Args:
        data: the hospital or the bank; it is not changed.
        seed: a non-negative whole number; the same data and arguments give the same register.
        coverage: share of the institution's adults who are in the register, from 0 to 1.
        others: adults in the register who are neither patients nor customers.

    Returns:
        Columns name, sex, birth_date (datetime64[us]), zip, city; one row per person. 8 % stand with an
        address of another place (they have moved), 1 % with a mistyped birth date, 2 % with a mistyped name.

    Raises:
        ValueError: one sentence that says which argument is wrong and what is allowed.
    """
    seed, coverage, others = _checked(data, seed, coverage, others)
    known = _people(data)
    chosen = _chosen(known, seed, coverage)
    both = pd.concat([_listed(known.iloc[chosen]), _strangers(seed, others)], ignore_index=True)
    both = both.iloc[_order(seed, len(both))].reset_index(drop=True)
    return _with_errors(both, _rng(seed, 3))


def register_links(
    data: Dataset, *, seed: int = 7, coverage: float = 0.75, others: int = 500_000
) -> np.ndarray:
    """Who the rows of `public_register` are, for the same arguments: what only the scorer of an attack knows.

    Returns:
        (rows of the register,) int64: the position of each person in the table "patients" or "customers",
        -1 for people who are in neither.
    """
    seed, coverage, others = _checked(data, seed, coverage, others)
    chosen = _chosen(_people(data), seed, coverage)
    return np.concatenate([chosen, np.full(others, -1)])[_order(seed, len(chosen) + others)]


def register_card(data: Dataset, *, seed: int = 7, coverage: float = 0.75, others: int = 500_000) -> DataCard:
    """What was built into a register of these arguments."""
    seed, coverage, others = _checked(data, seed, coverage, others)
    known = _people(data)
    in_both = len(_chosen(known, seed, coverage))
    neighbors = float((places().weight ** 2).sum()) * (others + in_both)
    return DataCard(
        f"An invented public register of adults, beside the invented {_institution(data)}",
        facts={
            "made from": {"seed": seed, "coverage of adults": coverage, "others": others},
            "people": {
                f"in the register and in {PEOPLE_TABLES[data.sector]}": in_both,
                f"only in {PEOPLE_TABLES[data.sector]}": len(known) - in_both,
                "only in the register": others,
                "youngest": VOTING_AGE,
                "registered in the ZIP code of an average person": round(neighbors),
            },
            "errors": {
                "stale address": STALE_ADDRESSES,
                "mistyped birth date": BIRTH_DATE_ERRORS,
                "mistyped name": NAME_ERRORS,
            },
        },
        notes=(
            "A simulation. Nobody in it exists: names come from Faker, the rest from chance, and there is no "
            "identifier but name, sex, birth date, ZIP code and city. A share of the institution's adults is "
            "in it, with the facts of the institution's own table but for the errors named below; everybody "
            "else in it is neither patient nor customer. Children are in no such list.",
            "How many people a linkage names depends on how many live in a ZIP code. A ZIP code of the "
            "United States has some thousands to some ten thousands of adults: compare with the figure "
            "below, and raise `others` for a denser country.",
        ),
    )


def _checked(data: object, seed: object, coverage: object, others: object) -> tuple[int, float, int]:
    if not isinstance(data, Dataset):
        raise ValueError(f"data must be what load() returns, not {type(data).__name__}.")
    if isinstance(coverage, bool) or not isinstance(coverage, int | float) or not 0 <= coverage <= 1:
        raise ValueError(f"coverage must be a number from 0 to 1, not {coverage!r}.")
    seed, others = _whole("seed", seed, least=0), _whole("others", others, least=0)
    if not others and not len(_chosen(_people(data), seed, float(coverage))):
        raise ValueError("The register would be empty: raise coverage or others.")
    return seed, float(coverage), others


def _people(data: Dataset) -> pd.DataFrame:
    return data[PEOPLE_TABLES[data.sector]]


def _institution(data: Dataset) -> str:
    return {"healthcare": "hospital", "finance": "bank"}[data.sector]


def _rng(seed: int, stream: int) -> np.random.Generator:
    # Streams of their own, so that links need not make the register.
    return np.random.default_rng(np.random.SeedSequence([seed, 0x4E6, stream]))


def _chosen(known: pd.DataFrame, seed: int, coverage: float) -> np.ndarray:
    adults = np.flatnonzero(age_on(known["birth_date"], REFERENCE_DATE) >= VOTING_AGE)
    return np.sort(_rng(seed, 0).permutation(adults)[: round(coverage * len(adults))])


def _order(seed: int, n: int) -> np.ndarray:
    return _rng(seed, 1).permutation(n)


def _listed(frame: pd.DataFrame) -> pd.DataFrame:
    listed = frame.assign(name=frame["first_name"] + " " + frame["last_name"])
    return listed[list(COLUMNS)].reset_index(drop=True)


def _strangers(seed: int, n: int) -> pd.DataFrame:
    rng = _rng(seed, 2)
    parts, found = [], 0
    # About one in five of the population is a child; the shortfall is drawn again.
    while found < n:
        drawn = people(rng, max(1000, int((n - found) * 1.3)), id_prefix="voter")
        drawn = drawn[age_on(drawn["birth_date"], REFERENCE_DATE) >= VOTING_AGE].iloc[: n - found]
        parts.append(_listed(drawn))
        found += len(drawn)
    return pd.concat(parts, ignore_index=True) if parts else _listed(people(rng, 0, id_prefix="voter"))


def _with_errors(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(frame)
    moved, misdated, misspelled = (
        np.flatnonzero(rng.random(n) < share) for share in (STALE_ADDRESSES, BIRTH_DATE_ERRORS, NAME_ERRORS)
    )
    where = places()
    site = np.arange(len(where.zip))[rng.choice(len(where.zip), len(moved), p=where.weight)]
    for column, values in (("zip", where.zip), ("city", where.city)):
        changed = frame[column].array.copy()
        changed[moved] = pool(values).take(site)
        frame[column] = changed
    dates = frame["birth_date"].to_numpy().copy()
    dates[misdated] = _mistyped_dates(dates[misdated])
    frame["birth_date"] = dates
    names = frame["name"].array.copy()
    names[misspelled] = pool([_exchanged(name) for name in names[misspelled]] or [""])[: len(misspelled)]
    frame["name"] = names
    return frame


def _mistyped_dates(dates: np.ndarray) -> np.ndarray:
    """Dates with day and month exchanged where that gives another date, else with the year off by one."""
    days = pd.DatetimeIndex(dates)
    exchangeable = (days.day <= 12) & (days.day != days.month)
    year = np.where(exchangeable, days.year, days.year - np.where(days.year % 10 == 0, -1, 1))
    month, day = np.where(exchangeable, days.day, days.month), np.where(exchangeable, days.month, days.day)
    # 29 February is not in every year.
    day = np.where((month == 2) & (day == 29) & ~exchangeable, 28, day)
    return (
        pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}))
        .to_numpy()
        .astype("datetime64[us]")
    )


def _exchanged(name: str) -> str:
    """A name whose second and third letters have changed places."""
    return name[0] + name[2] + name[1] + name[3:] if len(name) > 2 else name
