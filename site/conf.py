"""Sphinx's settings for the site: what is read, how it looks, and that it needs no network.

``build.py`` starts Sphinx with these; nothing of the kit is imported, and no notebook is run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import hooks  # noqa: E402

project = "Secure AI"
author = "the authors of the kit"
copyright = "the authors of the kit. Code: Apache-2.0; lessons, labs and quizzes: CC BY 4.0"
language = "en"
release = version = re.search(
    r'__version__ = "([^"]+)"', (ROOT / "secure_ai/__init__.py").read_text(encoding="utf-8")
)[1]

extensions = ["myst_nb", "sphinx_copybutton"]
root_doc = "index"
exclude_patterns = ["**/_*"]
nitpicky = True
# Types of other packages: their inventories would come from the network.
nitpick_ignore_regex = [(r"py:.*", r"(?!secure_ai\.|synthetic_data\.).*")]
suppress_warnings = ["config.cache"]
smartquotes = False  # a command must stay as it is typed

# Lessons: their stored outputs are what a reader sees.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # the default is a CDN
nb_merge_streams = True
nb_number_source_lines = False
nb_output_stderr = "remove"
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
myst_all_links_external = False

# Reference: public_api.py and reference.py write its pages.
default_role = None
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries = False

html_theme = "furo"
html_title = f"Secure AI {release}"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_favicon = str(HERE / "static" / "favicon.svg")  # a browser asks for one
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None  # a build today and a build tomorrow are the same bytes
html_permalinks_icon = "#"
html_search_language = "en"
html_use_index = True
html_domain_indices = False
html_theme_options = {
    "navigation_with_keys": False,
    "light_css_variables": {
        "color-brand-primary": "#0b4a8f",
        "color-brand-content": "#0b4a8f",
        "color-brand-visited": "#5b2a86",
        "color-foreground-muted": "#4d5561",
        "color-api-name": "#0b4a8f",
        "color-api-pre-name": "#4d5561",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8ab8ff",
        "color-brand-content": "#8ab8ff",
        "color-brand-visited": "#c9a6f0",
        "color-foreground-muted": "#aab2bd",
        "color-api-name": "#8ab8ff",
        "color-api-pre-name": "#aab2bd",
    },
    "footer_icons": [],
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"
copybutton_copy_empty_lines = False


def setup(app):
    """Connect what the site does beyond its extensions."""
    return hooks.setup(app)
