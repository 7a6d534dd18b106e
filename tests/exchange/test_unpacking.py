"""``dftflow import``: archives come back as they were, and hostile ones leave nothing behind."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcomes import CS_011, PAPER_STEPS, StoredRun

from dftflow.cli.main import main
from dftflow.errors import DftflowError, InputError, ParseError, StoreError
from dftflow.exchange.archive import write_archive
from dftflow.exchange.names import why_no_name
from dftflow.exchange.pickles import why_pickle
from dftflow.exchange.unpacking import Bounds, unpack_archive
from dftflow.jobs.step_state import is_intact, read_state
from dftflow.studies.standing import standing_of

LIST = "ro-crate-metadata.json"
Contents = dict[str, bytes]


def in_npy(array: Any) -> bytes:
    np.save(file := io.BytesIO(), array, allow_pickle=True)
    return file.getvalue()


def in_npz(**arrays: Any) -> bytes:
    np.savez_compressed(file := io.BytesIO(), allow_pickle=True, **arrays)
    return file.getvalue()


# --- there and back -----------------------------------------------------------------------------------------------


def contents(root: Path) -> Contents:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_what_went_in_comes_out_and_its_steps_are_finished(run: StoredRun, tmp_path: Path) -> None:
    first = write_archive(run.root, tmp_path / "a.zip")
    there = tmp_path / "there"
    found = unpack_archive(first.file, there)
    assert (found.study, found.n_files) == ("fapbbr3-cspbbr3", first.n_files)
    before, after = contents(run.root), contents(there)
    assert set(before) == set(after)
    for name in before:  # but the times of the machine
        assert before[name] == after[name] or name.endswith("/state.json")
    assert {end.name: end.state for end in standing_of(there).ends} == dict.fromkeys(PAPER_STEPS, "finished")
    second = write_archive(there, tmp_path / "b.zip")
    assert second.file.read_bytes() == first.file.read_bytes()


def test_the_seals_are_those_of_the_copies(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is hashed again to find that a step is as it was left; and one that is changed is found."""
    unpack_archive(archive, tmp_path / "there")
    (step,) = (tmp_path / "there").glob(f"steps/{CS_011}-*")
    state = read_state(step)
    with monkeypatch.context() as patched:
        patched.setattr("dftflow.jobs.seals._sha256", lambda file: pytest.fail(f"{file} is hashed again"))
        assert is_intact(step, state)
    (step / "results.json").write_text("{}")
    assert {end.name: end.state for end in standing_of(tmp_path / "there").ends}[CS_011] == "refused"


def test_a_file_that_was_changed_before_stays_changed(run: StoredRun, tmp_path: Path) -> None:
    record = run.folder(CS_011) / "results.json"
    record.write_text(record.read_text().replace("finished", "finisheD"))
    ends = {end.name: end.state for end in standing_of(run.root).ends}
    unpack_archive(write_archive(run.root, tmp_path / "a.zip").file, tmp_path / "there")
    assert {end.name: end.state for end in standing_of(tmp_path / "there").ends} == ends
    assert ends[CS_011] == "refused"


def test_programs_stay_programs(run: StoredRun, tmp_path: Path) -> None:
    script = next(run.folder(CS_011).glob("*.py"))
    script.chmod(0o755)
    unpack_archive(write_archive(run.root, tmp_path / "a.zip").file, tmp_path / "there")
    copied = tmp_path / "there" / script.relative_to(run.root)
    assert copied.stat().st_mode & stat.S_IXUSR
    assert not copied.with_name("results.json").stat().st_mode & stat.S_IXUSR


