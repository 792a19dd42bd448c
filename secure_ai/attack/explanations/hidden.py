"""How well a feature that decides is hidden from explanations; the same figure judges attack and answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.explanations.scaffold import Scaffold
from secure_ai.attack.targets import TargetError, check_rows, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

SLACK = "Slack et al., Fooling LIME and SHAP (2020)"
Explainer = Callable[[Any, Any], "pd.DataFrame | Unassessed"]


@dataclass(frozen=True)
class HiddenFeature:
    """What explanations of three models say about one feature.

    Attributes:
        hidden: share of people decided by the biased model in whose explanation the feature is not among the
            ``top``. Baseline: the biased model without scaffold. Control: the innocent model, where there is
            nothing to hide.
        faithful: share of people to whom the scaffold says what the biased model says. Baseline: what the
            innocent model says anyway. Control: the biased model asked again.
        ranks: columns biased, scaffold, innocent: rank of the feature in each person's explanation.
        feature: the feature.
        top: how many features an explanation shows.
        explainer: its name.
    """

    hidden: Measurement | Unassessed
    faithful: Measurement
    ranks: pd.DataFrame
    feature: str
    top: int
    explainer: str

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return [figure for figure in (self.hidden, self.faithful) if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n."""
        import pandas as pd

        rows = [(m.name, m.value, *m.interval, m.baseline, m.control, m.n) for m in self.measurements()]
        return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "baseline", "control", "n"])

    def sentence(self) -> str:
        """Say what explanations show."""
        if isinstance(self.hidden, Unassessed):
            return self.hidden.reason
        low, high = self.hidden.interval
        without, innocent = percent(self.hidden.baseline), percent(self.hidden.control or 0.0)
        return (
            f"'{self.feature}' decides about {self.hidden.n} people and is missing from the "
            f"{_reasons(self.top)} of {percent(self.hidden.value)} of them ({percent(low)} to "
            f"{percent(high)}; {self.explainer}); without the scaffold it is missing from {without}, in the "
            f"innocent model from {innocent}. The scaffold says what the biased model says to "
            f"{percent(self.faithful.value)}."
        )


def _reasons(top: int) -> str:
    return "strongest reason" if top == 1 else f"{top} strongest reasons"


@reason_instead
def measure_hiding(
    scaffold: Scaffold,
    rows: Any,
    explainer: Explainer,
    *,
    feature: str,
    top: int = 1,
    name: str = "explainer",
) -> HiddenFeature | Unassessed:
    """Explain the same people with the biased model, the scaffold and the innocent model.

    Args:
        scaffold: the attack.
        rows: real rows that the scaffold was not built on, 20 or more.
        explainer: takes a model and rows, returns contributions (rows x features); for example
            ``lambda model, rows: explain_rows(model, rows, background, label=1)``.
        feature: the feature by which the biased model decides.
        top: how many features an explanation shows.
        name: of the explainer, for sentences.

    Raises:
        UserError: if the explainer knows no such feature.
    """
    check_rows(rows, least=20, what="people")
    models = {"biased": scaffold.biased, "innocent": scaffold.innocent}
    answers = {part: open_target(model, name=f"{part} model").labels(rows) for part, model in models.items()}
    said = open_target(scaffold, name="scaffold").labels(rows)
    again = open_target(scaffold.biased).labels(rows)
    ranks = _ranks(scaffold, rows, explainer, feature)
    same = said == answers["biased"]
    deceived = same & scaffold.looks_real(rows)
    return HiddenFeature(
        hidden=_hidden(ranks, deceived, top, name),
        faithful=Measurement(
            name="scaffold_fidelity",
            value=float(same.mean()),
            unit="share of people",
            n=len(same),
            baseline=float((answers["innocent"] == answers["biased"]).mean()),
            control=float((again == answers["biased"]).mean()),
            interval=wilson(int(same.sum()), len(same)),
            method="answers of scaffold and biased model compared; Wilson interval",
            source=SLACK,
        ),
        ranks=ranks,
        feature=feature,
        top=top,
        explainer=name,
    )


def _ranks(scaffold: Scaffold, rows: Any, explainer: Explainer, feature: str) -> pd.DataFrame:
    import pandas as pd

    found = {}
    for part, model in (("biased", scaffold.biased), ("scaffold", scaffold), ("innocent", scaffold.innocent)):
        table = explainer(model, rows)
        if isinstance(table, Unassessed):
            raise TargetError(table.reason)
        if len(table) != len(rows):
            raise UserError(
                f"The explainer was given {len(rows):,} rows and explains {len(table):,}: explain each."
            )
        if feature not in table:
            raise UserError(f"The explanations know no feature '{feature}': choose from {list(table)}.")
        size = table.abs()
        rank = 1 + size.gt(size[feature], axis=0).sum(axis=1)
        # What adds nothing stands last, not second to the only one that adds something.
        found[part] = rank.where(size[feature] > 1e-9, size.shape[1]).to_numpy()
    return pd.DataFrame(found)


def _hidden(ranks: pd.DataFrame, deceived: np.ndarray, top: int, name: str) -> Measurement | Unassessed:
    if not deceived.any():
        return Unassessed("The scaffold takes no real person for real: nobody meets the biased model.")
    beyond = ranks[deceived] > top
    hits = int(beyond["scaffold"].sum())
    return Measurement(
        name="hidden_feature",
        value=hits / len(beyond),
        unit="share of people",
        n=len(beyond),
        baseline=float(beyond["biased"].mean()),
        control=float((ranks["innocent"] > top).mean()),
        interval=wilson(hits, len(beyond)),
        method=f"{name}; not among the {top} strongest features; Wilson interval",
        source=SLACK,
    )
