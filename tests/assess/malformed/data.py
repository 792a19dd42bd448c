"""Every case of data."""

from __future__ import annotations

from tests.assess.malformed.case import Case
from tests.assess.malformed.data_containers import databases_cases
from tests.assess.malformed.data_files import cut_cases, flipped_cases, mistaken_cases
from tests.assess.malformed.data_json import json_cases
from tests.assess.malformed.data_places import places_cases
from tests.assess.malformed.data_texts import columns_cases, texts_cases


def data_cases() -> list[Case]:
    """Return every case of data."""
    return [
        *cut_cases(), *mistaken_cases(), *flipped_cases(), *texts_cases(), *json_cases(), *columns_cases(),
        *places_cases(), *databases_cases(),
    ]  # fmt: skip
