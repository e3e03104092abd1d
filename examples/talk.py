"""Two small programs that talk over TCP, to see who reaches whom.

python3 talk.py listen NAME PORT [ADDRESS]   answer every caller with this name, and with the address it calls from;
                                             :: is all addresses of both families
python3 talk.py ask ADDRESS PORT [SECONDS]   call, and print the answer
python3 talk.py fetch ADDRESS PORT           fetch / by HTTP, and print what comes
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from http.client import HTTPConnection


def listen(name: str, port: str, address: str = "0.0.0.0") -> None:
    """Answer every caller, one after the other."""
    both = address == "::"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, int(port)), family=family, dualstack_ipv6=both) as server:
        print(f"{name} listens on port {port}" if both else f"{name} listens on {address}:{port}", flush=True)
        while True:
            connection, caller = server.accept()
            with connection:
                connection.sendall(f"this is {name}; you call from {caller[0].removeprefix('::ffff:')}\n".encode())


def ask(address: str, port: str, seconds: str = "2") -> None:
    """Print what a listener answers."""
    with socket.create_connection((address, int(port)), float(seconds)) as connection, connection.makefile() as answer:
        print(answer.read(), end="")


def fetch(address: str, port: str) -> None:
    """Print what a web server has at /."""
    connection = HTTPConnection(address, int(port), timeout=2)
    connection.request("GET", "/")
    print(connection.getresponse().read().decode(), end="")
    connection.close()


PROGRAMS: dict[str, Callable[..., None]] = {"listen": listen, "ask": ask, "fetch": fetch}

if __name__ == "__main__":
    try:
        PROGRAMS[sys.argv[1]](*sys.argv[2:])
    except OSError as error:
        sys.exit(error.strerror or str(error))
