"""From a Compose file to specs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netbuilder.compose import keys
from netbuilder.compose.assembly import Around, Assembly
from netbuilder.compose.document import Section
from netbuilder.compose.endpoints import IMPLICIT, attachments
from netbuilder.compose.files import File, Parsed, Reader, parsed, project_name
from netbuilder.compose.networks import network
from netbuilder.compose.places import Places
from netbuilder.compose.services import profiles, replicas, sandbox
from netbuilder.compose.source import Source, shown, source, under
from netbuilder.compose.variables import Variables
from netbuilder.errors import SpecError, some, suggestion
from netbuilder.spec import Bridge, Container, Network, Sandbox

_FEW = 3
"""Places that fit on a line."""

PROJECT = "COMPOSE_PROJECT_NAME"
"""The variable that is the project's name, for the files too."""

_NO_EFFECT = tuple(f".{key}" for key in keys.NO_EFFECT)


@dataclass(frozen=True)
class Composed:
    """What a Compose file asks for.

    Args:
        specs: The networks, then the sandboxes, each in the file's order.
        ignored: The keys that were ignored, like "services.web.image".
        services: The sandboxes of each service, by the service's key; those of other profiles too.
        unset: Variables that were asked for and are not set: nothing stands for them.
        places: Where all that stands in the file.
    """

    specs: tuple[Network | Sandbox, ...]
    ignored: tuple[str, ...]
    services: Mapping[str, tuple[Sandbox, ...]] = field(default_factory=dict, compare=False)
    unset: tuple[str, ...] = ()
    places: Places = field(default=Places(Source(None, None), {}, {}), compare=False, repr=False)

    @property
    def notice(self) -> str:
        """One line for the user that says what was ignored, or nothing; many keys are counted."""
        without_effect = [where for where in self.ignored if where.endswith(_NO_EFFECT)]
        others = [where for where in self.ignored if where not in without_effect]
        told = {"ignored, as not about networking": others, "ignored, as nothing here goes by it": without_effect}
        return "; ".join(f"{why}: {_counted(places)}" for why, places in told.items() if places)

    def named(self, service: str) -> tuple[Sandbox, ...]:
        """The sandboxes of a service.

        Raises:
            SpecError: If the file has no such service.
        """
        if service not in self.services:
            hint = suggestion(service, self.services) or "name one of the file's services"
            raise SpecError("services", f"there is none named {shown(service)}", hint)
        return self.services[service]

    def needed_by(self, *services: str) -> tuple[Network | Sandbox, ...]:
        """The specs of services and of what they need: their networks, and whose namespace they share.

        Raises:
            SpecError: If the file has no such service.
        """
        everyone = [one for service in self.services.values() for one in service]
        by_name = {one.name: one for one in everyone}
        named = dict.fromkeys(services)
        refuse_twins((under("services", key), one.name) for key in named for one in self.named(key))
        wanted = {one.name: one for key in named for one in self.named(key)}
        for one in list(wanted.values()):
            while isinstance(one.mode, Container) and one.mode.sandbox in by_name.keys() - wanted.keys():
                one = by_name[one.mode.sandbox]
                wanted[one.name] = one
        bridges = [one.mode for one in wanted.values() if isinstance(one.mode, Bridge)]
        networks = {endpoint.network for bridge in bridges for endpoint in bridge.attachments}
        return (
            *(spec for spec in self.specs if isinstance(spec, Network) and spec.name in networks),
            *(one for one in everyone if wanted.get(one.name) is one),
        )


def parse(text: str, environment: Mapping[str, str] | None = None, profiles: Iterable[str] = ()) -> Composed:
    """Read the text of a Compose file that stands alone: what it includes or extends of other files is refused.

    Args:
        text: What the file says.
        environment: The variables that it may speak of; by default there are none.
        profiles: Those that are wanted, "*" for all. Services of none are always wanted.

    Raises:
        SpecError: If it is no Compose file, or asks for networking that can never be right or is not supported; its
            `field` is the place in the file, and `line` the line.
    """
    return read([File("", text)], environment or {}, profiles)


