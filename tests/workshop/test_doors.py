"""Doors from outside a room: links, Binder, Kubernetes, as far as one machine can try them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.workshop.entrances import Figures, binder_link, cluster_size, nbgitpuller_link, size_table

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "workshop" / "kubernetes"
FIGURES = Figures(seat_mib=731, peak_mib=786, seat_cpus=0.2, home_mib=300)


def test_an_nbgitpuller_link_says_what_nbgitpuller_reads():
    link = nbgitpuller_link("https://hub.example.org/", "https://git.example.org/x/secure-ai.git", "v1.0")
    parts = urlsplit(link)
    asked = {name: value[0] for name, value in parse_qs(parts.query).items()}
    assert parts.path == "/hub/user-redirect/git-pull" and parts.netloc == "hub.example.org"
    assert asked == {
        "repo": "https://git.example.org/x/secure-ai.git", "branch": "v1.0", "targetpath": "secure-ai",
        "urlpath": "lab/tree/secure-ai/notebooks/00_start_here.ipynb",
    }  # fmt: skip
    assert (ROOT / "notebooks" / "00_start_here.ipynb").is_file()


def test_a_binder_link_keeps_a_branch_with_a_slash_in_one_part():
    link = binder_link("owner", "secure-ai", "release/1.0")
    assert link.startswith("https://mybinder.org/v2/gh/owner/secure-ai/release%2F1.0?urlpath=lab%2Ftree%2F")


BAD = [
    ("http://hub.example.org", "https://g/x", "main", "a.ipynb"),
    ("https://user:pw@hub", "https://g/x", "main", "a.ipynb"),
    ("hub", "https://g/x", "main", "a.ipynb"),
    ("https://hub:port", "https://g/x", "main", "a.ipynb"),
    ("https://hub", "https://g/", "main", "a.ipynb"),
    ("https://hub", "https://g/x?y=1", "main", "a.ipynb"),
    ("https://hub", "https://g/x", "", "a.ipynb"),
    ("https://hub", "https://g/x", "--upload-pack=x", "a.ipynb"),
    ("https://hub", "https://g/x", "a b", "a.ipynb"),
    ("https://hub", "https://g/x", "main", "../a.ipynb"),
    ("https://hub", "https://g/x", "main", ""),
    ("https://[hub", "https://g/x", "main", "a.ipynb"),
]


@pytest.mark.parametrize("arguments", BAD)
def test_a_link_of_what_is_no_address_branch_or_path_is_refused_in_a_sentence(arguments):
    with pytest.raises(UserError):
        nbgitpuller_link(*arguments)


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_given_a_link_leads_to_the_hub_or_is_refused(branch, notebook):
    try:
        link = nbgitpuller_link("https://hub.example.org", "https://g.example.org/x/kit", branch, notebook)
    except UserError:
        return
    parts = urlsplit(link)
    assert parts.netloc == "hub.example.org" and parse_qs(parts.query)["branch"] == [branch]
    assert not set(link) & set(' \n\t"<>')


# -------------------------------------------------------------------------------------------- Binder


def test_binder_s_files_name_a_python_of_the_kit_and_commands_whose_files_are_here():
    version = (ROOT / ".binder" / "runtime.txt").read_text().strip()
    assert version in {"python-3.11", "python-3.12", "python-3.13"}
    script = ROOT / ".binder" / "postBuild"
    assert script.stat().st_mode & 0o111 and script.read_text().startswith("#!/bin/bash\n")
    done = subprocess.run([str(script), "--dry"], capture_output=True, text=True, check=True, cwd="/")
    commands = [shlex.split(line.removeprefix("+ ")) for line in done.stdout.splitlines()]
    assert len(commands) == 3 and all(command[0] == "python" for command in commands)
    [lock] = [command[command.index("-r") + 1] for command in commands if "-r" in command]
    assert "--hash=sha256:" in (ROOT / lock).read_text()[:2000] and "--require-hashes" in commands[0]
    assert commands[-1][1:3] == ["-m", "secure_ai.cli"]


def test_the_last_command_of_binder_runs_here():
    command = [sys.executable, "-m", "secure_ai.cli", "doctor", "--help"]
    assert "--quick" in subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


# ---------------------------------------------------------------------------------------- Kubernetes


def test_values_are_marked_unverified_and_use_the_figures_of_the_table():
    text = (KUBERNETES / "values.yaml").read_text()
    assert text.splitlines()[0].startswith("# UNVERIFIED")
    values = yaml.safe_load(text)
    assert set(values) == {"hub", "proxy", "singleuser", "scheduling", "prePuller", "cull"}
    size = cluster_size(30, FIGURES, 32 * 1024, 8)
    assert values["singleuser"]["memory"] == {
        "guarantee": f"{size.guarantee_mib}M", "limit": f"{size.limit_mib}M",
    }  # fmt: skip
    assert values["singleuser"]["cpu"]["guarantee"] == FIGURES.seat_cpus
    assert values["singleuser"]["cloudMetadata"]["blockWithIptables"] is True
    assert values["hub"]["config"]["LTI13Authenticator"]["username_key"] == "sub"


def test_the_table_of_the_page_is_what_the_function_computes():
    page = (KUBERNETES / "README.md").read_text()
    shown = re.search(r"<!-- sizes -->\n(.*)\n<!-- /sizes -->", page, re.DOTALL)[1]
    assert shown == size_table(FIGURES, 32 * 1024, 8, (30, 100, 300))
    # A server with two labs open, and the larger of them at its most.
    assert FIGURES.seat_mib == 69 + 364 + 298 and FIGURES.peak_mib == FIGURES.seat_mib - 364 + 419
    assert f"{FIGURES.seat_mib:g} MiB at rest" in page and f"{FIGURES.peak_mib:g} MiB while" in page


def test_the_image_copies_and_runs_what_is_here_and_takes_every_answer_out():
    text = (KUBERNETES / "Dockerfile").read_text()
    for name in re.findall(r"[\w/.-]*(?:requirements[\w-]*\.lock|kubernetes/[\w-]+(?:\.py)?)", text):
        assert (ROOT / name).exists() or name.endswith("kubernetes/Dockerfile"), name
    removed = re.search(r"rm -rf ([^\n]*)", text)[1].split()
    assert {"solutions", "tests", "benchmarks", "secure_ai/learn/tasks/solutions.json", ".git"} <= set(
        removed
    )
    assert "USER 1000" in text and f"uid: {1000}" in (KUBERNETES / "values.yaml").read_text()


def test_a_seat_of_the_image_gets_its_files_once_and_keeps_what_the_learner_changed(tmp_path):
    files, home = tmp_path / "files", tmp_path / "home"
    (files / "labs").mkdir(parents=True)
    home.mkdir()
    (files / "labs" / "a b.ipynb").write_text("lab")
    (files / "GLOSSARY.md").write_text("glossary")
    environment = {"HOME": str(home), "SEAT_FILES": str(files), "PATH": "/usr/bin:/bin"}
    run = [str(KUBERNETES / "start-seat"), "--dry"]
    subprocess.run(run, env=environment, check=True)
    assert (home / "labs" / "a b.ipynb").read_text() == "lab"
    (home / "labs" / "a b.ipynb").write_text("mine")
    (home / "GLOSSARY.md").unlink()
    subprocess.run(run, env=environment, check=True)
    assert (home / "labs" / "a b.ipynb").read_text() == "mine"
    assert (home / "GLOSSARY.md").read_text() == "glossary"


def test_the_files_of_a_seat_hold_no_solution(tmp_path):
    command = [sys.executable, str(KUBERNETES / "seat_files.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT)
    labs = list((tmp_path / "labs").glob("*.ipynb"))
    assert len(labs) == len(list((ROOT / "solutions").glob("*.ipynb")))
    assert not any("BEGIN SOLUTION" in lab.read_text(encoding="utf-8") for lab in labs)


@given(
    st.integers(1, 2000), st.floats(50, 2000), st.floats(1, 3), st.floats(0.05, 2), st.integers(2048, 262144)
)
def test_a_cluster_holds_every_learner_and_no_node_is_overfull(learners, seat, factor, cpus, node):
    figures = Figures(seat, seat * factor, cpus, 300)
    try:
        size = cluster_size(learners, figures, node, 8)
    except UserError:
        assert seat * factor > node * 0.9 or seat * (1 + (factor - 1) / 4) > node * 0.9
        return
    assert size.nodes * size.seats_a_node >= learners > (size.nodes - 1) * size.seats_a_node
    assert size.seats_a_node * seat <= node and size.seats_a_node * cpus <= 8
    assert size.guarantee_mib <= size.limit_mib


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_figures_that_cannot_be_are_refused(value):
    with pytest.raises(UserError):
        cluster_size(30, Figures(422, 579, value, 300), 32768, 8)
    with pytest.raises(UserError):
        cluster_size(30, Figures(600, 579, 0.2, 300), 32768, 8)
