"""How good a filter is on mails whose templates it never saw, with intervals over templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.phishing.filter import PhishingFilter
from secure_ai.attack.phishing.mail import Mail, check_mails
from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Measurement

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 400


@dataclass(frozen=True)
class FilterMeasurement:
    """What a filter does on mails of templates that it was not trained on.

    Attributes:
        auc, precision, recall, false_alarms: with intervals over templates.
        scores: one row per mail: ``mail_id``, ``kind``, ``template``, ``malicious``, ``score``, ``flagged``.
        roc: ``false_alarm_rate``, ``recall``, ``threshold``.
        auc_same_templates: what a split by mail would claim, with templates on both sides; for the lesson.
    """

    auc: Measurement
    precision: Measurement
    recall: Measurement
    false_alarms: Measurement
    scores: pd.DataFrame
    roc: pd.DataFrame
    auc_same_templates: float

    def by_kind(self) -> pd.DataFrame:
        """Return one row per kind of mail: ``kind``, ``malicious``, ``mails``, ``flagged`` (share)."""
        grouped = self.scores.groupby(["malicious", "kind"], as_index=False).agg(
            mails=("flagged", "size"), flagged=("flagged", "mean")
        )
        return grouped.sort_values(
            ["malicious", "flagged", "kind"], ascending=[False, True, True], ignore_index=True
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the figures as rows: ``measure``, ``value``, ``low``, ``high``, ``n``, ``baseline``."""
        import pandas as pd

        found = (self.auc, self.precision, self.recall, self.false_alarms)
        return pd.DataFrame(
            [(m.name, m.value, *m.interval, m.n, m.baseline) for m in found],
            columns=["measure", "value", "low", "high", "n", "baseline"],
        )

    def sentence(self) -> str:
        """Say what the filter catches and what it costs."""
        return (
            f"On templates it never saw the filter has an AUC of {self.auc.value:.3f} "
            f"({self.auc.interval[0]:.3f} to {self.auc.interval[1]:.3f}); at its threshold it flags "
            f"{self.recall.value:.0%} of phishing and {self.false_alarms.value:.1%} of honest mail. Split by "
            f"mail instead of by template it would have claimed {self.auc_same_templates:.3f}."
        )


def split_by_template(
    mails: Sequence[Mail], test_share: float = 0.3, seed: int = 0
) -> tuple[tuple[Mail, ...], tuple[Mail, ...]]:
    """Split so that no template is on both sides; every kind gives templates to both where it has two.

    Raises:
        UserError: if the share is not between 0 and 1, or ``mails`` is no list of mails.
    """
    mails = check_mails(mails)
    if not isinstance(test_share, int | float) or not 0 < test_share < 1:
        raise UserError("The test share must be between 0 and 1, such as 0.3.")
    random = np.random.default_rng(seed)
    held: set[str] = set()
    for kind in sorted({mail.kind for mail in mails}):
        templates = sorted({mail.template for mail in mails if mail.kind == kind})
        count = min(max(1, round(test_share * len(templates))), len(templates) - 1)
        held |= {str(name) for name in random.permutation(templates)[:count]}
    return tuple(m for m in mails if m.template not in held), tuple(m for m in mails if m.template in held)


def measure_filter(
    mails: Sequence[Mail],
    *,
    folds: int = 5,
    seed: int = 0,
    make_filter: Callable[[], PhishingFilter] | None = None,
) -> FilterMeasurement:
    """Train and test in turn, each time with some templates held out whole.

    Args:
        mails: phishing and honest, of many templates.
        folds: how often; each template is tested once.
        seed: of folds and resamples.
        make_filter: returns an untrained filter; the default filter otherwise.

    Raises:
        UserError: if there are too few mails or templates.
    """
    import pandas as pd
    from sklearn.metrics import roc_auc_score, roc_curve
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    mails = check_mails(mails)
    y = np.array([mail.malicious for mail in mails])
    groups = np.array([mail.template for mail in mails])
    smallest = min(len(set(groups[y])), len(set(groups[~y])))
    if not 2 <= folds <= smallest:
        raise UserError(f"The folds must be from 2 to {max(smallest, 2)}, the templates of the rarer side.")
    make = make_filter or (lambda: PhishingFilter(seed=seed))
    score, flagged = np.zeros(len(y)), np.zeros(len(y), bool)
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(mails, y, groups):
        trained = make().fit([mails[i] for i in train])
        score[test] = trained.scores([mails[i] for i in test])
        flagged[test] = score[test] >= trained.threshold
    same = np.zeros(len(y))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(mails, y):
        same[test] = make().fit([mails[i] for i in train]).scores([mails[i] for i in test])
    fpr, tpr, thresholds = roc_curve(y, score)
    return FilterMeasurement(
        *_measured(y, score, flagged, groups, seed),
        pd.DataFrame({
            "mail_id": [mail.mail_id for mail in mails], "kind": [mail.kind for mail in mails],
            "template": groups, "malicious": y, "score": score, "flagged": flagged,
        }),
        pd.DataFrame({"false_alarm_rate": fpr, "recall": tpr, "threshold": thresholds}),
        float(roc_auc_score(y, same)),
    )  # fmt: skip


def _measured(y, score, flagged, groups, seed) -> tuple[Measurement, ...]:
    from sklearn.metrics import roc_auc_score

    def figures(rows: np.ndarray) -> tuple[float, ...]:
        truth, alarm = y[rows], flagged[rows]
        hits = (truth & alarm).sum()
        return (
            roc_auc_score(truth, score[rows]), hits / alarm.sum() if alarm.any() else np.nan,
            hits / truth.sum(), (alarm & ~truth).sum() / (~truth).sum(),
        )  # fmt: skip

    random = np.random.default_rng(seed)
    rows_of = {name: np.flatnonzero(groups == name) for name in np.unique(groups)}
    sides = [[name for name, rows in rows_of.items() if y[rows[0]] == side] for side in (True, False)]
    drawn = np.array([
        figures(np.concatenate([rows_of[name] for side in sides for name in random.choice(side, len(side))]))
        for _ in range(RESAMPLES)
    ])  # fmt: skip
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    names = ("auc", "precision", "recall", "false_alarm_rate")
    sizes = (len(y), int(flagged.sum()), int(y.sum()), int((~y).sum()))
    baselines = (0.5, float(y.mean()), float(flagged.mean()), float(flagged.mean()))
    method = f"templates held out in turn; bootstrap over {len(rows_of)} templates"
    return tuple(
        Measurement(
            name=name, value=float(value), unit="share", n=max(size, 1), baseline=base,
            interval=(min(float(a), float(value)), max(float(b), float(value))), method=method,
            source="Efron & Tibshirani, An Introduction to the Bootstrap (1993), cluster resampling",
        )
        for name, value, size, base, a, b in zip(
            names, np.nan_to_num(figures(np.arange(len(y)))), sizes, baselines,
            np.nan_to_num(low), np.nan_to_num(high), strict=True,
        )
    )  # fmt: skip
