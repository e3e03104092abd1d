"""Errors say what is wrong in one line, and what to do about it; whatever they quote is short and harmless."""

from __future__ import annotations

import copy
import errno
import pickle

import pytest

from netbuilder.errors import (
    HINTS,
    MissingLibrary,
    NetbuilderError,
    NotFound,
    PrivilegeError,
    SpecError,
    StepError,
    quoted,
    shown,
    some,
)
from netbuilder.steps import AddBridge, AddTable, SetUp

TREE = {
    SpecError: ValueError,
    NotFound: LookupError,
    PrivilegeError: PermissionError,
    MissingLibrary: ImportError,
    StepError: NetbuilderError,
}


@pytest.mark.parametrize(("kind", "builtin"), TREE.items())
def test_an_error_is_caught_as_ours_and_as_what_it_is_like(kind: type, builtin: type) -> None:
    assert issubclass(kind, NetbuilderError) and issubclass(kind, builtin)


@pytest.mark.parametrize("kind", [NetbuilderError, NotFound, PrivilegeError, MissingLibrary])
def test_an_error_has_a_message_and_perhaps_a_hint(kind: type[NetbuilderError]) -> None:
    assert (str(kind("no such thing", "look again")), kind("no such thing", "look again").hint) == (
        "no such thing",
        "look again",
    )
    assert kind("no such thing").hint == ""


def test_a_spec_error_names_the_field() -> None:
    error = SpecError("network lab.subnet", "is too small", "use /30")
    assert (str(error), error.field, error.hint) == (
        "network lab.subnet: is too small",
        "network lab.subnet",
        "use /30",
    )


@pytest.mark.parametrize(
    ("number", "detail", "message"),
    [
        (errno.EEXIST, "", "'ip link del x' failed: EEXIST"),
        (errno.EINVAL, "bad prefix", "'ip link del x' failed: EINVAL (bad prefix)"),
        (4095, "", "'ip link del x' failed: 4095"),
    ],
)
def test_a_step_error_shows_the_command_and_the_kernels_answer(number: int, detail: str, message: str) -> None:
    error = StepError("ip link del x", number, detail)
    assert (str(error), error.command, error.errno) == (message, "ip link del x", number)
    assert error.hint == HINTS.get(number, "")


@pytest.mark.parametrize(
    ("step", "quoted"),
    [
        (AddTable(), "'nft -f - <<'EOF' …'"),
        (AddBridge(name="br0", alias="x"), "'ip link add br0 type bridge …'"),
    ],
)
def test_a_command_of_many_lines_is_quoted_in_one(step: AddTable | AddBridge, quoted: str) -> None:
    error = StepError(step.command(), errno.ENOENT)
    assert str(error) == f"{quoted} failed: ENOENT"
    assert (error.command, error.step) == (step.command(), None)
    assert StepError(step.command(), errno.ENOENT, step=step).step is step


@pytest.mark.parametrize("number", HINTS)
def test_a_hint_is_one_short_line(number: int) -> None:
    assert number in errno.errorcode
    assert HINTS[number].isprintable() and len(HINTS[number]) <= 100


@pytest.mark.parametrize(
    ("command", "line"), [("ip link", "'ip link'"), ("a\nb", "'a …'"), ("a\n", "'a'"), ("", "''"), ("\nb", "' …'")]
)
def test_quoted(command: str, line: str) -> None:
    assert quoted(command) == line


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("web", "'web'"),
        ("", "''"),
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        ("x" * 40, repr("x" * 40)),
        ("x" * 41, repr("x" * 40 + "…")),
    ],
)
def test_a_hostile_text_is_quoted_and_cut(text: str, quoted: str) -> None:
    assert shown(text) == quoted


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("b", "b"),
        ("b a", "a, b"),
        ("c b a", "a, b, c"),
        ("d c b a", "a, b, c and 1 more"),
        ("f e d c b a", "a, b, c and 3 more"),
    ],
)
def test_some_of_many_names(names: str, text: str) -> None:
    assert some(names.split()) == text
    assert some(set(names.split())) == text


@pytest.mark.parametrize(
    "error",
    [
        NetbuilderError("it failed", "try again"),
        SpecError("network lab.subnet", "is taken", "choose another"),
        StepError("ip link set x up", errno.ENODEV, "gone"),
        StepError("ip link set x up", errno.EEXIST, step=SetUp(dev="x")),
        PrivilegeError("not allowed", "use sudo"),
        NotFound("nothing there"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_back_from_another_process_as_they_were(error: NetbuilderError) -> None:
    error.add_note("and then")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
    assert str(copy.copy(error)) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        SpecError("network lab.subnet", "is taken", "choose another"),
        StepError("ip link set x up", errno.ENODEV),
        PrivilegeError("not allowed", "use sudo"),
        MissingLibrary("no libnftables", "install it"),
        NotFound("nothing there", "look again"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_copy_has_the_hint_once_and_notes_of_its_own(error: NetbuilderError) -> None:
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(copy.copy(error)))):
        assert again.__notes__ == [f"hint: {error.hint}"]
        again.add_note("and then")
        assert error.__notes__ == [f"hint: {error.hint}"]
        assert getattr(again, "msg", None) == getattr(error, "msg", None)  # an ImportError's
    assert not hasattr(copy.copy(NotFound("nothing there")), "__notes__")
