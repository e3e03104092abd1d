"""From a Compose file to specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netbuilder.compose import keys
from netbuilder.compose.document import Section
from netbuilder.compose.endpoints import IMPLICIT, attachments
from netbuilder.compose.networks import network
from netbuilder.compose.places import Places
from netbuilder.compose.services import sandbox
from netbuilder.compose.source import Source, load, shown, under
from netbuilder.errors import SpecError, suggestion
from netbuilder.spec import Bridge, Container, Network, Sandbox

_NO_EFFECT = tuple(f".{key}" for key in keys.NO_EFFECT)


@dataclass(frozen=True)
class Composed:
    """What a Compose file asks for.

    Args:
        specs: The networks, then the sandboxes, each in the file's order.
        ignored: The keys that were ignored, like "services.web.image".
        services: The sandbox of each service, by the service's key.
        places: Where all that stands in the file.
    """

    specs: tuple[Network | Sandbox, ...]
    ignored: tuple[str, ...]
    services: Mapping[str, Sandbox] = field(default_factory=dict, compare=False)
    places: Places = field(default=Places(Source(None, None), {}, {}), compare=False, repr=False)

    @property
    def notice(self) -> str:
        """One line for the user that names what was ignored, or nothing."""
        without_effect = [where for where in self.ignored if where.endswith(_NO_EFFECT)]
        others = [where for where in self.ignored if where not in without_effect]
        told = {"ignored, as not about networking": others, "ignored, as nothing here goes by it": without_effect}
        return "; ".join(f"{why}: {', '.join(places)}" for why, places in told.items() if places)

    def named(self, service: str) -> Sandbox:
        """The sandbox of a service.

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
        by_name = {one.name: one for one in self.services.values()}
        wanted = {one.name: one for one in map(self.named, services)}
        for one in list(wanted.values()):
            while isinstance(one.mode, Container) and one.mode.sandbox in by_name.keys() - wanted.keys():
                one = by_name[one.mode.sandbox]
                wanted[one.name] = one
        bridges = [one.mode for one in wanted.values() if isinstance(one.mode, Bridge)]
        networks = {endpoint.network for bridge in bridges for endpoint in bridge.attachments}
        return tuple(spec for spec in self.specs if spec.name in (networks if isinstance(spec, Network) else wanted))


def parse(text: str) -> Composed:
    """Read the text of a Compose file.

    Raises:
        SpecError: If it is no Compose file, or asks for networking that can never be right or is not supported; its
            `field` is the place in the file, and `line` the line.
    """
    source = load(text)
    try:
        return _composed(source)
    except SpecError as error:
        error.line = source.line(error.field)
        raise


def _composed(source: Source) -> Composed:
    ignored: set[str] = set()
    file = Section(source.content, "", keys.FILE, ignored)
    declared, services = file.named("networks", keys.NETWORK), file.named("services", keys.SERVICE)
    networks = {key: network(section, key) for key, section in declared.items()}
    if not networks and not services:
        raise SpecError("services", "nothing to do: the file has no services and no networks")
    if any(IMPLICIT in attachments(service) for service in services.values()):
        networks.setdefault(IMPLICIT, Network(name=IMPLICIT))
    names = {key: service.text("container_name") or key for key, service in services.items()}
    sandboxes = {key: sandbox(service, names[key], networks, names) for key, service in services.items()}
    refuse_twins((under("networks", key), one.name) for key, one in networks.items())
    refuse_twins((under("services", key), one.name) for key, one in sandboxes.items())
    return Composed(
        specs=(*networks.values(), *sandboxes.values()),
        ignored=tuple(sorted(ignored)),
        services=sandboxes,
        places=Places(
            source,
            {networks[key].name: section for key, section in declared.items()},
            {sandboxes[key].name: section for key, section in services.items()},
        ),
    )


def refuse_twins(named: Iterable[tuple[str, str]]) -> None:
    """Refuse two places that give the same name."""
    first: dict[str, str] = {}
    for where, name in named:
        if name in first:
            raise SpecError(where, f"is named {name}, as {first[name]} is", "give one of them another name")
        first[name] = where
