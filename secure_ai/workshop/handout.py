"""The codes as the instructor hands them out: a table on the screen, slips to cut on a page to print."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.workshop.hub.room import Room, Seat

NAME = "slips.html"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Codes of {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #111; background: #fff; }}
ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 0; padding: 0; }}
li {{ list-style: none; border: 1px dashed #555; padding: .8rem 1rem; break-inside: avoid; }}
h2 {{ font-size: 1rem; margin: 0; overflow-wrap: anywhere; }} p {{ margin: .3rem 0 0; }}
code {{ font: 700 1.5rem/1.3 ui-monospace, monospace; letter-spacing: .05em; }}
@media print {{ body {{ margin: 0; }} .note {{ display: none; }} }}
</style></head><body>
<h1>{title}: a slip for each learner</h1>
<p class="note">Print, cut, hand out, and delete this page: a code opens a seat once. A lost one is replaced
by <code style="font-size:1rem">secure-ai workshop code SEAT</code>.</p>
<ul>
{slips}
</ul></body></html>
"""
_SLIP = """<li><h2>{learner}</h2><p>{seat}. Open {address} and type</p><p><code>{code}</code></p></li>"""


def slips_file(room: Room) -> Path:
    """Return where the page with the slips is."""
    return room.private / NAME


def write_slips(
    room: Room, title: str, address: str, seats: Sequence[Seat], codes: Mapping[str, str]
) -> Path:
    """Write the page with a slip for each seat that has a new code; only the instructor may read it.

    Raises:
        UserError: if it cannot be written.
    """
    slips = "\n".join(
        _SLIP.format(
            learner=escape(seat.learner),
            seat=escape(seat.name),
            address=escape(address),
            code=escape(codes[seat.name]),
        )
        for seat in seats
        if seat.name in codes
    )
    file = slips_file(room)
    draft = file.with_suffix(".new")
    try:
        draft.unlink(missing_ok=True)
        number = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as page:
            page.write(_PAGE.format(title=escape(title), slips=slips))
        draft.replace(file)
    except OSError as error:
        raise UserError(f"The page with the codes cannot be written ({system_reason(error)}).") from None
    return file


def table(seats: Sequence[Seat], codes: Mapping[str, str]) -> str:
    """Return the codes as lines for a terminal: seat, code, learner."""
    width = max((len(seat.name) for seat in seats), default=4)
    return "\n".join(
        f"  {seat.name:<{width}}  {codes.get(seat.name, 'as before'):<9}  {seat.learner}" for seat in seats
    )
