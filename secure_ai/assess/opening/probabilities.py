"""A table of a model's probabilities, read once for every section, and named nowhere by file or class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from secure_ai.assess.opening.naming import called_by
from secure_ai.assess.opening.yes_and_no import as_written
from secure_ai.core import UserError
from secure_ai.core.sources import Source, as_source, shown

if TYPE_CHECKING:
    from secure_ai.assess.inputs import Inputs

CALLED = "The table of probabilities"
OWN_NAMES = {"label", "member"}
"""Columns that the kit names; another name may be that of a class, and a class that of a person."""


def read_probabilities(inputs: Inputs) -> Source:
    """Return the table as it stands in its file, with yes and no in its own words.

    Raises:
        UserError: if it cannot be read, has no row, or has not two columns of probabilities or more.
    """
    parameters = inputs.parameters
    place = str(parameters.probabilities)
    try:
        opened = inputs._open(place)
        frame = opened.to_pandas()
    except UserError as error:
        raise called_by(error, place, "probabilities") from None
    frame = as_written(frame, opened, delimiter=parameters.delimiter, encoding=parameters.encoding)
    if sum(str(name).startswith("p_") for name in frame.columns) < 2:
        raise UserError("The table of probabilities has no two columns p_CLASS: name one for each class.")
    if not len(frame):
        raise UserError(f"{CALLED} has no rows: give one for each record.")
    return replace(as_source(frame), label=CALLED)


def without_names(sentence: str, columns: tuple[str, ...]) -> str:
    """Return a sentence in which each column is called by its place, unless the kit named it.

    Args:
        sentence: of whoever read the table.
        columns: of the table, in order.
    """
    for place, name in enumerate(columns, 1):
        for quoted in {f"'{shown(name)}'", f"'{name}'"} if name not in OWN_NAMES else ():
            sentence = sentence.replace(f"column {quoted}", f"column {place}")
            sentence = sentence.replace(quoted, f"column {place}")
    return sentence
