"""Inputs to try the assessment on: invented people, small models trained on them, filled forms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SEED = 7
# Enough that a model learns something, few enough that all examples are written in some seconds.
PATIENTS, PAYMENTS, TRANSACTIONS = 6000, 9000, 30_000
COMORBIDITIES = [
    "heart_failure",
    "copd",
    "kidney_disease",
    "diabetes",
    "cancer",
    "depression",
    "substance_use",
]
LONG_STAY_DAYS = 4.5
PLAN = {
    "triage": {
        "model.membership_inference": {
            "owner": "Head of data science", "due": "2027-01-31", "decision": "mitigate",
            "reason": "The next version is trained with larger leaves.",
        },
        "data.safe_harbor_identifiers": {
            "owner": "Data protection officer", "due": "2026-12-15", "decision": "mitigate",
            "reason": "The team gets tokens instead of names and numbers.",
        },
    },
    "fraud": {
        "model.evasion": {
            "owner": "Head of fraud operations", "due": "2026-12-31", "decision": "mitigate",
            "reason": "A second rule looks at the account's week, which one payment cannot change.",
        },
    },
}  # fmt: skip


def write_examples(folder: Path) -> list[Path]:
    """Write the parameter files of the kit and everything that they name into a new or empty folder.

    Raises:
        UserError: if the folder holds something, or cannot be written.
    """
    from secure_ai.assess.run import notebook_path
    from secure_ai.core.outputs import atomic_directory

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder.resolve().name} is not an empty folder: choose a new one.")
    try:
        with atomic_directory(folder.absolute()) as draft:
            for file in sorted((notebook_path().parent / "parameters").glob("*.yaml")):
                shutil.copy(file, draft / file.name)
            for write in (_hospital, _bank, _forms):
                write(draft)
    except OSError as error:
        raise UserError(
            f"The examples could not be written ({type(error).__name__}): choose another folder."
        ) from None
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _hospital(folder: Path) -> None:
    import pandas as pd

    from synthetic_data import load

    data = load("healthcare", seed=SEED, rows=PATIENTS)
    patients, stays = data["patients"], data["readmissions"]
    table = stays.merge(
        patients[["patient_id", "first_name", "last_name", "birth_date", "zip", "ssn", "race"]],
        on="patient_id",
    )
    identity = ["first_name", "last_name", "birth_date", "zip", "ssn"]
    known = ["age", "sex", "payer", "admission_type", "department", *COMORBIDITIES, "hemoglobin", "sodium",
             "creatinine", "medication_count", "prior_admissions"]  # fmt: skip
    place = _folder(folder, "triage")
    _csv(table[[*identity, "sex", "race", *COMORBIDITIES, "reason_code"]], place / "patients.csv")
    cases = table[[*known, "race"]].assign(long_stay=(table["length_of_stay"] >= LONG_STAY_DAYS).astype(int))
    _model(cases, "long_stay", ["race"], place)
    _yaml({"immutable": ["age", "sex", *COMORBIDITIES], "integer": ["medication_count", "prior_admissions"]},
          place / "rules.yaml")  # fmt: skip
    _yaml(PLAN["triage"], place / "plan.yaml")
    place = _folder(folder, "readmission")
    inputs = stays.drop(columns=["encounter_id", "patient_id", "reason_code"])
    _csv(inputs.drop(columns="readmitted_30d"), place / "patients.csv")
    train, other, fitted = _fit(inputs, "readmitted_30d", [], leaf=5)
    answers = []
    for rows, member in ((train, 1), (other, 0)):
        chances = fitted.predict_proba(rows.drop(columns="readmitted_30d"))
        answers.append(
            pd.DataFrame({"p_0": chances[:, 0], "p_1": chances[:, 1]}).round(6).assign(
                label=rows["readmitted_30d"].to_numpy(), member=member, sex=rows["sex"].to_numpy(),
                payer=rows["payer"].to_numpy(),
            )
        )  # fmt: skip
    _csv(pd.concat(answers), place / "answers.csv")


def _bank(folder: Path) -> None:
    from synthetic_data import load
    from synthetic_data.learning_tables import learning_table

    data = load("finance", seed=SEED, rows=PAYMENTS)
    place = _folder(folder, "fraud")
    payments = data["transactions"].drop(columns=["fraud_type"])
    for number, part in enumerate((payments.iloc[: PAYMENTS // 2], payments.iloc[PAYMENTS // 2 :]), 1):
        _csv(part, place / f"payments_{number}.csv")
    table = learning_table(data, "fraud")
    cases = table.inputs.drop(columns="merchant_code").assign(is_fraud=table.outcome)
    _model(cases, "is_fraud", [], place)
    _yaml(
        {
            "immutable": ["usual_amount", "hours_since_last", "payments_last_hour", "payments_last_day"],
            "integer": ["hour", "accounts_on_device"],
            "ranges": {"amount": [1, 20_000], "hour": [0, 23]},
            "formulas": ["times_usual = amount / usual_amount"],
        },
        place / "rules.yaml",
    )
    _yaml(PLAN["fraud"], place / "plan.yaml")
    data = load("finance", seed=SEED, rows=TRANSACTIONS)
    place = _folder(folder, "credit")
    loans = data["loans"].merge(data["customers"][["customer_id", "sex", "race"]], on="customer_id")
    cases = loans.drop(columns=["loan_id", "customer_id", "issued_date"])
    _csv(cases.drop(columns="defaulted"), place / "applications.csv")
    _model(cases, "defaulted", ["sex", "race"], place)
    _yaml({"immutable": ["credit_score", "delinquencies_2y"], "integer": ["term_months", "open_accounts"]},
          place / "rules.yaml")  # fmt: skip


def _forms(folder: Path) -> None:
    """Write filled questionnaires with their documents, a vendor's answers, and the log of a service."""
    from secure_ai.assess.controls import write_example
    from secure_ai.govern.vendors import example_vendors, write_answers, write_example_evidence

    place = _folder(folder, "controls")
    for sector in ("healthcare", "finance"):
        write_example(sector, place / f"{sector}.yaml", place / "evidence")
    place = _folder(folder, "vendor")
    mixed = example_vendors("healthcare")[-1]
    write_answers(place / "answers.yaml", mixed)
    documents = write_example_evidence("healthcare", place / "documents")
    shutil.move(documents[mixed.vendor], place / "evidence")
    shutil.rmtree(place / "documents")
    _log(_folder(folder, "service") / "log.jsonl")


