"""The personal values that no output of chapters 07 to 19 may show, and the search for them.

Whole values of the columns below are compared, those of all rows of the sector's tables as the lesson
loads them. Left out are values of fewer than six characters, columns whose values are words of the
language or of the lesson itself (city, state, payer, merchant, role), given names alone ("Virginia" is a
state, too), and pictures, which are drawn from counts and rates.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from secure_ai.learn.notebook import known_parameters, read_notebook
from synthetic_data import load

CHAPTERS = (
    "07_encryption",
    "08_access_control",
    "09_audit_and_monitoring",
    "10_adversarial_inputs",
    "11_poisoning_and_supply_chain",
    "12_model_theft",
    "13_privacy_attacks",
    "14_private_training",
    "15_chatbot_security",
    "16_vendors_and_compliance",
    "17_people_and_incidents",
    "18_capstone_hospital",
    "19_capstone_bank",
)
PERSONAL = {
    "healthcare": {
        "patients": (
            "ssn", "street", "phone", "email", "mrn", "health_plan_number", "drivers_license",
            "emergency_contact_name", "emergency_contact_phone",
        ),
        "staff": ("ssn", "street", "phone", "email"),
        "claims": ("account_number", "health_plan_number"),
        "notes": ("text",),
        "messages": ("text",),
    },
    "finance": {
        "customers": ("ssn", "street", "phone", "email"),
        "staff": ("ssn", "street", "phone", "email"),
        "accounts": ("holder_name", "iban", "account_number"),
        "cards": ("pan", "cardholder"),
        "wires": ("debtor_name", "debtor_iban", "creditor_iban"),
        "chats": ("text",),
        "emails": ("text",),
    },
}  # fmt: skip
PEOPLE = {"healthcare": ("patients", "staff"), "finance": ("customers", "staff")}
SHORTEST = 6
BANK_TIMES = 10
"""The lessons load so many times more rows of the bank, where a row is one payment."""


@cache
def personal_values(sector: str, rows: int, seed: int) -> frozenset[str]:
    """Every value of a personal column, and first and last name together."""
    tables = load(sector, seed=seed, rows=rows).tables
    found = {
        str(value)
        for name, columns in PERSONAL[sector].items()
        for column in columns
        for value in tables[name][column].dropna()
    }
    for name in PEOPLE[sector]:
        people = tables[name]
        found |= set(people["first_name"] + " " + people["last_name"])
        found |= set(people["last_name"] + ", " + people["first_name"])
    return frozenset(value for value in found if len(value) >= SHORTEST)


def values_of_the_lesson(path: Path, sector: str) -> frozenset[str]:
    """The personal values of the tables that a lesson or its solution loads with its own parameters."""
    parameters = known_parameters(read_notebook(path))
    rows, seed = parameters["rows"], parameters["seed"]
    sizes = (rows,) if sector == "healthcare" else (rows, BANK_TIMES * rows)
    return frozenset().union(*(personal_values(sector, size, seed) for size in sizes))


def everything_shown(node) -> str:
    """All outputs of all cells as text: streams, tables in HTML, errors and their tracebacks; no pictures."""
    outputs = [
        {
            **output,
            "data": {
                kind: content
                for kind, content in output.get("data", {}).items()
                if not kind.startswith("image/")
            },
        }
        for cell in node.cells
        for output in cell.get("outputs", ())
    ]
    return "\n".join(json.dumps(output, ensure_ascii=False) for output in outputs)


def shown_values(text: str, values: frozenset[str]) -> set[str]:
    """Those of ``values`` that stand in ``text`` as whole words."""
    return {
        value
        for value in values
        if value in text and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None
    }
