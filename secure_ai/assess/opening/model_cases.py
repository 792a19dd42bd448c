"""Records for the model: those that it was trained on, those that it was not, with their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.assess.opening.yes_and_no import as_written
from secure_ai.core import UserError
from secure_ai.core.sources import Source, column_list, quote_identifier, shown

if TYPE_CHECKING:
    from secure_ai.assess.inputs import Inputs

MOST_RECORDS = 20_000
LEAST_RECORDS = 20
YES, NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}
NO_TARGET = "The class of the records is not known: name the column that the model predicts in target."
NO_RECORDS = "There are no records to ask the model about: give them in data, training or held_out."


@dataclass(frozen=True)
class Cases:
    """Records of one kind, complete and fit to be given to the model.

    Attributes:
        rows: the model's inputs, as it takes them.
        labels: (records,) their classes, as the model names them; None where no target was named.
        columns: the same records with every column of their table, for groups that are no inputs.
        total: records of the table that they were read from.
    """

    rows: pd.DataFrame = field(repr=False)
    labels: np.ndarray | None = field(repr=False)
    columns: pd.DataFrame = field(repr=False)
    total: int

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: np.ndarray | slice) -> Cases:
        """Return the records at these places, numbered anew."""
        return replace(
            self,
            rows=self.rows.iloc[places].reset_index(drop=True),
            labels=None if self.labels is None else self.labels[places],
            columns=self.columns.iloc[places].reset_index(drop=True),
        )

    def drawn(self, most: int, seed: int) -> Cases:
        """Return at most so many of the records, drawn at random, in their order."""
        return self if len(self) <= most else self.take(self.drawn_places(most, seed))

    def drawn_places(self, most: int, seed: int) -> np.ndarray:
        """Return the places of the records that :meth:`drawn` returns."""
        if len(self) <= most:
            return np.arange(len(self))
        return np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))

    def pair(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Return rows and labels, as attacks take them.

        Raises:
            ValueError: if the labels are not known.
        """
        if self.labels is None:
            raise ValueError("labels are needed")
        return self.rows, self.labels


