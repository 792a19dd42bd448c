"""Loans with default: income, debt, score and history explain the risk in part, chance the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import columns
from synthetic_data.finance import reference as ref

LOAN_SHARE = 0.6  # of customers
PURPOSES = ("debt consolidation", "car", "home improvement", "medical", "small business", "education")
PURPOSE_SHARES = (0.34, 0.22, 0.18, 0.10, 0.09, 0.07)
HOMES = ("rent", "mortgage", "own")

# Log-odds of default. Standardized inputs; `chance` is the spread of what no column explains.
COEFFICIENTS = {
    "intercept": -3.1,
    "credit_score": -0.65,
    "debt_to_income": 0.55,
    "log_income": -0.30,
    "payment_burden": 0.45,
    "delinquencies": 0.40,
    "small_business": 0.55,
    "medical": 0.30,
    "rent": 0.25,
    "low_score_and_high_debt": 0.70,
    "chance": 0.9,
}
RATE_PER_SCORE_STEP = 2.4  # percentage points less for each 75 points
LABEL_NOISE = 0.01  # of loans whose recorded outcome is wrong


def loans(
    rng: np.random.Generator, customers: pd.DataFrame, number: np.ndarray, score: np.ndarray
) -> pd.DataFrame:
    """One loan for a share of the customers.

    Args:
        rng: source of chance.
        customers: with customer_id, annual_income, employment_years; one row each.
        number: (customers,) the customers' numbers, from which loan ids follow.
        score: (customers,) credit scores, 300 to 850.

    Returns:
        Columns loan_id, customer_id, issued_date, amount, term_months, interest_rate (percent a year),
        monthly_payment, purpose, annual_income, debt_to_income (percent), credit_score, employment_years,
        home_ownership, delinquencies_2y, open_accounts, defaulted.
    """
    who = np.flatnonzero(rng.random(len(customers)) < LOAN_SHARE)
    n = len(who)
    income = customers["annual_income"].to_numpy()[who]
    credit = score[who]
    standard_score = (credit - 690.0) / 75.0
    debt = np.clip(rng.gamma(4.0, 4.8, n) - 2.0 * standard_score, 0.5, 65.0)
    delinquencies = rng.poisson(np.exp(-1.2 - 0.6 * standard_score))
    purpose = rng.choice(len(PURPOSES), n, p=PURPOSE_SHARES)
    home = rng.choice(len(HOMES), n, p=(0.42, 0.46, 0.12))
    term = rng.choice([24, 36, 48, 60], n, p=(0.15, 0.45, 0.15, 0.25))
    amount = np.clip(
        np.round(np.exp(rng.normal(9.2, 0.65, n)) * np.sqrt(income / 60_000) / 100) * 100, 1_000, 75_000
    )
    rate = np.clip(11.0 - RATE_PER_SCORE_STEP * standard_score + rng.normal(0, 1.4, n), 3.5, 29.9)
    monthly_rate = rate / 1200.0
    payment = amount * monthly_rate / (1.0 - (1.0 + monthly_rate) ** -term)
    burden = payment * 12.0 / income

    c = COEFFICIENTS
    log_odds = (
        c["intercept"]
        + c["credit_score"] * standard_score
        + c["debt_to_income"] * (debt - 18.0) / 9.5
        + c["log_income"] * np.log(income / 60_000.0) / 0.5
        + c["payment_burden"] * np.clip((burden - 0.08) / 0.08, -2, 3)
        + c["delinquencies"] * np.minimum(delinquencies, 4)
        + c["small_business"] * (purpose == PURPOSES.index("small business"))
        + c["medical"] * (purpose == PURPOSES.index("medical"))
        + c["rent"] * (home == HOMES.index("rent"))
        + c["low_score_and_high_debt"] * ((credit < 650) & (debt > 22))
        + c["chance"] * rng.standard_normal(n)
    )
    defaulted = rng.random(n) < 1.0 / (1.0 + np.exp(-log_odds))
    defaulted ^= rng.random(n) < LABEL_NOISE
    issued = ref.START.astype("datetime64[D]") - rng.integers(30, 1100, n)
    return pd.DataFrame(
        {
            "loan_id": identifiers.numbered("L", number[who], 8),
            "customer_id": customers["customer_id"].array[who],
            "issued_date": issued.astype("datetime64[s]"),
            "amount": amount,
            "term_months": term,
            "interest_rate": columns.cents(rate),
            "monthly_payment": columns.cents(payment),
            "purpose": columns.take(PURPOSES, purpose),
            "annual_income": income,
            "debt_to_income": np.round(debt, 1),
            "credit_score": credit,
            "employment_years": customers["employment_years"].to_numpy()[who],
            "home_ownership": columns.take(HOMES, home),
            "delinquencies_2y": delinquencies,
            "open_accounts": rng.poisson(9, n) + 1,
            "defaulted": defaulted,
        }
    )
