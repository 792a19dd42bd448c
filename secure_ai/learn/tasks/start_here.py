"""The one task of chapter 00: change a release so that a public register no longer names its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from secure_ai.learn.engine import (
    CheckResult,
    KnownWrong,
    Lab,
    attempt,
    correct,
    fresh,
    incorrect,
    not_attempted,
)
from secure_ai.learn.leak import link, remove_names

lab = Lab("00_start_here", title="Start here")
progress = lab.progress

ALLOWED = 0.10  # share of rows that may still get their name back
DECADE = 3  # characters of an ISO date that give the decade
YEAR = 4

STARTER = "Replace the two `...`, then run the cell and its check again."
NO_TABLE = "`safer` has to give back a table: its last line is `return table`."
ROWS_CHANGED = "rows or other columns were lost or changed, and the researcher needs all of them."
NO_DECADE = "the researcher can no longer see in which decade a person was born."
NOT_CHARACTERS = "`[:3]` alone takes the first three rows; the others lost their value."
UNCHANGED = "the table is as it was, so the names come back as before."
DATE_TOO_FINE = "the birth date still tells people apart."
TOGETHER = "birth year and ZIP code, each harmless alone, still tell people apart together."


def _cut(zip_code: int, birth_date: int):
    def safer(table: pd.DataFrame) -> pd.DataFrame:
        table["zip"] = table["zip"].str[:zip_code]
        table["birth_date"] = table["birth_date"].str[:birth_date]
        return table

    return safer


def _first_rows(table: pd.DataFrame) -> pd.DataFrame:
    table["zip"] = table["zip"][:1]
    table["birth_date"] = table["birth_date"].str[:DECADE]
    return table


def _without_return(table: pd.DataFrame) -> str:
    return "return table"


def _one_decade_for_all(table: pd.DataFrame) -> pd.DataFrame:
    table["zip"] = ""
    table["birth_date"] = "197"
    return table


def _half_the_rows(table: pd.DataFrame) -> pd.DataFrame:
    return _cut(0, DECADE)(table.iloc[::2].copy())


def _strangers(rng: np.random.Generator) -> pd.DataFrame:
    """A table about as large as a clinic's or a branch's: few enough people to be told apart."""
    n = int(rng.integers(900, 1200))
    zips = np.array([f"{code:05d}" for code in rng.choice(100_000, 200, replace=False)])
    days = rng.integers(0, 365 * 70, n)
    return pd.DataFrame(
        {
            "first_name": rng.choice(["Ada", "Ben", "Cleo", "Dan", "Eve"], n),
            "last_name": [f"Person{number}" for number in rng.permutation(n)],
            "sex": rng.choice(["female", "male"], n),
            "birth_date": (np.datetime64("1935-01-01") + days).astype(str),
            "zip": rng.choice(zips, n),
            "fact": rng.choice(["red", "green", "blue"], n),
        }
    )


@lab.task(
    prompt="Keep less of the ZIP code and of the birth date, so that at most 1 row in 10 gets its name back.",
    hints=(
        "How many people do you know who were born on the same day as you, and how many in the same decade? "
        "A column protects people when many share its value.",
        "`.str[:4]` keeps the first four characters: of `1985-03-07` that is the year, and `.str[:3]` is the "
        "decade. Be as strict with the ZIP code: its first digit is a group of states.",
        "The line for the ZIP code could be `table['zip'] = table['zip'].str[:1]`; write the one for "
        "`birth_date` in the same way, with the number that leaves the decade.",
    ),
    known_wrong=(
        KnownWrong(_cut(5, 10), UNCHANGED, "keeps all characters"),
        KnownWrong(_cut(3, 10), DATE_TOO_FINE, "coarsens the ZIP code only"),
        KnownWrong(_cut(0, 7), DATE_TOO_FINE, "takes out the ZIP code and thinks a month is coarse"),
        KnownWrong(_cut(5, 4), TOGETHER, "cuts the date to the year and keeps the whole ZIP code"),
        KnownWrong(_cut(3, 4), TOGETHER, "follows the Safe Harbor rule, which was made for large areas"),
        KnownWrong(_cut(2, 0), NO_DECADE, "empties the birth date"),
        KnownWrong(_one_decade_for_all, NO_DECADE, "writes the same value into every row"),
        KnownWrong(_first_rows, NOT_CHARACTERS, "forgets `.str`"),
        KnownWrong(_half_the_rows, ROWS_CHANGED, "leaves out rows"),
        KnownWrong(_without_return, NO_TABLE, "returns something else than the table"),
    ),
    solution=_cut(1, DECADE),
)
def safer(value) -> CheckResult:
    people = _strangers(fresh())
    published, register = remove_names(people, ["fact"], seed=int(fresh().integers(2**31)))
    result = attempt(value, published)
    if not isinstance(result, pd.DataFrame):
        return incorrect(NO_TABLE, "Compare the end of your function with the starter's.")
    if any(
        (result[name].map(lambda cell: cell is ...)).any() for name in ("zip", "birth_date") if name in result
    ):
        return not_attempted(STARTER)
    if "fact" not in result or result["fact"].astype(str).tolist() != published["fact"].tolist():
        return incorrect(ROWS_CHANGED, "Change only `zip` and `birth_date`.")
    if any(result[name].isna().any() for name in ("zip", "birth_date") if name in result):
        return incorrect(NOT_CHARACTERS, "Write `.str[:3]` to take the first three characters of every row.")
    decades = published["birth_date"].str[:DECADE].tolist()
    if "birth_date" not in result or result["birth_date"].astype(str).str[:DECADE].tolist() != decades:
        return incorrect(NO_DECADE, f"Keep the first {DECADE} characters of `birth_date`.")
    other = attempt(value, register)
    if not isinstance(other, pd.DataFrame) or len(other) != len(register):
        return incorrect(NO_TABLE, "Your function has to work on any table with these columns.")
    share = link(_as_text(result, published), _as_text(other, register)).measurement.value
    if share <= ALLOWED:
        # No figures: the notebooks store this sentence, and the table is a new one in every check.
        return correct(
            "At most 1 row in 10 of a table made up for this check got its name back, "
            "and the researcher can still compare people by decade of birth."
        )
    percent = (
        f"In a table of {len(people):,} people, made up for this check, {share:.0%} of the rows got "
        f"their name back; the goal is {ALLOWED:.0%} or less. "
    )
    if result.equals(published):
        return incorrect(UNCHANGED, percent + "Keep fewer characters of both columns.")
    if result["birth_date"].astype(str).str.len().max() > YEAR:
        return incorrect(DATE_TOO_FINE, percent + "Keep fewer characters of `birth_date`.")
    return incorrect(TOGETHER, percent + "Keep fewer characters of `zip`, or only the decade of birth.")


def _as_text(changed: pd.DataFrame, original: pd.DataFrame) -> pd.DataFrame:
    return changed.astype(str).set_axis(original.index, axis=0)
