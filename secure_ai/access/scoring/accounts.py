"""Who is registered for a scoring service, and for what: service accounts, and the model's own card."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from secure_ai.access.scoring.answers import AnswerPolicy
from secure_ai.access.scoring.limits import RateLimit
from secure_ai.core.errors import UserError

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .:@/-]+$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]


class _Registered(BaseModel):
    """Refuses unknown fields and wrong types in one sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "it"
            raise UserError(
                f"The {type(self).__name__} cannot be read: '{place}': {first['msg']}. "
                f"Its fields are {', '.join(type(self).model_fields)}."
            ) from None

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, fields: Any) -> Any:
        """Take a single name where a list of names is meant."""
        if not isinstance(fields, dict):
            return fields
        return {
            name: (value,) if name in ("models", "purposes") and isinstance(value, str) else value
            for name, value in fields.items()
        }


class ServiceAccount(_Registered):
    """An account that programs use, as the register of the organization has it.

    Attributes:
        name: the common name of its certificate.
        models: ids of the models that it may ask.
        purposes: what it may ask for.
        limit: rows a minute and a day.
        answer: how much of an answer it gets.
        active: False once it was closed.
    """

    name: Name
    models: Names
    purposes: Names
    limit: RateLimit = RateLimit()
    answer: AnswerPolicy = AnswerPolicy()
    active: bool = True


class ModelCard(_Registered):
    """What the organization has decided about a model.

    Attributes:
        id: with its version, such as ``"triage@3"``.
        purposes: what it was assessed for.
        assessed: whether it was assessed at all.
        withdrawn: whether it must not be used any more.
    """

    id: Name
    purposes: Names
    assessed: bool = True
    withdrawn: bool = False
