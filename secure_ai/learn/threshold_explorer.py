"""A what-if for the detector: move the threshold, and see on a text what is found or missed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secure_ai.core import Document, Span, UserError
from secure_ai.core.figures import percent
from secure_ai.discover import DEFAULT_THRESHOLD
from secure_ai.discover.charts import curve_sentence, plot_curve
from secure_ai.discover.compare import of_known_kinds
from secure_ai.discover.thresholds import at_threshold, threshold_curve
from secure_ai.learn.display import Table, show_with_text
from secure_ai.learn.marked_text import MarkedText

SHOWN = 20


class ThresholdExplorer:
    """What another threshold would find.

    Args:
        documents: texts with their true spans, at least one.
        found: what ``detect(texts, threshold=0)`` found in them. Findings of kinds that are marked in
            none of the documents cannot be scored and are left out.
        example: which of the documents to show first.

    Raises:
        UserError: if there are no documents, not one list of findings for each, or no such example.
    """

    def __init__(
        self, documents: Sequence[Document], found: Sequence[Sequence[Span]], example: int = 0
    ) -> None:
        if not documents or len(documents) != len(found):
            raise UserError("The explorer needs documents, and one list of found spans for each.")
        self.documents = documents
        self.found = of_known_kinds([document.spans for document in documents], found)
        self.example = example
        self._place(example)
        self.curve = threshold_curve(documents, self.found)

    def look(self, threshold: float = DEFAULT_THRESHOLD) -> Table:
        """Return the figures at one threshold as a table: the text equivalent of the widget.

        Raises:
            UserError: if the threshold is not from 0 to 1.
        """
        self._valid(threshold)
        row = threshold_curve(self.documents, self.found, [threshold]).iloc[0]
        return Table(
            f"At threshold {threshold:g}, over {len(self.documents):,} texts",
            ("Measure", "Value"),
            [
                ("identifiers there", f"{row['n']:,.0f}"),
                ("found (recall)", f"{row['matched']:,.0f} ({percent(row['recall'])})"),
                ("missed", f"{row['n'] - row['matched']:,.0f}"),
                ("found besides (false alarms, or of another kind)", f"{row['found'] - row['matched']:,.0f}"),
                ("precision", percent(row["precision"])),
                ("F2", f"{row['f2']:.2f}"),
                ("texts with no identifier left (ages and organizations not counted)", percent(row["clean"])),
            ],
            curve_sentence(self.curve),
        )

    def marked(self, threshold: float = DEFAULT_THRESHOLD, example: int | None = None) -> MarkedText:
        """Return a text with its spans marked at one threshold; it prints as text and shows as HTML.

        Args:
            threshold: least score of a finding.
            example: position of the text; the one that the explorer was made with if not given.

        Raises:
            UserError: if the threshold is not from 0 to 1, or there is no such text.
        """
        self._valid(threshold)
        place = self._place(self.example if example is None else example)
        document = self.documents[place]
        found = at_threshold([self.found[place]], threshold)[0]
        title = f"Text {place + 1:,} of {len(self.documents):,} at threshold {threshold:g}"
        return MarkedText(title, document.text, found, document.spans)

    def show(self) -> None:
        """Show the widget, and under it the same as text for the default threshold.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, replace(self.marked(), before=(self.look(),)))

    def widget(self) -> Any:
        """Return the ipywidgets version: threshold, choice of text, the spans on it, figures and curve."""
        import ipywidgets

        wide = ipywidgets.Layout(width="auto", max_width="60em")
        line = ipywidgets.Layout(width="auto", max_width="40em")
        slider = ipywidgets.FloatSlider(
            value=DEFAULT_THRESHOLD,
            min=0,
            max=1,
            step=0.05,
            description="Threshold (0 finds most, 1 is strictest)",
            style={"description_width": "initial"},
            layout=line,
            continuous_update=False,
        )
        places = list(dict.fromkeys([self.example, *range(min(SHOWN, len(self.documents)))]))
        choice = ipywidgets.Dropdown(
            options=[(f"{place + 1:,} of {len(self.documents):,}", place) for place in places],
            value=self.example,
            description="Text",
            style={"description_width": "initial"},
            layout=line,
        )
        view = ipywidgets.HTML(layout=wide)

        def update(_: Any = None) -> None:
            threshold = round(slider.value, 2)
            # Announced by screen readers when the slider moves, without the focus leaving it.
            view.value = (
                f'<div role="status" aria-live="polite">{self._sentence(threshold)}</div>'
                + self.marked(threshold, choice.value).html()
                + self.look(threshold).html()
                + self._picture(threshold)
            )

        slider.observe(update, names="value")
        choice.observe(update, names="value")
        update()
        return ipywidgets.VBox([slider, choice, view])

    def _sentence(self, threshold: float) -> str:
        row = threshold_curve(self.documents, self.found, [threshold]).iloc[0]
        return (
            f"At threshold {threshold:g}: recall {percent(row['recall'])}, "
            f"precision {percent(row['precision'])}, "
            f"{percent(row['clean'])} of the texts have no identifier left."
        )

    def _place(self, example: int) -> int:
        if not 0 <= example < len(self.documents):
            raise UserError(
                f"There is no text {example}: choose a number from 0 to {len(self.documents) - 1}."
            )
        return example

    def _picture(self, threshold: float) -> str:
        buffer = io.BytesIO()
        plot_curve(self.curve, threshold).savefig(buffer, format="png")
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        return f'<img alt="Threshold curve. {curve_sentence(self.curve)}" src="data:image/png;base64,{data}">'

    @staticmethod
    def _valid(threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise UserError(f"The threshold is {threshold!r}: choose a number from 0 to 1.")
