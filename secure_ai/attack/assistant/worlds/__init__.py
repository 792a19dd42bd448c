"""The invented clinic and bank that an assistant is tried in, stored: no generator of data is needed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from functools import cache
from importlib import resources

from pydantic import TypeAdapter

from secure_ai.attack.assistant.world import ROLES, World
from secure_ai.core.errors import UserError

ROWS, SEED = 1_200, 7
"""Of the synthetic tables that the stored worlds were made of: enough that every role has someone in care."""


def stored_world(sector: str) -> World:
    """Return the stored world of a sector: ``World.of`` over the kit's synthetic tables.

    Raises:
        UserError: if the sector is unknown.
    """
    if sector not in ROLES:
        raise UserError(f"There is no world of the sector {sector!r}; choose one of {', '.join(ROLES)}.")
    # Facts are cached in what copies share: each caller begins with none.
    return replace(_read(sector), shared={})


def world_bytes(world: World) -> bytes:
    """Return a world as JSON; :func:`stored_world` reads it, packed with gzip."""
    return _adapter().dump_json(replace(world, shared={}), exclude={"shared"})


@cache
def _read(sector: str) -> World:
    packed = (resources.files(__name__) / f"{sector}.json.gz").read_bytes()
    return _adapter().validate_json(gzip.decompress(packed))


@cache
def _adapter() -> TypeAdapter[World]:
    return TypeAdapter(World)
