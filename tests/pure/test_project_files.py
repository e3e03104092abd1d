"""The files of a project are found and read as one, as Compose does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netbuilder.cli import main
from netbuilder.cli.compose_file import opened
from netbuilder.compose import Composed, File, parse, read
from netbuilder.errors import SpecError
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox

LAB = "networks: {lab: }\n"
NONE = "network_mode: none"


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FILE", "PROFILES", "PROJECT_NAME", "PATH_SEPARATOR"):
        monkeypatch.delenv(f"COMPOSE_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def merged(*texts: str, profiles: tuple[str, ...] = (), **environment: str) -> Composed:
    """Files read as one, the later over the earlier."""
    return read([File(f"{i}.yaml", text) for i, text in enumerate(texts)], environment, profiles)


def refusal(*texts: str, **others: str) -> SpecError:
    """Why files, the first of them named 0.yaml, can't be read as one; they may speak of others."""
    with pytest.raises(SpecError) as caught:
        read([File(f"{i}.yaml", text) for i, text in enumerate(texts)], {}, (), "", others.get)
    assert caught.value.file is None or caught.value.file.isprintable()
    assert str(caught.value).isprintable()
    return caught.value


def from_files(main_text: str, **others: str) -> Composed:
    """A file read with others beside it; a "__" in a name is a "/", and "_dot_" a "."."""
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in others.items()}
    return read([File("main.yaml", main_text)], {}, (), "", named.get)


def ports(composed: Composed, service: str = "web") -> list[str]:
    mode = composed.named(service)[0].mode
    assert isinstance(mode, Bridge)
    return [str(port) for port in mode.publish]


def on(composed: Composed, service: str = "web") -> list[str]:
    mode = composed.named(service)[0].mode
    assert isinstance(mode, Bridge)
    return [endpoint.network for endpoint in mode.attachments]


def service(text: str, before: str = "") -> str:
    return f"{before}services: {{web: {{{text}}}}}"


