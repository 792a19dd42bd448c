"""The hub's configuration and its sign-in, asked in the hub's own environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from secure_ai.workshop.hub import codes as codes_module
from secure_ai.workshop.hub.codes import Codes
from secure_ai.workshop.hub.room import Room, Seat, Settings

KIT = Path(codes_module.__file__).parents[3]
PAGE = KIT / "secure_ai/workshop/hub/templates/login.html"

CONFIG = """
import json, sys, os
from traitlets.config import Config
from secure_ai.workshop.hub import config, seats, sign_in
from secure_ai.workshop.hub.room import Room
room = Room.from_environment(); settings = room.settings()
c = Config()
seats.prepare(room, settings)
config.configure(c, room, settings)

from jupyterhub.app import JupyterHub
from jupyterhub.roles import create_role
from jupyterhub.scopes import scope_definitions
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterlab.labapp import LabApp
from jupyter_server.serverapp import ServerApp
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from jupyterlab_server import LabServerApp

# What is set must exist: a misspelled option is silently ignored by traitlets.
classes = {one.__name__: one for one in (
    JupyterHub, ConfigurableHTTPProxy, seats.SeatSpawner, sign_in.CodeAuthenticator, LabApp, ServerApp,
    KernelManager, KernelSpecManager, MappingKernelManager, LabServerApp, *seats.SeatSpawner.mro(),
    *sign_in.CodeAuthenticator.mro())}
unknown = [f"{name}.{key}" for source in (c, seats.SERVER_SETTINGS) for name, part in source.items()
           for key in part if not classes[name].class_traits(config=True).get(key)]
scopes = {scope.split("!")[0] for role in config.ROLES for scope in role["scopes"]}
seat = seats.SeatSpawner(config=c)
print(json.dumps({
    "unknown": unknown,
    "unknown_scopes": sorted(scope for scope in scopes if scope not in scope_definitions),
    "hub": {key: c.JupyterHub[key] for key in ("hub_bind_url", "internal_ssl", "cookie_max_age_days",
        "cleanup_servers", "allow_named_servers", "concurrent_spawn_limit")},
    "services": c.JupyterHub.services, "admins": sorted(c.Authenticator.admin_users),
    "allowed": sorted(c.Authenticator.allowed_users), "roles": config.ROLES,
    "cookies": c.JupyterHub.tornado_settings["cookie_options"],
    "environment": seats.environment_of(room, settings, settings.seats[0]),
    "proxy": c.ConfigurableHTTPProxy.command, "cmd": c.SeatSpawner.cmd,
    "shown": c.JupyterHub.template_vars,
}))
"""

SIGN_IN = """
import asyncio, json, sys
from secure_ai.workshop.hub import sign_in
from secure_ai.workshop.hub.room import Room

class Request: remote_ip = "192.0.2.1"
class Page:
    request = Request(); refused = status = None
    def __init__(self): self.headers = {}; self.db = None
    def set_header(self, name, value): self.headers[name] = value
    def find_user(self, name): return None

async def main():
    gate = sign_in.CodeAuthenticator(room=Room.from_environment())
    gate.allow_all = True
    for typed in json.loads(sys.argv[1]):
        page = Page()
        got = await gate.authenticate(page, {"code": typed})
        print(json.dumps([got, page.refused, page.status, page.headers]))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def hub_python() -> str:
    """The interpreter of the hub's environment."""
    places = [os.environ.get("SECURE_AI_HUB_PYTHON", ""), KIT / ".venv-workshop/bin/python"]
    for place in places:
        if place and Path(place).is_file():
            return str(place)
    message = "the hub's environment is not there: python kit.py workshop makes it"
    if os.environ.get("SECURE_AI_REQUIRE_WORKSHOP") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, hub_python: str) -> Room:
    """A room of two, not open."""
    room = Room(tmp_path_factory.mktemp("room"))
    room.write_settings(
        Settings(
            name="Room <b>7</b>",
            port=8000,
            inner_ports=(8001, 8002, 8003),
            path="security",
            sector="banking",
            minutes=90,
            seats=(Seat("seat-01", "Ada Lovelace", 1), Seat("seat-02", "Bob", 2)),
            kit="/kit",
            kit_python="/kit/.venv/bin/python",
            hub_python=hub_python,
            node="/usr/bin/node",
            proxy="/proxy",
        )
    )
    return room


