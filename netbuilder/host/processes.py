"""The rooms in which programs were started through a host, and the end of all that is in them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Iterable
from contextlib import suppress

from netbuilder.kernel.mounts import Etc
from netbuilder.kernel.room import Room, View
from netbuilder.recipes.units import Key
from netbuilder.steps import AddNamespace, AttachNamespace, Step, Undo

_PATIENCE = 2.0  # seconds that programs have to end by themselves, all of them together

_Place = tuple[str | None, str | None, int]
"""A sandbox, or None for the host itself; the name of its namespace, if it has one; and that one's inode."""


class Processes:
    """A room for each sandbox in which something was started, and one for the host. Belongs to the host's thread."""

    def __init__(self) -> None:
        self._rooms: dict[_Place, Room] = {}

    def __len__(self) -> int:
        """How many programs are remembered."""
        return sum(map(len, self._rooms.values()))

    def room(self, sandbox: str | None, namespace: str | None, net: int, view: View) -> Room:
        """The room of a sandbox, or of the host, made if there is none.

        Args:
            sandbox: Its name, or None for the host itself.
            namespace: The name of its network namespace, or None for the host's.
            net: A descriptor of it, which is the room's afterwards, or closed.
            view: What the room has.
        """
        place = sandbox, namespace, os.fstat(net).st_ino
        etc = Etc.of(namespace) if namespace else Etc()
        room = self._rooms.get(place)
        if room and not room.is_usable:
            self._end([place])
            room = None
        if room is None:
            room = self._rooms[place] = Room(net, view, namespace or "", etc)
        else:
            os.close(net)
            room.show(etc)
        return room

    def end_in(self, doomed: Iterable[Key]) -> None:
        """End all that was started in the sandboxes among some units."""
        names = {key.name for key in doomed if key.kind == "sandbox"}
        self._end([place for place in self._rooms if place[0] in names])

    def end_before(self, step: Step) -> None:
        """End all that was started in a namespace that a step is about to take away."""
        if isinstance(step, Undo) and isinstance(step.undone_step, AddNamespace | AttachNamespace):
            name = step.undone_step.name
            self._end([place for place in self._rooms if place[1] == name])

    def end(self) -> None:
        """End all that was started."""
        self._end(list(self._rooms))

    def _end(self, places: Collection[_Place]) -> None:
        """Programs are asked, by SIGTERM; what runs on after two seconds, and all that they started, is killed."""
        rooms = [self._rooms.pop(place) for place in places]
        asked = [process for room in rooms for process in room.terminate()]
        deadline = time.monotonic() + _PATIENCE
        for process in asked:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for room in rooms:
            room.end()
