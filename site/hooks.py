"""What the site does beyond its extensions: a short sidebar, keyboard, exact links."""

from __future__ import annotations

import re

from sphinx import addnodes

TABLE = re.compile(r'<div class="(table-wrapper [^"]*)">')
EMPTY_HEAD = re.compile(r'<th class="head"[^>]*><p>\s*</p></th>')
SIGNATURE = re.compile(r"<dl>\s*((?:<dd>.*</dd>\s*)+)</dl>")
DESCRIPTION = re.compile(r"<(/?)dd>")
SIG_LINES = '<div class="sig-lines">'
LANDMARKS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    '<div id="search-results"></div>': '<h1>Search</h1>\n<div id="search-results"></div>',
}


def setup(app):
    """Connect the hooks; tell Sphinx that they may run side by side."""
    # Before the theme (500) computes the sidebar, and after Sphinx has put the page together.
    app.connect("html-page-context", shorten_sidebar, priority=100)
    app.connect("html-page-context", mend_page, priority=900)
    app.connect("build-finished", name_landmarks)
    app.connect("doctree-read", link_by_whole_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def shorten_sidebar(app, pagename, templatename, context, doctree):
    """Open only the branch of the sidebar where the page stands: all would be a thousand entries a page."""
    toctree = context.get("toctree")
    if toctree is not None:
        context["toctree"] = lambda **options: toctree(**{**options, "collapse": True})


def mend_page(app, pagename, templatename, context, doctree):
    """Mend what a reader without eyes or without a mouse would stumble over in Sphinx's own markup."""
    if context.get("body"):
        context["body"] = mended(context["body"])


def mended(body: str) -> str:
    """Return the body of a page with scrolling parts in reach of Tab, and with lists that are lists."""
    body = body.replace('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">')
    body = TABLE.sub(r'<div class="\1" tabindex="0">', body)
    body = EMPTY_HEAD.sub("<td></td>", body)
    # Parameters line by line stand as <dl> without a <dt>.
    return SIGNATURE.sub(lambda match: DESCRIPTION.sub(r"<\1div>", f"{SIG_LINES}{match[1]}</div>"), body)


def name_landmarks(app, exception):
    """Give the theme's side columns and headings of the sidebar what tells them apart; search a title."""
    if exception is not None or app.builder.format != "html":
        return
    for file in sorted(app.outdir.rglob("*.html")):
        page = file.read_text(encoding="utf-8")
        for old, new in LANDMARKS.items():
            page = page.replace(old, new)
        file.write_text(page, encoding="utf-8")


def link_by_whole_names(app, doctree):
    """Let a short name lead to its own module or nowhere: any module's would be found otherwise, slowly."""
    for node in doctree.findall(addnodes.pending_xref):
        if node.get("refdomain") == "py":
            node.attributes.pop("refspecific", None)