def write(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(**options: Any) -> list[str]:
    with opened(**options) as composed:
        return [spec.name for spec in composed.specs if isinstance(spec, Sandbox)]


# One file over another


@pytest.mark.parametrize(
    ("base", "over", "found"),
    [
        ("ports: ['80:80']", "ports: ['81:81']", ["80:80/tcp", "81:81/tcp"]),
        ("ports: ['80:80']", "ports: ['80:80', '81:81']", ["80:80/tcp", "81:81/tcp"]),
        ("ports: ['80:80']", "", ["80:80/tcp"]),
        ("ports: ['80:80']", "ports: ", ["80:80/tcp"]),
        ("ports: ", "ports: ['80:80']", ["80:80/tcp"]),
        ("ports: ['80:80']", "ports: []", ["80:80/tcp"]),
        ("ports: ['80:80']", "ports: !override ['81:81']", ["81:81/tcp"]),
        ("ports: ['80:80']", "ports: !override []", []),
        ("ports: ['80:80']", "ports: !reset []", []),
        ("ports: ['80:80']", "ports: !reset null", []),
        ("ports: ['80:80']", "ports: [!reset x, '81:81']", ["80:80/tcp", "81:81/tcp"]),
        ("", "ports: !override ['81:81']", ["81:81/tcp"]),
        ("ports: !override ['81:81']", "", ["81:81/tcp"]),
        ("ports: !reset ['81:81']", "", []),
        ("ports: [{target: 80, published: 1}]", "ports: [{target: 80, published: '1', protocol: tcp}]", ["1:80/tcp"]),
        (
            "ports: [{target: 80, published: 1}]",
            "ports: [{target: 80, published: 2}]",
            ["1:80/tcp", "2:80/tcp"],
        ),
    ],
)
def test_ports_are_joined(base: str, over: str, found: list[str]) -> None:
    assert ports(merged(service(base), service(over))) == found


@pytest.mark.parametrize(
    ("base", "over", "mode"),
    [
        ("network_mode: none", "network_mode: host", HostNetwork()),
        ("network_mode: none", "network_mode: ", NoNetwork()),
        ("network_mode: none", "network_mode: !reset null", Bridge(network="default")),
        ("network_mode: none", "network_mode: !override host", HostNetwork()),
        ("network_mode: none", "network_mode: !reset null, networks: [lab]", Bridge(network="lab")),
        ("networks: [lab]", "networks: !reset [], network_mode: host", HostNetwork()),
        ("networks: [lab]", "networks: {lab: {ipv4_address: 10.9.0.7}}", Bridge(network="lab", address="10.9.0.7")),
        ("networks: {lab: {ipv4_address: 10.9.0.7}}", "networks: [lab]", Bridge(network="lab", address="10.9.0.7")),
        (
            "networks: {lab: {ipv4_address: 10.9.0.7}}",
            "networks: {lab: {mac_address: '02:00:00:00:00:07'}}",
            Bridge(network="lab", address="10.9.0.7", mac="02:00:00:00:00:07"),
        ),
        (
            "networks: {lab: {ipv4_address: 10.9.0.7}}",
            "networks: {lab: {ipv4_address: 10.9.0.8}}",
            Bridge(network="lab", address="10.9.0.8"),
        ),
        ("networks: {lab: {ipv4_address: 10.9.0.7}}", "networks: !override [lab]", Bridge(network="lab")),
        ("networks: [lab]", "networks: [back]", Bridge(endpoints=["back", "lab"])),
        ("networks: [lab]", "networks: {lab: !reset null, back: }", Bridge(network="back")),
    ],
)
def test_a_mode_is_merged(base: str, over: str, mode: object) -> None:
    declared = "networks: {lab: {ipam: {config: [{subnet: 10.9.0.0/24}]}}, back: }\n"
    assert merged(service(base, declared), service(over)).named("web")[0].mode == mode


@pytest.mark.parametrize("key", ["labels", "sysctls"])
@pytest.mark.parametrize("base", ["{net.ipv4.a: 1, net.ipv4.b: 1}", "[net.ipv4.a=1, net.ipv4.b=1]"])
@pytest.mark.parametrize("over", ["{net.ipv4.b: 2, net.ipv4.c: 2}", "[net.ipv4.b=2, net.ipv4.c=2]"])
def test_pairs_are_merged_however_they_are_written(key: str, base: str, over: str) -> None:
    sandbox = merged(service(f"{key}: {base}"), service(f"{key}: {over}")).named("web")[0]
    found = {name.replace("/", "."): value for name, value in getattr(sandbox, key).items()}
    assert found == {"net.ipv4.a": "1", "net.ipv4.b": "2", "net.ipv4.c": "2"}


def test_a_label_without_a_value_takes_the_earlier_ones_place() -> None:
    composed = merged(service("labels: {a: 1, b: 1}"), service("labels: {a: , b: ''}"))
    assert composed.named("web")[0].labels == {"a": "", "b": ""}


@pytest.mark.parametrize(
    ("over", "network"),
    [
        ("internal: true", Network("lab", subnet="10.9.0.0/24", labels={"a": "1"}, internal=True)),
        ("labels: [b=2]", Network("lab", subnet="10.9.0.0/24", labels={"a": "1", "b": "2"})),
        (
            "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.9}]}",
            Network("lab", subnet="10.9.0.0/24", gateway="10.9.0.9", labels={"a": "1"}),
        ),
        ("ipam: {config: [{subnet: 10.8.0.0/24}]}", Network("lab", subnet="10.8.0.0/24", labels={"a": "1"})),
        ("ipam: !reset {}", Network("lab", labels={"a": "1"})),
        ("driver_opts: {com.docker.network.driver.mtu: 1400}", None),
    ],
)
def test_a_network_is_merged(over: str, network: Network | None) -> None:
    base = "networks: {lab: {labels: {a: 1}, ipam: {config: [{subnet: 10.9.0.0/24}]}}}"
    expected = network or Network("lab", subnet="10.9.0.0/24", labels={"a": "1"}, mtu=1400)
    assert merged(base, f"networks: {{lab: {{{over}}}}}").specs == (expected,)


def test_services_and_networks_are_added_in_order() -> None:
    composed = merged(
        "services: {b: {networks: [n]}}\nnetworks: {n: }", "", "services: {a: {networks: [m]}}\nnetworks: {m: }"
    )
    assert [spec.name for spec in composed.specs] == ["n", "m", "b", "a"]


def test_a_whole_service_is_reset() -> None:
    assert [one.name for one in merged("services: {a: {}, b: {}}", "services: {a: !reset }").specs] == ["default", "b"]


def test_a_later_file_leaves_an_earlier_ones_anchors_as_they_are() -> None:
    base = f"x-a: &a {{{NONE}, labels: {{k: v}}}}\nservices: {{web: *a, db: *a}}"
    composed = merged(base, service("labels: {k: w}"))
    assert [composed.named(name)[0].labels for name in ("web", "db")] == [{"k": "w"}, {"k": "v"}]


@pytest.mark.parametrize(
    ("base", "over", "error"),
    [
        ("ports: ['80:80']", "ports: {a: b}", "services.web.ports: is a mapping here and a list in the file"),
        ("labels: {a: b}", "labels: x", None),
        ("deploy: {replicas: 1}", "deploy: 3", "services.web.deploy: is text here and a mapping in the file"),
        ("network_mode: none", "network_mode: [a]", "services.web.network_mode: is a list here and text in the file"),
    ],
)
def test_what_cannot_be_merged_is_told_where_the_later_one_stands(base: str, over: str, error: str | None) -> None:
    if error is None:
        assert merged(service(base), service(over)).named("web")[0].labels == {"a": "b", "x": ""}
        return
    found = refusal(service(base), f"#\n{service(over)}")
    assert str(found).startswith(error)
    assert (found.file, found.line) == ("1.yaml", 2)


@pytest.mark.parametrize(
    ("texts", "place", "file", "line"),
    [
        ((service("ports: ['0:0']"), service("")), "services.web.ports[0]", "0.yaml", 1),
        ((service("ports: ['1:1']"), "#\n" + service("ports: ['0:0']")), "services.web.ports[1]", "1.yaml", 2),
        ((service("mac_address: x"), "\n" + service("mac_address: y")), "services.web.mac_address", "1.yaml", 2),
        ((service("mac_address: x"), "\n" + service("mac_address: ")), "services.web.mac_address", "0.yaml", 1),
        ((service(""), "\n\nservices: {web: {\nprots: }}"), "services.web.prots", "1.yaml", 4),
        ((service(""), "services: ["), "line 1, column 12", "1.yaml", None),
        ((service(""), "services: {a: !x 1}"), "line 1, column 15", "1.yaml", None),
        ((service(""), "[]"), "the file", "1.yaml", 1),
    ],
)
def test_an_error_names_the_file_that_it_is_in(texts: tuple[str, ...], place: str, file: str, line: int | None) -> None:
    error = refusal(*texts)
    assert (error.field or "the file", error.file, error.line) == (place, file, line)


# What a service extends


BASE = "services: {base: {ports: ['80:80'], labels: {a: 1}, networks: [lab]}}\nnetworks: {lab: }"


def test_a_service_extends_one_of_its_file() -> None:
    text = "services: {base: {ports: ['80:80'], profiles: [never]}, web: {extends: base, ports: ['81:81']}}"
    composed = parse(text, profiles=["never"])
    assert ports(composed) == ["80:80/tcp", "81:81/tcp"]
    assert ports(composed, "base") == ["80:80/tcp"]


@pytest.mark.parametrize("extends", ["base", "{service: base}", "{service: '${UNSET:-base}'}"])
def test_extends_has_two_forms(extends: str) -> None:
    assert ports(parse(f"services: {{web: {{extends: {extends}}}, base: {{ports: ['80:80']}}}}")) == ["80:80/tcp"]


def test_a_service_extends_one_of_another_file_whose_paths_are_its_own() -> None:
    composed = from_files(
        "services: {web: {extends: {file: a/one.yaml, service: base}}}\nnetworks: {lab: }",
        a__one_dot_yaml="services: {base: {extends: {file: ../b/two.yaml, service: base}, ports: ['81:81']}}",
        b__two_dot_yaml=BASE,
    )
    assert ports(composed) == ["80:80/tcp", "81:81/tcp"]
    assert on(composed) == ["lab"]
    assert list(composed.services) == ["web"]


def test_what_a_service_extends_is_reset_and_overridden() -> None:
    own = "extends: a, ports: !override ['1:1'], labels: !reset"
    composed = parse(f"services: {{a: {{ports: ['80:80'], labels: {{a: 1}}}}, web: {{{own} }}}}")
    assert ports(composed) == ["1:1/tcp"]
    assert composed.named("web")[0].labels == {}


def test_an_override_is_over_what_is_extended() -> None:
    text = "services: {base: {network_mode: none}, web: {extends: base}}"
    assert merged(text, service("network_mode: host")).named("web")[0].mode == HostNetwork()


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        (service("extends: web"), "services.web.extends: leads back to where it started: web → web", ("0.yaml", 1)),
        (
            "services:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}",
            "services.a.extends: leads back to where it started: a → b → c → a",
            ("0.yaml", 2),
        ),
        (
            "services: {web: {extends: bsae}, base: {}}",
            "services.web.extends: there is no services.bsae",
            ("0.yaml", 1),
        ),
        (service("extends: {file: other}"), "services.web.extends: must be text, or a mapping with a service", None),
        (service("extends: [base]"), "services.web.extends: must be text, or a mapping with a service", None),
        (service("extends: {service: b, fiel: x}"), "services.web.extends.fiel: is an unknown key", None),
        (service("extends: {service: [], file: x}"), "services.web.extends.service: must not be empty", None),
        (service("extends: {service: b, file: none.yaml}"), "services.web.extends.file: there is no file", None),
        (service("extends: {service: b, file: other}"), "services.web.extends: there is no services.b", None),
        (service("extends: {service: loop, file: loop}"), "services.loop.extends: leads back", ("loop", 1)),
        (service("extends: {service: bad, file: bad}"), "line 1, column 2: ", ("bad", None)),
        (service("extends: {service: port, file: port}"), "services.web.ports[0]: ", ("port", 2)),
        (
            "services: {" + ", ".join(f"a{i}: {{extends: a{i + 1}}}" for i in range(200)) + ", a200: {}}",
            "services.a100.extends: leads too far",
            None,
        ),
    ],
)
def test_extends_that_cannot_be(text: str, said: str, where: tuple[str, int | None] | None) -> None:
    error = refusal(
        text,
        other="services: {c: {}}",
        loop="services: {loop: {extends: {service: loop, file: loop}}}",
        bad="[",
        port="services:\n  port: {ports: ['0:0']}",
    )
    assert str(error).startswith(said)
    assert where is None or (error.file, error.line) == where


