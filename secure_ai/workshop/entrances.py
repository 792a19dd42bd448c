"""Ways into the kit from outside a room: links for a hub or a Binder, and how large a cluster must be.

Nothing here opens a connection.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from secure_ai.core.errors import UserError

START = "notebooks/00_start_here.ipynb"
# Of a node, for the system and the cluster's own pods: the kit's own, and meant to be argued with; managed
# clusters hold back more of a small node and less of a large one.
RESERVED = 0.1
# Of all seats, those that are at their peak at the same time: the kit's own, and meant to be argued with; a
# class works on one lab, but not on one cell.
AT_PEAK = 0.25
# Above the measured peak, where a seat is ended: the kit's own, and meant to be argued with.
ABOVE_PEAK = 1.25
_BRANCH = re.compile(r"[\w./-]{1,200}")


def nbgitpuller_link(hub: str, repository: str, branch: str = "main", notebook: str = START) -> str:
    """Return a link that copies the kit into a learner's home on a hub and opens a notebook.

    The hub needs nbgitpuller in its learners' environment. Opened again, the link brings what is new and
    keeps what the learner changed.

    Args:
        hub: address of the hub, ``https://hub.example.org``.
        repository: address of the kit's git repository.
        branch: its branch or tag.
        notebook: path inside the repository.

    Raises:
        UserError: if an address is no https address, or branch or path are none.
    """
    hub, repository = _address(hub, "hub"), _address(repository, "repository")
    _check_branch(branch)
    _check_path(notebook)
    folder = urlsplit(repository).path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    if not folder or folder in (".", ".."):
        raise UserError("The address of the repository names no repository: give it whole.")
    opened = f"lab/tree/{folder}/{notebook}"
    asked = {"repo": repository, "branch": branch, "targetpath": folder, "urlpath": opened}
    return f"{hub}/hub/user-redirect/git-pull?{urlencode(asked, quote_via=quote)}"


def binder_link(
    owner: str,
    name: str,
    branch: str = "main",
    notebook: str = START,
    *,
    binder: str = "https://mybinder.org",
) -> str:
    """Return a link that has a Binder build the kit from GitHub and open a notebook.

    Raises:
        UserError: if owner, name, branch or path are none, or ``binder`` is no https address.
    """
    if not all(re.fullmatch(r"[\w.-]{1,100}", part) for part in (owner, name)):
        raise UserError("Owner and name of the repository are letters, digits, dots and dashes.")
    _check_branch(branch)
    _check_path(notebook)
    start = f"{_address(binder, 'Binder')}/v2/gh/{owner}/{name}/{quote(branch, safe='')}"
    return f"{start}?{urlencode({'urlpath': f'lab/tree/{notebook}'}, quote_via=quote)}"


@dataclass(frozen=True)
class Figures:
    """What one seat takes in a pod of its own, where no memory is shared between seats.

    Attributes:
        seat_mib: memory of server and kernel after a lab ran.
        peak_mib: most that a seat takes while a lab runs.
        seat_cpus: processors that a seat keeps busy on average.
        home_mib: disk of a learner's home.
    """

    seat_mib: float
    peak_mib: float
    seat_cpus: float
    home_mib: float


@dataclass(frozen=True)
class Size:
    """A cluster for a number of learners: nodes of one kind, and what each pod asks for."""

    learners: int
    nodes: int
    seats_a_node: int
    guarantee_mib: int
    limit_mib: int
    homes_gib: int


def cluster_size(learners: int, figures: Figures, node_mib: int, node_cpus: float) -> Size:
    """Return how many nodes hold a number of learners.

    Args:
        learners: seats at the same time.
        figures: measured, of one seat.
        node_mib: memory of a node.
        node_cpus: its processors.

    Raises:
        UserError: if a figure is not above zero, or not even one seat fits on a node.
    """
    given = (learners, *vars(figures).values(), node_mib, node_cpus)
    if not all(math.isfinite(value) and value > 0 for value in given):
        raise UserError("Learners and all figures must be above zero: measure first.")
    if figures.peak_mib < figures.seat_mib:
        raise UserError("A seat's peak is below what it takes at rest: measure again.")
    usual = figures.seat_mib + AT_PEAK * (figures.peak_mib - figures.seat_mib)
    by_memory = math.floor(node_mib * (1 - RESERVED) / usual)
    by_cpus = math.floor(node_cpus * (1 - RESERVED) / figures.seat_cpus)
    seats = min(by_memory, by_cpus)
    if seats < 1 or figures.peak_mib > node_mib * (1 - RESERVED):
        raise UserError("Not one seat fits on such a node: take a larger one.")
    return Size(
        learners=learners,
        nodes=math.ceil(learners / seats),
        seats_a_node=seats,
        guarantee_mib=math.ceil(usual),
        limit_mib=math.ceil(figures.peak_mib * ABOVE_PEAK),
        homes_gib=math.ceil(learners * figures.home_mib / 1024),
    )


def size_table(figures: Figures, node_mib: int, node_cpus: float, classes: tuple[int, ...]) -> str:
    """Return a Markdown table of cluster sizes for classes of several sizes."""
    lines = [
        "| learners | nodes | seats a node | memory guaranteed, MiB | memory limit, MiB | homes, GiB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for learners in classes:
        size = cluster_size(learners, figures, node_mib, node_cpus)
        lines.append("| " + " | ".join(str(value) for value in vars(size).values()) + " |")
    return "\n".join(lines)


def _address(text: str, what: str) -> str:
    wanted = f"The address of the {what} must look like https://name.example.org."
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port  # a port that is no number raises here
    except ValueError:
        raise UserError(wanted) from None
    if not host or parts.scheme != "https" or parts.username or parts.query or parts.fragment:
        raise UserError(wanted)
    return text.strip().rstrip("/")


def _check_branch(branch: str) -> None:
    if not _BRANCH.fullmatch(branch) or ".." in branch or branch[0] in "-/":
        raise UserError("The branch is no name of a branch or tag: 'main' is one.")


def _check_path(path: str) -> None:
    if not path or path[0] == "/" or ".." in path.split("/") or "\\" in path or len(path) > 300:
        raise UserError(f"The notebook must be a path inside the repository, such as {START}.")