def ask(python: str, room: Room, text: str, *arguments: str) -> list[Any]:
    """Run a text in the hub's environment, and return the JSON that it prints, line by line."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [python, "-c", text, *arguments],
        env=kept
        | {"PYTHONPATH": str(KIT), "SECURE_AI_ROOM": str(room.folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def config(hub_python: str, room: Room) -> dict[str, Any]:
    """What the configuration says."""
    (answer,) = ask(hub_python, room, CONFIG)
    return answer


def test_every_option_and_scope_that_is_set_exists(config: dict[str, Any]) -> None:
    assert config["unknown"] == []
    assert config["unknown_scopes"] == []


def test_only_the_instructor_is_admin_and_only_seats_get_in(config: dict[str, Any]) -> None:
    assert config["admins"] == ["instructor"]
    assert config["allowed"] == ["instructor", "seat-01", "seat-02"]


def test_a_learner_may_use_their_own_seat_and_the_board_alone(config: dict[str, Any]) -> None:
    roles = {role["name"]: role["scopes"] for role in config["roles"]}
    assert roles["user"] == ["self", "access:services!service=board"]
    assert all(scope.endswith(("!user", "!server", "!service=board")) for scope in roles["server"])
    # The board sees who works, and can start, stop or enter nobody's seat.
    assert not [scope for scope in roles["board"] if not scope.startswith(("list:", "read:"))]


def test_what_listens_inside_listens_on_this_machine_alone_and_by_tls(config: dict[str, Any]) -> None:
    assert config["hub"]["internal_ssl"] is True
    assert config["hub"]["hub_bind_url"] == "https://127.0.0.1:8001"
    (board,) = [one for one in config["services"] if one["name"] == "board"]
    assert board["url"] == "https://127.0.0.1:8003"
    assert config["proxy"] == ["/usr/bin/node", "/proxy"]


def test_a_hub_that_ends_leaves_the_seats_at_work_and_turns_nobody_away(config: dict[str, Any]) -> None:
    assert config["hub"]["cleanup_servers"] is False
    assert config["hub"]["concurrent_spawn_limit"] == 0
    assert config["hub"]["allow_named_servers"] is False


def test_the_cookie_lives_as_long_as_the_workshop_and_no_longer_than_a_day(config: dict[str, Any]) -> None:
    assert 90 / 1440 < config["hub"]["cookie_max_age_days"] <= 1
    assert config["cookies"]["expires_days"] == config["hub"]["cookie_max_age_days"]
    assert config["cookies"]["samesite"] == "Lax"


def test_no_secret_is_on_a_command_line_and_tokens_are_private(config: dict[str, Any], room: Room) -> None:
    tokens = [one["api_token"] for one in config["services"] if "api_token" in one]
    assert len(tokens) == len(set(tokens)) == 2
    for one in config["services"]:
        assert not any(token in part for part in one.get("command", []) for token in tokens)
        assert not any(token in part for part in one.get("environment", {}).values() for token in tokens)
    for file in (room.board_token_file, room.admin_token_file):
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text() in tokens


def test_a_seat_knows_its_own_name_and_nobodys_secret(config: dict[str, Any], room: Room) -> None:
    environment = config["environment"]
    assert environment["SECURE_AI_LEARNER"] == "seat-01"
    assert environment["SECURE_AI_BOARD"] == "http://127.0.0.1:8000/services/board/"
    assert environment["SECURE_AI_SOLUTIONS"] == str(room.solutions)
    assert environment["HOME"] == str(room.home("seat-01"))
    assert "Ada" not in json.dumps(environment)
    assert str(room.private) not in json.dumps(environment)


def test_seats_have_one_kernel_and_ask_the_network_for_nothing(config: dict[str, Any], room: Room) -> None:
    folder = room.shared / "jupyter"
    assert [path.name for path in (folder / "kernels").iterdir()] == ["python3"]
    kernel = json.loads((folder / "kernels/python3/kernel.json").read_text())
    assert kernel["argv"][0] == "/kit/.venv/bin/python"
    assert kernel["argv"][-1] == "{connection_file}"
    server = json.loads((folder / "config/jupyter_server_config.json").read_text())
    assert server["LabApp"]["news_url"] is None
    assert server["LabApp"]["check_for_updates_class"].endswith("NeverCheckForUpdate")
    assert server["ServerApp"]["terminals_enabled"] is False
    assert server["ServerApp"]["jpserver_extensions"]["jupyter_lsp"] is False


# ---------------------------------------------------------------------------------------------- seats

SEAT = """
import asyncio, json, os, stat, sys
from types import SimpleNamespace
from secure_ai.workshop.hub import seats
from secure_ai.workshop.hub.room import Room
room = Room.from_environment(); settings = room.settings()
object.__setattr__(settings, "own_users", os.geteuid() == 0)
for folder in (room.folder, *room.folder.parents):
    if os.geteuid() == 0 and folder != folder.parent and folder.stat().st_uid == 0:
        folder.chmod(folder.stat().st_mode | 0o011)