def read(
    files: Iterable[File],
    environment: Mapping[str, str],
    profiles: Iterable[str] = (),
    folder: str = "",
    reader: Reader | None = None,
) -> Composed:
    """Read Compose files as one, the later over the earlier.

    Args:
        files: The files.
        environment: The variables that they may speak of.
        profiles: As for `parse`.
        folder: Where relative paths in them start.
        reader: Reads a file that is included or extended, by its path; nothing else is read.

    Raises:
        SpecError: As for `parse`; its `file` is the file that is wrong, by its name.
    """
    try:
        return _read(parsed(files), Variables(environment), set(profiles), folder, reader)
    except RecursionError:
        raise SpecError("the file", "is nested too deeply") from None


def _read(
    files: Sequence[Parsed], variables: Variables, profiles: set[str], folder: str, reader: Reader | None
) -> Composed:
    name = variables.values.get(PROJECT) or project_name(files, variables)
    if name:
        variables.values[PROJECT] = name
    found = source(Assembly(reader).merged(files, Around(folder, variables)))
    try:
        return _composed(found, profiles, tuple(sorted(variables.unset)))
    except SpecError as error:
        raise found.told(error) from None


def _composed(said: Source, chosen: set[str], unset: tuple[str, ...]) -> Composed:
    ignored: set[str] = set()
    file = Section(said.content, "", keys.FILE, ignored)
    _check_name(file)
    declared, services = file.named("networks", keys.NETWORK), file.named("services", keys.SERVICE)
    networks = {key: network(section, key) for key, section in declared.items()}
    if not networks and not services:
        raise SpecError("services", "nothing to do: there are no services and no networks")
    if any(IMPLICIT in attachments(service) for service in services.values()):
        networks.setdefault(IMPLICIT, Network(name=IMPLICIT))
    names = {key: _names(key, service) for key, service in services.items()}
    first = {key: of[0] for key, of in names.items() if of}
    sandboxes = {
        key: tuple(sandbox(service, name, networks, first) for name in names[key]) for key, service in services.items()
    }
    wanted = [key for key, service in services.items() if _is_wanted(profiles(service), chosen)]
    refuse_twins((under("networks", key), one.name) for key, one in networks.items())
    refuse_twins((under("services", key), one.name) for key in wanted for one in sandboxes[key])
    by_wanted = sorted(services, key=wanted.__contains__)  # two services of different profiles may have one name
    return Composed(
        specs=(*networks.values(), *(one for key in wanted for one in sandboxes[key])),
        ignored=tuple(sorted(ignored)),
        services=sandboxes,
        unset=unset,
        places=Places(
            said,
            {networks[key].name: section for key, section in declared.items()},
            {one.name: services[key] for key in by_wanted for one in sandboxes[key]},
        ),
    )


def _check_name(file: Section) -> None:
    name = file.text("name")
    if name is not None and not re.fullmatch("[a-z0-9][a-z0-9_-]*", name):
        problem = f"{shown(name)} is no name of a project"
        raise SpecError("name", problem, "use lower-case letters, digits, - and _; start with a letter or a digit")


def _counted(places: Sequence[str]) -> str:
    """A few places, or of many how many and what they are like."""
    if len(places) <= _FEW:
        return ", ".join(places)
    return f"{len(places)} keys ({some({place.rpartition('.')[2] for place in places})})"


def _names(key: str, service: Section) -> list[str]:
    """The names of a service's sandboxes."""
    count = replicas(service)
    return [f"{key}-{i + 1}" for i in range(count)] if count != 1 else [service.text("container_name") or key]


def _is_wanted(its: set[str], chosen: set[str]) -> bool:
    return not its or "*" in chosen or bool(its & chosen)


def refuse_twins(named: Iterable[tuple[str, str]]) -> None:
    """Refuse two places that give the same name."""
    first: dict[str, str] = {}
    for where, name in named:
        if name in first:
            raise SpecError(where, f"is named {name}, as {first[name]} is", "give one of them another name")
        first[name] = where
