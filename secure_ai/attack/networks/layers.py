"""The two layers of a small network, forward and backward: every input, or every window, times weights.

A layer holds its shape and no numbers; weights come in, so that a network is nothing but a list of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray


class Layer(Protocol):
    """What a network is made of.

    ``forward`` gives the output and what ``backward`` needs; ``backward`` takes the gradient of a number by
    the output and gives its gradients by the input (None unless asked for), the weights and the biases.
    """

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]: ...

    def forward(self, x: Array, weights: Array, biases: Array) -> tuple[Array, Any]: ...

    def backward(
        self, slope: Array, weights: Array, kept: Any, by_input: bool
    ) -> tuple[Array | None, Array, Array]: ...


@dataclass(frozen=True)
class Dense:
    """Each output is a weighted sum of all inputs: (rows, inputs) to (rows, outputs)."""

    inputs: int
    outputs: int

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the weights and of the biases."""
        return (self.inputs, self.outputs), (self.outputs,)

    def forward(self, x: Array, weights: Array, biases: Array) -> tuple[Array, Any]:
        """Return the output and the flattened input."""
        flat = x.reshape(len(x), self.inputs)
        return flat @ weights + biases, (flat, x.shape)

    def backward(
        self, slope: Array, weights: Array, kept: Any, by_input: bool
    ) -> tuple[Array | None, Array, Array]:
        """Return the gradients by input, weights and biases."""
        flat, shape = kept
        by_x = (slope @ weights.T).reshape(shape) if by_input else None
        return by_x, flat.T @ slope, slope.sum(axis=0)


@dataclass(frozen=True)
class Convolution:
    """The same weighted sum in every window: (rows, height, width, channels) to fewer places, more channels.

    Attributes:
        height, width, channels: of the input.
        filters: channels of the output.
        size: side of the window in pixels.
        stride: pixels from one window to the next.
    """

    height: int
    width: int
    channels: int
    filters: int
    size: int
    stride: int = 2

    @property
    def places(self) -> tuple[int, int]:
        """Rows and columns of the output; no pixel is left out, the last windows reach over the edge."""
        down, across = (-((self.size - side) // self.stride) + 1 for side in (self.height, self.width))
        return down, across

    @property
    def beyond(self) -> tuple[int, int]:
        """Rows and columns by which the last windows reach over the lower and the right edge."""
        down, across = ((count - 1) * self.stride + self.size for count in self.places)
        return down - self.height, across - self.width

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the weights and of the biases."""
        return (self.size * self.size * self.channels, self.filters), (self.filters,)

    def forward(self, x: Array, weights: Array, biases: Array) -> tuple[Array, Any]:
        """Return the output and the windows, one per line."""
        x = x.reshape(len(x), self.height, self.width, self.channels)
        if any(self.beyond):
            x = np.pad(x, ((0, 0), (0, self.beyond[0]), (0, self.beyond[1]), (0, 0)))
        seen = np.lib.stride_tricks.sliding_window_view(x, (self.size, self.size), axis=(1, 2))
        seen = seen[:, :: self.stride, :: self.stride].transpose(0, 1, 2, 4, 5, 3)
        windows = seen.reshape(-1, weights.shape[0])
        out = windows @ weights + biases
        return out.reshape(len(x), *self.places, self.filters), windows

    def backward(
        self, slope: Array, weights: Array, kept: Any, by_input: bool
    ) -> tuple[Array | None, Array, Array]:
        """Return the gradients by input, weights and biases."""
        rows, (down, across), step = len(slope), self.places, self.stride
        flat = slope.reshape(-1, self.filters)
        by_x = None
        if by_input:
            # One line per weight, so that what each adds to the picture is read in one piece.
            parts = (weights @ flat.T).reshape(self.size, self.size, self.channels, rows, down, across)
            height, width = self.height + self.beyond[0], self.width + self.beyond[1]
            sums = np.zeros((self.channels, rows, height, width), dtype=parts.dtype)
            for i in range(self.size):
                for j in range(self.size):
                    sums[:, :, i : i + step * down : step, j : j + step * across : step] += parts[i, j]
            by_x = np.moveaxis(sums[:, :, : self.height, : self.width], 0, -1)
        return by_x, kept.T @ flat, flat.sum(axis=0)


def convolutions(side: tuple[int, int], filters: tuple[int, ...]) -> list[Convolution]:
    """Return convolutions one on the other: windows of four pixels first, of three after, every second place.

    Args:
        side: height and width of the picture, of one channel.
        filters: channels of each convolution.

    Raises:
        ValueError: if the picture is too small for so many.
    """
    built: list[Convolution] = []
    height, width, channels = *side, 1
    for size, count in zip((4, *[3] * len(filters)), filters, strict=False):
        if min(height, width) < size:
            raise ValueError(f"a picture of {side[0]} x {side[1]} pixels has no room for {len(filters)}")
        layer = Convolution(height, width, channels, count, size)
        built.append(layer)
        (height, width), channels = layer.places, count
    return built
