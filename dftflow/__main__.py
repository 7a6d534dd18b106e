"""``python -m dftflow``."""

from __future__ import annotations

import sys

from dftflow.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
