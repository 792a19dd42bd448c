"""Where personal data goes: flows between systems, joined with what an inventory found in them.

The two maps here are a simulation: systems and vendors of an invented hospital and an invented bank.
Your own map is a list of :class:`Flow` (GDPR Art. 30 asks for the same facts: purpose, recipients,
categories of data).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.discover.classification import HIPAA_NAMES, Tier
from secure_ai.discover.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Flow:
    """One movement of data.

    Attributes:
        data: name of the table or collection of texts that moves.
        system: where it lives.
        recipient: who gets it.
        purpose: what for.
        outside: whether the recipient is another organization.
    """

    data: str
    system: str
    recipient: str
    purpose: str
    outside: bool


HOSPITAL = (
    Flow("patients", "health record system", "registration desk", "identify the patient", False),
    Flow("labs", "health record system", "laboratory", "test samples", True),
    Flow("medications", "health record system", "pharmacy", "fill prescriptions", True),
    Flow("claims", "billing system", "insurer", "get paid", True),
    Flow("notes", "health record system", "AI summary vendor", "summarize stays", True),
    Flow("messages", "patient portal", "AI reply assistant", "draft replies", True),
    Flow("readmissions", "research database", "data science team", "train a model", False),
    Flow("access_log", "health record system", "security team", "watch for misuse", False),
)
BANK = (
    Flow("customers", "core banking", "branches", "know the customer", False),
    Flow("accounts", "core banking", "statement printer", "send statements", True),
    Flow("cards", "card system", "card processor", "authorize payments", True),
    Flow("transactions", "core banking", "fraud model vendor", "score payments", True),
    Flow("wires", "payments hub", "correspondent banks", "move money", True),
    Flow("loans", "lending system", "data science team", "train a model", False),
    Flow("chats", "contact center", "AI chat assistant", "draft replies", True),
    Flow("emails", "mail archive", "compliance team", "supervise advice", False),
)


def example_flows(sector: str) -> tuple[Flow, ...]:
    """Return the invented map of a ``healthcare`` or ``finance`` organization.

    Raises:
        UserError: for any other sector.
    """
    maps = {"healthcare": HOSPITAL, "finance": BANK}
    if sector not in maps:
        raise UserError(f"There is no map for the sector {sector!r}: choose healthcare or finance.")
    return maps[sector]


def flow_map(flows: Iterable[Flow], inventories: Mapping[str, Inventory]) -> pd.DataFrame:
    """Join flows with what is in the data that moves.

    Args:
        flows: the movements.
        inventories: data name → its inventory.

    Returns:
        One row per flow, the most sensitive that leave the house first: ``data``, ``from``, ``to``,
        ``purpose``, ``outside`` (``yes`` or ``no``), ``tier``, ``identifiers`` (Safe Harbor letters)
        and ``special`` (``yes`` where it holds a special category of GDPR Art. 9).

    Raises:
        UserError: if the data of a flow has no inventory.
    """
    rows = []
    for flow in flows:
        if flow.data not in inventories:
            raise UserError(f"There is no inventory of '{flow.data}': make one, or leave the flow out.")
        found = inventories[flow.data]
        letters = {letter for column in found.columns for letter in column.hipaa_letters}
        rows.append(
            {
                "data": flow.data,
                "from": flow.system,
                "to": flow.recipient,
                "purpose": flow.purpose,
                "outside": "yes" if flow.outside else "no",
                "tier": found.tier.name,
                "identifiers": " ".join(letter for letter in HIPAA_NAMES if letter in letters),
                "special": "yes" if any(column.gdpr_special for column in found.columns) else "no",
                "_tier": found.tier,
            }
        )
    frame = pd.DataFrame(rows).sort_values(["outside", "_tier"], ascending=[False, False], kind="stable")
    return frame.drop(columns="_tier").reset_index(drop=True)


def flow_sentence(frame: pd.DataFrame) -> str:
    """Say what leaves the house, from :func:`flow_map`."""
    leaving = frame[frame["outside"] == "yes"]
    restricted = leaving[leaving["tier"] == Tier.RESTRICTED.name]
    return (
        f"{len(leaving)} of {len(frame)} flows leave the house, "
        f"{len(restricted)} of them with {Tier.RESTRICTED.name} data."
    )
