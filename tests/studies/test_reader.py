"""Study files, right and wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.registry import load_code
from dftflow.errors import DftflowError, StudyError
from dftflow.resources import shipped_studies, workflows_dir
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import find_study, load_study

WriteStudy = Callable[..., Path]


def test_the_paper_s_study_says_what_the_paper_says() -> None:
    """ACS Appl. Mater. Interfaces 2021, 13, 58170, Computational Method."""
    study = load_study("fapbbr3-cspbbr3", "paper").content
    cs, fa = study.materials["CsPbBr3"], study.materials["FAPbBr3"]
    assert (cs.cutoff_ev, fa.cutoff_ev) == (244.9, 435.4)
    assert (cs.relax_kpoints.size, fa.relax_kpoints.size) == ((1, 1, 1), (2, 2, 2))
    assert (cs.bands_kpoints.size, fa.bands_kpoints.size) == ((2, 2, 2), (4, 4, 4))
    assert study.preset == "paper" and study.reference == "10.1021/acsami.1c18025"
    assert cs.slabs[0].miller == (0, 1, 1) and fa.slabs[0].miller == (0, 1, 0)
    settings = study.settings
    assert settings.xc == "PBE"
    assert (settings.energy_tol_ev_per_atom, settings.force_tol_ev_per_ang) == (2e-5, 0.05)
    assert (settings.stress_tol_gpa, settings.displacement_tol_ang) == (0.1, 2e-3)
    assert study.alignment[0].published[0].valence_band_offset_ev == 0.021


@pytest.mark.parametrize("preset", [None, "study", "quick", "converged"])
@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_reads_with_every_preset(name: str, preset: str | None) -> None:
    study = load_study(name, preset)
    assert study.name == name and study.preset.accuracy


CODES = """
[codes.castep]
keywords = "materials-studio"
potentials = "tabulated:00PBE"
templates = "own"

[codes.vasp.potentials]
Pb = "Pb"
"""


def with_codes(write_study: WriteStudy, *changes: tuple[str, str]) -> Path:
    """A study with options for two codes, and the folder that they name beside it."""
    file = write_study()
    (file.parent / "own" / "castep").mkdir(parents=True)
    (file.parent / "own" / "castep" / "heading.j2").write_text("! mine: {{ title }} {{ reference }}\n")
    text = CODES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(file.read_text() + text)
    return file


def test_options_of_the_chosen_code(write_study: WriteStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders count from the study file, wherever dftflow is called."""
    file = with_codes(write_study)
    monkeypatch.chdir("/")
    options = {
        "keywords": "materials-studio", "potentials": "tabulated:00PBE",
        "templates": {"castep/heading.j2": "! mine: {{ title }} {{ reference }}\n"},
    }  # fmt: skip
    assert load_study(str(file), code="castep").code_options == options
    assert load_study(str(file), code="CASTEP").code_options == options
    assert load_study(str(file), code="vasp").code_options == {"potentials": {"Pb": "Pb"}}
    assert load_study(str(file)).code_options == {}
    assert dict(load_code("castep", options).options.model_dump(exclude_unset=True)) == options


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "fix"),
    [
        ("castep", "castp", 17, "there is no code called 'castp'", "did you mean 'castep'"),
        ("castep", "CASTEP", 17, "there is no code called 'CASTEP'", "did you mean 'castep'"),
        ("keywords", "keyword", 18, "unknown option 'keyword'", "did you mean 'keywords'"),
        ('"materials-studio"', '"studio"', 18, "keywords cannot be 'studio'", '"academic" or "materials-studio"'),
        ('"tabulated:00PBE"', "19", 19, "potentials cannot be 19", "a library"),
        ('"tabulated:00PBE"', '"00PBE.usp"', 19, "potentials cannot be '00PBE.usp'", "tabulated:00PBE"),
        ('"tabulated:00PBE"', '{ pb = "C19" }', 19, "did you mean 'Pb'", ""),
        ('"tabulated:00PBE"', '{ Pb = "a b" }', 19, "not one word", ""),
        ('"tabulated:00PBE"', "{ Pb = 7 }", 19, "potentials.Pb cannot be 7", "a library"),
        ('"own"', '"other"', 20, "there is no folder", "counts from the study file"),
        ('"own"', '"~no-such-user/own"', 20, "templates cannot be '~no-such-user/own'", ""),
        ('"own"', '{ "castep/heading.j2" = "!" }', 20, "templates is no folder", "name a folder"),
        ('"own"', '"."', 20, "no template in", "castep/NAME.j2"),
        ('Pb = "Pb"', 'Pb = "Br"', 22, "no potential of Pb", ""),
    ],
)
def test_a_wrong_option_of_any_code_is_told_with_its_line(
    write_study: WriteStudy, old: str, new: str, line: int, message: str, fix: str
) -> None:
    """The study's own code is another one."""
    file = with_codes(write_study, (old, new))
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:{line}"
    assert message in caught.value.sentence and fix in caught.value.fix


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "fix"),
    [
        ("cutoff_ev", "cutof_ev", 7, "unknown key 'cutof_ev'", "did you mean 'cutoff_ev'"),
        ("title", "titel", 2, "unknown key 'titel'", "did you mean 'title'"),
        ("miller", "Miller", 14, "unknown key 'Miller'", "did you mean 'miller'"),
        ("cutoff_ev = 244.9", "cutoff_ev = 0", 7, "cutoff_ev cannot be 0", "plain number in eV"),
        ("cutoff_ev = 244.9", 'cutoff_ev = "18 Ry"', 7, "cannot be '18 Ry'", "plain number in eV"),
        ("cutoff_ev = 244.9\n", "", 5, "cutoff_ev is missing", "add cutoff_ev"),
        ("[2, 2, 2]", "[2, 2]", 8, "relax_kpoints is too short", "three numbers"),
        ("[2, 2, 2]", "[2, 2.5, 2]", 8, "cannot be 2.5", ""),
        ("[2, 2, 2]", "[0, 2, 2]", 8, "cannot be 0", ""),
        ('"isotropic"', '"cubic"', 10, "cannot be 'cubic'", ""),
        ("schema = 1", "schema = 9", 1, "cannot be 9", ""),
        ("[[materials.CsBr.slabs]]", "[[materials.CsBr.slab]]", 13, "unknown key 'slab'", "did you mean 'slabs'"),
        ("title = ", "title ", 2, "not valid TOML", ""),
    ],
)
def test_a_mistake_is_told_with_its_line(
    write_study: WriteStudy, old: str, new: str, line: int, message: str, fix: str
) -> None:
    file = write_study((old, new))
    with pytest.raises(StudyError) as caught:
        load_study(str(file), "quick")
    assert message in caught.value.summary
    assert fix in caught.value.fix
    assert caught.value.where == f"{file}:{line}"
    assert caught.value.exit_code == 2


