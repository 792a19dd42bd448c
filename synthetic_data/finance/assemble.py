"""One block of the bank: its customers and every row that depends on them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import access, columns, fraud, lending, messages, wires
from synthetic_data.finance import reference as ref
from synthetic_data.finance.customers import BRANCHES, Clients, clients
from synthetic_data.finance.transactions import COLUMNS, DEVICES_EACH, FRAUD_DEVICES, Ledger, genuine
from synthetic_data.people import people
from synthetic_data.text import SyntheticText

BLOCK_SIZE = 50_000
"""Transactions of a whole block; only the last block of a data set differs."""

ROWS_PER_CUSTOMER = 10
LEAST_CUSTOMERS = 50
CUSTOMERS_PER_STAFF = 50
LEAST_STAFF = 30
LEAST_ACCESSES = 2_000
PAYEES = 400


def block_sizes(rows: int) -> list[int]:
    """Transactions of each block. A remainder of less than half a block joins the one before it."""
    count = max(1, round(rows / BLOCK_SIZE))
    return [BLOCK_SIZE] * (count - 1) + [rows - BLOCK_SIZE * (count - 1)]


def block(seed: int, index: int, size: int = BLOCK_SIZE) -> dict[str, pd.DataFrame]:
    """Block ``index`` of a data set: ``size`` transactions, ``max(50, size // 10)`` customers, and the rest.

    The block depends on (seed, index, size) alone, so blocks may be made in any order in any process.
    """
    return block_with_documents(seed, index, size)[0]


def block_with_documents(
    seed: int, index: int, size: int = BLOCK_SIZE
) -> tuple[dict[str, pd.DataFrame], dict[str, list[SyntheticText]]]:
    """:func:`block`, and its chats and e-mails with their true spans."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    customers = max(LEAST_CUSTOMERS, size // ROWS_PER_CUSTOMER)
    start = index * (BLOCK_SIZE // ROWS_PER_CUSTOMER)
    addresses = ref.documentation_addresses()
    client = clients(rng, customers, start=start, key=seed, payees=PAYEES, addresses=len(addresses))
    payees = _payees(rng, client)

    ledger = _ledger(rng, client, size)
    paid = _transactions(rng, ledger, client, payees, index * BLOCK_SIZE)
    workers = max(LEAST_STAFF, customers // CUSTOMERS_PER_STAFF)
    # Staff stand apart from customers in the numbering of persons, so that no SSN is given twice.
    first_worker = 40_000_000 + index * (BLOCK_SIZE // ROWS_PER_CUSTOMER // 2)
    persons = people(rng, workers, id_prefix="employee", start=first_worker, key=seed, ages="workers")
    employees = access.staff(
        rng, persons.drop(columns="employee_id"), first_worker - 40_000_000 + 1 + np.arange(workers), BRANCHES
    )
    accesses = max(LEAST_ACCESSES, size // 5)
    tables = {
        "customers": client.customers,
        "accounts": client.accounts,
        "cards": client.cards,
        "transactions": paid,
        "loans": lending.loans(rng, client.customers, client.number, client.credit_score),
        "staff": employees,
        "access_log": access.access_log(rng, employees, client.customers, accesses, index * BLOCK_SIZE + 1),
        "wires": wires.wires(
            rng, paid, ledger["account"], client.accounts, payees, first=index * BLOCK_SIZE + 1
        ),
    }
    texts_as_tables, documents = messages.messages(rng, tables, start)
    return tables | texts_as_tables, documents


def _payees(rng: np.random.Generator, client: Clients) -> pd.DataFrame:
    names = wires.payee_names(rng, client.customers, PAYEES)
    country = rng.choice(ref.IBAN_COUNTRIES, PAYEES)
    iban = np.empty(PAYEES, dtype=object)
    bic = np.empty(PAYEES, dtype=object)
    for name in ref.IBAN_COUNTRIES:
        rows = np.flatnonzero(country == name)
        iban[rows] = np.asarray(identifiers.iban(rng, len(rows), name), dtype=object)
        bic[rows] = np.asarray(identifiers.bic(rng, len(rows), name), dtype=object)
    return pd.DataFrame({"name": names, "iban": iban, "bic": bic}, dtype="str")


def _ledger(rng: np.random.Generator, client: Clients, size: int) -> Ledger:
    counts = fraud.planned_counts(size)
    parts = fraud.fraudulent(rng, client.population, counts)
    parts.insert(0, genuine(rng, client.population, size - sum(counts.values())))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    whole["time"] %= ref.DAYS * ref.DAY
    order = np.argsort(whole["time"], kind="stable")
    whole = {name: values[order] for name, values in whole.items()}
    whole["kind"] = fraud.noisy_labels(rng, whole)
    return whole


def _transactions(rng, ledger: Ledger, client: Clients, payees: pd.DataFrame, first: int) -> pd.DataFrame:
    n = len(ledger["time"])
    devices = len(client.customers) * DEVICES_EACH + FRAUD_DEVICES
    device_names = columns.join("dev-", identifiers.strings(columns.hexadecimal(rng, devices, 10)))
    names = [*ref.merchant_names(), *payees["name"]]
    mccs = np.append(
        np.repeat(np.arange(len(ref.CATEGORIES)), ref.MERCHANTS_PER_CATEGORY), len(ref.CATEGORIES)
    )
    mcc = mccs[np.minimum(ledger["merchant"], len(mccs) - 1)]
    kind = ledger["kind"]
    return pd.DataFrame(
        {
            "transaction_id": identifiers.numbered("T", first + 1 + np.arange(n), 10),
            "account_id": columns.take(client.accounts["account_id"], ledger["account"]),
            "card_id": columns.take(client.cards["card_id"], ledger["card"]),
            "timestamp": ref.START + ledger["time"],
            "amount": columns.cents(ledger["amount"]),
            "currency": columns.take(client.accounts["currency"], ledger["account"]),
            "merchant": columns.take(names, ledger["merchant"]),
            "mcc": columns.take([*(c.mcc for c in ref.CATEGORIES), ref.TRANSFER_MCC], mcc),
            "channel": columns.take(ref.CHANNELS, ledger["channel"]),
            "country": columns.take(ref.COUNTRIES, ledger["country"]),
            "ip": columns.take(ref.documentation_addresses(), ledger["ip"]),
            "device": columns.take(device_names, ledger["device"]),
            "distance_from_home": np.round(ledger["distance"], 1),
            "is_fraud": kind > 0,
            "fraud_type": columns.take(ref.FRAUD_KINDS, kind),
        }
    )
