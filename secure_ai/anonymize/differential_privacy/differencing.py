"""Two counts that differ by one person: exact ones give the person away, noisy ones do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.anonymize.differential_privacy.aggregate import conditions_of
from secure_ai.anonymize.differential_privacy.noise import checked_privacy
from secure_ai.anonymize.differential_privacy.odds import best_guess, simulated_noise
from secure_ai.anonymize.differential_privacy.queries import Conditions
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.sources import Source, TableLike, as_source

if TYPE_CHECKING:
    import pandas as pd

EPSILONS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Differencing:
    """What two exact counts say about whoever is in one and not in the other.

    Attributes:
        everyone: rows with the secret.
        without_target: rows with the secret among all but those that fit the target's description.
        described: rows that fit the description; 1 is one person.
    """

    everyone: int
    without_target: int
    described: int

    @property
    def difference(self) -> int:
        """How many of the described rows have the secret."""
        return self.everyone - self.without_target

    @property
    def certain(self) -> bool:
        """Whether the secret of every described row is now known."""
        return self.described > 0 and self.difference in {0, self.described}

    def sentence(self) -> str:
        """Say what the two counts disclose."""
        if self.described == 0:
            return "Nobody fits the description, so the two counts disclose nothing."
        people = "one row" if self.described == 1 else f"{self.described:,} rows"
        head = f"{people.capitalize()} fit{'s' if self.described == 1 else ''} the description; the counts "
        head += f"{self.everyone:,} and {self.without_target:,} differ by {self.difference:,}: "
        if not self.certain:
            return head + "they narrow the secret down, but do not give it away."
        known = "has" if self.difference else "does not have"
        who = "that person" if self.described == 1 else "each of them"
        return head + f"{who} {known} the secret."


def differencing_attack(source: TableLike | Source, secret: Conditions, target: Conditions) -> Differencing:
    """Ask two exact counts that differ by the ``target``, and read the ``secret`` from their difference.

    Args:
        source: a table with one row a person.
        secret: what the attacker wants to know, as ``{"diagnosis": "HIV"}``.
        target: what the attacker knows of the person, as ``{"age": 47, "zip": "02139"}``.

    Raises:
        UserError: if a column is missing, or nothing is given.
    """
    if not secret or not target:
        raise UserError(
            "The attack needs a secret and a description of the target, each as column and value."
        )
    opened = as_source(source)
    opened.require([*secret, *target])
    has, values = conditions_of(opened, secret)
    fits, described = conditions_of(opened, target)
    secret_sql, target_sql = " AND ".join(has), f"coalesce({' AND '.join(fits)}, false)"
    (everyone,) = opened.sql(f"SELECT count(*) FROM source WHERE {secret_sql}", values).fetchone()
    (rest,) = opened.sql(
        f"SELECT count(*) FROM source WHERE {secret_sql} AND NOT {target_sql}", [*values, *described]
    ).fetchone()
    (fitting,) = opened.sql(f"SELECT count(*) FROM source WHERE {target_sql}", described).fetchone()
    return Differencing(int(everyone), int(rest), int(fitting))


def differencing_success(
    epsilons: Sequence[float] = EPSILONS, rounds: int = 20_000, seed: int = 7
) -> pd.DataFrame:
    """Simulate the attack on two noisy counts, half of epsilon each, and measure how often it is right.

    A simulation: its noise comes from numpy with a seed. In half of the games the person has the secret.

    Returns:
        Columns ``epsilon``, ``success``, ``low``, ``high`` (95% interval), ``bound`` (no attacker who
        sees answers worth epsilon is right more often), ``exact`` (the same attack on exact counts).
    """
    import pandas as pd

    rows = []
    for epsilon in epsilons:
        checked_privacy(epsilon)
        rng = np.random.default_rng(seed)
        secret = rng.integers(0, 2, rounds)
        others = 100
        everyone = others + secret + simulated_noise(epsilon / 2, rounds, rng)
        without = others + simulated_noise(epsilon / 2, rounds, rng)
        right = int(((everyone - without > 0.5).astype(int) == secret).sum())
        low, high = wilson(right, rounds)
        rows.append((epsilon, right / rounds, low, high, best_guess(epsilon), 1.0))
    return pd.DataFrame(rows, columns=["epsilon", "success", "low", "high", "bound", "exact"])
