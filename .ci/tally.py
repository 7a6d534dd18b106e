"""Adds up JUnit files and prints "N passed, N failed[, N skipped]"; fails when a test failed or none ran."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

seen = failed = skipped = 0
for name in sys.argv[1:]:
    if not Path(name).is_file():
        continue
    for suite in ElementTree.parse(name).iter("testsuite"):
        seen += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))

passed = seen - failed - skipped
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
sys.exit(failed > 0 or passed == 0)
