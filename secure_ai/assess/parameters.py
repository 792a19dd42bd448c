"""What an assessment may be given, and the sentence that says what is wrong with it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError

from secure_ai.core import UserError

# What IPython itself puts beside the variables of a notebook.
IPYTHON_NAMES = {"In", "Out", "exit", "quit", "open", "get_ipython"}
SHOWN_CHARACTERS = 40


def _blank_is_absent(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _names(value: Any) -> Any:
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
    # A column that is named twice is still one column.
    try:
        return tuple(dict.fromkeys(value)) or None if isinstance(value, list | tuple) else value
    except TypeError:
        return value


def _separator(value: Any) -> Any:
    value = {"tab": "\t", "\\t": "\t"}.get(value, value) if isinstance(value, str) else value
    return None if value == "" else value


def _iso_date(value: Any) -> Any:
    value = _blank_is_absent(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, str):
        datetime.date.fromisoformat(value)
    return value


Text = Annotated[StrictStr | None, BeforeValidator(_blank_is_absent)]
Columns = Annotated[tuple[StrictStr, ...] | None, BeforeValidator(_names)]


class AssessmentParameters(BaseModel):
    """Everything that an assessment depends on; the same names in YAML, papermill and Python."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: StrictStr = Field(
        min_length=1,
        description="the path of a CSV, Parquet, JSON or Excel file, a pattern, or a database address",
    )
    sector: Literal["healthcare", "finance"] = Field(description="healthcare or finance")
    quasi_identifiers: Columns = Field(
        None, description="column names, as a list or separated by commas; proposed if not given"
    )
    sensitive: Columns = Field(
        None,
        description="column names, as a list or separated by commas; never proposed as quasi-identifiers",
    )
    population: Text = Field(
        None, description="the path of a table of the people that the records were drawn from"
    )
    table: Text = Field(None, description="the name of a database table or of a worksheet")
    delimiter: Annotated[StrictStr | None, Field(max_length=1), BeforeValidator(_separator)] = Field(
        None, description="one character, or 'tab'; recognized if not given"
    )
    encoding: Text = Field(None, description="utf-8, latin-1 or utf-16; UTF-8 if not given")
    sample: int = Field(
        2000,
        ge=10,
        le=1_000_000,
        strict=True,
        description="a whole number from 10 to 1000000: values per column that the detectors read",
    )
    seed: int = Field(
        7,
        ge=0,
        lt=2**32,
        strict=True,
        description="a whole number from 0 to 4294967295: makes the sample repeatable",
    )
    threshold: float = Field(
        0.2,
        gt=0,
        le=1,
        strict=True,
        allow_inf_nan=False,
        description="a number above 0 and at most 1: the acceptable re-identification risk of one record",
    )
    date: Annotated[StrictStr | None, BeforeValidator(_iso_date)] = Field(
        None, description="the date shown on the report, as 2026-03-31"
    )
    out: Text = Field(
        None, description="a new folder for report.html and findings.json; only this notebook if not given"
    )

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> AssessmentParameters:
        """Build parameters from ``values``.

        Raises:
            UserError: one sentence that names the first unknown, missing or ill-typed parameter, says
                what it must be, and lists those that are known.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            _refuse(cls, error)
        except TypeError:
            raise UserError(f"A parameter's name must be a word. {_known(cls)}") from None

    def labels(self) -> dict[str, Any]:
        """Return the parameters as they may be stored: file and table names, no folder, no address."""
        values = self.model_dump(mode="json", exclude={"out"})
        return values | {
            "data": label_of(self.data, self.table),
            "population": label_of(self.population, self.table) if self.population else None,
        }


def label_of(place: str, table: str | None = None) -> str:
    """Return the name by which a report calls a source: never its folder, host or password."""
    return (table or "database table") if "://" in place else Path(place).name


def read_parameters(file: Path | None, options: Mapping[str, Any]) -> AssessmentParameters:
    """Build parameters from a YAML file (if any) and from options, which win.

    Paths in the file are taken from the folder in which the command is run, as papermill does.

    Raises:
        UserError: if the file is missing or no YAML mapping, or a parameter is wrong.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
        except OSError:
            raise UserError(f"The parameter file {file.name} cannot be read: check the path.") from None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise UserError(
                f"{file.name} is not a YAML file: write one 'name: value' per line, as in the examples of "
                "notebooks/assessments/parameters."
            ) from None
        if not isinstance(loaded, dict):
            raise UserError(f"{file.name} holds no parameters: write one 'name: value' per line.")
        values = {str(name): value for name, value in loaded.items()}
    return AssessmentParameters.read(values | dict(options))


def parameters_of_notebook(variables: Mapping[str, Any]) -> AssessmentParameters:
    """Build parameters from a notebook's variables, ``globals()`` in its first code cell.

    papermill only warns of a parameter that the notebook does not know and then goes on without it;
    here it is an error.

    Raises:
        UserError: as :meth:`AssessmentParameters.read`.
    """
    given = {
        name: value
        for name, value in variables.items()
        if not name.startswith("_")
        and name not in IPYTHON_NAMES
        and not callable(value)
        and type(value).__name__ != "module"
    }
    return AssessmentParameters.read(given)


def _refuse(model: type[BaseModel], error: ValidationError) -> NoReturn:
    problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0]) if problem["loc"] else "?"
    short = name[:SHOWN_CHARACTERS]
    if problem["type"] == "extra_forbidden":
        raise UserError(f"There is no parameter '{short}'. {_known(model)}") from None
    wanted = model.model_fields[name].description
    given = repr(problem.get("input"))
    at_top = len(problem["loc"]) < 2  # and not inside a list
    missing = problem["type"] == "missing" or (at_top and problem.get("input") in (None, ""))
    if missing:
        raise UserError(f"The parameter '{short}' is missing: it is {wanted}. {_known(model)}") from None
    given = given if len(given) <= SHOWN_CHARACTERS else given[:SHOWN_CHARACTERS] + "…"
    raise UserError(f"The parameter '{short}' must be {wanted}; {given} is not. {_known(model)}") from None


def _known(model: type[BaseModel]) -> str:
    return f"The parameters are: {', '.join(model.model_fields)}."