def test_a_text_alone_extends_and_includes_no_file() -> None:
    for text in (service("extends: {service: a, file: /etc/passwd}"), "include: [/etc/passwd]"):
        with pytest.raises(SpecError, match="'/etc/passwd' is another file, and a text alone is read"):
            parse(text)


def test_chains_that_come_to_the_square_of_the_file_are_refused() -> None:
    many = ", ".join(f"'{port}:1'" for port in range(1, 2000))
    links = "\n".join(f"  b{i}: {{extends: {'a' if i % 90 == 0 else f'b{i - 1}'}}}" for i in range(3000))
    error = refusal(
        f"services:\n  a: {{ports: [{many}]}}\n  c: {{ports: ['5000:1']}}\n{links.replace('}', ', ports: [1:1]}')}"
    )
    assert "comes to more than 500000 entries" in str(error)


# What a file includes


def test_a_file_includes_others_whose_paths_are_their_own() -> None:
    composed = from_files(
        "include: [a/one.yaml, {path: b.yaml}]\nservices: {web: {networks: [lab]}}",
        a__one_dot_yaml="include: [two.yaml]\nservices: {one: {}}",
        a__two_dot_yaml="services: {two: {}}",
        b_dot_yaml=LAB,
    )
    assert sorted(composed.services) == ["one", "two", "web"]
    assert on(composed) == ["lab"]


