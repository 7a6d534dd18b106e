"""``dftflow export --ro-crate``: what goes into an archive, what stays behind, and what a validator says."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outcomes import CS_011, CS_BANDS, PAPER_STEPS, StoredRun

from dftflow.cli.main import main
from dftflow.errors import InputError, StoreError
from dftflow.exchange.archive import write_archive
from dftflow.jobs.step_state import read_state, write_state

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PSCTR = "  PAW_PBE Pb_d 06Sep2000\n   14.0\n parameters from PSCTR are:\n"


def graph(file: Path) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(file) as archive:
        content = json.loads(archive.read("ro-crate-metadata.json"))
    return {entity["@id"]: entity for entity in content["@graph"]}


def names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


# --- a validator of others ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's cache, with the words of RO-Crate 1.1 as the package rocrate ships them, and nothing else."""
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    package = importlib.util.find_spec("rocrate")
    assert package is not None and package.origin is not None
    words = (Path(package.origin).parent / "data" / "ro-crate.jsonld").read_bytes()
    assert json.loads(words)["@id"] == CONTEXT

    class Shipped(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            kind = {"Content-Type": "application/ld+json"}
            raw = HTTPResponse(io.BytesIO(words), kind, 200, preload_content=False, request_url=request.url)
            return self.build_response(request, raw)

    cache = tmp_path_factory.mktemp("cache") / "words"
    with CachedSession(str(cache), backend="sqlite", expire_after=-1) as session:
        session.mount("https://", Shipped())
        session.get(CONTEXT, headers={"Accept": "application/ld+json, application/json, */*;q=0.1"})
    return cache


def told_by_validator(file: Path, cache: Path) -> list[str]:
    """What the validator finds wrong of what is required, without a connection."""
    from rocrate_validator import models, services

    settings = services.ValidationSettings(
        rocrate_uri=str(file),
        profile_identifier="process-run-crate",
        offline=True,
        cache_path=str(cache),
        requirement_severity=models.Severity.REQUIRED,
    )
    return [f"{issue.check.identifier} {issue.message}" for issue in services.validate(settings).get_issues()]


def without(file: Path, target: Path, key: str, entity: str) -> Path:
    """A copy of an archive in which an entity lacks a key."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "ro-crate-metadata.json":
                crate = json.loads(content)
                for each in crate["@graph"]:
                    if each["@id"] == entity:
                        del each[key]
                content = json.dumps(crate).encode()
            copy.writestr(name, content)
    return target


@pytest.mark.xdist_group("validator")
def test_a_validator_accepts_it_without_a_connection(archive: Path, known_context: Path, tmp_path: Path) -> None:
    assert told_by_validator(archive, known_context) == []
    # and would say so if it did not
    action = f"#step/{CS_BANDS}"
    (told,) = told_by_validator(without(archive, tmp_path / "a.zip", "instrument", action), known_context)
    assert "MUST have an instrument" in told
    (told,) = told_by_validator(without(archive, tmp_path / "b.zip", "datePublished", "./"), known_context)
    assert "datePublished" in told


@pytest.mark.xdist_group("validator")
def test_a_failed_step_and_a_licence_are_accepted(run: StoredRun, known_context: Path, tmp_path: Path) -> None:
    run.failed(CS_011)
    write_state(run.folder(CS_011), replace(read_state(run.folder(CS_011)), files={}))
    authors = ("Ada Lovelace", "gpaw", "Ada Lovelace")
    file = write_archive(run.root, tmp_path / "x.zip", licence="CC-BY-4.0", authors=authors).file
    assert told_by_validator(file, known_context) == []
    found = graph(file)
    assert found[f"#step/{CS_011}"]["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert found[f"#step/{CS_011}"]["error"].startswith("scf not converged")
    assert found["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    persons = [found[author["@id"]] for author in found["./"]["author"]]
    assert [person["name"] for person in persons] == ["Ada Lovelace", "gpaw"]
    assert {person["@type"] for person in persons} == {"Person"}, "the engine of that name is something else"
    own = graph(write_archive(run.root, tmp_path / "own.zip", licence="my own rules").file)
    assert own["./"]["license"] == {"@id": "#licence"} and own["#licence"]["name"] == "my own rules"


# --- what it says -------------------------------------------------------------------------------------------------


def test_every_file_has_its_size_and_digest(archive: Path) -> None:
    listed = {entity["name"]: entity for entity in graph(archive).values() if entity["@type"] == "File"}
    assert set(listed) == names(archive) - {"ro-crate-metadata.json"}
    with zipfile.ZipFile(archive) as content:
        for name, entity in listed.items():
            data = content.read(name)
            assert (entity["contentSize"], entity["sha256"]) == (str(len(data)), hashlib.sha256(data).hexdigest())


def test_a_step_has_its_engine_inputs_and_results(archive: Path, run: StoredRun) -> None:
    found = graph(archive)
    step = found[f"#step/{CS_011}"]
    engine = found[step["instrument"]["@id"]]
    assert (engine["name"], engine["softwareVersion"]) == ("gpaw", "26.7.0")
    inputs, results = ({part["@id"].rpartition("/")[2] for part in step[key]} for key in ("object", "result"))
    assert {"CsPbBr3-slab-011-potential.py", "built.json"} <= inputs and "results.json" not in inputs
    assert {"results.json", "bands.npz", "potential.npz"} <= results and not inputs & results - {""}
    seals = read_state(run.folder(CS_011)).files.values()
    ended = max(seal.content_ns for seal in seals) // 10**9
    assert step["endTime"].endswith("+00:00") and abs(_seconds(step["endTime"]) - ended) < 3600
    assert found["./"]["license"] == {"@id": "#no-licence"} and "author" not in found["./"]


def _seconds(time: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(time).timestamp()


def test_the_same_folder_gives_the_same_bytes(run: StoredRun, tmp_path: Path) -> None:
    first, second = (write_archive(run.root, tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first.file.read_bytes() == second.file.read_bytes()
    assert first.sha256 == hashlib.sha256(first.file.read_bytes()).hexdigest()
    assert first.size == first.file.stat().st_size
    for file in run.root.rglob("*"):
        os.utime(file, (1e9, 1e9))
    assert write_archive(run.root, tmp_path / "c.zip").sha256 == first.sha256


# --- what stays behind --------------------------------------------------------------------------------------------


def test_potentials_links_pickles_and_what_is_of_this_machine_stay_behind(run: StoredRun, tmp_path: Path) -> None:
    step = run.folder(CS_011)
    secret = tmp_path / "elsewhere"
    secret.write_text("not of the study")
    (step / "POTCAR").write_text("any")
    (step / "potcar.GZ").write_bytes(b"\x1f\x8b any")
    (step / "POTCAR.spec").write_text("Pb_d\n")
    (step / "renamed.txt").write_text(PSCTR)
    (step / "Pb_00PBE.usp").write_text("any")
    (step / "Si.UPF.1").write_text("any")
    (step / "set.txt").write_text('<?xml version="1.0"?>\n<UPF version="2.0.1">')
    (step / "my.gz").write_bytes(gzip.compress(PSCTR.encode()))
    (step / "run.pkl").write_bytes(b"any")
    (step / "cache.dat").write_bytes(b"\x80\x05N.")
    (step / "cache.gz").write_bytes(gzip.compress(b"\x80\x05N."))
    np.save(step / "objects.npy", np.array([None]))
    np.savez(step / "objects.npz", a=np.zeros(3), b=np.array([None]))
    (step / "engine.lock").write_text("")
    (step / ".hidden").write_text("any")
    (step / "link.txt").symlink_to(secret)
    (run.root / "notes.txt").write_text("mine")
    (run.root / "lock").write_text("")
    written = write_archive(run.root, tmp_path / "x.zip")
    inside = {name.rpartition("/")[2] for name in names(written.file)}
    assert "POTCAR.spec" in inside
    left = {one.name.rpartition("/")[2]: one.reason for one in written.left_out}
    potentials = {"POTCAR", "potcar.GZ", "renamed.txt", "Pb_00PBE.usp", "Si.UPF.1", "set.txt", "my.gz"}
    assert set(left) == potentials | {"run.pkl", "cache.dat", "cache.gz", "objects.npy", "objects.npz"}
    for potcar in ("POTCAR", "potcar.GZ", "renamed.txt", "my.gz"):
        assert "VASP's licence" in left[potcar]
    for name in (*left, "engine.lock", ".hidden", "link.txt", "notes.txt", "lock"):
        assert name not in inside
    assert "not in this archive" in graph(written.file)[f"{step.relative_to(run.root).as_posix()}/"]["description"]


def test_a_folder_that_is_a_link_stays_behind(run: StoredRun, tmp_path: Path) -> None:
    elsewhere = tmp_path / "private"
    elsewhere.mkdir()
    (elsewhere / "key.txt").write_text("mine")
    (run.root / "structures").symlink_to(elsewhere)
    inside = names(write_archive(run.root, tmp_path / "x.zip").file)
    assert inside and not [name for name in inside if "structures" in name]


def test_large_files_are_asked_for(run: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dftflow.exchange.archive.MOST_FILE_BYTES", 2000)
    large = {file.name for file in run.folder(CS_BANDS).iterdir() if file.stat().st_size > 2000}
    assert large
    written = write_archive(run.root, tmp_path / "x.zip")
    assert large <= {one.name.rpartition("/")[2] for one in written.left_out}
    assert write_archive(run.root, tmp_path / "y.zip", everything=True).left_out == ()


def test_the_machine_is_not_told(run: StoredRun, tmp_path: Path) -> None:
    state = read_state(run.folder(CS_011))
    write_state(run.folder(CS_011), replace(state, state="failed", host="node-17.secret.example", boot="abc", pid=77))
    file = write_archive(run.root, tmp_path / "x.zip").file
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if b"node-17" in archive.read(name)]


# --- refusals -----------------------------------------------------------------------------------------------------


def test_what_is_running_is_not_handed_on(run: StoredRun, tmp_path: Path) -> None:
    from dftflow.jobs.lock import EngineLock

    lock = EngineLock.take(run.folder(CS_011))
    run.state(CS_011, "running")
    assert lock is not None
    try:
        with pytest.raises(StoreError, match="running"):
            write_archive(run.root, tmp_path / "x.zip")
    finally:
        lock.let_go()
    assert not list(tmp_path.glob("*x.zip*"))


def test_a_folder_without_a_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no study"):
        write_archive(tmp_path, tmp_path / "x.zip")


def test_the_command(run: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.zip"
    assert main(["export", str(run.root), "--ro-crate", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["files"] == len(names(file)) - 1 and told["left_out"] == []
    again = tmp_path / "again.zip"
    assert main(["export", str(run.root), "--ro-crate", str(again)]) == 0
    captured = capsys.readouterr()
    assert told["sha256"] in captured.out and "no licence" in captured.err
    assert main(["export", str(run.root), "--license", "MIT"]) == 2
    assert main(["export", str(run.root), "--ro-crate", str(tmp_path / "y.zip"), "--author", "a\nb"]) == 2
    shutil.rmtree(run.root)
    assert main(["export", str(run.root), "--ro-crate", str(tmp_path / "y.zip")]) == 2
    assert len(PAPER_STEPS) == sum(entity["@type"] == "CreateAction" for entity in graph(file).values())
