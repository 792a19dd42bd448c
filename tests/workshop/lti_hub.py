"""A hub that takes launches, without proxy and seats; JupyterHub reads this file as its configuration."""

import json
import os
import sys

sys.path.insert(0, os.environ["KIT"])
from jupyterhub.proxy import Proxy

from secure_ai.workshop.hub import lti
from secure_ai.workshop.hub.room import Room


class NoProxy(Proxy):
    """The test asks the hub itself."""

    should_start = False

    async def add_route(self, routespec, target, data): ...
    async def delete_route(self, routespec): ...
    async def get_all_routes(self):
        return {}


room = Room.from_environment()
settings = room.settings()
c = get_config()  # noqa: F821 - JupyterHub puts it there
hub, port = c.JupyterHub, int(os.environ["HUB_PORT"])
hub.bind_url = hub.hub_bind_url = f"http://127.0.0.1:{port}"
hub.proxy_class = NoProxy
hub.db_url = f"sqlite:///{room.hub_file}"
hub.cookie_secret_file = str(room.private / "cookie.secret")
hub.spawner_class = "simple"
hub.load_roles = json.loads("[]")
c.Authenticator.allowed_users = {seat.name for seat in settings.seats} | {"instructor"}
lti.configure(c, room, settings)
