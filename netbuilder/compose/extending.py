"""Services with what they extend, of the same file or another one."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from typing import NamedTuple, TypeAlias

import yaml

from netbuilder.compose.files import Entries, Library, entries_of, is_nothing, texts, with_entries
from netbuilder.compose.filling import filled
from netbuilder.compose.merging import Merging
from netbuilder.compose.source import fault, load, shown, under
from netbuilder.compose.variables import Variables
from netbuilder.errors import suggestion

_LONGEST = 100
"""Services that extend each other in a row."""

_Trail: TypeAlias = tuple[tuple[str, str], ...]


class _Siblings(NamedTuple):
    """The services of a file.

    Args:
        services: What it says of each.
        folder: Where its relative paths start.
        done: Those that have what they extend already.
    """

    services: Entries
    folder: str
    done: dict[str, yaml.Node]


class Extending:
    """Gives services what they extend.

    Args:
        library: Where other files are.
        merging: What merges a service over the one that it extends.
    """

    def __init__(self, library: Library, merging: Merging) -> None:
        self._library = library
        self._merging = merging
        self._others: dict[tuple[str, Variables], _Siblings] = {}

    def extended(self, root: yaml.Node, folder: str, variables: Variables) -> yaml.Node:
        """A file with its services as they are with what they extend."""
        entries = entries_of(root)
        key, services = entries.get("services", (root, None))
        if not isinstance(services, yaml.MappingNode):
            return root
        siblings = _Siblings(entries_of(services), folder, {})
        done = [(name, self._service(name.value, siblings, variables, ())) for name, _ in services.value]
        entries["services"] = key, yaml.MappingNode(services.tag, done, services.start_mark, services.end_mark)
        return with_entries(root, entries)

    def _service(self, name: str, siblings: _Siblings, variables: Variables, trail: _Trail) -> yaml.Node:
        if name in siblings.done:
            return siblings.done[name]
        _, service = siblings.services[name]
        entries = entries_of(service)
        if "extends" not in entries:
            return service
        _, said = entries.pop("extends")
        own = with_entries(service, entries)
        if is_nothing(said):
            return own
        where = under(under("services", name), "extends")
        step = (service.start_mark.name, name)
        if step in trail or len(trail) >= _LONGEST:
            way = " → ".join(shown(one)[1:-1] for _, one in (*trail, step)[-5:])
            raise fault(said, where, f"leads back to where it started: {way}" if step in trail else "leads too far")
        base_name, others = self._base(said, where, siblings, variables)
        if base_name not in others.services:
            hint = suggestion(base_name, others.services)
            raise fault(said, where, f"there is no {under('services', base_name)}", hint)
        base = self._service(base_name, others, variables, (*trail, step))
        place = under("services", name)
        merged = self._merging.merge(self._merging.settled(base), own, "services.*", place)
        siblings.done[name] = merged
        return merged

    def _base(self, said: yaml.Node, where: str, siblings: _Siblings, variables: Variables) -> tuple[str, _Siblings]:
        """Which service is extended, and the services that it stands among."""
        if isinstance(said, yaml.ScalarNode):
            return said.value, siblings
        parts = entries_of(said)
        if not isinstance(said, yaml.MappingNode) or "service" not in parts:
            raise fault(said, where, "must be text, or a mapping with a service")
        for key in parts.keys() - {"service", "file"}:
            raise fault(parts[key][0], under(where, key), "is an unknown key", suggestion(key, ["service", "file"]))
        [service] = texts(parts["service"][1], under(where, "service"))[:1] or [""]
        if "file" not in parts:
            return service, siblings
        [file] = texts(parts["file"][1], under(where, "file"))[:1] or [""]
        path = normpath(join(siblings.folder, file))
        if (path, variables) not in self._others:
            root = load(self._library.text(path, said, under(where, "file")), path)
            services = entries_of(None if root is None else filled(root, variables)).get("services")
            others = _Siblings(entries_of(services[1] if services else None), dirname(path), {})
            self._others[path, variables] = others
        return service, self._others[path, variables]
