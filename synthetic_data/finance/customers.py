"""Customers of the bank with their accounts and cards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import access, columns
from synthetic_data.finance import reference as ref
from synthetic_data.finance.transactions import Population
from synthetic_data.people import age_on, people

BRANCHES = 12
SAVINGS_SHARE = 0.40
CREDIT_SHARE = 0.45
EMPLOYMENT = ("employed", "self-employed", "retired", "student", "unemployed")
CHECKING, SAVINGS, CREDIT = 1, 2, 3
# Built-in dependencies, which the data card repeats.
SCORE_PER_LOG_INCOME = 55.0
SCORE_PER_YEAR_OF_AGE = 0.9
BEST_PAID_AGE = 50.0
_LIFE_YEARS = 4  # cards are valid this long


@dataclass(frozen=True)
class Clients:
    """One block's customers, accounts and cards, and what payments and loans need of them.

    ``credit_score`` and ``number`` have shape (customers,); ``holder`` gives the customer row per account.
    """

    customers: pd.DataFrame
    accounts: pd.DataFrame
    cards: pd.DataFrame
    population: Population
    credit_score: np.ndarray
    number: np.ndarray
    holder: np.ndarray


def clients(
    rng: np.random.Generator, n: int, *, start: int, key: int, payees: int, addresses: int
) -> Clients:
    """``n`` customers whose numbers begin at ``start``; ``key`` is the seed of the data set."""
    table, score, tenure = _customers(rng, n, start=start, key=key)
    number = start + 1 + np.arange(n)
    savings = rng.random(n) < SAVINGS_SHARE
    credit = rng.random(n) < CREDIT_SHARE * np.clip((score - 450) / 250, 0.2, 1.3)
    accounts, holder, first_row = _accounts(
        rng,
        table,
        number=number,
        savings=savings,
        credit=credit,
        score=score,
        tenure=tenure,
        start=start,
        key=key,
    )
    cards, debit_card, credit_card = _cards(
        rng, table, accounts, number=number, first_row=first_row, credit=credit, start=start, key=key
    )
    population = Population(
        age=age_on(table["birth_date"], ref.START),
        income=table["annual_income"].to_numpy(dtype=float),
        tenure_days=tenure,
        checking_account=first_row[CHECKING],
        credit_account=first_row[CREDIT],
        debit_card=debit_card,
        credit_card=credit_card,
        credit_limit=np.where(credit, accounts["credit_limit"].to_numpy()[first_row[CREDIT]], 0.0),
        payees=payees,
        addresses=addresses,
    )
    return Clients(table, accounts, cards, population, score, number, holder)


def _customers(rng, n, *, start, key):
    table = people(rng, n, id_prefix="customer", start=start, key=key, ages="adults")
    age = age_on(table["birth_date"], ref.START)
    employment = rng.choice(len(EMPLOYMENT), n, p=(0.68, 0.11, 0.07, 0.06, 0.08))
    employment = np.where(age >= 67, EMPLOYMENT.index("retired"), employment)
    level = np.array([0.0, 0.05, -0.45, -0.95, -1.0])[employment]
    career = -0.0007 * (np.clip(age, 20, 75) - BEST_PAID_AGE) ** 2 + 0.15
    income = np.round(np.exp(11.05 + level + career + rng.normal(0, 0.45, n)) / 100) * 100
    years = np.minimum(rng.gamma(1.6, 4.5, n), np.maximum(age - 18, 0)) * np.isin(employment, (0, 1))
    tenure = np.minimum(rng.gamma(1.5, 1500.0, n) + 20, np.maximum(age - 17, 1) * 365.25).astype(np.int64)
    score = (
        640
        + SCORE_PER_YEAR_OF_AGE * (age - 45)
        + SCORE_PER_LOG_INCOME * np.log(income / 60_000)
        + rng.normal(0, 62, n)
        + 30
    )
    score = np.clip(np.round(score), 300, 850).astype(np.int64)
    joined = ref.START.astype("datetime64[D]") - tenure
    table["employment"] = columns.take(EMPLOYMENT, employment)
    table["employment_years"] = np.round(years, 1)
    table["annual_income"] = income
    table["branch_id"] = identifiers.numbered("B", rng.integers(0, BRANCHES, n), 3)
    table["is_prominent"] = _prominent(rng, n)
    table["customer_since_date"] = joined.astype("datetime64[us]")
    return table, score, tenure


def _prominent(rng, n):
    chosen = rng.random(n) < access.PROMINENT_SHARE
    chosen[rng.integers(0, n)] = True  # every block has somebody whom the press writes about
    return chosen


def _accounts(rng, table, *, number, savings, credit, score, tenure, start, key):
    n = len(table)
    everyone = np.arange(n)
    holder = np.concatenate([everyone, everyone[savings], everyone[credit]])
    kind = np.repeat([CHECKING, SAVINGS, CREDIT], [n, int(savings.sum()), int(credit.sum())])
    order = np.lexsort((kind, holder))
    holder, kind = holder[order], kind[order]
    m = len(holder)
    # Three places are reserved for each customer, so that numbers are unique whatever the others hold.
    place = 3 * (start + holder) + kind - 1
    first_row = {}
    for code in (CHECKING, SAVINGS, CREDIT):
        rows = np.full(n, -1)
        rows[holder[kind == code]] = np.flatnonzero(kind == code)
        first_row[code] = rows
    income = table["annual_income"].to_numpy()[holder]
    opened = np.maximum((tenure[holder] * np.where(kind == CHECKING, 1.0, rng.random(m))).astype(np.int64), 5)
    limit = np.round(np.clip(income * 0.12 * np.exp((score[holder] - 690) / 160), 500, 40_000) / 100) * 100
    balance = np.select(
        [kind == CHECKING, kind == SAVINGS],
        [income / 20 * rng.gamma(1.2, 1.0, m), income / 4 * rng.gamma(0.9, 1.2, m)],
        -limit * rng.beta(1.2, 3.0, m),
    )
    currency = rng.choice(3, n, p=ref.CURRENCY_SHARES)[holder]
    country = rng.integers(0, len(ref.IBAN_COUNTRIES), n)[holder]
    iban, bic = _spread_by_country(rng, place, country, key)
    frame = pd.DataFrame(
        {
            "account_id": columns.join(
                identifiers.numbered("A", number[holder], 9), columns.take(("", "1", "2", "3"), kind)
            ),
            "customer_id": columns.take(table["customer_id"], holder),
            "type": columns.take(("", "checking", "savings", "credit"), kind),
            "holder_name": columns.join(
                columns.take(table["first_name"], holder),
                columns.take(table["last_name"], holder),
                separator=" ",
            ),
            "currency": columns.take(ref.CURRENCIES, currency),
            "iban": iban,
            "bic": bic,
            "routing_aba": columns.take(identifiers.routing_aba(rng, BRANCHES), rng.integers(0, BRANCHES, m)),
            "account_number": _at(identifiers.account_number, rng, place, key),
            "opened_date": (ref.START.astype("datetime64[D]") - opened).astype("datetime64[us]"),
            "balance": columns.cents(balance),
            "credit_limit": np.where(kind == CREDIT, limit, np.nan),
            "status": columns.take(("active", "dormant", "frozen"), rng.choice(3, m, p=(0.95, 0.04, 0.01))),
        }
    )
    return frame, holder, first_row


def _cards(rng, table, accounts, *, number, first_row, credit, start, key):
    n = len(table)
    who = np.concatenate([np.arange(n), np.flatnonzero(credit)])
    kind = np.repeat([1, 2], [n, int(credit.sum())])
    order = np.lexsort((kind, who))
    who, kind = who[order], kind[order]
    m = len(who)
    account = np.where(kind == 1, first_row[CHECKING][who], first_row[CREDIT][who])
    debit_card, credit_card = np.full(n, -1), np.full(n, -1)
    debit_card[who[kind == 1]] = np.flatnonzero(kind == 1)
    credit_card[who[kind == 2]] = np.flatnonzero(kind == 2)
    brand = rng.choice(2, m, p=(0.62, 0.38))
    brands = np.array(["visa", "mastercard"], dtype=object)[brand]
    pan = _cards_at(rng, 2 * (start + who) + kind - 1, brands, key)
    last_four = pd.Series(pan).str.slice(-4).array
    months = rng.integers(1, _LIFE_YEARS * 12, m)
    expiry = (ref.START.astype("datetime64[M]") + months).astype("datetime64[D]")
    frame = pd.DataFrame(
        {
            "card_id": columns.join(
                identifiers.numbered("K", number[who], 9), columns.take(("", "1", "2"), kind)
            ),
            "account_id": columns.take(accounts["account_id"], account),
            "customer_id": columns.take(table["customer_id"], who),
            "type": columns.take(("", "debit", "credit"), kind),
            "brand": pd.array(brands, dtype="str"),
            "pan": pan,
            # A token keeps length and last four digits; no network issues numbers that begin with 0.
            "token": columns.join(identifiers.numbered("0", rng.integers(0, 10**11, m), 11), last_four),
            "cardholder": columns.take(accounts["holder_name"], account),
            "expiry_date": expiry.astype("datetime64[us]"),
            "status": columns.take(("active", "blocked", "lost"), rng.choice(3, m, p=(0.96, 0.025, 0.015))),
        }
    )
    return frame, debit_card, credit_card


def _at(make, rng, place, key, **more):
    """Unique values for scattered places: make the whole stretch and pick; at most three times too many."""
    low = int(place.min())
    return make(rng, int(place.max()) - low + 1, start=low, key=key, **more)[place - low]


def _cards_at(rng, place, brands, key):
    low = int(place.min())
    stretch = np.full(int(place.max()) - low + 1, "visa", dtype=object)
    stretch[place - low] = brands
    return identifiers.card_number(rng, len(stretch), stretch, start=low, key=key)[place - low]


def _spread_by_country(rng, place, country, key):
    """IBANs and BICs for accounts of several countries."""
    n = len(place)
    iban = np.empty(n, dtype=object)
    bic = np.empty(n, dtype=object)
    for code, name in enumerate(ref.IBAN_COUNTRIES):
        rows = np.flatnonzero(country == code)
        if len(rows):
            iban[rows] = np.asarray(_at(identifiers.iban, rng, place[rows], key, country=name), dtype=object)
            bic[rows] = np.asarray(identifiers.bic(np.random.default_rng(code), 1, name), dtype=object)[0]
    return pd.array(iban, dtype="str"), pd.array(bic, dtype="str")
