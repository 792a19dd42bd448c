"""The hospital's staff: one table for a seed, whatever the number of patients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.healthcare.codes import DEPARTMENTS, ROLES
from synthetic_data.people import people

_STREAM = 0x57AFF  # keeps the staff's chance apart from that of every block
STAFF_COUNT = sum(count for count, _, _, _ in ROLES.values())


@lru_cache(maxsize=4)
def _staff(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM, 0]))
    frame = people(rng, STAFF_COUNT, id_prefix="staff", key=seed, ages="workers")
    roles, departments, with_npi, with_dea = [], [], [], []
    for role, (count, where, has_npi, has_dea) in ROLES.items():
        roles += [role] * count
        departments += [DEPARTMENTS[i % len(DEPARTMENTS)] if where == "care" else where for i in range(count)]
        with_npi += [has_npi] * count
        with_dea += [has_dea] * count
    names = frame["first_name"].map(identifiers.ascii_fold).str[:1] + frame["last_name"].map(
        identifiers.ascii_fold
    )
    frame["username"] = names + frame["staff_id"].str[-3:]
    frame["email"] = frame["username"] + "@hospital.example.org"
    frame["role"] = pd.array(roles, dtype="str")
    frame["department"] = pd.array(departments, dtype="str")
    npi = pd.Series(identifiers.npi(rng, STAFF_COUNT, start=0, key=seed))
    dea = pd.Series(identifiers.dea(rng, STAFF_COUNT, frame["last_name"], start=0, key=seed))
    frame["npi"] = npi.where(np.array(with_npi))
    frame["dea"] = dea.where(np.array(with_dea))
    frame["hire_date"] = np.datetime64("2024-01-01", "us") - (
        rng.random(STAFF_COUNT) ** 1.5 * 365 * 22
    ).astype("timedelta64[D]")
    return frame.drop(columns=["race", "ethnicity", "marital_status"])


def staff(seed: int) -> pd.DataFrame:
    """The staff of one seed.

    Returns:
        One row per person: staff_id, the columns of `synthetic_data.people.people` except race, ethnicity and
        marital_status, username, role, department, npi and dea (missing where the role has none), hire_date.
    """
    return _staff(seed).copy()
