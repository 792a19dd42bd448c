"""Events as entries of an audit trail: plain dictionaries, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

FIELDS = ("time", "actor", "action", "target", "outcome", "purpose", "event_id", "model", "data")
DETAILS = ("role", "unit", "resource", "record_count", "break_glass", "relation", "destination", "fields",
           "source")  # fmt: skip
BLOCK = 20_000


def audit_rows(events: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Each event as a dictionary: the fields of an entry, and the rest of the columns as its ``details``.

    An override is marked as an alert with its reason, as a system of records would; nothing else is.
    """
    for first in range(0, len(events), BLOCK):
        block = events.iloc[first : first + BLOCK]
        columns = {name: block[name].tolist() for name in (*FIELDS[1:], *DETAILS)}
        moments = block["time"].dt.tz_localize(None).to_numpy().astype("datetime64[ms]")
        times = np.char.add(np.datetime_as_string(moments, unit="ms"), "+00:00").tolist()
        for i, time in enumerate(times):
            details = {name: columns[name][i] for name in DETAILS}
            override, denied = details["break_glass"], columns["outcome"][i] == "denied"
            yield {
                "time": time,
                **{name: columns[name][i] for name in FIELDS[1:]},
                "reason": "emergency override" if override else "no right" if denied else "",
                "alert": override,
                "details": details,
            }
