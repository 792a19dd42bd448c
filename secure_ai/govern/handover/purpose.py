"""A purpose declared as data: which columns, whose rows, how de-identified, on what legal basis."""

from __future__ import annotations

from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from secure_ai.anonymize.deidentify.policy import Policy, load_policy
from secure_ai.core import frameworks
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, parse_yaml, read_yaml

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.core.measurement import Measurement

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Value = bool | int | float | date | str
SECTORS = ("healthcare", "finance")


class Condition(Strict):
    """Which rows the purpose needs, by one column, with exactly one of the four comparisons.

    Attributes:
        column: of the source; it need not be among the columns that are handed over.
        equals: the value.
        one_of: the values.
        at_least: the least value.
        at_most: the greatest value.
    """

    column: Text
    equals: Value | None = None
    one_of: Annotated[tuple[Value, ...], Field(max_length=1_000)] = ()
    at_least: Value | None = None
    at_most: Value | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Condition:
        given = [
            self.equals is not None,
            bool(self.one_of),
            self.at_least is not None,
            self.at_most is not None,
        ]
        if sum(given) != 1:
            raise ValueError("has one of equals, one_of, at_least, at_most")
        return self

    def sql(self, quoted: str) -> tuple[str, list[Value]]:
        """Return the comparison with ``?`` in the place of its values, and the values."""
        if self.one_of:
            return f"{quoted} IN ({', '.join('?' * len(self.one_of))})", list(self.one_of)
        if self.equals is not None:
            return f"{quoted} = ?", [self.equals]
        if self.at_least is not None:
            return f"{quoted} >= ?", [self.at_least]
        return f"{quoted} <= ?", [self.at_most]

    def sentence(self) -> str:
        """Say it in words; values of a filter are chosen by the organization, not taken from a person."""
        if self.one_of:
            return f"{self.column} is one of {', '.join(map(str, self.one_of))}"
        if self.equals is not None:
            return f"{self.column} is {self.equals}"
        if self.at_least is not None:
            return f"{self.column} is at least {self.at_least}"
        return f"{self.column} is at most {self.at_most}"


