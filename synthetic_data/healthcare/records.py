"""The tables that hang on encounters: encounters themselves, diagnoses, medications, labs, claims,
readmissions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.healthcare import model
from synthetic_data.healthcare.codes import (
    CONDITION_AT,
    CONDITIONS,
    DISCHARGE_TO,
    DRUGS,
    PAYERS,
    REASONS,
    REVENUE_CODES,
    SENSITIVE_VISITS,
    SETTINGS,
    TEST_AT,
    TESTS,
)
from synthetic_data.healthcare.visits import Visits, emergencies_before
from synthetic_data.people import age_on

_DAY = 24 * 60
_INPATIENT = SETTINGS.index("inpatient")


@dataclass(frozen=True)
class Frame:
    """What every table of a block needs.

    Attributes:
        patients, staff: tables.
        conditions: (patients, conditions) bool.
        visits: encounters.
        number: (encounters,) numbers that the ids are made of: patient number * 100 + ordinal.
        attending: (encounters,) row of the attending in `staff`.
    """

    patients: pd.DataFrame
    staff: pd.DataFrame
    conditions: np.ndarray
    visits: Visits
    number: np.ndarray
    attending: np.ndarray

    def encounter_id(self, rows: np.ndarray) -> object:
        """Ids of the encounters at these places."""
        return identifiers.numbered("E", self.number[rows], 11)

    def patient_id(self, rows: np.ndarray) -> object:
        """Ids of the patients of the encounters at these places."""
        return self.patients["patient_id"].array.take(self.visits.patient[rows])


def attending(rng: np.random.Generator, visits: Visits, staff: pd.DataFrame) -> np.ndarray:
    """A physician, nurse practitioner or resident of the right department for every encounter."""
    department = [reason.department for reason in REASONS]
    signs = staff["role"].isin(["physician", "nurse_practitioner", "resident"]).to_numpy()
    where = staff["department"].to_numpy()
    out = np.empty(len(visits), np.int64)
    wanted = np.array(department, dtype=object)[visits.reason]
    for name in dict.fromkeys(department):
        rows = np.flatnonzero(wanted == name)
        out[rows] = rng.choice(np.flatnonzero(signs & (where == name)), len(rows))
    return out


def encounters_table(rng: np.random.Generator, frame: Frame) -> pd.DataFrame:
    """encounter_id, patient_id, attending_staff_id, class, start, end, department, reason_code, reason, room,
    admission_type, discharge_to (missing outside the ward), follow_up_within_7_days."""
    visits, everything = frame.visits, np.arange(len(frame.visits))
    stay = visits.setting == _INPATIENT
    elective = np.array([reason.severity < 0 for reason in REASONS])[visits.reason]
    rooms = identifiers.pool([f"{floor}{room:02d}" for floor in range(2, 9) for room in range(1, 33)])
    return pd.DataFrame(
        {
            "encounter_id": frame.encounter_id(everything),
            "patient_id": frame.patient_id(everything),
            "attending_staff_id": frame.staff["staff_id"].array.take(frame.attending),
            "class": identifiers.pool(SETTINGS).take(visits.setting),
            "start": model.moment(visits.start),
            "end": model.moment(visits.end),
            "department": identifiers.pool([r.department for r in REASONS]).take(visits.reason),
            "reason_code": identifiers.pool([r.code for r in REASONS]).take(visits.reason),
            "reason": identifiers.pool([r.description for r in REASONS]).take(visits.reason),
            "room": pd.Series(rooms.take(rng.integers(0, len(rooms), len(visits)))).where(stay),
            "admission_type": pd.Series(
                identifiers.pool(["emergency", "elective"]).take((elective & ~visits.returned).astype(int))
            ).where(stay),
            "discharge_to": pd.Series(identifiers.pool(DISCHARGE_TO).take(visits.discharge)).where(stay),
            "follow_up_within_7_days": visits.follow_up,
        }
    )


def diagnoses_table(rng: np.random.Generator, frame: Frame) -> pd.DataFrame:
    """diagnosis_id, encounter_id, patient_id, icd10_code, description, chapter, rank (1 is the reason for the
    encounter), recorded_date, sensitivity ("none", "mental_health", "substance_use", "hiv",
    "reproductive")."""
    visits = frame.visits
    recorded = np.array([0.5, 0.45, 0.95])[visits.setting]
    kept = frame.conditions[visits.patient] & (rng.random((len(visits), len(CONDITIONS))) < recorded[:, None])
    rank_all = kept.cumsum(axis=1) + 1
    row, condition = np.nonzero(kept)
    rows = np.concatenate([np.arange(len(visits)), row])
    rank = np.concatenate([np.ones(len(visits), np.int64), rank_all[row, condition]])
    entry = np.concatenate([visits.reason, len(REASONS) + condition])
    order = np.lexsort((rank, rows))
    rows, rank, entry = rows[order], rank[order], entry[order]
    known = [*REASONS, *CONDITIONS]
    kinds = [SENSITIVE_VISITS.get(reason.code, "none") for reason in REASONS]
    kinds += [condition.sensitivity or "none" for condition in CONDITIONS]
    return pd.DataFrame(
        {
            "diagnosis_id": identifiers.numbered("D", frame.number[rows] * 100 + rank, 13),
            "encounter_id": frame.encounter_id(rows),
            "patient_id": frame.patient_id(rows),
            "icd10_code": identifiers.pool([item.code for item in known]).take(entry),
            "description": identifiers.pool([item.description for item in known]).take(entry),
            "chapter": identifiers.pool([item.chapter for item in known]).take(entry),
            "rank": rank.astype(np.int16),
            "recorded_date": model.moment(visits.start[rows] // _DAY * _DAY),
            "sensitivity": identifiers.pool(kinds).take(entry),
        }
    )


def medications_table(rng: np.random.Generator, frame: Frame) -> tuple[pd.DataFrame, np.ndarray]:
    """medication_id, encounter_id, patient_id, prescriber_staff_id, drug, rxnorm_code, dose, route,
    frequency, indication (ICD-10-CM), start_date, end_date (missing while it goes on).

    Returns:
        The table, and how many lasting drugs each patient takes.
    """
    visits = frame.visits
    first = np.flatnonzero(visits.ordinal() == 0)
    rows, drug, lasting = [], [], []
    count = np.zeros(len(frame.patients), np.int64)
    codes = {reason.code: index for index, reason in enumerate(REASONS)}
    for index, item in enumerate(DRUGS):
        if item.indication in CONDITION_AT:
            takes = frame.conditions[:, CONDITION_AT[item.indication]] & (
                rng.random(len(frame.patients)) < item.share
            )
            count += takes
            chosen = first[takes[visits.patient[first]]]
        else:
            takes = rng.random(len(visits)) < item.share
            chosen = np.flatnonzero((visits.reason == codes[item.indication]) & takes)
        rows.append(chosen)
        drug.append(np.full(len(chosen), index))
        lasting.append(np.full(len(chosen), item.indication in CONDITION_AT))
    row, kind, goes_on = np.concatenate(rows), np.concatenate(drug), np.concatenate(lasting)
    order = np.lexsort((kind, row))
    row, kind, goes_on = row[order], kind[order], goes_on[order]
    goes_on &= rng.random(len(row)) < 0.85
    started = visits.start[row] // _DAY * _DAY
    ended = pd.Series(model.moment(started + rng.integers(5, 30, len(row)) * _DAY)).mask(goes_on)
    condition_code = {condition.key: condition.code for condition in CONDITIONS}
    table = pd.DataFrame(
        {
            "medication_id": identifiers.numbered("M", frame.number[row] * 100 + kind, 13),
            "encounter_id": frame.encounter_id(row),
            "patient_id": frame.patient_id(row),
            "prescriber_staff_id": frame.staff["staff_id"].array.take(frame.attending[row]),
            "drug": identifiers.pool([item.name for item in DRUGS]).take(kind),
            "rxnorm_code": identifiers.pool([item.rxnorm for item in DRUGS]).take(kind),
            "dose": identifiers.pool([item.dose for item in DRUGS]).take(kind),
            "route": identifiers.pool([item.route for item in DRUGS]).take(kind),
            "frequency": identifiers.pool([item.frequency for item in DRUGS]).take(kind),
            "indication": identifiers.pool(
                [condition_code.get(item.indication, item.indication) for item in DRUGS]
            ).take(kind),
            "start_date": model.moment(started),
            "end_date": ended,
        }
    )
    return table, count


_ALWAYS = ("creatinine", "glucose", "hemoglobin", "sodium", "potassium", "leukocytes", "platelets", "urea")


def labs_table(rng: np.random.Generator, frame: Frame) -> pd.DataFrame:
    """lab_id, encounter_id, patient_id, loinc_code, test, value, unit, reference_low, reference_high, flag
    ("L", "H" or "N"), collected_at. Every stay has hemoglobin, sodium and creatinine."""
    visits = frame.visits
    has = frame.conditions[visits.patient]
    ordered = np.zeros((len(visits), len(TESTS)), bool)
    usual = np.array([test.key in _ALWAYS for test in TESTS])
    chance = rng.random((len(visits), len(TESTS)))
    blood = rng.random(len(visits)) < np.array([0.22, 0.6, 1.0])[visits.setting]
    stay = visits.setting == _INPATIENT
    ordered |= blood[:, None] & usual & (stay[:, None] | (chance < 0.7))
    for key, condition, share in (
        ("hba1c", "diabetes", 0.45),
        ("nt_probnp", "heart_failure", 0.6),
        ("albumin", "cancer", 0.5),
    ):
        at = TEST_AT[key]
        ordered[:, at] = (has[:, CONDITION_AT[condition]] & (chance[:, at] < share)) | (
            stay & (chance[:, at] < 0.2)
        )
    row, test = np.nonzero(ordered)
    value = visits.labs[row, test]
    low = np.array([item.low for item in TESTS])[test]
    high = np.array([item.high for item in TESTS])[test]
    until = np.minimum(visits.end - visits.start, 600)[row]
    collected = visits.start[row] + (rng.random(len(visits))[row] * until).astype(np.int64)
    return pd.DataFrame(
        {
            "lab_id": identifiers.numbered("L", frame.number[row] * 100 + test, 13),
            "encounter_id": frame.encounter_id(row),
            "patient_id": frame.patient_id(row),
            "loinc_code": identifiers.pool([item.loinc for item in TESTS]).take(test),
            "test": identifiers.pool([item.name for item in TESTS]).take(test),
            "value": value,
            "unit": identifiers.pool([item.unit for item in TESTS]).take(test),
            "reference_low": low,
            "reference_high": high,
            "flag": identifiers.pool(["N", "L", "H"]).take(np.select([value < low, value > high], [1, 2], 0)),
            "collected_at": model.moment(collected),
        }
    )


def claims_table(rng: np.random.Generator, frame: Frame, *, start: int, seed: int) -> pd.DataFrame:
    """claim_id, encounter_id, patient_id, payer, health_plan_number, billing_npi, account_number, icd10_code,
    icd10_pcs_code and procedure (missing without one), revenue_code (UB-04), billed, allowed, paid,
    patient_share (US dollars), status ("paid", "denied", "pending"), submitted_date."""
    visits, patients = frame.visits, frame.patients
    n = len(visits)
    payer = pd.Series(patients["payer"].array.take(visits.patient))
    code = np.array([PAYERS.index(name) for name in payer], dtype=np.int64)
    days = (visits.end - visits.start) / _DAY
    middle = np.select(
        [visits.setting == _INPATIENT, visits.setting == 1], [4200 + 2600 * days, 950.0], 190.0
    )
    surgery = np.array([reason.procedure is not None for reason in REASONS])[visits.reason]
    billed = np.round(middle * (1 + 0.7 * surgery) * np.exp(rng.normal(0, 0.32, n)), 2)
    factor = np.array([0.42, 0.34, 0.62, 0.66, 0.80])[code] * rng.uniform(0.92, 1.08, n)
    allowed = np.round(billed * factor, 2)
    late = visits.start > model.MINUTES - 25 * _DAY
    chance = rng.random(n)
    status = np.select([late & (chance < 0.6), (code != 4) & (chance > 0.93)], [2, 1], 0)
    share = np.where(code == 4, 1.0, np.array([0.20, 0.02, 0.18, 0.22, 1.0])[code])
    patient_share = np.where(status == 0, np.round(allowed * share, 2), 0.0)
    paid = np.where(status == 0, np.round(allowed - patient_share, 2), 0.0)
    procedures = [reason.procedure or (None, None) for reason in REASONS]
    numbers = [identifiers.pool([p[i] or "" for p in procedures]).take(visits.reason) for i in (0, 1)]
    has_procedure = surgery
    accounts = identifiers.account_number(rng, len(patients), start=start, key=seed)
    return pd.DataFrame(
        {
            "claim_id": identifiers.numbered("C", frame.number, 11),
            "encounter_id": frame.encounter_id(np.arange(n)),
            "patient_id": frame.patient_id(np.arange(n)),
            "payer": payer,
            "health_plan_number": patients["health_plan_number"].array.take(visits.patient),
            "billing_npi": frame.staff["npi"].array.take(frame.attending),
            "account_number": accounts.take(visits.patient),
            "icd10_code": identifiers.pool([r.code for r in REASONS]).take(visits.reason),
            "icd10_pcs_code": pd.Series(numbers[0]).where(has_procedure),
            "procedure": pd.Series(numbers[1]).where(has_procedure),
            "revenue_code": identifiers.pool([REVENUE_CODES[name] for name in SETTINGS]).take(visits.setting),
            "billed": billed,
            "allowed": allowed,
            "paid": paid,
            "patient_share": patient_share,
            "status": identifiers.pool(["paid", "denied", "pending"]).take(status),
            "submitted_date": model.moment((visits.end // _DAY + 1 + rng.integers(0, 10, n)) * _DAY),
        }
    )


def readmissions_table(rng: np.random.Generator, frame: Frame, drugs: np.ndarray) -> pd.DataFrame:
    """One row per discharge that can be followed for 30 days: what was known on that day and whether the
    patient came back.

    Columns: encounter_id, patient_id, age (years on arrival), sex, payer, admission_type, department,
    reason_code, length_of_stay (days), prior_admissions, prior_emergency_visits (180 days),
    comorbidity_count, heart_failure, copd, kidney_disease, diabetes, cancer, depression, substance_use (0 or
    1), hemoglobin (g/dL), sodium (mmol/L), creatinine (mg/dL), medication_count, discharge_to,
    follow_up_within_7_days (0 or 1), readmitted_30d (0 or 1). Deaths and discharges to hospice, returns
    themselves, and the last 30 days of the window are left out. The label is what the encounters show,
    changed in the share `model.READMISSION_LABEL_NOISE` of the rows.
    """
    visits = frame.visits
    stay = visits.setting == _INPATIENT
    rows = np.flatnonzero(stay)
    stays = visits.take(rows)
    same_next = np.r_[stays.patient[1:] == stays.patient[:-1], False] if len(rows) else np.zeros(0, bool)
    following = np.r_[stays.start[1:], 0] if len(rows) else np.zeros(0, np.int64)
    back = same_next & (following - stays.end <= model.FOLLOW_UP_DAYS * _DAY)
    left = np.isin(stays.discharge, [DISCHARGE_TO.index("expired"), DISCHARGE_TO.index("hospice")])
    index = ~stays.returned & ~left & (stays.end <= model.MINUTES - model.FOLLOW_UP_DAYS * _DAY)
    prior = stays.ordinal()[index]
    rows, stays, back = rows[index], stays.take(index), back[index]
    label = back ^ (rng.random(len(rows)) < model.READMISSION_LABEL_NOISE)
    has = frame.conditions[stays.patient]
    elective = np.array([reason.severity < 0 for reason in REASONS])[stays.reason]
    birth = frame.patients["birth_date"].to_numpy()[stays.patient]

    def flag(*keys: str) -> np.ndarray:
        return has[:, [CONDITION_AT[key] for key in keys]].any(axis=1).astype(np.int8)

    return pd.DataFrame(
        {
            "encounter_id": frame.encounter_id(rows),
            "patient_id": frame.patient_id(rows),
            "age": age_on(birth, model.moment(stays.start)),
            "sex": frame.patients["sex"].array.take(stays.patient),
            "payer": frame.patients["payer"].array.take(stays.patient),
            "admission_type": identifiers.pool(["emergency", "elective"]).take(elective.astype(int)),
            "department": identifiers.pool([r.department for r in REASONS]).take(stays.reason),
            "reason_code": identifiers.pool([r.code for r in REASONS]).take(stays.reason),
            "length_of_stay": np.round((stays.end - stays.start) / _DAY, 1),
            "prior_admissions": prior,
            "prior_emergency_visits": emergencies_before(visits, stays.patient, stays.start),
            "comorbidity_count": has.sum(axis=1),
            "heart_failure": flag("heart_failure"),
            "copd": flag("copd"),
            "kidney_disease": flag("kidney_disease"),
            "diabetes": flag("diabetes"),
            "cancer": flag("cancer"),
            "depression": flag("depression"),
            "substance_use": flag("alcohol", "opioid"),
            "hemoglobin": stays.labs[:, TEST_AT["hemoglobin"]],
            "sodium": stays.labs[:, TEST_AT["sodium"]],
            "creatinine": stays.labs[:, TEST_AT["creatinine"]],
            "medication_count": drugs[stays.patient],
            "discharge_to": identifiers.pool(DISCHARGE_TO).take(stays.discharge),
            "follow_up_within_7_days": stays.follow_up.astype(np.int8),
            "readmitted_30d": label.astype(np.int8),
        }
    )
