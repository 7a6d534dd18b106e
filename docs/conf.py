"""How Sphinx builds the site: `make docs`."""

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from dftflow import __version__

sys.path.insert(0, str(Path(__file__).with_name("extensions")))

project = "dftflow"
author = "the dftflow developers"
project_copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "commands", "names", "formulae"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["extensions"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
nitpicky = True
# types are named: to link those of other packages, their lists would have to be fetched
nitpick_ignore_regex = [("py:.*", ".*")]

default_role = "code"
autodoc_class_signature = "separated"  # what a class is made of is private, where `dftflow` makes it
autodoc_default_options = {"exclude-members": "__init__, __new__"}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"dftflow {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    app.add_lexer("csv", TextLexer)  # Pygments has none
