"""What the attacks on synthetic data found: rates, risks, a frame and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.attack.synthetic_data.intervals import Rate, excess
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

GIOMI = (
    "Giomi, Boenisch, Wehmeyer & Tasnádi, A Unified Framework for Quantifying Privacy Risk in Synthetic "
    "Data (2022)"
)
LEAST_ATTACKS = 30
HOW = {
    "singling_out_univariate": "predicates on one column that fit one synthetic record and, if they "
    "succeed, one person",
    "singling_out_multivariate": "predicates on several columns that fit one synthetic record and, if they "
    "succeed, one person",
    "linkability": "both halves of a record have the same nearest synthetic record",
    "inference": "secret of the nearest synthetic record; success: it is right",
}


@dataclass(frozen=True)
class PrivacyAttack:
    """One attack: how often it succeeds against whom, and what the synthetic data add.

    Attributes:
        name: ``singling_out_univariate``, ``singling_out_multivariate``, ``linkability``, or
            ``inference``.
        secret: the column that is inferred; empty for the other attacks.
        success: share of attacks on training records that succeed, with the naive rate as baseline and
            the rate on control records as control; None where no attack could be made.
        control_interval: 95 % interval of the rate on control records.
        naive_interval: the same for the naive attack.
        excess: (training - control) / (1 - control) and its 95 % interval, whether or not the attack is
            strong enough to stand as a risk; None where it is not defined.
        risk: that figure as a measurement, or why it is none.
    """

    name: str
    secret: str
    success: Measurement | None
    control_interval: tuple[float, float] | None
    naive_interval: tuple[float, float] | None
    excess: tuple[float, float, float] | None
    risk: Measurement | Unassessed

    @property
    def title(self) -> str:
        """The attack in words."""
        words = {"singling_out_univariate": "singling out, one column",
                 "singling_out_multivariate": "singling out, several columns"}  # fmt: skip
        return f"inference of {self.secret}" if self.secret else words.get(self.name, self.name)

    @property
    def leaks(self) -> bool:
        """Whether the interval of the risk lies above zero."""
        return isinstance(self.risk, Measurement) and self.risk.interval[0] > 0

    def sentence(self) -> str:
        """Say what this attack found."""
        if isinstance(self.risk, Unassessed):
            return f"{_capital(self.title)} is not assessed: {self.risk.reason}"
        assert self.success is not None and self.success.control is not None
        low, high = self.risk.interval
        verdict = (
            "the synthetic data give training records away"
            if low > 0
            else "no difference beyond chance between training records and those of other people"
        )
        rates = self.success.value, self.success.control, self.success.baseline
        training, control, naive = map(percent, rates)
        return (
            f"{_capital(self.title)} succeeds for {training} of attacks on training records, {control} on "
            f"control records and {naive} by naive guessing: risk {two_digits(self.risk.value)} "
            f"({two_digits(low)} to {two_digits(high)}), {verdict}."
        )


@dataclass(frozen=True)
class SyntheticPrivacy:
    """Privacy of one synthetic table.

    Attributes:
        attacks: every attack, also those that were not assessed.
        n_training: number of training records.
        n_synthetic: number of synthetic records.
        n_control: number of control records.
        notes: what the reader has to know about the tables.
    """

    attacks: tuple[PrivacyAttack, ...]
    n_training: int
    n_synthetic: int
    n_control: int
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> PrivacyAttack:
        """Return an attack by its name, or an inference by its secret.

        Raises:
            UserError: if there is none.
        """
        for attack in self.attacks:
            if name in {attack.name, attack.title} or (attack.secret and name == attack.secret):
                return attack
        titles = ", ".join(f"'{attack.title}'" for attack in self.attacks)
        raise UserError(f"There is no attack '{name}' here: choose from {titles}.")

    @property
    def worst(self) -> PrivacyAttack | None:
        """The attack with the highest risk; None if none was assessed. Risks combine by the worst."""
        assessed = [attack for attack in self.attacks if isinstance(attack.risk, Measurement)]
        return max(assessed, key=lambda attack: attack.risk.value, default=None)

    def measurements(self) -> list[Measurement]:
        """Return rate of success and risk of every attack that was made."""
        both = [figure for attack in self.attacks for figure in (attack.success, attack.risk)]
        return [figure for figure in both if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attack.

        Columns: ``attack``, ``attacks`` (how many), ``training``, ``control`` and ``naive`` (shares that
        succeed), ``risk`` with its interval ``low`` and ``high`` (NaN where not assessed), ``finding``.
        """
        import pandas as pd

        rows = []
        for attack in self.attacks:
            made, risk = attack.success, attack.risk
            rates = (made.n, made.value, made.control, made.baseline) if made else (0, None, None, None)
            figures = (risk.value, *risk.interval) if isinstance(risk, Measurement) else (None, None, None)
            finding = (
                risk.reason if isinstance(risk, Unassessed) else ("leak" if attack.leaks else "no leak found")
            )
            rows.append((attack.title, *rates, *figures, finding))
        names = ["attack", "attacks", "training", "control", "naive", "risk", "low", "high", "finding"]
        return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:8], float))

    def sentence(self) -> str:
        """Say what was found: how many attacks show a leak, and the worst."""
        worst = self.worst
        if worst is None:
            return f"None of {len(self.attacks)} attacks could be assessed: {self.attacks[0].risk.reason}"
        assessed = sum(isinstance(attack.risk, Measurement) for attack in self.attacks)
        leaks = sum(attack.leaks for attack in self.attacks)
        low, high = worst.risk.interval
        return (
            f"{leaks or 'None'} of {assessed} assessed attacks ({len(self.attacks)} tried) "
            f"{'shows' if leaks == 1 else 'show'} that the synthetic data give training records away; the "
            f"highest risk is {two_digits(worst.risk.value)} ({two_digits(low)} to {two_digits(high)}), "
            f"by {worst.title}."
        )