def _log(path: Path) -> None:
    from synthetic_data.activity import make_month

    rows = make_month("healthcare", staff=60, days=20, seed=SEED).as_audit_rows()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _fit(cases: pd.DataFrame, target: str, drop: list[str], *, leaf: int) -> tuple[Any, Any, Any]:
    """Return training and other records, halves by chance, and a gradient-boosting model of the first."""
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    order = np.random.default_rng(SEED).permutation(len(cases))
    train, other = cases.iloc[order[: len(cases) // 2]], cases.iloc[order[len(cases) // 2 :]]
    inputs = train.drop(columns=[target, *drop])
    # Names, not a rule that finds them: a file that is opened safely holds no functions.
    text = list(inputs.select_dtypes(exclude="number").columns)
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text), remainder="passthrough"
        ),
        GradientBoostingClassifier(min_samples_leaf=leaf, max_depth=6 if leaf < 20 else 3, random_state=SEED),
    )
    return train, other, model.fit(inputs, train[target])


def _model(cases: pd.DataFrame, target: str, drop: list[str], place: Path) -> None:
    from secure_ai.defend.model_files import save_skops

    for name, leaf in (("model", 2), ("model_mitigated", 60)):
        train, other, fitted = _fit(cases, target, drop, leaf=leaf)
        save_skops(fitted, place / f"{name}.skops")
    _csv(train, place / "training.csv")
    _csv(other, place / "held_out.csv")


def _folder(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir(exist_ok=True)
    return place


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def _yaml(content: Any, path: Path) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
