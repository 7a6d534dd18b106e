"""Names of space groups against the Hall symbols that International Tables B (table A1.4.2.7) gives their settings."""

from __future__ import annotations

import re

import pytest

from dftflow.crystals.space_group_names import (
    operations_of,
    setting_of_hall,
    settings_called,
    settings_numbered,
)
from dftflow.crystals.symmetry import tabulated_settings
from dftflow.crystals.symmetry_operations import read_operations, transformed

ONE_SETTING = [
    # as the CIF dictionary, the Crystallography Open Database, ICSD, SHELX, Materials Studio and pymatgen write them
    ("P n m a", "-P 2ac 2n"), ("Pnma", "-P 2ac 2n"), ("PNMA", "-P 2ac 2n"), ("'P n m a'", "-P 2ac 2n"),
    ("P 21/n 21/m 21/a", "-P 2ac 2n"), ("Pbnm", "-P 2c 2ab"), ("P b n m", "-P 2c 2ab"), ("P n a m", "-P 2c 2n"),
    ("P 1 21/c 1", "-P 2ybc"), ("P121/c1", "-P 2ybc"), ("P 1 2_1/c 1", "-P 2ybc"), ("P 1 21/n 1", "-P 2yn"),
    ("P121/n1", "-P 2yn"), ("P 1 21/a 1", "-P 2yab"), ("P 1 1 21/b", "-P 2bc"), ("C 1 2/c 1", "-C 2yc"),
    ("I 1 2/a 1", "-I 2ya"), ("A 1 2/n 1", "-A 2yab"), ("R -3 c :H", '-R 3 2"c'), ("R -3 c:H", '-R 3 2"c'),
    ("R -3 c H", '-R 3 2"c'), ("R-3cH", '-R 3 2"c'), ("R -3 2/c :H", '-R 3 2"c'), ("H -3 c", '-R 3 2"c'),
    ("R -3 c :R", "-P 3* 2n"), ("R-3cR", "-P 3* 2n"), ("R 3 c :R", "P 3* -2n"), ("R 3 2 :H", 'R 3 2"'),
    ("F d -3 m :1", "F 4d 2 3 -1d"), ("F d -3 m S", "F 4d 2 3 -1d"), ("Fd-3mS", "F 4d 2 3 -1d"),
    ("F d -3 m :2", "-F 4vw 2vw 3"), ("F d -3 m Z", "-F 4vw 2vw 3"), ("Fd-3mZ", "-F 4vw 2vw 3"),
    ("F d 3 m Z", "-F 4vw 2vw 3"), ("F 41/d -3 2/m :2", "-F 4vw 2vw 3"), ("F d -3 m O2", "-F 4vw 2vw 3"),
    ("F d -3 m {origin choice 2}", "-F 4vw 2vw 3"), ("I 41/a m d S", "I 4bw 2bw -1bw"), ("P 4/n Z", "-P 4a"),
    ("P 42/n m c :1", "P 4n 2n -1n"), ("P m m n :2", "-P 2ab 2a"), ("F m 3 m", "-F 4 2 3"), ("FM-3M", "-F 4 2 3"),
    ("F 4/m -3 2/m", "-F 4 2 3"), ("P m 3 m", "-P 4 2 3"), ("Pm3m", "-P 4 2 3"), ("P a 3", "-P 2ac 2ab 3"),
    ("P m -3 n", "-P 4n 2 3"), ("I a 3 d", "-I 4bd 2c 3"), ("P 63/m m c", "-P 6c 2c"), ("P6_3/mmc", "-P 6c 2c"),
    ("P 42/m n m", "-P 4n 2n"), ("P 4(2)/m n m", "-P 4n 2n"), ("P 2(1)2(1)2(1)", "P 2ac 2ab"),
    ("C m c a", "-C 2ac 2"), ("C m c e", "-C 2ac 2"), ("B m a b", "-B 2ab 2"), ("C m m a", "-C 2a 2"),
    ("C m m b", "-C 2a 2a"), ("A b m 2", "A 2 -2b"), ("A e m 2", "A 2 -2b"), ("A b a 2", "A 2 -2ab"),
    ("C c c a :2", "-C 2a 2ac"), ("I b c a", "-I 2b 2c"), ("P -1", "-P 1"), ("P-1", "-P 1"), ("P 1bar", "-P 1"),
    ("P m 3\u0305 m", "-P 4 2 3"), ("P \u22121", "-P 1"), ("P 2~1~ 2~1~ 2~1~", "P 2ac 2ab"),
    ("P 6<sub>3</sub>/m m c", "-P 6c 2c"), ("P 3 2 1", 'P 3 2"'), ("P 3 1 2", "P 3 2"), ("P 32 2 1", 'P 32 2"'),
    ("P 31 m", "P 3 -2"), ("I 4/m c m", "-I 4 2c"), ("P 4/m b m", "-P 4 2ab"), ("*F d 3 m :1", "F 4d 2 3 -1d"),
]  # fmt: skip

