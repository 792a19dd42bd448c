"""Warm kernels behave as ordinary ones, and leave no process behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from secure_ai.learn import forkserver
from secure_ai.learn.forkserver import KERNEL_NAME, ForkServer, ForkServerProvisioner, install_kernelspec

pytestmark = [
    pytest.mark.skipif(not forkserver.can_fork(), reason="this system cannot fork loaded libraries"),
    pytest.mark.usefixtures("warm_kernels"),
]
SCRIPT = Path(forkserver.__file__)


class Kernel:
    """A running warm kernel and its client."""

    def __init__(self, kernel_name=KERNEL_NAME, **start):
        self.manager = KernelManager(kernel_name=kernel_name)
        self.manager.start_kernel(**start)
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def say(self, code, timeout=60):
        """What the code prints."""
        printed = []

        def hear(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            if message["msg_type"] in ("display_data", "execute_result"):
                printed.append(f"{sorted(message['content']['data'])}\n")
            if message["msg_type"] == "error":
                printed.append(message["content"]["ename"])

        self.client.execute_interactive(code, timeout=timeout, output_hook=hear)
        return "".join(printed).strip()

    def stop(self, now=False):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


@pytest.fixture
def kernel():
    running = Kernel()
    yield running
    running.stop(now=True)


def alive(pid):
    """Whether the process runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid, seconds=20):
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not Path(f"/proc/{pid}").exists()


def test_a_warm_kernel_is_a_fork_of_the_one_server_with_the_libraries_loaded(kernel):
    said = kernel.say(
        "import os, sys\n"
        "print(os.getppid(), all(name in sys.modules for name in "
        "('pandas', 'sklearn.linear_model', 'presidio_analyzer', 'matplotlib.pyplot')))"
    )
    assert said == f"{ForkServer.get().pid} True"


def test_the_server_has_one_thread_when_it_forks():
    ready = ForkServer.get().ready
    assert ready["missing"] == []
    assert ready["threads"] == 1


def test_the_kits_own_modules_are_not_loaded_so_that_edits_are_seen(kernel):
    names = "[n for n in sys.modules if n.partition('.')[0] in ('secure_ai', 'synthetic_data')]"
    assert kernel.say(f"import sys\nprint({names})") == "[]"


def test_libraries_work_in_a_fork(kernel):
    code = """
import duckdb, numpy as np, pandas as pd, pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
frame = pd.DataFrame({"x": np.arange(400.0), "y": np.arange(400) % 2})
table = pa.table({"a": list(range(1000))})
print(duckdb.sql("select sum(x) from frame").fetchone()[0], pa.compute.sum(table["a"]).as_py())
for model in (RandomForestClassifier(5, n_jobs=2), HistGradientBoostingClassifier(max_iter=3)):
    model.fit(frame[["x"]], frame["y"])
print((np.ones((300, 300)) @ np.ones((300, 300)))[0, 0])
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.close()
"""
    assert kernel.say(code).splitlines() == ["79800.0 499500", "300.0"]


SETTINGS = """
import json, locale, os, sys, warnings
warnings.simplefilter("ignore")
import matplotlib, numpy, pandas, sklearn
settings = {
    "pandas": {n: repr(pandas.get_option(n)).lower() for n in pandas._config.config._registered_options},
    "matplotlib": {n: repr(v) for n, v in matplotlib.rcParams.items()},
    "numpy": repr(numpy.get_printoptions()),
    "sklearn": repr(sklearn.get_config()),
    "path": [p for p in sys.path if not p.startswith("/tmp")],
    "locale": locale.getlocale(),
    "recursion": sys.getrecursionlimit(),
    "backend": os.environ.get("MPLBACKEND"),
    "main": [n for n in dir() if not n.startswith("_")],
}
print(json.dumps(settings, sort_keys=True))
"""
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def test_a_warm_kernel_is_set_up_as_a_cold_one():
    told = {}
    for name in ("python3", KERNEL_NAME):
        running = Kernel(name)
        told[name] = json.loads(running.say(SETTINGS)), running.say(PLOT)
        running.stop(now=True)
    assert told[KERNEL_NAME] == told["python3"]
    assert told[KERNEL_NAME][1] == "['image/png', 'text/plain']"


def test_environment_folder_and_import_path_are_those_asked_for(tmp_path):
    (tmp_path / "only_here.py").write_text("word = 'found'")
    running = Kernel(
        cwd=str(tmp_path), env={**os.environ, "A_WORD": "spoken", "PYTHONPATH": str(tmp_path), "HOME": "/"}
    )
    try:
        said = running.say(
            "import os, only_here\nprint(os.getcwd(), os.environ['A_WORD'], only_here.word,"
            " 'OPENBLAS_NUM_THREADS' in os.environ, os.environ['HOME'])"
        )
        assert said == f"{tmp_path} spoken found {'OPENBLAS_NUM_THREADS' in os.environ} /"
    finally:
        running.stop(now=True)


def test_forks_do_not_share_their_random_numbers():
    code = "import random, numpy as np\nprint(random.random(), np.random.random())"
    said = set()
    for _ in range(2):
        running = Kernel()
        said.add(running.say(code))
        running.stop(now=True)
    first, second = (line.split() for line in said)
    assert first[0] != second[0] and first[1] != second[1]


def test_an_interrupt_stops_the_cell_and_not_the_kernel(kernel):
    message = kernel.client.execute("import time\nprint('go', flush=True)\ntime.sleep(60)")
    while True:
        heard = kernel.client.get_iopub_msg(timeout=20)
        if heard["msg_type"] == "stream":
            break
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=20)
    assert reply["parent_header"]["msg_id"] == message
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.say("print(1)") == "1"


