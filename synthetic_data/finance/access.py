"""Staff of the bank and the log of whose records they opened, with labeled snooping."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import columns
from synthetic_data.finance import reference as ref

ROLES = ("teller", "call center agent", "personal banker", "loan officer", "fraud analyst",
         "compliance officer", "data analyst", "branch manager", "system administrator")  # fmt: skip
ROLE_SHARES = (0.24, 0.22, 0.18, 0.12, 0.08, 0.05, 0.05, 0.04, 0.02)
ACTIONS = ("view", "update", "export", "print")
RESOURCES = ("customer profile", "account", "transactions", "card", "loan", "chat")
REASONS = ("customer request", "fraud review", "loan application", "audit", "maintenance", "none given")
SNOOPING_KINDS = ("none", "same_surname", "prominent_customer", "neighbor", "bulk_export")
_, SURNAME, PROMINENT, NEIGHBOR, EXPORT = range(5)
SNOOPING_SHARE = 0.01
UNNOTICED_SHARE = 0.05  # of snooping that nobody noticed: labeled as work
PROMINENT_SHARE = 0.004  # of customers


def staff(rng: np.random.Generator, persons: pd.DataFrame, number: np.ndarray, branches: int) -> pd.DataFrame:
    """Employees: a person's columns, then role, department, branch_id, hired_date, username, shift_start."""
    n = len(persons)
    role = rng.choice(len(ROLES), n, p=ROLE_SHARES)
    departments = ("branch", "service", "branch", "lending", "risk", "risk", "analytics", "branch", "it")
    table = persons.copy()
    table.insert(0, "staff_id", identifiers.numbered("E", number, 7))
    table["role"] = columns.take(ROLES, role)
    table["department"] = columns.take(departments, role)
    table["branch_id"] = identifiers.numbered("B", rng.integers(0, branches, n), 3)
    table["hired_date"] = (ref.START.astype("datetime64[D]") - rng.integers(60, 9000, n)).astype(
        "datetime64[us]"
    )
    table["username"] = columns.join("u", identifiers.numbered("", number, 7))
    table["shift_start"] = rng.choice([6, 8, 9, 14], n, p=(0.1, 0.4, 0.4, 0.1))
    return table


def access_log(
    rng: np.random.Generator, employees: pd.DataFrame, customers: pd.DataFrame, n: int, first: int
) -> pd.DataFrame:
    """``n`` openings of customer records, in order of time, numbered from ``first``.

    Work: on shift, mostly customers of the employee's own branch, with a reason. Snooping: a relative of the
    same surname, a prominent customer, a neighbor of the same zip code, or a bulk export; more often off
    shift, on other branches' customers and without a reason, but not always.

    Returns:
        Columns access_id, timestamp, staff_id, customer_id, action, resource, reason, records, ip,
        workstation, is_snooping, snooping_kind.
    """
    log = _work(rng, employees, customers, n)
    _snoop(rng, log, employees, customers)
    log["time"] = rng.integers(0, ref.DAYS, n) * ref.DAY + (log["hour"] * 3600).astype(np.int64)
    order = np.argsort(log["time"], kind="stable")
    log = {name: values[order] for name, values in log.items()}
    addresses = ref.documentation_addresses()
    worker = log["worker"]
    seat = np.where(
        rng.random(n) < 0.08, rng.integers(0, len(addresses), n), (worker * 5 + 3) % len(addresses)
    )
    desks = identifiers.numbered("WS", np.arange(len(employees)), 5)
    return pd.DataFrame(
        {
            "access_id": identifiers.numbered("X", first + np.arange(n), 10),
            "timestamp": ref.START + log["time"],
            "staff_id": columns.take(employees["staff_id"], worker),
            "customer_id": columns.take(customers["customer_id"], log["target"]),
            "action": columns.take(ACTIONS, log["action"]),
            "resource": columns.take(RESOURCES, log["resource"]),
            "reason": columns.take(REASONS, log["reason"]),
            "records": log["records"],
            "ip": columns.take(addresses, seat),
            "workstation": columns.take(desks, worker),
            "is_snooping": log["kind"] > 0,
            "snooping_kind": columns.take(SNOOPING_KINDS, log["kind"]),
        }
    )


