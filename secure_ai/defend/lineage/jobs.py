"""One run of a job: what it read, wrote, trained and predicted, linked row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.lineage.events import Described, RowsFacet
from secure_ai.defend.lineage.row_files import file_digest
from secure_ai.defend.lineage.rows import (
    EVERY_ROW,
    ROW_OF,
    check_name,
    check_version,
    parse_row_ids,
    plain,
    row_columns,
    row_ids,
)

if TYPE_CHECKING:
    from secure_ai.defend.lineage.store import Lineage

LINK_COLUMNS = ["row", "input", "input_row"]


@dataclass
class Job:
    """One run of a job, as :meth:`Lineage.job` hands it out."""

    lineage: Lineage = field(repr=False)
    name: str
    inputs: dict[str, Described] = field(default_factory=dict)
    outputs: dict[str, Described] = field(default_factory=dict)

    def read(self, name: str, frame: pd.DataFrame, *, identifier: str | None = None) -> pd.DataFrame:
        """Record that ``frame`` was read as ``name``; return it with its column ``row_of:<name>``.

        Args:
            name: of the data set (``claims``).
            frame: one row per record.
            identifier: column by which :meth:`Lineage.find` finds a record again; only a keyed digest of
                each value is kept.

        Raises:
            UserError: if ``frame`` is no frame, or the name or the identifier cannot be used.
        """
        described = self.lineage.files.describe("source", name, _frame(frame, name), identifier)
        self.inputs[described.id] = described
        return _with_rows(plain(frame), described)

    def write(
        self,
        name: str,
        frame: pd.DataFrame,
        *,
        whole: Sequence[pd.DataFrame] = (),
        identifier: str | None = None,
    ) -> pd.DataFrame:
        """Record ``frame`` as the data set ``name``, row by row linked to what its ``row_of`` columns name.

        Args:
            name: of the data set (``training rows``).
            frame: with at least one ``row_of`` column; a cell may hold a list of names (after a group-by).
            whole: frames of which every row went into every row (a mean over all, for instance).
            identifier: as for :meth:`read`.

        Returns:
            The frame with one column ``row_of:<name>`` in the place of those that it had.

        Raises:
            UserError: if the rows do not say where they come from, or name what is not recorded.
        """
        return self._written("table", name, frame, self._links(name, frame, whole), identifier=identifier)

    def train(
        self, name: str, rows: pd.DataFrame, *, version: str, artifact: str | Path | None = None
    ) -> str:
        """Record a version of the model ``name`` and the rows that it was trained on.

        Args:
            name: of the model (``triage``).
            rows: the rows of the training part only, with their ``row_of`` columns.
            version: names this model for ever; another model under it is refused.
            artifact: the file of the model; its SHA-256 is kept, for :meth:`Lineage.version_of`.

        Returns:
            ``name@version``.

        Raises:
            UserError: if the rows do not say where they come from, the file cannot be read, or the
                version is taken.
        """
        check_name(name), check_version(version)
        links = self._links(name, rows)
        links = links.assign(row=0).drop_duplicates(ignore_index=True)
        digest = None if artifact is None else file_digest(Path(artifact))
        facet = RowsFacet(kind="model", count=1, links=self.lineage.files.write(links), artifact=digest)
        columns = {str(column): str(dtype) for column, dtype in plain(rows).dtypes.items()}
        described = Described(name, version, columns, facet)
        self.outputs[described.id] = described
        self.check_versions()
        return described.id

    def predict(
        self, name: str, frame: pd.DataFrame, *, model: str, identifier: str | None = None
    ) -> pd.DataFrame:
        """Record predictions: each row comes from its own input row and from the model.

        Args:
            name: of the predictions (``triage scores``).
            frame: the predictions, with the ``row_of`` columns of the rows that were scored.
            model: ``name@version``, as :meth:`train` returned it.
            identifier: as for :meth:`read`.

        Raises:
            UserError: if the model is not recorded, or the rows do not say where they come from.
        """
        known = self.outputs.get(model) or self.inputs.get(model) or self._recorded(model)
        if known.rows.kind != "model":
            raise UserError(f"'{known.name}' is no model: name one as triage@v3, as train() returned it.")
        self.inputs.setdefault(model, known)
        links = self._links(name, frame)
        from_model = pd.DataFrame({"row": range(len(frame)), "input": model, "input_row": 0})
        links = pd.concat([links, from_model], ignore_index=True)
        return self._written("predictions", name, frame, links, identifier=identifier, origin=model)

    def check_versions(self) -> None:
        """Refuse a version of a model that names another model already.

        Raises:
            UserError: naming model and version.
        """
        known = self.lineage.graph().datasets
        for one in self.outputs.values():
            there = known.get(one.id)
            if one.rows.kind == "model" and there is not None and there.rows != one.rows:
                raise UserError(
                    f"Version {one.version} of '{one.name}' is taken by another model: a version names one "
                    "model for ever, so choose the next one."
                )

    def _written(
        self,
        kind: str,
        name: str,
        frame: pd.DataFrame,
        links: pd.DataFrame,
        *,
        identifier: str | None,
        origin: str = "",
    ) -> pd.DataFrame:
        described = self.lineage.files.describe(kind, name, frame, identifier, origin)
        facet = described.rows.model_copy(update={"links": self.lineage.files.write(links)})
        described = Described(described.name, described.version, described.columns, facet)
        self.outputs[described.id] = described
        return _with_rows(plain(frame), described)

    def _links(self, name: str, frame: pd.DataFrame, whole: Sequence[pd.DataFrame] = ()) -> pd.DataFrame:
        check_name(name)
        parts = [self._links_of(column, frame[column]) for column in row_columns(_frame(frame, name))]
        for one in whole:
            rows = pd.concat(
                [self._links_of(column, one[column]) for column in row_columns(_frame(one, name))]
            )
            if len(rows):
                parts.append(rows.assign(row=EVERY_ROW))
        if not parts:
            raise UserError(
                f"The rows of '{name}' do not say where they come from: keep the columns {ROW_OF}… of the "
                "frames that read() or write() returned."
            )
        links = pd.concat(parts, ignore_index=True)[LINK_COLUMNS].drop_duplicates(ignore_index=True)
        unlinked = len(frame) - links["row"].nunique()
        if unlinked and not (links["row"] == EVERY_ROW).any():
            raise UserError(
                f"{unlinked:,} rows of '{name}' do not say where they come from: their columns {ROW_OF}… "
                "are empty."
            )
        return links

    def _links_of(self, column: str, values: pd.Series) -> pd.DataFrame:
        cells = values.reset_index(drop=True).astype("object").explode().dropna()
        parts = parse_row_ids(cells, f"The column {column}")
        for dataset in parts["dataset"].unique():
            known = self.inputs.get(dataset) or self.outputs.get(dataset) or self._recorded(dataset)
            if dataset not in self.outputs:
                self.inputs.setdefault(dataset, known)
            if parts.loc[parts["dataset"] == dataset, "row"].max() >= known.rows.count:
                raise UserError(f"The column {column} names a row that '{known.name}' does not have.")
        return pd.DataFrame(
            {"row": cells.index.to_numpy("int64"), "input": parts["dataset"], "input_row": parts["row"]}
        )

    def _recorded(self, dataset: str) -> Described:
        one = self.lineage.graph().dataset(dataset)
        if one.rows is None:
            raise UserError(f"Of '{one.name}' no rows are recorded: read() it as a frame first.")
        return Described(one.name, one.version, {}, one.rows)


def _with_rows(frame: pd.DataFrame, described: Described) -> pd.DataFrame:
    return frame.assign(**{f"{ROW_OF}{described.name}": row_ids(described.id, len(frame))})


def _frame(value: object, name: str) -> pd.DataFrame:
    if not isinstance(value, pd.DataFrame):
        raise UserError(
            f"'{check_name(name)}' is no DataFrame: hand over the frame with its rows and columns."
        )
    return value
