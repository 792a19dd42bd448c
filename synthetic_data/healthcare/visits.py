"""Encounters of one block as arrays: who came when, why, to whom, and who came back within 30 days."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from synthetic_data.healthcare import model
from synthetic_data.healthcare.codes import CONDITION_AT, DISCHARGE_TO, REASONS, SETTINGS, TEST_AT, TESTS
from synthetic_data.people import age_on

_DAY = 24 * 60
_BIG = 10**8  # more minutes than the window has: patient * _BIG + minute orders by patient, then time
_INPATIENT = SETTINGS.index("inpatient")
_EMERGENCY = SETTINGS.index("emergency")
_EXPIRED = DISCHARGE_TO.index("expired")
_HOSPICE = DISCHARGE_TO.index("hospice")
_REASON_AT = {reason.code: index for index, reason in enumerate(REASONS)}
MOST_VISITS = 99  # ordinals within a patient have two digits


@dataclass(frozen=True)
class Visits:
    """Arrays of one entry per encounter, ordered by patient and time (minutes since the first day).

    `labs` is (encounters, tests); `returned` marks stays that are themselves a return.
    """

    patient: np.ndarray
    start: np.ndarray
    end: np.ndarray
    setting: np.ndarray
    reason: np.ndarray
    discharge: np.ndarray
    follow_up: np.ndarray
    returned: np.ndarray
    labs: np.ndarray

    def __len__(self) -> int:
        return len(self.patient)

    def take(self, rows: np.ndarray) -> Visits:
        """The encounters at these places or under this mask."""
        return Visits(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def ordinal(self) -> np.ndarray:
        """0, 1, 2 … within each patient."""
        first = np.r_[True, self.patient[1:] != self.patient[:-1]] if len(self) else np.zeros(0, bool)
        begin = np.maximum.accumulate(np.where(first, np.arange(len(self)), 0))
        return np.arange(len(self)) - begin


def make_visits(rng: np.random.Generator, patients: pd.DataFrame, conditions: np.ndarray) -> Visits:
    """All encounters of these patients within the window; every patient has at least one."""
    base = _first_visits(rng, patients, conditions)
    visits = _with_returns(rng, base, patients, conditions)
    return _outside_stays(visits)


def _first_visits(rng: np.random.Generator, patients: pd.DataFrame, conditions: np.ndarray) -> Visits:
    size = len(patients)
    burden = conditions.sum(axis=1)
    count = np.minimum(1 + rng.poisson(0.9 + 0.5 * burden), MOST_VISITS // 3)
    patient = np.repeat(np.arange(size), count)
    born = (patients["birth_date"].to_numpy() - model.FIRST_DAY).astype("timedelta64[m]").astype(np.int64)
    earliest = np.clip(born, 0, model.MINUTES - _DAY)[patient]
    day = (earliest + rng.random(len(patient)) * (model.MINUTES - earliest)).astype(np.int64) // _DAY
    day = np.minimum(np.maximum(day, -(-earliest // _DAY)), model.DAYS - 1)

    chance = rng.random(len(patient))
    stay = model.sigmoid(-2.2 + 0.30 * burden)[patient]
    setting = np.where(chance < stay, _INPATIENT, np.where(chance > 0.84, _EMERGENCY, 0))
    order = np.lexsort((day, patient))
    patient, day, setting = patient[order], day[order], setting[order]
    setting = _spaced(patient, day, setting)
    office = 8 * 60 + rng.integers(0, 9 * 60, len(patient))
    start = day * _DAY + np.where(setting == 0, office, rng.integers(0, _DAY, len(patient)))

    born_on = patients["birth_date"].to_numpy()[patient]
    age = age_on(born_on, model.moment(start))
    female = (patients["sex"] == "female").to_numpy()[patient]
    reason = _reasons(rng, setting, age, female, conditions[patient])
    reason = _one_delivery(patient, reason)
    return _complete(rng, patient, start, setting, reason, age, conditions)


def _spaced(patient: np.ndarray, day: np.ndarray, setting: np.ndarray) -> np.ndarray:
    """Turn a stay that begins too soon after another drawn stay of the patient into an office visit."""
    setting = setting.copy()
    rows = np.flatnonzero(setting == _INPATIENT)
    near = np.zeros(len(rows), bool)
    near[1:] = (patient[rows][1:] == patient[rows][:-1]) & (np.diff(day[rows]) < model.STAY_SPACING_DAYS)
    setting[rows[near]] = 0
    return setting


def _reasons(
    rng: np.random.Generator, setting: np.ndarray, age: np.ndarray, female: np.ndarray, conditions: np.ndarray
) -> np.ndarray:
    weight = np.zeros((len(setting), len(REASONS)))
    for index, reason in enumerate(REASONS):
        fits = (setting == SETTINGS.index(reason.setting)) & (age >= reason.ages[0]) & (age <= reason.ages[1])
        weight[:, index] = reason.weight * (fits & (female | (reason.sex == "any")))
    for code, condition, without in (
        ("I50.23", "heart_failure", 0.0),
        ("J44.1", "copd", 0.0),
        ("N17.9", "kidney_disease", 0.5),
        ("F32.2", "depression", 0.1),
        ("Z51.11", "cancer", 0.0),
        ("T40.2X1A", "opioid", 0.3),
    ):
        has = conditions[:, CONDITION_AT[condition]]
        weight[:, _REASON_AT[code]] *= np.where(has, 4.0, without)
    edges = weight.cumsum(axis=1)
    return (edges < (rng.random(len(setting)) * edges[:, -1])[:, None]).sum(axis=1)


def _one_delivery(patient: np.ndarray, reason: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(reason == _REASON_AT["O80"])
    again = rows[pd.Series(patient[rows]).duplicated().to_numpy()]
    reason = reason.copy()
    reason[again] = _REASON_AT["J18.9"]
    return reason


def _complete(  # noqa: PLR0917
    rng: np.random.Generator,
    patient: np.ndarray,
    start: np.ndarray,
    setting: np.ndarray,
    reason: np.ndarray,
    age: np.ndarray,
    conditions: np.ndarray,
) -> Visits:
    n = len(patient)
    severity = np.array([item.severity for item in REASONS])[reason]
    burden = conditions.sum(axis=1)[patient]
    days = np.clip(
        rng.gamma(2.0, np.exp(0.75 + 0.45 * severity + 0.05 * burden) / 2), 1, model.LONGEST_STAY_DAYS
    )
    minutes = np.select(
        [setting == _INPATIENT, setting == _EMERGENCY],
        [days * _DAY, rng.gamma(4, 60, n) + 30],
        rng.gamma(6, 5, n) + 10,
    ).astype(np.int64)
    return Visits(
        patient=patient,
        start=start,
        end=start + minutes,
        setting=setting,
        reason=reason,
        discharge=_discharge(rng, setting, age, severity),
        follow_up=(setting == _INPATIENT) & (rng.random(n) < 0.45),
        returned=np.zeros(n, bool),
        labs=lab_values(rng, conditions[patient], reason),
    )


def _discharge(
    rng: np.random.Generator, setting: np.ndarray, age: np.ndarray, severity: np.ndarray
) -> np.ndarray:
    """Where patients go: an index into DISCHARGE_TO."""
    old = np.clip((age - 60) / 30, 0, 1)
    sick = np.clip(severity, 0, 1.2)
    weight = np.stack(
        [
            np.full(len(age), 1.0),
            0.10 + 0.45 * old,
            0.01 + 0.50 * old * (0.4 + sick),
            0.02 + 0.15 * old * sick,
            0.03 * (age >= 18),
            0.03 * old * sick,
            0.002 + 0.05 * old * sick,
        ],
        axis=1,
    )
    edges = weight.cumsum(axis=1)
    where = (edges < (rng.random(len(age)) * edges[:, -1])[:, None]).sum(axis=1)
    return np.where(setting == _INPATIENT, where, 0)


def lab_values(rng: np.random.Generator, conditions: np.ndarray, reason: np.ndarray) -> np.ndarray:
    """What each test would read at each encounter, rounded as reported: (encounters, tests)."""
    values = np.empty((len(reason), len(TESTS)))
    for column, test in enumerate(TESTS):
        mean = np.full(len(reason), test.mean)
        for cause, shift in test.shift.items():
            present = (
                conditions[:, CONDITION_AT[cause]] if cause in CONDITION_AT else reason == _REASON_AT[cause]
            )
            mean += shift * present
        drawn = mean + test.spread * rng.normal(size=len(reason))
        values[:, column] = np.round(np.exp(drawn) if test.log else drawn, test.decimals)
    return values


def readmission_log_odds(
    visits: Visits, prior: np.ndarray, emergency: np.ndarray, age: np.ndarray, conditions: np.ndarray
) -> np.ndarray:
    """The log-odds of a return within 30 days of these stays: `model.READMISSION` applied to what is on
    record.

    Args:
        visits: the stays.
        prior: earlier stays of the patient within the window.
        emergency: emergency visits in the 180 days before.
        age: completed years on arrival.
        conditions: (stays, conditions) bool.
    """
    weight = model.READMISSION

    def has(key: str) -> np.ndarray:
        return conditions[:, CONDITION_AT[key]].astype(float)

    hemoglobin = visits.labs[:, TEST_AT["hemoglobin"]]
    sodium = visits.labs[:, TEST_AT["sodium"]]
    return (
        weight["intercept"]
        + weight["age_per_decade_over_60"] * np.maximum(age - 60, 0) / 10
        + weight["prior_admission"] * np.minimum(prior, 4)
        + weight["prior_emergency_visit"] * np.minimum(emergency, 4)
        + weight["day_of_stay"] * (visits.end - visits.start) / _DAY
        + weight["severity_of_reason"] * np.array([item.severity for item in REASONS])[visits.reason]
        + weight["heart_failure"] * has("heart_failure")
        + weight["copd"] * has("copd")
        + weight["kidney_disease"] * has("kidney_disease")
        + weight["heart_failure_and_kidney_disease"] * has("heart_failure") * has("kidney_disease")
        + weight["cancer"] * has("cancer")
        + weight["depression"] * has("depression")
        + weight["substance_use"] * np.maximum(has("alcohol"), has("opioid"))
        + weight["hemoglobin_per_g_dl_below_12"] * np.maximum(12 - hemoglobin, 0)
        + weight["sodium_per_mmol_l_below_136"] * np.maximum(136 - sodium, 0)
        + weight["discharge_against_advice"] * (visits.discharge == DISCHARGE_TO.index("against_advice"))
        + weight["discharge_skilled_nursing"] * (visits.discharge == DISCHARGE_TO.index("skilled_nursing"))
        + weight["follow_up_within_7_days"] * visits.follow_up
    )


def emergencies_before(visits: Visits, patient: np.ndarray, start: np.ndarray, days: int = 180) -> np.ndarray:
    """How many emergency visits each patient had in the days before a moment."""
    rows = visits.setting == _EMERGENCY
    keys = np.sort(visits.patient[rows] * _BIG + visits.start[rows])
    until = np.searchsorted(keys, patient * _BIG + start)
    since = np.searchsorted(keys, patient * _BIG + np.maximum(start - days * _DAY, 0))
    return until - since


def _with_returns(
    rng: np.random.Generator, base: Visits, patients: pd.DataFrame, conditions: np.ndarray
) -> Visits:
    rows = np.flatnonzero(base.setting == _INPATIENT)
    if not len(rows):
        return base
    stays = base.take(rows)
    age = age_on(patients["birth_date"].to_numpy()[stays.patient], model.moment(stays.start))
    emergency = emergencies_before(base, stays.patient, stays.start)
    chance = rng.random(len(rows))
    rank = stays.ordinal()
    alive = (stays.discharge != _EXPIRED) & (stays.discharge != _HOSPICE)
    came_back = np.zeros(len(rows), bool)
    earlier_returns = np.zeros(len(patients), np.int64)
    for turn in range(int(rank.max()) + 1):  # a return counts as a prior admission of the patient's next stay
        now = np.flatnonzero(rank == turn)
        some = stays.take(now)
        prior = turn + earlier_returns[some.patient]
        logit = readmission_log_odds(some, prior, emergency[now], age[now], conditions[some.patient])
        came_back[now] = alive[now] & (chance[now] < model.sigmoid(logit))
        earlier_returns[some.patient] += came_back[now]
    index = stays.take(came_back)
    gap = (1 + (model.FOLLOW_UP_DAYS - 2) * rng.beta(1.1, 1.8, len(index))) * _DAY
    start = index.end + gap.astype(np.int64)
    seen = start < model.MINUTES
    index, start = index.take(seen), start[seen]
    adult = age[came_back][seen] >= 18
    fresh = np.array([_REASON_AT[code] for code in ("J18.9", "A41.9", "N17.9")])[
        rng.integers(0, 3, len(index))
    ]
    same = (rng.random(len(index)) < 0.5) & (index.reason != _REASON_AT["O80"])
    reason = np.where(same, index.reason, np.where(adult, fresh, _REASON_AT["J18.9"]))
    setting = np.full(len(index), _INPATIENT)
    back = _complete(rng, index.patient, start, setting, reason, age[came_back][seen], conditions)
    longest = start + model.LONGEST_RETURN_STAY_DAYS * _DAY
    back = replace(back, end=np.minimum(back.end, longest), returned=np.ones(len(index), bool))
    both = Visits(
        **{f.name: np.concatenate([getattr(base, f.name), getattr(back, f.name)]) for f in fields(Visits)}
    )
    return both.take(np.lexsort((both.start, both.patient)))


def _outside_stays(visits: Visits) -> Visits:
    """Drop visits that fall into a stay of the same patient, and everything after a death."""
    stay = visits.setting == _INPATIENT
    # The latest end of any earlier stay of the patient, carried forward.
    ends = np.where(stay, visits.patient * _BIG + visits.end, 0)
    latest = np.maximum.accumulate(np.r_[0, ends[:-1]])
    within = ~stay & (visits.patient * _BIG + visits.start <= latest)
    died = np.where(stay & (visits.discharge == _EXPIRED), visits.patient, -1)
    gone = np.maximum.accumulate(np.r_[-1, died[:-1]]) == visits.patient
    return visits.take(~within & ~gone)
