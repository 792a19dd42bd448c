"""Patients of one block, with their lasting conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.healthcare.codes import CONDITIONS, PAYERS
from synthetic_data.healthcare.model import sigmoid
from synthetic_data.people import REFERENCE_DATE, age_on, name_pools, people

_LANGUAGES = ("English", "Spanish", "Portuguese", "Vietnamese", "Haitian Creole", "Polish")
_RELATIONS = ("spouse", "daughter", "son", "mother", "father", "sister", "brother", "friend")


def make_patients(
    rng: np.random.Generator, size: int, *, start: int, seed: int, staff: pd.DataFrame
) -> tuple[pd.DataFrame, np.ndarray]:
    """Patients and what they live with.

    Returns:
        The table (see `synthetic_data.people.people` for the first columns) and a (size, conditions) bool
        matrix in the order of `CONDITIONS`.
    """
    frame = people(rng, size, id_prefix="patient", start=start, key=seed, ages="patients")
    age = age_on(frame["birth_date"], REFERENCE_DATE)
    female = (frame["sex"] == "female").to_numpy()
    conditions = _conditions(rng, age, female)
    payer = _payer(rng, age)
    primary = np.flatnonzero(
        ((staff["role"] == "physician") | (staff["role"] == "nurse_practitioner")).to_numpy()
    )
    doctor = rng.choice(primary, size)

    frame["mrn"] = identifiers.mrn(rng, size, start=start, key=seed)
    frame["payer"] = identifiers.pool(PAYERS).take(payer)
    mbi = pd.Series(identifiers.mbi(rng, size, start=start, key=seed))
    member = pd.Series(identifiers.health_plan_number(rng, size, start=start, key=seed))
    frame["health_plan_number"] = mbi.where(payer == 0, member).where(payer != PAYERS.index("Self-pay"))
    frame["drivers_license"] = pd.Series(identifiers.drivers_license(rng, size, start=start, key=seed)).where(
        age >= 17
    )
    frame["primary_care_staff_id"] = staff["staff_id"].array.take(doctor)
    frame["primary_care_npi"] = staff["npi"].array.take(doctor)
    relation = _relation(rng, age)
    frame["emergency_contact_name"] = _contact(rng, frame["last_name"], relation)
    frame["emergency_contact_relation"] = identifiers.pool(_RELATIONS).take(relation)
    frame["emergency_contact_phone"] = identifiers.phone(rng, size)
    frame["language"] = _language(rng, frame)
    frame["smoker"] = rng.random(size) < np.where(age < 18, 0.01, 0.17)
    frame["body_mass_index"] = np.round(
        np.clip(rng.normal(26, 3.5, size) + 6.5 * conditions[:, _at("obesity")], 14, 62), 1
    )
    device = pd.Series(identifiers.device_id(rng, size, start=start, key=seed))
    frame["implant_serial"] = device.where(
        rng.random(size) < 0.01 + 0.15 * conditions[:, _at("atrial_fibrillation")]
    )
    frame["vip"] = rng.random(size) < 0.004
    return frame, conditions


def _at(key: str) -> int:
    return next(index for index, condition in enumerate(CONDITIONS) if condition.key == key)


def _conditions(rng: np.random.Generator, age: np.ndarray, female: np.ndarray) -> np.ndarray:
    base = np.array([condition.base for condition in CONDITIONS])
    slope = np.array([condition.per_decade for condition in CONDITIONS])
    women = np.array([condition.female for condition in CONDITIONS])
    frailty = rng.normal(0, 0.6, len(age))[:, None]  # some people have many conditions, most have few
    logit = base + slope * (age[:, None] - 50) / 10 + women * female[:, None] + frailty
    present = rng.random(logit.shape) < sigmoid(logit)
    asthma = _at("asthma")
    children = age < 18
    present[children] &= np.arange(len(CONDITIONS)) == asthma
    return present


def _payer(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    chance = rng.random(len(age))
    young = np.select([chance < 0.26, chance < 0.62, chance < 0.93], [1, 2, 3], 4)
    return np.where((age >= 65) & (chance < 0.96), 0, young)


def _relation(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    """Parents for the young, partners and children for the old: an index into _RELATIONS."""
    child, young, middle, old = (
        (0, 0, 0, 6, 4, 0.3, 0.3, 0),
        (1, 0, 0, 4, 3, 1, 1, 1),
        (5, 0.6, 0.6, 1, 0.8, 1, 1, 1),
        (3, 3, 2.5, 0, 0, 0.7, 0.7, 0.8),
    )
    weight = np.array([child, young, middle, old])[np.searchsorted([18, 30, 62], age, side="right")]
    edges = weight.cumsum(axis=1)
    return (edges < (rng.random(len(age)) * edges[:, -1])[:, None]).sum(axis=1)


def _contact(rng: np.random.Generator, last_names: pd.Series, relation: np.ndarray) -> pd.Series:
    pools = name_pools()["en_US"]
    n = len(relation)
    female = np.isin(relation, [1, 3, 5]) | (np.isin(relation, [0, 7]) & (rng.random(n) < 0.5))
    women, men = identifiers.pool(pools.female), identifiers.pool(pools.male)
    first = pd.Series(women.take(rng.integers(0, len(women), n)))
    first = first.where(female, pd.Series(men.take(rng.integers(0, len(men), n))))
    other = pd.Series(identifiers.pool(pools.last).take(rng.integers(0, len(pools.last), n)))
    same = (relation != 7) & (rng.random(n) < 0.75)
    return first + " " + other.where(~same, last_names.reset_index(drop=True))


def _language(rng: np.random.Generator, frame: pd.DataFrame) -> object:
    hispanic = (frame["ethnicity"] == "Hispanic or Latino").to_numpy()
    chance = rng.random(len(frame))
    other = rng.integers(2, len(_LANGUAGES), len(frame))
    code = np.where(hispanic & (chance < 0.38), 1, np.where(~hispanic & (chance < 0.07), other, 0))
    return identifiers.pool(_LANGUAGES).take(code)
