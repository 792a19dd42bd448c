"""The contract under which data leave: with whom, for which purposes, until when, and the vendor's duties."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.govern.handover.refusals import HandoverRefused

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Contract(Strict):
    """What a hand-over rests on.

    Attributes:
        id: the contract's number; no name of a person.
        vendor: the vendor's name, as its certificate says it.
        purposes: names of the purposes that it covers.
        signed, ends: first and last day on which it stands.
        contact: a role or mailbox at the sender for questions and incidents, no person.
        receipt_days: days from the hand-over until the receipt is due.
        destruction_days: days from the end of retention until the destruction certificate is due.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")]
    vendor: Text
    purposes: Annotated[tuple[Text, ...], Field(min_length=1)]
    signed: date
    ends: date
    contact: Text
    receipt_days: Annotated[int, Field(ge=1, le=90)] = 7
    destruction_days: Annotated[int, Field(ge=0, le=365)] = 30

    def require(self, purpose: str, retention_until: date, today: date) -> None:
        """Check that the contract covers a hand-over today.

        Raises:
            HandoverRefused: with the reason.
        """
        where = f"Contract {self.id}"
        if purpose not in self.purposes:
            raise HandoverRefused(
                f"{where} does not cover the purpose '{shown(purpose)}': "
                f"it covers {', '.join(map(shown, self.purposes))}."
            )
        if today < self.signed:
            raise HandoverRefused(f"{where} stands from {self.signed}: hand nothing over before.")
        if today > self.ends:
            raise HandoverRefused(f"{where} ended on {self.ends}: renew it before anything is handed over.")
        if retention_until < today:
            raise HandoverRefused(
                f"The retention date {retention_until} is past: the vendor could keep nothing."
            )
        if retention_until > self.ends:
            raise HandoverRefused(
                f"{where} ends on {self.ends}, before the retention date {retention_until}: "
                "choose an earlier date."
            )

    def destruction_due(self, retention_until: date) -> date:
        """Return the day by which the destruction certificate must be here."""
        return retention_until + timedelta(days=self.destruction_days)


def declare_contract(**fields: Any) -> Contract:
    """Declare a contract; the arguments are the fields of :class:`Contract`.

    Raises:
        UserError: naming the first field that is missing, unknown or not right.
    """
    return checked(Contract, fields, "contract")


def load_contract(path: str | Path) -> Contract:
    """Read a contract from a YAML file with the fields of :class:`Contract`.

    Raises:
        UserError: if it cannot be read, or as :func:`declare_contract`.
    """
    return checked(Contract, read_yaml(path, "contract"), f"contract {shown(Path(path).name)}")
