"""A room that is open for the whole session, and the environment that it needs."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop import processes
from secure_ai.workshop.closing import down
from secure_ai.workshop.environment import HubEnvironment, hub_environment
from secure_ai.workshop.opening import Opened, up
from secure_ai.workshop.terms import Wish

ROOT = Path(__file__).resolve().parents[2]
# A name that is a formula, one with marks, and one that is written from right to left.
LEARNERS = ("Ada Lovelace", '=HYPERLINK("x")', "نورا <b>")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the hub's environment made before the first test that runs its interpreter."""
    for item in items:
        names = getattr(item, "fixturenames", [])
        if "hub_python" in names and "hub" not in names:
            names.insert(0, "hub")


def impossible(reason: str) -> None:
    """Skip, or fail where rooms must be tested."""
    if os.environ.get("SECURE_AI_REQUIRE_WORKSHOP") == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} SECURE_AI_REQUIRE_WORKSHOP=1 makes this a failure.")


@pytest.fixture(scope="session")
def hub() -> HubEnvironment:
    """The environment of the hub, made once for all who test at the same time."""
    try:
        return hub_environment(ROOT, quiet=True)
    except UserError as error:
        impossible(f"No room can be opened here: {error}")
        raise


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def opened_room(hub: HubEnvironment) -> Iterator[Opened]:
    """An open room of three seats, with users of their own where the tests run as root.

    Whoever redeems one of its codes, or changes the room, leaves it open: a code is had again by
    ``new_code``. Afterwards every process of it must be gone.
    """
    folder = Path(tempfile.mkdtemp(prefix="room-"))
    folder.chmod(0o711)
    wish = Wish(
        names=LEARNERS,
        minutes=60,
        port=free_port(),
        host="127.0.0.1",
        anyway=True,
        title="A room <for> tests",
    )
    try:
        opened = up(folder / "room", wish)
    except UserError as error:
        shutil.rmtree(folder, ignore_errors=True)
        impossible(f"No room can be opened here: {error}")
        raise
    yield opened
    running = processes.recorded(opened.room).values()
    down(opened.room.folder)
    left = [one.name for one in running if one.is_alive]
    shutil.rmtree(folder, ignore_errors=True)
    assert not left, left


@pytest.fixture(scope="session")
def room_address(opened_room: Opened) -> str:
    """The address of the open room, without a slash at the end."""
    return f"http://127.0.0.1:{opened_room.settings.port}"