def test_the_file_that_includes_is_over_what_it_includes() -> None:
    main_text = "include: [b.yaml]\n" + service("ports: ['81:81']")
    composed = from_files(main_text, b_dot_yaml=service("network_mode: bridge, ports: ['80:80']"))
    assert ports(composed) == ["80:80/tcp", "81:81/tcp"]
    assert on(composed) == ["bridge"]


def test_a_service_extends_one_that_is_included() -> None:
    composed = from_files("include: [b.yaml]\n" + service("extends: base"), b_dot_yaml=BASE)
    assert ports(composed) == ["80:80/tcp"]


def test_an_entry_of_several_paths_is_files_over_each_other() -> None:
    composed = from_files(
        "include: [{path: [b.yaml, c.yaml]}]",
        b_dot_yaml=service("network_mode: none"),
        c_dot_yaml=service("network_mode: host"),
    )
    assert composed.named("web")[0].mode == HostNetwork()


@pytest.mark.parametrize(
    ("entry", "mode"),
    [
        ("a/b.yaml", NoNetwork()),
        ("{path: a/b.yaml, env_file: c/.env}", HostNetwork()),
        ("{path: a/b.yaml, env_file: [a/.env, c/.env]}", HostNetwork()),
        ("{path: a/b.yaml, project_directory: c}", HostNetwork()),
        ("{path: a/b.yaml, env_file: /dev/null}", Bridge(network="default")),
    ],
)
def test_an_included_file_has_variables_of_its_own(entry: str, mode: object) -> None:
    files = {"a/b.yaml": service("network_mode: $MODE"), "a/.env": "MODE=none", "c/.env": "MODE=host"}
    text = f"include: [{entry}]"
    assert read([File("m", text)], {}, (), "", files.get).named("web")[0].mode == mode
    outside = read([File("m", text)], {"MODE": "bridge"}, (), "", files.get)
    assert outside.named("web")[0].mode == Bridge(network="bridge")


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("include: [0.yaml]", "include[0]: '0.yaml' includes itself: 0.yaml → 0.yaml", ("0.yaml", 1)),
        ("include: [x/../0.yaml]", "include[0]: '0.yaml' includes itself", ("0.yaml", 1)),
        ("include:\n - loop", "include[0]: 'loop' includes itself: 0.yaml → loop → loop", ("loop", 1)),
        ("include: a", "include: must be a list", ("0.yaml", 1)),
        ("include: {a: b}", "include: must be a list", ("0.yaml", 1)),
        ("include: [[a]]", "include[0]: must be text or a mapping, not a list", None),
        ("include: [{pth: a}]", "include[0].pth: is an unknown key", ("0.yaml", 1)),
        ("include: [{env_file: a}]", "include[0]: has no path", ("0.yaml", 1)),
        ("include: [{path: []}]", "include[0].path: must not be empty", ("0.yaml", 1)),
        ("include: [{path: }]", "include[0].path: must be text", ("0.yaml", 1)),
        ("include: [none]", "include[0]: there is no file 'none'", ("0.yaml", 1)),
        ("include: [{path: ok, env_file: none}]", "include[0]: there is no file 'none'", ("0.yaml", 1)),
        ("include: [{path: ok, env_file: bad}]", "line 1: '[!' is not NAME=VALUE", ("bad", None)),
        ("include: [bad]", "line 1, column ", ("bad", None)),
        ("include: [port]", "services.web.ports[0]: ", ("port", 2)),
    ],
)
def test_includes_that_cannot_be(text: str, said: str, where: tuple[str, int | None] | None) -> None:
    error = refusal(
        text,
        loop="include: [loop]",
        bad="[!",
        ok="services: {ok: {}}",
        port="services:\n  web: {ports: ['0:0']}",
    )
    assert str(error).startswith(said)
    assert where is None or (error.file, error.line) == where