@dataclass(frozen=True)
class ModelCases:
    """What there is to ask the model about; at most 20,000 records of each kind, drawn by the seed.

    Attributes:
        training: records that it was trained on; None where none were given.
        held_out: records of the same kind that it was not trained on; None where none were given.
        features: names of the model's inputs.
        target: the column that it predicts; None if not named.
        missing: why ``training`` or ``held_out`` is None, and what would supply it.
        notes: what was sampled or left out, each a sentence for the report.
        seed: of what is drawn.
    """

    training: Cases | None
    held_out: Cases | None
    features: tuple[str, ...]
    target: str | None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def known(self) -> Cases:
        """Every record that attacks of inputs, fairness and explanations use: held-out ones if there are any.

        Raises:
            ValueError: if there are no records; ask :meth:`reason` first.
        """
        found = self.training if self.held_out is None else self.held_out
        if found is None:
            raise ValueError("there are no records")
        return found

    def reason(self, *, labels: bool = True, both: bool = False) -> str:
        """Say why there are not the records that are needed; empty if there are.

        Args:
            labels: whether their classes are needed.
            both: whether records of training and held-out ones are both needed.
        """
        if both and (self.training is None or self.held_out is None):
            return " ".join(self.missing)
        if self.training is None and self.held_out is None:
            return " ".join(self.missing) or NO_RECORDS
        return NO_TARGET if labels and self.target is None else ""

    def attacked_rows(self, most: int) -> Cases:
        """Return at most ``most`` records, and at most half of them, drawn by the seed, to be attacked."""
        first, _ = self._parted(most)
        return self.known.take(first)

    def reference_rows(self, attacked: int) -> Cases:
        """Return the other records: what the attacker of :meth:`attacked_rows` owns."""
        _, rest = self._parted(attacked)
        return self.known.take(rest)

    def _parted(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng(self.seed).permutation(len(self.known))
        size = min(most, len(order) // 2)
        return order[:size], order[size:]


def read_model_cases(inputs: Inputs, *, most: int = MOST_RECORDS) -> ModelCases:
    """Read the records that the parameters name for the model.

    ``training`` (``data`` if not given) was trained on, ``held_out`` was not; with ``member`` both stand in
    ``data``. Records with a missing or infinite input, without a class or with one that the model does not
    know are left out, and so are held-out records that are among those of training; notes say how many.

    Args:
        inputs: of the assessment; its model is opened.
        most: records of each kind that are read.

    Raises:
        TargetError: if the model was not opened (:class:`~secure_ai.assess.opening.models.ModelNotOpened`).
        UserError: if a table cannot be read, a column is missing, or the columns are not the model's.
    """
    parameters, model = inputs.parameters, inputs.model
    reader = _Reader(inputs, most)
    training = held_out = None
    missing: list[str] = []
    if parameters.member and not (parameters.training and parameters.held_out):
        if parameters.data is None:
            raise UserError("member names a column of data, and no data were given: give data as well.")
        training, held_out = reader.parted(inputs.source, parameters.member)
    if parameters.training:
        training = reader.read(_opened(inputs, "training"), "training")
    elif training is None and parameters.data:
        training = reader.read(inputs.source, "training")
    if parameters.held_out:
        held_out = reader.read(_opened(inputs, "held_out"), "held-out")
    if training is not None and held_out is not None:
        held_out = reader.without_overlap(training, held_out)
    training, held_out = (reader.enough(*one) for one in ((training, "training"), (held_out, "held-out")))
    if training is None:
        missing.append(
            "There are too few records of training, or none: give those that the model was trained on in "
            "training."
        )
    if held_out is None:
        missing.append(
            "There are too few held-out records, or none: give records of the same kind that the model "
            "was not trained on in held_out, or say in member which records of data it was trained on."
        )
    features = next((tuple(c.rows.columns) for c in (training, held_out) if c is not None), model.features)
    return ModelCases(
        training=training,
        held_out=held_out,
        features=features,
        target=parameters.target,
        missing=tuple(missing),
        notes=tuple(reader.notes),
        seed=parameters.seed,
    )


class _Reader:
    """Reads tables into cases, and keeps what has to be said about them."""

    def __init__(self, inputs: Inputs, most: int) -> None:
        self.parameters, self.model, self.most = inputs.parameters, inputs.model, most
        self.notes: list[str] = []

    def read(self, source: Source, what: str, positions: np.ndarray | None = None) -> Cases:
        self._check(source)
        total = source.n_rows if positions is None else len(positions)
        frame = as_written(
            self._sampled(source, total, positions),
            source,
            delimiter=self.parameters.delimiter,
            encoding=self.parameters.encoding,
        )
        if total > len(frame):
            self.notes.append(f"{len(frame):,} of {total:,} {what} records were drawn at random and read.")
        return self._cases(frame, what, total)

    def parted(self, source: Source, member: str) -> tuple[Cases, Cases]:
        """Return the records of both kinds by the column that tells them apart."""
        source.require([member])
        flags = source.to_pandas([member])[member]
        words = flags.astype(str).str.strip().str.lower()
        wrong = int((~words.isin(YES | NO)).sum())
        if wrong:
            raise UserError(
                f"The column that member names is neither 1 nor 0 in {wrong:,} of {len(words):,} records: "
                "write 1 or 0."
            )
        inside = words.isin(YES).to_numpy()
        return (
            self.read(source, "training", np.flatnonzero(inside)),
            self.read(source, "held-out", np.flatnonzero(~inside)),
        )

    def without_overlap(self, training: Cases, held_out: Cases) -> Cases:
        from secure_ai.attack.membership.groups import keys_of

        labels = [np.zeros(len(c)) if c.labels is None else c.labels for c in (training, held_out)]
        if list(training.rows.columns) != list(held_out.rows.columns):
            raise UserError(
                "The records of training and held_out have different columns: give both the same."
            )
        both = np.isin(keys_of(held_out.rows, labels[1]), keys_of(training.rows, labels[0]))
        if not both.any():
            return held_out
        self.notes.append(
            f"{int(both.sum()):,} of {len(both):,} held-out records were left out: the same values and class "
            "are among the training records."
        )
        return held_out.take(np.flatnonzero(~both))

    def enough(self, cases: Cases | None, what: str) -> Cases | None:
        if cases is None or len(cases) >= LEAST_RECORDS:
            return cases
        self.notes.append(f"{len(cases):,} complete {what} records are too few ({LEAST_RECORDS} at least).")
        return None

    def _check(self, source: Source) -> None:
        parameters, model = self.parameters, self.model
        source.require([name for name in (parameters.target,) if name])
        lacking = [name for name in model.features if name not in source.types]
        if lacking:
            raise UserError(
                f"{source.label} lacks {len(lacking)} of the {len(model.features)} columns that the model "
                f"takes (the first is '{shown(lacking[0])}'): give the records as the model takes them, in "
                "training and held_out."
            )
        if not model.features:
            source.require(parameters.drop or ())
        taken = self._features_of(source.columns)
        if not taken or (model.width is not None and len(taken) != model.width):
            raise UserError(
                f"The model takes {model.width or 'some'} columns and {source.label} has {len(taken)} beside "
                "the target: name those that it does not take in drop."
            )

    def _sampled(self, source: Source, total: int, positions: np.ndarray | None) -> pd.DataFrame:
        if positions is None and total <= self.most:
            return source.to_pandas()
        if positions is None:
            positions = np.arange(total)
        if len(positions) > self.most:
            # Row numbers drawn here, not DuckDB's TABLESAMPLE: that depends on the number of threads.
            drawn = np.random.default_rng(self.parameters.seed).choice(
                len(positions), self.most, replace=False
            )
            positions = positions[np.sort(drawn)]
        row = quote_identifier(next(n for n in ("_row", "_row_", "__row__") if n not in source.types))
        columns = column_list(source.columns)
        return source.sql(
            f"SELECT {columns} FROM (SELECT {columns}, row_number() OVER () AS {row} FROM source) "
            f"WHERE {row} IN (SELECT unnest(?)) ORDER BY {row}",
            [(positions + 1).tolist()],
        ).df()

    def _cases(self, frame: pd.DataFrame, what: str, total: int) -> Cases:
        features = list(self._features_of(frame.columns))
        rows = frame[features]
        numbers = rows.select_dtypes("number")
        bad = rows.isna().any(axis=1).to_numpy()
        bad = bad | ~np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan)).all(axis=1)
        if bad.any():
            self.notes.append(
                f"{int(bad.sum()):,} of {len(bad):,} {what} records were left out: an input is missing or "
                "infinite."
            )
        keep, labels = ~bad, None
        if self.parameters.target:
            labels = known_classes(frame[self.parameters.target], self.model.classes)
            strange = labels < 0
            if len(strange) and strange.all():
                raise UserError(
                    f"None of the {what} records has a class that the model knows: check target, and classes."
                )
            if strange.any():
                self.notes.append(
                    f"{int(strange.sum()):,} of {len(strange):,} {what} records were left out: no class, or "
                    "one that the model does not know."
                )
            keep &= ~strange
        places = np.flatnonzero(keep)
        return Cases(
            # What had gaps was read as objects: without them it is what it was.
            rows=rows.iloc[places].reset_index(drop=True).infer_objects(),
            labels=None if labels is None else np.asarray(self.model.classes)[labels[places]],
            columns=frame.iloc[places].reset_index(drop=True),
            total=total,
        )

    def _features_of(self, columns: Sequence[str]) -> Sequence[str]:
        if self.model.features:
            return self.model.features
        apart = {self.parameters.target, self.parameters.member, *(self.parameters.drop or ())}
        return [name for name in columns if name not in apart]


