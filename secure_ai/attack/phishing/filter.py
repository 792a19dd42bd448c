"""A filter that a learner trains: words and header facts, a linear model, and reasons for each mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.phishing.domains import known_names
from secure_ai.attack.phishing.features import WORDS_OF, filter_text, header_features
from secure_ai.attack.phishing.headers import organization
from secure_ai.attack.phishing.mail import Mail, check_mails
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FEWEST_MAILS = 20
FOLDS = 4


@dataclass(frozen=True)
class Explanation:
    """Why a filter scored a mail as it did.

    Attributes:
        mail_id: of the mail.
        score: probability of phishing as the filter sees it.
        flagged: whether it is above the filter's threshold.
        reasons: words and facts with their weight in log-odds, the heaviest first; positive: phishing.
    """

    mail_id: str
    score: float
    flagged: bool
    reasons: tuple[tuple[str, float], ...]

    def sentence(self) -> str:
        """Say the verdict and its heaviest reasons."""
        side = [name for name, weight in self.reasons if (weight > 0) == self.flagged][:3]
        because = f", because of {', '.join(side)}" if side else ""
        return (
            f"{self.mail_id} is {'flagged' if self.flagged else 'let through'} ({self.score:.2f}){because}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per reason: ``reason``, ``weight``."""
        import pandas as pd

        return pd.DataFrame(self.reasons, columns=["reason", "weight"])


class PhishingFilter:
    """A linear filter over words and header facts.

    Args:
        false_alarm_rate: share of honest mail that may be flagged; sets the threshold on mails of templates
            that were left out of training in turn.
        known_domains: domains of the organization and its partners; by default those of the mails' sectors.
        normalize: read mails as people do (see :func:`features.filter_text`): the hardened filter.
        seed: of the folds.

    Attributes:
        threshold: score from which a mail is flagged; set by :meth:`fit`.

    Raises:
        UserError: if the rate is not between 0 and 1.
    """

    def __init__(
        self,
        *,
        false_alarm_rate: float = 0.05,
        known_domains: Iterable[str] | None = None,
        normalize: bool = False,
        seed: int = 0,
    ) -> None:
        if not isinstance(false_alarm_rate, int | float) or not 0 < false_alarm_rate < 1:
            raise UserError("The false alarm rate must be a share between 0 and 1, such as 0.05.")
        self.false_alarm_rate = float(false_alarm_rate)
        self.known_domains = None if known_domains is None else tuple(known_domains)
        self.normalize, self.seed = normalize, seed
        self.threshold = 0.5
        self._model: Any = None

    def fit(self, mails: Sequence[Mail]) -> PhishingFilter:
        """Train on mails whose kind is known, and set the threshold.

        Raises:
            UserError: if there are fewer than 20 mails, or only phishing or only honest ones.
        """
        from sklearn.model_selection import GroupKFold

        mails = check_mails(mails, "training mails")
        y = np.array([mail.malicious for mail in mails])
        if len(mails) < FEWEST_MAILS or y.all() or not y.any():
            raise UserError(
                f"The filter needs at least {FEWEST_MAILS} mails, phishing and honest: make more of both."
            )
        sectors = sorted({mail.sector for mail in mails})
        self._known = known_names(
            self.known_domains or [name for sector in sectors for name in organization(sector).known_domains]
        )
        rows = self._rows(mails)
        groups = [mail.template for mail in mails]
        held_out = np.full(len(mails), np.nan)
        folds = min(FOLDS, len(set(groups)))
        if folds > 1:
            for train, test in GroupKFold(folds, shuffle=True, random_state=self.seed).split(rows, y, groups):
                if len(set(y[train])) == 2:
                    model = self._new_model().fit([rows[i] for i in train], y[train])
                    held_out[test] = model.predict_proba([rows[i] for i in test])[:, 1]
        self._model = self._new_model().fit(rows, y)
        honest = held_out[~y & ~np.isnan(held_out)]
        if len(honest):
            self.threshold = float(np.quantile(honest, 1 - self.false_alarm_rate, method="higher"))
            self.threshold = float(np.clip(np.nextafter(self.threshold, 1), 1e-6, 1 - 1e-6))
        return self

    def scores(self, mails: Sequence[Mail]) -> np.ndarray:
        """Return the score of each mail, from 0 to 1.

        Raises:
            UserError: if the filter is not trained, or ``mails`` is no list of mails.
        """
        mails = check_mails(mails)
        if self._model is None:
            raise UserError("The filter is not trained yet: call fit() with mails first.")
        return self._model.predict_proba(self._rows(mails))[:, 1]

    def predict(self, mails: Sequence[Mail]) -> np.ndarray:
        """Return for each mail whether it is flagged."""
        return self.scores(mails) >= self.threshold

    def explain(self, mail: Mail, most: int = 8) -> Explanation:
        """Return the words and facts that weigh most in the score of ``mail``."""
        score = float(self.scores([mail])[0])
        row = self._model[:-1].transform(self._rows([mail])).tocsr()
        weights = row.multiply(self._model[-1].coef_).tocoo()
        names = self._model[0].get_feature_names_out()
        found = sorted(
            (
                (_named(names[column]), float(weight))
                for column, weight in zip(weights.col, weights.data, strict=True)
            ),
            key=lambda reason: (-abs(reason[1]), reason[0]),
        )
        return Explanation(mail.mail_id, score, score >= self.threshold, tuple(found[:most]))

    def _rows(self, mails: Sequence[Mail]) -> list[tuple[str, dict[str, float]]]:
        if not hasattr(self, "_known"):
            return []
        return [
            (
                filter_text(mail, self.normalize),
                header_features(mail, self._known, organization(mail.sector).name, self.normalize),
            )
            for mail in mails
        ]

    def _new_model(self) -> Any:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import FeatureUnion, Pipeline
        from sklearn.preprocessing import FunctionTransformer

        words = TfidfVectorizer(
            preprocessor=_text, ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32
        )
        facts = DictVectorizer()
        only_facts = FunctionTransformer(_facts, feature_names_out=_no_names)
        return Pipeline([
            ("features", FeatureUnion([
                ("word", words),
                ("fact", Pipeline([("facts", only_facts), ("table", facts)])),
            ])),
            # A scaled intercept is hardly regularized: no fact that all mails share stands in for it.
            ("model", LogisticRegression(
                C=3.0, class_weight="balanced", solver="liblinear", intercept_scaling=10.0
            )),
        ])  # fmt: skip


def _text(row: tuple[str, dict[str, float]]) -> str:
    return row[0].lower()


def _no_names(transformer: object, names: object) -> list[str]:
    return ["facts"]  # DictVectorizer names the columns; a pipeline asks every step all the same.


def _facts(rows: Sequence[tuple[str, dict]]) -> list[dict[str, float]]:
    return [facts for _, facts in rows]


def _named(name: str) -> str:
    part, _, rest = name.partition("__")
    if part == "word":
        return f"the words '{rest}'" if " " in rest else f"the word '{rest}'"
    return WORDS_OF.get(rest, rest)