def test_files_that_each_include_the_next_one_twice_are_refused_at_once() -> None:
    fans = {f"fan{i}": f"include: [fan{i + 1}, fan{i + 1}]" for i in range(30)}
    assert "more than 200 files are read" in str(refusal("include: [fan0]", **fans, fan30="services: {}"))


@pytest.mark.parametrize("said", ["", "!reset x"])
def test_an_include_or_extends_of_nothing_is_none(said: str) -> None:
    assert parse(f"include: {said}\nservices: {{web: {{extends: {said or 'null'}, {NONE}}}}}").specs == (
        Sandbox("web", mode=NoNetwork()),
    )


# Profiles


PROFILES = f"""\
services:
  always: {{{NONE}}}
  one: {{{NONE}, profiles: [one]}}
  two: {{{NONE}, profiles: [two, three]}}
  shares: {{network_mode: 'service:one', profiles: [one]}}
"""


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ([], ["always"]),
        ([""], ["always"]),
        (["one"], ["always", "one", "shares"]),
        (["three"], ["always", "two"]),
        (["one", "two"], ["always", "one", "two", "shares"]),
        (["*"], ["always", "one", "two", "shares"]),
        (["nosuch"], ["always"]),
    ],
)
def test_services_of_profiles(chosen: list[str], found: list[str]) -> None:
    assert [spec.name for spec in parse(PROFILES, profiles=chosen).specs] == found


