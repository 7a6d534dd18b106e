"""Times readers of one file side by side, each in a process of its own, and prints a Markdown table.

Some peers want an older NumPy than dftflow: the environment variable PEERS_PYTHON names the interpreter that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WC", "Timing", "print_table", "time_reader"]

WC = "import subprocess; read = lambda f: subprocess.run(['wc', '-l', f], capture_output=True)"
OF_THIS_ENVIRONMENT = ("dftflow", "loadtxt", "subprocess")
PROCESS = """
import json, resource, sys, time
from pathlib import Path
{imports}
times = []
for _ in range({repeats}):
    start = time.perf_counter()
    read(Path(sys.argv[1]))
    times.append(time.perf_counter() - start)
print(json.dumps([min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Best wall time of the repeats, and the peak memory of the process."""

    wall_time_s: float
    peak_memory_mb: float


def time_reader(imports: str, file: Path, *, repeats: int) -> Timing | str:
    """Times `read(file)`, which the lines `imports` define; why not, where that fails."""
    script = PROCESS.format(imports=imports, repeats=repeats)
    ours = any(name in imports for name in OF_THIS_ENVIRONMENT)
    python = sys.executable if ours else os.environ.get("PEERS_PYTHON", sys.executable)
    done = subprocess.run([python, "-c", script, str(file)], capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr:
        return "not installed"
    if done.returncode:
        return f"fails: {done.stderr.strip().splitlines()[-1][:80]}"
    seconds, memory_mb = json.loads(done.stdout.splitlines()[-1])
    return Timing(wall_time_s=seconds, peak_memory_mb=memory_mb)


def print_table(file: Path, readers: Mapping[str, tuple[str, int]], *, base: str) -> None:
    """One row a reader: name -> (lines that define `read`, repeats); the ratio counts from the reader `base`."""
    megabytes = file.stat().st_size / 1e6
    timings = {name: time_reader(imports, file, repeats=repeats) for name, (imports, repeats) in readers.items()}
    zero = timings.get(base)
    print(f"\n{file.name}, {megabytes:.1f} MB\n")
    print(f"| reader | wall time (s) | MB/s | times {base} | peak memory (MB) |\n|---|---|---|---|---|")
    for name, timing in timings.items():
        if isinstance(timing, str):
            print(f"| {name} | {timing} | | | |")
            continue
        ratio = f"{zero.wall_time_s / timing.wall_time_s:.2f}" if isinstance(zero, Timing) else ""
        speed = megabytes / timing.wall_time_s
        print(f"| {name} | {timing.wall_time_s:.3f} | {speed:.0f} | {ratio} | {timing.peak_memory_mb:.0f} |")
