"""Invented people: Faker makes pools of names once per process, numpy draws from them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from faker import Faker

from synthetic_data import identifiers
from synthetic_data.places import places

REFERENCE_DATE = np.datetime64("2025-12-31")
"""The day on which ages are counted; no clock is read."""

# Faker locale -> (share of people, share who are Hispanic, shares of the RACES)
_CULTURES: dict[str, tuple[float, float, tuple[float, ...]]] = {
    "en_US": (0.55, 0.03, (0.74, 0.19, 0.02, 0.01, 0.04)),
    "es_MX": (0.17, 0.95, (0.70, 0.04, 0.01, 0.05, 0.20)),
    "pt_BR": (0.03, 0.25, (0.62, 0.18, 0.00, 0.01, 0.19)),
    "it_IT": (0.05, 0.02, (0.97, 0.00, 0.00, 0.00, 0.03)),
    "de_DE": (0.04, 0.01, (0.95, 0.02, 0.01, 0.00, 0.02)),
    "pl_PL": (0.03, 0.00, (0.99, 0.00, 0.00, 0.00, 0.01)),
    "fr_FR": (0.03, 0.01, (0.60, 0.35, 0.00, 0.00, 0.05)),
    "en_IN": (0.05, 0.00, (0.01, 0.01, 0.96, 0.00, 0.02)),
    "vi_VN": (0.03, 0.00, (0.00, 0.00, 0.98, 0.00, 0.02)),
    "yo_NG": (0.02, 0.00, (0.00, 0.98, 0.00, 0.00, 0.02)),
}
RACES = (
    "White",
    "Black or African American",
    "Asian",
    "American Indian or Alaska Native",
    "Two or more races",
)
ETHNICITIES = ("Not Hispanic or Latino", "Hispanic or Latino")
SEXES = ("female", "male", "other")
MARITAL = ("Never married", "Married", "Divorced", "Widowed")

# Shares of five-year bands from 0-4 to 100-104.
_AGES: dict[str, tuple[float, ...]] = {
    "population": (6, 6, 6, 6, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 5, 3, 2, 1.2, 0.6, 0.15, 0.03),
    "patients": (4, 2.5, 2.5, 3, 4, 5, 5.5, 5.5, 5.5, 6, 7, 8, 9, 9, 8.5, 7, 4.5, 2.6, 1.2, 0.35, 0.08),
    "adults": (0, 0, 0, 0, 8, 9, 9.5, 9.5, 9, 8.5, 8.5, 8.5, 8, 7, 5.5, 4, 2.5, 1.3, 0.6, 0.15, 0.03),
    "workers": (0, 0, 0, 0, 4, 13, 15, 15, 13, 12, 11, 9, 6, 2, 0, 0, 0, 0, 0, 0, 0),
}


class _Names(NamedTuple):
    female: list[str]
    male: list[str]
    last: list[str]


@lru_cache(maxsize=1)
def name_pools() -> dict[str, _Names]:
    """First and last names per locale, the same in every process.

    The pools do not depend on the seed of a data set: that only draws from them.
    """
    pools = {}
    for locale in _CULTURES:
        fake = Faker(locale)
        fake.seed_instance(1789)
        pools[locale] = _Names(
            _distinct(fake.first_name_female, 500),
            _distinct(fake.first_name_male, 500),
            _distinct(fake.last_name, 1000),
        )
    return pools


@lru_cache(maxsize=1)
def street_pool() -> Any:
    """Invented street names from Faker, such as "Garcia Crossing"."""
    fake = Faker("en_US")
    fake.seed_instance(1789)
    return identifiers.pool(_distinct(fake.street_name, 900))


def _distinct(make: Any, tries: int) -> list[str]:
    # The ends of a few names in Faker's lists carry stray blanks or marks.
    values = (make().strip() for _ in range(tries))
    return list(dict.fromkeys(value for value in values if value and value[0].isalpha() and "~" not in value))


def people(
    rng: np.random.Generator,
    n: int,
    *,
    id_prefix: str,
    start: int = 0,
    key: int = 0,
    ages: str = "population",
) -> pd.DataFrame:
    """n invented people.

    Args:
        rng: source of chance.
        n: how many.
        id_prefix: name of the id column without "_id", such as "patient"; its first letter begins the ids:
            "patient_id" holds P000000001 and so on.
        start: position of the first person among all; ids, SSNs and e-mail addresses follow from it.
        key: chooses, together with id_prefix, which SSN a position gets; give the data set's seed.
        ages: age profile: "population", "patients" (older), "adults" (20 and over) or "workers".

    Returns:
        Columns <id_prefix>_id, first_name, last_name, sex (female, male, other), birth_date (datetime64[us],
        ages counted on REFERENCE_DATE), ssn, street, city, state, zip, phone, email, race, ethnicity,
        marital_status. City, state, ZIP and area code agree; the people per ZIP code are skewed. Names come
        from ten cultures; race and ethnicity go with them.
    """
    where = places()
    site = rng.choice(len(where.zip), n, p=where.weight)
    sex = rng.choice(3, n, p=[0.515, 0.479, 0.006])
    first, last, race, hispanic = _names(rng, n, sex)
    age = _age_in_days(rng, n, ages)
    spots = [identifiers.pool(column).take(site) for column in where[:4]]
    city, state, zip_code, area = spots
    number = identifiers.pool([str(value) for value in range(1000)]).take(rng.integers(1, 1000, n))
    streets = street_pool()
    return pd.DataFrame(
        {
            f"{id_prefix}_id": identifiers.numbered(id_prefix[0].upper(), start + 1 + np.arange(n), 9),
            "first_name": first,
            "last_name": last,
            "sex": identifiers.pool(SEXES).take(sex),
            "birth_date": (REFERENCE_DATE - age).astype("datetime64[us]"),
            "ssn": identifiers.ssn(rng, n, start=start, key=key * 2**32 + crc32(id_prefix.encode())),
            "street": number + " " + streets.take(rng.integers(0, len(streets), n)),
            "city": city,
            "state": state,
            "zip": zip_code,
            "phone": identifiers.phone(rng, n, area=area),
            "email": identifiers.email(rng, first, last, start=start),
            "race": identifiers.pool(RACES).take(race),
            "ethnicity": identifiers.pool(ETHNICITIES).take(hispanic),
            "marital_status": identifiers.pool(MARITAL).take(_marital(rng, age.astype(int) / 365.25)),
        }
    )


def _names(rng: np.random.Generator, n: int, sex: np.ndarray) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    shares = np.array([share for share, _, _ in _CULTURES.values()])
    culture = rng.choice(len(shares), n, p=shares / shares.sum())
    female = np.where(sex == 2, rng.random(n) < 0.5, sex == 0)
    pick, pick_last, chance_race, chance_ethnicity = (rng.random(n) for _ in range(4))
    # One in five last names comes from another culture: marriages, adoptions, migration.
    other = np.where(rng.random(n) < 0.2, rng.choice(len(shares), n, p=shares / shares.sum()), culture)
    first_all, last_all = [], []
    first_at, last_at = np.empty(n, np.int64), np.empty(n, np.int64)
    race = np.empty(n, np.int64)
    hispanic = np.empty(n, np.int64)
    for index, (locale, (_, hispanic_share, race_shares)) in enumerate(_CULTURES.items()):
        names = name_pools()[locale]
        rows = culture == index
        for list_, chosen in ((names.female, rows & female), (names.male, rows & ~female)):
            first_at[chosen] = len(first_all) + _early(pick[chosen], len(list_))
            first_all += list_
        owners = other == index
        last_at[owners] = len(last_all) + _early(pick_last[owners], len(names.last))
        last_all += names.last
        race[rows] = np.searchsorted(np.cumsum(race_shares)[:-1], chance_race[rows], side="right")
        hispanic[rows] = chance_ethnicity[rows] < hispanic_share
    return (
        identifiers.pool(first_all).take(first_at),
        identifiers.pool(last_all).take(last_at),
        race,
        hispanic,
    )


def _early(chance: np.ndarray, size: int) -> np.ndarray:
    """Draw early entries more often, as common names are more common."""
    return np.minimum((chance**1.6 * size).astype(np.int64), size - 1)


def _age_in_days(rng: np.random.Generator, n: int, profile: str) -> np.ndarray:
    if profile not in _AGES:
        raise ValueError(f"Unknown age profile {profile!r}; choose one of {', '.join(_AGES)}.")
    shares = np.array(_AGES[profile])
    band = rng.choice(len(shares), n, p=shares / shares.sum())
    return ((band * 5 + rng.random(n) * 5) * 365.25).astype("timedelta64[D]")


def _marital(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    never = np.clip(1.25 - age / 45, 0.12, 1.0)
    never[age < 20] = 1.0
    widowed = np.clip((age - 55) / 80, 0, 0.5) * (1 - never)
    divorced = np.clip((age - 22) / 160, 0, 0.16) * (1 - never)
    chance = rng.random(len(age))
    # 0 never, 1 married, 2 divorced, 3 widowed
    return np.select(
        [chance < never, chance < never + widowed, chance < never + widowed + divorced], [0, 3, 2], 1
    )


def age_on(birth_date: Any, day: Any) -> np.ndarray:
    """Completed years from birth to a day (arrays or one day), as int64."""
    birth = pd.DatetimeIndex(np.asarray(birth_date, dtype="datetime64[us]"))
    when = pd.DatetimeIndex(np.broadcast_to(np.asarray(day, dtype="datetime64[us]"), len(birth)))
    before = (when.month < birth.month) | ((when.month == birth.month) & (when.day < birth.day))
    return (when.year - birth.year - before).to_numpy().astype(np.int64)
