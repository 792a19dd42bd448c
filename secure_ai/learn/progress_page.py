"""The progress page of a path: one local HTML file without scripts, to be read, printed, clicked through."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from secure_ai import __version__
from secure_ai.core.outputs import atomic_file
from secure_ai.learn.map import kit_folder
from secure_ai.learn.pages import render
from secure_ai.learn.path_progress import NOT_COUNTED, PathProgress, next_step

DEFAULT = Path("reports", "progress.html")


def render_progress_page(path: PathProgress, *, root: Path | None = None, base: str = "") -> str:
    """Return the page of a path.

    Args:
        path: from :func:`~secure_ai.learn.path_progress.path_progress`.
        root: folder of the kit; found by itself if not given.
        base: what comes before ``labs/…`` in a link: the address of a running JupyterLab
            (``http://127.0.0.1:8888/lab/tree/``), or the way from the page to the kit's folder (``../``).
    """
    if base.startswith("http"):
        links = "The links open the notebooks in JupyterLab while it runs at that address."
    else:
        links = "The links lead to the notebooks' files: 'secure-ai start' opens them in JupyterLab."
    return render(
        "progress.html.j2",
        path=path,
        step=next_step(path, root or kit_folder()),
        link=lambda address: base + quote(address),
        links=links,
        not_counted=NOT_COUNTED,
        version=__version__,
    )


def write_progress_page(
    path: PathProgress, out: Path, *, root: Path | None = None, address: str = ""
) -> Path:
    """Write the page of a path, in place of an earlier one.

    Args:
        path: from :func:`~secure_ai.learn.path_progress.path_progress`.
        out: file to write.
        root: folder of the kit; found by itself if not given.
        address: of a running JupyterLab (``http://127.0.0.1:8888``), for the links; to the files without it.

    Raises:
        UserError: if it cannot be written.
    """
    root = root or kit_folder()
    served = f"{address.rstrip('/')}/lab/tree/"
    base = served if address else _way(Path(out).resolve().parent, root)
    with atomic_file(Path(out)) as draft:
        draft.write_text(render_progress_page(path, root=root, base=base), encoding="utf-8")
    return Path(out)


def _way(folder: Path, root: Path | None) -> str:
    if root is None:
        return ""
    try:
        way = Path(os.path.relpath(root.resolve(), folder)).as_posix()
    except ValueError:  # another drive
        return f"{root.resolve().as_uri()}/"
    return f"{quote(way)}/" if way != "." else ""