@pytest.mark.parametrize("now", [False, True])
def test_a_shut_down_kernel_is_gone_and_no_zombie(now):
    running = Kernel()
    pid = running.pid
    assert alive(pid)
    running.stop(now=now)
    assert gone(pid)
    assert alive(ForkServer.get().pid)


def test_a_kernel_that_ends_by_itself_is_noticed_with_its_exit_code(kernel):
    process = kernel.manager.provisioner.process
    kernel.client.execute("import os\nos._exit(3)")
    assert process.wait(timeout=20) == 3
    assert kernel.manager.is_alive() is False
    assert gone(process.pid)


def test_a_killed_kernel_reports_the_signal(kernel):
    process = kernel.manager.provisioner.process
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=20) == -signal.SIGKILL


def test_a_kernel_takes_its_children_with_it_when_it_is_killed(kernel):
    child = int(kernel.say("import subprocess\nprint(subprocess.Popen(['sleep', '300']).pid)"))
    assert alive(child)
    kernel.stop(now=True)
    assert gone(child)


def test_a_restarted_kernel_has_forgotten_everything(kernel):
    before = kernel.pid
    kernel.say("x = 1")
    kernel.client.stop_channels()
    kernel.manager.restart_kernel(now=True)
    kernel.connect()
    assert kernel.pid != before and gone(before)
    assert kernel.say("print(x)") == "NameError"


def test_two_kernels_at_once_do_not_disturb_each_other(kernel):
    other = Kernel()
    try:
        assert other.pid != kernel.pid
        other.say("x = 'theirs'")
        kernel.say("x = 'mine'")
        assert other.say("print(x)") == "theirs"
    finally:
        other.stop(now=True)
    assert kernel.say("print(x)") == "mine"


PARENT = """
import os, sys, time
from jupyter_client.manager import KernelManager
from secure_ai.learn.forkserver import ForkServer, KERNEL_NAME
manager = KernelManager(kernel_name=KERNEL_NAME)
manager.start_kernel()
print(ForkServer.get().pid, manager.provisioner.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("signum", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_server_and_kernels_die_with_their_parent(signum):
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    server, kernel_pid = map(int, parent.stdout.readline().split())
    assert alive(server) and alive(kernel_pid)
    parent.send_signal(signum)
    parent.wait(timeout=20)
    parent.stdout.close()
    assert gone(kernel_pid) and gone(server)


def test_kernels_die_with_the_server_and_the_next_one_gets_a_new_server(kernel):
    server = ForkServer.get().pid
    os.kill(server, signal.SIGKILL)
    assert gone(kernel.pid)
    assert kernel.manager.is_alive() is False
    successor = Kernel()
    try:
        assert ForkServer.get().pid != server
        assert successor.say("print(1)") == "1"
    finally:
        successor.stop(now=True)


def cold_kernel(monkeypatch, caplog):
    running = Kernel()
    try:
        assert running.say("import os\nprint(os.getppid())") == str(os.getpid())
        assert isinstance(running.manager.provisioner, ForkServerProvisioner)
        return [r.getMessage() for r in caplog.records if r.name == forkserver.__name__]
    finally:
        running.stop(now=True)


def test_where_forking_is_impossible_a_cold_kernel_starts_and_a_message_says_so(monkeypatch, caplog):
    monkeypatch.setattr(forkserver, "can_fork", lambda: False)
    said = cold_kernel(monkeypatch, caplog)
    assert said == [
        "Starting a cold kernel in place of a warm one: this system cannot fork loaded libraries."
    ]


def test_a_server_that_cannot_start_means_a_cold_kernel(monkeypatch, caplog):
    def fails():
        raise RuntimeError("the warm kernel server ended while it loaded its libraries")

    monkeypatch.setattr(ForkServer, "get", fails)
    assert "ended while it loaded" in cold_kernel(monkeypatch, caplog)[0]


def test_a_server_that_ends_while_loading_is_an_error_and_no_hang(monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(1)")
    monkeypatch.setattr(forkserver, "__file__", str(broken))
    with pytest.raises(RuntimeError, match="ended while it loaded"):
        ForkServer()


def test_a_library_that_is_not_installed_is_only_missing():
    assert forkserver.preload(("json", "no_such_library")) == ["no_such_library"]


def test_the_kernelspec_names_the_provisioner_that_is_registered(tmp_path):
    from jupyter_client.provisioning import KernelProvisionerFactory

    folder = install_kernelspec(tmp_path, name="another")
    assert folder == tmp_path / "kernels" / "another"
    specification = json.loads((folder / "kernel.json").read_text())
    name = specification["metadata"]["kernel_provisioner"]["provisioner_name"]
    assert name in KernelProvisionerFactory.instance().get_provisioner_entries()


def test_streams_of_the_kernel_go_where_its_manager_says(tmp_path):
    with (tmp_path / "log").open("w") as log:
        running = Kernel(stderr=log)
    running.say("import os\nos.write(2, b'')\nimport sys\nprint('low', file=sys.__stderr__, flush=True)")
    running.stop(now=True)
    assert "low" in (tmp_path / "log").read_text()


def test_the_event_loop_is_not_blocked_while_the_server_loads(monkeypatch):
    # JupyterLab starts kernels in the loop that also serves its pages.
    monkeypatch.setattr(ForkServer, "_instance", None)
    beats = []

    async def start():
        provisioner = ForkServerProvisioner(kernel_spec=None)
        monkeypatch.setattr(provisioner, "_launch_from", lambda *_: {})
        launching = asyncio.ensure_future(provisioner.launch_kernel(["python", "-m", "ipykernel_launcher"]))
        while not launching.done():
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)
        await launching

    asyncio.run(start())
    server = ForkServer._instance
    assert len(beats) > 10
    server.close()
    assert gone(server.pid)
