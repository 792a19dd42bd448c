"""A scorecard for vendors: the same answers by the vendor's word and by its documents, on any day."""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.vendors import (
    Answers,
    Engagement,
    VendorAssessment,
    areas_sentence,
    areas_summary,
    assess_vendor,
    compare_vendors,
    example_day,
    example_engagement,
    example_vendors,
    load_questionnaire,
    plot_areas,
    write_example_evidence,
)
from secure_ai.govern.vendors.assess import add_months
from secure_ai.govern.vendors.assessment import STATUS_WORDS
from secure_ai.learn.display import Listing, Note, Table, show_with_text

MOST_MONTHS = 24
ALL_AREAS = "all areas"


class VendorScorecard:
    """What each vendor's answers are worth, for a day and an engagement.

    Args:
        sector: ``"healthcare"`` or ``"finance"``.
        vendors: filled forms; the kit's three invented vendors by default.
        today: the day of the assessment; the examples' own day by default.
        folders: vendor → folder with its documents; without it nobody has opened them. The examples bring
            theirs.
        engagement: what is bought; the examples' by default, else the strictest.

    Raises:
        UserError: if the sector is unknown, a form belongs to another one, or two vendors have one name.
    """

    def __init__(
        self,
        sector: str,
        vendors: Sequence[Answers] | None = None,
        *,
        today: date | None = None,
        folders: Mapping[str, str | Path] | None = None,
        engagement: Engagement | None = None,
    ) -> None:
        self.questionnaire = load_questionnaire(sector)
        self.forms = {form.vendor: form for form in (example_vendors(sector) if vendors is None else vendors)}
        if not self.forms or (vendors is not None and len(self.forms) < len(vendors)):
            raise UserError("The scorecard needs at least one vendor, and each name once.")
        self.today = today or example_day()
        self.folders = dict(folders or {})
        if vendors is None and folders is None:
            self.folders = self._example_folders(sector)
        default = example_engagement(sector) if vendors is None else Engagement()
        self.engagement = engagement or default
        self._assess()

    def _example_folders(self, sector: str) -> dict[str, Path]:
        place = tempfile.mkdtemp(prefix="vendors-")
        weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        return write_example_evidence(sector, Path(place) / "evidence")

    def _assess(self) -> None:
        for name in self.forms:
            self.assess(name)

    def assess(
        self, vendor: str | None = None, *, months_later: int = 0, **engagement: Any
    ) -> VendorAssessment:
        """Return the assessment of one vendor; the first by default.

        Args:
            vendor: its name.
            months_later: how long after ``today``; documents grow old, certificates expire.
            engagement: other facts, as in :class:`Engagement`: ``data``, ``essential``, ``ai``.

        Raises:
            UserError: if the vendor or a fact is not known, or the months are not 0 to 24.
        """
        name = next(iter(self.forms)) if vendor is None else vendor
        if name not in self.forms:
            raise UserError(f"There is no vendor '{shown(name)}': choose from {', '.join(self.forms)}.")
        if not 0 <= months_later <= MOST_MONTHS:
            raise UserError(f"The months later are 0 to {MOST_MONTHS}.")
        known = Engagement.model_fields.keys() - {"service"}
        if unknown := set(engagement) - known:
            raise UserError(
                f"There is no fact '{shown(min(unknown))}': choose from {', '.join(sorted(known))}."
            )
        bought = _engagement(self.engagement, engagement)
        day = add_months(self.today, months_later)
        folder = self.folders.get(name)
        return assess_vendor(self.forms[name], self.questionnaire, day, folder, engagement=bought)

    def look(
        self,
        vendor: str | None = None,
        *,
        area: str = ALL_AREAS,
        months_later: int = 0,
        **engagement: Any,
    ) -> Note:
        """Return one vendor in words: the text equivalent of the widget; arguments as in :meth:`assess`.

        Args:
            vendor: its name.
            area: whose gaps are listed: an id such as ``"ai"``, or ``"all areas"``.
            months_later: how long after ``today``.
            engagement: other facts.
        """
        if area not in (ALL_AREAS, *self.questionnaire.areas):
            raise UserError(
                f"There is no area '{shown(area)}': choose from {', '.join(self.questionnaire.areas)}."
            )
        found = self.assess(vendor, months_later=months_later, **engagement)
        return Note(found.vendor, found.sentence(), before=(self.table(found), self.gaps(found, area)))

    def compare(self, *, months_later: int = 0, **engagement: Any) -> Table:
        """Return all vendors side by side; arguments as in :meth:`assess`."""
        found = [self.assess(name, months_later=months_later, **engagement) for name in self.forms]
        frame = compare_vendors(found)
        rows = [(str(name), *row) for name, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
        after = "Nothing is added up: a vendor with one critical gap has one critical gap."
        return Table("Vendors side by side", ("Area", *frame.columns), rows, after)

    def show(self) -> None:
        """Show the widget, and under it all vendors side by side as text.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.compare())

    def widget(self) -> Any:
        """Return the ipywidgets version: vendor, day, what is bought, and the result."""
        from secure_ai.learn.vendor_scorecard_widget import ScorecardControls

        return ScorecardControls(self).box

    @staticmethod
    def table(found: VendorAssessment) -> Table:
        """Return one vendor's areas: good by its word, shown by documents, and the worst that is open."""
        rows = []
        for area in found.areas:
            said = area.shown + area.not_shown
            rows.append(
                (
                    area.title,
                    f"{said} of {area.asked}",
                    f"{area.shown} of {area.asked}",
                    area.level.value if area.shown < area.asked else "nothing open",
                )
            )
        return Table(
            f"{found.vendor}, {found.assessed_on}",
            ("Area", "Good by its word", "Shown by documents", "Worst that is open"),
            rows,
        )

    @staticmethod
    def gaps(found: VendorAssessment, area: str = ALL_AREAS) -> Listing:
        """Return what is not shown to be good, the worst first, with the reason."""
        why: dict[str, list[str]] = {}
        for flag in found.flags:
            why.setdefault(flag.question, []).append(flag.sentence)
        left = [gap for gap in found.gaps if area in (ALL_AREAS, gap.area)]
        rows = []
        for gap in left:
            said = f"answer: {gap.answer}" if gap.answer else "no answer that can be read"
            reason = " ".join(why.get(gap.question, [])) or f"Wanted: {gap.wanted}."
            rows.append((gap.text, gap.level.value, f"{STATUS_WORDS[gap.status]} ({said})", reason))
        title = f"Open questions of {found.vendor}" if rows else f"No open question of {found.vendor}"
        return Listing(title, ("Question", "Level", "State", "Why"), rows)

    @staticmethod
    def picture(found: VendorAssessment) -> str:
        """Return the picture of the areas as HTML, with its text."""
        buffer = io.BytesIO()
        plot_areas(found).savefig(buffer, format="png", dpi=80)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        words = f"{areas_sentence(found)}. {areas_summary(found)}"
        escaped = words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return f'<img alt="{escaped}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _engagement(start: Engagement, facts: Mapping[str, Any]) -> Engagement:
    try:
        return Engagement.model_validate({**start.model_dump(), **facts})
    except ValueError:
        raise UserError(
            "An engagement has data (identified, deidentified or none), essential (True or False) and ai "
            "(True or False)."
        ) from None
