"""An interpreter that has imported what takes long, and forks for each script that is run with it.

A job of a mocked scheduler is a process of its own, with its working folder, environment, output and exit status, but
does not import everything anew.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from threading import Thread
from types import TracebackType

__all__ = ["WarmPython"]

PATIENCE_S = 60.0


class WarmPython:
    """Runs from entering until leaving the ``with`` block.

    Parameters
    ----------
    preload
        Python text that is carried out once.
    """

    def __init__(self, preload: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))  # a socket's path is short
        self._preload = preload
        self.command = f"{sys.executable} -S -E {Path(__file__).resolve()} {self._home / 's'}"

    def __enter__(self) -> WarmPython:
        self._server = subprocess.Popen(
            (sys.executable, __file__, "--serve", str(self._home / "s"), self._preload),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.wait()
        shutil.rmtree(self._home)


def _serve(path: str, preload: str) -> None:
    exec(preload, {})
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    print("ready", flush=True)
    while True:
        caller, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(caller)
        caller.close()


def _answer(caller: socket.socket) -> None:
    """Be the script that the caller asks for, with its output."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    data, descriptors, _, _ = socket.recv_fds(caller, 1 << 20, 2)
    asked = json.loads(data)
    caller.sendall(f"{os.getpid()}\n".encode())
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = asked["argv"]
    Thread(target=_die_with, args=(caller,), daemon=True).start()
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(f"{code}\n".encode())
    os._exit(0)


def _die_with(caller: socket.socket) -> None:
    """When the caller is killed so is what it called."""
    caller.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _call(path: str, argv: list[str]) -> int:
    """Have the script run there, and end as it does."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    asked = {"folder": os.getcwd(), "environment": dict(os.environ), "argv": argv}
    socket.send_fds(server, [json.dumps(asked).encode()], [1, 2])
    answers = server.makefile()
    pid = int(answers.readline())
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(pid, number))
    return int(answers.readline() or 1)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        _serve(*sys.argv[2:])
    else:
        sys.exit(_call(sys.argv[1], sys.argv[2:]))
