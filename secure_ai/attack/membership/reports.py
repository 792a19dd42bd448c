"""What private training costs and buys, for people who choose an epsilon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from secure_ai.attack.membership.curve import PrivacyUtilityCurve

if TYPE_CHECKING:
    import pandas as pd


def curve_report(curve: PrivacyUtilityCurve) -> pd.DataFrame:
    """Return one row for each epsilon: score on other people, the attack's advantage, and its bound."""
    import pandas as pd

    rows = [
        (
            "no noise" if math.isinf(row.epsilon) else f"{row.epsilon:g}",
            f"{row.accuracy:.1%}",
            f"{round(row.advantage, 3) + 0.0:.3f}",
            f"{row.most_advantage:.2f}",
        )
        for row in curve.to_frame().itertuples()
    ]
    heads = [
        "epsilon",
        "right on other people",
        "advantage of the attacker",
        "no attacker can have more than",
    ]
    return pd.DataFrame(rows, columns=heads)
