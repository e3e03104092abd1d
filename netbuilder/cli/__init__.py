"""The command line, `netbuilder`: the library's verbs on the host you are on, from a Compose file.

    parser, help        the words: commands, options, and the help of each (argparser: what reads them)
    commands            what each command does
    trace               one packet's way
    compose_file        what comes in, and what is wrong with it by file and line
    orphans             what is on a file's networks and not in it
    report              what is told of sandboxes and networks
    changes             what is told of what was done, and how far it is
    capture             packets as they pass, told or into a file
    show, tables        what goes out: tables that fit, and JSON
    output              whether it arrived
    completion/         what makes a shell complete these words
    errors, signals     what went wrong, and what ends a call

Only the parser is imported ahead of knowing the command, so that `--help` answers at once.
"""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Sequence

from netbuilder.cli import output
from netbuilder.cli.parser import parser

_READER_GONE = 141
"""As a shell reports a program that ended by SIGPIPE."""


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
        return _run(argv)
    except KeyboardInterrupt as interrupt:
        from netbuilder.cli.signals import status

        return status(interrupt)
    except BrokenPipeError:
        return _READER_GONE
    finally:
        output.settle()


def _run(argv: Sequence[str] | None) -> int:
    command = ""
    try:
        arguments = vars(parser().parse_args(argv))
        command = arguments.pop("command")
        # A call is short, and nearly all that it makes lives to its end: to look for garbage takes a third of its time.
        gc.disable()
        return _carry_out(command, arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        from netbuilder.cli.errors import explain

        status = explain(error)
        return 2 if command == "diff" else status
    finally:
        gc.enable()


def _carry_out(command: str, arguments: dict[str, object]) -> int:
    from netbuilder.cli.commands import COMMANDS
    from netbuilder.cli.signals import as_interrupts

    with as_interrupts():
        if command in ("exec", "isolated"):  # what goes out is the program's
            return COMMANDS[command](**arguments)
        output.check()
        status = COMMANDS[command](**arguments)
        output.check()
        return status
