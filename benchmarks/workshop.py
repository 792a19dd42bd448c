"""A class in a room: seconds until all work, memory a seat, and an hour of work at a multiple of human pace.

Every seat is a browser (``workshop_crowd``): it signs in with its code, opens a lab's kernel, runs the lab's
cells, answers wrongly, takes a hint, answers rightly, saves. One seat's server and one kernel are killed on
the way. ``--peer N`` starts N plain JupyterLab servers with cold kernels for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from workshop_crowd import (
    Learner,
    LostKernelError,
    descendants,
    load,
    processes_of,
    pss_mib,
)

from secure_ai.project import project_root
from secure_ai.workshop.closing import down
from secure_ai.workshop.hub.codes import INSTRUCTOR
from secure_ai.workshop.machine import free_inner_ports
from secure_ai.workshop.opening import Opened, up
from secure_ai.workshop.terms import Wish

FIRST_CELL = (
    "import pandas, sklearn.ensemble\n"
    "from secure_ai.learn import check_parameters\n"
    "from secure_ai.learn.tasks import minimize_and_deidentify\n"
    "from synthetic_data import load"
)
# A learner at human pace runs a cell this often, in seconds.
PAUSE = (60.0, 90.0)


@dataclass
class Hour:
    """What happened in the hour.

    Attributes:
        seconds: of each cell, from sending it to the kernel's answer.
        failed: sentences of cells that ended in an exception.
        checks: seat, lab, task and time of every check of a right answer, when it was answered.
        saved: hash of the sources that were last saved, by seat and path.
        recovered: sentences on what was killed, and how long until the next cell ran.
        events: checks that were run, right or wrong.
        hints: hints that were asked for.
        finished: labs that were done to their end.
    """

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    checks: dict[tuple[str, str, str], float] = field(default_factory=dict)
    saved: dict[tuple[str, str], str] = field(default_factory=dict)
    recovered: list[str] = field(default_factory=list)
    events: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    hints: int = 0
    finished: int = 0


def checked(source: str) -> str:
    """Return the task that a cell checks, as ``lab.minimize``; empty for none."""
    found = re.search(r"^([\w.]+)\.check\(", source, re.MULTILINE)
    return found[1] if found else ""


def digest(notebook: dict[str, Any]) -> str:
    """Return a hash of a notebook's cells: what the learner wrote, however the file is laid out."""
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


# ------------------------------------------------------------------------------------ until all work


async def first_cell(learner: Learner, began: float, path: str, marks: dict[str, list[float]]) -> None:
    """Come in, open a lab's kernel, and run the first cell; note when each was done."""
    await learner.sign_in()
    marks["signed in"].append(time.perf_counter() - began)
    await learner.open_seat()
    marks["JupyterLab answers"].append(time.perf_counter() - began)
    await learner.open_kernel(path)
    ran = await learner.run(FIRST_CELL)
    if ran.error:
        raise SystemExit(f"The first cell failed in {learner.name}: {ran.error[:300]}")
    marks["first cell has run"].append(time.perf_counter() - began)


async def come_in(opened: Opened, learners: list[Learner], lab: str) -> None:
    """Have all come in at once, and print how long it took and what a seat takes."""
    marks: dict[str, list[float]] = {"signed in": [], "JupyterLab answers": [], "first cell has run": []}
    began = time.perf_counter()
    await asyncio.gather(*(first_cell(one, began, f"labs/{lab}.ipynb", marks) for one in learners))
    print(f"{len(learners)} seats sign in at once, seconds:  {'median':>8} {'last':>8}")
    for name, values in marks.items():
        print(f"  {name:38}{statistics.median(values):8.1f} {max(values):8.1f}")
    print_memory(opened, "after the first cell")


def print_memory(opened: Opened, when: str) -> None:
    """Print the PSS of the seats (servers, kernels, stand-ins) and of the room's own processes."""
    settings = opened.settings
    if not settings.own_users:
        print(f"PSS {when}: not measured, for seats have no users of their own")
        return
    seats = [pss_mib(processes_of(seat.uid)) for seat in settings.seats]
    kinds = {kind: [forks_of(seat.uid, kind) for seat in settings.seats] for kind in ("server", "kernel")}
    mine: set[int] = set()
    for one in json.loads(opened.room.processes_file.read_text(encoding="utf-8")):
        mine |= set(descendants(one["pid"]))
    mine -= {number for seat in settings.seats for number in processes_of(seat.uid)}
    print(
        f"PSS {when}, MiB a seat: median {statistics.median(seats):.0f}, most {max(seats):.0f}; "
        f"all seats {sum(seats):,.0f}; hub, proxy, board and warm processes {pss_mib(sorted(mine)):,.0f}"
    )
    for kind, forks in kinds.items():
        count = sum(map(len, forks))
        each = sum(map(pss_mib, forks)) / max(count, 1)
        print(f"    {count} {kind}s of {each:.0f} MiB")


