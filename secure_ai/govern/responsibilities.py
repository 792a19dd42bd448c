"""Who owns AI security: the responsibility chart, and the check that nobody's job is everybody's."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml

from secure_ai.core import UserError

LETTERS = {"R": "responsible", "A": "accountable", "C": "consulted", "I": "informed"}
DPO = "data protection officer"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something in a responsibility chart that will fail on the day it is needed.

    Attributes:
        activity: the row of the chart.
        problem: what is wrong with it, in a sentence.
    """

    activity: str
    problem: str


def roles() -> dict[str, str]:
    """Return role → what it answers for, in the order of the chart's columns."""
    return dict(_data()["roles"])


def responsibility_chart(scope: str = "ai security") -> pd.DataFrame:
    """Return the kit's proposal of a responsibility chart (RACI).

    Args:
        scope: ``"ai security"``, ``"governance"`` (vendors, consent, retention, rights) or ``"all"``.

    Raises:
        UserError: for another scope.

    Returns:
        One row an activity (the index), one column a role; cells hold ``R``, ``A``, ``C``, ``I``,
        a combination such as ``A/R``, or nothing.
    """
    activities = _activities(scope)
    chart = pd.DataFrame(
        [[item["chart"].get(role, "") for role in _data()["roles"]] for item in activities],
        index=pd.Index([item["name"] for item in activities], name="activity"),
        columns=list(_data()["roles"]),
    )
    return chart


def activity_references(scope: str = "ai security") -> dict[str, tuple[str, ...]]:
    """Return activity → the framework ids that ask for it; scopes as of :func:`responsibility_chart`."""
    return {item["name"]: tuple(item["references"]) for item in _activities(scope)}


def deciding_activities(scope: str = "ai security") -> frozenset[str]:
    """Return the activities by which purposes and means of processing are determined."""
    return frozenset(item["name"] for item in _activities(scope) if item.get("decides"))


def officer_duties() -> pd.DataFrame:
    """Return what the law says of the data protection officer: kind (task or position), text, source."""
    officer = _data()["officer"]
    rows = [
        (kind, item["text"], item["source"])
        for kind, listed in (("task", officer["tasks"]), ("position", officer["position"]))
        for item in listed
    ]
    return pd.DataFrame(rows, columns=["kind", "text", "source"])


def check_people(people: Mapping[str, str]) -> list[Gap]:
    """Find roles that nobody holds, and people whose roles conflict with that of the officer.

    Args:
        people: role → who holds it; a blank says that nobody does.

    Returns:
        The gaps, with the role as activity.

    Raises:
        UserError: if a role is not one of :func:`roles`.
    """
    stray = next((role for role in people if role not in roles()), None)
    if stray is not None:
        raise UserError(f"'{stray}' is no role of the chart: choose from {', '.join(roles())}.")
    held = {role: " ".join(str(people.get(role) or "").casefold().split()) for role in roles()}
    gaps = [
        Gap(role, "nobody holds this role") for role, name in held.items() if not name and role != "staff"
    ]
    for role in _data()["officer"]["conflicts"]:
        if held[DPO] and held[role] == held[DPO]:
            gaps.append(
                Gap(DPO, f"the officer is also {role}, and would monitor what they decided (GDPR Art. 38(6))")
            )
    return gaps


def check_responsibilities(chart: pd.DataFrame, deciding: frozenset[str] | None = None) -> list[Gap]:
    """Find the activities that nobody, or more than one, answers for.

    Also found: an activity that nobody carries out, and a data protection officer who answers for a
    decision about processing or carries it out, which is a conflict of interests (GDPR Art. 38(6)).

    Args:
        chart: as :func:`responsibility_chart` returns it; roles and activities may be your own.
        deciding: the activities that determine purposes and means; the kit's if not given.

    Returns:
        The gaps in the order of the chart; empty if there is none.

    Raises:
        UserError: if the chart is empty, or a cell holds anything but R, A, C, I and their combinations.
    """
    if chart.empty:
        raise UserError("The responsibility chart is empty: give one row an activity and one column a role.")
    deciding = deciding_activities("all") if deciding is None else deciding
    gaps = []
    for activity, row in chart.iterrows():
        letters = {role: _letters(cell, activity, role) for role, cell in row.items()}
        accountable = [role for role, held in letters.items() if "A" in held]
        if not accountable:
            gaps.append(Gap(activity, "nobody is accountable"))
        elif len(accountable) > 1:
            gaps.append(Gap(activity, f"{len(accountable)} are accountable: {', '.join(accountable)}"))
        if not any("R" in held for held in letters.values()):
            gaps.append(Gap(activity, "nobody is responsible for doing it"))
        if activity in deciding and letters.get(DPO, set()) & {"A", "R"}:
            gaps.append(
                Gap(activity, "the data protection officer decides what they have to monitor: make it C or I")
            )
    return gaps


def _letters(cell: Any, activity: str, role: str) -> set[str]:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return set()
    letters = {letter for letter in re.split(r"[/,\s]+", str(cell).strip().upper()) if letter}
    if not letters <= set(LETTERS):
        raise UserError(
            f"The cell of '{role}' for '{activity}' holds '{cell}': "
            "use R, A, C, I, a combination such as A/R, or nothing."
        )
    return letters


def _activities(scope: str) -> list[dict[str, Any]]:
    data = _data()
    scopes = {
        "ai security": data["activities"],
        "governance": data["governance"],
        "all": [*data["activities"], *data["governance"]],
    }
    if scope not in scopes:
        raise UserError(f"'{scope}' is no scope of the chart: use {', '.join(scopes)}.")
    return scopes[scope]


@cache
def _data() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("data/responsibilities.yaml").read_text("utf-8")
    return yaml.safe_load(text)
