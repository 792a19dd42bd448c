"""A learner's seat in a workshop: tells the instructor's board what checks found, and shows what it answers.

Nothing here does anything without ``SECURE_AI_BOARD``, which a workshop sets. What is sent after a check: the
lab, the task, the status, the check's message (the board masks values in it) and the number of the last hint.
Code and data of a learner are sent by :func:`submit` alone, which the learner calls.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.project import find_root

if TYPE_CHECKING:
    import httpx

    from secure_ai.learn.display import Note

BOARD_VARIABLE = "SECURE_AI_BOARD"
CERTIFICATE_VARIABLE = "SECURE_AI_BOARD_CERTIFICATE"
TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"
MOST_BYTES = 12 * 1024 * 1024
MOST_WAITING = 500
SEND_SECONDS = 3.0
SUBMIT_SECONDS = 30.0
POLL_SECONDS = 20
LAST_SECONDS = 1.5
PAUSES = (0.5, 1, 2, 5, 10, 20)
GIVEN_UP = frozenset({400, 404, 405, 413})


class Seat:
    """What is to be sent, and the thread that sends it.

    Args:
        address: of the board, ending with a slash.
        token: of this seat.
    """

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token
        self.process = os.getpid()
        self.waiting: deque[dict[str, Any]] = deque()
        self.latest: dict[tuple[str, str], dict[str, Any]] = {}
        self.board = ""
        self.changed = threading.Condition()
        self.ending = False
        self.sender: threading.Thread | None = None

    def put(self, event: dict[str, Any]) -> None:
        """Have an event sent; returns at once."""
        with self.changed:
            place = event["lab"], event["task"]
            solved = place in self.latest and self.latest[place]["status"] == "correct"
            if event["status"] not in ("hint", "not_attempted") and not solved:
                self.latest[place] = event
            if len(self.waiting) >= MOST_WAITING:
                # The board is away for long: what it needs to know is how things stand now.
                self.waiting = deque(self.latest.values())
                while len(self.waiting) >= MOST_WAITING:
                    self.waiting.popleft()
            self.waiting.append(event)
            if self.sender is None:
                self.sender = threading.Thread(target=self._run, daemon=True, name="seat")
                self.sender.start()
                atexit.register(self.flush, LAST_SECONDS)
            self.changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until all is sent, at most so long; return whether it is."""
        with self.changed:
            return self.changed.wait_for(lambda: not self.waiting, seconds)

    def close(self) -> None:
        """End the thread."""
        with self.changed:
            self.ending = True
            self.changed.notify_all()

    def client(self, seconds: float) -> httpx.Client:
        """Return a client that sends this seat's token, and through no proxy of the institution."""
        import ssl

        import httpx

        verify: Any = True
        if self.address.startswith("https:"):
            own = os.environ.get(CERTIFICATE_VARIABLE, "").strip()
            verify = ssl.create_default_context(cafile=own or os.environ.get("SSL_CERT_FILE") or None)
            if own:
                # The room's own certificate and no other, whoever issued it; it is for the name that learners
                # type, and here the room is called by a number.
                verify.check_hostname = False
                verify.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return httpx.Client(
            base_url=self.address,
            headers={"Authorization": f"token {self.token}"},
            timeout=seconds,
            trust_env=False,
            verify=verify,
        )

    def _run(self) -> None:
        client, failures = None, 0
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or self.ending)
                if self.ending:
                    break
                event = self.waiting[0]
            try:
                client = client or self.client(SEND_SECONDS)
                answer = client.post("api/event", json=event)
                done = answer.status_code < 300 or answer.status_code in GIVEN_UP
                board = str(answer.json().get("board", "")) if answer.status_code < 300 else ""
            except Exception:
                done, board = False, ""
            failures = 0 if done else failures + 1
            with self.changed:
                # Overtaken while it was sent, where the queue was made anew.
                if done and self.waiting and self.waiting[0] is event:
                    self.waiting.popleft()
                if board and self.board and board != self.board:
                    # A board that begins anew knows nothing of this seat.
                    known = {id(one) for one in self.waiting} | {id(event)}
                    self.waiting.extendleft(
                        one for one in reversed(self.latest.values()) if id(one) not in known
                    )
                self.board = board or self.board
                self.changed.notify_all()
                if failures:
                    pause = PAUSES[min(failures, len(PAUSES)) - 1]
                    self.changed.wait_for(lambda: self.ending, pause)
        if client is not None:
            client.close()


_seats: dict[int, Seat] = {}


