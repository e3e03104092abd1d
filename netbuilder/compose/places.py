"""From an error about a spec back to the file: its place there, the line, and the file's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from netbuilder.compose import networks, services
from netbuilder.compose.document import Section, in_words_of_the_file
from netbuilder.compose.source import Source
from netbuilder.errors import SpecError

_SANDBOX = re.compile(r"\bsandbox ([A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)")


@dataclass(frozen=True)
class Places:
    """Where things stand in a file.

    Args:
        source: The file.
        networks: What it says of each network, by the network's name.
        services: What it says of each service, by the sandbox's name.
    """

    source: Source
    networks: Mapping[str, Section]
    services: Mapping[str, Section]

    def translated(self, error: SpecError) -> SpecError:
        """An error about a spec, as one about the file; what is not in the file keeps its name, and has no line."""
        place = self._place(error.field)
        problem = str(error).removeprefix(f"{error.field}: ")
        return self.source.told(SpecError(place, self._in_its_words(problem), self._in_its_words(error.hint)))

    def _place(self, field: str) -> str:
        """ "sandbox web.mode.publish[1]" is "services.web.ports[0]", if that is a range."""
        kind, _, rest = field.partition(" ")
        module, sections = (networks, self.networks) if kind == "network" else (services, self.services)
        if kind not in ("network", "sandbox"):
            return field
        # A name may have dots: of "web" and "web.one", the longer one is meant.
        of = max((name for name in sections if f"{rest}.".startswith(f"{name}.")), key=len, default=None)
        if of is None:
            return field
        places: Mapping[str, str] = module.places(sections[of])
        return places.get(rest.removeprefix(of).removeprefix("."), sections[of].where)

    def _in_its_words(self, text: str) -> str:
        return in_words_of_the_file(_SANDBOX.sub(self._as_service, text))

    def _as_service(self, match: re.Match[str]) -> str:
        section = self.services.get(match[1])
        return f"service {section.where.removeprefix('services.')}" if section else match[0]
