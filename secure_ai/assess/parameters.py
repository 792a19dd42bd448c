"""What an assessment may be given, and the sentence that says what is wrong with it."""

from __future__ import annotations

import datetime
import difflib
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from secure_ai.core import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import read_yaml

# What IPython itself puts beside the variables of a notebook.
IPYTHON_NAMES = {"In", "Out", "exit", "quit", "open", "get_ipython"}
SHOWN_CHARACTERS = 40
SUBJECTS = ("data", "model", "probabilities", "assistant", "controls", "log", "vendor")
# Parameters that say where something is; a report says only that it was given.
PLACES = (
    "data", "population", "model", "probabilities", "training", "held_out", "rules", "assistant",
    "secret_file", "prompt_file", "token_file", "controls", "evidence", "log", "log_key", "log_witness",
    "vendor", "vendor_evidence", "losses", "plan", "mitigated_data", "mitigated_model",
    "mitigated_assistant", "mitigated_controls", "previous",
)  # fmt: skip


# Parameter → what it is nothing without.
BELONGS_TO = {
    "population": "data", "mitigated_data": "data", "mitigated_model": "model",
    "mitigated_assistant": "assistant", "mitigated_guards": "assistant", "evidence": "controls",
    "mitigated_controls": "controls", "log_key": "log", "log_witness": "log", "quarter": "log",
    "vendor_evidence": "vendor",
}  # fmt: skip
# What a sentence may quote: nothing that somebody writes freely.
QUOTED = {
    "sector", "sample", "engine", "threshold", "trust_pickle", "labels_only", "decision_threshold", "rows",
    "queries", "price_per_thousand", "whole", "repeats", "seed", "redact", "date", "delimiter",
}  # fmt: skip
LONGEST = 4096


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


def _text_on_one_line(value: Any) -> Any:
    """Return words for a report: one line, and nothing that turns letters around or is not seen."""
    if isinstance(value, str):
        value = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return _blank_is_absent(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _separator(value: Any) -> Any:
    value = {"tab": "\t", "\\t": "\t"}.get(value, value) if isinstance(value, str) else value
    return None if value == "" else value


def _iso_date(value: Any) -> Any:
    value = _blank_is_absent(value)
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]  # YAML reads a time behind it as one
    return datetime.date.fromisoformat(value.strip()).isoformat() if isinstance(value, str) else value


def _figures(value: Any) -> Any:
    return {} if value is None or value == "" else value


Word = Annotated[StrictStr, Field(max_length=LONGEST)]
Text = Annotated[Word | None, BeforeValidator(_blank_is_absent)]
Columns = Annotated[tuple[Word, ...] | None, BeforeValidator(_names)]
# YAML reads an unquoted yes or no as true or false, which is not the class's name.
Class = Annotated[Word | StrictInt | None, BeforeValidator(_blank_is_absent)]
Classes = Annotated[tuple[Word | StrictInt, ...] | None, BeforeValidator(_names)]
Number = Annotated[float, BeforeValidator(_number)]


def _text(description: str) -> Any:
    return Field(None, description=description)


def _whole(default: int, low: int, high: int, words: str) -> Any:
    description = f"a whole number from {low} to {high}: {words}"
    return Field(default, ge=low, le=high, strict=True, description=description)


