"""What the examples share: words to the reader, commands that are shown and typed, and claims that have to be true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from netbuilder import NetbuilderError, NetworkNamespace, Step

HERE = Path(__file__).parent
PATIENCE = 20  # seconds until a command that hangs is given up
_GLUE = "\N{NO-BREAK SPACE}"

sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
# `python3` is the one that runs this, and an ordinary user finds `ip` and `nft` too.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", "/usr/bin:/bin"), "/usr/sbin", "/sbin"]
)
console = Console(highlight=False)


def tell(story: Callable[[], None]) -> None:
    """Run an example; if netbuilder can't do what it takes, say why and what helps."""
    try:
        story()
    except NetbuilderError as error:
        sys.exit(f"{error}\n{error.hint}")


def title(text: str) -> None:
    """What this is about."""
    console.print()
    console.print(Rule(Text(text, "bold"), align="left", characters="─"))


def say(words: str) -> None:
    """A paragraph of prose; what stands in `backticks` is as one would type it."""
    words = re.sub("`[^`]+`", lambda command: command[0].replace(" ", _GLUE), " ".join(words.split()))
    text = Text(textwrap.fill(words, min(console.width, 88), break_on_hyphens=False).replace(_GLUE, " "))
    text.highlight_regex(r"`[^`]+`", "bold")
    console.print()
    console.print(text, soft_wrap=True)


def check(claim: str, true: bool) -> None:
    """Say what is so; if it is not, stop here."""
    if not true:
        raise SystemExit(f"  ✗ not so: {claim}")
    console.print(Text(f"  ✓ {claim}", "green"), soft_wrap=True)


def show(step: Step) -> None:
    """A step as a person would type it, for `Host.apply(watch=show)`; of a long text only the beginning."""
    first, *more = step.command().splitlines()
    console.print(Text(f"  # {step.because}", "dim"), soft_wrap=True)
    _prompt("host", "\n".join([first, *more]) if len(more) < 3 else f"{first} … {len(more)} lines")


def quote(lines: str) -> None:
    """What a program printed."""
    for line in textwrap.dedent(lines.expandtabs(4)).rstrip().splitlines():
        console.print(Text(f"      {line}".rstrip()), soft_wrap=True)


def _prompt(name: str, command: str) -> None:
    for number, line in enumerate(command.expandtabs(4).splitlines()):
        lead = f"  {name} # " if number == 0 else " " * (len(name) + 5)
        console.print(Text.assemble((lead, "cyan"), (line, "bold")) if line else "", soft_wrap=True)


class Shell:
    """A prompt in a host, a sandbox or a namespace made by hand: what is typed is shown and run, then what it prints.

    Args:
        namespace: The host, or a sandbox on it.
        name: What the prompt says.
        prefix: The command that leads from there into a namespace made by hand.
    """

    def __init__(self, namespace: NetworkNamespace, name: str, prefix: Sequence[str] = ()) -> None:
        self.namespace, self.name, self.prefix = namespace, name, prefix

    def inside(self, name: str) -> Shell:
        """The prompt in a namespace made by hand."""
        return Shell(self.namespace, name, ("ip", "netns", "exec", name))

    def __call__(self, command: str) -> str:
        """Type a command that works."""
        return self._type(command, works=True)

    def fails(self, command: str) -> str:
        """Type a command that has to fail."""
        return self._type(command, works=False)

    def start(self, server: str, **options: Any) -> None:
        """Start a server and let it run; it is ready once it has said so in a line."""
        _prompt(self.name, f"{server} &")
        process = self.namespace.popen([*self.prefix, "sh", "-c", f"exec {server}"], **_OPTIONS | options)
        assert process.stdout
        with process.stdout as output:
            ready = output.readline()
        if not ready:
            raise SystemExit(f"  ✗ {server} did not start")
        quote(ready)

    def look(self, command: str) -> Any:
        """What a command with JSON output says, for a claim; nothing is shown."""
        return json.loads(self._run(command).stdout)

    def _type(self, command: str, works: bool) -> str:
        _prompt(self.name, command)
        done = self._run(command)
        quote(done.stdout)
        if (done.returncode == 0) != works:
            raise SystemExit(f"  ✗ exit status {done.returncode}, which was not expected")
        return str(done.stdout)

    def _run(self, command: str) -> subprocess.CompletedProcess[Any]:
        return self.namespace.run([*self.prefix, "sh", "-c", command], timeout=PATIENCE, **_OPTIONS)


_OPTIONS: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": HERE}


def another_machine(on_host: Shell) -> Shell:
    """Connect another machine, played by a second namespace: the host is 192.0.2.1, the machine 192.0.2.2."""
    on_host("ip netns add machine")
    on_host("ip link add eth0 type veth peer name eth0 netns machine")
    on_host("ip address add 192.0.2.1/24 dev eth0 && ip link set eth0 up")
    on_host("ip -n machine address add 192.0.2.2/24 dev eth0 && ip -n machine link set eth0 up")
    return on_host.inside("machine")