def here() -> Seat | None:
    """Return this process's seat, or None where there is no workshop."""
    address, token = os.environ.get(BOARD_VARIABLE, "").strip(), os.environ.get(TOKEN_VARIABLE, "").strip()
    if not address.startswith(("http://", "https://")) or not token:
        return None
    address = address if address.endswith("/") else address + "/"
    seat = _seats.get(os.getpid())
    if seat is None or (seat.address, seat.token) != (address, token):
        if seat is not None:
            seat.close()
        seat = Seat(address, token)
        _seats.clear()  # a fork has its own
        _seats[os.getpid()] = seat
    return seat


def tell(lab: str, task: str, status: str, message: str = "", hints_used: int = 0) -> None:
    """Tell the board what happened, in the background; never raises, and does nothing without a workshop.

    Args:
        lab: key of the lab.
        task: name of the task; empty where the lab was opened.
        status: a check's status, ``opened`` or ``hint``.
        message: the check's own.
        hints_used: number of the last hint that was shown.
    """
    try:
        seat = here()
        if seat is not None:
            sector = os.environ.get("SECURE_AI_SECTOR", "")[:40]
            seat.put(
                {
                    "lab": lab[:200], "task": task[:200], "status": status, "message": message[:1_000],
                    "hints_used": hints_used, "sector": sector,
                }
            )  # fmt: skip
    except Exception:
        return


def submit(lab: Any, path: str | Path | None = None) -> Note:
    """Hand a lab in: send your notebook, as it was saved last, to your instructor.

    What is sent is the whole file: its text, your code and the outputs that it shows. Nothing is sent before
    you call this, and nothing else.

    Args:
        lab: the lab (``lab``), or its key.
        path: the notebook; by default the one that this kernel runs, or the lab's own.

    Returns:
        A note that says what was sent.

    Raises:
        UserError: if there is no workshop, no such notebook, it is no notebook or too large, or the board
            cannot take it.
    """
    from secure_ai.learn.display import Note

    seat = here()
    if seat is None:
        raise UserError("There is no workshop here to hand in to: your work is in your own files.")
    key = lab if isinstance(lab, str) else getattr(getattr(lab, "lab", lab), "key", "")
    file = Path(path) if path is not None else _notebook(key)
    try:
        data = file.read_bytes()
        saved = datetime.fromtimestamp(file.stat().st_mtime)
    except OSError:
        raise UserError("The notebook cannot be read: save it (Ctrl+S), then submit again.") from None
    if len(data) > MOST_BYTES:
        raise UserError(
            f"The notebook has {len(data) / 2**20:.0f} MiB, {MOST_BYTES // 2**20} at most can be handed in: "
            "clear its outputs, save it, then submit again."
        )
    try:
        node = json.loads(data)
        if not isinstance(node["cells"], list):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError("The file is no notebook: give the path of your lab's notebook.") from None
    _send(seat, key, node)
    size = f"{max(len(data) // 1024, 1):,} KiB"
    return Note(
        "Handed in",
        f"`{file.name}` as you saved it at {saved:%H:%M}, {size}: its text, your code and the outputs "
        "that it shows. Your instructor can open it now. Submit again after a change: the newest counts.",
    )


def _send(seat: Seat, key: str, node: Any) -> None:
    try:
        with seat.client(SUBMIT_SECONDS) as client:
            answer = client.post("api/submit", json={"lab": key, "notebook": node})
        status = answer.status_code
    except Exception as error:
        raise UserError(
            f"The board does not answer ({type(error).__name__}): nothing was sent, try again in a minute."
        ) from None
    if status == 429:
        raise UserError("You handed in a moment ago: wait a minute, then submit again.")
    if status >= 300:
        raise UserError(f"The board did not take it (status {status}): show this to your instructor.")


def _notebook(key: str) -> Path:
    """Return the learner's notebook: the one of this kernel if it is the lab's, else the lab by its name."""
    root = find_root()
    session = os.environ.get("JPY_SESSION_NAME", "")
    places = [Path.cwd() / f"{key}.ipynb", Path.cwd() / "labs" / f"{key}.ipynb"]
    if session.endswith(".ipynb"):
        places = [Path(session), Path.home() / session, Path.cwd() / Path(session).name, *places]
    if root is not None:
        places.append(root / "labs" / f"{key}.ipynb")
    for place in places:
        if place.stem.startswith(key) and place.is_file():
            return place
    raise UserError("The lab's notebook was not found: give its path, as in submit(lab, 'my_lab.ipynb').")
