"""The files of a project as one: merged, with what they include, and services with what they extend.

The order is Compose's: in each file the variables are filled in, what it includes is put underneath, and its services
get what they extend; then it is merged over the files before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import dirname, join, normpath
from typing import NamedTuple

import yaml

from netbuilder.compose import dotenv
from netbuilder.compose.extending import Extending
from netbuilder.compose.files import File, Library, Parsed, Reader, entries_of, is_nothing, parsed, texts, with_entries
from netbuilder.compose.filling import filled
from netbuilder.compose.merging import Merging
from netbuilder.compose.source import fault, shown, under
from netbuilder.compose.variables import Variables
from netbuilder.errors import suggestion

_DEEPEST = 100
"""Files that include each other in a row."""
_INCLUDE = ("path", "project_directory", "env_file")


class Around(NamedTuple):
    """What a file's words depend on.

    Args:
        folder: Where relative paths start.
        variables: What its texts may speak of.
        above: The files that included it, outermost first.
    """

    folder: str
    variables: Variables
    above: tuple[str, ...] = ()


class Assembly:
    """Puts files together.

    Args:
        read: How other files are read; None, where a text stands alone.
    """

    def __init__(self, read: Reader | None) -> None:
        self._library = Library(read)
        self._merging = Merging()
        self._extending = Extending(self._library, self._merging)

    def merged(self, files: Sequence[Parsed], around: Around) -> yaml.Node | None:
        """Several files as one, the later over the earlier.

        Raises:
            SpecError: If one can't be read or is not valid, with its name and the line.
        """
        found: yaml.Node | None = None
        for name, root in files:
            if root is not None:
                root = self._with_included(filled(root, around.variables), around, name)
                found = self._merging.merge(found, self._extending.extended(root, around.folder, around.variables))
        return found

    def _with_included(self, root: yaml.Node, around: Around, name: str) -> yaml.Node:
        entries = entries_of(root)
        if "include" not in entries:
            return root
        _, said = entries.pop("include")
        root = with_entries(root, entries)
        if is_nothing(said):
            return root
        if not isinstance(said, yaml.SequenceNode):
            raise fault(said, "include", "must be a list")
        if len(around.above) >= _DEEPEST:
            raise fault(said, "include", f"is more than {_DEEPEST} files deep")
        under_it: yaml.Node | None = None
        for i, one in enumerate(said.value):
            included = self._included(one, f"include[{i}]", around._replace(above=(*around.above, name)))
            under_it = self._merging.merge(under_it, included)
        return root if under_it is None else self._merging.merge(under_it, root)

    def _included(self, one: yaml.Node, where: str, around: Around) -> yaml.Node:
        """The networks and services of an entry: a path, or a mapping of paths, a folder and files of variables."""
        if isinstance(one, yaml.SequenceNode):
            raise fault(one, where, "must be text or a mapping, not a list")
        said = entries_of(one) if isinstance(one, yaml.MappingNode) else {"path": (one, one)}
        for key in said.keys() - {*_INCLUDE}:
            raise fault(said[key][0], under(where, key), "is an unknown key", suggestion(key, _INCLUDE))
        if "path" not in said:
            raise fault(one, where, "has no path", "add the path of a Compose file")
        words = {key: texts(value, under(where, key)) for key, (_, value) in said.items()}
        paths = [normpath(join(around.folder, path)) for path in words["path"]]
        for path in paths:
            if path in map(normpath, around.above):
                raise fault(one, where, f"{shown(path)} includes itself: {' → '.join((*around.above, path))}")
        folder = dirname(paths[0])
        if "project_directory" in words:
            folder = normpath(join(around.folder, words["project_directory"][0]))
        files = parsed(File(path, self._library.text(path, one, where)) for path in paths)
        inside = Around(folder, self._variables(words.get("env_file"), folder, around, one, where), around.above)
        root = self.merged(files, inside)
        entries = [entries_of(root)[key] for key in ("networks", "services") if key in entries_of(root)]
        return yaml.MappingNode("tag:yaml.org,2002:map", entries, one.start_mark, one.end_mark)

    def _variables(
        self, files: Sequence[str] | None, folder: str, around: Around, node: yaml.Node, where: str
    ) -> Variables:
        """Those of the file above, and behind them those of the included file's own `.env`."""
        more: dict[str, str] = {}
        path = normpath(join(folder, ".env"))
        if files is None and (text := self._library.text_if_there(path, node, where)) is not None:
            more = dotenv.variables(text, path, around.variables.values)
        for path in (normpath(join(around.folder, file)) for file in files or () if file != "/dev/null"):
            known = more | around.variables.values
            more |= dotenv.variables(self._library.text(path, node, where), path, known)
        return around.variables.beside(more)