def test_a_service_that_is_named_needs_no_profile() -> None:
    composed = parse(PROFILES)
    assert [spec.name for spec in composed.needed_by("two")] == ["two"]
    assert [spec.name for spec in composed.needed_by("shares")] == ["one", "shares"]


def test_services_of_different_profiles_may_have_one_name() -> None:
    text = """
services:
  cpu: {container_name: app, network_mode: none, profiles: [cpu]}
  gpu: {container_name: app, network_mode: host, profiles: [gpu]}
"""
    assert parse(text, profiles=["gpu"]).specs == (Sandbox("app", mode=HostNetwork()),)
    assert parse(text).needed_by("cpu") == (Sandbox("app", mode=NoNetwork()),)
    assert parse(text).needed_by("gpu", "gpu") == (Sandbox("app", mode=HostNetwork()),)
    for both in (lambda: parse(text, profiles=["*"]), lambda: parse(text).needed_by("cpu", "gpu")):
        with pytest.raises(SpecError, match=r"services\.gpu: is named app, as services\.cpu is"):
            both()


# Several sandboxes of a service


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("scale: 3", ["web-1", "web-2", "web-3"]),
        ("deploy: {replicas: 2}", ["web-1", "web-2"]),
        ("scale: 2, deploy: {replicas: 2}", ["web-1", "web-2"]),
        ("scale: 1", ["web"]),
        ("scale: 0", []),
        ("deploy: {replicas: 0}", []),
        ("container_name: x, scale: 1", ["x"]),
        ("deploy: {replicas: '${N:-2}'}", ["web-1", "web-2"]),
    ],
)
def test_a_service_is_as_many_sandboxes_as_it_says(text: str, found: list[str]) -> None:
    composed = parse(f"services: {{web: {{{NONE}, {text}}}}}")
    assert [spec.name for spec in composed.specs] == found
    assert [one.name for one in composed.named("web")] == found
    assert [one.name for one in composed.needed_by("web")] == found


def test_who_shares_with_several_shares_with_the_first() -> None:
    composed = parse(f"services: {{web: {{{NONE}, scale: 2}}, db: {{network_mode: 'service:web'}}}}")
    assert composed.named("db")[0].mode == Container("web-1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scale: -1", "services.web.scale: -1 is outside 0 to 1023"),
        ("scale: 999999999", "services.web.scale: 999999999 is outside 0 to 1023"),
        ("scale: many", "services.web.scale: 'many' is not a whole number"),
        ("scale: 2, deploy: {replicas: 3}", "services.web.deploy.replicas: is 3, and services.web.scale is 2"),
        ("scale: 2, container_name: x", "services.web.container_name: is one name, and there are to be 2 sandboxes"),
    ],
)
def test_how_many_there_cannot_be(text: str, said: str) -> None:
    assert str(refusal(f"services: {{web: {{{NONE}, {text}}}}}")).startswith(said)


