"""Handles and plans as a Python programmer uses them: printed, compared, and passed where a name would do."""

from __future__ import annotations

import pytest

from netbuilder import Bridge, Container, Host, Network, NotFound, Sandbox

LAB, WEB = Network("lab", subnet="10.9.0.0/24"), Sandbox("web", mode=Bridge("lab"))


def test_a_handle_or_a_spec_does_where_a_name_would(host: Host) -> None:
    host.apply(LAB, WEB)
    web = host["web"]
    assert host[web] == host[WEB] == web
    assert hash(host[WEB]) == hash(web)
    assert web in host
    assert WEB in host
    host.apply(Sandbox("mate", mode=Container(web)))
    assert host["mate"] != web
    assert host["mate"].address == web.address
    assert host["mate"].mac == web.mac == "02:42:0a:09:00:02"
    host.destroy(host["mate"])
    host.destroy(web)
    assert web not in host
    with pytest.raises(NotFound):
        host[web]
    with pytest.raises(TypeError, match="named by its name, its spec or its handle, not int"):
        host[7]  # type: ignore[index]


def test_what_is_printed_is_short_and_true(host: Host) -> None:
    plan = host.plan(LAB, WEB)
    assert str(plan) == plan.script()
    assert repr(plan) == f"<Plan: {len(plan)} steps>"
    assert repr(plan[:1]) != repr(plan)
    assert repr(host) == "<isolated host>"
    with Host.isolated() as other:
        pass
    assert repr(other) == "<closed isolated host>"
    assert host.apply(LAB, WEB)
    assert repr(host["web"]) == "<sandbox web: bridge mode, 10.9.0.2>"


def test_programs_read_what_they_are_given(host: Host) -> None:
    assert host.run(["cat"], input="text", capture_output=True).stdout == "text"
    assert host.run(["cat"], input=b"bytes", capture_output=True).stdout == b"bytes"


def test_what_is_written_otherwise_is_answered_with_what_to_write(host: Host) -> None:
    for start in (host.run, host.popen):
        with pytest.raises(TypeError, match=r"a program is a list, .*: \['ip', 'addr'\], or \['sh', '-c', 'ip addr'\]"):
            start("ip addr")
    with pytest.raises(TypeError, match="apply takes specs, not a dict"):
        host.apply({"name": "web"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"apply\(\*specs\)"):
        host.apply([WEB])  # type: ignore[arg-type]
