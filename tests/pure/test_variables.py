"""Variables in Compose files and in files of variables mean what they mean to Compose."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.compose import dotenv
from netbuilder.compose.variables import Variables
from netbuilder.errors import SpecError

KNOWN = {"SET": "value", "EMPTY": "", "_u1": "under", "NESTED": "${SET}"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$SET", "value"),
        ("a$SET.b", "avalue.b"),
        ("$SET-x", "value-x"),
        ("${SET}${SET}", "valuevalue"),
        ("$SET$SET", "valuevalue"),
        ("${_u1}$_u1", "underunder"),
        ("$UNSET|${UNSET}|${EMPTY}", "||"),
        ("${NESTED}", "${SET}"),
        # a $ that is none of a variable
        ("$", "$"),
        ("a$", "a$"),
        ("$1 $- $.", "$1 $- $."),
        ("^x$|y$", "^x$|y$"),
        ("$$", "$"),
        ("$$SET $${SET} $$$SET", "$SET ${SET} $value"),
        # defaults
        ("${UNSET:-d}${UNSET-d}", "dd"),
        ("${EMPTY:-d}|${EMPTY-d}", "d|"),
        ("${SET:-d}|${SET-d}", "value|value"),
        ("${UNSET:-}|${UNSET-}", "|"),
        ("${UNSET:--1}", "-1"),
        ("${UNSET-a:-b}", "a:-b"),
        ("${UNSET:-a?b+c:?d}", "a?b+c:?d"),
        ("${UNSET:-http://x:80/?q=1}", "http://x:80/?q=1"),
        ("${UNSET:-two\nlines}", "two\nlines"),
        # what takes the place of a value
        ("${SET:+p}${SET+p}", "pp"),
        ("${EMPTY:+p}|${EMPTY+p}", "|p"),
        ("${UNSET:+p}|${UNSET+p}", "|"),
        # required ones that are there
        ("${SET:?why}|${SET?why}|${EMPTY?why}", "value|value|"),
        ("${SET:?}", "value"),
        # in each other
        ("${UNSET:-$SET}", "value"),
        ("${UNSET:-${SET}}", "value"),
        ("${UNSET:-${EMPTY:-${SET:+deep}}}", "deep"),
        ("${UNSET:-a${SET}b}c", "avaluebc"),
        ("${SET:+${UNSET-x}}", "x"),
        ("${UNSET:-$$SET}", "$SET"),
        ("${SET:-${UNSET?not needed}}", "value"),
        ("${UNSET:+${UNSET?not needed}}", ""),
        # braces
        ('${UNSET:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${UNSET:-x}}", "x}"),
        ("{${SET}}", "{value}"),
        ("${UNSET:-{}", "{"),
    ],
)
def test_a_text_with_its_variables(text: str, filled: str) -> None:
    assert Variables(KNOWN).fill(text) == filled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${}", "'${}' is no variable"),
        ("a ${", "'${' is no variable"),
        ("${SET", "'${SET' is no variable"),
        ("${ SET}", "'${ SET}' is no variable"),
        ("${SET }", "'${SET }' is no variable"),
        ("${1}", "'${1}' is no variable"),
        ("${SET!x}", "'${SET!x}' is no variable"),
        ("${SET:}", "'${SET:}' is no variable"),
        ("${SET:x}", "'${SET:x}' is no variable"),
        ("${UNSET:-${}", "is no variable"),
        ("${UNSET?}", "required variable UNSET is missing a value"),
        ("${UNSET:?say why}", "required variable UNSET is missing a value: say why"),
        ("${EMPTY:?say $SET}", "required variable EMPTY is missing a value: say value"),
        ("${A:-" * 40 + "}" * 40, "nested too deeply"),
        ("${A:-" * 100_000 + "}" * 100_000, "nested too deeply"),
        ("${A-{" * 100_000, "is no variable"),
    ],
)
def test_a_text_that_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        Variables(KNOWN).fill(text)
    assert len(str(caught.value)) < 200


def test_those_that_are_not_set_are_known_by_name() -> None:
    variables = Variables(KNOWN)
    variables.fill("$A ${B} ${C:-x} ${D+x} ${E:+x} $EMPTY $SET $$F ${G:-$H}")
    assert variables.unset == {"A", "B", "H"}


def test_variables_that_multiply_have_an_end() -> None:
    variables = Variables({"A": "x" * 1_000_000})
    with pytest.raises(ValueError, match="more than 16 MiB"):
        variables.fill("$A" * 100)


@given(st.text())
def test_what_is_escaped_is_as_it_was(text: str) -> None:
    assert Variables({}).fill(text.replace("$", "$$")) == text


@given(st.text(st.sampled_from("$${}:-+?AB \n\\"), max_size=30))
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        Variables({"A": "${B}"}).fill(text)
    except ValueError as error:
        assert "variable" in str(error)


# Files of variables


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("\n \n# a comment\n  # another", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("  A = 1  ", {"A": "1"}),
        ("A: 1\nB: x: y\nC=a=b", {"A": "1", "B": "x: y", "C": "a=b"}),
        ("export A=1\nexported=2", {"A": "1", "exported": "2"}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A.b-c[0]=1", {"A.b-c[0]": "1"}),
        ("A=1\nA=2\nB=$A", {"A": "2", "B": "2"}),
        # comments
        ("A=x # y\nB=x#y\nC='x' # y\nD=\"x # y\"", {"A": "x", "B": "x#y", "C": "x", "D": "x # y"}),
        # quotes
        ("A='$B'\nB=\"it's\"\nC='say \"x\"'", {"A": "$B", "B": "it's", "C": 'say "x"'}),
        ('A=\'it\\\'s\'\nB="say \\"x\\""', {"A": "it's", "B": 'say "x"'}),
        ("A=\"two\nlines\"\nB='also\ntwo'\nC=1", {"A": "two\nlines", "B": "also\ntwo", "C": "1"}),
        ('A="a\\nb\\tc\\\\d"', {"A": "a\nb\tc\\d"}),
        ("A='a\\nb'\nB=a\\nb", {"A": "a\\nb", "B": "a\\nb"}),
        ('A="\\$B"\nB=$$B', {"A": "$B", "B": "$B"}),
        ('A="\\0101\\q"', {"A": "A\\q"}),
        ("A=it's\nB=x\"y", {"A": "it's", "B": 'x"y'}),
        # values that speak of others
        ('A=1\nB=${A}2\nC="$B 3"', {"A": "1", "B": "12", "C": "12 3"}),
        ("A=${NONE:-d}\nB=${OUTSIDE}", {"A": "d", "B": "out"}),
        ("OUTSIDE=in\nA=$OUTSIDE", {"OUTSIDE": "in", "A": "out"}),
        # names alone
        ("OUTSIDE\nNONE\nA=1", {"OUTSIDE": "out", "A": "1"}),
        ("export OUTSIDE", {"OUTSIDE": "out"}),
    ],
)
def test_a_file_of_variables(text: str, found: dict[str, str]) -> None:
    assert dotenv.variables(text, ".env", {"OUTSIDE": "out"}) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\n\nno good=2", "line 3: 'no good=2' is not NAME=VALUE"),
        ("=1", "line 1: '=1' is not NAME=VALUE"),
        ("A=1\nB!=2", "line 2: 'B!=2' is not NAME=VALUE"),
        ("A='x\n\nB=1", "line 1: the value of A has a quote that is not closed"),
        ('# x\nA="x\\"', "line 2: the value of A has a quote that is not closed"),
        ("A=${B", "line 1: '${B' is no variable"),
        ("A=1\nB=${C:?missing}", "line 2: required variable C is missing a value: missing"),
        ("\x00", "line 1: '\\x00' is not NAME=VALUE"),
    ],
)
def test_a_file_of_variables_that_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        dotenv.variables(text, "my.env", {})
    assert str(caught.value).startswith(said)
    assert caught.value.file == "my.env"


def test_a_file_of_variables_that_multiply_is_refused() -> None:
    lines = ["A0=xxxxxxxxxx", *(f"A{i}={f'$A{i - 1}' * 10}" for i in range(1, 20))]
    with pytest.raises(SpecError, match="line 8: variables come to more than 16 MiB"):
        dotenv.variables("\n".join(lines), ".env", {})


@given(st.text(st.sampled_from("AB=: '\"\\\n#$x\r"), max_size=40))
def test_any_file_of_variables_is_read_or_refused(text: str) -> None:
    try:
        dotenv.variables(text, ".env", {})
    except SpecError as error:
        assert re.match("line [0-9]+: ", str(error))
