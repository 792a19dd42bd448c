"""The invented hospital and bank of chapter 07: which columns, letters and orders its lesson is told with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.attack.cryptography.messages import demonstration_bytes
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class EncryptionScene:
    """What is the hospital's and what is the bank's in the lesson.

    Attributes:
        us, person: words for the organization and for those whose data it keeps.
        people, person_id: the table of persons and its identifier.
        prize: a column of that table which somebody gains by exchanging.
        searched: table and column that are searched by tokens.
        letters: two letters that go out; the attacker knows the first.
        order: an order, and what of it is changed to what, in as many letters.
        cases, inputs, target: the table of cases, and what a model reads and foretells.
        caller: the service account that asks the model.
    """

    us: str
    person: str
    people: str
    person_id: str
    prize: str
    searched: tuple[str, str]
    letters: tuple[str, str]
    order: tuple[str, str, str]
    cases: str
    inputs: tuple[str, ...]
    target: str
    caller: str


SCENES = {
    "healthcare": EncryptionScene(
        us="hospital",
        person="patient",
        people="patients",
        person_id="patient_id",
        prize="health_plan_number",
        searched=("diagnoses", "description"),
        letters=(
            "Dear patient, your appointment is confirmed. Please bring your insurance card, and your old "
            "letters.",
            "Result for record 0417: HIV test positive, viral load 41,000. Call the patient, do not write.",
        ),
        order=("Order 0417: morphine, intravenous, dose 010.0 mg, once", "010.0", "100.0"),
        cases="readmissions",
        inputs=("length_of_stay", "prior_admissions", "comorbidity_count"),
        target="readmitted_30d",
        caller="ward-dashboard",
    ),
    "finance": EncryptionScene(
        us="bank",
        person="customer",
        people="customers",
        person_id="customer_id",
        prize="annual_income",
        searched=("loans", "purpose"),
        letters=(
            "Dear customer, your appointment is confirmed. Please bring your card, and a proof of your "
            "address.",
            "Decision on file 0417: loan refused, three payments missed, account to be closed. Do not call.",
        ),
        order=("Order 0417: transfer, same day, amount USD 00100.00, once", "00100", "99100"),
        cases="loans",
        inputs=("credit_score", "debt_to_income", "delinquencies_2y"),
        target="defaulted",
        caller="branch-dashboard",
    ),
}


def encryption_scene(sector: str) -> EncryptionScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


def small_model(
    cases: pd.DataFrame, inputs: tuple[str, ...], target: str
) -> Callable[[Mapping[str, Any]], float]:
    """Fit a logistic regression and return what a service offers of it: a record in, a chance out.

    Args:
        cases: the inputs and the target, one row per case.
        inputs: columns of numbers that the model reads; it ignores what else a record holds.
        target: a column of 0 and 1, or of truth values.
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = list(inputs)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(cases[columns], cases[target])
    return lambda record: float(model.predict_proba(pd.DataFrame([record])[columns])[0, 1])


def write_careless_notebook(path: Path | str) -> Path:
    """Write a notebook with a made-up key in its code and a made-up password in one of its outputs.

    Its folder is made if need be. Neither opens anything; a scanner cannot know that.
    """
    import nbformat

    made_up = demonstration_bytes("leaked", 24).hex()
    address = f"connected to postgresql://report:{made_up[:14]}@database/claims\n"
    cells = [
        nbformat.v4.new_code_cell(f'token = "{made_up}"'),
        nbformat.v4.new_code_cell(
            "connect(settings)", outputs=[nbformat.v4.new_output("stream", text=address)]
        ),
    ]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path
