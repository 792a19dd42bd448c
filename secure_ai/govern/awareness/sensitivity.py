"""Signal detection: telling phishing from honest mail, apart from the habit of reporting much or little."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from secure_ai.core.errors import UserError
from secure_ai.core.intervals import Z

NORMAL = NormalDist()


@dataclass(frozen=True)
class Sensitivity:
    """How well somebody tells phishing from honest mail.

    Attributes:
        d_prime: sensitivity; 0 is guessing, whatever is reported.
        criterion: negative: reports readily; positive: reports seldom; 0: neutral.
        interval: of ``d_prime``, at 95 %.
        score: 0 (guessing or worse) to 100, from the chance of picking the phish out of a pair.
        score_interval: of ``score``.
        phishing, honest: how many mails of each it rests on.
        hits, false_alarms: phishing reported, honest mail reported.
    """

    d_prime: float
    criterion: float
    interval: tuple[float, float]
    score: float
    score_interval: tuple[float, float]
    phishing: int
    honest: int
    hits: int
    false_alarms: int

    def sentence(self) -> str:
        """Say the score, and which way the person leans."""
        leaning = (
            "reports honest mail too readily" if self.criterion < -0.3
            else "lets too much pass" if self.criterion > 0.3 else "leans to neither side"
        )  # fmt: skip
        low, high = self.score_interval
        return (
            f"Score {self.score:.0f} of 100 ({low:.0f} to {high:.0f}), d-prime {self.d_prime:.2f}: "
            f"{self.hits} of {self.phishing} phishing mails and {self.false_alarms} of {self.honest} honest "
            f"ones were reported; {leaning}."
        )


def sensitivity(hits: int, phishing: int, false_alarms: int, honest: int) -> Sensitivity:
    """Return d-prime, criterion and a score from counts.

    Args:
        hits: phishing mails reported.
        phishing: phishing mails shown.
        false_alarms: honest mails reported.
        honest: honest mails shown.

    Raises:
        UserError: if a count is no whole number, negative, or more than was shown.

    Source: Green & Swets, Signal Detection Theory and Psychophysics (1966); the log-linear correction of
        Hautus (1995) for shares of 0 and 1; variance by Gourevitch & Galanter (1967).
    """
    counts = (hits, phishing, false_alarms, honest)
    if any(isinstance(count, bool) or not isinstance(count, int) or count < 0 for count in counts):
        raise UserError(
            "The counts must be whole numbers from 0: hits, phishing, false alarms, honest mails."
        )
    if hits > phishing or false_alarms > honest:
        raise UserError("More mails were reported than shown: check the counts.")
    # One mail more of each kind, in proportion to how many were shown: so that an answer that never varies
    # comes to exactly nothing, however many of the mails are phishing.
    extra = [2 * n / (phishing + honest) if phishing and honest else 1.0 for n in (phishing, honest)]
    hit = (hits + extra[0] / 2) / (phishing + extra[0])
    alarm = (false_alarms + extra[1] / 2) / (honest + extra[1])
    z_hit, z_alarm = NORMAL.inv_cdf(hit), NORMAL.inv_cdf(alarm)
    variance = sum(
        share * (1 - share) / (n * NORMAL.pdf(z) ** 2)
        for share, n, z in ((hit, phishing + extra[0], z_hit), (alarm, honest + extra[1], z_alarm))
    )
    d_prime, half = z_hit - z_alarm, Z * math.sqrt(variance)
    return Sensitivity(
        d_prime, -(z_hit + z_alarm) / 2, (d_prime - half, d_prime + half), _score(d_prime),
        (_score(d_prime - half), _score(d_prime + half)), phishing, honest, hits, false_alarms,
    )  # fmt: skip


def _score(d_prime: float) -> float:
    return max(0.0, 200 * (NORMAL.cdf(d_prime / math.sqrt(2)) - 0.5))
