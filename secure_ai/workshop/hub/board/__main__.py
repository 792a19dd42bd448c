"""Run the board as a service of the hub: ``python -m secure_ai.workshop.hub.board``."""

from __future__ import annotations

import asyncio
import os
import signal
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer

from secure_ai.workshop.hub.board.catalog import read_catalog
from secure_ai.workshop.hub.board.classroom import Classroom
from secure_ai.workshop.hub.board.database import Database
from secure_ai.workshop.hub.board.doors import HubDoors
from secure_ai.workshop.hub.board.masking import Masker, read_vocabulary
from secure_ai.workshop.hub.board.web import NOTEBOOK_BYTES, make_application
from secure_ai.workshop.hub.codes import Codes
from secure_ai.workshop.hub.room import Room


async def main() -> None:
    """Serve until the hub ends the process."""
    os.umask(0o077)
    room = Room.from_environment()
    settings, doors = room.settings(), HubDoors()
    database = Database(room.board_file)
    codes = Codes(room.codes_file)
    classroom = Classroom(
        settings,
        read_catalog(),
        Masker(read_vocabulary()),
        database,
        signed_in=lambda: [seat for seat, used in codes.taken().items() if used is not None],
    )
    server = HTTPServer(
        make_application(classroom, doors),
        ssl_options=doors.ssl_context(),
        max_body_size=NOTEBOOK_BYTES,
        xheaders=True,
    )
    address = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
    server.listen(address.port or settings.inner_ports[2], address.hostname or "127.0.0.1")
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    server.stop()
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
