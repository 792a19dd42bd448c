"""Configure JupyterHub from the settings of the room that SECURE_AI_ROOM names."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

KIT = Path(__file__).resolve().parents[3]
if str(KIT) not in sys.path:
    sys.path.insert(0, str(KIT))

from secure_ai.workshop.hub import limits, seats, sign_in  # noqa: E402
from secure_ai.workshop.hub.codes import INSTRUCTOR  # noqa: E402
from secure_ai.workshop.hub.room import BOARD, VARIABLE, Room, Settings  # noqa: E402

# A learner who comes after the others have left, and an instructor who overruns: the kit's own choice.
LONGER_MINUTES = 240
SHORTEST_MINUTES = 720
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; "
        "form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SEAT_SCOPES = ["users:activity!user", "access:servers!server", f"access:services!service={BOARD}"]


def token(path: Path) -> str:
    """Return a service's token, made (0600) where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    return path.read_text(encoding="ascii").strip()


def services(room: Room, settings: Settings) -> list[dict[str, Any]]:
    """Return the services that the hub runs, each of which ends with it."""
    scheme = "https" if settings.inner_tls else "http"
    tied = [settings.hub_python, "-m", "secure_ai.workshop.hub.limits"]
    inside = {"PYTHONPATH": str(KIT), VARIABLE: str(room.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    found = [
        {
            "name": BOARD,
            "url": f"{scheme}://127.0.0.1:{settings.inner_ports[2]}",
            "command": [*tied, settings.hub_python, "-m", "secure_ai.workshop.hub.board"],
            "api_token": token(room.board_token_file),
            "environment": inside,
            "oauth_no_confirm": True,
            "display": False,
        },
        {
            "name": "prestart",
            "command": [*tied, settings.hub_python, "-m", "secure_ai.workshop.hub.prestart"],
            "environment": inside,
            "display": False,
        },
        # The command line: no process, a token alone.
        {"name": "room", "api_token": token(room.admin_token_file), "display": False},
    ]
    if settings.idle_minutes > 0:
        culler = [
            *(settings.hub_python, "-m", "jupyterhub_idle_culler"),
            *(f"--timeout={settings.idle_minutes * 60}", "--cull-every=60", "--concurrency=2"),
        ]
        if settings.inner_tls:
            culler += ["--ssl-enabled=true", f"--internal-certs-location={room.private / 'internal-ssl'}"]
        found.append(
            {"name": "idle-culler", "command": [*tied, *culler], "environment": inside, "display": False}
        )
    return found


ROLES = [
    {"name": "user", "scopes": ["self", f"access:services!service={BOARD}"]},
    {"name": "server", "scopes": SEAT_SCOPES},
    {
        "name": "board",
        "services": [BOARD],
        "scopes": ["list:users", "read:users", "read:users:activity", "read:servers", "read:hub"],
    },
    {"name": "prestart", "services": ["prestart"], "scopes": ["servers", "read:users", "list:users"]},
    {
        "name": "room",
        "services": ["room"],
        "scopes": ["admin:users", "admin:servers", "read:hub", "read:services", "list:services", "shutdown"],
    },
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
]


def configure(c: Any, room: Room, settings: Settings) -> None:
    """Set everything that JupyterHub is told."""
    configure_doors(c, room, settings)
    configure_hub(c, room, settings)
    configure_seats(c, room, settings)
    if settings.more.get("lti"):
        from secure_ai.workshop.hub import lti

        lti.configure(c, room, settings)


def configure_doors(c: Any, room: Room, settings: Settings) -> None:
    """Set where the hub and its proxy listen, and that they talk by TLS."""
    hub, proxy = c.JupyterHub, c.ConfigurableHTTPProxy
    scheme = "https" if settings.inner_tls else "http"
    public = "https" if settings.more.get("certificate") else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    hub.bind_url = f"{public}://{host}:{settings.port}"
    hub.hub_bind_url = f"{scheme}://127.0.0.1:{settings.inner_ports[0]}"
    hub.hub_connect_ip = "127.0.0.1"
    if settings.more.get("certificate"):
        hub.ssl_cert, hub.ssl_key = settings.more["certificate"], settings.more["key"]
    proxy.command = [settings.node, settings.proxy] if settings.node else [settings.proxy]
    proxy.api_url = f"{scheme}://127.0.0.1:{settings.inner_ports[1]}"
    proxy.pid_file = str(room.private / "proxy.pid")
    proxy.auth_token = secrets.token_hex(32)
    hub.internal_ssl = settings.inner_tls
    hub.internal_certs_location = str(room.private / "internal-ssl")


def configure_hub(c: Any, room: Room, settings: Settings) -> None:
    """Set who gets in, what is kept, and what the hub runs beside the seats."""
    hub = c.JupyterHub
    hub.db_url = f"sqlite:///{room.hub_file}"
    hub.cookie_secret_file = str(room.private / "cookie.secret")
    minutes = max(settings.minutes + LONGER_MINUTES, SHORTEST_MINUTES)
    hub.cookie_max_age_days = minutes / 1440
    hub.tornado_settings = {
        "headers": SECURITY_HEADERS,
        "cookie_options": {
            "samesite": "Lax",
            "expires_days": minutes / 1440,
            **({"secure": True} if settings.more.get("certificate") else {}),
        },
        "slow_spawn_timeout": 1,
    }
    hub.template_paths = [str(sign_in.TEMPLATES)]
    hub.template_vars = {"room_name": settings.name, "isolated": settings.own_users}
    hub.default_url = sign_in.after_sign_in
    hub.log_level = "INFO"
    hub.answer_yes = True
    hub.shutdown_on_logout = False
    # A hub that ends, or is killed, leaves the seats at work; the next one finds them.
    hub.cleanup_servers = False
    hub.cleanup_proxy = True
    hub.allow_named_servers = False
    hub.implicit_spawn_seconds = 2.0  # a seat that ended starts again when its page is loaded
    hub.concurrent_spawn_limit = 0  # the spawner makes learners wait; this would turn them away
    hub.active_server_limit = 0
    hub.authenticate_prometheus = True
    hub.services = services(room, settings)
    hub.load_roles = ROLES

    hub.authenticator_class = sign_in.CodeAuthenticator
    c.CodeAuthenticator.room = room
    c.Authenticator.allowed_users = {seat.name for seat in settings.seats} | {INSTRUCTOR}
    c.Authenticator.admin_users = {INSTRUCTOR}
    c.Authenticator.delete_invalid_users = False


def configure_seats(c: Any, room: Room, settings: Settings) -> None:
    """Set how a seat is started."""
    c.JupyterHub.spawner_class = seats.SeatSpawner
    spawner = c.SeatSpawner
    spawner.room = room
    spawner.settings = settings
    spawner.at_once = 2 * (os.cpu_count() or 1)
    spawner.cmd = [
        *seats._plain_python(settings.hub_python),
        str(limits.WARM),
        "ask",
        str(room.server_socket),
    ]
    spawner.default_url = settings.more.get("landing", "/lab")
    spawner.notebook_dir = str(room.homes / "{username}")
    spawner.server_token_scopes = SEAT_SCOPES
    spawner.env_keep = []
    spawner.start_timeout = 600  # waiting for its turn counts
    spawner.http_timeout = 90
    spawner.poll_interval = 10
    spawner.consecutive_failure_limit = 0
    c.LocalProcessSpawner.interrupt_timeout = 5  # of services too
    c.LocalProcessSpawner.term_timeout = 5
    c.LocalProcessSpawner.poll_interval = (
        3  # a board that ended is started again after at most so many seconds
    )
    spawner.disable_user_config = False


def mend_start_of_services() -> None:
    """Have the hub reach its services by TLS as a client.

    JupyterHub 6.1.1 hands ``start_service`` the context of its own server, with which no client connects, and
    gives the service up after thirty seconds; without one, it makes the right context itself.
    """
    from jupyterhub.app import JupyterHub

    start = JupyterHub.start_service

    async def start_service(app: Any, name: str, service: Any, ssl_context: Any = None) -> bool:
        return await start(app, name, service)

    JupyterHub.start_service = start_service


if "get_config" in globals():
    _room = Room.from_environment()
    _settings = _room.settings()
    seats.prepare(_room, _settings)
    limits.make_groups(_settings)
    mend_start_of_services()
    configure(get_config(), _room, _settings)  # noqa: F821 - JupyterHub puts it there
