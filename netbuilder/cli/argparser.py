"""argparse, with errors in our words, help that is 80 columns wide, and output that is known to arrive."""

from __future__ import annotations

import argparse
import os

from netbuilder.cli import output

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

_WIDTH = 80


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as what stands in `texts`, or as a narrower terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


def _width() -> int:
    try:
        return min(_WIDTH, os.get_terminal_size().columns)
    except OSError:
        return _WIDTH


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line, with a hint, as for every other error.

    What `adders` add is added once this command is called: for all commands it takes as long as all else here.
    """

    adders: Sequence[Any] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=_Help)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read the arguments, which are known from here on."""
        adders, self.adders = self.adders, ()
        for add in adders:
            add(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str, hint: str = "") -> NoReturn:
        """End with status 2."""
        from netbuilder.cli.errors import complain

        complain(message, hint or f"see {self.prog} --help")
        raise SystemExit(2)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of the choices, with the one that may have been meant."""
        if action.choices is None or value in action.choices:
            return
        from netbuilder.errors import shown, suggestion

        hint = f"{suggestion(str(value), action.choices)} see {self.prog} --help".lstrip()
        what = "command" if action.dest in ("command", "verb") else "/".join(action.option_strings) or action.metavar
        self.error(f"there is no {what} {shown(str(value))}", hint)

    def print_help(self, file: Any = None) -> None:
        """Print it on standard output, where argparse would take another if there is none."""
        output.check()
        super().print_help(file)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End, once what was printed has arrived."""
        output.check()
        super().exit(status, message)


class TopParser(Parser):
    """Takes the files ahead of the command too, as Compose does."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments by name, with the files as `file`, wherever they were named."""
        given = super().parse_args(args, namespace)
        if verb := given.__dict__.pop("verb", None):
            given.command = f"{given.command} {verb}"
        for name, option in _AHEAD.items():
            ahead = given.__dict__.pop(f"ahead_{name}")
            if ahead and not hasattr(given, name):
                self.error(f"{option} is given, and {given.command} takes no file")
            if hasattr(given, name):
                setattr(given, name, [*ahead, *getattr(given, name)])
        if getattr(given, "everything", False):
            self._refuse_beside_all(given)
        return given

    def _refuse_beside_all(self, given: Any) -> None:
        if given.services:
            self.error("argument --all: not allowed with SERVICE")
        for name, option in _AHEAD.items():
            if getattr(given, name):
                self.error(f"argument --all: not allowed with {option}")


_AHEAD = {"file": "-f", "env_file": "--env-file", "profile": "--profile"}
"""What may be said ahead of the command too, and its option."""


class Version(argparse.Action):
    """Prints the version; what finds it out is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it and end."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("netbuilder-sandbox")
        except PackageNotFoundError:
            number = "(not installed)"
        output.say(f"netbuilder {number}")
        parser.exit()


class Files(argparse.Action):
    """Names of files, none of them an empty one, as an unset variable of a shell's gives it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep one more."""
        if not values:
            parser.error(f"{option} is given an empty name")
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), values])


class File(argparse.Action):
    """A file's name: one, and not an empty one, as an unset variable of a shell's gives it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep it."""
        if not values:
            parser.error(f"{option} is given an empty name")
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option} is given twice: one file at a time")
        setattr(namespace, self.dest, values)


class Program(argparse.Action):
    """A program and its arguments, without the -- that may stand ahead of them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep it."""
        words = values[1:] if values[:1] == ["--"] else values
        if not words:
            parser.error("a command to run is missing")
        setattr(namespace, self.dest, words)
