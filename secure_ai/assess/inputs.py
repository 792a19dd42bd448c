"""The inputs of an assessment, each opened when a section first asks for it, and closed together."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from secure_ai.assess.names import Names
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.core import UserError
from secure_ai.core.sources import Source, open_source, shown

if TYPE_CHECKING:
    from types import TracebackType

    from secure_ai.anonymize import QuasiIdentifierChoice
    from secure_ai.assess.opening.models import ModelCases, OpenedModel
    from secure_ai.discover.inventory import Inventory

# Up to here one process counts in minutes; the kit's own figure, above it Dask counts where it is installed.
DASK_ROWS = 100_000_000


class Inputs:
    """What the parameters name, opened; a context manager that closes endpoints and processes.

    Attributes:
        parameters: what the run was asked for.
    """

    def __init__(self, parameters: AssessmentParameters) -> None:
        self.parameters = parameters
        self.closing = ExitStack()

    def __enter__(self) -> Inputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened."""
        self.closing.close()

    @cached_property
    def names(self) -> Names:
        """What columns, classes and groups are called on the report."""
        return Names(self.source.columns if self.parameters.data else (), self.parameters.redact)

    @cached_property
    def source(self) -> Source:
        """The assessed table, checked.

        Raises:
            UserError: if it cannot be read, or a named column is missing.
        """
        from secure_ai.discover.header import refuse_data_as_header

        parameters = self.parameters
        source = self._open(parameters.data)
        refuse_data_as_header(source)  # before anything quotes a column name
        source.require([*(parameters.quasi_identifiers or ()), *(parameters.sensitive or ())])
        both = sorted(set(parameters.quasi_identifiers or ()) & set(parameters.sensitive or ()))
        if both:
            raise UserError(
                f"The column '{shown(both[0])}' is named both as a quasi-identifier and as sensitive: "
                "choose one."
            )
        # From here on a file is called by what it is: its name may be that of a person.
        return replace(source, label="the data")

    @cached_property
    def population(self) -> Source | None:
        """The table of the people that the records were drawn from, if one was given."""
        if self.parameters.population is None:
            return None
        source = self._open(self.parameters.population)
        source.require(self.parameters.quasi_identifiers or ())
        return replace(source, label="the population")

    @cached_property
    def n_rows(self) -> int:
        """Number of records of the assessed table."""
        return self.source.n_rows

    @cached_property
    def engine(self) -> str:
        """What counts the records: ``duckdb``, or ``dask`` where it is asked for or the table is large."""
        from importlib.util import find_spec

        if self.parameters.engine != "auto":
            return self.parameters.engine
        large = self.n_rows > DASK_ROWS and bool(self.source.files)
        return "dask" if large and find_spec("distributed") else "duckdb"

    @cached_property
    def inventory(self) -> Inventory:
        """What each column of the assessed table holds."""
        from secure_ai.anonymize.tabular.classes import in_bounded_memory
        from secure_ai.discover.inventory import inventory

        sample, seed = self.parameters.sample, self.parameters.seed
        return in_bounded_memory(self.source, lambda: inventory(self.source, sample=sample, seed=seed))

    @cached_property
    def quasi_identifiers(self) -> tuple[tuple[str, ...], tuple[QuasiIdentifierChoice, ...]]:
        """The quasi-identifiers, named by the assessor or proposed, and why each column is one or not."""
        from secure_ai.anonymize.tabular.proposal import (
            QuasiIdentifierChoice,
            Role,
            explain_quasi_identifiers,
        )

        named = self.parameters.quasi_identifiers
        if named:
            reason = "named by the assessor"
            return named, tuple(QuasiIdentifierChoice(name, Role.QUASI_IDENTIFIER, reason) for name in named)
        choices = tuple(
            explain_quasi_identifiers(
                self.source, self.inventory, exclude=self.parameters.sensitive or (), engine=self.engine
            )
        )
        return tuple(c.column for c in choices if c.role is Role.QUASI_IDENTIFIER), choices

    @cached_property
    def model(self) -> OpenedModel:
        """The assessed model, opened as safely as its kind allows."""
        from secure_ai.assess.opening.models import open_model

        return open_model(self.parameters, self.closing)

    @cached_property
    def cases(self) -> ModelCases:
        """Records for the model: those it was trained on, those it was not, with their labels."""
        from secure_ai.assess.opening.models import read_model_cases

        return read_model_cases(self)

    def _open(self, place: Any) -> Source:
        from secure_ai.assess.opening.fhir_tables import open_fhir

        parameters = self.parameters
        return open_fhir(place, parameters.table) or open_source(
            place, table=parameters.table, delimiter=parameters.delimiter, encoding=parameters.encoding
        )
