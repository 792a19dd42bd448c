"""Exposure: how far a planted secret stands out, for the model, among all secrets that it could have been.

Source: Carlini et al., The secret sharer (2019), sections 4.2 (rank and exposure) and 4.4 (extrapolation from
    a sample with a skew-normal distribution).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secure_ai.attack.memorization.canaries import Canary, CanaryFormat
from secure_ai.attack.memorization.ngrams import LanguageModel
from secure_ai.core import UserError

MOST_EXACT = 200_000
SAMPLE = 2000
CHUNK = 20_000
# Sums of the same logarithms in the same order: what differs by less is a tie.
DIGITS = 9


@dataclass(frozen=True)
class Exposure:
    """Where one secret stands.

    Attributes:
        bits: log2 of the number of secrets less log2 of the rank: 0 for the last, about 1 for one in the
            middle, ``most_bits`` for the first of all.
        rank: 1 for the likeliest; the middle of the ranks where several are equally likely.
        most_bits: log2 of the number of secrets.
        method: ``"exact"`` (all secrets ranked) or ``"sampled"`` (skew-normal fitted to a sample).
    """

    bits: float
    rank: float
    most_bits: float
    method: str

    @property
    def greatest(self) -> bool:
        """Say whether no secret is as likely for the model."""
        return self.rank == 1.0


def exposures(
    model: LanguageModel,
    canaries: Sequence[Canary],
    *,
    most_exact: int = MOST_EXACT,
    sample: int = SAMPLE,
    seed: int = 0,
) -> list[Exposure]:
    """Return the exposure of each canary.

    Args:
        model: a trained language model.
        canaries: planted or not; each is judged among all secrets of its format behind its own beginning.
        most_exact: formats with more secrets are judged by a sample.
        sample: how many secrets a sample has.
        seed: of the sample.

    Raises:
        UserError: if the model gives no finite logarithms of probabilities, or a sample is below 100.
    """
    if sample < 100:
        raise UserError(f"sample={sample}: a distribution is fitted to 100 secrets or more.")
    rng = np.random.default_rng(seed)
    found: dict[int, Exposure] = {}
    for form in dict.fromkeys(canary.format for canary in canaries):
        places = [place for place, canary in enumerate(canaries) if canary.format == form]
        # As many canaries at a time as fit into memory with all their secrets.
        size = max(MOST_EXACT // form.space, 1) if form.space <= most_exact else 1
        for start in range(0, len(places), size):
            part = places[start : start + size]
            befores = [canaries[place].before for place in part]
            if form.space <= most_exact:
                logs = all_log_probabilities(model, befores, form)
                for place, own in zip(part, logs, strict=True):
                    found[place] = _exact(own, own[place_of(canaries[place].secret, form)])
            else:
                secrets = [canaries[part[0]].secret, *(form.draw(rng) for _ in range(sample))]
                own, *others = secret_log_probabilities(model, befores[0], secrets)
                found[part[0]] = _sampled(np.array(others), own, form.most_bits)
    return [found[place] for place in range(len(canaries))]


def _exact(all_logs: np.ndarray, own: float) -> Exposure:
    logs, own = np.round(all_logs, DIGITS), np.round(own, DIGITS)
    rank = float((logs > own).sum() + ((logs == own).sum() + 1) / 2)
    most = math.log2(len(logs))
    return Exposure(most - math.log2(rank), rank, most, "exact")


def _sampled(others: np.ndarray, own: float, most: float) -> Exposure:
    from scipy.stats import skewnorm

    losses = -np.round(others, DIGITS)
    own = -float(np.round(own, DIGITS))
    if np.ptp(losses) < 10.0**-DIGITS:
        share = 0.5 if own == losses[0] else float(own > losses[0])
        log_share = math.log(max(share, 2.0**-most))
    else:
        log_share = float(skewnorm.logcdf(own, *skewnorm.fit(losses)))
    bits = min(max(-log_share / math.log(2), 0.0), most) if math.isfinite(log_share) else most
    return Exposure(bits, 2.0 ** (most - bits), most, "sampled")


def all_log_probabilities(model: LanguageModel, befores: Sequence[str], form: CanaryFormat) -> np.ndarray:
    """Return (befores, secrets): log-probability of every secret behind every beginning, in sorted order."""
    logs, contexts = np.zeros((len(befores), 1)), list(befores)
    for letters in form.alphabets:
        step = asked(model, contexts, letters).reshape(*logs.shape, len(letters))
        logs = (logs[:, :, None] + step).reshape(len(befores), -1)
        contexts = [context + letter for context in contexts for letter in letters]
    return logs


def place_of(secret: str, form: CanaryFormat) -> int:
    """Return the place of a secret among all secrets of its format, in sorted order."""
    place = 0
    for letter, letters in zip(secret, form.alphabets, strict=True):
        place = place * len(letters) + letters.index(letter)
    return place


def secret_log_probabilities(model: LanguageModel, before: str, secrets: Sequence[str]) -> np.ndarray:
    """Return (secrets,) log-probability of each of these secrets, all as long, behind ``before``."""
    logs = np.zeros(len(secrets))
    for place in range(len(secrets[0]) if secrets else 0):
        contexts = [before + secret[:place] for secret in secrets]
        letters = sorted({secret[place] for secret in secrets})
        columns = [letters.index(secret[place]) for secret in secrets]
        logs += asked(model, contexts, letters)[np.arange(len(secrets)), columns]
    return logs


def asked(model: LanguageModel, contexts: Sequence[str], letters: Sequence[str]) -> np.ndarray:
    """Return the model's checked answer, asked in parts.

    Raises:
        UserError: if it is no table of finite logarithms of probabilities.
    """
    parts = []
    for start in range(0, len(contexts), CHUNK):
        part = contexts[start : start + CHUNK]
        answer = np.asarray(model.next_log_probabilities(part, letters), dtype=float)
        if answer.shape != (len(part), len(letters)):
            raise UserError(
                f"The language model was asked about {len(part):,} contexts and {len(letters)} characters "
                f"and gave an answer of shape {answer.shape}: it must give one logarithm for each."
            )
        if not np.isfinite(answer).all() or answer.max(initial=-1.0) > 1e-9:
            raise UserError(
                "The language model gives logarithms of probabilities that are not finite, or above 0: give "
                "every character a small probability."
            )
        parts.append(answer)
    return np.concatenate(parts)