class AssessmentParameters(BaseModel):
    """Everything that an assessment depends on; the same names in YAML, papermill and Python.

    Only the sector is always needed, and one thing to assess: data, a model, probabilities, an assistant,
    controls, a log or a vendor. What is not given is unassessed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sector: Literal["healthcare", "finance"] = Field(description="healthcare or finance")
    subject: Annotated[StrictStr | None, Field(max_length=120), BeforeValidator(_text_on_one_line)] = _text(
        "what is assessed, in words that may stand on the report; the sector if not given"
    )

    # The data.
    data: Text = _text("the path of a CSV, Parquet, JSON, Excel or FHIR file, a pattern, or a database")
    quasi_identifiers: Columns = _text(
        "column names, as a list or separated by commas; proposed if not given"
    )
    sensitive: Columns = _text(
        "column names, as a list or separated by commas; never proposed as quasi-identifiers"
    )
    population: Text = _text("the path of a table of the people that the records were drawn from")
    table: Text = _text("the name of a database table or of a worksheet")
    delimiter: Annotated[StrictStr | None, Field(max_length=1), BeforeValidator(_separator)] = _text(
        "one character, or 'tab'; recognized if not given"
    )
    encoding: Text = _text("utf-8, latin-1 or utf-16; UTF-8 if not given")
    sample: int = _whole(2000, 10, 1_000_000, "values per column that the detectors read")
    engine: Literal["auto", "duckdb", "dask"] = Field(
        "auto",
        description="auto, duckdb or dask: what counts the records",
    )
    threshold: float = Field(
        0.2,
        gt=0,
        le=1,
        strict=True,
        allow_inf_nan=False,
        description="a number above 0 and at most 1: the acceptable re-identification risk of one record",
    )

    # The model.
    model: Text = _text("the path of a skops, ONNX or pickle file, or the address of a scoring endpoint")
    probabilities: Text = _text(
        "the path of a table of a model's answers: p_CLASS for each class, label, member (0 or 1)"
    )
    trust_pickle: bool = Field(
        False,
        strict=True,
        description="true or false: open a pickle, in a process of its own",
    )
    trusted_types: Columns = _text("names of types in a skops file that you trust, as a list")
    target: Text = _text("the column that the model predicts")
    training: Text = _text("the path of the records that the model was trained on; data if not given")
    held_out: Text = _text("the path of records of the same kind that it was not trained on")
    member: Text = _text("the column of data that says (0 or 1) whether it was trained on the record")
    drop: Columns = _text("columns of the records that the model does not take, as a list")
    classes: Classes = _text("an endpoint's classes, as a list in its order; 0, 1 if not given")
    answers: Text = _text("the path to the answers in an endpoint's JSON; predictions if not given")
    token_file: Text = _text("the path of a file with the token that an endpoint wants")
    labels_only: bool = Field(
        False, strict=True, description="true or false: attack as if the model gave its class alone"
    )
    decision_threshold: Number = Field(
        0.5,
        gt=0,
        lt=1,
        description="a number between 0 and 1: probability from which it decides for class 1",
    )
    favorable: Class = _text("the class that people want; the second if not given")
    groups: Columns = _text("columns by whose groups decisions are compared, as a list")
    attributes: Columns = _text("inputs that nobody should guess from the answers; sensitive if not given")
    rules: Text = _text("the path of a YAML file that says what an attacker can change in an input")
    goal: Class = _text("the class that an attacker wants; any other if not given")
    rows: int = _whole(200, 20, 100_000, "records that are attacked one by one")
    queries: int = _whole(5000, 100, 10_000_000, "questions that the thief of a model can pay for")
    price_per_thousand: Number = Field(
        1.0, ge=0, allow_inf_nan=False, description="a number: USD for a thousand questions to the model"
    )

    # The assistant.
    assistant: Text = _text(
        "the address of an OpenAI-compatible API; naive, instructed or hardened for the offline stand-in"
    )
    assistant_model: Text = _text("the name of the model at that address")
    whole: bool = Field(
        False, strict=True, description="true or false: the address is a complete assistant, not only a model"
    )
    secret_file: Text = _text("the path of a file with a marked secret of the assistant's prompt")
    prompt_file: Text = _text("the path of a file with the assistant's prompt")
    guards: Text = _text("names of guards around the model, separated by commas; all, or none if not given")
    families: Columns = _text("families of attacks, as a list; all if not given")
    repeats: int = _whole(1, 1, 1000, "how often each attack is played")

    # Controls, log, vendor.
    controls: Text = _text("the path of a YAML questionnaire on controls, filled in")
    evidence: Text = _text("the folder of the documents that the questionnaire names")
    log: Text = _text("the path of an audit log, as JSON lines or a trail")
    log_key: Text = _text("the path of the public key that the trail's checkpoints were signed for")
    log_witness: Text = _text(
        "the path of the trail's witness, the file of checkpoints that is kept elsewhere"
    )
    quarter: Text = _text("the quarter of the log, as 2026Q1; all of it if not given")
    vendor: Text = _text("the path of a vendor's questionnaire, filled in")
    vendor_evidence: Text = _text("the folder of the documents that the vendor names")

    # Judgment.
    thresholds: Annotated[dict[StrictStr, Number], BeforeValidator(_figures)] = Field(
        default_factory=dict, description="risk: threshold, in place of the kit's, as model.evasion: 0.3"
    )
    losses: Text = _text("the path of a YAML file of loss scenarios; those of the sector if not given")
    plan: Text = _text("the path of a YAML file with owner, due date and decision for each finding")
    mitigated_data: Text = _text("the path of the table after mitigation, to measure before and after")
    mitigated_model: Text = _text("the path or address of the model after mitigation")
    mitigated_assistant: Text = _text("the address of the assistant after mitigation")
    mitigated_guards: Text = _text("the guards around the assistant after mitigation")
    mitigated_controls: Text = _text("the path of the questionnaire after mitigation")
    previous: Text = _text("the folder of an earlier assessment, to say what got better or worse")

    # The run.
    seed: int = _whole(7, 0, 2**32 - 1, "makes the sample repeatable")
    redact: Literal["names", "strict"] = Field(
        "names",
        description="names or strict: strict shows no name of a column, class or group, only numbers",
    )
    date: Annotated[StrictStr | None, BeforeValidator(_iso_date)] = _text(
        "the date shown on the report, as 2026-03-31"
    )
    out: Text = _text("a new folder for the report; only this notebook if not given")
    work: Text = _text("a folder where finished sections are kept, so that an interrupted run can go on")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> AssessmentParameters:
        """Build parameters from ``values``.

        Raises:
            UserError: one sentence that names the first unknown, missing or ill-typed parameter, says
                what it must be, and lists those that are known; or says which two do not go together.
        """
        try:
            made = cls(**values)
        except ValidationError as error:
            _refuse(cls, error)
        except TypeError:
            raise UserError(f"A parameter's name must be a word. {_known(cls)}") from None
        if not any(getattr(made, name) for name in SUBJECTS):
            raise UserError(f"There is nothing to assess: give one of {', '.join(SUBJECTS)}.")
        _refuse_contradictions(made)
        return made

    def mitigated(self) -> tuple[AssessmentParameters, tuple[str, ...]]:
        """Return the parameters of the mitigated version, and the names of the inputs that it replaces."""
        replaced = {
            name: value
            for name in ("data", "model", "assistant", "guards", "controls")
            if (value := getattr(self, f"mitigated_{name}"))
        }
        return self.model_copy(update=replaced), tuple(replaced)

    def labels(self) -> dict[str, Any]:
        """Return the parameters as they may be stored: of places only their kind."""
        from secure_ai.assess.labels import shown_parameters

        return shown_parameters(self)


def read_parameters(file: Path | None, options: Mapping[str, Any]) -> AssessmentParameters:
    """Build parameters from a YAML file (if any) and from options, which win.

    Paths in the file are taken from the folder in which the command is run, as papermill does.

    Raises:
        UserError: if the file is missing or no YAML mapping, or a parameter is wrong.
    """
    values: dict[str, Any] = {}
    if file is not None:
        loaded = read_yaml(file, "parameter file", advice="check the path")
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
    short = shown(name)
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name[:SHOWN_CHARACTERS].lower(), model.model_fields, 1, 0.75)
        meant = f" Perhaps '{near[0]}' was meant." if near else ""
        raise UserError(f"There is no parameter '{short}'. {_known(model)}{meant}") from None
    wanted = model.model_fields[name].description
    at_top = len(problem["loc"]) < 2  # and not inside a list
    missing = problem["type"] == "missing" or (at_top and problem.get("input") in (None, ""))
    if missing:
        raise UserError(f"The parameter '{short}' is missing: it is {wanted}. {_known(model)}") from None
    # A sentence may be handed on; a path, an address or a name not.
    given = _quoted(problem.get("input")) if name in QUOTED else "what was given"
    raise UserError(f"The parameter '{short}' must be {wanted}; {given} is not. {_known(model)}") from None


def _quoted(value: Any) -> str:
    try:
        text = reprlib.repr(value)
    except ValueError:  # a number of more digits than Python writes out
        return "what was given"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _refuse_contradictions(made: AssessmentParameters) -> None:
    """Refuse what would otherwise be passed over in silence.

    Raises:
        UserError: that names the two parameters.
    """
    for name, needed in BELONGS_TO.items():
        if getattr(made, name) and not getattr(made, needed):
            raise UserError(
                f"The parameter '{name}' belongs to '{needed}', which was not given: give it, or leave "
                f"'{name}' out."
            )
    if made.log_witness and not made.log_key:
        raise UserError("The parameter 'log_witness' is compared by signatures: give 'log_key', too.")
    if made.member and not made.data and not (made.training and made.held_out):
        raise UserError(
            "The parameter 'member' names a column of 'data', which was not given: give it, or 'training' "
            "and 'held_out' instead."
        )
    if made.member and made.member == made.target:
        raise UserError("The parameters 'member' and 'target' name one column: they are two.")


def _known(model: type[BaseModel]) -> str:
    return f"The parameters are: {', '.join(model.model_fields)}."
