"""A what-if for epsilon: move the slider, and see the error of an answer and the odds of an attacker."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from secure_ai.anonymize.differential_privacy.bounds import PrivacyUnit
from secure_ai.anonymize.differential_privacy.charts import plot_error_curve
from secure_ai.anonymize.differential_privacy.error_curves import EPSILONS, error_curve
from secure_ai.anonymize.differential_privacy.noise import doubts
from secure_ai.anonymize.differential_privacy.odds import best_guess, odds_factor, odds_sentence, posterior
from secure_ai.anonymize.differential_privacy.queries import Query
from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import Source, TableLike, as_source
from secure_ai.learn.display import Table, show_with_text

LOWEST, HIGHEST, START = 0.01, 10.0, 1.0


class BudgetExplorer:
    """What another epsilon would cost in error, and buy in privacy.

    Nothing is drawn at random: error and odds follow from the known distribution of the noise. The error is
    computed from the exact answer, so the picture is for planning and is not itself private.

    Args:
        source: the table, or an opened source.
        query: what is asked, as :class:`Count` or ``Mean("age", (0, 120))``.
        unit: who is protected; one row by default.

    Raises:
        UserError: on bad input, as :func:`secure_ai.anonymize.differential_privacy.error_curve`.
    """

    def __init__(self, source: TableLike | Source, query: Query, unit: PrivacyUnit | None = None) -> None:
        self.source = as_source(source)
        self.query = query
        self.unit = unit or PrivacyUnit()
        self.curve = error_curve(self.source, query, EPSILONS, unit=self.unit)

    def look(self, epsilon: float = START) -> Table:
        """Return the figures at one epsilon as a table: the text equivalent of the widget.

        Raises:
            UserError: if epsilon is not a number above 0.
        """
        if not isinstance(epsilon, int | float) or not np.isfinite(epsilon) or epsilon <= 0:
            raise UserError("Epsilon must be a number above 0: choose one such as 0.5.")
        row = error_curve(self.source, self.query, [epsilon], unit=self.unit).table.iloc[0]
        return Table(
            f"The {self.curve.query} at epsilon {epsilon:g}",
            ("Measure", "Value"),
            [
                ("exact answer (shown for planning only)", f"{self.curve.exact:,.6g}"),
                ("mean absolute error", f"{row['error']:,.4g} ({percent(row['relative_error'])})"),
                ("of which the noise alone", f"{row['noise']:,.4g}"),
                ("an attacker's odds grow at most", f"{odds_factor(epsilon):,.4g}-fold"),
                ("who was 50% sure is afterwards at most", f"{posterior(0.5, epsilon):.1%}"),
                ("who was 1% sure is afterwards at most", f"{posterior(0.01, epsilon):.1%}"),
                ("right guesses of any attacker, at most", f"{best_guess(epsilon):.1%}"),
            ],
            " ".join(part for part in (self.curve.sentence(), doubts(epsilon)) if part),
        )

    def show(self) -> None:
        """Show the widget, and under it the same as text for epsilon 1.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look())

    def widget(self) -> Any:
        """Return the ipywidgets version: a slider, the odds in words, the figures and the curve."""
        import ipywidgets

        slider = ipywidgets.FloatLogSlider(
            value=START,
            base=10,
            min=float(np.log10(LOWEST)),
            max=float(np.log10(HIGHEST)),
            step=0.1,
            readout_format=".3g",
            description="Epsilon (0.01 is most private, 10 least)",
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="auto", max_width="40em"),
            continuous_update=False,
        )
        view = ipywidgets.HTML(layout=ipywidgets.Layout(width="auto", max_width="60em"))

        def update(_: Any = None) -> None:
            epsilon = float(f"{slider.value:.3g}")
            # Announced by screen readers when the slider moves, without the focus leaving it.
            view.value = (
                f'<div role="status" aria-live="polite">{odds_sentence(epsilon)}</div>'
                + self.look(epsilon).html()
                + self._picture(epsilon)
            )

        slider.observe(update, names="value")
        update()
        return ipywidgets.VBox([slider, view])

    def _picture(self, epsilon: float) -> str:
        import html

        buffer = io.BytesIO()
        plot_error_curve(self.curve, epsilon).savefig(buffer, format="png")
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        sentence = html.escape(self.curve.sentence(), quote=True)
        return f'<img alt="Error against epsilon. {sentence}" src="data:image/png;base64,{data}">'
