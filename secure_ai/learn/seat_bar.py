"""The bar at the top of a lab in a workshop: time left, the step of the agenda, and hints that arrive."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from secure_ai.learn.display import Note, box, compact, inline, show_with_text
from secure_ai.learn.seat import PAUSES, POLL_SECONDS, Seat, here

if TYPE_CHECKING:
    import ipywidgets

MOST_SHOWN = 3
AWAY = "The instructor's board does not answer. Your work goes on as before."
HOW_TO_SUBMIT = (
    "To hand a lab in, save it and run `from secure_ai.learn import submit; submit(lab)`: this sends the "
    "whole notebook. Nothing else of your code or data is sent."
)


class Bar:
    """What the board said last, and the thread that asks for more.

    Args:
        seat: whose bar this is.
        clock: seconds.
    """

    def __init__(self, seat: Seat, clock: Callable[[], float] = time.monotonic) -> None:
        self.seat, self.clock = seat, clock
        self.timer: dict[str, Any] = {}
        self.told_at = 0.0
        self.messages: list[dict[str, Any]] = []
        self.since = 0
        self.board = ""
        self.away = False
        self.ended = threading.Event()
        self.first = threading.Event()
        self.listener: threading.Thread | None = None
        self.line: ipywidgets.HTML | None = None
        self.news: ipywidgets.HTML | None = None

    # ------------------------------------------------------------------------------------ listening

    def listen(self) -> None:
        """Begin to listen, once."""
        if self.listener is None:
            self.listener = threading.Thread(target=self._run, daemon=True, name="seat-bar")
            self.listener.start()

    def close(self) -> None:
        """Stop listening."""
        self.ended.set()

    def _run(self) -> None:
        client, failures = None, 0
        while not self.ended.is_set():
            try:
                client = client or self.seat.client(POLL_SECONDS + 10)
                wait = POLL_SECONDS if self.first.is_set() and not failures else 0
                answer = client.get("api/inbox", params={"since": self.since, "wait": wait})
                answer.raise_for_status()
                self.take(answer.json())
                failures = 0
            except Exception:
                failures += 1
                self.away = failures > 1
            self.first.set()
            # A widget that the page has closed must not end the thread.
            try:
                self.draw()
            except Exception:
                failures = max(failures, 1)
            pause = PAUSES[min(failures, len(PAUSES)) - 1] if failures else 0.2
            self.ended.wait(pause)

    def take(self, answer: dict[str, Any]) -> None:
        """Take in what the board answered."""
        board = str(answer.get("board", ""))
        if self.board and board != self.board:
            self.messages = []
        known = {one["id"] for one in self.messages}
        fresh = [one for one in answer["messages"] if one["id"] not in known]
        self.messages = [*self.messages, *fresh][-MOST_SHOWN:]
        self.board, self.since = board, int(answer["last"])
        self.timer, self.told_at, self.away = dict(answer["timer"]), self.clock(), False

    # -------------------------------------------------------------------------------------- showing

    def state(self) -> str:
        """Return one line: time left, the step, what is next."""
        if not self.timer:
            return AWAY if self.away else "Waiting for the instructor's board."
        timer = self.timer
        passed = self.clock() - self.told_at if timer["running"] else 0
        left = timer["left"] - passed
        minutes = math.ceil(left / 60) if left > 0 else math.floor(left / 60)
        unit = "minute" if abs(minutes) == 1 else "minutes"
        words = f"{minutes} {unit} left" if left > 0 else f"{-minutes} {unit} over time"
        parts = [words + ("" if timer["running"] else " (the timer stands)")]
        parts.append(f"Step {timer['step']} of {timer['of']}: {timer['title']}")
        if timer["next"]:
            parts.append(f"Next: {timer['next']}")
        return " · ".join(parts) + (f" · {AWAY}" if self.away else "")

    def said(self) -> list[str]:
        """Return what the instructor said last, newest first."""
        lines = []
        for one in reversed(self.messages):
            about = f" on `{one['task']}`" if one.get("task") else ""
            kind = "Hint" if one.get("kind") == "hint" else "Announcement"
            lines.append(f"{kind} from your instructor{about}: {one['text']}")
        return lines

    def note(self) -> Note:
        """Return the same as text."""
        return Note("Workshop", " ".join([self.state().rstrip(".") + ".", *self.said(), HOW_TO_SUBMIT]))

    def draw(self) -> None:
        """Bring the widgets up to date; what did not change stays, so that nothing is read out twice."""
        if self.line is None or self.news is None:
            return
        line = compact(f'<div role="timer" aria-live="off">{inline(self.state())}</div>')
        body = "".join(f"<p>{inline(text)}</p>" for text in self.said())
        news = f'<div role="status" aria-live="polite">{box(body) if body else ""}</div>'
        for widget, value in ((self.line, line), (self.news, news)):
            if widget.value != value:
                widget.value = value

    def widget(self) -> ipywidgets.Widget:
        """Return the bar: one line, what was said under it, and a button that puts that away."""
        import ipywidgets

        if self.line is None:
            self.line, self.news = ipywidgets.HTML(), ipywidgets.HTML()
        seen = ipywidgets.Button(
            description="Put messages away",
            tooltip="Messages that arrive later are shown again",
            layout={"width": "auto"},
        )
        seen.on_click(self._put_away)
        self.draw()
        return ipywidgets.VBox(
            [ipywidgets.HBox([self.line, seen], layout={"flex_flow": "row wrap"}), self.news]
        )

    def _put_away(self, _: Any) -> None:
        self.messages = []
        self.draw()


_bars: dict[int, Bar] = {}


def bar() -> Bar | None:
    """Return this kernel's bar, listening; None where there is no workshop."""
    seat = here()
    if seat is None:
        return None
    found = _bars.get(id(seat))
    if found is None:
        for old in _bars.values():
            old.close()
        _bars.clear()
        found = _bars[id(seat)] = Bar(seat)
    found.listen()
    return found


def show_bar() -> None:
    """Show the bar in the cell that runs, with a text twin; nothing outside a kernel or without a workshop.

    Never raises: a lab begins whether or not there is a board.
    """
    try:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        found = bar() if shell is not None else None
        if found is not None:
            found.first.wait(0.8)  # so that the first picture has the time in it, where the board is quick
            show_with_text(found.widget, found.note(), folded="The same as text")
    except Exception:
        return
