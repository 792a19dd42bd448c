"""What the site does beyond its extensions: a short sidebar, keyboard, exact links."""

from __future__ import annotations

from sphinx import addnodes


def setup(app):
    """Connect the hooks; tell Sphinx that they may run side by side."""
    # Before the theme (500) computes the sidebar, and after Sphinx has put the page together.
    app.connect("html-page-context", shorten_sidebar, priority=100)
    app.connect("html-page-context", reach_by_keyboard, priority=900)
    app.connect("doctree-read", link_by_whole_names)
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


def link_by_whole_names(app, doctree):
    """Let a short name lead to its own module or nowhere: any module's would be found otherwise, slowly."""
    for node in doctree.findall(addnodes.pending_xref):
        if node.get("refdomain") == "py":
            node.attributes.pop("refspecific", None)
