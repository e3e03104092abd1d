"""Packets at several interfaces at once, the host's and the sandboxes', into one file that Wireshark reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, Self

from netbuilder.errors import NetbuilderError, SpecError, shown
from netbuilder.host.taps import addresses_of, chosen, opened, spots, ways
from netbuilder.kernel import pcap
from netbuilder.kernel.listening import Listening
from netbuilder.packets import pcapng
from netbuilder.packets.pairing import Pairing
from netbuilder.packets.passage import Passage
from netbuilder.packets.pcapng import Interface
from netbuilder.packets.published import PASS, Way, both_sides, both_sides_code, joined, with_addresses
from netbuilder.packets.ring import Packet

if TYPE_CHECKING:
    from netbuilder.host.standing import Standing
    from netbuilder.kernel.tap import Tap

_GLANCE = 0.2  # seconds
_COMMENT = "Checksums are as a wire would carry them: on veth pairs the kernel leaves them to hardware."


class Counts(NamedTuple):
    """What was counted at one interface.

    Args:
        packets: Those that were given: to the file, or to `watch`.
        dropped: Those that passed as well, and were dropped by the kernel as nobody took them in time.
    """

    packets: int
    dropped: int


class Wanted(NamedTuple):
    """What a capture is asked for: see `Host.capture`."""

    sandboxes: tuple[object, ...]
    file: str | PathLike[str] | int | None
    also: Sequence[str]
    published: str | int | None
    filter: str
    packets: int | None
    seconds: float | None
    watch: Callable[[Passage], object] | None


class Capture:
    """A capture, which goes on for the length of a `with` block, or until a limit is reached.

    Attributes:
        interfaces: What is listened to, in the order of the file's interface blocks.
        began: When it began, in nanoseconds since 1970.
        counts: What was counted, by the interface's name, once it has ended.
    """

    def __init__(self, host: Standing, wanted: Wanted) -> None:
        for name, limit in (("packets", wanted.packets), ("seconds", wanted.seconds)):
            if limit is not None and not limit > 0:
                raise SpecError(name, f"{limit} is not a limit: it is more than 0")
        self.interfaces: tuple[Interface, ...] = ()
        self.counts: Mapping[str, Counts] = {}
        self.began = 0
        self._host, self._wanted = host, wanted
        self._ended = threading.Event()
        self._ways: list[Way] = []
        self._expression = ""
        self._error: BaseException | None = None
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        """Listen from now on.

        Raises:
            NotFound: If there is no sandbox of a name, or its namespace is gone.
            SpecError: If the filter is no such expression, or nothing is published at the port.
            MissingLibrary: If there is a filter, and libpcap is not installed.
            PrivilegeError: If CAP_NET_RAW is missing.
            OSError: If the file can't be written.
        """
        if self.began:
            raise NetbuilderError("this capture has begun already", "get another: host.capture(…)")
        self._taps = self._opened()
        try:
            codes = self._compiled()
            self._file = _writable(self._wanted.file)
            self._write_head()
            for tap, code in zip(self._taps, codes, strict=True):
                tap.listen(code, len(self._taps))
        except BaseException:
            self._close()
            raise
        self.began = time.time_ns()
        self._written = [0] * len(self._taps)
        self._listening = Listening(self._taps)
        self._listening.start()
        self._thread = threading.Thread(target=self._record, name="netbuilder capture file", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Take what has passed by now, and end; what went wrong meanwhile is raised, if the block ended well."""
        self._listening.stop()
        while self._thread.is_alive():
            self._thread.join(_GLANCE)
        if self._error and kind is None:
            raise self._error

    def wait(self) -> None:
        """Wait until a limit is reached, or something goes wrong: leaving the `with` block raises that."""
        while not self._ended.wait(_GLANCE):  # a signal that arrives just ahead of the wait does not wake it
            pass

    def _opened(self) -> list[Tap]:
        """The taps, all open."""
        host, wanted = self._host, self._wanted
        sandboxes = chosen(host, wanted.sandboxes)
        self._expression = with_addresses(wanted.filter, addresses_of(host.sandboxes())) if wanted.filter else ""
        if wanted.published is not None:
            found = ways(host, sandboxes, wanted.published)
            self._ways = [way for to in found.values() for way in to]
            sandboxes = sandboxes if wanted.sandboxes else list(found)
        expression = joined(both_sides(self._ways), self._expression)
        found_spots = spots(host, sandboxes, wanted.also)
        taps = opened(found_spots)
        self.interfaces = tuple(
            Interface(spot.name, spot.description, tap.link_type, expression)
            for spot, tap in zip(found_spots, taps, strict=True)
        )
        return taps

    def _compiled(self) -> list[bytes]:
        """The filter of each tap, for what its frames begin with."""
        code = {kind: self._code(kind) for kind in {one.link_type for one in self.interfaces}}
        return [code[one.link_type] for one in self.interfaces]

    def _code(self, link_type: int) -> bytes:
        code = both_sides_code(self._ways, link_type) if self._ways else b""
        if self._expression.strip():
            return code + pcap.compiled(self._expression, link_type)
        return code + PASS if code else b""

    # On a thread of its own

    def _record(self) -> None:
        try:
            self._record_all()
            self._listening.end()
            self._count()
        except BaseException as error:
            self._error = error
        finally:
            self._listening.end()
            self._close()
            self._ended.set()

    def _record_all(self) -> None:
        pairing, watch = Pairing(self.interfaces), self._wanted.watch
        for complete, packets in self._listening.batches():
            kept, enough = self._within_limits(complete, packets)
            for packet in kept:
                self._written[packet.tap] += 1
            if self._file:
                self._write(b"".join(map(pcapng.packet, kept)))
            if watch:
                for packet in kept:
                    pairing.add(packet)
                for passage in pairing.settled(complete):
                    watch(passage)
            if enough:
                break
        if watch:
            for passage in pairing.settled():
                watch(passage)

    def _within_limits(self, complete: int, packets: list[Packet]) -> tuple[list[Packet], bool]:
        """What of some packets is asked for, and whether that was the last of it."""
        enough = False
        if self._wanted.seconds is not None:
            end = self.began + self._wanted.seconds * 1e9
            if complete >= end:
                packets, enough = [packet for packet in packets if packet.when < end], True
        if self._wanted.packets is not None:
            left = self._wanted.packets - sum(self._written)
            if len(packets) >= left:
                packets, enough = packets[:left], True
        return packets, enough

    def _count(self) -> None:
        counted = [tap.counts() for tap in self._taps]
        ended = time.time_ns()
        for at, ((passed, dropped), written) in enumerate(zip(counted, self._written, strict=True)):
            self._write(pcapng.statistics(at, self.began, ended, passed, dropped, written))
        self.counts = {
            interface.name: Counts(written, dropped)
            for interface, written, (_, dropped) in zip(self.interfaces, self._written, counted, strict=True)
        }

    # The file

    def _write_head(self) -> None:
        self._write(pcapng.section(_COMMENT))
        for one in self.interfaces:
            self._write(pcapng.interface(one))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._file.name)) from None

    def _close(self) -> None:
        for tap in self._taps:
            tap.close()
        if self._file:
            self._file.close()


def _writable(file: str | PathLike[str] | int | None) -> FileIO | None:
    """A file that is written to without a buffer: what is in it is what has been written.

    Raises:
        SpecError: If it is a terminal, which would obey what sandboxes send.
    """
    if file is None:
        return None
    opened = FileIO(file, "wb", closefd=not isinstance(file, int))
    if opened.isatty():
        opened.close()
        what = "standard output" if file == 1 else shown(str(file))
        raise SpecError("file", f"{what} is a terminal", "name a file, or pipe it into a program")
    return opened
