"""A study's folder handed on, and taken in: as an archive, as rows of an ASE database.

>>> import dftflow                                                         # doctest: +SKIP
>>> dftflow.export_archive("runs/demo", "demo.zip", licence="CC-BY-4.0")   # doctest: +SKIP
>>> dftflow.import_archive("demo.zip", "runs/theirs")                      # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dftflow.errors import InputError
from dftflow.exchange.archive import WrittenArchive, write_archive
from dftflow.exchange.ase_rows import write_rows
from dftflow.exchange.new_file import refuse_own_place, refuse_taken
from dftflow.exchange.unpacking import Unpacked, unpack_archive
from dftflow.input_file import named_place
from dftflow.jobs.output_place import output_file, output_folder
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.study_folder import StudyFolder

__all__ = ["export_archive", "export_ase", "import_archive"]

LONGEST_WORD = 200


def export_archive(
    folder: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    everything: bool = False,
    licence: str = "",
    authors: Sequence[str] = (),
) -> WrittenArchive:
    """Write the folder of a study into one zip file that is an RO-Crate 1.1 of the profile Process Run Crate 0.5.

    The same folder gives the same bytes. Potentials and whatever belongs to this machine alone stay behind.

    Parameters
    ----------
    folder
        Of a run or of decks.
    file
        Of the archive; one that is there is refused.
    everything
        Files of more than 100 MiB too.
    licence
        SPDX name (``"CC-BY-4.0"``) or address of the licence; the archive says that there is none unless given.
    authors
        Their names.

    Raises
    ------
    InputError
        `folder` holds no study, a name is empty or too long, or `file` is there already or at a place of the study's.
    StoreError
        A step is running or uncertain, or the file cannot be written.
    """
    for word in (*([licence] if licence else []), *authors):
        if not word.strip() or len(word) > LONGEST_WORD or not word.isprintable():
            raise InputError("a licence or an author is empty, too long or no single line", fix="give one name")
    root = named_place(folder)
    target = _new_place(file, root)
    return write_archive(root, target, everything=everything, licence=licence, authors=tuple(authors))


def export_ase(folder: str | os.PathLike[str], file: str | os.PathLike[str]) -> int:
    """Write a row for each step that has a geometry and a total energy into a new ASE database; how many they are.

    A row has the atoms with energy (eV), forces (eV/Å) and stress (eV/Å³) as far as they are known, columns to select
    by (``study``, ``material``, ``task``, ``step``, ``gap_ev``, ``ip_ev`` …) and in its data every number of the step
    with unit, range and origin. A file that is there is refused.

    Parameters
    ----------
    folder
        Of a run or of decks.
    file
        Ends in ``.db`` (SQLite) or ``.json``.

    Raises
    ------
    InputError
        The folder holds no study, no step has an energy, or `file` ends in something else, is there already or at a
        place of the study's.
    StoreError
        The folder cannot be read, or the file not be written.
    """
    root = named_place(folder)
    target = _new_place(file, root)
    steps = {step.name: step.id for step in StudyFolder.existing(root).plan.steps}
    return write_rows(outcome_of_folder(root), steps, target)


def _new_place(file: str | os.PathLike[str], root: Path) -> Path:
    """Where an export is written, refused before it is made, which takes a while."""
    target = output_file(os.fspath(file))
    refuse_taken(target)
    refuse_own_place(target, root)
    return target


def import_archive(file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Unpacked:
    """Verify an archive of `export_archive`, from anybody, and put what it holds into a new folder.

    Raises
    ------
    InputError
        There is no such file, or it is no plain one.
    ParseError
        It is no whole archive of a study, or not what its own list says: by name, kind, size and SHA-256 of each file.
        Nothing is written then.
    StoreError
        There is something at `folder` already, or it cannot be written.
    """
    return unpack_archive(named_place(file), output_folder(os.fspath(folder)))
