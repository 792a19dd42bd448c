"""How far an ownership test can be trusted: its cost, whom it claims wrongly, which theft it survives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from secure_ai.attack.poisoning import train_copy
from secure_ai.attack.poisoning.poisoned import label_array
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.intervals import clopper_pearson
from secure_ai.defend.ownership.claims import ADI, OwnershipTest
from secure_ai.defend.ownership.fingerprint import ALPHA as LEVEL
from secure_ai.defend.ownership.fingerprint import Fingerprint, fingerprint_test, make_fingerprint
from secure_ai.defend.ownership.tables import reseeded, taken
from secure_ai.defend.ownership.watermark import (
    ALPHA,
    Marked,
    make_watermark,
    ownership_test,
    train_marked,
)

Theft = Callable[[Any], Any]


@dataclass(frozen=True)
class OwnershipResult:
    """What watermark and fingerprint are worth.

    Attributes:
        marked: the model with its watermark.
        fingerprint: of the unmarked model.
        tests: one row for each suspect: ``suspect``, ``stolen`` (true, false), and for each of the two tests
            the share of matches, the p-value and whether it was claimed.
        false_claims: share of (key, independent model) pairs that the watermark test claims at 0.05: whether
            the false-claim rate is what it says shows at a rate that can be counted.
        fingerprint_claims: share of independent models that the fingerprint test claims.
        match: of the marked model itself, independent models as the control.
        accuracy_price: accuracy on held-out rows without the watermark minus with it.
    """

    marked: Marked = field(repr=False)
    fingerprint: Fingerprint = field(repr=False)
    tests: pd.DataFrame = field(repr=False)
    match: Measurement
    false_claims: Measurement
    fingerprint_claims: Measurement
    accuracy_price: Measurement

    def measurements(self) -> tuple[Measurement, ...]:
        """Return all figures."""
        return self.match, self.false_claims, self.fingerprint_claims, self.accuracy_price

    def to_frame(self) -> pd.DataFrame:
        """Return the suspects, one row each."""
        return self.tests

    def sentence(self) -> str:
        """Say what the tests claim, rightly and wrongly."""
        stolen = self.tests[self.tests["stolen"]]
        parts = [
            f"the {kind} proves {int(stolen[f'{kind} claimed'].eq(True).sum())}"
            for kind in ("watermark", "fingerprint")
        ]
        return (
            f"Of {len(stolen)} stolen copies {' and '.join(parts)}. At 5% accepted, the watermark claims "
            f"{self.false_claims.value:.1%} of models that are not the owner's; the fingerprint claims "
            f"{self.fingerprint_claims.value:.1%} of {self.fingerprint_claims.n}. The watermark costs "
            f"{100 * self.accuracy_price.value:.1f} points of accuracy."
        )


@reason_instead
@threadpool_limits.wrap(limits=1)
def measure_ownership(
    model: Any,
    rows: Any,
    labels: Any,
    held_out: tuple[Any, Any],
    key: bytes,
    *,
    thefts: Mapping[str, Theft] | None = None,
    questions: int = 100,
    independent: int = 8,
    keys: int = 200,
    alpha: float = ALPHA,
    seed: int = 0,
) -> OwnershipResult:
    """Mark a model, let it be stolen in several ways, and test thieves and strangers.

    Args:
        model: a classifier of scikit-learn, fitted or not; it is cloned.
        rows, labels: the owner's training data. Half of it trains the owner's model and chooses the
            fingerprint, the other half trains the strangers'.
        held_out: rows and labels that accuracy is measured on.
        key: the owner's.
        thefts: name -> a function that takes the marked model and returns what the thief has.
        questions: of the watermark; the fingerprint has twice as many.
        independent: models of strangers to train.
        keys: further keys with which the strangers are tested, for the false-claim rate.
        alpha: probability of a false claim that the owner accepts.
        seed: of halves and seeds.

    Returns:
        The result, or Unassessed where the rows are too few or the model decides nothing.
    """
    check_rows(rows, least=200, what="training rows")
    if independent < 3 or keys < 20:
        raise UserError("Take 3 or more independent models, and 20 or more keys.")
    if not hasattr(model, "get_params"):
        raise TargetError(
            "The model cannot be trained again: give a classifier of scikit-learn, which can be cloned."
        )
    labels, rng = label_array(labels, rows), np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    own, theirs = order[: len(order) // 2], order[len(order) // 2 :]
    mine, known = taken(rows, own), labels[own]
    plain = train_copy(model, mine, known)
    check_target(open_target(plain), mine)
    watermark = make_watermark(key, mine, known, questions=questions)
    marked = train_marked(model, mine, known, watermark)
    fingerprint = make_fingerprint(marked.model, mine, known, questions=2 * questions, seed=seed)
    strangers = {}
    for number in range(independent):
        part = rng.choice(theirs, int(0.8 * len(theirs)), replace=False)
        strangers[f"model of somebody else {number + 1}"] = reseeded(clone(model), seed + 501 + number).fit(
            taken(rows, part), labels[part]
        )
    stolen = {"the marked model itself": marked.model}
    for name, theft in (thefts or {}).items():
        stolen[name] = theft(marked.model)
    lines, marks, prints = [], {}, {}
    for name, suspect in {**stolen, **strangers}.items():
        marks[name] = ownership_test(suspect, watermark, alpha=alpha)
        prints[name] = fingerprint_test(suspect, fingerprint)
        lines.append((name, name in stolen, *_told(marks[name]), *_told(prints[name])))
    columns = [
        f"{kind} {what}" for kind in ("watermark", "fingerprint") for what in ("match", "p", "claimed")
    ]
    truth, size = np.asarray(held_out[1]), len(held_out[1])
    right = [np.asarray(one.predict(held_out[0])) == truth for one in (plain, marked.model)]
    # The two models answer the same rows: what counts is where one is right and the other wrong.
    differences = right[0].astype(float) - right[1].astype(float)
    price, error = float(differences.mean()), 1.96 * float(differences.std()) / np.sqrt(size)
    by_others = [marks[name].share for name in strangers if isinstance(marks[name], OwnershipTest)]
    own_test = marks["the marked model itself"]
    if isinstance(own_test, Unassessed):
        return own_test
    wrong = sum(isinstance(prints[n], OwnershipTest) and prints[n].claimed for n in strangers)
    others = list(strangers.values())
    counted = _false_claims(others, mine, known, questions=questions, keys=keys, key=key)
    return OwnershipResult(
        marked=marked,
        fingerprint=fingerprint,
        tests=pd.DataFrame(lines, columns=["suspect", "stolen", *columns]),
        match=own_test.measurement(float(np.mean(by_others)) if by_others else None),
        false_claims=counted,
        fingerprint_claims=_share("fingerprint_false_claims", wrong, len(strangers), LEVEL, "other models"),
        accuracy_price=Measurement(
            "watermark_accuracy_price", price, "difference of probabilities", size, 0.0,
            (float(price - error), float(price + error)),
            "held-out accuracy without minus with the watermark", ADI,
        ),
    )  # fmt: skip


def _told(test: OwnershipTest | Unassessed) -> tuple[float, float, bool | None]:
    if isinstance(test, Unassessed):
        return float("nan"), float("nan"), None
    return test.share, test.p_value, test.claimed


def _false_claims(
    strangers: list[Any], rows: Any, labels: np.ndarray, *, questions: int, keys: int, key: bytes
) -> Measurement:
    """Test strangers with many keys at 0.05, a rate that can be counted."""
    claimed = tried = 0
    classes = np.unique(labels)
    for number in range(keys):
        other = make_watermark(key + number.to_bytes(4, "big"), rows, classes, questions=questions)
        suspect = strangers[number % len(strangers)]
        matches = int(np.sum(np.asarray(suspect.predict(other.rows)) == other.labels))
        claimed += bool(binom.sf(matches - 1, questions, 1 / len(classes)) <= 0.05)
        tried += 1
    return _share("watermark_false_claims", claimed, tried, 0.05, "keys that drew other answers; level 0.05")


def _share(name: str, hits: int, n: int, baseline: float, method: str) -> Measurement:
    return Measurement(name, hits / n, "probability", n, baseline, clopper_pearson(hits, n), method, ADI)
