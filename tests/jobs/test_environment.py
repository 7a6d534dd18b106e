"""What of the environment an engine gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dftflow.jobs.environment import engine_environment
from dftflow.jobs.lock import EngineLock
from dftflow.jobs.process import EngineProcess
from dftflow.jobs.resources import Resources

KEYS = [
    "MP_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SLURM_JWT", "SSH_AUTH_SOCK", "PGPASSWORD", "VASP_TOKEN",
    "OPENAI_API_KEY", "HTTP_PROXY_PASSWORD", "ANYTHING_ELSE", "PMG_MAPI_KEY", "DFTFLOW_SECRET", "PYTHONSTARTUP",
]  # fmt: skip
NEEDED = ["PATH", "HOME", "LD_LIBRARY_PATH", "PSPOT_DIR", "ESPRESSO_PSEUDO", "SLURM_JOB_ID", "OMPI_MCA_btl", "LC_ALL"]


def test_an_engine_gets_what_it_needs_and_no_key() -> None:
    got = engine_environment(dict.fromkeys([*KEYS, *NEEDED], "x"))
    assert set(got) == {*NEEDED, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


def test_a_person_can_pass_more_on() -> None:
    got = engine_environment({"DFTFLOW_ENGINE_ENV": "MY_LICENCE, OTHER", "MY_LICENCE": "1", "OTHER": "2", "THIRD": "3"})
    assert (got["MY_LICENCE"], got["OTHER"]) == ("1", "2") and "THIRD" not in got


def test_the_process_has_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MP_API_KEY", "s3cret")
    lock = EngineLock.take(tmp_path)
    assert lock is not None
    script = "import os; open('env', 'w').write(repr(dict(os.environ)))"
    engine = EngineProcess.start((sys.executable, "-c", script), tmp_path, lock)
    lock.let_go()
    while engine.running(Resources()):
        pass
    assert "s3cret" not in (tmp_path / "env").read_text() and "PATH" in (tmp_path / "env").read_text()
