"""The tables that models learn from, in columns that people understand: one row for each case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthetic_data.dataset import Dataset
from synthetic_data.finance.learning import fraud_features

TASKS = {"readmission": "healthcare", "fraud": "finance", "credit": "finance"}


@dataclass(frozen=True)
class LearningTable:
    """Cases, what is known of each, and how it ended.

    Attributes:
        task: ``"readmission"``, ``"fraud"`` or ``"credit"``.
        inputs: one row for each case.
        outcome: (rows,) int64: 1 where the patient came back, the payment was fraud, the loan defaulted.
        cases: (rows,) identifiers of the cases, in the table that they come from.
        people: (rows,) identifiers of the patients, accounts or customers: rows of one belong together.
    """

    task: str
    inputs: pd.DataFrame
    outcome: np.ndarray
    cases: np.ndarray
    people: np.ndarray

    def __len__(self) -> int:
        return len(self.outcome)


def learning_table(data: Dataset, task: str) -> LearningTable:
    """Return the learning table of a task.

    Of ``"readmission"``: the table ``readmissions``. Of ``"credit"``: the application as in ``loans``, and
    payment_burden (a year's payments / income). Of ``"fraud"``, in order of time: amount (USD), usual_amount
    (geometric mean of the account's earlier payments), times_usual (amount / usual_amount), round_amount
    (0/1), near_limit (0/1: from 8,000 to below 10,000), hour (0 to 23), channel, foreign (0/1),
    distance_from_home (as in ``transactions``), hours_since_last (720 without an earlier payment),
    payments_last_hour, payments_last_day, new_device (0/1), accounts_on_device, new_merchant (0/1),
    merchant_code (a text).

    Raises:
        ValueError: if there is no such task, or it is of the other sector.
    """
    if TASKS.get(task) != data.sector:
        known = ", ".join(name for name, sector in TASKS.items() if sector == data.sector)
        raise ValueError(f"Unknown task {task!r} of {data.sector}; choose from {known}.")
    return {"readmission": _readmission, "fraud": _fraud, "credit": _credit}[task](data)


def _readmission(data: Dataset) -> LearningTable:
    table = data["readmissions"]
    flags = table.select_dtypes("int8").columns
    inputs = table.drop(columns=["encounter_id", "patient_id", "reason_code", "readmitted_30d"])
    return _table(
        "readmission",
        inputs.astype({name: "int64" for name in flags if name in inputs}),
        table["readmitted_30d"],
        table["encounter_id"],
        table["patient_id"],
    )


def _credit(data: Dataset) -> LearningTable:
    table = data["loans"]
    inputs = table.drop(columns=["loan_id", "customer_id", "issued_date", "defaulted"])
    inputs["payment_burden"] = inputs["monthly_payment"] * 12 / inputs["annual_income"]
    return _table("credit", inputs, table["defaulted"], table["loan_id"], table["customer_id"])


def _fraud(data: Dataset) -> LearningTable:
    payments = data["transactions"].sort_values("timestamp", kind="stable").reset_index(drop=True)
    seen = fraud_features(payments)
    amount = payments["amount"].to_numpy()
    # In logarithms amount_to_usual is the difference to the mean; back in dollars that is a geometric mean.
    usual = np.round(np.maximum(np.expm1(seen["log_amount"] - seen["amount_to_usual"]), 1.0), 2)
    inputs = pd.DataFrame(
        {
            "amount": amount,
            "usual_amount": usual,
            "times_usual": amount / usual,
            "round_amount": seen["round_amount"].astype(int),
            "near_limit": seen["near_limit"].astype(int),
            "hour": seen["hour"].astype(int),
            "channel": payments["channel"],
            "foreign": seen["foreign"].astype(int),
            "distance_from_home": payments["distance_from_home"],
            "hours_since_last": np.round(np.expm1(seen["hours_since"]), 3),
            "payments_last_hour": seen["last_hour"].astype(int),
            "payments_last_day": seen["last_day"].astype(int),
            "new_device": seen["new_device"].astype(int),
            "accounts_on_device": seen["device_accounts"].astype(int),
            "new_merchant": seen["new_merchant"].astype(int),
            "merchant_code": payments["mcc"],
        }
    )
    return _table("fraud", inputs, payments["is_fraud"], payments["transaction_id"], payments["account_id"])


def _table(
    task: str, inputs: pd.DataFrame, outcome: pd.Series, cases: pd.Series, people: pd.Series
) -> LearningTable:
    return LearningTable(
        task,
        inputs.reset_index(drop=True),
        outcome.to_numpy().astype(np.int64),
        cases.to_numpy(dtype=object),
        people.to_numpy(dtype=object),
    )
