"""Forty texts that mean something to a language in which decks and scripts are written."""

from __future__ import annotations

__all__ = ["CANARY", "HOSTILE"]

CANARY = "hacked"
"""The file that appears where one of them is executed."""

PYTHON = f"open('{CANARY}', 'w')"
SHELL = f"touch {CANARY}"

HOSTILE = (
    # Python
    f'"""\n{PYTHON}\n"""', f'"); {PYTHON}; ("', f"'); {PYTHON}; ('", f"\n{PYTHON}\n", f"\r{PYTHON}\r", f"\x0c{PYTHON}",
    f"\\\n{PYTHON}", f'\\"""\n{PYTHON}', f"{{{PYTHON}}}", f"{{{{ {PYTHON} }}}}", f"__import__('os').system('{SHELL}')",
    "\\N{", "\\", '"', "'", '"""', "'''",
    # shell
    f"$({SHELL})", f"`{SHELL}`", f"; {SHELL}", f"\n{SHELL}\n", f"&& {SHELL}", f"| {SHELL}", f"'; {SHELL}; '",
    f'"; {SHELL}; "', f"a\n{SHELL} #", f"<({SHELL})", f"$(<{CANARY})", f"> {CANARY}", "${HOME}", "-rf *", "~", "!!",
    # Fortran, CASTEP, VASP, tables
    "a'\n/\n&CONTROL\n calculation='nscf'\n/", "x ! y\n", "%ENDBLOCK SPECIES_POT\ntask : Phonon",
    "PBE # x\nENCUT = 1 \\", "a; ISIF = 3", "| x | y |\n\n<script>alert(1)</script>",
    # what nobody sees
    f"\u2028{PYTHON}\u2029\x85\x1b[2J\x00\u202e{SHELL}",
)  # fmt: skip

assert len(HOSTILE) == 40