room.homes.mkdir(exist_ok=True); room.homes.chmod(0o711)
room.run.mkdir(exist_ok=True); room.run.chmod(0o711)
spawner = seats.SeatSpawner(room=room, settings=settings)
spawner.user = SimpleNamespace(name="seat-01")

def begin():
    spawner.make_home()
    pid = os.fork()
    if not pid:
        try:
            spawner.make_preexec_fn("seat-01")()
            os.write(1, b"printed"); os.write(2, b"too")
            os._exit(0 if os.getcwd() == str(room.home("seat-01")) else 4)
        except BaseException: os._exit(5)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

home = room.home("seat-01"); log = home / seats.LOG; uid = spawner.seat.uid
answer = {"first": begin(), "log": log.read_text(), "mode": stat.S_IMODE(home.stat().st_mode),
          "owner": home.stat().st_uid - uid if os.geteuid() == 0 else 0}
victim = room.private / "victim"; victim.write_text("kept"); victim.chmod(0o666)
log.unlink(); log.symlink_to(victim); answer["link"] = begin(); answer["victim"] = victim.read_text()
log.unlink(); os.mkfifo(log); answer["pipe"] = begin()
log.unlink(); log.mkdir(); answer["folder"] = begin()
home.chmod(0); answer["closed"] = begin()

(room.private / "user-seat-01.key").write_text("key")
moved = asyncio.run(spawner.move_certs({"keyfile": str(room.private / "user-seat-01.key")}))
moved = asyncio.run(spawner.move_certs({"keyfile": str(room.private / "user-seat-01.key")}))
key = open(moved["keyfile"]); info = os.stat(moved["keyfile"])
answer["key"] = [key.read(), info.st_uid == os.geteuid(), oct(info.st_mode & 0o037)]
answer["refused"] = []
for name in ("instructor", "seat-99", "../private"):
    spawner.user = SimpleNamespace(name=name)
    try: spawner.seat
    except Exception as error: answer["refused"].append(error.status_code)
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def seat(hub_python: str, room: Room) -> dict[str, Any]:
    """What a seat's process finds when its learner put traps into its home."""
    (answer,) = ask(hub_python, room, SEAT)
    return answer


COOKIE = """
import json
from dataclasses import replace
from jupyter_server.serverapp import ServerApp
from secure_ai.workshop.hub import seats
from secure_ai.workshop.hub.room import Room

plain = Room.from_environment().settings()
said = seats.cookie_arguments(replace(plain, more={"certificate": "c.pem"}), "/user/seat-01/")
app = ServerApp()
app.parse_command_line(said)
print(json.dumps([seats.cookie_arguments(plain, "/user/seat-01/"), app.tornado_settings]))
"""


