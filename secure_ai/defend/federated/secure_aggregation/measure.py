"""What the server sees with and without masks, and what masks cost in bytes and seconds."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import Z
from secure_ai.defend.federated.secure_aggregation.fixed_point import FixedPoint, Words
from secure_ai.defend.federated.secure_aggregation.rounds import SecureSum, secure_sum
from secure_ai.encrypt.transport.capture import byte_entropy, random_entropy

Z_THOUSANDTH = 3.2905
SOURCE = "Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning (2017)"


@dataclass(frozen=True)
class ServerView:
    """What the server holds of each participant, beside what the participant computed.

    Attributes:
        names: of the participants whose update arrived.
        updates: (participants, numbers) what they computed.
        plain: the same as it arrives without masks, read as numbers.
        masked: the words that arrive under masks, read as numbers in the same way.
        plain_correlation, masked_correlation: of all numbers that arrive with all that were computed.
        plain_entropy, masked_entropy: bits in each byte that arrives; the baseline is what random bytes have.
        sum_error: the largest difference of the unmasked sum from the plain one.
    """

    names: tuple[str, ...]
    updates: NDArray[np.float64] = field(repr=False)
    plain: NDArray[np.float64] = field(repr=False)
    masked: NDArray[np.float64] = field(repr=False)
    plain_correlation: Measurement
    masked_correlation: Measurement
    plain_entropy: Measurement
    masked_entropy: Measurement
    sum_error: float

    def measurements(self) -> list[Measurement]:
        """Return the four figures."""
        return [self.plain_correlation, self.masked_correlation, self.plain_entropy, self.masked_entropy]

    def hides(self) -> bool:
        """Whether chance explains what correlation there is under masks (one false alarm in a thousand)."""
        found = self.masked_correlation
        return abs(math.atanh(found.value)) * math.sqrt(found.n - 3) < Z_THOUSANDTH

    def sentence(self) -> str:
        """Say what the server sees."""
        return (
            f"Without masks the server reads each update (correlation {self.plain_correlation.value:.2f}); "
            f"with masks what it holds has a correlation of {self.masked_correlation.value:.3f} with them "
            f"({self.masked_correlation.interval[0]:.3f} to {self.masked_correlation.interval[1]:.3f}), and "
            f"the sum is off by {self.sum_error:.0e} at most."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each participant: its correlation with what arrives, plain and masked."""
        rows = [
            (name, _correlation(update, plain), _correlation(update, masked))
            for name, update, plain, masked in zip(
                self.names, self.updates, self.plain, self.masked, strict=True
            )
        ]
        return pd.DataFrame(rows, columns=["participant", "correlation_plain", "correlation_masked"])


def what_the_server_sees(
    vectors: Mapping[str, ArrayLike], *, found: SecureSum | None = None, seed: int | None = 0
) -> ServerView:
    """Compare what arrives at the server with and without masks with what each participant computed.

    Args:
        vectors: name → flat update, as for :func:`secure_sum`.
        found: a round already made with them; one is made if None.
        seed: of the masks, of that round and of the random words of the control.

    Raises:
        UserError: if the updates have fewer than four numbers in all or do not vary, or the round fails.
    """
    found = found or secure_sum(vectors, seed=seed)
    names = found.survivors
    updates = np.stack([np.asarray(vectors[name], dtype=np.float64).ravel() for name in names])
    if updates.size < 4 or np.ptp(updates) == 0:
        raise UserError("A correlation needs updates of at least four numbers that are not all the same.")
    encoding = FixedPoint.for_clients(len(set(names) | set(found.dropped)))
    plain_words = np.stack([encoding.encode(update) for update in updates])
    masked_words = np.stack([found.seen[name] for name in names])
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 2**64, size=updates.shape, dtype=np.uint64)
    plain, masked, random = (_as_numbers(words, encoding) for words in (plain_words, masked_words, noise))
    control = _correlation(updates, random)
    return ServerView(
        names=names,
        updates=updates,
        plain=plain,
        masked=masked,
        plain_correlation=_measured("plain", updates, plain, control),
        masked_correlation=_measured("masked", updates, masked, control),
        plain_entropy=_entropy("plain", plain_words, seed),
        masked_entropy=_entropy("masked", masked_words, seed),
        sum_error=float(np.abs(found.total - updates.sum(axis=0)).max()),
    )