# ------------------------------------------------------------------------------------- an hour of work


@dataclass
class Lab:
    """A lab as it is worked through: the learner's cells, and the right sources for those to fill in."""

    key: str
    right: dict[int, str]

    @property
    def path(self) -> str:
        """Where it is in a home."""
        return f"labs/{self.key}.ipynb"


def read_labs(keys: list[str]) -> list[Lab]:
    """Return the labs with their right answers, from the kit's folder."""
    found, root = [], project_root()
    for key in keys:
        lab, solution = (
            json.loads((root / folder / f"{key}.ipynb").read_text(encoding="utf-8"))["cells"]
            for folder in ("labs", "solutions")
        )
        pairs = enumerate(zip(lab, solution, strict=True))
        found.append(
            Lab(
                key,
                {at: "".join(new["source"]) for at, (old, new) in pairs if old["source"] != new["source"]},
            )
        )
    return found


class Worker:
    """A learner at work, with pauses drawn by seed."""

    def __init__(self, learner: Learner, labs: list[Lab], hour: Hour, pace: float, seed: int) -> None:
        self.learner, self.labs, self.hour, self.pace = learner, labs, hour, pace
        self.draw = random.Random(f"{seed} {learner.name}")
        self.until = 0.0

    async def work(self, until: float) -> None:
        """Go through the labs until the time is over; begin a lab again where its kernel was lost."""
        self.until = until
        await asyncio.sleep(self.draw.uniform(0, PAUSE[1]) / self.pace)
        while True:
            for lab in self.labs:
                done = False
                while not done:
                    if time.monotonic() >= until:
                        return
                    try:
                        await self._work_through(lab)
                        done = True
                    except (LostKernelError, TimeoutError, httpx.HTTPError, ConnectionError):
                        await self._come_back(lab)
                self.hour.finished += time.monotonic() < until

    async def _come_back(self, lab: Lab) -> None:
        """Load the page again, as a learner does whose kernel or server is gone."""
        began = time.perf_counter()
        for _ in range(60):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.learner.open_seat(), 60)
                await asyncio.wait_for(self.learner.open_kernel(lab.path), 30)
                if not (await self.learner.run("1", seconds=10)).error:
                    break
            await asyncio.sleep(0.5)
        else:
            raise SystemExit(f"{self.learner.name} could not come back")
        self.hour.recovered.append(
            f"{self.learner.name} works again after {time.perf_counter() - began:.1f} s"
        )

    async def _work_through(self, lab: Lab) -> None:
        await self.learner.open_kernel(lab.path)
        notebook = await self.learner.read(lab.path)
        cells = notebook["cells"]
        for at, cell in enumerate(cells):
            if cell["cell_type"] != "code":
                continue
            if time.monotonic() >= self.until:
                return
            source = "".join(cell["source"])
            if at not in lab.right:
                await self._cell(lab, source)
            else:
                # Most tasks are checked by the cell that follows, some by the learner's own.
                follows = cells[at + 1] if at + 1 < len(cells) else {"cell_type": "", "source": ""}
                check = "" if checked(source) else "".join(follows["source"])
                await self._cell(lab, source.replace("...", "0"), attempt=True)
                if check:
                    await self._cell(lab, check)
                await self._cell(lab, f"{checked(source) or checked(check)}.hint()")
                self.hour.hints += 1
                cell["source"] = lab.right[at]
                await self._cell(lab, lab.right[at])
                await self.learner.save(lab.path, notebook)
                self.hour.saved[self.learner.name, lab.path] = digest(notebook)

    async def _cell(self, lab: Lab, source: str, *, attempt: bool = False) -> None:
        """Run a cell; the error of an attempt, which is wrong on purpose, is the learner's."""
        ran = await self.learner.run(source)
        self.hour.seconds.append(ran.seconds)
        if ran.error and not attempt:
            self.hour.failed.append(f"{lab.key}: {ran.error[:160]}")
        if name := checked(source):
            task = name.rpartition(".")[2]
            self.hour.events[self.learner.name, lab.key, task] += 1
            self.hour.checks[self.learner.name, lab.key, task] = time.time()
        await asyncio.sleep(self.draw.uniform(*PAUSE) / self.pace)