OPEN = [
    ("F d -3 m", {"F 4d 2 3 -1d", "-F 4vw 2vw 3"}),
    ("Fd3m", {"F 4d 2 3 -1d", "-F 4vw 2vw 3"}),
    ("R -3 c", {'-R 3 2"c', "-P 3* 2n"}),
    ("R32", {'R 3 2"', "P 3* 2"}),
    ("P m m n", {"P 2 2ab -1ab", "-P 2ab 2a"}),
    ("P 21/c", {"-P 2ybc", "-P 2xac"}),
    ("P21/n", {"-P 2yn", "-P 2n", "-P 2xn"}),
    ("I2/a", {"-I 2ya", "-I 2a"}),
    ("P 2", {"P 2y", "P 2", "P 2x"}),
]


@pytest.mark.parametrize(("name", "hall"), ONE_SETTING)
def test_a_name_means_its_setting(name: str, hall: str) -> None:
    wanted = setting_of_hall(hall)
    assert wanted is not None
    assert {operations_of(setting).keys for setting in settings_called(name)} == {wanted[1].keys}


@pytest.mark.parametrize(("name", "halls"), OPEN)
def test_a_name_that_leaves_the_setting_open_means_all_of_them(name: str, halls: set[str]) -> None:
    found = {operations_of(setting).keys for setting in settings_called(name)}
    assert found == {setting_of_hall(hall)[1].keys for hall in halls}


@pytest.mark.parametrize("name", ["", "P q z 9", "Cs Pb Br", "P m m 2 :1", "X m m a", "P 7", "?", "P 21/q", "221"])
def test_what_is_no_name_means_nothing(name: str) -> None:
    assert settings_called(name) == ()


def test_all_tabulated_settings_by_every_name_and_hall_symbol() -> None:
    """spglib finds the number of each group from the operations alone; no name is shared by two space groups."""
    seen: dict[str, int] = {}
    numbers = {number for number in range(1, 231) if settings_numbered(number)}
    assert len(numbers) == 230
    for number in sorted(numbers):
        for setting in settings_numbered(number):
            operations = operations_of(setting)
            assert operations.is_group
            assert operations.number == number
            assert setting_of_hall(setting.hall)[1].keys == operations.keys
            assert any(operations_of(found).keys == operations.keys for found in settings_called(setting.name))
            for name in setting.names:
                assert seen.setdefault(name, number) == number
    for setting in tabulated_settings():
        assert any(found.number == setting.number for found in settings_called(setting.symbols[-1]))


def test_the_code_of_the_coordinate_system_chooses() -> None:
    (only,) = settings_called("R -3 c", "H")
    assert only.name == "R -3 c :H"
    assert [setting.name for setting in settings_numbered(62, "cab")] == ["P b n m"]
    assert [setting.name for setting in settings_numbered(227, "2")] == ["F d -3 m :2"]


@pytest.mark.parametrize(
    ("hall", "texts"),
    [
        # body-centred with the inversion at the corner; the operations are those of P -1 and the centring
        ("-I 1", ["x,y,z", "-x,-y,-z", "x+1/2,y+1/2,z+1/2", "-x+1/2,-y+1/2,-z+1/2"]),
        # P 2 along y, its axis moved to x = 1/4: (x, y, z) -> (1/2 - x, y, -z)
        ("P 2y (x+1/4,y,z)", ["x,y,z", "-x+1/2,y,-z"]),
        ("P 2y (3 0 0)", ["x,y,z", "-x+1/2,y,-z"]),
        # and turned to z
        ("P 2y (z,x,y)", ["x,y,z", "-x,-y,z"]),
    ],
)
def test_hall_symbols_with_a_change_of_basis_or_centring(hall: str, texts: list[str]) -> None:
    found = setting_of_hall(hall)
    assert found is not None
    assert found[1].keys == read_operations(texts).keys


@pytest.mark.parametrize("hall", ["-P 9q 2ab", "", "P", "-P 2c 2ab (x,y)", "P 2y (x,x,z)"])
def test_unknown_hall_symbols(hall: str) -> None:
    assert setting_of_hall(hall) is None


def test_changes_of_basis_give_the_operations_that_the_open_database_lists() -> None:
    from dftflow.crystals.space_group_names import _cod_table

    tried = 0
    for entries in _cod_table().values():
        symbol = str(entries[0]["hall"]).strip()
        parts = re.fullmatch(r"(.+?)\s*\((.*[xyz].*)\)", symbol)
        base = None if parts is None else setting_of_hall(parts[1])
        if parts is None or base is None:
            continue
        made = transformed(base[1], parts[2])
        assert made is not None
        assert made.keys == read_operations(entries[0]["symops"]).keys, symbol
        tried += 1
    assert tried > 150