def two_digits(figure: float) -> str:
    """Show a risk with two digits, and none below zero that rounds to zero.

    >>> two_digits(-0.004), two_digits(0.617)
    ('0.00', '0.62')
    """
    return f"{round(figure, 2) + 0.0:.2f}"


def not_made(name: str, reason: str, secret: str = "") -> PrivacyAttack:
    """Return an attack that could not be made."""
    return PrivacyAttack(name, secret, None, None, None, None, Unassessed(reason))


def attacked(
    name: str, training: Rate, control: Rate, *, naive: Rate, secret: str = "", detail: str = ""
) -> PrivacyAttack:
    """Put the three rates together and judge whether they say anything.

    An attack that is no better than naive guessing says nothing about the synthetic data, except if
    it does better on training than on control records: that cannot be guessing.
    """
    figure = f"{name}_{secret}" if secret else name
    method = f"{HOW[name]}{'; ' + detail if detail else ''}"
    success = Measurement(
        f"{figure}_success", training.value, "share of attacks", training.n, naive.value, training.interval,
        f"{method}; 95 % Wilson interval", GIOMI, control.value,
    )  # fmt: skip
    intervals = control.interval, naive.interval
    if min(training.n, control.n) < LEAST_ATTACKS:
        reason = (
            f"only {min(training.n, control.n)} attacks could be made, fewer than the {LEAST_ATTACKS} that "
            "an interval needs."
        )
        return PrivacyAttack(name, secret, success, *intervals, None, Unassessed(reason))
    if control.value == 1:
        reason = "every attack on the control records succeeds, so that training records cannot stand out."
        return PrivacyAttack(name, secret, success, *intervals, None, Unassessed(reason))
    value, low, high = found = excess(training, control)
    stronger = _better(training, naive)
    if not stronger and low <= 0:
        reason = (
            f"the attack ({percent(training.value)}) is not better than naive guessing "
            f"({percent(naive.value)}) beyond chance, and a weak attack says nothing about a strong one."
        )
        return PrivacyAttack(name, secret, success, *intervals, found, Unassessed(reason))
    risk = Measurement(
        f"{figure}_risk", value, "share of the room above the control rate", training.n, 0.0, (low, high),
        f"(training - control) / (1 - control): {method}; 95 % score interval of a ratio (Koopman 1984)",
        GIOMI, 0.0,
    )  # fmt: skip
    return PrivacyAttack(name, secret, success, *intervals, found, risk)


def _better(attack: Rate, naive: Rate) -> bool:
    if naive.n == 0:
        return attack.interval[0] > naive.value
    return naive.value < 1 and excess(attack, naive)[1] > 0


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
