"""What search tokens give away: frequencies, every value once the key leaks; and the cost of shorter ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.encrypt.fields.search import SearchTokens
from secure_ai.encrypt.secret_keys import Key


@dataclass(frozen=True)
class FrequencyAttack:
    """What was guessed from the frequencies of tokens, and how much of it is right.

    The figures are of this table, not of a sample, so that they have no interval.

    Attributes:
        guesses: one row for each token, the commonest first: rows, guess, and, where the truth is known,
            value (the commonest value of the token) and right.
        success: share of rows whose value was guessed; NaN where the truth is not known.
        baseline: the same for guessing the commonest value for every row, without looking at tokens.
    """

    guesses: pd.DataFrame = field(repr=False)
    success: float
    baseline: float

    def to_frame(self) -> pd.DataFrame:
        """Return the guesses, without the tokens themselves."""
        return self.guesses.drop(columns="token")

    @property
    def leading(self) -> int:
        """How many of the commonest tokens in a row were guessed right."""
        right = self.guesses["right"].tolist() if "right" in self.guesses else []
        return next((i for i, hit in enumerate(right) if not hit), len(right))

    def sentence(self) -> str:
        """Say what came of it."""
        if self.success != self.success:
            return f"{len(self.guesses):,} tokens were given a value each; how many rightly is not known."
        return (
            f"Without the key, from frequencies alone, {percent(self.success)} of the rows are read rightly "
            f"({percent(self.baseline)} by always guessing the commonest value); of {len(self.guesses):,} "
            f"tokens the {self.leading:,} commonest are all guessed."
        )


def frequency_attack(
    tokens: pd.Series | Sequence[str],
    known_distribution: pd.Series | Mapping[Any, float],
    truth: pd.Series | Sequence[Any] | None = None,
) -> FrequencyAttack:
    """Give the commonest token the commonest value, and so on.

    Args:
        tokens: the stored tokens; missing ones are left out.
        known_distribution: value → share or count, known from elsewhere: an older table, statistics.
        truth: the values, row by row, to measure the success with.

    Raises:
        UserError: if there are no tokens or no distribution, or the truth has another length.

    Source: Naveed, Kamara, Wright, "Inference Attacks on Property-Preserving Encrypted Databases", CCS 2015
    (matching sorted frequencies is what their l_p optimization comes to in one column).
    """
    stored = pd.Series(list(tokens), dtype="str")
    known = pd.Series(dict(known_distribution), dtype="float64")
    known = known[known > 0].sort_values(ascending=False, kind="stable")
    if stored.dropna().empty or known.empty:
        raise UserError("The attack needs tokens, and a distribution of values with counts above zero.")
    if truth is not None and len(truth) != len(stored):
        raise UserError(f"{len(stored):,} tokens and {len(truth):,} true values: give one for each row.")
    counts = stored.value_counts(sort=False)
    # The token's own text decides between equals, so that the result does not depend on the order of rows.
    order = pd.DataFrame({"token": counts.index, "rows": counts.to_numpy()})
    order = order.sort_values(["rows", "token"], ascending=[False, True], ignore_index=True)
    guesses = [*known.index[: len(order)]] + [None] * (len(order) - len(known))
    order["guess"] = pd.Series(guesses, dtype="object")
    if truth is None:
        return FrequencyAttack(order, float("nan"), float("nan"))
    rows = pd.DataFrame({"token": stored, "value": list(truth)}).dropna(subset=["token"])
    guessed = rows["token"].map(dict(zip(order["token"], order["guess"], strict=True)))
    real = rows["value"].astype("object")
    commonest = rows.groupby("token")["value"].agg(lambda values: values.value_counts().index[0])
    order["value"] = order["token"].map(commonest)
    order["right"] = order["guess"] == order["value"]
    return FrequencyAttack(order, float((guessed == real).mean()), float((real == known.index[0]).mean()))


def dictionary_attack(tokens: pd.Series, candidates: Iterable[Any], key_holder: SearchTokens) -> float:
    """Return the share of stored ``tokens`` that whoever has the key reads by trying ``candidates``.

    All dates of birth, postal codes or diagnoses are few: such values are safe only while the key is.

    Raises:
        UserError: if there are no tokens.
    """
    stored = pd.Series(tokens).dropna()
    if stored.empty:
        raise UserError("There are no tokens to read.")
    tried = {key_holder.token(value) for value in candidates}
    return float(stored.isin(tried - {None}).mean())


def truncation_tradeoff(
    values: pd.Series,
    known_distribution: pd.Series | Mapping[Any, float],
    key: Key,
    *,
    bits: Sequence[int] = (2, 4, 6, 8, 12, 128),
    table: str = "table",
    column: str = "column",
) -> pd.DataFrame:
    """Return what shorter tokens cost and bring, one row for each length.

    Columns: ``bits``; ``tokens`` (distinct ones); ``rows_returned`` and ``rows_wanted`` (mean over the
    searches for every row's value); ``wanted_share`` of what is returned; ``attack_success`` of
    :func:`frequency_attack`, and its ``baseline``: an attacker takes the better of the two. That attack
    expects a token for each value, and so is weak against short ones; a cleverer one may read more.

    Raises:
        UserError: if there are no values.
    """
    real = values.dropna()
    if real.empty:
        raise UserError("There are no values to make tokens of.")
    wanted = float(real.map(real.value_counts()).mean())
    rows = []
    for length in bits:
        tokens = SearchTokens(key, table=table, column=column, bits=length).tokens(real)
        returned = float(tokens.map(tokens.value_counts()).mean())
        attack = frequency_attack(tokens, known_distribution, real)
        rows.append(
            {
                "bits": length,
                "tokens": int(tokens.nunique()),
                "rows_returned": returned,
                "rows_wanted": wanted,
                "wanted_share": wanted / returned,
                "attack_success": attack.success,
                "baseline": attack.baseline,
            }
        )
    return pd.DataFrame(rows)
