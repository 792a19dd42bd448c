"""What the site does beyond its extensions: a short sidebar, private names left out, docstrings as text."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.util.nodes import make_refnode

# Folders of secure_ai without a page in the reference: commands have --help, tasks would be answers, and
# the hub's side of a workshop is called by nobody but the hub.
NO_REFERENCE = ("cli", "learn/tasks", "workshop/hub")
OURS = ("secure_ai.", "synthetic_data.")


def setup(app):
    """Connect the hooks; tell Sphinx that they may run side by side."""
    # Before the theme (500) computes the sidebar, and after Sphinx has put the page together.
    app.connect("html-page-context", shorten_sidebar, priority=100)
    app.connect("html-page-context", reach_by_keyboard, priority=900)
    app.connect("missing-reference", find_elsewhere)
    if "autoapi.extension" in app.config.extensions:
        app.connect("autoapi-skip-member", skip_member)
        app.connect("autodoc-process-docstring", keep_as_text, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def shorten_sidebar(app, pagename, templatename, context, doctree):
    """Open only the branch of the sidebar where the page stands: all would be a thousand entries a page."""
    toctree = context.get("toctree")
    if toctree is not None:
        context["toctree"] = lambda **options: toctree(**{**options, "collapse": True})


def reach_by_keyboard(app, pagename, templatename, context, doctree):
    """Let Tab reach what scrolls by itself: code and wide tables."""
    body = context.get("body")
    if body:
        body = body.replace('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">')
        context["body"] = body.replace(
            '<div class="table-wrapper docutils container">',
            '<div class="table-wrapper docutils container" tabindex="0">',
        )


def skip_member(app, what, name, member, skip, options):  # noqa: PLR0917 - Sphinx calls it so
    """Leave out names that begin with an underscore, constants without words, fields described already."""
    parent, _, own = name.rpartition(".")
    if own.startswith("_"):
        return True
    if what == "data" and not member.docstring:
        return own.isupper()  # others are types that signatures name
    if what == "attribute" and not member.docstring:
        owner = getattr(app.env, "autoapi_all_objects", {}).get(parent)
        described = getattr(owner, "_docstring", "") or getattr(owner, "docstring", "") or ""
        return bool(re.search(r"^\s*(Attributes:|:ivar )", described, re.M))
    return skip


STAR = re.compile(r"(?<![\\*`\w])\*(?=[\w(])|(?<=\w)\*(?![\w*`])")


def keep_as_text(app, what, name, obj, options, lines):  # noqa: PLR0917 - Sphinx calls it so
    """Escape what reStructuredText would read as its own where the house's docstrings mean plain text."""
    for index, line in enumerate(lines):
        if "*" in line or "|" in line:
            parts = line.split("``")
            parts[::2] = [STAR.sub(r"\\*", part).replace("|", r"\|") for part in parts[::2]]
            lines[index] = "``".join(parts)


def find_elsewhere(app, env, node, contnode):
    """Lead a type in a signature to where it is defined; leave a name without a page as plain text.

    A signature names what its module imported. A name that no page documents is private or left out.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith(OURS):
        return None
    domain = env.get_domain("py")
    own = target.rpartition(".")[2]
    found = [name for name in by_last_name(env, domain).get(own, ()) if name.startswith(OURS)]
    exact = [name for name in found if name == target]
    if len(exact or found) == 1:
        name = (exact or found)[0]
        entry = domain.objects[name]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)
    return contnode if isinstance(contnode, nodes.Node) else None


def by_last_name(env, domain):
    """Return the classes, types and data that are documented, by the last part of their names."""
    kept = getattr(env, "_site_last_names", None)
    if kept is None:
        kept = {}
        for name, entry in domain.objects.items():
            if entry.objtype in ("class", "exception", "data", "type"):
                kept.setdefault(name.rpartition(".")[2], []).append(name)
        env._site_last_names = kept
    return kept