def known_classes(column: pd.Series, classes: Sequence[Any]) -> np.ndarray:
    """Return (records,) the place of each record's class among the model's; -1 where it is none of them.

    A table may write 1 where the model says 1.0, true where it says 1.
    """
    words = column.astype(str).str.strip()
    if pd.api.types.is_float_dtype(column.dtype):
        words = words.str.removesuffix(".0")
    known = {_class_word(one): place for place, one in enumerate(classes)}
    found = words.map(known)
    if found.isna().all() and words.str.lower().isin({"true", "false"}).all():
        either = known if "true" in known else {"true": known.get("1", -1), "false": known.get("0", -1)}
        found = words.str.lower().map(either)
    return found.where(column.notna(), -1).fillna(-1).to_numpy(dtype=int)


def _class_word(label: Any) -> str:
    if isinstance(label, bool | np.bool_):
        return str(label).lower()
    return str(label).removesuffix(".0") if isinstance(label, float | np.floating) else str(label).strip()


def _opened(inputs: Inputs, name: str) -> Source:
    """Open a table that a parameter names; sentences call it by the parameter, not by its file."""
    place = getattr(inputs.parameters, name)
    try:
        return replace(inputs._open(place), label=name)
    except UserError as error:
        raise UserError(str(error).replace(shown(Path(place).name), name)) from None
