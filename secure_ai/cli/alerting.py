"""The commands ``secure-ai alerts``: list, take on and close the alerts of a desk."""

from __future__ import annotations

from pathlib import Path

import click

from secure_ai.cli.app import root

FILE = click.Path(path_type=Path)
settings_option = click.option(
    "--desk", "settings", type=FILE, required=True, help="Settings of the alert desk (YAML)."
)
who_option = click.option(
    "--by", required=True, help="Who, by an identifier; not the one the alert is about."
)
note_option = click.option(
    "--note", default="", help="One line without personal values; it stays in the store."
)


@root.group()
def alerts() -> None:
    """List, take on and close the alerts of a desk; 'secure-ai watch --desk' raises them."""


@alerts.command("list")
@settings_option
@click.option("--all", "every", is_flag=True, help="Closed ones, too.")
def list_alerts(*, settings: Path, every: bool) -> None:
    """List the alerts, and what waits for delivery."""
    from secure_ai.monitor.alerts import open_desk

    desk = open_desk(settings, background=False)
    shown = [alert for alert in desk.alerts() if every or alert.status != "closed"]
    for alert in shown:
        print(alert.sentence())
    if not shown:
        print("No alerts.")
    print(desk.close(0.5).sentence())


@alerts.command()
@click.argument("alert")
@settings_option
@who_option
@note_option
def acknowledge(*, alert: str, settings: Path, by: str, note: str) -> None:
    """Take ALERT on; its deadlines end."""
    from secure_ai.monitor.alerts import open_desk

    desk = open_desk(settings, background=False)
    try:
        print(desk.acknowledge(alert, by, note).sentence())
    finally:
        desk.close(0.5)


@alerts.command("close")
@click.argument("alert")
@click.argument("verdict", type=click.Choice(["true", "false", "benign-explained"]))
@settings_option
@who_option
@note_option
def close_alert(*, alert: str, verdict: str, settings: Path, by: str, note: str) -> None:
    """End ALERT with a VERDICT; precision is counted from these."""
    from secure_ai.monitor.alerts import open_desk

    desk = open_desk(settings, background=False)
    try:
        print(desk.close_alert(alert, by, verdict, note).sentence())
    finally:
        desk.close(0.5)
