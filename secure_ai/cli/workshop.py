"""The commands that run a room for a class."""

from __future__ import annotations

from secure_ai.cli.app import root


@root.group()
def workshop() -> None:
    """Run a room for a class, and prepare one: agenda, slides, pre- and post-test."""