ALIGNED = """

[materials.CsPbBr3]
structure = "CsPbBr3_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]

[[alignment]]
materials = ["CsBr", "CsPbBr3"]
"""
PUBLISHED = """
[[alignment.published]]
materials = ["CsBr", "CsPbBr3"]
method = "UPS"
valence_band_offset_ev = 0.1
type = 4
doi = "10.1021/x"
"""
END = 'setting = "cubic"\n'


@pytest.mark.parametrize(
    ("changes", "line", "message", "fix"),
    [
        ([("[[materials.CsBr.slabs]]", "[materials.CsBr.slabs]")], 13, "materials.CsBr.slabs cannot be { miller =",
         "write [[materials.CsBr.slabs]]"),
        ([("[2, 2, 2]", "{ gamma = true }")], 8, "materials.CsBr.relax_kpoints.size is missing",
         "add size = [4, 4, 4]"),
        ([('code = "gpaw"', 'code = "gpwa"')], 3, "no code called 'gpwa'", "did you mean 'gpaw'"),
        ([("[materials.CsBr]\n", "[other.CsBr]\n")], 5, "unknown key 'other'", "materials"),
        ([('"isotropic"', "true")], 10, "cell cannot be true", 'cell = "all"'),
        ([('"isotropic"', "[1]")], 10, "cell cannot be [1]", ""),
        ([('"isotropic"', "2020-01-02")], 10, "cell cannot be 2020-01-02", ""),
        ([("[1, 1, 0]", "[1, 1, 0.5]")], 14, "slabs.1.miller.3 cannot be 0.5", "miller = [0, 0, 1]"),
        ([(END, f"{END}{ALIGNED}{PUBLISHED}")], 31, "alignment.1.published.1.type cannot be 4", '"type I"'),
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_the_file_is_written(
    write_study: WriteStudy, changes: list[tuple[str, str]], line: int, message: str, fix: str
) -> None:
    file = write_study(*changes)
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert message in caught.value.summary
    assert fix in caught.value.fix
    assert caught.value.where == f"{file}:{line}"


def test_the_materials_to_align_are_those_of_the_study(write_study: WriteStudy) -> None:
    """The line that is advised works when it is pasted."""
    wrong = 'materials = ["CsBr"]'
    file = write_study((END, END + ALIGNED.replace('materials = ["CsBr", "CsPbBr3"]', wrong)))
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    line = caught.value.fix.removeprefix("for example ")
    file.write_text(file.read_text().replace(wrong, line))
    assert load_study(str(file)).content.alignment[0].materials == ("CsBr", "CsPbBr3")
    file.write_text(file.read_text() + "surfaces = 3\n")
    with pytest.raises(StudyError) as caught:
        load_study(str(file))
    assert 'surfaces = ["CsBr/slab-110"]' in caught.value.fix


def test_an_entry_whose_table_has_no_header_is_told_by_what_is_within(write_study: WriteStudy) -> None:
    table = write_study().read_text().split("[materials.CsBr]")[1].split("[[")[0]
    file = write_study((f"[materials.CsBr]{table}", ""))
    with pytest.raises(StudyError, match="structure is missing") as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:5"


def test_a_table_of_no_kind_is_told_with_its_line(write_study: WriteStudy) -> None:
    file = write_study((END, f"{END}\n[kinds.molecule]\nx = 1\n"))
    with pytest.raises(StudyError, match="no kind of subject called 'molecule'") as caught:
        plan_study(load_study(str(file)))
    assert caught.value.where == f"{file}:17"


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="did you mean 'fapbbr3-cspbbr3'"):
        load_study("fapbbr3-cspbr3")
    with pytest.raises(StudyError, match="did you mean 'quick'"):
        load_study("fapbbr3-cspbbr3", "quik")


def test_what_is_no_study_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is a folder"):
        load_study(str(tmp_path))
    with pytest.raises(StudyError, match="does not exist"):
        load_study(str(tmp_path / "none.toml"))
    latin = tmp_path / "latin.toml"
    latin.write_bytes("title = 'é'".encode("latin-1"))
    with pytest.raises(StudyError, match="UTF-8"):
        load_study(str(latin))


def test_a_study_may_change_a_preset_and_add_one(write_study: WriteStudy) -> None:
    own = (
        "[presets.quick]\nvacuum_ang = 18.0\n"
        '[presets.mine]\ndescription = "d"\naccuracy = "a"\nslab_thickness_ang = 9.0\nvacuum_ang = 9.0\n'
        "path_spacing_per_ang = 0.1\n"
    )
    file = write_study(("schema = 1", "schema = 1"))
    file.write_text(file.read_text() + own)
    assert load_study(str(file), "quick").preset.vacuum_ang == 18.0
    assert load_study(str(file), "mine").preset.slab_thickness_ang == 9.0
    file.write_text(file.read_text() + "vacum_ang = 3\n")
    with pytest.raises(StudyError, match="unknown key 'vacum_ang'"):
        load_study(str(file), "mine")


def test_a_study_without_a_paper_has_no_preset_of_that_name(write_study: WriteStudy) -> None:
    study = load_study(str(write_study()))
    assert study.preset_name == "study" and "paper" not in study.preset.description + study.preset.accuracy
    with pytest.raises(StudyError, match="this study has study, quick, converged"):
        load_study(str(write_study()), "paper")


ALIGNMENTS = """
[[alignment]]
materials = "all"

[[alignment.published]]
materials = ["CsBr", "Twin"]
method = "first"
valence_band_offset_ev = 0.1
type = "type I"
doi = "10.1000/1"

[[alignment]]
materials = "all"
tolerance_ev = 0.2

[[alignment.published]]
materials = ["CsBr", "Twin"]
method = "second"
valence_band_offset_ev = 0.2
type = "type II"
doi = "10.1000/2"
"""


@pytest.mark.parametrize(
    ("old", "new", "fix"),
    [
        ("tolerance_ev", "tolerence_ev", "did you mean 'tolerance_ev'"),
        ('doi = "10.1000/2"', 'doo = "10.1000/2"', "did you mean 'doi'"),
        ('type = "type II"', 'type = "type 2"', ""),
    ],
)
def test_a_mistake_in_the_second_alignment_is_told_with_its_line(
    write_study: WriteStudy, old: str, new: str, fix: str
) -> None:
    file = write_study()
    text = file.read_text()
    twin = text[text.index("[materials.CsBr]") :].replace("materials.CsBr", "materials.Twin")
    text += twin + ALIGNMENTS.replace(old, new)
    file.write_text(text)
    with pytest.raises(StudyError) as caught:
        load_study(str(file), "quick")
    line = next(number for number, written in enumerate(text.splitlines(), start=1) if written.startswith(new))
    assert caught.value.where == f"{file}:{line}" and fix in caught.value.fix


@pytest.mark.parametrize("written", ["[2, 2, 2]", "{ size = [2, 2, 2] }", "{ size = [2, 2, 2], gamma = true }"])
def test_a_grid_is_three_numbers_or_a_table(write_study: WriteStudy, written: str) -> None:
    grid = load_study(str(write_study(("[2, 2, 2]", written)))).content.materials["CsBr"].relax_kpoints
    assert grid.size == (2, 2, 2) and grid.gamma is (True if "gamma" in written else None)


def test_a_grid_that_is_none_is_told(write_study: WriteStudy) -> None:
    with pytest.raises(StudyError, match=r"a grid is \[2, 2, 2\] or \{ size"):
        load_study(str(write_study(("[2, 2, 2]", "5"))))


def test_a_wrong_grid_table_is_told(write_study: WriteStudy) -> None:
    with pytest.raises(StudyError, match="unknown key 'gama'") as caught:
        load_study(str(write_study(("[2, 2, 2]", "{ size = [2, 2, 2], gama = true }"))))
    assert "did you mean 'gamma'" in caught.value.fix


def test_what_the_reference_gives_has_to_be_there(write_study: WriteStudy) -> None:
    sourced = ("cutoff_ev = 244.9", 'cutoff_ev = 244.9\nfrom_reference = ["cutoff_ev"]')
    with pytest.raises(StudyError, match="from_reference needs the reference itself"):
        load_study(str(write_study(sourced)))
    with_doi = ('title = "CsBr"', 'title = "CsBr"\nreference = "10.1021/x"')
    assert load_study(str(write_study(sourced, with_doi))).content.materials["CsBr"].from_reference == ("cutoff_ev",)
    wrong = ("cutoff_ev = 244.9", 'cutoff_ev = 244.9\nfrom_reference = ["structure"]')
    with pytest.raises(StudyError, match="cannot name 'structure'; it can name cutoff_ev, relax_kpoints"):
        load_study(str(write_study(wrong, with_doi)))
    untold = ("[materials.CsBr]", '[settings]\nfrom_reference = ["stress_tol_gpa"]\n\n[materials.CsBr]')
    with pytest.raises(StudyError, match="names 'stress_tol_gpa', which this table does not give"):
        load_study(str(write_study(untold, with_doi)))


def test_alignment_names_materials_of_the_study(write_study: WriteStudy) -> None:
    file = write_study(("schema = 1", "schema = 1"))
    file.write_text(file.read_text() + '\n[[alignment]]\nmaterials = ["CsBr", "KBr"]\n')
    with pytest.raises(StudyError, match="names 'KBr'") as caught:
        load_study(str(file), "quick")
    assert caught.value.where == f"{file}:18"


@given(data=st.data())
def test_damaged_studies_raise_only_our_errors(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = find_study("fapbbr3-cspbbr3").read_text()
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    damaged = text[:start] + data.draw(st.text(max_size=12)) + text[start + length :]
    file = tmp_path_factory.mktemp("damaged") / "study.toml"
    file.write_text(damaged, encoding="utf-8", errors="replace")
    found = None
    try:
        load_study(str(file), "quick")
    except DftflowError as error:
        found = error
    assert found is None or str(file) in found.where


def test_shipped_presets_are_complete_for_every_study() -> None:
    for file in workflows_dir().glob("*.toml"):
        assert tomllib.loads(file.read_text())["schema"] == 1


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../up",
            "a/b",
            r"a\\b",
            "",
            ".",
            "..",
            ".hidden",
            "-x",
            " a",
            "a ",
            "a b",
            "a.",
            r"a\u0000",
            r"a\tb",
            "a]",
            "\u03b3-CsPbI3",
            "(FA)PbI3",
        ),
        *("a$b", "x" * 101, "structures", "Steps", "figures", "lock", "PLAN.json", "study.toml", "written.json"),
        *("places", "jobs", "index.json", "machine.json"),
        *("results.json", "report.html", "run.md", "run.sh", "run.slurm", "templates"),
    ],
)
def test_a_name_that_is_no_folder_of_its_own_is_refused(write_study: WriteStudy, name: str) -> None:
    file = write_study(("materials.CsBr", f'materials."{name}"'))
    with pytest.raises(StudyError, match="folder") as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:5"


@pytest.mark.parametrize("name", ["CsPbI3-gamma", "FA0.83Cs0.17PbI1.8Br1.2", "CsBr_2", "A+B", "+", "_", "x" * 100])
def test_names_of_materials(write_study: WriteStudy, name: str) -> None:
    assert list(load_study(str(write_study(("materials.CsBr", f'materials."{name}"')))).content.materials) == [name]


def test_names_that_differ_in_case_alone_are_refused(write_study: WriteStudy) -> None:
    file = write_study()
    text = file.read_text()
    file.write_text(text + text[text.index("[materials.CsBr]") :].replace("materials.CsBr", "materials.CSBR"))
    with pytest.raises(StudyError, match="'CsBr' and 'CSBR' would be one folder"):
        load_study(str(file))
