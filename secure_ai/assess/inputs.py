"""The inputs of an assessment, each opened when a section first asks for it, and closed together."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from secure_ai.assess.names import Names
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.core import UserError
from secure_ai.core.sources import Source, open_source

if TYPE_CHECKING:
    from types import TracebackType

    from secure_ai.assess.models import ModelCases, OpenedModel
    from secure_ai.discover.inventory import Inventory


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
                f"The column '{both[0]}' is named both as a quasi-identifier and as sensitive: choose one."
            )
        return source

    @cached_property
    def population(self) -> Source | None:
        """The table of the people that the records were drawn from, if one was given."""
        if self.parameters.population is None:
            return None
        source = self._open(self.parameters.population)
        source.require(self.parameters.quasi_identifiers or ())
        return source

    @cached_property
    def n_rows(self) -> int:
        """Number of records of the assessed table."""
        return self.source.n_rows

    @cached_property
    def inventory(self) -> Inventory:
        """What each column of the assessed table holds."""
        from secure_ai.discover.inventory import inventory

        return inventory(self.source, sample=self.parameters.sample, seed=self.parameters.seed)

    @cached_property
    def model(self) -> OpenedModel:
        """The assessed model, opened as safely as its kind allows."""
        from secure_ai.assess.models import open_model

        return open_model(self.parameters, self.closing)

    @cached_property
    def cases(self) -> ModelCases:
        """Records for the model: those it was trained on, those it was not, with their labels."""
        from secure_ai.assess.models import read_model_cases

        return read_model_cases(self)

    def _open(self, place: Any) -> Source:
        parameters = self.parameters
        return open_source(
            place, table=parameters.table, delimiter=parameters.delimiter, encoding=parameters.encoding
        )
