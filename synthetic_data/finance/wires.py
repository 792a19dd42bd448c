"""Wire transfers: one row for each payment of channel "wire", with both parties and the remittance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import columns

_ABOUT = ("Invoice", "Rent", "Tuition", "Family support", "Deposit for house", "Consulting fee", "Order",
          "Car purchase", "Loan repayment", "Charity gift", "Machine parts", "Medical bill", "Travel booking",
          "Legal fees", "Wedding", "Savings transfer")  # fmt: skip
_COMPANIES = ("Northwind Supply Co", "Alder & Finch LLP", "Bright Meadow Farms", "Quartz Logistics GmbH",
              "Lakeside Realty", "Orchid Travel SARL", "Pioneer Machine Works", "Silver Birch Clinic",
              "Tidewater Motors", "Willow Academy", "Emerald Imports BV", "Foxglove Studio")  # fmt: skip
PERSON_SHARE = 0.6  # of creditors


def wires(
    rng: np.random.Generator,
    transactions: pd.DataFrame,
    account_of: np.ndarray,
    accounts: pd.DataFrame,
    payees: pd.DataFrame,
    *,
    first: int,
) -> pd.DataFrame:
    """Complete the wire payments among a block's transactions.

    Args:
        rng: source of chance.
        transactions: the block's transactions, of which those with channel "wire" become rows.
        account_of: (transactions,) row of each transaction's account in ``accounts``.
        accounts: with account_id, iban, bic, holder_name.
        first: number of the first transaction, from which ids follow.
        payees: creditors: name, iban, bic, by the payee names that ``transactions.merchant`` uses.

    Returns:
        Columns wire_id, transaction_id, account_id, timestamp, settlement_date, amount, currency,
        debtor_name, debtor_iban, debtor_bic, creditor_name, creditor_iban, creditor_bic, remittance,
        end_to_end_id, uetr, charge_bearer, status.
    """
    rows = np.flatnonzero((transactions["channel"] == "wire").to_numpy())
    n = len(rows)
    paid = transactions.iloc[rows]
    account = account_of[rows]
    payee_row = pd.Index(payees["name"]).get_indexer(paid["merchant"])
    number = first + rows
    stamp = paid["timestamp"].to_numpy().astype("datetime64[s]")
    about = columns.take(_ABOUT, rng.integers(0, len(_ABOUT), n))
    reference = identifiers.numbered("", rng.integers(0, 10**6, n), 6)
    with_name = rng.random(n) < 0.3
    debtor = columns.take(accounts["holder_name"], account)
    remittance = np.where(
        with_name,
        np.asarray(columns.join(about, " ", reference, " from ", debtor), dtype=object),
        np.asarray(columns.join(about, " ", reference), dtype=object),
    )
    return pd.DataFrame(
        {
            "wire_id": identifiers.numbered("W", number, 10),
            "transaction_id": paid["transaction_id"].array,
            "account_id": paid["account_id"].array,
            "timestamp": stamp,
            "settlement_date": (stamp.astype("datetime64[D]") + rng.integers(0, 3, n)).astype(
                "datetime64[s]"
            ),
            "amount": paid["amount"].to_numpy(),
            "currency": paid["currency"].array,
            "debtor_name": debtor,
            "debtor_iban": columns.take(accounts["iban"], account),
            "debtor_bic": columns.take(accounts["bic"], account),
            "creditor_name": paid["merchant"].array,
            "creditor_iban": columns.take(payees["iban"], payee_row),
            "creditor_bic": columns.take(payees["bic"], payee_row),
            "remittance": pd.array(remittance, dtype="str"),
            "end_to_end_id": columns.join("E2E", identifiers.numbered("", number, 10)),
            "uetr": _uetr(rng, n),
            "charge_bearer": columns.take(("SHAR", "DEBT", "CRED"), rng.choice(3, n, p=(0.8, 0.15, 0.05))),
            "status": columns.take(
                ("settled", "pending", "returned"), rng.choice(3, n, p=(0.95, 0.03, 0.02))
            ),
        }
    )


def payee_names(rng: np.random.Generator, persons: pd.DataFrame, n: int) -> list[str]:
    """``n`` different names of creditors: persons and companies."""
    first = persons["first_name"].to_numpy()[rng.integers(0, len(persons), n)]
    last = persons["last_name"].to_numpy()[rng.integers(0, len(persons), n)]
    company = rng.random(n) >= PERSON_SHARE
    names: dict[str, None] = {}
    for row in range(n):
        name = f"{first[row]} {last[row]}"
        if company[row]:
            name = f"{last[row]} {_COMPANIES[row % len(_COMPANIES)]}"
        while name in names:
            name = f"{name} Jr" if not company[row] else f"{name} {row}"
        names[name] = None
    return list(names)


def _uetr(rng: np.random.Generator, n: int) -> columns.Strings:
    """Unique end-to-end transaction references: UUIDs of version 4 (RFC 9562)."""
    matrix = columns.hexadecimal(rng, n, 36)
    matrix[:, [8, 13, 18, 23]] = ord("-")
    matrix[:, 14] = ord("4")
    matrix[:, 19] = np.frombuffer(b"89ab", dtype=np.uint8)[rng.integers(0, 4, n)]
    return identifiers.strings(matrix)
