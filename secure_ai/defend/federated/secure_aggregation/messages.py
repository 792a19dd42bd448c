"""What server and participants say to each other in a masked round: checked when read, counted in bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.secure_aggregation.fixed_point import Words
from secure_ai.defend.federated.secure_aggregation.secret_sharing import SHARE_BYTES

MOST_CLIENTS = 1_000
MOST_WORDS = 50_000_000
_LENGTHS = struct.Struct(">IQ")

Name = Annotated[str, Field(min_length=1, max_length=64)]
Key = Annotated[bytes, Field(min_length=32, max_length=32)]
Share = Annotated[bytes, Field(min_length=SHARE_BYTES, max_length=SHARE_BYTES)]
Signature = Annotated[bytes, Field(min_length=64, max_length=64)]
Sealed = Annotated[bytes, Field(min_length=2 * SHARE_BYTES + 16, max_length=2 * SHARE_BYTES + 16)]
Names = Annotated[tuple[Name, ...], Field(max_length=MOST_CLIENTS)]


class Message(BaseModel):
    """One message; bytes travel as base64 in JSON, a long vector behind it as it is."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        hide_input_in_errors=True,
    )

    kind: str

    def to_bytes(self) -> bytes:
        """Return the message as it travels."""
        raw = self._raw()
        head = self.model_dump_json(exclude={"words"}).encode()
        return _LENGTHS.pack(len(head), len(raw)) + head + raw

    def _raw(self) -> bytes:
        return b""

    def _with_raw(self, raw: bytes) -> Self:
        if raw:
            raise ValueError("a message of this kind has no vector")
        return self


class WithWords(Message):
    """A message with a vector of 8 bytes for each number, which travels behind the JSON as it is."""

    words: bytes = Field(default=b"", repr=False)

    def _raw(self) -> bytes:
        return self.words

    def _with_raw(self, raw: bytes) -> Self:
        if len(raw) % 8 or self.words:
            raise ValueError("a vector is whole words")
        return self.model_copy(update={"words": raw})


class Advertise(Message):
    """Stage 1, to each: who is invited to this round, and under which rules."""

    kind: Literal["advertise"] = "advertise"
    session: Key
    clients: Names
    threshold: int = Field(ge=1, le=MOST_CLIENTS)
    length: int = Field(ge=1, le=MOST_WORDS)
    fractional_bits: int = Field(ge=0, le=52)


class PublicKeys(Message):
    """Answer to stage 1: two public keys made for this round, and a commitment to the own mask."""

    kind: Literal["keys"] = "keys"
    name: Name
    sealing_key: Key
    masking_key: Key
    commitment: Key
    signature: Signature | None = None


class Distribute(Message):
    """Stage 2, to each: the public keys of all."""

    kind: Literal["distribute"] = "distribute"
    keys: Annotated[tuple[PublicKeys, ...], Field(max_length=MOST_CLIENTS)]


class SealedShares(Message):
    """Answer to stage 2: for each other participant its shares of two secrets, readable by it alone."""

    kind: Literal["shares"] = "shares"
    name: Name
    sealed: dict[Name, Sealed]


class Mask(Message):
    """Stage 3, to each: the sealed shares that others made for it; with these others it masks."""

    kind: Literal["mask"] = "mask"
    sealed: dict[Name, Sealed]


class MaskedUpdate(WithWords):
    """Answer to stage 3: the update under its masks, words of 64 bits."""

    kind: Literal["masked"] = "masked"
    name: Name

    @classmethod
    def of(cls, name: str, words: Words) -> MaskedUpdate:
        """Return the message for these words."""
        return cls(name=name, words=words.astype("<u8").tobytes())

    def vector(self) -> Words:
        """Return the words."""
        return np.frombuffer(self.words, dtype="<u8").astype(np.uint64)


class Confirm(Message):
    """Stage 4, to each: whose masked updates have arrived."""

    kind: Literal["confirm"] = "confirm"
    survivors: Names


class Confirmation(Message):
    """Answer to stage 4: the participant's signature under that list, if it signs."""

    kind: Literal["confirmed"] = "confirmed"
    name: Name
    signature: Signature | None = None


class Unmask(Message):
    """Stage 5, to each: the request for shares, with the signatures of the others under the same list."""

    kind: Literal["unmask"] = "unmask"
    survivors: Names
    dropped: Names
    signatures: dict[Name, Signature] = {}


class Uncovered(Message):
    """Answer to stage 5: shares of own masks of who arrived, shares of masking keys of who did not."""

    kind: Literal["uncovered"] = "uncovered"
    name: Name
    own_masks: dict[Name, Share]
    masking_keys: dict[Name, Share]


class Refusal(Message):
    """A participant's answer when it cannot or will not go on: a sentence, never a number of its update."""

    kind: Literal["refusal"] = "refusal"
    name: Name
    reason: str = Field(max_length=500)


REQUESTS: dict[str, type[Message]] = {
    one.model_fields["kind"].default: one for one in (Advertise, Distribute, Mask, Confirm, Unmask)
}
ANSWERS: dict[str, type[Message]] = {
    one.model_fields["kind"].default: one
    for one in (PublicKeys, SealedShares, MaskedUpdate, Confirmation, Uncovered, Refusal)
}


def is_kind(content: bytes, kind: type[Message]) -> bool:
    """Whether ``content`` says that it is a message of this kind; no more is checked."""
    begin = b'{"kind":"%b"' % kind.model_fields["kind"].default.encode()
    return content[_LENGTHS.size : _LENGTHS.size + len(begin)] == begin


def read_message(content: bytes, kinds: Sequence[type[Message]]) -> Message:
    """Read a message that must be of one of ``kinds``.

    Raises:
        UserError: if it is not; the sentence holds nothing of what was sent.
    """
    try:
        head, raw = _LENGTHS.unpack_from(content)
        start = _LENGTHS.size
        if start + head + raw != len(content):
            raise ValueError("lengths")
        text = content[start : start + head]
        for kind in kinds:
            if is_kind(content, kind):
                return kind.model_validate_json(text)._with_raw(content[start + head :])
    except (ValueError, struct.error, ValidationError):
        pass
    names = " or ".join(f"'{kind.model_fields['kind'].default}'" for kind in kinds)
    raise UserError(f"What arrived is no message of the kind {names} that this stage asks for.")
