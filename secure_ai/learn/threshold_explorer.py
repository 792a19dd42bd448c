"""A what-if for the detector: move the threshold and see what is found, missed and found in error."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Sequence
from typing import Any

from secure_ai.core import Document, Span, UserError
from secure_ai.discover import DEFAULT_THRESHOLD
from secure_ai.discover.charts import curve_sentence, plot_curve
from secure_ai.discover.scoring import percent
from secure_ai.discover.thresholds import at_threshold, mark, threshold_curve
from secure_ai.learn.display import Note, Table, show_with_text

LINE = 90


class ThresholdExplorer:
    """What another threshold would find.

    Args:
        documents: texts with their true spans, at least one.
        found: what ``detect(texts, threshold=0)`` found in them.
        example: which of the documents to show with its findings marked.

    Raises:
        UserError: if there are no documents, or not one list of findings for each.
    """

    def __init__(
        self, documents: Sequence[Document], found: Sequence[Sequence[Span]], example: int = 0
    ) -> None:
        if not documents or len(documents) != len(found):
            raise UserError("The explorer needs documents, and one list of found spans for each.")
        self.documents, self.found = documents, found
        self.example = example
        self.curve = threshold_curve(documents, found)

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
                ("false alarms", f"{row['found'] - row['matched']:,.0f}"),
                ("precision", percent(row["precision"])),
                ("F2", f"{row['f2']:.2f}"),
                ("texts with no identifier left (ages and organizations not counted)", percent(row["clean"])),
            ],
            curve_sentence(self.curve),
        )

    def marked(self, threshold: float = DEFAULT_THRESHOLD) -> Note:
        """Return the example text with findings in brackets and misses in double ones."""
        self._valid(threshold)
        document = self.documents[self.example]
        found = at_threshold([self.found[self.example]], threshold)[0]
        lines = mark(document.text, found, document.spans).splitlines()
        # Wrapped here, because a notebook would break a long line in the middle of a word.
        text = "\n".join(textwrap.fill(line, LINE, break_long_words=False) for line in lines)
        return Note("The example", "found in [brackets], missed in [[double brackets]].", text)

    def show(self) -> None:
        """Show the widget, and under it the same as text for the default threshold.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look())

    def widget(self) -> Any:
        """Return the ipywidgets version: a slider, the figures, the curve and the example text."""
        import ipywidgets

        wide = ipywidgets.Layout(width="auto", max_width="60em")
        slider = ipywidgets.FloatSlider(
            value=DEFAULT_THRESHOLD,
            min=0,
            max=1,
            step=0.05,
            description="Threshold (0 finds most, 1 is strictest)",
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="auto", max_width="40em"),
            continuous_update=False,
        )
        view = ipywidgets.HTML(layout=wide)

        def update(_: Any = None) -> None:
            threshold = round(slider.value, 2)
            view.value = (
                self.look(threshold).html() + self._picture(threshold) + self.marked(threshold).html()
            )

        slider.observe(update, names="value")
        update()
        return ipywidgets.VBox([slider, view])

    def _picture(self, threshold: float) -> str:
        buffer = io.BytesIO()
        plot_curve(self.curve, threshold).savefig(buffer, format="png")
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        return f'<img alt="Threshold curve. {curve_sentence(self.curve)}" src="data:image/png;base64,{data}">'

    @staticmethod
    def _valid(threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise UserError(f"The threshold is {threshold!r}: choose a number from 0 to 1.")