class Purpose(Strict):
    """What a vendor may have for one purpose, and nothing else.

    Attributes:
        name: the purpose, as contracts and consents name it.
        description: what the vendor does with the data, in a sentence.
        sector: healthcare or finance; None for another.
        columns: column → why the purpose needs it; no other column leaves.
        rows: conditions that every row meets.
        person_column: the column of the source that says whose record a row is: for consent, shifted dates
            and the answer to "who got data about me?"; it is handed over only if ``columns`` names it.
        consent_purpose: the word for it in the consent ledger's vocabulary; ``name`` if None.
        deidentify: one of the kit's de-identification policies, or the path of one.
        legal_basis: framework ids of why it may be handed over at all.
        quasi_identifiers: columns that outsiders could know.
        k: least number of rows that agree on them; None asks for none.
        most_suppressed: share of rows (0 to 1) that may be left out to reach ``k``; beyond, it is refused.
        accepted_finds: column → why what a scan still finds there is no identifier; a person looked at it.
        most_rows: more rows than these are refused.
    """

    name: Text
    description: Text
    sector: Literal["healthcare", "finance"] | None = None
    columns: Annotated[dict[Text, Text], Field(min_length=1, max_length=500)]
    rows: tuple[Condition, ...] = ()
    person_column: Text | None = None
    consent_purpose: Text | None = None
    deidentify: Text
    legal_basis: Annotated[tuple[Text, ...], Field(min_length=1)]
    quasi_identifiers: tuple[Text, ...] = ()
    k: Annotated[int, Field(ge=2, le=100_000)] | None = None
    most_suppressed: Annotated[float, Field(ge=0, le=1)] = 0.0
    accepted_finds: dict[Text, Text] = Field(default_factory=dict)
    most_rows: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _columns_known(self) -> Purpose:
        for part in ("quasi_identifiers", "accepted_finds"):
            if unknown := [name for name in getattr(self, part) if name not in self.columns]:
                raise ValueError(f"{part}: {unknown[0]} is not among the columns")
        if (self.k is None) != (not self.quasi_identifiers):
            raise ValueError("k and quasi_identifiers belong together")
        if self.person_column in {condition.column for condition in self.rows}:
            raise ValueError(
                "rows are chosen by properties, not by person: the conditions travel in the clear"
            )
        return self

    def policy(self) -> Policy:
        """Return the de-identification policy."""
        return load_policy(self.deidentify)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per column: column, why."""
        import pandas as pd

        return pd.DataFrame(list(self.columns.items()), columns=["column", "why"])


def declare_purpose(**fields: Any) -> Purpose:
    """Declare a purpose; the arguments are the fields of :class:`Purpose`.

    Raises:
        UserError: naming the field that is missing, unknown or not right, a policy that does not exist, or a
            legal basis that is no known framework id.
    """
    return _purpose(fields, "purpose")


def load_purpose(path: str | Path) -> Purpose:
    """Read a purpose from a YAML file with the fields of :class:`Purpose`.

    Raises:
        UserError: if it cannot be read, or as :func:`declare_purpose`.
    """
    return _purpose(read_yaml(path, "purpose"), f"purpose {shown(Path(path).name)}")


def example_purpose(sector: str) -> Purpose:
    """Return the example of a sector: claims for a denials model, loans for a default model.

    Raises:
        UserError: if there is no such sector.
    """
    if sector not in SECTORS:
        raise UserError(f"There is no example for '{shown(str(sector))}': choose {' or '.join(SECTORS)}.")
    packaged = resources.files("secure_ai.govern.handover").joinpath(f"purposes/{sector}.yaml")
    label = f"purpose {sector}.yaml"
    return _purpose(parse_yaml(packaged.read_text("utf-8"), label), label)


def propose_columns(table: pd.DataFrame, target: str, purpose: str, *, seed: int = 0) -> dict[str, str]:
    """Propose the columns of a purpose that is a model: the fewest that keep its accuracy.

    Where a model with all columns is not surely better than knowing nothing (the 95 % interval of its score
    reaches down to the baseline), nothing beyond the target is proposed, and its reason says so.

    Args:
        table: one row per case.
        target: the column that the model predicts.
        purpose: what for, in words.
        seed: what the folds depend on.

    Returns:
        Column → why, for ``columns`` of :class:`Purpose`, to be read by a person first.

    Raises:
        UserError: as :func:`secure_ai.anonymize.minimize.minimize`.
    """
    from secure_ai.anonymize.minimize import minimize

    found = minimize(table, target, purpose, seed=seed)
    # All columns: the kept ones were chosen on the same rows, where the best of noise looks like a find.
    if found.full.interval[0] <= found.full.baseline:
        return {
            target: "what the model is to predict, but no column predicts it better than chance: "
            f"{_measured(found.full)} with all of them"
        }
    # Columns that stand together share one figure: none of them has it alone.
    count = f"{len(found.kept)} columns reach" if len(found.kept) > 1 else "1 column reaches"
    why = (
        f"the model needs it: {count} {_measured(found.confirmed)}, "
        f"and all columns {found.confirmed.control:.3f}"
    )
    return {column.name: why for column in found.kept} | {target: "what the model predicts"}


def _measured(score: Measurement) -> str:
    from secure_ai.anonymize.minimize.result import METRIC_NAMES

    low, high = score.interval
    return (
        f"{METRIC_NAMES[score.name]} {score.value:.3f} from {score.n:,} rows ({low:.3f} to {high:.3f}; "
        f"{score.baseline:.3f} without any)"
    )


def _purpose(fields: Any, label: str) -> Purpose:
    purpose = checked(Purpose, fields, label)
    try:
        purpose.policy()
        for identifier in purpose.legal_basis:
            frameworks.entry(identifier)
    except UserError as error:
        raise UserError(f"The {label}: {error}") from None
    return purpose
