"""The commands for keys and encrypted files, as programs of their own: what they write, print and leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from .planted import PERSONAL, SECRET
from .records import text_file

OTHER_PASSPHRASE = "none of the nine wings was yellow"
LARGE = 300 << 20
RECORDER = """
import os, sys
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        mode, flags = arguments[1] or "", arguments[2] or 0
        if set("wax+") & set(mode) or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.append(os.path.abspath(os.fsdecode(arguments[0])))
written = []
sys.addaudithook(hook)
from secure_ai.cli import main
sys.argv[0] = "secure-ai"
try:
    main()
finally:
    with open(os.environ["WRITTEN_TO"], "w") as file:
        file.write("\\n".join(written))
"""


class Commands:
    """Runs ``secure-ai`` in the watched place and keeps what it prints."""

    def __init__(self, watch):
        self.watch = watch
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SECURE_AI_", "PYTEST", "COV"))
        } | {
            "SECURE_AI_PASSPHRASE": SECRET["passphrase"],
            "WRITTEN_TO": str(watch.inputs / "written"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __call__(self, *arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore", "-c", RECORDER, *map(str, arguments)],
            cwd=self.watch.work,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        self.watch.say(f"output of {arguments[0]}", done.stdout, done.stderr)
        written = (self.watch.inputs / "written").read_text().splitlines()
        base = str(self.watch.here.parent)
        assert [path for path in written if not path.startswith((base, os.devnull, "/dev/"))] == []
        return done.returncode, done.stdout, done.stderr

    def left(self):
        """Names of all that lies in the current, home and temporary folder."""
        return {path.relative_to(self.watch.here).as_posix() for path in self.watch.here.rglob("*")} - {
            "home",
            "tmp",
            "work",
        }


@pytest.fixture
def secure_ai(watch):
    """The commands, and a key ring under the planted passphrase."""
    commands = Commands(watch)
    assert commands("keyring", "create", "my.ring", "patients")[0] == 0
    return commands


RING = {"work/my.ring", "work/my.ring.audit.jsonl", "work/.my.ring.lock"}


def test_a_day_of_commands_leaves_nothing_but_what_was_asked_for(watch, secure_ai):
    source, back = text_file(watch.inputs), watch.inputs / "back.txt"
    options = ("--keyring", "my.ring")
    assert secure_ai("encrypt", source, "a.enc", *options, "--key", "patients", "--belongs-to", "t=p")[0] == 0
    assert secure_ai("keyring", "rotate", "my.ring", "patients")[0] == 0
    assert secure_ai("rewrap", "a.enc", *options)[0] == 0
    assert secure_ai("verify", "a.enc", *options)[0] == 0
    assert secure_ai("decrypt", "a.enc", back, *options)[0] == 0
    code, _, _ = secure_ai("keyring", "passphrase", "my.ring", SECURE_AI_NEW_PASSPHRASE=OTHER_PASSPHRASE)
    assert code == 0
    assert back.read_bytes() == source.read_bytes()
    watch.canaries = watch.canaries.plus(other_passphrase=OTHER_PASSPHRASE)
    assert watch.found() == []
    assert secure_ai.left() == RING | {"work/a.enc"}


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])


BAD = {
    "wrong passphrase": (lambda work: None, (), {"SECURE_AI_PASSPHRASE": OTHER_PASSPHRASE}, "passphrase"),
    "no passphrase and nobody to ask": (lambda work: None, (), {"SECURE_AI_PASSPHRASE": ""}, "passphrase"),
    "truncated file": (lambda work: cut(work / "a.enc", 100), (), {}, "cut short"),
    "wrong associated data": (lambda work: None, ("--belongs-to", "t=claims"), {}, "something else"),
    "truncated ring": (lambda work: cut(work / "my.ring", 20), (), {}, "my.ring"),
}


def test_bad_input_prints_one_sentence_and_leaves_nothing(watch, secure_ai):
    source = text_file(watch.inputs)
    options = ("--keyring", "my.ring")
    secure_ai("encrypt", source, "a.enc", *options, "--key", "patients", "--belongs-to", "t=p")
    before = {name: (watch.work / name).read_bytes() for name in ("a.enc", "my.ring")}
    sentences = []
    for spoil, more, environment, phrase in BAD.values():
        spoil(watch.work)
        code, out, error = secure_ai("decrypt", "a.enc", "out.txt", *options, *more, **environment)
        assert (code, out, error.count("\n")) == (2, "", 1), error
        assert phrase in error and "Traceback" not in error
        assert secure_ai.left() == RING | {"work/a.enc"}
        sentences.append(error)
        for name, content in before.items():
            (watch.work / name).write_bytes(content)
    assert len(set(sentences)) == len(BAD)
    assert watch.found() == []


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM is a signal of POSIX")
@pytest.mark.parametrize("command", ["encrypt", "decrypt"])
def test_a_command_that_is_ended_in_the_middle_leaves_nothing(watch, secure_ai, command):
    source = watch.inputs / "large.bin"
    with source.open("wb") as file:
        file.write("\n".join(PERSONAL.values()).encode())
        file.truncate(LARGE)
    options = ("--keyring", "my.ring", *(("--key", "patients") if command == "encrypt" else ()))
    place = watch.inputs if command == "decrypt" else watch.work
    if command == "decrypt":
        sealed = watch.inputs / "large.enc"
        assert secure_ai("encrypt", source, sealed, "--keyring", "my.ring", "--key", "patients")[0] == 0
        source = sealed
    before = secure_ai.left()
    process = subprocess.Popen(
        [sys.executable, "-m", "secure_ai.cli", command, str(source), str(place / "out"), *options],
        cwd=watch.work,
        env=secure_ai.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(place.glob(".out.*/out")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, "it was over before it could be ended"
    watch.say(command, out, error)
    assert "Traceback" not in error
    assert secure_ai.left() == before
    assert not (place / "out").exists() and not list(place.glob(".out*"))
    assert watch.found() == []