def masked_view(clients: int = 3, *, seed: int = 0) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return ``mask(update) -> numbers``: what the server holds of one update in a masked round.

    It is for ``secure_ai.defend.federated.seen_by_server(mask=...)``, which gradient inversion is tried on.
    The sum stays in sight: of three updates of one record each, it is the gradient of a batch of three, and
    masks do not help against what can be read from that.

    Args:
        clients: participants of the round; the others send zeros, which the masks hide as well.
        seed: of the masks of the first call; each call has others.
    """
    calls = itertools.count()

    def mask(update: NDArray[np.float64]) -> NDArray[np.float64]:
        vectors = {"participant": np.asarray(update, dtype=np.float64)}
        vectors |= {f"other {number}": np.zeros(len(update)) for number in range(1, clients)}
        found = secure_sum(vectors, seed=seed + next(calls))
        return _as_numbers(found.seen["participant"], FixedPoint.for_clients(clients))

    return mask


@dataclass(frozen=True)
class MaskingCost:
    """What a round costs, with and without masks.

    Attributes:
        clients, length: participants, and numbers in each update.
        rows: way, bytes sent and received by a participant (the most of any), seconds of the whole round.
    """

    clients: int
    length: int
    rows: tuple[tuple[str, int, int, float], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each way: sent and received (bytes per participant), seconds, times_plain."""
        columns = ["way", "bytes_sent", "bytes_received", "seconds"]
        frame = pd.DataFrame(self.rows, columns=columns)
        frame.insert(2, "times_plain", frame["bytes_sent"] / frame["bytes_sent"].iloc[0])
        return frame

    def sentence(self) -> str:
        """Say what masks cost."""
        (_, plain, _, _), (_, masked, got, seconds), *_ = self.rows
        return (
            f"With masks each of {self.clients} participants sends {masked:,} bytes in place of {plain:,} "
            f"for {self.length:,} numbers ({masked / plain:.2f} times) and receives {got:,}; the round takes "
            f"{seconds:.2f} s, all participants one after the other."
        )


def masking_cost(clients: int = 9, length: int = 2_000, seed: int = 0) -> MaskingCost:
    """Measure a round without masks, with masks, and with masks where a third falls silent.

    The weights that the server sends out before are the same in each way and not counted.

    Args:
        clients: participants, at least 3.
        length: numbers in each update.
        seed: of the updates.
    """
    rng = np.random.default_rng(seed)
    vectors = {f"participant {number + 1}": rng.normal(size=length) for number in range(clients)}
    start = time.perf_counter()
    sent = [vector.tobytes() for vector in vectors.values()]
    np.sum([np.frombuffer(content) for content in sent], axis=0)
    rows = [("plain", len(sent[0]), 0, time.perf_counter() - start)]
    last_third = list(vectors)[clients - clients // 3 :]
    for way, drop in (("masked", ()), ("masked, a third silent", last_third)):
        found = secure_sum(vectors, drop=dict.fromkeys(drop, "update"))
        rows.append((way, max(found.bytes_sent.values()), max(found.bytes_received.values()), found.seconds))
    return MaskingCost(clients, length, tuple(rows))


def _as_numbers(words: Words, encoding: FixedPoint) -> NDArray[np.float64]:
    return np.ldexp(words.view(np.int64).astype(np.float64), -encoding.fractional_bits)


def _correlation(one: NDArray, other: NDArray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _measured(way: str, updates: NDArray, arrived: NDArray, control: float) -> Measurement:
    value, n = _correlation(updates, arrived), updates.size
    # Fisher's transformation; at a correlation of 1 the interval is a point.
    center = math.atanh(min(max(value, -1 + 1e-15), 1 - 1e-15))
    half = Z / math.sqrt(n - 3)
    return Measurement(
        name=f"{way}_update_correlation",
        value=value,
        unit="correlation",
        n=n,
        baseline=0.0,
        control=control,
        interval=(math.tanh(center - half), max(value, math.tanh(center + half))),
        method="Pearson correlation of what arrives with what was computed; control: random words",
        source=SOURCE,
    )


def _entropy(way: str, words: Words, seed: int | None) -> Measurement:
    content = words.astype("<u8").tobytes()
    value, fair = byte_entropy(content), random_entropy(len(content), seed or 0, 5)
    return Measurement(
        name=f"{way}_update_byte_entropy",
        value=value,
        unit="bits per byte",
        n=len(content),
        baseline=fair,
        interval=(value, value),
        method="Shannon entropy of the bytes that arrive; baseline: as many random bytes",
        source=SOURCE,
    )