def test_the_command(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there"
    assert main(["import", str(archive), str(there), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "fapbbr3-cspbbr3"
    assert main(["status", str(there)]) == 0
    assert main(["report", str(there)]) == 0
    assert (there / "report.html").is_file() and (there / "results.json").is_file()
    assert main(["import", str(archive), str(there)]) == StoreError.exit_code == 8
    assert main(["import", str(tmp_path / "nowhere.zip"), str(tmp_path / "other")]) == InputError.exit_code == 2
    assert "cannot be read" in capsys.readouterr().err


# --- hostile archives ---------------------------------------------------------------------------------------------


def whole(archive: Path) -> Contents:
    with zipfile.ZipFile(archive) as found:
        return {name: found.read(name) for name in found.namelist() if not name.endswith("/")}


def listing(files: Contents) -> bytes:
    """The list that tells the truth of `files`, written without dftflow."""
    graph = [
        {"@id": name, "@type": "File", "contentSize": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    return json.dumps({"@graph": graph}).encode()


def packed(file: Path, files: Contents, change: Callable[[zipfile.ZipInfo], None] = lambda entry: None) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            change(entry)
            archive.writestr(entry, data)
    return file


def refused(file: Path, *, bounds: Bounds | None = None) -> str:
    """Why an archive is refused, and that nothing is left of it."""
    place = file.parent / "place"
    place.mkdir()
    around = sorted(file.parent.iterdir())
    with pytest.raises(ParseError) as caught:
        unpack_archive(file, place / "in", bounds=bounds)
    assert list(place.iterdir()) == [] and sorted(file.parent.iterdir()) == around
    place.rmdir()
    return str(caught.value)


@pytest.fixture
def files(archive: Path) -> Contents:
    """What a whole archive holds, without its list."""
    content = whole(archive)
    del content[LIST]
    return content


def test_the_list_of_this_test_is_believed(files: Contents, tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {**files, LIST: listing(files)})
    assert unpack_archive(file, tmp_path / "in").n_files == len(files)


@pytest.mark.parametrize(
    "name",
    ["../out", "steps/../../out", "/etc/out", "a//b", "./a", "C:/out", "a\\..\\out", "~/.hidden", ".ssh/key",
     "steps/.x", "a/" * 40 + "b", "n" * 256, "n" * 2000, "a\nb", "a\x1b[2Jb", "a\u202eb",
     "trailing. ", "con:stream", "*"],
)  # fmt: skip
def test_names_that_lead_elsewhere(files: Contents, tmp_path: Path, name: str) -> None:
    hostile = {**files, name: b"x"}
    told = refused(packed(tmp_path / "x.zip", {**hostile, LIST: listing(hostile)}))
    assert (len(told) < 1000 and told.isascii()) or "…" in told or "\u202e" not in told


@pytest.mark.parametrize(
    "name", ["Plan.json", "PLAN.JSON", "plan.json/inside", "study.toml/x", "\uff50lan.json", "Plan.json/x"]
)
def test_names_that_are_one_file_elsewhere(files: Contents, tmp_path: Path, name: str) -> None:
    hostile = {**files, name: b"x"}
    assert "one name" in refused(packed(tmp_path / "x.zip", {**hostile, LIST: listing(hostile)}))


def test_a_name_that_comes_twice(files: Contents, tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {**files, LIST: listing(files)})
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("plan.json", b"{}")
    assert "one name" in refused(tmp_path / "x.zip")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices(files: Contents, tmp_path: Path, kind: int) -> None:
    hostile = {**files, "link": b"/etc/passwd"}

    def as_kind(entry: zipfile.ZipInfo) -> None:
        if entry.filename == "link":
            entry.external_attr = (kind | 0o777) << 16

    told = refused(packed(tmp_path / "x.zip", {**hostile, LIST: listing(hostile)}, as_kind))
    assert "no plain file" in told


def test_a_file_with_another_content(files: Contents, tmp_path: Path) -> None:
    record = next(name for name in files if name.endswith("results.json"))
    true = listing(files)
    other = {**files, record: files[record].replace(b"finished", b"finisheD")}
    assert "another content" in refused(packed(tmp_path / "x.zip", {**other, LIST: true}))
    longer = {**files, record: files[record] + b" "}
    assert "in the list" in refused(packed(tmp_path / "y.zip", {**longer, LIST: true}))


def test_the_list_and_the_entries_are_the_same(files: Contents, tmp_path: Path) -> None:
    told = refused(packed(tmp_path / "a.zip", {**files, "extra.txt": b"x", LIST: listing(files)}))
    assert "extra.txt is in the archive and not in its list" in told
    fewer = {name: data for name, data in files.items() if name != "study.toml"}
    assert "study.toml is in its list" in refused(packed(tmp_path / "b.zip", {**fewer, LIST: listing(files)}))
    assert f"there is no {LIST}" in refused(packed(tmp_path / "c.zip", files))
    no_plan = {name: data for name, data in files.items() if name != "plan.json"}
    assert "no study" in refused(packed(tmp_path / "d.zip", {**no_plan, LIST: listing(no_plan)}))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"{}", b'{"@graph": 1}', b'{"@graph": [1]}', b'{"@graph": []}', b"\xff\xfe", b"[" * 100_000,
     b'{"@graph": [{"@id": "plan.json", "@type": "File"}]}',
     b'{"@graph": [{"@id": ["plan.json"], "@type": "File", "contentSize": 1, "sha256": "0"}]}',
     b'{"@graph": [{"@id": "plan.json", "@type": ["File"], "contentSize": "-1", "sha256": "' + b"0" * 64 + b'"}]}',
     b'{"@graph": [{"@id": "%2e%2e/x", "@type": "File", "contentSize": "1", "sha256": "' + b"0" * 64 + b'"}]}'],
)  # fmt: skip
def test_a_list_that_is_none(files: Contents, tmp_path: Path, text: bytes) -> None:
    assert "list of files" in refused(packed(tmp_path / "x.zip", {**files, LIST: text}))


def test_a_plan_that_is_none(files: Contents, tmp_path: Path) -> None:
    for number, plan in enumerate((b"{}", b"\xff", b'{"schema": "dftflow-plan/1"}', b"[" * 50_000)):
        hostile = {**files, "plan.json": plan}
        told = refused(packed(tmp_path / f"{number}.zip", {**hostile, LIST: listing(hostile)}))
        assert "no study can be read" in told


@pytest.mark.parametrize(("name", "data"), [("a.pkl", b"x"), ("a.Pickle.gz", b"x"), ("a.dat", b"\x80\x04N."),
                                            ("b.npy", b"\x80\x02]q\x00."), ("c.dat", b"\x80\x04N.\n"),
                                            ("d.npy", in_npy(np.array([{}], dtype=object))),
                                            ("e.npz", in_npz(levels=np.zeros(3), more=np.array([None])))])  # fmt: skip
def test_pickles(files: Contents, tmp_path: Path, name: str, data: bytes) -> None:
    hostile = {**files, name: data}
    assert "pickle" in refused(packed(tmp_path / "x.zip", {**hostile, LIST: listing(hostile)}))


def why(name: str, content: bytes) -> str:
    return why_pickle(name, io.BytesIO(content))


def test_bombs(files: Contents, tmp_path: Path) -> None:
    bomb = {**files, "zeros": bytes(100 << 20)}
    file = packed(tmp_path / "x.zip", {**bomb, LIST: listing(bomb)})
    assert file.stat().st_size < 1 << 20
    assert "times its size" in refused(file)
    many = {**files, **{f"f{number}": b"" for number in range(2000)}}
    file = packed(tmp_path / "y.zip", {**many, LIST: listing(many)})
    assert "entries, more than 1000" in refused(file, bounds=Bounds(entries=1000))
    file = packed(tmp_path / "z.zip", {**files, LIST: listing(files)})
    assert "GiB, more than" in refused(file, bounds=Bounds(bytes=1000))


def test_a_bomb_whose_entries_share_their_bytes(files: Contents, tmp_path: Path) -> None:
    """D. Fifield, A better zip bomb (WOOT 2019): the directory names the same bytes for many entries."""
    file = tmp_path / "x.zip"
    doubled = {**files, "a": bytes(range(256)) * 40, "b": bytes(range(256)) * 40}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**doubled, LIST: listing(doubled)}.items():
            archive.writestr(name, data)
        archive.getinfo("b").header_offset = archive.getinfo("a").header_offset
    assert "shares its bytes with another entry" in refused(file)


def test_a_bomb_that_lies_about_its_size(files: Contents, tmp_path: Path) -> None:
    """The declared sizes are small, the stream is not: no more than declared is ever written."""
    bomb = {**files, "zeros": bytes(50 << 20)}
    small = {**files, "zeros": bytes(10)}
    file = packed(tmp_path / "x.zip", {**bomb, LIST: listing(small)})
    content = file.read_bytes()
    true, lie = struct.pack("<L", 50 << 20), struct.pack("<L", 10)
    file.write_bytes(content.replace(true, lie))
    assert content.count(true) == 2  # of the entry, and of the directory
    assert refused(file)


def test_encrypted_and_strange_compression(files: Contents, tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {**files, LIST: listing(files)})
    content = bytearray(file.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1  # general purpose flags of the first entry in the directory
    file.write_bytes(content)
    assert "encrypted" in refused(file)
    with zipfile.ZipFile(tmp_path / "y.zip", "w", zipfile.ZIP_LZMA) as archive:
        for name, data in {**files, LIST: listing(files)}.items():
            archive.writestr(name, data)
    assert "compression" in refused(tmp_path / "y.zip")


def test_a_directory_beyond_all_bounds_is_not_read(files: Contents, tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {**files, LIST: listing(files)})
    content = bytearray(file.read_bytes())
    at = content.rfind(b"PK\x05\x06")
    content[at + 12 : at + 16] = struct.pack("<L", 0xFFFFFFF0)
    file.write_bytes(content)
    assert "list of entries" in refused(file)
    end = bytes(content[at:])
    inside = struct.pack("<4sH", b"PK\x05\x06", 0)  # of the size: another end within the end
    file.write_bytes(content[:at] + end[:14] + inside + b"\0\0")
    assert "list of entries" in refused(file)
    old = b"PK\x06\x06" + bytes(36) + struct.pack("<QQ", 1 << 40, 0)
    locator = b"PK\x06\x07" + bytes(4) + struct.pack("<QL", 0, 1)
    file.write_bytes(content[:at] + old + locator + packed(file, {}).read_bytes()[-22:])
    assert "list of entries" in refused(file), "where zipfile looks, wherever the locator points"


def test_a_truncated_archive_at_many_places(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    for part in (0, 1, 21, 22, len(content) // 3, len(content) // 2, len(content) - 30, len(content) - 1):
        (tmp_path / "x.zip").write_bytes(content[:part])
        refused(tmp_path / "x.zip")


def test_no_zip_at_all(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("a text")
    assert "no whole zip" in refused(tmp_path / "x.zip")
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        unpack_archive(tmp_path / "folder.zip", tmp_path / "in")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_that_is_changed_is_refused_or_changes_nothing(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.zip").write_bytes(content)
    place = tmp_path / "place"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        unpack_archive(tmp_path / "x.zip", place / "in")
    except DftflowError:
        assert list(place.iterdir()) == []
    else:
        true = whole(archive)
        found = contents(place / "in")
        assert {name for name in true if name != LIST} == set(found)
        for name, text in found.items():
            assert text == true[name] or name.endswith("/state.json")


def test_what_begins_as_a_pickle_and_is_none_is_taken() -> None:
    """A record of Fortran of 640 bytes."""
    record = struct.pack("<i", 640)
    assert why("evc.dat", record + bytes(640) + record) == ""


NO_OBJECTS = [np.zeros(3), np.array(["a"]), np.zeros(2, dtype=[("O", "<f8"), ("b", "S3", (2,))]), np.zeros((0, 3), "?")]
OBJECTS = [np.array([1, None]), np.zeros(2, dtype=[("a", "<f8"), ("b", "O")]),
           np.zeros(2, dtype=[("a", [("b", "O", (2,))])])]  # fmt: skip
FIELDS = np.zeros(1, dtype=[(f"a name that is long {number}", "<f8") for number in range(300)])


@pytest.mark.parametrize("packing", [bytes, gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_arrays_of_objects_are_pickles_and_others_are_none(packing: Callable[[bytes], bytes]) -> None:
    for array in NO_OBJECTS:
        assert why("a.dat", packing(in_npy(array))) == ""
    for array in OBJECTS:
        assert "pickle" in why("a.dat", packing(in_npy(array)))
    assert "pickle" in why("a.dat", packing(pickle.dumps({"levels": [1.5] * 5000})))
    assert "pickle" in why("a.dat", packing(b"\x93NUMPY\x01\x00\x05\x00{'a'}"))  # a header that tells nothing
    assert "pickle" in why("a.dat", packing(in_npy(FIELDS)))  # one that is longer than what is looked at


def test_a_zip_is_looked_into(tmp_path: Path) -> None:
    assert why("a.npz", in_npz(a=np.zeros(3), b=np.array(["x"]))) == ""
    assert "holds a pickle" in why("a.dat", in_npz(a=np.zeros(3), b=OBJECTS[1]))
    torch = packed(tmp_path / "model.pt", {"archive/data.pkl": b"any"}).read_bytes()
    assert "holds a pickle" in why("model.pt", torch)
    assert why("cut.zip", torch[:-10]) == ""
    (file := tmp_path / "other.zip").write_bytes(b"")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", in_npy(OBJECTS[0]))
    assert "not looked into" in why("other.zip", file.read_bytes())


@pytest.mark.parametrize("name", ["CON", "a/aux.py", "nul.tar.gz/x", "COM1", "lpt9 .txt"])
def test_names_of_devices_are_refused(name: str) -> None:
    """https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file"""
    assert "device" in why_no_name(name) and why_no_name("auxiliary/con-1/com10.nul") == ""


@given(st.text(max_size=300) | st.from_regex(r"[./\\a~: ]{1,20}", fullmatch=True))
def test_a_name_that_is_taken_lies_below_its_folder(name: str) -> None:
    if why_no_name(name):
        return
    place = Path("/some/folder") / name
    assert place.as_posix() == f"/some/folder/{name}"
    assert ".." not in place.parts and len(place.parts) > 3
