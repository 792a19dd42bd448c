"""The question that is put to a policy: who wants to do what to which record, for which purpose."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from secure_ai.core.errors import UserError

LONGEST_TEXT, MOST_VALUES = 1_000, 1_000  # what is asked is remembered: nobody may fill the memory with it
Number = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]  # what Cedar calls a Long
Text = Annotated[StrictStr, Field(max_length=LONGEST_TEXT)]
Texts = Annotated[tuple[Text, ...], Field(max_length=MOST_VALUES)]
Value = StrictBool | Number | Text | Texts
Facts = Annotated[dict[Text, Value], Field(max_length=MOST_VALUES)]


class _Checked(BaseModel):
    """Refuses unknown fields and wrong types in one sentence that repeats no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            # The place goes on with the branch of a union that failed: that says nothing to the reader.
            place = ".".join(str(part) for part in first["loc"][:2] if part != "str")
            problem = {
                "extra_forbidden": "is no field of it",
                "missing": "is missing",
                "string_too_long": f"is longer than {LONGEST_TEXT:,} characters",
                "too_long": f"has more than {MOST_VALUES:,} values",
            }.get(first["type"], "has the wrong type (text, whole number, true/false or a list of texts)")
            raise UserError(
                f"The {type(self).__name__} cannot be read: '{place[:80]}' {problem}. "
                f"Its fields are {', '.join(type(self).model_fields)}."
            ) from None


class Principal(_Checked):
    """Who asks: a person or the account of a service.

    Attributes:
        id: the account's identifier.
        kind: the entity type in the schema, ``"Staff"`` or ``"ServiceAccount"``.
        roles: what the directory says the account is.
        attributes: further facts that the schema names, such as the department.
    """

    id: Text = Field(min_length=1)
    kind: Text = "Staff"
    roles: Texts = ()
    attributes: Facts = {}


class Resource(_Checked):
    """What is asked for.

    Attributes:
        id: the record's identifier.
        kind: the entity type in the schema, such as ``"Chart"``.
        attributes: facts that the schema names, such as the sensitivity.
    """

    id: Text = Field(min_length=1)
    kind: Text
    attributes: Facts = {}


class AccessRequest(_Checked):
    """One question: may ``principal`` do ``action`` to ``resource`` for ``purpose``?

    Attributes:
        principal: who asks.
        action: what for, such as ``"view"``.
        resource: on what.
        purpose: the declared purpose of use; the policy sees it as ``context.purpose``.
        context: further circumstances that the schema names, such as the relationship to the patient.
            They come from the system that asks (the encounter table, the device register), not from the user.
    """

    principal: Principal
    action: Text
    resource: Resource
    purpose: Text
    context: Facts = {}

    def model_post_init(self, _context: Any) -> None:
        """Refuse a purpose that is given twice: one of the two would be passed over in silence."""
        if "purpose" in self.context:
            raise UserError("The purpose of an AccessRequest is its field 'purpose', not part of 'context'.")

    @classmethod
    def from_mapping(cls, fields: object) -> AccessRequest:
        """Return the request that a mapping, as from JSON, describes.

        Raises:
            UserError: naming the field that is unknown, missing or of the wrong type; never its value.
        """
        if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
            raise UserError(f"An access request is a mapping of {', '.join(cls.model_fields)}.")
        return cls(**fields)