def test_who_shares_with_none_is_refused() -> None:
    error = refusal(f"services: {{web: {{{NONE}, scale: 0}}, db: {{network_mode: 'service:web'}}}}")
    assert str(error).startswith("services.db.network_mode: ")


# Where they are found


def test_an_override_beside_the_file_is_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    write(compose_dot_yaml="services: {a: {network_mode: none}}")
    write(**{"compose_dot_override_dot_yaml": "services: {b: {network_mode: none}}"})
    assert names() == ["a", "b"]
    assert names(file=["compose.yaml"]) == ["a"]
    write(**{"compose_dot_override_dot_yml": "services: {c: {network_mode: none}}"})
    assert names() == ["a", "c"]


def test_a_file_is_found_in_the_folders_above(monkeypatch: pytest.MonkeyPatch) -> None:
    write(compose_dot_yaml="services: {a: {network_mode: $MODE}}", _dot_env="MODE=none", below__deeper__x="")
    monkeypatch.chdir("below/deeper")
    assert names() == ["a"]
    write(compose_dot_yml="services: {b: {ports: ['0:0']}}")
    with pytest.raises(SpecError, match=r"^compose.yml:1: services.b.ports\[0\]"):
        names()
    Path("compose.yml").unlink()
    write(**{"../../compose_dot_yaml": "services: {b: {ports: ['0:0']}}"})
    with pytest.raises(SpecError, match=r"^../../compose.yaml:1: services.b.ports\[0\]"):
        names()


def test_several_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    write(a_dot_yaml="services: {a: {network_mode: none}}", b_dot_yaml="services: {b: {network_mode: host}}")
    assert main(["-f", "a.yaml", "plan", "-f", "b.yaml"]) == 0
    assert "ip netns add a\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"COMPOSE_FILE": "a.yaml"}, ["a"]),
        ({"COMPOSE_FILE": "a.yaml:x/b.yaml"}, ["a", "b"]),
        ({"COMPOSE_FILE": "a.yaml;x/b.yaml", "COMPOSE_PATH_SEPARATOR": ";"}, ["a", "b"]),
        ({"COMPOSE_FILE": ""}, ["default-file"]),
    ],
)
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_files_are_named_by_the_environment(
    where: str, environment: dict[str, str], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        a_dot_yaml=f"services: {{a: {{{NONE}}}}}",
        x__b_dot_yaml=f"services: {{b: {{{NONE}}}}}",
        compose_dot_yaml=f"services: {{default-file: {{{NONE}}}}}",
    )
    if where == ".env":
        write(_dot_env="\n".join(f"{name}='{value}'" for name, value in environment.items()))
    for name, value in environment.items() if where == "environment" else ():
        monkeypatch.setenv(name, value)
    assert names() == found
    assert names(file=["a.yaml"]) == ["a"]


def test_variables_come_from_the_environment_then_from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        compose_dot_yaml="services: {web: {container_name: '$A-$B', network_mode: none}}",
        _dot_env="A=dot\nB=dot",
        one_dot_env="A=one\nB=one",
        two_dot_env="B=${A}two",
    )
    assert names() == ["dot-dot"]
    assert names(env_file=["one.env"]) == ["one-one"]
    assert names(env_file=["one.env", "two.env"]) == ["one-onetwo"]
    monkeypatch.setenv("A", "shell")
    assert names(env_file=["one.env", "two.env"]) == ["shell-shelltwo"]
    assert names() == ["shell-dot"]
    monkeypatch.setenv("COMPOSE_DISABLE_ENV_FILE", "1")
    monkeypatch.setenv("B", "b")
    assert names() == ["shell-b"]


def test_variables_are_beside_the_first_file() -> None:
    write(
        x__a_dot_yaml="services: {web: {container_name: $A, network_mode: none}}", x___dot_env="A=x", _dot_env="A=here"
    )
    assert names(file=["x/a.yaml"]) == ["x"]


def test_profiles_come_from_the_command_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write(compose_dot_yaml=PROFILES)
    assert names(profile=["two"]) == ["always", "two"]
    monkeypatch.setenv("COMPOSE_PROFILES", "one,three")
    assert names() == ["always", "one", "two", "shares"]
    assert names(profile=["two"]) == ["always", "two"]


