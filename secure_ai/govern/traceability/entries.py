"""What people sign about a model: how it was made, that it may be used, that it may no longer."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from secure_ai.core.yaml_files import Strict

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]


class Entry(Strict):
    """What all entries have in common.

    Attributes:
        model: ``name@version``, as the lineage calls it.
        day: when it was signed, as the signer says.
        previous: SHA-256 of the entry before it in the register; empty for the first.
    """

    signed_by: ClassVar[str]

    model: Text
    day: date
    previous: str = ""

    @property
    def signer(self) -> str:
        """The account that signs it."""
        return getattr(self, self.signed_by)

    def to_bytes(self) -> bytes:
        """Return the one way to write it; this is what is signed."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """Return the SHA-256 of :meth:`to_bytes`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


class ModelRecord(Entry):
    """How a model was made, signed by whoever trained it.

    Attributes:
        trained_by: account.
        artifact: SHA-256 of the model file.
        code: version of the code.
        data: ``name@version`` of each table that it was trained on.
        purpose: what it is for, in the words of consents.
        card: SHA-256 of the model card; None where there is none.
    """

    kind: Literal["record"] = "record"
    signed_by: ClassVar[str] = "trained_by"
    trained_by: Account
    artifact: Digest
    code: Text
    data: Annotated[tuple[Text, ...], Field(min_length=1)]
    purpose: Text
    card: Digest | None = None


class Approval(Entry):
    """That a model may be used, signed by whoever answers for it.

    Attributes:
        approved_by: account.
        record: digest of the model's record, and with it of its file, data, code and card.
        policy: identifier and version of the policy under which it was approved.
        until: last day on which it stands.
        conditions: under which conditions; empty for none.
    """

    kind: Literal["approval"] = "approval"
    signed_by: ClassVar[str] = "approved_by"
    approved_by: Account
    record: Digest
    policy: Text
    until: date
    conditions: str = ""


class Withdrawal(Entry):
    """That an approval stands no longer from this day on.

    Attributes:
        withdrawn_by: account.
        reason: why.
    """

    kind: Literal["withdrawal"] = "withdrawal"
    signed_by: ClassVar[str] = "withdrawn_by"
    withdrawn_by: Account
    reason: Text