def test_the_cookie_of_a_seat_goes_by_https_alone_where_there_is_https(hub_python: str, room: Room) -> None:
    ((without, settings),) = ask(hub_python, room, COOKIE)
    assert without == []
    assert settings["xsrf_cookie_kwargs"] == {"secure": True, "path": "/user/seat-01/"}


def test_a_seat_begins_in_its_own_folder_and_keeps_its_own_log(seat: dict[str, Any]) -> None:
    assert seat["first"] == 0
    assert seat["log"] == "printedtoo"
    assert seat["mode"] == 0o700
    assert seat["owner"] == 0


def test_what_a_learner_puts_in_place_of_the_log_stops_nothing_and_is_not_written(
    seat: dict[str, Any],
) -> None:
    assert [seat[trap] for trap in ("link", "pipe", "folder")] == [0, 0, 0]
    assert seat["victim"] == "kept"


def test_a_learner_who_closed_their_own_folder_gets_in_again(seat: dict[str, Any]) -> None:
    assert seat["closed"] == 0


def test_a_seats_key_is_not_the_seats_to_replace(seat: dict[str, Any]) -> None:
    content, owned_by_hub, for_others = seat["key"]
    assert content == "key"
    assert owned_by_hub
    assert for_others == "0o0"


def test_who_has_no_seat_starts_none(seat: dict[str, Any]) -> None:
    assert seat["refused"] == [403, 403, 403]


# --------------------------------------------------------------------------------------------- sign-in


def test_a_code_signs_in_once_and_each_refusal_is_one_sentence(hub_python: str, room: Room) -> None:
    codes = Codes(room.codes_file)
    learner, instructor = codes.issue("seat-02"), codes.issue_instructor()
    typed = [learner.upper(), learner, "  ", "zzzz-zzzz", instructor, *["zzzz-zzzz"] * 11]
    answers = ask(hub_python, room, SIGN_IN, json.dumps(typed))
    assert answers[0][0] == {"name": "seat-02", "admin": False}
    used, empty, wrong = answers[1:4]
    assert used[0] is empty[0] is wrong[0] is None
    # Who guesses does not learn that a code was right before.
    assert (
        used[1:3]
        == wrong[1:3]
        == [
            "This code is wrong or was used before: look again, or ask your instructor for a new one.",
            403,
        ]
    )
    assert empty[2] == 400
    assert answers[4][0] == {"name": "instructor", "admin": True}
    assert answers[-1][0] is None
    assert answers[-1][1] == "Too many wrong codes: wait 2 seconds, then try again."
    assert answers[-1][2:] == [429, {"Retry-After": "2"}]


def test_the_page_names_its_field_its_language_and_what_was_wrong() -> None:
    page = PAGE.read_text()
    assert '<html lang="en">' in page
    assert '<label for="code">' in page
    assert page.count("<h1>") == 1
    assert 'role="alert"' in page
    assert "autofocus" in page
    assert 'name="_xsrf"' in page
    assert not re.search(r"tabindex|outline:\s*(none|0)", page)


@pytest.mark.parametrize("isolated", [True, False], ids=["users of their own", "one user for all"])
def test_the_page_says_where_seats_are_not_kept_apart(config: dict[str, Any], isolated: bool) -> None:
    from jinja2 import Template

    assert config["shown"]["isolated"] is False  # the room of these tests
    page = Template(PAGE.read_text()).render(room_name="A room", isolated=isolated)
    assert ("Seats are not kept apart" in page) is not isolated


def test_the_page_takes_nothing_from_anywhere() -> None:
    assert not re.search(r"(https?:)?//|<script|<link|<img|@import|url\(", PAGE.read_text())


def test_the_pages_colors_can_be_told_apart_in_light_and_dark() -> None:
    for block in re.findall(r":root \{([^}]*)\}", PAGE.read_text()):
        colors = dict(re.findall(r"--(\w+): (#\w{6})", block))
        assert set(colors) == {"ink", "paper", "deep", "edge", "bad"}
        for name in ("ink", "deep", "bad"):
            assert contrast(colors[name], colors["paper"]) >= 7, name
        assert contrast(colors["edge"], colors["paper"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """Return the ratio of WCAG 2.2's "contrast ratio"."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
