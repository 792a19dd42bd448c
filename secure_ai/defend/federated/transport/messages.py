"""What a federation's server and its participants say to each other beside the stages of a masked round."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.secure_aggregation.messages import (
    ANSWERS,
    REQUESTS,
    Message,
    Name,
    WithWords,
)

Class = bool | int | float | Annotated[str, Field(max_length=200)]


class Welcome(Message):
    """The server's first message: the shape of the model, and whether updates are masked."""

    kind: Literal["welcome"] = "welcome"
    inputs: int = Field(ge=1, le=1_000_000)
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(max_length=20)]
    classes: Annotated[tuple[Class, ...], Field(min_length=2, max_length=100)]
    masked: bool

    def model_shape(self) -> FederatedModel:
        """Return the shape of the model.

        Raises:
            UserError: if there is no such model.
        """
        return FederatedModel(self.inputs, self.hidden, self.classes)


class Hello(Message):
    """A participant's answer to the welcome: who it is, and how many rows it trains on."""

    kind: Literal["hello"] = "hello"
    name: Name
    records: int = Field(ge=1, le=10**12)


class Train(WithWords):
    """Beginning of a round: the common weights, and how to train."""

    kind: Literal["train"] = "train"
    number: int = Field(ge=1, le=1_000_000)
    settings: dict[Annotated[str, Field(max_length=40)], Any] = Field(max_length=40)

    def weights(self) -> NDArray[np.float64]:
        """Return the flat weights."""
        return numbers_of(self.words)


class Trained(WithWords):
    """Answer to it: the change of the weights, or nothing of it where it will be masked."""

    kind: Literal["trained"] = "trained"
    name: Name
    records: int = Field(ge=-(10**12), le=10**12)
    loss: float | None

    def delta(self) -> NDArray[np.float64]:
        """Return the change."""
        return numbers_of(self.words)


class Goodbye(Message):
    """The end of the training: the participant may go."""

    kind: Literal["goodbye"] = "goodbye"


TO_PARTICIPANT: list[type[Message]] = [Welcome, Train, Goodbye, *REQUESTS.values()]
FROM_PARTICIPANT: list[type[Message]] = [Hello, Trained, *ANSWERS.values()]


def numbers_of(words: bytes) -> NDArray[np.float64]:
    """Return float64 numbers of their bytes, the least significant first."""
    return np.frombuffer(words, dtype="<f8").astype(np.float64)


def bytes_of(numbers: NDArray[np.float64]) -> bytes:
    """Return the bytes of float64 numbers, the least significant first."""
    return np.asarray(numbers, dtype="<f8").tobytes()
