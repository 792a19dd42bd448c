"""A request as it comes in: checked, because whoever wrote it may be anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from secure_ai.core.errors import UserError

Requester = Literal["self", "parent", "agent", "other"]
LONGEST = 2000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=LONGEST)


class Authority(_Strict):
    """The paper by which somebody may act for another, as a person of the organization checked it.

    Attributes:
        document: kind of paper: ``"power of attorney"``, ``"birth certificate"``, ``"court order"`` …
        signed: when it was signed or issued.
        expires: its last day; None without end.
        checked_by: account of who saw the original.
    """

    document: str = Field(min_length=3)
    signed: date
    expires: date | None = None
    checked_by: str = Field(min_length=1)


class Correction(_Strict):
    """What is to be changed.

    Attributes:
        store: place where it stands (``"patients"``).
        field: column.
        value: what it should be.
        record: id of the record, where there are several.
        evidence: what shows that it is so; without it the request stands, and a person decides.
    """

    store: str = Field(min_length=1)
    field: str = Field(min_length=1)
    value: str
    record: str | None = None
    evidence: str = ""

    @field_validator("store", "field")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[\w .:-]{1,80}", value):
            raise ValueError("letters, digits, spaces, dots and dashes only")
        return value


class RequestForm(_Strict):
    """One request.

    Attributes:
        right: ``"access"``, ``"correction"``, ``"erasure"``, ``"portability"``, ``"objection"`` or
            ``"automated_decision"``.
        residence: of the person whom it is about: ``"us"``, ``"us-ca"`` or ``"eu"``.
        received: day of receipt.
        stated: what the requester says of the person: kind of identifier → value. It is compared and
            forgotten: neither the register nor the audit trail keeps it.
        requester: who asks: the person, a parent, an agent, or somebody else.
        authority: the paper of a parent or an agent.
        signed_in: key of the account under which the request came, where there is a portal.
        correction: what is to be changed, for ``"correction"``.
        decision: id of the prediction or decision, for ``"automated_decision"``.
        decided_on: day of the notice of that decision.
    """

    right: Literal["access", "correction", "erasure", "portability", "objection", "automated_decision"]
    residence: Literal["us", "us-ca", "eu"]
    received: date
    stated: Mapping[str, str] = Field(default_factory=dict, max_length=20)
    requester: Requester = "self"
    authority: Authority | None = None
    signed_in: str | None = None
    correction: Correction | None = None
    decision: str | None = None
    decided_on: date | None = None

    @field_validator("stated")
    @classmethod
    def _kinds(cls, stated: Mapping[str, str]) -> Mapping[str, str]:
        for kind in stated:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", kind):
                raise ValueError("the kinds of detail are words such as name, birth_date or mrn")
        return {kind: value for kind, value in stated.items() if value}

    @model_validator(mode="after")
    def _complete(self) -> RequestForm:
        if self.right == "correction" and self.correction is None:
            raise ValueError("say what is to be corrected (store, field, value)")
        if self.right == "automated_decision" and not self.decision:
            raise ValueError("say which decision is meant (its id is on the notice)")
        return self

    def __repr__(self) -> str:
        """Show what is asked, not about whom."""
        return f"RequestForm({self.right}, {self.residence}, received {self.received})"

    __str__ = __repr__


def read_form(fields: Mapping[str, Any] | RequestForm) -> RequestForm:
    """Return the request that these fields describe.

    Raises:
        UserError: naming the first field that does not fit, never its value.
    """
    if isinstance(fields, RequestForm):
        return fields
    try:
        return RequestForm.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # A key that nobody knows was typed by the requester: it is not repeated.
        known = [str(part) for part in first["loc"] if part in _FIELDS]
        place = ".".join(known) or "its fields"
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        if first["type"] == "extra_forbidden":
            reason = "there is a field that a request does not have"
        raise UserError(f"The request cannot be taken: {place}: {reason}.") from None
    except (TypeError, ValueError):
        raise UserError("The request cannot be taken: it is not a list of fields and values.") from None


_FIELDS = {*RequestForm.model_fields, *Authority.model_fields, *Correction.model_fields}
