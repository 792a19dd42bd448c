"""A what-if for the loss model: choose controls and how well they work, and see the year change."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secure_ai.core import UserError
from secure_ai.govern.loss import BeforeAfter, Control, before_after
from secure_ai.govern.loss_charts import exceedance_sentence, exceedance_summary, money, plot_exceedance
from secure_ai.govern.loss_model import LossModel
from secure_ai.learn.display import Table, show_with_text


class LossExplorer:
    """What the year would look like with other controls.

    Args:
        model: scenarios and controls, see :func:`secure_ai.govern.loss_model.load_loss_model`.
        years: simulated years for each look; 20,000 answer within the moment of a slider's move.
        seed: of the simulation; the same events happen at every look.
    """

    def __init__(self, model: LossModel, years: int = 20_000, seed: int = 7) -> None:
        self.model = model
        self.years = years
        self.seed = seed
        self.currency = model.scenarios[0].currency

    def simulate(self, chosen: Sequence[str] | None = None, share: float = 1.0) -> BeforeAfter:
        """Simulate with the ``chosen`` controls (all by default), each reaching ``share`` of its effect.

        Raises:
            UserError: if a control is not in the model, or ``share`` is not between 0 and 1.
        """
        known = {control.name: control for control in self.model.controls}
        unknown = next((name for name in chosen or () if name not in known), None)
        if unknown is not None:
            raise UserError(f"There is no control '{unknown}': choose from {', '.join(known)}.")
        if not 0 <= share <= 1:
            raise UserError(f"A control cannot reach {share} of its effect: give a share from 0 to 1.")
        controls = [_weakened(known[name], share) for name in (known if chosen is None else chosen)]
        return before_after(self.model.scenarios, controls, self.years, self.seed)

    def look(self, chosen: Sequence[str] | None = None, share: float = 1.0) -> Table:
        """Return the figures of one choice as a table: the text equivalent of the widget.

        Raises:
            UserError: as :meth:`simulate`.
        """
        return self._table(self.simulate(chosen, share), share)

    def show(self) -> None:
        """Show the widget, and under it the same as text for all controls at full effect.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look())

    def widget(self) -> Any:
        """Return the ipywidgets version: a box to tick for each control, a slider, table and curve."""
        import ipywidgets

        wide = ipywidgets.Layout(width="auto", max_width="60em")
        boxes = [
            ipywidgets.Checkbox(
                value=True, indent=False, layout=wide, description=_priced(control, self.currency)
            )
            for control in self.model.controls
        ]
        slider = ipywidgets.IntSlider(
            value=100,
            max=100,
            step=10,
            description="They reach this share of their effect (%)",
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="auto", max_width="40em"),
            continuous_update=False,
        )
        view = ipywidgets.HTML(layout=wide)

        def update(_: Any = None) -> None:
            chosen = [
                control.name for control, box in zip(self.model.controls, boxes, strict=True) if box.value
            ]
            result = self.simulate(chosen, slider.value / 100)
            view.value = self._table(result, slider.value / 100).html() + self._picture(result)

        for control in (*boxes, slider):
            control.observe(update, names="value")
        update()
        return ipywidgets.VBox([*boxes, slider, view])

    def _table(self, result: BeforeAfter, share: float) -> Table:
        summary = exceedance_summary(result, currency=self.currency)
        names = [name for name in result.controls["control"] if name != "all together"]
        cost = result.controls.loc[result.controls["control"] != "all together", "cost"].sum()
        return Table(
            f"Controls: {', '.join(names) or 'none'}; they reach {share:.0%} of their effect",
            ("", *summary.columns),
            [(name, *row) for name, row in zip(summary.index, summary.to_numpy().tolist(), strict=True)],
            f"{exceedance_sentence(result, currency=self.currency)} "
            f"The controls cost {money(cost, self.currency)} a year.",
        )

    def _picture(self, result: BeforeAfter) -> str:
        import matplotlib.pyplot as plt

        figure, buffer = plot_exceedance(result, currency=self.currency), io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        sentence = exceedance_sentence(result, currency=self.currency)
        return f'<img alt="Loss exceedance curve. {sentence}" src="data:image/png;base64,{data}">'


def _priced(control: Control, currency: str) -> str:
    return f"{control.name} ({money(control.annual_cost, currency)} a year)"


def _weakened(control: Control, share: float) -> Control:
    if share == 0:
        return replace(control, effects={})
    effects = {
        scenario: replace(
            effect,
            frequency=effect.frequency and tuple(bound * share for bound in effect.frequency),
            magnitude=effect.magnitude and tuple(bound * share for bound in effect.magnitude),
        )
        for scenario, effect in control.effects.items()
    }
    return replace(control, effects=effects)
