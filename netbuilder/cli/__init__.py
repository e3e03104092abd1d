"""The command line, `netbuilder`: the library's verbs on the host you are on, from a Compose file.

    parser    the words: commands, options, and the help of each
    commands  what each command does
    compose_file, show, trouble  what comes in, what goes out, and what went wrong

Only the parser is imported ahead of knowing the command, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from netbuilder.cli.parser import parser

_INTERRUPTED, _READER_GONE = 130, 141
"""As a shell reports a program that ended by SIGINT and by SIGPIPE."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments; by default those of this process.

    Returns:
        The exit status: 0, 1 for a failure, 2 for a bad call or spec; of `diff`, 1 for a difference and 2 for trouble.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has a ✔
    try:
        arguments = vars(parser().parse_args(argv))
        return _run(arguments.pop("command"), arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _READER_GONE
    finally:
        _settle_output()


def _run(command: str, arguments: dict[str, object]) -> int:
    from netbuilder.cli.commands import COMMANDS

    try:
        status = COMMANDS[command](**arguments)
        print(end="", flush=True)
    except BrokenPipeError:
        raise
    except Exception as error:
        from netbuilder.cli.trouble import explain

        status = explain(error)
        return 2 if command == "diff" else status
    return status


def _settle_output() -> None:
    """Whoever reads our output may be gone: what is left for them must not make a noise at exit."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
