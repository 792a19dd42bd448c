"""Several synthetic tables beside each other, for people who choose one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from secure_ai.attack.synthetic_data.result import SyntheticPrivacy, two_digits
from secure_ai.core import Measurement
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd


def comparison_report(found: Mapping[str, SyntheticPrivacy]) -> pd.DataFrame:
    """Return one row for each table and attack: success on both groups of people, and the risk.

    Args:
        found: result of :func:`synthetic_privacy` by the name of the table.

    Returns:
        Text in columns ``made from``, ``attack``, ``works on who went in``, ``on who stayed out`` and
        ``risk (95% interval)``; what could not be measured is *unassessed*.
    """
    import pandas as pd

    rows = []
    for name, result in found.items():
        for attack in result.attacks:
            made, risk = attack.success, attack.risk
            shares = (percent(made.value), percent(made.control)) if made else ("not tried", "not tried")
            said = "unassessed"
            if isinstance(risk, Measurement):
                value, low, high = (two_digits(figure) for figure in (risk.value, *risk.interval))
                said = f"{value} ({low} to {high})"
            rows.append((name, attack.title, *shares, said))
    heads = ["made from", "attack", "works on who went in", "on who stayed out", "risk (95% interval)"]
    return pd.DataFrame(rows, columns=heads)