def forks_of(uid: int, kind: str) -> list[int]:
    """Return the numbers of a seat's processes that a warm process forked: its server, or its kernels."""
    found = []
    for number in processes_of(uid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if "serve" in words and words[words.index("serve") + 2] == kind:
                found.append(number)
    return found


async def kill_one(opened: Opened, name: str, kind: str, after: float, hour: Hour) -> None:
    """End a seat's server or its kernels, as the system does when memory is short."""
    await asyncio.sleep(after)
    ended = forks_of(opened.settings.seat(name).uid, kind)
    for number in ended:
        with contextlib.suppress(OSError):
            os.kill(number, signal.SIGKILL)
    hour.recovered.append(f"killed in {name}: {len(ended)} {kind} process(es)")


async def watch_board(opened: Opened, door: str, seen: dict[tuple[str, str, str], float]) -> None:
    """Read the board's stream as the instructor's page does; note when a task's last try was first shown."""
    async with Learner(door, INSTRUCTOR, opened.codes[INSTRUCTOR]) as board:
        await board.sign_in()
        page = await board.web.get(f"{door}/services/board/")
        page.raise_for_status()
        known: dict[tuple[str, str, str], int] = {}
        async with board.web.stream("GET", f"{door}/services/board/api/stream", timeout=None) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data: "):
                    continue
                now = time.time()
                for seat in json.loads(line[6:])["seats"]:
                    for key, task in tasks_of(seat).items():
                        if known.get((seat["name"], *key)) != task:
                            known[seat["name"], *key] = task
                            seen[seat["name"], *key] = now


def tasks_of(seat: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Return the number of tries of each task of a seat on the board, by lab and task."""
    return {(seat["lab"], name): task["tries"] for name, task in seat["tasks"].items() if task["tries"]}


async def work(opened: Opened, learners: list[Learner], door: str, options: argparse.Namespace) -> bool:
    """Have all work for the hour, and print what came of it; return whether nothing went wrong."""
    keys = [step.lab for step in opened.settings.agenda if step.lab]
    labs = read_labs(list(dict.fromkeys(keys)))
    hour, seen = Hour(), {}
    length = options.minutes * 60 / options.pace
    board = asyncio.create_task(watch_board(opened, door, seen))
    kills = [
        asyncio.create_task(kill_one(opened, learners[0].name, "server", length / 3, hour)),
        asyncio.create_task(kill_one(opened, learners[-1].name, "kernel", length / 2, hour)),
    ]
    workers = [Worker(one, labs, hour, options.pace, options.seed) for one in learners]
    until = time.monotonic() + length
    await asyncio.gather(*(one.work(until) for one in workers), *kills)
    await asyncio.sleep(2)
    broken = board.done() and board.exception()
    board.cancel()
    return report(opened, hour, seen, repr(broken) if broken else "", options)


def report(
    opened: Opened,
    hour: Hour,
    seen: dict[tuple[str, str, str], float],
    broken: str,
    options: argparse.Namespace,
) -> bool:
    """Print what came of the hour; return whether nothing went wrong."""
    latency = sorted(hour.seconds)
    wanted = options.seats * options.minutes * 60 / statistics.mean(PAUSE)
    print(f"{options.minutes} minutes of work at {options.pace:g} times human pace; {load()}")
    print(
        f"  {len(latency):,} cells ({len(latency) / wanted:.0%} of what the pace asks for), "
        f"{hour.finished} labs finished, {hour.hints} hints, {len(hour.failed)} cells failed"
    )
    for sentence, times in Counter(hour.failed).most_common(5):
        print(f"    {times} x {sentence}")
    at = latency[min(len(latency) - 1, int(0.95 * len(latency)))]
    print(f"  seconds a cell: median {statistics.median(latency):.2f}, 95 % {at:.2f}, most {latency[-1]:.1f}")
    for sentence in hour.recovered:
        print(f"  {sentence}")
    lost = []
    for (name, path), wanted_hash in hour.saved.items():
        file = opened.room.home(name) / path
        if digest(json.loads(file.read_text(encoding="utf-8"))) != wanted_hash:
            lost.append(f"{name} {path}")
    print(f"  {len(hour.saved)} saved notebooks compared by hash: {len(lost)} differ {lost or ''}")
    missing = [key for key in hour.events if key not in seen]
    # Who begins a lab again checks solved tasks again, which the board does not count as tries.
    delays = sorted(seen[key] - at for key, at in hour.checks.items() if seen.get(key, 0) >= at)
    print(
        f"  board: {sum(hour.events.values())} checks of {len(hour.events)} tasks; {len(missing)} of them "
        f"never shown{'; the board ended: ' + broken if broken else ''}"
    )
    if delays:
        at = delays[min(len(delays) - 1, int(0.95 * len(delays)))]
        print(
            f"    seconds from the learner's answer until the board shows the last try: median "
            f"{statistics.median(delays):.2f}, 95 % {at:.2f}, most {delays[-1]:.2f}"
        )
    print_memory(opened, "after the hour")
    return not (hour.failed or lost or missing or broken)


# --------------------------------------------------------------------------------------------- the peer


async def peer(count: int) -> None:
    """Start plain JupyterLab servers with cold kernels at once, and print the same two figures."""
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        servers: list[subprocess.Popen[bytes]] = []
        began = time.perf_counter()
        try:
            learners = []
            for number in range(count):
                home = Path(folder, str(number))
                (home / "labs").mkdir(parents=True)
                (port,) = free_inner_ports()[:1]
                command = [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
                    *(f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="),
                    f"--ServerApp.root_dir={home}",
                ]
                environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(project_root())}
                servers.append(
                    subprocess.Popen(
                        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                    )
                )
                learners.append(Learner(f"http://127.0.0.1:{port}", f"peer-{number}", "", prefix=""))
            marks: list[float] = []

            async def begin(learner: Learner) -> None:
                async with learner:
                    while True:
                        with contextlib.suppress(httpx.HTTPError):
                            if (await learner.web.get(f"{learner.door}/lab")).status_code == 200:
                                break
                        await asyncio.sleep(0.2)
                    await learner.open_kernel("labs/one.ipynb")
                    ran = await learner.run(FIRST_CELL)
                    if ran.error:
                        raise SystemExit(f"The first cell failed in the peer: {ran.error[:300]}")
                    marks.append(time.perf_counter() - began)

            await asyncio.gather(*(begin(one) for one in learners))
            seats = [pss_mib(descendants(server.pid)) for server in servers]
            print(
                f"Peer, {count} plain JupyterLab servers with cold kernels: first cell has run after "
                f"{statistics.median(marks):.1f} s (median), {max(marks):.1f} s (last); PSS "
                f"{statistics.mean(seats):.0f} MiB a seat"
            )
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(10)
                server.kill()
                server.wait()


# ------------------------------------------------------------------------------------------------- all


async def measure(opened: Opened, options: argparse.Namespace) -> bool:
    """Bring the class in, and have it work."""
    door = f"http://127.0.0.1:{opened.settings.port}"
    async with contextlib.AsyncExitStack() as stack:
        learners = [
            await stack.enter_async_context(Learner(door, seat.name, opened.codes[seat.name]))
            for seat in opened.settings.seats
        ]
        lab = next(step.lab for step in opened.settings.agenda if step.lab)
        await come_in(opened, learners, lab)
        return await work(opened, learners, door, options)


def main() -> int:
    """Open a room in a folder of its own, measure, close it; 1 if anything failed or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seats", type=int, default=25)
    parser.add_argument("--pace", type=float, default=10, help="times human pace")
    parser.add_argument("--minutes", type=float, default=60, help="of the class's time")
    parser.add_argument(
        "--peer", type=int, default=0, metavar="N", help="plain JupyterLab servers to compare"
    )
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or the room would stay open
    print(load())
    if options.peer:
        asyncio.run(peer(options.peer))
    folder = Path(tempfile.mkdtemp(prefix="secure-ai-room-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        names = tuple(f"Learner {number}" for number in range(1, options.seats + 1))
        began = time.perf_counter()
        opened = up(
            folder / "room", Wish(names=names, host="127.0.0.1", port=free_inner_ports(1)[0], anyway=True)
        )
        print(f"'secure-ai workshop up' with {options.seats} seats: {time.perf_counter() - began:.1f} s")
        try:
            return 0 if asyncio.run(measure(opened, options)) else 1
        finally:
            down(folder / "room")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
