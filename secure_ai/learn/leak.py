"""The leak of the start page: a table without names, joined with a public register that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import wilson

NAMES = ("first_name", "last_name")
KEYS = ("sex", "birth_date", "zip")
SOURCE = "Sweeney, Simple Demographics Often Identify People Uniquely, 2000"

Protect = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Leak:
    """What the join found.

    Attributes:
        measurement: share of published rows that got their true name back, with its baseline (a name
            drawn at random from the register), control (the same join after every column was shuffled on
            its own) and 95 % interval.
        named: the published rows that fit exactly one entry of the register, with the name found there
            and ``right``: whether that name is the true one.
    """

    measurement: Measurement
    named: pd.DataFrame

    @property
    def sentence(self) -> str:
        """The finding in words, for readers and for screen readers."""
        wrong = int((~self.named["right"]).sum())
        right = int(self.named["right"].sum())
        n, share = self.measurement.n, self.measurement.value
        by_chance = n * self.measurement.baseline
        return (
            f"{right:,} of {n:,} rows ({share:.1%}) got their true name back.\n"
            f"Wrong names: {wrong:,}. Names drawn at random would fit about {by_chance:.1f} rows."
        )

    def example(self, prefer: str = "") -> pd.DataFrame:
        """Return one row that was named rightly, turned into one column of facts.

        Args:
            prefer: a regular expression; the first row with a text that matches it is chosen, and the
                first row of all where none does.

        Raises:
            UserError: if no row was named.
        """
        right = self.named[self.named["right"]].drop(columns="right")
        if right.empty:
            raise UserError(
                "No row was named, so there is no example: that is what a good release looks like."
            )
        if prefer:
            text = right.astype(str).agg(" ".join, axis=1)
            right = pd.concat([right[text.str.contains(prefer, regex=True)], right])
        return right.iloc[0].to_frame("the person behind the row")


def people_with_facts(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per person of the hospital or the bank with what nobody else should learn.

    Args:
        tables: those of ``synthetic_data.load``. Of the hospital ``patients`` and ``diagnoses``, whose most
            recent description becomes ``diagnosis``; of the bank ``customers`` and ``loans``, whose purpose
            and outcome become ``loan``.

    Returns:
        The people, and the names of the columns with the facts.
    """
    if "patients" in tables:
        people, facts, column = tables["patients"], tables["diagnoses"], "diagnosis"
        latest = (
            facts.sort_values(["recorded_date", "diagnosis_id"]).groupby("patient_id")["description"].last()
        )
        return people.assign(**{column: people["patient_id"].map(latest).fillna("none")}), [column]
    people, loans = tables["customers"], tables["loans"].groupby("customer_id").last()
    outcome = loans["purpose"] + np.where(loans["defaulted"], ", defaulted", ", repaid")
    return people.assign(loan=people["customer_id"].map(outcome).fillna("none")), ["annual_income", "loan"]


def remove_names(
    people: pd.DataFrame, facts: Sequence[str], *, seed: int, treated: float = 0.6, registered: float = 0.8
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a table of people into a release without names and a public register with them.

    The release is a random share of the people: their ``facts`` with sex, birth date and ZIP code. The
    register is another random share: names with the same three columns, such as a voter roll has. Both
    are in random order. They overlap without being equal, so the attacker can also be wrong.

    Args:
        people: one row per person, with an index that is unique.
        facts: columns that only the release holds.
        seed: of the two draws.
        treated: share of the people whose row is released.
        registered: share of the people who stand in the register.

    Returns:
        Release and register. Both keep the index of ``people``: :func:`link` uses it to count how often
        the attacker was right, never to attack.

    Raises:
        UserError: if a column is missing.
    """
    keys = [name for name in KEYS if name in people]
    missing = [name for name in (*NAMES, *facts) if name not in people]
    if missing or not keys:
        raise UserError(
            f"The table of people has no column '{(missing or KEYS)[0]}': choose from {', '.join(people)}."
        )
    rng = np.random.default_rng(seed)
    plain = people.assign(**{name: people[name].astype(str).str.slice(0, 10) for name in keys})
    released = rng.permutation(len(people))[: round(treated * len(people))]
    listed = rng.permutation(len(people))[: round(registered * len(people))]
    return plain.iloc[released][[*keys, *facts]], plain.iloc[listed][[*NAMES, *keys]]


def link(published: pd.DataFrame, register: pd.DataFrame, protect: Protect | None = None) -> Leak:
    """Name the rows of ``published`` by joining it with ``register`` on the columns that both have.

    The attacker names a row only where its values occur once in the release and once in the register.

    Args:
        published: a table without names; its index says who a row is and is used only for the count.
        register: a table with names, and with at least one column of ``published``.
        protect: a change that was made to the release. The attacker knows it and makes it to the
            register too, which is the strongest way to join the two.

    Raises:
        UserError: if either table is empty.
    """
    if published.empty or register.empty:
        raise UserError("A join needs rows on both sides: the release or the register is empty.")
    if protect is not None:
        published, register = protect(published.copy()), protect(register.copy())
    keys = [name for name in published.columns if name in register.columns]
    named = _join(published, register, keys)
    right = int(named["right"].sum())
    rng = np.random.default_rng(0)
    shuffled = published.assign(**{name: rng.permutation(published[name].to_numpy()) for name in keys})
    n = len(published)
    measurement = Measurement(
        name="rows_named_by_linkage",
        value=right / n,
        unit="share of rows",
        n=n,
        baseline=1 / len(register),
        control=float(_join(shuffled, register, keys)["right"].sum() / n),
        interval=wilson(right, n),
        method=f"exact join on {', '.join(keys) or 'no column'} where the values are unique on both sides",
        source=SOURCE,
    )
    return Leak(measurement, named)


def _join(published: pd.DataFrame, register: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if not keys:  # nothing left to join on: nobody can be named
        return published.iloc[:0].assign(right=pd.Series(dtype=bool))
    rows = published.drop_duplicates(keys, keep=False).rename_axis("row").reset_index()
    entries = register.drop_duplicates(keys, keep=False).rename_axis("entry").reset_index()
    both = entries.merge(rows, on=keys, how="inner", validate="one_to_one")
    both["right"] = both["row"] == both["entry"]
    return both.drop(columns=["row", "entry"])
