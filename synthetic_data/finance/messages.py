"""Support chats and e-mails of a block, with the true place of every identifier."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from synthetic_data import identifiers
from synthetic_data.finance import columns, templates
from synthetic_data.finance import reference as ref
from synthetic_data.text import SyntheticText, parse, render

SHARE = 0.3  # chats, and e-mails, per customer
LEAST = 40  # of each in a block

# Field -> Presidio entity name; None for what identifies nobody.
ENTITIES: dict[str, str | None] = {
    "name": "PERSON",
    "first": "PERSON",
    "name_lower": "PERSON",
    "agent": "PERSON",
    "payee": "PERSON",
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "ssn": "US_SSN",
    "birth_date": "DATE_TIME",
    "date": "DATE_TIME",
    "address": "LOCATION",
    "street": "LOCATION",
    "city": "LOCATION",
    "zip": "LOCATION",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "account": "US_BANK_NUMBER",
    "routing": "ABA_ROUTING_NUMBER",
    "ip": "IP_ADDRESS",
    "amount": None,
    "last4": None,
    "merchant": None,
    "ticket": None,
}
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def messages(
    rng: np.random.Generator, tables: Mapping[str, pd.DataFrame], start: int
) -> tuple[dict[str, pd.DataFrame], dict[str, list[SyntheticText]]]:
    """Chats and e-mails about a block's customers.

    Args:
        rng: source of chance.
        tables: customers, accounts, cards, transactions, staff of the block.
        start: position of the first customer among all, from which the ids follow.

    Returns:
        The tables ``chats`` and ``emails`` (columns <chat|email>_id, customer_id, staff_id, timestamp, topic,
        template, text; e-mails also direction: in, out), and the same texts with their true spans.
    """
    n = max(LEAST, round(len(tables["customers"]) * SHARE))
    chats, chat_texts = _table(rng, tables, "chat", _parsed(templates.CHATS), n=n, start=start)
    emails, email_texts = _table(rng, tables, "email", _parsed(templates.EMAILS), n=n, start=start)
    outgoing = ("statement", "security alert", "card order", "newsletter", "maintenance", "internal")
    direction = np.where(emails["topic"].isin(outgoing), "out", "in")
    emails.insert(4, "direction", pd.array(direction, dtype="str"))
    return {"chats": chats, "emails": emails}, {"chats": chat_texts, "emails": email_texts}


@lru_cache(maxsize=4)
def _parsed(wording: tuple[tuple[str, str], ...]) -> list[tuple[str, Any, tuple[str, ...]]]:
    parsed = []
    for topic, text in wording:
        pieces = parse(text)
        parsed.append((topic, pieces, tuple({name for _, name in pieces if name is not None})))
    return parsed


def _table(rng, tables, name, wording, *, n, start):
    customer = rng.integers(0, len(tables["customers"]), n)
    agent = rng.integers(0, len(tables["staff"]), n)
    which = rng.integers(0, len(wording), n)
    which[: len(wording)] = np.arange(len(wording))[:n]  # every wording occurs in every block
    which = rng.permutation(which)
    seconds = np.sort(rng.integers(0, ref.DAYS * ref.DAY, n))
    value = _values(rng, tables, customer, agent, n)
    style = rng.integers(0, 1 << 30, n).tolist()

    # A block has fewer messages than customers, so the customers' positions serve for numbering.
    ids = identifiers.numbered(name[:2].upper(), start + 1 + np.arange(n), 9)
    owners = columns.take(tables["customers"]["customer_id"], customer)
    texts = []
    known = zip(which.tolist(), ids.tolist(), owners.tolist(), strict=True)
    for row, (template, document_id, owner) in enumerate(known):
        topic, pieces, fields = wording[template]
        filled = {field: (value[field](row, style[row]), ENTITIES[field]) for field in fields}
        meta = {f"{name}_id": document_id, "customer_id": owner, "topic": topic, "template": template}
        texts.append(render(pieces, filled, meta))
    table = pd.DataFrame(
        {
            f"{name}_id": ids,
            "customer_id": owners,
            "staff_id": columns.take(tables["staff"]["staff_id"], agent),
            "timestamp": ref.START + seconds,
            "topic": columns.take([topic for topic, _, _ in wording], which),
            "template": which,
            "text": pd.array([document.text for document in texts], dtype="str"),
        }
    )
    return table, texts


def _values(rng, tables, customer, agent, n) -> dict[str, Callable[[int, int], str]]:
    """Field -> function of (row, style number) that gives the text of the field."""
    who, staff = tables["customers"], tables["staff"]

    def of(table, column, rows):
        return columns.take(table[column], rows).tolist()

    first, last = of(who, "first_name", customer), of(who, "last_name", customer)
    street, city = of(who, "street", customer), of(who, "city", customer)
    state, zip_code = of(who, "state", customer), of(who, "zip", customer)
    agent_first, agent_last = of(staff, "first_name", agent), of(staff, "last_name", agent)
    stranger = rng.integers(0, len(who), n)
    payee_first, payee_last = of(who, "first_name", stranger), of(who, "last_name", stranger)
    phone, email, ssn = of(who, "phone", customer), of(who, "email", customer), of(who, "ssn", customer)
    accounts = tables["accounts"]
    account = _row_of(accounts["customer_id"], who["customer_id"])[customer]
    card = _row_of(tables["cards"]["customer_id"], who["customer_id"])[customer]
    pan = of(tables["cards"], "pan", card)
    number, routing = of(accounts, "account_number", account), of(accounts, "routing_aba", account)
    other = rng.integers(0, len(accounts), n)
    iban = of(accounts, "iban", other)
    paid = rng.integers(0, max(len(tables["transactions"]), 1), n)
    amount = tables["transactions"]["amount"].to_numpy()[paid].tolist()
    shops = ref.merchant_names()
    merchant = [shops[row] for row in rng.integers(0, len(shops), n).tolist()]
    ip = identifiers.ipv4(rng, n).tolist()
    births = who["birth_date"].to_numpy().astype("datetime64[D]")[customer].astype(str).tolist()
    days = (ref.START.astype("datetime64[D]") + rng.integers(0, ref.DAYS, n)).astype(str).tolist()
    ticket = rng.integers(10_000, 99_999, n).tolist()

    def full_name(row, style):
        return f"{first[row]} {last[row]}" if style % 5 else f"{last[row]}, {first[row]}"

    return {
        "name": full_name,
        "first": lambda row, style: first[row],
        "name_lower": lambda row, style: f"{first[row]} {last[row]}".lower(),
        "agent": lambda row, style: (
            agent_first[row] if style % 3 else f"{agent_first[row]} {agent_last[row]}"
        ),
        "payee": lambda row, style: f"{payee_first[row]} {payee_last[row]}",
        "email": lambda row, style: email[row],
        "phone": lambda row, style: _phone(phone[row], style),
        "ssn": lambda row, style: ssn[row] if style % 7 else ssn[row].replace("-", " "),
        "birth_date": lambda row, style: _date(births[row], style),
        "date": lambda row, style: _date(days[row], style // 5),
        "address": lambda row, style: f"{street[row]}, {city[row]}, {state[row]} {zip_code[row]}",
        "street": lambda row, style: street[row],
        "city": lambda row, style: city[row],
        "zip": lambda row, style: zip_code[row],
        "card": lambda row, style: _grouped(pan[row], (" ", "-", "")[style % 3]),
        "iban": lambda row, style: _grouped(iban[row], " " if style % 2 else ""),
        "account": lambda row, style: number[row],
        "routing": lambda row, style: routing[row],
        "ip": lambda row, style: ip[row],
        "amount": lambda row, style: f"${amount[row]:,.2f}",
        "last4": lambda row, style: pan[row][-4:],
        "merchant": lambda row, style: merchant[row],
        "ticket": lambda row, style: f"#{ticket[row]}",
    }


def _row_of(column: pd.Series, keys: pd.Series) -> np.ndarray:
    """The first row of ``column`` that holds each key."""
    codes, values = pd.factorize(column)
    first = np.full(len(values), -1)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first[pd.Index(values).get_indexer(keys)]


def _phone(value: str, style: int) -> str:
    digits = "".join(character for character in value if character in string.digits)
    if style % 4 == 1:
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
    if style % 4 == 2:
        return f"+1 {digits[:3]} {digits[3:6]} {digits[6:]}"
    return value


def _date(day: str, style: int) -> str:
    year, month, number = day.split("-")
    if style % 4 == 0:
        return f"{month}/{number}/{year}"
    if style % 4 == 1:
        return f"{_MONTHS[int(month) - 1]} {int(number)}, {year}"
    if style % 4 == 2:
        return f"{int(number)} {_MONTHS[int(month) - 1][:3]} {year}"
    return day


def _grouped(value: str, separator: str) -> str:
    return separator.join(value[at : at + 4] for at in range(0, len(value), 4)) if separator else value
