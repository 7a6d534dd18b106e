"""The templates of a person's own: which files they are, and their texts."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from dftflow.errors import OptionError
from dftflow.model.printable import brief
from dftflow.resources import templates_dir

__all__ = ["own_templates"]

MOST_BYTES = 200_000
"""Of one template: the longest that is shipped has 6,000."""
MOST_FILES = 100


def own_templates(owner: str, folder: Path, *, named_in: str = "the study file") -> dict[str, str]:
    """The templates of a person's own for a code or a scheduler: ``OWNER/NAME.j2`` in `folder`, and what they include.

    Parameters
    ----------
    owner
        Name of the code or the scheduler.
    folder
        That holds them.
    named_in
        The file that names `folder`, for a message.

    Returns
    -------
    dict
        Name -> text.

    Raises
    ------
    OptionError
        None of them replaces a shipped one, or one of them is no regular file of the folder, is too large, cannot be
        read, is no Jinja2, or includes a file whose name is computed.
    """
    if not folder.is_dir():
        raise _refused(
            f"there is no folder {folder}",
            fix=f"name the folder that holds {owner}/NAME.j2; a relative one counts from {named_in}",
        )
    todo = [f"{owner}/{file.name}" for file in sorted((folder / owner).glob("*.j2"))]
    _check_that_one_is_used(owner, folder, todo)
    texts: dict[str, str] = {}
    while todo:
        name = todo.pop()
        if name in texts or not _is_inside(name) or not os.path.lexists(folder / name):
            continue  # of the shipped ones, or of none: rendering tells
        texts[name] = _own_text(folder, name)
        todo += _included(folder / name, texts[name])
        if len(texts) > MOST_FILES:
            raise _refused(f"there are more than {MOST_FILES} templates", where=str(folder))
    return dict(sorted(texts.items()))


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/") and "\x00" not in name


def _own_text(folder: Path, name: str) -> str:
    """Of a regular file; a link could lead out of the folder, and a device or a pipe has no end."""
    file = folder / name
    try:
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
            raise _refused("this template lies outside the folder of templates", where=str(file), fix="copy it there")
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _refused("this template is no regular file", where=str(file))
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise _refused(f"this template has more than {MOST_BYTES} bytes", where=str(file))
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused("this template cannot be read as UTF-8 text", reason=str(error), where=str(file)) from None


def _included(file: Path, text: str) -> list[str]:
    from jinja2 import Environment, TemplateSyntaxError, meta  # here, so that who has no templates does not wait for it

    try:
        names = list(meta.find_referenced_templates(Environment(autoescape=False).parse(text)))
    except TemplateSyntaxError as error:
        where = f"{file}:{error.lineno}"
        raise _refused("this template is not valid Jinja2", reason=brief(str(error.message)), where=where) from None
    except RecursionError:
        raise _refused("this template nests too deeply", where=str(file)) from None
    if None in names:
        raise _refused(
            "this template includes a file whose name is computed",
            where=str(file),
            fix="include it by its name: what the decks need is kept with them",
        )
    return [name for name in names if name is not None]


def _check_that_one_is_used(owner: str, folder: Path, names: Sequence[str]) -> None:
    own = {name.partition("/")[2] for name in names}
    shipped = {file.name for file in (templates_dir() / owner).glob("*.j2")}
    if not (own & shipped or (own and not shipped)):
        raise _refused(
            f"no template in {folder} replaces one of {owner}",
            reason=f"{owner}/ in it holds {brief(', '.join(sorted(own))) or 'no .j2 file'}",
            fix=f"call a file {owner}/NAME.j2, with NAME.j2 one of {', '.join(sorted(shipped))}" if shipped else "",
        )


def _refused(summary: str, *, reason: str = "", where: str = "", fix: str = "") -> OptionError:
    said = ": ".join(part for part in (where, reason) if part)
    return OptionError(summary, reason=said, fix=fix, place=("templates",))
