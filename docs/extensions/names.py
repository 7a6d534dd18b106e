"""The directive ``public-names``: every public name of the package with its docstring, in the order of ``__all__``."""

from __future__ import annotations

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import dftflow

__all__ = ["PublicNames", "setup"]


class PublicNames(SphinxDirective):
    """A signature and a docstring for each."""

    def run(self) -> list[nodes.Node]:
        lines: list[str] = []
        for name in dftflow.__all__:
            if name != "__version__":
                kind = "autoexception" if isinstance(getattr(dftflow, name), type) else "autofunction"
                lines += [f".. {kind}:: dftflow.{name}", ""]
        return self.parse_text_to_nodes(StringList(lines, source="dftflow.__all__"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True}