def test_a_project_has_a_name_that_its_files_may_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "services: {web: {container_name: '${COMPOSE_PROJECT_NAME}-web', network_mode: none}}"
    write(compose_dot_yaml=f"name: shop\n{text}")
    assert names() == ["shop-web"]
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    assert names() == ["other-web"]


@pytest.mark.parametrize("name", ["Shop", "-shop", "_shop", "a b", "a.b", "../x", "[a]", "{a: b}"])
def test_a_project_name_that_can_be_none_is_refused(name: str) -> None:
    assert refusal(f"\nname: {name}\n{LAB}").line == 2
    assert refusal(f"name: {name}\n{LAB}").field == "name"


def test_nothing_is_too_deep_for_an_error() -> None:
    for depth in (100, 300, 400, 900):
        text = service(f"labels: {'[' * depth}{']' * depth}")
        for texts in ((text,), (service("labels: {a: b}"), text)):
            assert "services.web.labels" in str(refusal(*texts)) or "nested too deeply" in str(refusal(*texts))


def test_what_is_not_set_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    write(compose_dot_yaml="services: {web: {network_mode: '${X}none', image: '$IGNORED', labels: {a: $X, b: $Y}}}")
    assert main(["plan"]) == 0
    told = capsys.readouterr().err
    assert told.count("variables that are not set are empty: X, Y\n") == 1
    assert "IGNORED" not in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env-file", "nosuch"], "nosuch: can't be read: No such file or directory"),
        (["--env-file", "."], ".: can't be read: Is a directory"),
        (["--env-file", "/dev/zero"], "/dev/zero: is longer than 4 MiB"),
        (["--env-file", "bad"], "bad: line 2: '!' is not NAME=VALUE"),
        (["-f", "nosuch"], "nosuch: can't be read: No such file or directory"),
        (["-f", "compose.yaml", "-f", "latin1"], "latin1: can't be read: it is not UTF-8 text"),
        (
            ["-f", "required"],
            "required:1: services.web.network_mode: required variable X is missing a value: choose one",
        ),
        (["-f", "value"], "value:2: services.web.ports[0]: "),
        (["-f", "includes"], "includes:1: include[0]: there is no file 'nosuch'"),
        (["-f", "dotenv"], "dotenv:1: include[0]: y/.env: can't be read: Is a directory"),
        (["-f", "folder"], "folder:1: include[0]: x: can't be read: Is a directory"),
    ],
)
def test_a_bad_project_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        compose_dot_yaml=PROFILES,
        bad="A=1\n!",
        required=service("network_mode: '${X:?choose one}'"),
        value="services: {web: {\nports: ['${HTTP:-99999}:80']}}",
        includes="include: [nosuch]",
        folder="include: [x]",
        dotenv="include: [y/c.yaml]",
        x__y="",
        y___dot_env__x="",
        y__c_dot_yaml=PROFILES,
    )
    Path("latin1").write_bytes(b"\xe9")
    assert main([*words, "plan"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"netbuilder: error: {said}")
    assert len(told.splitlines()) <= 2
    if "value" in words:
        assert "(from '${HTTP:-99999}:80')" in told


def test_a_clash_between_files_names_the_file_and_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        a_dot_yaml="services: {a: {ports: ['8080:80']}}",
        b_dot_yaml="services:\n  b: {ports: ['${P:-8080}:80']}",
    )
    assert main(["-f", "a.yaml", "-f", "b.yaml", "plan"]) == 2
    assert capsys.readouterr().err.startswith(
        "netbuilder: error: b.yaml:2: services.b.ports[0]: host port 8080:80/tcp is published by service a already"
        " (from '${P:-8080}:80')\n"
    )


def test_many_ignored_keys_are_counted() -> None:
    keys = "image: x, build: x, command: x, volumes: [], tty: true"
    composed = parse(f"services: {{a: {{{keys}}}, b: {{{keys}}}}}")
    assert composed.notice == "ignored, as not about networking: 10 keys (build, command, image and 2 more)"
