"""Learning tables say in columns for people what the generator's features say in numbers."""

import numpy as np
import pytest

from synthetic_data import load
from synthetic_data.finance.learning import fraud_features
from synthetic_data.learning_tables import TASKS, learning_table


@pytest.fixture(scope="module")
def data():
    return {sector: load(sector, seed=3, rows=1500) for sector in ("healthcare", "finance")}


@pytest.mark.parametrize("task", TASKS)
def test_a_table_has_cases_inputs_and_outcomes_of_one_length_without_gaps(data, task):
    table = learning_table(data[TASKS[task]], task)
    assert len(table) == len(table.inputs) == len(table.cases) == len(table.people) > 50
    assert set(table.outcome) == {0, 1} and not table.inputs.isna().any().any()
    assert len(set(table.cases)) == len(table)


@pytest.mark.parametrize("task", TASKS)
def test_neither_identifier_nor_outcome_is_an_input(data, task):
    table = learning_table(data[TASKS[task]], task)
    assert not any(name.endswith("_id") for name in table.inputs)
    numbers = table.inputs.select_dtypes("number")
    assert numbers.corrwith(numbers.iloc[:, 0] * 0 + table.outcome).abs().max() < 0.9


def test_payments_say_the_same_as_the_features_of_the_generator(data):
    bank = data["finance"]
    table = learning_table(bank, "fraud")
    payments = bank["transactions"].set_index("transaction_id").loc[table.cases].reset_index()
    seen = fraud_features(payments)
    assert np.allclose(np.log1p(table.inputs["amount"]), seen["log_amount"])
    assert (table.inputs["hour"] == seen["hour"]).all()
    assert (table.outcome == payments["is_fraud"]).all()
    inputs = table.inputs
    assert np.allclose(inputs["times_usual"], inputs["amount"] / inputs["usual_amount"])
    assert (inputs["payments_last_hour"] <= inputs["payments_last_day"]).all()


@pytest.mark.parametrize(("sector", "task"), [("healthcare", "fraud"), ("finance", "triage")])
def test_a_task_of_the_other_sector_is_refused(data, sector, task):
    with pytest.raises(ValueError, match="choose from"):
        learning_table(data[sector], task)
