"""The handles that a user holds.

host        a host: specs go in; sandboxes stand, are shown, and are taken back
sandbox     a sandbox that stands
standing    what stands on a host, and how it is found
namespace   what both can do: run programs inside, open sockets there, step in
trace       one packet, followed; `probe` is the one that it sends
processes   the rooms in which programs were started, and their end
arguments   what is handed to a call, checked ahead of everything else
interrupts  what became of a call that Ctrl-C interrupted
"""

from netbuilder.host.host import Host
from netbuilder.host.namespace import NetworkNamespace
from netbuilder.host.sandbox import LiveSandbox

__all__ = ["Host", "LiveSandbox", "NetworkNamespace"]
