"""What the files of a project ask for, and where in them what is wrong stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.compose import Composed
    from netbuilder.errors import SpecError


@contextmanager
def opened(file: Sequence[str] = (), env_file: Sequence[str] = (), profile: Sequence[str] = ()) -> Iterator[Composed]:
    """A project's files; for the length of a `with` block, errors about its specs are told with their place in them.

    What they say beyond networking is told in one line on standard error, and which variables are not set in another.

    Args:
        file: Paths of Compose files, "-" for standard input; none for those that Compose would find.
        env_file: Paths of files of variables; none for `.env`.
        profile: The profiles that are wanted; none for those of COMPOSE_PROFILES.

    Raises:
        SpecError: If there is none, one can't be read, or they ask for what can't be had.
    """
    from netbuilder.cli.errors import note
    from netbuilder.cli.project_files import project_files
    from netbuilder.cli.project_files import read as read_other
    from netbuilder.compose import read
    from netbuilder.errors import SpecError, some

    try:
        project = project_files(file, env_file)
    except SpecError as error:
        raise _in_file(error) from None
    profiles = list(profile) or project.variables.get("COMPOSE_PROFILES", "").split(",")
    try:
        composed = read(project.files, project.variables, profiles, project.folder, read_other)
    except SpecError as error:
        error.file = error.file or project.files[0].name
        raise _in_file(error) from None
    if composed.unset:
        note(f"warning: variables that are not set are empty: {some(composed.unset)}")
    if composed.notice:
        note(composed.notice)
    try:
        yield composed
    except SpecError as error:
        raise _in_file(composed.places.translated(error)) from None


def _in_file(error: SpecError) -> SpecError:
    """The error with the file in front, as compilers have it: "lab.yaml:12: services.web.ports[0]: …"."""
    from netbuilder.errors import SpecError

    if error.file is None:
        return error
    return SpecError(f"{error.file}:{error.line}" if error.line else error.file, str(error), error.hint)