def _work(rng, employees: pd.DataFrame, customers: pd.DataFrame, n: int) -> dict[str, np.ndarray]:
    count, staff_branch, customer_branch = _same_codes(employees["branch_id"], customers["branch_id"])
    worker = rng.integers(0, len(employees), n)
    target = rng.integers(0, len(customers), n)
    own = rng.random(n) < 0.82
    pick = rng.random(n)
    for code in range(count):
        members = np.flatnonzero(customer_branch == code)
        rows = np.flatnonzero(own & (staff_branch[worker] == code))
        if len(members) and len(rows):
            target[rows] = members[(pick[rows] * len(members)).astype(np.int64)]
    shift = employees["shift_start"].to_numpy()[worker]
    overtime = (rng.random(n) < 0.04) * rng.uniform(0, 12, n)
    action = rng.choice(len(ACTIONS), n, p=(0.80, 0.14, 0.03, 0.03))
    return {
        "worker": worker,
        "target": target,
        "hour": (shift + rng.beta(1.6, 1.6, n) * 9.0 + overtime) % 24,
        "action": action,
        "resource": rng.choice(len(RESOURCES), n, p=(0.30, 0.22, 0.25, 0.09, 0.08, 0.06)),
        "reason": rng.choice(len(REASONS), n, p=(0.58, 0.12, 0.10, 0.04, 0.04, 0.12)),
        "records": np.where(action == ACTIONS.index("export"), rng.geometric(0.02, n), 1),
        "kind": np.zeros(n, dtype=np.int64),
    }


def _snoop(rng, log: dict[str, np.ndarray], employees: pd.DataFrame, customers: pd.DataFrame) -> None:
    """Turn a share of the work into snooping, in place."""
    n = len(log["worker"])
    snoop = round(n * SNOOPING_SHARE)
    rows = rng.choice(n, snoop, replace=False)
    kind = rng.choice([SURNAME, PROMINENT, NEIGHBOR, EXPORT], snoop, p=(0.3, 0.3, 0.25, 0.15))
    kind[:4] = [SURNAME, PROMINENT, NEIGHBOR, EXPORT][: len(kind)]
    _, staff_surname, customer_surname = _same_codes(employees["last_name"], customers["last_name"])
    _, staff_zip, customer_zip = _same_codes(employees["zip"], customers["zip"])
    prominent = np.flatnonzero(customers["is_prominent"].to_numpy())
    for at, row in enumerate(rows):
        who = log["worker"][row]
        pool = np.zeros(0, dtype=np.int64)
        if kind[at] == SURNAME:
            pool = np.flatnonzero(customer_surname == staff_surname[who])
        elif kind[at] == NEIGHBOR:
            pool = np.flatnonzero(customer_zip == staff_zip[who])
        if kind[at] in (SURNAME, NEIGHBOR) and len(pool) == 0:
            kind[at] = PROMINENT  # no relative or neighbor among the customers
        if kind[at] == PROMINENT:
            pool = prominent
        if len(pool):
            log["target"][row] = pool[rng.integers(0, len(pool))]
    off_shift = rows[rng.random(snoop) < 0.45]
    log["hour"][off_shift] = rng.uniform(0, 24, len(off_shift))
    log["reason"][rows[rng.random(snoop) < 0.6]] = REASONS.index("none given")
    bulk = rows[kind == EXPORT]
    log["action"][bulk] = ACTIONS.index("export")
    log["records"][bulk] = rng.integers(80, 2500, len(bulk))
    # What nobody noticed is in the log as work.
    log["kind"][rows] = np.where(rng.random(snoop) < UNNOTICED_SHARE, 0, kind)


def _same_codes(left: pd.Series, right: pd.Series) -> tuple[int, np.ndarray, np.ndarray]:
    """Number the values that two columns share: how many there are, and the codes of each column."""
    codes, values = pd.factorize(pd.concat([left, right], ignore_index=True))
    return len(values), codes[: len(left)], codes[len(left) :]
