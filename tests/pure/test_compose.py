"""A Compose file's networking subset becomes specs and comes back; all else is passed over by name, or refused."""

from __future__ import annotations

import re
import sys
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from netbuilder.compose import Composed, dump, parse
from netbuilder.compose.keys import (
    ATTACHMENT,
    DEPLOY,
    ENDPOINT_OPTIONS,
    EXTERNAL,
    FILE,
    IPAM,
    NETWORK,
    OPTIONS,
    POOL,
    PORT,
    SERVICE,
    Keys,
)
from netbuilder.compose.source import load, source
from netbuilder.errors import SpecError
from netbuilder.spec import Bridge, Container, Endpoint, HostNetwork, Network, NoNetwork, Route, Sandbox
from netbuilder.spec.ports import PublishedPort
from netbuilder.values.names import RESERVED

BRIDGE = "com.docker.network.bridge.name"
MTU = "com.docker.network.driver.mtu"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
ICC = "com.docker.network.bridge.enable_icc"
BINDING = "com.docker.network.bridge.host_binding_ipv4"
MODE = "com.docker.network.bridge.gateway_mode_ipv4"
MODE6 = "com.docker.network.bridge.gateway_mode_ipv6"
INHIBIT = "com.docker.network.bridge.inhibit_ipv4"
TRUSTED = "com.docker.network.bridge.trusted_host_interfaces"
HOST_IPV4 = "com.docker.network.host_ipv4"
HOST_IPV6 = "com.docker.network.host_ipv6"
PREFIX = "com.docker.network.container_iface_prefix"
ENABLE_IPV4 = "com.docker.network.enable_ipv4"
ENABLE_IPV6 = "com.docker.network.enable_ipv6"
TIMES = "com.docker.network.advertise_addr_nmsgs"
INTERVAL = "com.docker.network.advertise_addr_ms"
IFNAME = "com.docker.network.endpoint.ifname"
SYSCTLS = "com.docker.network.endpoint.sysctls"
LONG = "x" * 10_000

IN_SUBNET = {"subnet": "10.9.0.0/24"}

DEFAULT = Network(name="default")
LAB = "networks: {lab: }\n"


def service(text: str, before: str = LAB) -> str:
    return f"{before}services: {{web: {{{text}}}}}"


def network(text: str) -> str:
    return f"networks: {{lab: {{{text}}}}}"


def only_network(text: str) -> Network:
    (spec,) = parse(network(text)).specs
    assert isinstance(spec, Network)
    return spec


def only_sandbox(text: str, before: str = LAB) -> Sandbox:
    (spec,) = (spec for spec in parse(service(text, before)).specs if isinstance(spec, Sandbox))
    return spec


def refusal(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert len(str(caught.value)) < 500
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isprintable()
    return caught.value


# What a file says, and what it becomes.


def test_a_file_as_people_write_them() -> None:
    composed = parse(
        """
        name: shop
        services:
          web:
            image: nginx
            container_name: shop-web
            ports: ["8088:80", 127.0.0.1:9443:443/tcp]
            networks:
              front: {ipv4_address: 10.9.0.10, mac_address: "02:42:0A:09:00:0A"}
          api: {build: ., networks: [back]}
          log: {network_mode: "service:web"}
        networks:
          front:
            ipam: {driver: default, config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.254}]}
          back: {internal: true, labels: {team: blue}}
        """
    )
    assert composed == Composed(
        specs=(
            Network(name="front", subnet="10.9.0.0/24", gateway="10.9.0.254"),
            Network(name="back", internal=True, labels={"team": "blue"}),
            Sandbox(
                name="shop-web",
                mode=Bridge(
                    network="front",
                    address="10.9.0.10",
                    mac="02:42:0a:09:00:0a",
                    publish=["8088:80", "127.0.0.1:9443:443"],
                ),
            ),
            Sandbox(name="api", mode=Bridge(network="back")),
            Sandbox(name="log", mode=Container(sandbox="shop-web")),
        ),
        ignored=("services.api.build", "services.web.image"),
    )


def test_the_notice_names_what_was_passed_over() -> None:
    composed = parse("version: '3'\nservices: {web: {image: nginx, hostname: w}}")
    assert composed.notice == ("ignored, as not about networking: services.web.hostname, services.web.image, version")
    assert parse(LAB).notice == ""


def test_the_notice_tells_aliases_from_what_is_not_about_networking() -> None:
    composed = parse(service("image: nginx, networks: {lab: {aliases: [db, $X]}}"))
    assert composed.ignored == ("services.web.image", "services.web.networks.lab.aliases")
    assert composed.notice == (
        "ignored, as not about networking: services.web.image;"
        " ignored, as nothing here goes by it: services.web.networks.lab.aliases"
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("name: wire", {"name": "wire"}),
        ("driver: bridge", {}),
        ("driver: ", {}),
        ("driver: bridge, enable_ipv4: true, external: False", {}),
        (f"driver_opts: {{{BRIDGE}: br9}}", {"bridge": "br9"}),
        (f"driver_opts: {{{MTU}: 1400}}", {"mtu": 1400}),
        (f"driver_opts: {{{MTU}: '1400'}}", {"mtu": 1400}),
        (f"driver_opts: {{{MASQUERADE}: false}}", {"masquerade": False}),
        (f"driver_opts: {{{MASQUERADE}: 'false'}}", {"masquerade": False}),
        (f"driver_opts: {{{MASQUERADE}: True}}", {"masquerade": True}),
        (f"driver_opts: {{{ICC}: true, {BINDING}: 0.0.0.0}}", {}),
        (f"driver_opts: {{{BRIDGE}: ''}}", {}),
        ("driver_opts: ", {}),
        ("internal: true", {"internal": True}),
        ("internal: ~", {}),
        ("ipam: {driver: default}", {}),
        ("ipam: {config: []}", {}),
        ("ipam: {config: [{}]}", {}),
        ("ipam: {config: [{subnet: 10.9.0.0/24}]}", {"subnet": "10.9.0.0/24"}),
        (
            "ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.9}]}",
            {"subnet": "10.9.0.0/24", "gateway": "10.9.0.9"},
        ),
        ("ipam: {config: [{subnet: 10.9.0.0/24, ip_range: 10.9.0.128/25}]}", IN_SUBNET | {"ip_range": "10.9.0.128/25"}),
        (
            "ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {printer: 10.9.0.9, DefaultGatewayIPv4: 10.9.0.8}}]}",
            IN_SUBNET | {"aux_addresses": {"printer": "10.9.0.9", "DefaultGatewayIPv4": "10.9.0.8"}},
        ),
        ("ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: }]}", IN_SUBNET),
        ("enable_ipv6: true", {"ipv6": True}),
        ("enable_ipv6: false", {"ipv6": False}),
        ("enable_ipv4: false, enable_ipv6: true", {"ipv4": False, "ipv6": True}),
        (f"driver_opts: {{{ENABLE_IPV6}: 'true', {ENABLE_IPV4}: 'false'}}", {"ipv4": False, "ipv6": True}),
        (f"driver_opts: {{{ENABLE_IPV6}: 'true'}}, enable_ipv6: false", {"ipv6": False}),
        (f"driver_opts: {{{ENABLE_IPV4}: 'false'}}, enable_ipv4: true", {}),
        (
            "enable_ipv6: true, ipam: {config: [{subnet: 'fd00:9::/64'}, {subnet: 10.9.0.0/24}]}",
            IN_SUBNET | {"subnet6": "fd00:9::/64"},
        ),
        (
            "enable_ipv6: true, ipam: {config: [{subnet: 'fd00:9::/64', gateway: 'fd00:9::9', ip_range: 'fd00:9::/80',"
            " aux_addresses: {printer: 'fd00:9::8'}}]}",
            {
                "subnet6": "fd00:9::/64",
                "gateway6": "fd00:9::9",
                "ip_range6": "fd00:9::/80",
                "aux_addresses": {"printer": "fd00:9::8"},
            },
        ),
        (
            "enable_ipv6: true, ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.9.0.9}},"
            " {subnet: 'fd00:9::/64', aux_addresses: {b: 'fd00:9::9'}}]}",
            IN_SUBNET | {"subnet6": "fd00:9::/64", "aux_addresses": {"a": "10.9.0.9", "b": "fd00:9::9"}},
        ),
        (f"driver_opts: {{{MTU}: 0}}", {}),
        (f"driver_opts: {{{ICC}: 'false'}}", {"icc": False}),
        (f"driver_opts: {{{BINDING}: 127.0.0.1}}", {"host_binding": "127.0.0.1"}),
        (f"driver_opts: {{{BINDING}: '::'}}", {"host_binding": "::"}),
        (f"driver_opts: {{{BINDING}: 0.0.0.0}}", {}),
        (f"driver_opts: {{{INHIBIT}: 'true'}}", {"inhibit_ipv4": True}),
        (f"driver_opts: {{{TRUSTED}: 'eth0:eth1'}}", {"trusted_interfaces": ("eth0", "eth1")}),
        (f"driver_opts: {{{TRUSTED}: ''}}", {}),
        (f"driver_opts: {{{PREFIX}: lan}}", {"interface_prefix": "lan"}),
        (f"driver_opts: {{{HOST_IPV4}: 198.51.100.9}}", {"host_ipv4": "198.51.100.9"}),
        (
            f"enable_ipv6: true, driver_opts: {{{HOST_IPV6}: '2001:db8::9'}}",
            {"ipv6": True, "host_ipv6": "2001:db8::9"},
        ),
        *(
            (f"driver_opts: {{{MODE}: {mode}}}", {"gateway_mode": mode})
            for mode in ("nat", "nat-unprotected", "routed")
        ),
        (
            f"internal: true, enable_ipv6: true, driver_opts: {{{MODE}: isolated, {MODE6}: isolated}}",
            {"internal": True, "ipv6": True, "gateway_mode": "isolated", "gateway_mode6": "isolated"},
        ),
        ("labels: {team: blue, tier: 1, bare: }", {"labels": {"team": "blue", "tier": "1", "bare": ""}}),
        ("labels: [team=blue, a=b=c, bare]", {"labels": {"team": "blue", "a": "b=c", "bare": ""}}),
        ("labels: ", {}),
        ("external: true", {"external": True}),
        ("external: true, name: shared", {"external": True, "name": "shared"}),
        ("external: {name: shared}", {"external": True, "name": "shared"}),
        ("external: {name: shared}, name: shared", {"external": True, "name": "shared"}),
        ("external: {}", {"external": True}),
        ("external: true, internal: , driver_opts: , x-a: 1, attachable: true", {"external": True}),
    ],
)
def test_a_network(text: str, fields: dict[str, Any]) -> None:
    assert only_network(text) == Network(**({"name": "lab"} | fields))


@pytest.mark.parametrize(("key", "said"), [(TIMES, 0), (TIMES, 3), (INTERVAL, 100), (INTERVAL, 2000)])
def test_how_an_address_is_announced_is_passed_over(key: str, said: int) -> None:
    composed = parse(network(f"driver_opts: {{{key}: {said}}}"))
    assert composed.specs == (Network(name="lab"),)
    assert composed.ignored == (f"networks.lab.driver_opts.{key}",)
    assert composed.notice == f"ignored, as nothing here goes by it: networks.lab.driver_opts.{key}"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("networks: [lab]", Bridge(network="lab")),
        ("networks: [lab, lab]", Bridge(network="lab")),
        ("networks: {lab: }", Bridge(network="lab")),
        ("networks: {lab: {}}", Bridge(network="lab")),
        ("networks: {lab: {ipv4_address: 10.9.0.7}}", Bridge(network="lab", address="10.9.0.7")),
        ("networks: {lab: {mac_address: 12-34-56-10-11-12}}", Bridge(network="lab", mac="12:34:56:10:11:12")),
        ("networks: [lab], mac_address: 12:34:56:10:11:12", Bridge(network="lab", mac="12:34:56:10:11:12")),
        (
            "networks: {lab: {mac_address: 02:00:00:00:00:0A}}, mac_address: 02-00-00-00-00-0a",
            Bridge(network="lab", mac="02:00:00:00:00:0a"),
        ),
        ("", Bridge(network="default")),
        ("networks: ", Bridge(network="default")),
        ("networks: []", Bridge(network="default")),
        ("networks: {}", Bridge(network="default")),
        ("networks: [default]", Bridge(network="default")),
        ("network_mode: bridge", Bridge()),
        ("network_mode: bridge, mac_address: 02:00:00:00:00:01", Bridge(mac="02:00:00:00:00:01")),
        ("network_mode: bridge, ports: [80:80]", Bridge(publish=["80:80"])),
        ("network_mode: bridge, networks: []", Bridge()),
        ("network_mode: host", HostNetwork()),
        ("network_mode: host, ports: [], mac_address: ", HostNetwork()),
        ("network_mode: none", NoNetwork()),
        ("network_mode: 'container:db'", Container(sandbox="db")),
        ("network_mode: ''", Bridge(network="default")),
        ("network_mode: none, scale: 1, profiles: [], deploy: {replicas: '1'}", NoNetwork()),
        ("network_mode: none, scale: , profiles: , deploy: ", NoNetwork()),
        ("networks: {lab: {ipv6_address: 'fd00:9::7'}}", Bridge(network="lab", address6="fd00:9::7")),
        ("networks: {lab: {interface_name: lan0}}", Bridge(network="lab", interface="lan0")),
        (f"networks: {{lab: {{driver_opts: {{{IFNAME}: lan0}}}}}}", Bridge(network="lab", interface="lan0")),
        (
            f"networks: {{lab: {{interface_name: lan0, driver_opts: {{{IFNAME}: lan0}}}}}}",
            Bridge(network="lab", interface="lan0"),
        ),
        ("networks: {lab: {gw_priority: 0, priority: 7, link_local_ips: [], driver_opts: }}", Bridge(network="lab")),
        ("networks: {lab: {gw_priority: -1}}", Bridge(endpoints=[Endpoint("lab", gw_priority=-1)])),
        (
            "networks: {lab: {gw_priority: -2147483648}}",
            Bridge(endpoints=[Endpoint("lab", gw_priority=-2147483648)]),
        ),
        (
            "networks: {lab: {link_local_ips: [169.254.7.7, 'fe80::7']}}",
            Bridge(endpoints=[Endpoint("lab", link_local=["169.254.7.7", "fe80::7"])]),
        ),
        (
            f"networks: {{lab: {{driver_opts: {{{SYSCTLS}: 'net.ipv4.conf.IFNAME.log_martians=1,"
            "net/ipv6/conf/IFNAME/mtu=1400'}}}",
            Bridge(
                endpoints=[
                    Endpoint(
                        "lab",
                        sysctls={"net.ipv4.conf.IFNAME.log_martians": 1, "net.ipv6.conf.IFNAME.mtu": 1400},
                    )
                ]
            ),
        ),
        (f"networks: {{lab: {{driver_opts: {{{SYSCTLS}: ''}}}}}}", Bridge(network="lab")),
    ],
)
def test_how_a_service_is_wired(text: str, mode: Any) -> None:
    assert only_sandbox(text) == Sandbox(name="web", mode=mode)


THREE = "networks: {c: , a: , b: {name: zoo}}\n"


@pytest.mark.parametrize(
    ("text", "endpoints"),
    [
        ("networks: [c, b, a]", ["a", "zoo", "c"]),
        ("networks: {c: , a: }", ["a", "c"]),
        ("networks: {a: {priority: 1}, b: {priority: 20}, c: }", ["zoo", "a", "c"]),
        ("networks: {a: {priority: -1}, b: , c: {priority: 0}}", ["zoo", "c", "a"]),
        (
            "networks: {a: {ipv4_address: 10.9.0.7}, c: {gw_priority: 1, mac_address: 02:00:00:00:00:02}}",
            [Endpoint("a", address="10.9.0.7"), Endpoint("c", gw_priority=1, mac="02:00:00:00:00:02")],
        ),
        (  # of several, it is for the one that Compose connects first
            "networks: {a: , c: {priority: 1}}, mac_address: 02:00:00:00:00:01",
            [Endpoint("c", mac="02:00:00:00:00:01"), "a"],
        ),
        (
            "networks: {a: , c: {mac_address: 02:00:00:00:00:02}}, mac_address: 02:00:00:00:00:01",
            [Endpoint("a", mac="02:00:00:00:00:01"), Endpoint("c", mac="02:00:00:00:00:02")],
        ),
    ],
)
def test_several_networks_come_in_a_fixed_order(text: str, endpoints: Any) -> None:
    assert only_sandbox(f"{text}, ports: [80:80]", THREE) == Sandbox(
        "web", mode=Bridge(endpoints=endpoints, publish=["80:80"])
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("sysctls: {net.ipv4.ip_forward: 1}", {"sysctls": {"net.ipv4.ip_forward": 1}}),
        (
            "sysctls: [net.ipv4.ip_forward=1, net/core/somaxconn=9]",
            {"sysctls": {"net/ipv4/ip_forward": 1, "net/core/somaxconn": 9}},
        ),
        ("sysctls: [net.ipv4.tcp_rmem=4096 87380 6291456]", {"sysctls": {"net.ipv4.tcp_rmem": "4096 87380 6291456"}}),
        ("sysctls: []", {}),
        ("sysctls: ", {}),
        ("labels: {team: blue}", {"labels": {"team": "blue"}}),
        ("labels: ['team=blue']", {"labels": {"team": "blue"}}),
        ("labels: ", {}),
    ],
)
@pytest.mark.parametrize("mode", ["bridge", "none"])
def test_what_else_a_service_has(mode: Any, text: str, fields: dict[str, Any]) -> None:
    assert only_sandbox(f"network_mode: {mode}, {text}") == Sandbox("web", mode=mode, **fields)


def test_sysctls_of_other_namespaces_are_passed_over() -> None:
    composed = parse(service("sysctls: {kernel.shmmax: 1, fs.mqueue.msg_max: 9, net.ipv4.ip_forward: 1}"))
    assert composed.named("web")[0].sysctls == {"net/ipv4/ip_forward": "1"}
    assert composed.ignored == ("services.web.sysctls.fs.mqueue.msg_max", "services.web.sysctls.kernel.shmmax")
    assert parse(service("sysctls: [kernel.sem=1]")).ignored == ("services.web.sysctls[0]",)


@pytest.mark.parametrize(
    ("entry", "port"),
    [
        ("22:22", "22:22"),  # the number 1342 in YAML 1.1, which counts in base 60
        ("'22:22'", "22:22"),
        ("80", "80"),
        ("080:080", "80:80"),
        ("8000-8002:80-82/udp", "8000-8002:80-82/udp"),
        ("127.0.0.1::80", "127.0.0.1::80"),
        ("{target: 80}", "80"),
        ("{target: '80', published: '8080'}", "8080:80"),
        ("{target: 80, published: 8080, host_ip: 10.9.0.1, protocol: UDP}", "10.9.0.1:8080:80/udp"),
        ("{target: 80, published: 8080-8080, mode: ingress}", "8080:80"),
        ("{target: 80, published: 8000-8009}", "8000-8009:80"),
        ("{target: 80, published: 0}", "80"),
        ("{target: 80, published: 8080, host_ip: '::1'}", "[::1]:8080:80"),
        ("{target: 80, published: 8080, host_ip: 0.0.0.0, protocol: sctp}", "0.0.0.0:8080:80/sctp"),
        ("'[::1]:8080:80'", "[::1]:8080:80"),
        ("8000-8009:80", "8000-8009:80"),
        ("'0:80'", "80"),
        ("{target: 80, published: , mode: host}", "80"),
    ],
)
def test_a_published_port(entry: str, port: str) -> None:
    mode = only_sandbox(f"ports: [{entry}]").mode
    assert isinstance(mode, Bridge)
    assert mode.publish == PublishedPort.parse(port)


def test_a_long_port_has_keys_that_are_passed_over() -> None:
    composed = parse("services: {web: {ports: [80, {target: 81, name: http, app_protocol: http, x-a: 1}]}}")
    assert composed.ignored == tuple(f"services.web.ports[1].{key}" for key in ("app_protocol", "name", "x-a"))


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("services: {web: }", [DEFAULT]),
        ("services: {web: {network_mode: none}}", []),
        ("services: {web: {network_mode: none}, db: }", [DEFAULT]),
        ("services: {web: }\nnetworks: {default: {internal: true}}", [Network(name="default", internal=True)]),
        ("services: {web: }\nnetworks: {default: {name: wire}}", [Network(name="wire")]),
        ("services: {web: }\nnetworks: {lab: }", [Network(name="lab"), DEFAULT]),
        (
            "services: {web: {networks: [lab]}}\nnetworks: {spare: , lab: }",
            [Network(name="spare"), Network(name="lab")],
        ),
        ("networks: {spare: }", [Network(name="spare")]),
    ],
)
def test_declared_networks_are_kept_and_the_default_one_is_made_where_it_is_used(text: str, networks: Any) -> None:
    assert [spec for spec in parse(text).specs if isinstance(spec, Network)] == networks


def test_names_given_in_the_file_take_the_place_of_keys() -> None:
    text = """
    networks: {lab: {name: wire}}
    services:
      log: {network_mode: "service:web"}
      web: {container_name: shop, networks: [lab]}
    """
    assert parse(text).specs == (
        Network(name="wire"),
        Sandbox(name="log", mode=Container(sandbox="shop")),
        Sandbox(name="shop", mode=Bridge(network="wire")),
    )


@pytest.mark.parametrize("word", ["no", "on", "1", "1e3", "0x1f", "2001-01-01", "1_000", "nUll", "None"])
def test_words_that_yaml_would_read_as_something_else_stay_names(word: str) -> None:
    assert parse(f"networks: {{{word}: }}").specs == (Network(name=word),)


def test_anchors_and_merge_keys() -> None:
    text = """
    x-base: &base {image: nginx, ports: ["80:80"]}
    x-more: &more {<<: *base, ports: ["81:81"]}
    services:
      a: *base
      b: {<<: *base, ports: ["82:82"]}
      c: {<<: [*more, *base]}
      d: {<<: [*base, *more]}
      e: {<<: [{ports: ["83:83"]}, {ports: ["84:84"]}], image: nginx}
    """
    published = [spec.mode.publish for spec in parse(text).specs if isinstance(spec, Sandbox)]
    assert [str(port) for (port,) in published] == ["80:80/tcp", "82:82/tcp", "81:81/tcp", "80:80/tcp", "83:83/tcp"]


Layer = tuple[dict[str, str], list[int]]
"""A mapping's own entries, and which of the mappings before it are merged into it."""

WORDS = ["a", "b", "ports", "image", "network_mode"]
LAYERS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(WORDS), st.sampled_from(["x", "y", "z"])), st.lists(st.integers(0, 9))),
    min_size=1,
    max_size=8,
)


@given(LAYERS)
def test_a_merge_brings_in_what_the_mapping_does_not_say_itself(layers: list[Layer]) -> None:
    lines: list[str] = []
    expected: dict[str, dict[str, str]] = {}
    for at, (own, picked) in enumerate(layers):
        merged = [pick % at for pick in picked if at]
        said = [f"{key}: {value}" for key, value in own.items()]
        said.append(f"<<: [{', '.join(f'*m{i}' for i in merged)}]")
        lines.append(f"x-{at}: &m{at} {{{', '.join(said)}}}")
        expected[f"x-{at}"] = dict(ChainMap(own, *(expected[f"x-{i}"] for i in merged)))  # the first that has it
    assert source(load("\n".join(lines))).content == expected


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fails as soon as what is done inside has made more calls than this, to Python or to C."""

    def count(*_: object) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            pytest.fail("this takes too much work")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


MUCH = 1_500_000
"""Calls: to read 20,000 characters takes a million; the files below ask for many times as many."""


def merges(levels: int, keys: int, times: int) -> str:
    """A file whose every line merges the line before it many times."""
    lines = [f"x-0: &a0 {{{', '.join(f'k{i}: v' for i in range(keys))}}}"]
    for level in range(1, levels):
        lines.append(f"x-{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * times)}]}}")
    return "\n".join(lines)


def test_a_file_that_merges_the_same_few_keys_billions_of_times_is_read_at_once() -> None:
    with at_most(MUCH):
        read = source(load(merges(levels=10, keys=10, times=10))).content
    assert read == {f"x-{level}": {f"k{i}": "v" for i in range(10)} for level in range(10)}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (merges(levels=3, keys=1500, times=500), "line 2, column 11"),
        (
            "x-0: &a {}\nx-1: &b [" + "*a, " * 2000 + "]\nx-2: [\n" + "{<<: *b},\n" * 1000 + "]",
            "line 54, column 2",
        ),
    ],
    ids=["many keys", "nothing, many times"],
)
def test_a_file_whose_merges_are_the_square_of_its_size_is_refused_at_once(text: str, place: str) -> None:
    with at_most(MUCH):
        error = refusal(text)
    assert str(error) == f"{place}: merge keys bring in more than 100000 mappings and entries"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {<<: b}", "line 1, column 5: a merge key takes a mapping or a list of mappings"),
        ("a: {<<: }", "line 1, column 5: a merge key takes a mapping or a list of mappings"),
        ("a: {<<: [{b: c}, [{b: c}]]}", "line 1, column 5: a merge key takes a mapping or a list of mappings"),
        ("a: &a {b: c, <<: *a}", "line 1, column 14: a mapping cannot merge what it is a part of"),
        ("a: &a {b: [{<<: *a}]}", "line 1, column 13: a mapping cannot merge what it is a part of"),
        ("a: {<<: {b: 1}, <<: {c: 1}}", "line 1, column 17: key '<<' stands twice"),
    ],
)
def test_a_merge_that_is_refused(text: str, message: str) -> None:
    assert str(refusal(text)) == message


def test_an_anchor_merged_from_before_it_is_built_itself() -> None:
    assert parse("x-a: {b: {c: &c {<<: {k: 1}, k: 2}}}\nnetworks: {lab: }\nx-d: {<<: *c}").specs == (
        Network(name="lab"),
    )


@pytest.mark.parametrize("key", SERVICE.ignored.replace("x-*", "x-thing").split())
def test_service_keys_that_are_not_about_networking_are_passed_over(key: str) -> None:
    assert parse(service(f"{key}: {{a: [$B, 1]}}")).ignored == (f"services.web.{key}",)


@pytest.mark.parametrize("key", [*FILE.ignored.replace("x-*", "x-thing").split()])
def test_top_level_keys_that_are_not_about_networking_are_passed_over(key: str) -> None:
    assert parse(f"{key}: {{a: [$B, 1]}}\n{LAB}").ignored == (key,)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (network("attachable: true"), "networks.lab.attachable"),
        (network("x-a: 1"), "networks.lab.x-a"),
        (network("ipam: {x-a: 1}"), "networks.lab.ipam.x-a"),
        (service("deploy: {resources: {limits: {cpus: $CPUS}}}"), "services.web.deploy.resources"),
        (network("ipam: {config: [{x-a: 1}]}"), "networks.lab.ipam.config[0].x-a"),
        (service("networks: {lab: {x-a: 1}}"), "services.web.networks.lab.x-a"),
    ],
)
def test_other_keys_that_are_passed_over(text: str, where: str) -> None:
    assert parse(text).ignored == (where,)


def test_a_service_or_network_called_like_an_extension_is_none() -> None:
    assert parse("services: {x-web: {networks: [x-lab]}}\nnetworks: {x-lab: }").specs == (
        Network(name="x-lab"),
        Sandbox(name="x-web", mode=Bridge(network="x-lab")),
    )


# What is refused.


def refused_keys() -> list[tuple[str, str]]:
    """A file for each key that is about networking and not supported, and the key's place."""
    cases = [(f"{key}: x\n{LAB}", key) for key in FILE.refused.split()]
    cases += [(service(f"{key}: x"), f"services.web.{key}") for key in SERVICE.refused.split()]
    cases += [
        (network(f"driver_opts: {{{key}: x}}"), f"networks.lab.driver_opts.{key}") for key in OPTIONS.refused.split()
    ]
    cases += [(network(f"ipam: {{{key}: x}}"), f"networks.lab.ipam.{key}") for key in IPAM.refused.split()]
    cases += [
        (network(f"ipam: {{config: [{{{key}: x}}]}}"), f"networks.lab.ipam.config[0].{key}")
        for key in POOL.refused.split()
    ]
    cases += [
        (service(f"networks: {{lab: {{{key}: x}}}}"), f"services.web.networks.lab.{key}")
        for key in ATTACHMENT.refused.split()
    ]
    return cases


@pytest.mark.parametrize(("text", "where"), refused_keys())
def test_networking_that_is_not_supported_is_refused_by_name(text: str, where: str) -> None:
    error = refusal(text)
    assert str(error) == f"{where}: is not supported yet"
    assert error.field == where
    assert error.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (network("driver: host"), "networks.lab.driver: 'host' is not supported yet", "use bridge"),
        (network("driver: none"), "networks.lab.driver: 'none' is not supported yet", "use bridge"),
        (network("driver: [bridge]"), "networks.lab.driver: a list is not supported yet", "use bridge"),
        (network("ipam: {driver: x}"), "networks.lab.ipam.driver: 'x' is not supported yet", "use default"),
        (
            network(f"driver_opts: {{{MODE}: rooted}}"),
            f"networks.lab.driver_opts.{MODE}: 'rooted' is not supported yet",
            "did you mean routed?",
        ),
        (
            network(f"driver_opts: {{{MODE6}: x}}"),
            f"networks.lab.driver_opts.{MODE6}: 'x' is not supported yet",
            "use nat or nat-unprotected or routed or isolated",
        ),
        (
            service("ports: [{target: 80, protocol: dccp}]"),
            "services.web.ports[0].protocol: 'dccp' is not supported yet",
            "use tcp or udp or sctp",
        ),
        (
            service("ports: [{target: 80, mode: x}]"),
            "services.web.ports[0].mode: 'x' is not supported yet",
            "use host or ingress",
        ),
    ],
)
def test_values_that_are_not_supported(text: str, message: str, hint: str) -> None:
    error = refusal(text)
    assert str(error) == message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("netwoks: {}", "netwoks: is an unknown key", "did you mean networks?"),
        ("qqqq: 1", "qqqq: is an unknown key", ""),
        (service("netwoks: [lab]"), "services.web.netwoks: is an unknown key", "did you mean networks?"),
        (service("sysctl: {}"), "services.web.sysctl: is an unknown key", "did you mean sysctls?"),
        (service("imge: x"), "services.web.imge: is an unknown key", "did you mean image?"),
        (network("divers: x"), "networks.lab.divers: is an unknown key", "did you mean driver?"),
        (network("driver_opts: {mtu: 1}"), "networks.lab.driver_opts.mtu: is an unknown key", ""),
        (
            network(f"driver_opts: {{{BRIDGE}s: br9}}"),
            f"networks.lab.driver_opts.{BRIDGE}s: is an unknown key",
            f"did you mean {BRIDGE}?",
        ),
        (service("deploy: {replica: 1}"), "services.web.deploy.replica: is an unknown key", "did you mean replicas?"),
        (network("driver_opts: {x-a: 1}"), "networks.lab.driver_opts.x-a: is an unknown key", ""),
        (service("ports: [{targt: 1}]"), "services.web.ports[0].targt: is an unknown key", "did you mean target?"),
        (
            service("networks: {lab: {ipv4_adress: x}}"),
            "services.web.networks.lab.ipv4_adress: is an unknown key",
            "ipv4_address",
        ),
        (f"? {LONG}\n: 1", f"{'x' * 60}…: is an unknown key", ""),
        (f"networks: {{? {LONG} : {{a: }}}}", f"networks.{'x' * 60}….a: is an unknown key", ""),
        ('"a\\0\\nb": 1', "a\\x00\\nb: is an unknown key", ""),
    ],
)
def test_an_unknown_key_is_refused(text: str, message: str, hint: str) -> None:
    error = refusal(text)
    assert str(error) == message
    assert hint in error.hint
    assert bool(hint) == bool(error.hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (network("name: a b"), "networks.lab.name: 'a b' is not a valid name"),
        (network(f"name: {LONG}"), f"networks.lab.name: '{'x' * 40}…' is not a valid name"),
        (network('name: "a\\0"'), "networks.lab.name: 'a\\x00' is not a valid name"),
        (network('name: "\\uD800"'), "networks.lab.name: "),
        ("networks: {a b: }", "networks.a b: 'a b' is not a valid name"),
        (network("internal: yes"), "networks.lab.internal: 'yes' is neither true nor false"),
        (network("internal: []"), "networks.lab.internal: must be text, not a list"),
        (network("internal: ''"), "networks.lab.internal: '' is neither true nor false"),
        (network("driver_opts: []"), "networks.lab.driver_opts: must be a mapping, not a list"),
        (network(f"driver_opts: {{{MTU}: ''}}"), f"networks.lab.driver_opts.{MTU}: '' is not a whole number"),
        (network("ipam: []"), "networks.lab.ipam: must be a mapping, not a list"),
        (network("ipam: {config: {}}"), "networks.lab.ipam.config: must be a list, not a mapping"),
        (network("ipam: {config: [{subnet: []}]}"), "networks.lab.ipam.config[0].subnet: must be text, not a list"),
        (network("name: {}"), "networks.lab.name: must be text, not a mapping"),
        (network("name: host"), "networks.lab.name: 'host' is a mode, not a network"),
        (
            network("name: none, ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}"),
            "networks.lab.name: 'none'",
        ),
        ("networks: {host: }", "networks.host: 'host' is a mode, not a network"),
        ("networks: []", "networks: must be a mapping, not a list"),
        (network("internal: [1]"), "networks.lab.internal: must be text, not a list"),
        (
            network(f"driver_opts: {{{BRIDGE}: {'b' * 16}}}"),
            f"networks.lab.driver_opts.{BRIDGE}: '{'b' * 16}' is 16 char",
        ),
        (network(f"driver_opts: {{{MTU}: 67}}"), f"networks.lab.driver_opts.{MTU}: "),
        (network(f"driver_opts: {{{MTU}: 1.5}}"), f"networks.lab.driver_opts.{MTU}: '1.5' is not a whole number"),
        (
            network(f"driver_opts: {{{MTU}: {'9' * 5000}}}"),
            f"networks.lab.driver_opts.{MTU}: '{'9' * 60}…' is not a whole",
        ),
        (network(f"driver_opts: {{{MTU}: ١}}"), f"networks.lab.driver_opts.{MTU}: '١' is not a whole number"),
        (
            network(f"driver_opts: {{{MASQUERADE}: maybe}}"),
            f"networks.lab.driver_opts.{MASQUERADE}: 'maybe' is neither",
        ),
        (network("driver_opts: x"), "networks.lab.driver_opts: must be a mapping, not text"),
        (network("ipam: {config: {subnet: x}}"), "networks.lab.ipam.config: must be a list, not a mapping"),
        (network("ipam: {config: [x]}"), "networks.lab.ipam.config[0]: must be a mapping or empty, not text"),
        (
            network("ipam: {config: [{subnet: 10.9.0.1/24}]}"),
            "networks.lab.ipam.config[0].subnet: '10.9.0.1/24' is not a valid IPv4 subnet: did you mean 10.9.0.0/24?",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24}, {subnet: 10.8.0.0/24}]}"),
            "networks.lab.ipam.config[1]: is a second IPv4 subnet, after networks.lab.ipam.config[0]: a network has",
        ),
        (
            network("ipam: {config: [{gateway: 10.9.0.1}]}"),
            "networks.lab.ipam.config[0].gateway: gateway needs a subnet",
        ),
        (
            network("ipam: {config: [{gateway: x}]}"),
            "networks.lab.ipam.config[0].gateway: 'x' is not a valid IPv4 address",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.8.0.1}]}"),
            "networks.lab.ipam.config[0].gateway: gateway 10.8.0.1 is outside",
        ),
        ("networks: {a: {name: x}, b: {name: x}}", "networks.b: is named x, as networks.a is"),
        (
            network("ipam: {config: [{subnet: 'fd00:9::/64'}]}"),
            "networks.lab.ipam.config[0].subnet: is for IPv6, which this network has not",
        ),
        (
            network("enable_ipv6: false, ipam: {config: [{subnet: 10.9.0.0/24}, {subnet: 'fd00:9::/64'}]}"),
            "networks.lab.ipam.config[1].subnet: is for IPv6, which this network has not",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{subnet: 'fd00:9::/64'}, {}, {subnet: 'fd00:8::/64'}]}"),
            "networks.lab.ipam.config[2]: is a second IPv6 subnet, after networks.lab.ipam.config[0]: a network has",
        ),
        (
            network("ipam: {config: [{gateway: 'fd00:9::1'}]}"),
            "networks.lab.ipam.config[0]: is for IPv6, which this network has not",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{gateway: 'fd00:9::1'}]}"),
            "networks.lab.ipam.config[0].gateway: gateway needs a subnet to be in: name subnet too",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{subnet: 'fd00:9::/64', gateway: 'fd00:8::1'}]}"),
            "networks.lab.ipam.config[0].gateway: gateway fd00:8::1 is outside subnet fd00:9::/64",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{subnet: 'fd00:9::/64', gateway: 10.9.0.1}]}"),
            "networks.lab.ipam.config[0].gateway: '10.9.0.1' is not a valid IPv6 address",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, ip_range: 10.8.0.0/24}]}"),
            "networks.lab.ipam.config[0].ip_range: ip_range 10.8.0.0/24 is outside subnet 10.9.0.0/24",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{subnet: 'fd00::%;id/64'}]}"),
            "networks.lab.ipam.config[0].subnet: 'fd00::%;id/64' names an interface",
        ),
        (
            network("enable_ipv6: true, ipam: {config: [{}, {subnet: 'fd00:9::/64', ip_range: 'fd00:8::/64'}]}"),
            "networks.lab.ipam.config[1].ip_range: ip_range fd00:8::/64 is outside subnet fd00:9::/64",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.9.0.9, b: x}}]}"),
            "networks.lab.ipam.config[0].aux_addresses.b: 'x' is not a valid IPv4 address",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.8.0.9}}]}"),
            "networks.lab.ipam.config[0].aux_addresses: 10.8.0.9 is outside subnet 10.9.0.0/24",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 'fd00::9'}}]}"),
            "networks.lab.ipam.config[0].aux_addresses.a: 'fd00::9' is not of the family of its subnet",
        ),
        (
            network(
                "enable_ipv6: true, ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.9.0.9}},"
                " {subnet: 'fd00:9::/64', aux_addresses: {a: 'fd00:9::9'}}]}"
            ),
            "networks.lab.ipam.config[1].aux_addresses.a: has the name of another address",
        ),
        (
            network("ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: [a]}]}"),
            "networks.lab.ipam.config[0].aux_addresses: must be a mapping, not a list",
        ),
        (
            network("enable_ipv4: false"),
            "networks.lab.enable_ipv4: a network without IPv4 and without IPv6 has no addresses: say enable_ipv6: true",
        ),
        (
            network(f"driver_opts: {{{ENABLE_IPV4}: 'false'}}"),
            f"networks.lab.driver_opts.{ENABLE_IPV4}: a network without IPv4 and without IPv6",
        ),
        (
            network("enable_ipv4: false, enable_ipv6: true, ipam: {config: [{subnet: 10.9.0.0/24}]}"),
            "networks.lab.ipam.config[0].subnet: subnet is for ipv4, which this network has not: say enable_ipv4: true",
        ),
        (
            network(f"enable_ipv6: true, driver_opts: {{{MTU}: 1279}}"),
            f"networks.lab.driver_opts.{MTU}: 1279 is too small for IPv6",
        ),
        (network(f"driver_opts: {{{MTU}: -5}}"), f"networks.lab.driver_opts.{MTU}: Input should be greater than or"),
        (
            network(f"driver_opts: {{{MODE}: isolated}}"),
            f"networks.lab.driver_opts.{MODE}: 'isolated' is for internal networks: say internal: true too",
        ),
        (
            network(f"enable_ipv6: true, driver_opts: {{{MODE6}: isolated}}"),
            f"networks.lab.driver_opts.{MODE6}: 'isolated' is for internal networks",
        ),
        (
            network(f"driver_opts: {{{MASQUERADE}: 'false', {HOST_IPV4}: 198.51.100.9}}"),
            f"networks.lab.driver_opts.{HOST_IPV4}: {MASQUERADE}: false translates nothing",
        ),
        (
            network(f"driver_opts: {{{HOST_IPV6}: '2001:db8::9'}}"),
            f"networks.lab.driver_opts.{HOST_IPV6}: host_ipv6 is for ipv6, which this network has not: say enable_ipv6",
        ),
        (network(f"driver_opts: {{{HOST_IPV4}: x}}"), f"networks.lab.driver_opts.{HOST_IPV4}: 'x' is not a valid IPv4"),
        (network(f"driver_opts: {{{BINDING}: x}}"), f"networks.lab.driver_opts.{BINDING}: 'x' is not a valid IPv4"),
        (network(f"driver_opts: {{{INHIBIT}: x}}"), f"networks.lab.driver_opts.{INHIBIT}: 'x' is neither true nor"),
        (network(f"driver_opts: {{{ICC}: x}}"), f"networks.lab.driver_opts.{ICC}: 'x' is neither true nor false"),
        (
            network(f"driver_opts: {{{TRUSTED}: 'eth0:a b'}}"),
            f"networks.lab.driver_opts.{TRUSTED}: 'a b' is not a valid interface name",
        ),
        (network(f"driver_opts: {{{TRUSTED}: 'eth0:'}}"), f"networks.lab.driver_opts.{TRUSTED}: '' is not a valid"),
        (
            network(f"driver_opts: {{{PREFIX}: {'e' * 12}}}"),
            f"networks.lab.driver_opts.{PREFIX}: '{'e' * 12}' is 12 characters long",
        ),
        (network(f"driver_opts: {{{TIMES}: 4}}"), f"networks.lab.driver_opts.{TIMES}: 4 is outside 0 to 3"),
        (network(f"driver_opts: {{{TIMES}: x}}"), f"networks.lab.driver_opts.{TIMES}: 'x' is not a whole number"),
        (
            network(f"driver_opts: {{{INTERVAL}: 99}}"),
            f"networks.lab.driver_opts.{INTERVAL}: 99 is outside 100 to 2000",
        ),
        (network("labels: x"), "networks.lab.labels: must be a list or a mapping, not text"),
        (network("labels: [[a]]"), "networks.lab.labels[0]: must be text, not a list"),
        (network("labels: {a: []}"), "networks.lab.labels.a: must be text or empty, not a list"),
        (network('labels: {a: "b\\0"}'), "networks.lab.labels: 'a': a label is a name of up to 255 characters"),
        (network("labels: [=b]"), "networks.lab.labels: '': a label is a name of up to 255 characters"),
        (network("external: maybe"), "networks.lab.external: 'maybe' is neither true nor false"),
        (network("external: []"), "networks.lab.external: must be text or a mapping, not a list"),
        (network("external: {nmae: x}"), "networks.lab.external.nmae: is an unknown key"),
        (network("external: {name: a b}"), "networks.lab.external.name: 'a b' is not a valid name"),
        (network("external: true, name: a b"), "networks.lab.name: 'a b' is not a valid name"),
        (
            network("external: {name: x}, name: y"),
            "networks.lab.name: is 'y', and networks.lab.external.name is another",
        ),
        *(
            (network(f"external: true, {said}"), f"networks.lab.{said.split(':')[0]}: excludes external")
            for said in (
                "driver: bridge",
                "driver_opts: {}",
                "enable_ipv4: true",
                "enable_ipv6: true",
                "internal: false",
                "ipam: {}",
                "labels: []",
            )
        ),
        ("networks: [lab]", "networks: must be a mapping, not a list"),
        ("networks: {lab: x}", "networks.lab: must be a mapping or empty, not text"),
    ],
)
def test_a_network_that_is_refused(text: str, message: str) -> None:
    assert str(refusal(text)).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (service("container_name: _a"), "services.web.container_name: '_a' is not a valid name"),
        ("services: {a b: }", "services.a b: 'a b' is not a valid name"),
        ("services: {a: {container_name: x}, b: {container_name: x}}", "services.b: is named x, as services.a is"),
        ("services: {a: {container_name: b}, b: }", "services.b: is named b, as services.a is"),
        ("services: [web]", "services: must be a mapping, not a list"),
        ("services: {web: x}", "services.web: must be a mapping or empty, not text"),
        (service("networks: x"), "services.web.networks: must be a list or a mapping, not text"),
        (service("networks: [[x]]"), "services.web.networks[0]: must be text, not a list"),
        (service("networks: [~]"), "services.web.networks[0]: must be text, not empty"),
        (service("networks: {lab: x}"), "services.web.networks.lab: must be a mapping or empty, not text"),
        (service("networks: [wire]"), "services.web: networks.wire is not declared"),
        (service("networks: [lab, wire]"), "services.web: networks.wire is not declared"),
        (
            service("networks: [a, b]", "networks: {a: {name: x}, b: {name: x}}\n"),
            "services.web.networks: network x is given twice",
        ),
        (service("networks: {lab: {ipv6_address: x}}"), "services.web.networks.lab.ipv6_address: 'x' is not a valid"),
        (service("networks: {lab: {priority: x}}"), "services.web.networks.lab.priority: 'x' is not a whole number"),
        (service("networks: {lab: {gw_priority: 1.5}}"), "services.web.networks.lab.gw_priority: '1.5' is not a whole"),
        (service("networks: {lab: {gw_priority: --1}}"), "services.web.networks.lab.gw_priority: '--1' is not a whole"),
        (
            service("networks: {lab: {gw_priority: 2147483648}}"),
            "services.web.networks.lab.gw_priority: Input should be",
        ),
        (service("networks: {lab: {interface_name: a b}}"), "services.web.networks.lab.interface_name: 'a b' is not a"),
        (service("networks: {lab: {interface_name: lo}}"), "services.web.networks.lab.interface_name: 'lo' is "),
        (
            service(f"networks: {{lab: {{driver_opts: {{{IFNAME}: a b}}}}}}"),
            f"services.web.networks.lab.driver_opts.{IFNAME}: 'a b' is not a valid interface name",
        ),
        (
            service(f"networks: {{lab: {{interface_name: lan0, driver_opts: {{{IFNAME}: lan1}}}}}}"),
            f"services.web.networks.lab.driver_opts.{IFNAME}: is 'lan1', and services.web.networks.lab.interface_name",
        ),
        (
            service("networks: {a: {interface_name: lan0}, b: {interface_name: lan0}}", "networks: {a: , b: }\n"),
            "services.web.networks: two interfaces cannot be called lan0",
        ),
        (
            service("networks: {lab: {link_local_ips: [169.254.7.7, 10.9.0.7]}}"),
            "services.web.networks.lab.link_local_ips[1]: 10.9.0.7 is not link-local",
        ),
        (
            service("networks: {lab: {link_local_ips: [[]]}}"),
            "services.web.networks.lab.link_local_ips[0]: must be text",
        ),
        (service("networks: {lab: {link_local_ips: x}}"), "services.web.networks.lab.link_local_ips: must be a list"),
        *(
            (
                service(f"networks: {{lab: {{driver_opts: {{{SYSCTLS}: '{said}'}}}}}}"),
                f"services.web.networks.lab.driver_opts.{SYSCTLS}: {message}",
            )
            for said, message in (
                ("net.ipv4.ip_forward=1", "'net/ipv4/ip_forward' is not of this interface"),
                ("net.ipv4.conf.IFNAME.log_martians", "'net.ipv4.conf.IFNAME.log_martians': '' is not a number"),
                ("=1", "'' is not a setting of a network namespace"),
                ("net.ipv4.conf.IFNAME.x=$(id)", "'net.ipv4.conf.IFNAME.x': '$(id)' is not a number"),
                ("net.ipv4.conf.IFNAME.x=;id", "'net.ipv4.conf.IFNAME.x': ';id' is not a number"),
                ("net.ipv4.conf.IFNAME/../x=1", "'net.ipv4.conf.IFNAME/../x' is not a setting"),
            )
        ),
        (
            service("networks: {lab: {driver_opts: {x: 1}}}"),
            "services.web.networks.lab.driver_opts.x: is an unknown key",
        ),
        (service("sysctls: x"), "services.web.sysctls: must be a list or a mapping, not text"),
        (service("sysctls: {vm.swappiness: 1}"), "services.web.sysctls: 'vm.swappiness' is not a setting of a network"),
        (service("sysctls: [net.ipv4.ip_forward]"), "services.web.sysctls: 'net.ipv4.ip_forward': '' is not a number"),
        (
            service("sysctls: {net.ipv4.ip_forward: }"),
            "services.web.sysctls: 'net.ipv4.ip_forward': '' is not a number",
        ),
        (service("sysctls: {net.ipv4.ip_forward: []}"), "services.web.sysctls.net.ipv4.ip_forward: must be text or"),
        (service("sysctls: [[]]"), "services.web.sysctls[0]: must be text, not a list"),
        (
            service("sysctls: {net.ipv4.ip_forward: 1}, network_mode: host"),
            "services.web.sysctls: host mode has no namespace of its own",
        ),
        (service("labels: x"), "services.web.labels: must be a list or a mapping, not text"),
        (service('labels: {"a\\n": b}'), "services.web.labels: 'a\\n': a label is a name"),
        (
            service("networks: {lab: {ipv4_address: 10.9.0}}"),
            "services.web.networks.lab.ipv4_address: '10.9.0' is not a valid IPv4 address",
        ),
        (
            service("networks: {lab: {mac_address: x}}"),
            "services.web.networks.lab.mac_address: 'x' is not a valid MAC address",
        ),
        (service("mac_address: x"), "services.web.mac_address: 'x' is not a valid MAC address"),
        (service("network_mode: bridge, networks: [lab]"), "services.web.network_mode: excludes networks"),
        (service("network_mode: none, networks: {lab: }"), "services.web.network_mode: excludes networks"),
        (service("network_mode: lab"), "services.web.network_mode: 'lab' is not a valid network mode"),
        (service(f"network_mode: {LONG}"), f"services.web.network_mode: '{'x' * 60}…' is not a valid network mode"),
        (service("network_mode: 'host:x'"), "services.web.network_mode: 'host:x' is not a valid network mode"),
        (service("network_mode: [host]"), "services.web.network_mode: must be text, not a list"),
        (service("network_mode: 'service:db'"), "services.web.network_mode: there is no services.db"),
        (service("network_mode: 'container:'"), "services.web.network_mode: '' is not a valid name"),
        (service("network_mode: 'container:a:b'"), "services.web.network_mode: 'a:b' is not a valid name"),
        ("services: {a b: , c: {network_mode: 'service:a b'}}", "services.a b: 'a b' is not a valid name"),
        ("services: {c: {network_mode: 'service:a b'}, a b: }", "services.c.network_mode: 'a b' is not a valid name"),
        (service("ports: 80"), "services.web.ports: must be a list, not text"),
        (service("ports: {}"), "services.web.ports: must be a list, not a mapping"),
        (service("ports: ''"), "services.web.ports: must be a list, not text"),
        (service("network_mode: host, ports: {}"), "services.web.ports: must be a list, not a mapping"),
        (service("network_mode: {}"), "services.web.network_mode: must be text, not a mapping"),
        (service("network_mode: host, networks: ''"), "services.web.networks: must be a list or a mapping, not text"),
        (service("networks: ''"), "services.web.networks: must be a list or a mapping, not text"),
        (service("networks: {lab: []}"), "services.web.networks.lab: must be a mapping or empty, not a list"),
        (service("container_name: []"), "services.web.container_name: must be text, not a list"),
        (service("mac_address: {}"), "services.web.mac_address: must be text, not a mapping"),
        (service("profiles: {}"), "services.web.profiles: must be a list, not a mapping"),
        (service("profiles: debug"), "services.web.profiles: must be a list, not text"),
        (service("deploy: []"), "services.web.deploy: must be a mapping, not a list"),
        ("services: []", "services: must be a mapping, not a list"),
        ("services: {web: []}", "services.web: must be a mapping or empty, not a list"),
        (service("ports: [{target: {}}]"), "services.web.ports[0].target: must be text, not a mapping"),
        (service("ports: [{target: ''}]"), "services.web.ports[0]: has no target"),
        (service("ports: [{target: 80, published: []}]"), "services.web.ports[0].published: must be text, not a list"),
        (service("ports: [{target: 80, host_ip: []}]"), "services.web.ports[0].host_ip: must be text, not a list"),
        (
            service("ports: ['8000-9000:80-81']"),
            "services.web.ports[0]: '8000-9000:80-81' pairs 1001 host ports with 2",
        ),
        (service("ports: ['80:0']"), "services.web.ports[0]: 0 in '80:0' is outside 1 to 65535"),
        (
            service("networks: {lab: {mac_address: 02:00:00:00:00:01}}, mac_address: 02:00:00:00:00:02"),
            "services.web.mac_address: is '02:00:00:00:00:02', and services.web.networks.lab.mac_address is '02:00:",
        ),
        (
            service("networks: {lab: {mac_address: 02:00:00:00:00:01}}, mac_address: x"),
            "services.web.mac_address: 'x' is not a valid MAC address",
        ),
        (service("ports: [[80]]"), "services.web.ports[0]: must be text or a mapping, not a list"),
        (service("ports: [80, x]"), "services.web.ports[1]: 'x' is not a valid published port"),
        (service(f"ports: ['{LONG}']"), f"services.web.ports[0]: '{'x' * 64}' is not a valid published port"),
        (service("ports: ['80:80-81']"), "services.web.ports[0]: '80:80-81' pairs 1 host ports with 2"),
        (service("ports: [{published: 80}]"), "services.web.ports[0]: has no target"),
        (service("ports: [{target: 80-81}]"), "services.web.ports[0].target: '80-81' is not a whole number"),
        (service("ports: [{target: 65536}]"), "services.web.ports[0].target: 65536 is outside 1 to 65535"),
        (service("ports: [{target: 80, published: 0-1}]"), "services.web.ports[0].published: 0 is outside 1 to 65535"),
        (service("ports: [{target: 80, published: 65536}]"), "services.web.ports[0].published: 65536 is outside"),
        (service("ports: [{target: 0}]"), "services.web.ports[0].target: 0 is outside 1 to 65535"),
        (
            service("ports: [{target: 80, published: 82-80}]"),
            "services.web.ports[0].published: 80 is not beyond host_port 82",
        ),
        (
            service("ports: [{target: 80, published: 8000-}]"),
            "services.web.ports[0].published: '' is not a whole",
        ),
        (
            service("ports: [{target: 80, host_ip: 'fe80::1'}]"),
            "services.web.ports[0].host_ip: fe80::1 is an address of one link only",
        ),
    ],
)
def test_a_service_that_is_refused(text: str, message: str) -> None:
    assert str(refusal(text)).startswith(message)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (service("networks: [lba]"), "did you mean lab?"),
        (network("ipam: {config: [{subnet: 'fd00:9::/64'}]}"), "say enable_ipv6: true"),
        (network("external: true, ipam: {}"), "keep one of the two"),
        (service("networks: [wire]"), "add it under networks:"),
        (service("network_mode: 'service:wbe'"), "did you mean web?"),
        (service("network_mode: lab"), "under networks:"),
        (service("network_mode: none, mac_address: x"), "attach the service to a network"),
        (service("network_mode: 'container:db', ports: [80]"), "move it to the one whose network is shared"),
        (service("network_mode: host, mac_address: 02:00:00:00:00:01"), "on the host's own addresses"),
    ],
)
def test_an_error_says_what_to_do(text: str, hint: str) -> None:
    assert hint in refusal(text).hint


@pytest.mark.parametrize("mode", ["host", "none"])
def test_ports_are_discarded_where_there_is_no_interface_to_open_them_on(mode: str) -> None:
    composed = parse(service(f"network_mode: {mode}, ports: ['80:80']"))
    assert composed.specs == (Network("lab"), Sandbox("web", mode=mode))
    assert composed.notice == "ignored, as nothing here goes by it: services.web.ports"
    assert refusal(service(f"network_mode: {mode}, ports: ['0:0']")).field == "services.web.ports[0]"


@pytest.mark.parametrize(
    ("mode", "key", "said"),
    [
        *((mode, "mac_address", "x") for mode in ("host", "none", "container:db", "service:web")),
        ("container:db", "ports", "[x]"),
        ("service:web", "ports", "[x]"),
    ],
)
def test_a_mode_without_an_interface_of_its_own_takes_no_ports_and_no_mac(mode: str, key: str, said: str) -> None:
    error = refusal(service(f"network_mode: '{mode}', {key}: {said}"))
    assert str(error) == f"services.web.{key}: does nothing with network_mode {mode}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (network("name: '${X}'"), "networks.lab.name: '../x' is not a valid name"),
        (network("driver: $X"), "networks.lab.driver: '../x' is not supported yet"),
        (network("internal: '${X:-true}'"), "networks.lab.internal: '../x' is neither true nor false"),
        (network(f"driver_opts: {{{MTU}: $X}}"), f"networks.lab.driver_opts.{MTU}: '../x' is not a whole number"),
        (network("ipam: {config: [{subnet: '${X}/24'}]}"), "networks.lab.ipam.config[0].subnet: '../x/24' "),
        (network("ipam: $X"), "networks.lab.ipam: must be a mapping, not text"),
        (service("container_name: a$$b"), "services.web.container_name: 'a$b' is not a valid name"),
        (service("network_mode: 'service:${X}'"), "services.web.network_mode: there is no services.../x"),
        (service("networks: ['${X}']"), "services.web: networks.../x is not declared"),
        (service("networks: {lab: {ipv4_address: '${X}'}}"), "services.web.networks.lab.ipv4_address: '../x' "),
        (service("networks: {lab: {gw_priority: $X}}"), "services.web.networks.lab.gw_priority: '../x' is not a whole"),
        (service("networks: {lab: {link_local_ips: [$X]}}"), "services.web.networks.lab.link_local_ips[0]: '../x' "),
        (service("sysctls: {net.ipv4.ip_forward: $X}"), "services.web.sysctls: 'net.ipv4.ip_forward': '../x' is not"),
        (network("enable_ipv6: $X"), "networks.lab.enable_ipv6: '../x' is neither true nor false"),
        (service("mac_address: $X"), "services.web.mac_address: '../x' "),
        (service("ports: $X"), "services.web.ports: must be a list, not text"),
        (service("ports: ['${X}:80']"), "services.web.ports[0]: "),
        (service("ports: [{target: '${X}'}]"), "services.web.ports[0].target: '../x' is not a whole number"),
    ],
)
def test_a_value_from_a_variable_passes_the_same_checks_and_its_error_names_it(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, {"X": "../x"})
    error = str(caught.value)
    assert error.startswith(message)
    assert error.isprintable()
    if (
        "networks.../x" not in error and "sysctls" not in error
    ):  # where the place of the value is the place of the error
        assert error.endswith("')") and "(from '" in error and "$" in error


@pytest.mark.parametrize("labels", ["{a.b: $X}", "[a.b=$X]"])
def test_a_value_from_a_variable_is_what_was_typed(labels: str) -> None:
    text = service(f"labels: {labels}")
    typed = parse(text.replace("$X", "y z"))
    assert parse(text, {"X": "y z"}).specs == typed.specs


def test_keys_have_no_variables() -> None:
    assert parse(service("labels: {$X: $X}"), {"X": "y"}).named("web")[0].labels == {"$X": "y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "services: nothing to do"),
        ("{}", "services: nothing to do"),
        ("services: {}\nnetworks:\nname: x", "services: nothing to do"),
        ("lab", "the file: must be a mapping or empty, not text"),
        ("- lab", "the file: must be a mapping or empty, not a list"),
        ("$FILE", "the file: must be a mapping or empty, not text"),
        ("services: {web: [", "line 1, column 18: "),
        ("a: 1\nb: {a: 1,\n  a: 2}", "line 3, column 3: key 'a' stands twice"),
        (f"{{? {LONG} : 1, ? {LONG} : 2}}", f"line 1, column 10012: key '{'x' * 60}…' stands twice"),
        ("? [a]\n: 1", "line 1, column 3: a key must be text"),
        ("~: 1", "line 1, column 1: a key must be text"),
        ("!!int 1: 1", "line 1, column 1: a key must be text"),
        ("!!str {a: b}: 1", "line 1, column 1: a key must be text"),
        ("&a {? *a : b}", "line 1, column 1: a key must be text"),
        ("a: !!timestamp x", "line 1, column 4: "),
        ("a: !!python/object:os.system x", "line 1, column 4: "),
        ("a: !reset x", "services: nothing to do"),
        ("a: !override [x]", "a: is an unknown key"),
        ("a: !overide [x]", "line 1, column 4: "),
        ("a: *b", "line 1, column 4: "),
        (f"a: *{LONG}", "line 1, column 4: "),
        ("a: 1\n---\nb: 1", "line 2, column 1: "),
        ("a: \x00", "line 1, column 4: "),
        ("a: b\nc: \ud800", "line 2, column 4: "),
        ("[" * 10_000, "the file: is nested too deeply"),
        ("{a: " * 10_000, "the file: is nested too deeply"),
        ('a: "\\UFFFFFFFF"', "the file: is not valid YAML: "),
        ('a: "\\U00110000"', "the file: is not valid YAML: "),
        (f"%YAML {'9' * 5000}.1\n--- a", "the file: is not valid YAML: "),
    ],
)
def test_a_file_that_is_no_compose_file(text: str, message: str) -> None:
    """Where PyYAML says why, it is in its own words, and only the place is ours."""
    assert str(refusal(text)).startswith(message)


def test_a_file_that_contains_itself_is_refused() -> None:
    assert str(refusal("services: &a {web: *a}")) == "services.web: a value cannot be a part of itself"
    assert parse("x-a: &a [*a]\n" + LAB).specs == (Network(name="lab"),)


# And back.


def test_dump_writes_what_people_write() -> None:
    specs = (
        Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.7", publish=["8088:80"])),
        Network(name="lab", subnet="10.9.0.0/24", masquerade=False, mtu=1400),
        Sandbox(name="log", mode=Container(sandbox="web")),
        Sandbox(name="old", mode=Container(sandbox="elsewhere")),
    )
    assert yaml.safe_load(dump(specs)) == {
        "networks": {
            "lab": {"driver_opts": {MTU: 1400, MASQUERADE: "false"}, "ipam": {"config": [{"subnet": "10.9.0.0/24"}]}}
        },
        "services": {
            "web": {"networks": {"lab": {"ipv4_address": "10.9.0.7"}}, "ports": ["8088:80/tcp"]},
            "log": {"network_mode": "service:web"},
            "old": {"network_mode": "container:elsewhere"},
        },
    }


def test_dump_writes_networks_in_dockers_words() -> None:
    specs = (
        Network(
            "back",
            subnet="10.9.0.0/24",
            subnet6="fd00:9::/64",
            ip_range="10.9.0.128/25",
            aux_addresses={"printer": "10.9.0.9", "scanner": "fd00:9::9"},
            gateway_mode="routed",
            trusted_interfaces=["eth0", "eth1"],
            labels={"team": "blue"},
        ),
        Network("front", external=True),
        Sandbox(
            "web",
            mode=Bridge(
                endpoints=[
                    Endpoint("front", address6="fd00:8::7", interface="wan0", gw_priority=1),
                    Endpoint("back", sysctls={"net.ipv4.conf.IFNAME.log_martians": 1, "net.ipv4.conf.IFNAME.x": 2}),
                ]
            ),
            sysctls={"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.x": 2},
            labels={"team": "red"},
        ),
    )
    sysctls = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.x=2"
    assert yaml.safe_load(dump(specs)) == {
        "networks": {
            "back": {
                "enable_ipv6": True,
                "driver_opts": {MODE: "routed", TRUSTED: "eth0:eth1"},
                "ipam": {
                    "config": [
                        {
                            "subnet": "10.9.0.0/24",
                            "ip_range": "10.9.0.128/25",
                            "aux_addresses": {"printer": "10.9.0.9"},
                        },
                        {"subnet": "fd00:9::/64", "aux_addresses": {"scanner": "fd00:9::9"}},
                    ]
                },
                "labels": {"team": "blue"},
            },
            "front": {"external": True},
        },
        "services": {
            "web": {
                "networks": {
                    "front": {"ipv6_address": "fd00:8::7", "interface_name": "wan0", "gw_priority": 1, "priority": 1},
                    "back": {"driver_opts": {SYSCTLS: sysctls}},
                },
                "sysctls": {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.x": "2"},
                "labels": {"team": "red"},
            }
        },
    }


def test_networks_in_the_order_of_their_names_need_no_priority() -> None:
    specs = (Network("a"), Network("b"), Sandbox("web", mode=Bridge(endpoints=["a", "b"])))
    assert yaml.safe_load(dump(specs))["services"] == {"web": {"networks": {"a": None, "b": None}}}


ROUTED = Sandbox("web", mode=Bridge("lab"), routes=[Route("10.8.0.0/24", via="10.9.0.7")])


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([Sandbox(name="web", namespace="/run/netns/x")], "web.namespace: a Compose file has no words"),
        ([Network("lab"), ROUTED], "web.routes: a Compose file has no words for routes"),
        ([Network("lab", external=True, mtu=1400)], "lab.external: a Compose file has no words for an external"),
        ([Sandbox("web", mode=Bridge(interface="lan0"))], "web.mode.network: network bridge is not among the specs"),
        (
            [Network("lab"), Sandbox("web", mode=Bridge(endpoints=["lab", "bridge"]))],
            "web.mode.endpoints[1].network: network bridge is not among the specs",
        ),
        ([Sandbox(name="web", mode=Bridge(network="lab"))], "web.mode.network: network lab is not among the specs"),
        ([Sandbox(name="web", mode=Bridge(address="172.17.0.9"))], "web.mode.network: network bridge is not among"),
        ([DEFAULT, Network(name="lab"), DEFAULT], "specs[2]: is named default, as specs[0] is"),
        ([Sandbox(name="web"), DEFAULT, Sandbox(name="web")], "specs[2]: is named web, as specs[0] is"),
    ],
)
def test_what_a_compose_file_has_no_words_for(specs: list[Network | Sandbox], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        dump(specs)
    assert str(caught.value).startswith(message)


NAMES = st.one_of(
    st.sampled_from(
        ["null", "true", "no", "on", "123", "1e3", "0x1f", "1.5", "2001-01-01", "default", "bridge", "x-y"]
    ),
    st.from_regex(r"[A-Za-z0-9]{1,5}(?:(?:\.|[_-]{1,3})[A-Za-z0-9]{1,3}){0,3}", fullmatch=True),
)
ADDRESSES = st.ip_addresses(v=4).filter(lambda address: not address.is_multicast and int(address) < 2**32 - 1)
PORTS = st.integers(1, 65535)


ADDRESSES6 = st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None)
SOURCES = ADDRESSES.filter(lambda one: not (one.is_unspecified or one.is_loopback))
SOURCES6 = ADDRESSES6.filter(lambda one: not (one.is_unspecified or one.is_loopback or one.is_multicast))
INTERFACES = st.from_regex(r"[A-Za-z0-9]{1,15}", fullmatch=True).filter(lambda text: text not in RESERVED)
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20)
LABELS = st.dictionaries(TEXT.filter(bool), TEXT, max_size=2)
SYSCTL_VALUES = st.from_regex(r"-?[A-Za-z0-9_.]{1,8}(?:[ \t][A-Za-z0-9]{1,8}){0,2}", fullmatch=True)
SYSCTL_NAMES = st.from_regex(r"net/ipv[46](?:/[a-z0-9_][a-z0-9_.-]{0,5}){1,3}", fullmatch=True)


def sysctls(names: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(names, SYSCTL_VALUES, max_size=2)


@st.composite
def pools(draw: st.DrawFn, version: int) -> dict[str, Any]:
    """What a network asks for in one family."""
    six = "6" if version == 6 else ""
    first, sizes = ("fd00::", (9, 126)) if version == 6 else ("10.0.0.0", (9, 30))
    start = int(ip_address(first)) + draw(st.integers(0, 2**24 - 1))
    subnet = ip_network((start, draw(st.integers(*sizes))), strict=False)
    inside = st.integers(1, subnet.num_addresses - 2).map(lambda i: subnet[i])
    size = draw(st.integers(subnet.prefixlen, sizes[1]))
    ranges = inside.map(lambda address: ip_network((address, size), strict=False))
    gateway = draw(st.none() | inside)
    names = TEXT.filter(bool).map(lambda text: f"{version}{text}")
    others = inside.filter(lambda address: address != gateway)
    fields = {
        f"subnet{six}": subnet,
        f"gateway{six}": gateway,
        f"ip_range{six}": draw(st.none() | ranges),
        "aux_addresses": draw(st.dictionaries(names, others, max_size=2)),
    }
    return {field: value for field, value in fields.items() if value}


@st.composite
def networks(draw: st.DrawFn, name: str) -> Network:
    """A network; what follows from its subnets is not said besides."""
    if draw(st.integers(0, 9)) == 0:
        return Network(name, external=True)
    four, six = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    said: list[dict[str, Any]] = [draw(pools(4)) if four and draw(st.booleans()) else {}]
    said.append(draw(pools(6)) if six and draw(st.booleans()) else {})
    internal, masquerade = draw(st.booleans()), draw(st.booleans())
    modes = st.sampled_from(["nat", "nat-unprotected", "routed", *(["isolated"] if internal else [])])
    mode, mode6 = draw(modes), draw(modes)
    snat = [masquerade and "nat" in one for one in (mode, mode6)]
    return Network(
        name,
        **{field: value for one in said for field, value in one.items() if field != "aux_addresses"},
        aux_addresses={key: address for one in said for key, address in one.get("aux_addresses", {}).items()},
        bridge=draw(st.none() | INTERFACES),
        ipv4=four,
        ipv6=None if "subnet6" in said[1] else six or draw(st.sampled_from([None, False])),
        gateway_mode=mode,
        gateway_mode6=mode6,
        inhibit_ipv4=four and draw(st.booleans()),
        host_ipv4=draw(SOURCES) if four and snat[0] else None,
        host_ipv6=draw(SOURCES6) if six and snat[1] else None,
        host_binding=draw(st.none() | ADDRESSES.filter(lambda one: int(one) > 0) | ADDRESSES6),
        interface_prefix=draw(INTERFACES)[:11].replace("lo", "eth"),
        trusted_interfaces=draw(st.lists(INTERFACES, max_size=2, unique=True)),
        mtu=draw(st.none() | st.integers(1280, 65535)),
        masquerade=masquerade,
        internal=internal,
        icc=draw(st.booleans()),
        labels=draw(LABELS),
    )


MACS = st.binary(min_size=6, max_size=6).filter(lambda mac: not mac[0] & 1 and any(mac)).map(lambda mac: mac.hex(":"))
PUBLISHED = st.builds(
    PublishedPort,
    sandbox_port=PORTS,
    host_port=st.none() | PORTS,
    host_ip=ADDRESSES,
    protocol=st.sampled_from(["tcp", "udp"]),
)


LINK_LOCAL = st.integers(1, 2**16 - 2).flatmap(
    lambda i: st.sampled_from([IPv4Address("169.254.0.0") + i, IPv6Address("fe80::") + i])
)
FLAT = {
    "address": st.none() | ADDRESSES,
    "address6": st.none() | ADDRESSES6,
    "mac": st.none() | MACS,
    "interface": st.none() | INTERFACES.filter(lambda name: name != "lo"),
}
ENDPOINT = FLAT | {
    "gw_priority": st.integers(-(2**31), 2**31 - 1) | st.just(0),
    "link_local": st.lists(LINK_LOCAL, max_size=2, unique=True).map(tuple),
    "sysctls": sysctls(SYSCTL_NAMES.map(lambda name: f"{name}/IFNAME")),
}


@st.composite
def bridges(draw: st.DrawFn, known: list[str]) -> Bridge:
    """One network is written flat, unless more is said of it than that has room for."""
    published = tuple(draw(st.lists(PUBLISHED, max_size=3)))
    on = draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) if known else []
    if not on:
        return Bridge(mac=draw(st.none() | MACS), publish=published)
    endpoints = [draw(st.builds(Endpoint, network=st.just(network), **ENDPOINT)) for network in on]
    first = endpoints[0]
    if len(on) == 1 and not (first.gw_priority or first.link_local or first.sysctls):
        return Bridge(on[0], publish=published, **{field: getattr(first, field) for field in FLAT})
    for field in ("mac", "interface"):
        said = [value for one in endpoints if (value := getattr(one, field))]
        assume(len(said) == len(set(said)))
    return Bridge(endpoints=endpoints, publish=published)


@st.composite
def sandboxes(draw: st.DrawFn, name: str, known: list[str]) -> Sandbox:
    shared = st.just(HostNetwork()) | st.builds(Container, sandbox=NAMES)
    mode = draw(bridges(known) | st.just(NoNetwork()) | shared)
    settings = draw(sysctls(SYSCTL_NAMES)) if isinstance(mode, Bridge | NoNetwork) else {}
    return Sandbox(name, mode=mode, sysctls=settings, labels=draw(LABELS))


@st.composite
def files(draw: st.DrawFn) -> tuple[Network | Sandbox, ...]:
    """Specs that a Compose file has words for: at least one, the networks first."""
    known = draw(st.lists(NAMES, unique=True, max_size=3))
    names = draw(st.lists(NAMES, unique=True, min_size=0 if known else 1, max_size=4))
    wires: list[Network | Sandbox] = [draw(networks(name)) for name in known]
    return (*wires, *(draw(sandboxes(name, known)) for name in names))


@given(files())
def test_what_is_dumped_is_parsed_back(specs: tuple[Network | Sandbox, ...]) -> None:
    assert parse(dump(specs)) == Composed(specs=specs, ignored=())


def parse_or_refuse(text: str) -> None:
    try:
        composed = parse(text)
    except SpecError as error:
        assert len(str(error)) < 500
        assert str(error).isprintable()
    else:
        assert composed.specs


YAML_TOKENS = [
    *"{}[],:&*!|>%@?-#'\"\n ~",
    *("<<", "a", "*a", "&a ", ": ", "- ", "\n  ", "---", "!!str ", "!!map ", "!!seq ", "!!null ", "!!merge ", "!!int "),
    *("services", "networks", "web", "lab", "ports", "'\\", '"\\U', "\x00", "\ufeff", "\r\n", "\u2028", "\t"),
]


@given(st.text() | st.lists(st.sampled_from(YAML_TOKENS), max_size=40).map("".join))
def test_hostile_text_raises_nothing_but_spec_errors(text: str) -> None:
    parse_or_refuse(text)


def words_of(*kinds: Keys) -> list[str]:
    return sorted({word for keys in kinds for word in f"{keys.supported} {keys.refused} {' '.join(keys.only)}".split()})


KEYS = [
    *words_of(FILE, NETWORK, EXTERNAL, OPTIONS, IPAM, POOL, SERVICE, DEPLOY, ATTACHMENT, ENDPOINT_OPTIONS, PORT),
    "web",
    "lab",
    "default",
    "image",
    "x-a",
]
SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, 80, -1, 1.5, "", "lab", "web", "default", "bridge", "host", "none", "service:web"),
        *("80:80", "10.9.0.0/24", "10.9.0.1", "fd00::/64", "02:00:00:00:00:01", "tcp", "$X", LONG, "\0", "é\n"),
    ]
)
TREES = st.recursive(
    SCALARS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "services": st.dictionaries(
            st.sampled_from(["web", "db", "a b"]),
            st.dictionaries(st.sampled_from(words_of(SERVICE)), TREES, max_size=3),
        ),
        "networks": st.dictionaries(
            st.sampled_from(["lab", "default", "web"]),
            st.dictionaries(st.sampled_from(words_of(NETWORK)), TREES, max_size=3) | st.none(),
        ),
    },
)


@given(TREES | SHAPED)
def test_hostile_trees_raise_nothing_but_spec_errors(tree: object) -> None:
    parse_or_refuse(yaml.safe_dump(tree, allow_unicode=True))


# What the docs say of it.

DOCS = (Path(__file__).parents[2] / "docs" / "compose.md").read_text()


def test_the_example_in_the_docs_is_read_and_nothing_of_it_ignored() -> None:
    _, example, _ = re.split(r"```yaml\n(.*?)```", DOCS, maxsplit=1, flags=re.S)
    composed = parse(example)
    assert composed.ignored == ()
    assert parse(dump(composed.specs)).specs == composed.specs


@pytest.mark.parametrize("key", words_of(NETWORK, IPAM, POOL, ATTACHMENT, ENDPOINT_OPTIONS, OPTIONS))
def test_the_docs_name_what_is_read_of_networks(key: str) -> None:
    family = key.replace("_ipv6", "_ipv4").replace("_ms", "_nmsgs")
    words = {key, family, *(word.removeprefix("com.docker.network.") for word in (key, family))}
    assert any(re.search(rf"[`{{\s]{re.escape(word)}[`:\s]", DOCS) for word in words)


# From an error about a spec back to the file.

PLACED = """\
networks:
  lab:
    driver_opts: {com.docker.network.bridge.name: br9}
    ipam:
      config:
        - subnet: 10.9.0.0/24
  far: {name: elsewhere}
  six:
    enable_ipv6: true
    enable_ipv4: true
    internal: true
    labels: {team: blue}
    ipam:
      config:
        - subnet: fd00:9::/64
          gateway: fd00:9::1
          ip_range: fd00:9::/80
          aux_addresses:
            printer: fd00:9::9
        - subnet: 10.8.0.0/24
    driver_opts:
      com.docker.network.bridge.gateway_mode_ipv4: routed
      com.docker.network.bridge.gateway_mode_ipv6: routed
      com.docker.network.bridge.trusted_host_interfaces: eth0
  edge:
    external: true
services:
  web:
    container_name: shop.web
    networks: {lab: {ipv4_address: 10.9.0.9}}
    mac_address: "02:00:00:00:00:01"
    ports:
      - 8000-8002:80-82
      - target: 53
  shop:
    network_mode: service:web
  list:
    networks:
      - lab
  two:
    sysctls: {net.ipv4.ip_forward: 1}
    labels: {team: blue}
    networks:
      six:
        ipv6_address: fd00:9::7
        gw_priority: 1
        interface_name: lan0
        link_local_ips:
          - 169.254.7.7
          - fe80::7
        driver_opts:
          com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1
      lab:
        driver_opts:
          com.docker.network.endpoint.ifname: wan0
"""


@pytest.mark.parametrize(
    ("field", "place", "line"),
    [
        ("sandbox shop.web.mode.publish[0]", "services.web.ports[0]", 33),
        ("sandbox shop.web.mode.publish[1]", "services.web.ports[1]", 34),
        ("sandbox shop.web.mode.address", "services.web.networks.lab.ipv4_address", 30),
        ("sandbox shop.web.mode.mac", "services.web.mac_address", 31),
        ("sandbox shop.web.mode.network", "services.web.networks.lab", 30),
        ("sandbox shop.web.name", "services.web.container_name", 29),
        ("sandbox shop.web.namespace", "services.web", 28),
        ("sandbox shop.web", "services.web", 28),
        ("sandbox shop.mode", "services.shop.network_mode", 36),
        ("sandbox shop.name", "services.shop", 35),
        ("sandbox list.mode.network", "services.list.networks.lab", 38),
        ("network lab.subnet", "networks.lab.ipam.config[0].subnet", 6),
        ("network lab.gateway", "networks.lab.ipam.config[0]", 6),
        ("network lab.bridge", "networks.lab.driver_opts.com.docker.network.bridge.name", 3),
        ("network lab.mtu", "networks.lab.driver_opts", 3),
        ("network lab", "networks.lab", 2),
        ("network elsewhere", "networks.far", 7),
        ("network elsewhere.name", "networks.far.name", 7),
        ("network six.subnet6", "networks.six.ipam.config[0].subnet", 15),
        ("network six.gateway6", "networks.six.ipam.config[0].gateway", 16),
        ("network six.ip_range6", "networks.six.ipam.config[0].ip_range", 17),
        ("network six.aux_addresses", "networks.six.ipam.config[0].aux_addresses", 18),
        ("network six.aux_addresses.printer", "networks.six.ipam.config[0].aux_addresses.printer", 19),
        ("network six.subnet", "networks.six.ipam.config[1].subnet", 20),
        ("network six.ip_range", "networks.six.ipam.config[1]", 20),
        ("network six.ipv4", "networks.six.enable_ipv4", 10),
        ("network six.ipv6", "networks.six.enable_ipv6", 9),
        ("network six.internal", "networks.six.internal", 11),
        ("network six.labels", "networks.six.labels", 12),
        ("network six.gateway_mode", f"networks.six.driver_opts.{MODE}", 22),
        ("network six.gateway_mode6", f"networks.six.driver_opts.{MODE6}", 23),
        ("network six.trusted_interfaces", f"networks.six.driver_opts.{TRUSTED}", 24),
        ("network six.icc", "networks.six.driver_opts", 21),
        ("network edge", "networks.edge", 25),
        ("network edge.external", "networks.edge.external", 26),
        ("network edge.name", "networks.edge", 25),
        ("network edge.subnet", "networks.edge", 25),
        ("sandbox list.mode.endpoints[0].address", "services.list.networks.lab", 38),
        ("sandbox two.sysctls", "services.two.sysctls", 41),
        ("sandbox two.labels", "services.two.labels", 42),
        ("sandbox two.routes", "services.two", 40),
        ("sandbox two.mode.endpoints", "services.two.networks", 43),
        ("sandbox two.mode.endpoints[0]", "services.two.networks.lab", 53),
        ("sandbox two.mode.endpoints[0].interface", f"services.two.networks.lab.driver_opts.{IFNAME}", 55),
        ("sandbox two.mode.endpoints[0].mac", "services.two.networks.lab", 53),
        ("sandbox two.mode.endpoints[1].network", "services.two.networks.six", 44),
        ("sandbox two.mode.endpoints[1].address6", "services.two.networks.six.ipv6_address", 45),
        ("sandbox two.mode.endpoints[1].gw_priority", "services.two.networks.six.gw_priority", 46),
        ("sandbox two.mode.endpoints[1].interface", "services.two.networks.six.interface_name", 47),
        ("sandbox two.mode.endpoints[1].link_local", "services.two.networks.six.link_local_ips", 48),
        ("sandbox two.mode.endpoints[1].link_local[1]", "services.two.networks.six.link_local_ips[1]", 50),
        ("sandbox two.mode.endpoints[1].sysctls", f"services.two.networks.six.driver_opts.{SYSCTLS}", 52),
        ("network default.subnet", "network default.subnet", None),
        ("sandbox other.mode", "sandbox other.mode", None),
        ("table inet netbuilder", "table inet netbuilder", None),
    ],
)
def test_a_field_of_a_spec_is_a_place_in_the_file(field: str, place: str, line: int | None) -> None:
    told = parse(PLACED).places.translated(SpecError(field, "is wrong", "mend it"))
    assert (told.field, told.line, str(told), told.hint) == (place, line, f"{place}: is wrong", "mend it")


def test_a_sandbox_is_a_service_in_the_words_of_the_file() -> None:
    places = parse(PLACED).places
    told = places.translated(
        SpecError("network lab", "sandbox shop.web, sandbox shop. sandbox alien", "ask sandbox list")
    )
    assert str(told) == "networks.lab: service web, service shop. sandbox alien"
    assert told.hint == "ask service list"


def test_what_a_network_lacks_is_said_in_the_words_of_the_file() -> None:
    told = parse(PLACED).places.translated(
        SpecError("sandbox two.mode.endpoints[0].address6", "network lab has no subnet6", "say ipv6=True")
    )
    assert str(told) == "services.two.networks.lab: network lab has no subnet"
    assert told.hint == "say enable_ipv6: true"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services:\n  web:\n    prots: []", 3),
        ("services:\n  web:\n    ports:\n    - 80\n    - 'x:80'", 5),
        ("services:\n  web:\n    ports: [80,\n     'x:80']", 4),
        ("services:\n  a: {}\n  a.b:\n    c: d", 4),
        ("services:\n  web: &web\n    ports: ['x:80']\n  db: *web", 3),
        ("x-base: &base\n  ports: ['x:80']\nservices:\n  web:\n    <<: *base", 2),
        ("services:\n  web:\n    networks: [nosuch]", 2),
        ("services:\n  web: {container_name: a}\n  db:\n    container_name: a", 3),
        ("networks:\n  lab:\n    ipam: {config: [{subnet: 10.9.0.0/33}]}", 3),
        ("", None),
        ("[]", None),
    ],
)
def test_an_error_has_the_line_of_its_place(text: str, line: int | None) -> None:
    assert refusal(text).line == line


def test_a_file_that_refers_to_itself_has_lines_too() -> None:
    assert refusal("x-a: &a [*a]\nservices:\n  web: {ports: [&b {x-p: *b, target: 0}]}").line == 3


def test_to_find_a_line_in_a_file_that_multiplies_takes_no_time() -> None:
    """Each of 30 lists holds the one before it ten times over, which is no more to look through than 30 lists."""
    lines = ["x-0: &a0 [x]", *(f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30))]
    with at_most(MUCH):
        assert refusal("\n".join([*lines, "services: {web: {prots: *a29}}"])).line == 31


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (service("network_mode: hots"), "did you mean host?"),
        (service("network_mode: brigde"), "did you mean bridge?"),
        (service("network_mode: non"), "did you mean none?"),
        (service("network_mode: xyz"), "use bridge, host, none, service:NAME or container:NAME"),
        (service("network_mode: 'service:wbe'"), "did you mean web?"),
        (service("ports: [{target: 80, protocol: tpc}]"), "did you mean tcp?"),
        (service("ports: [{target: 80, protocol: dccp}]"), "use tcp or udp or sctp"),
        (network("driver: brdige"), "did you mean bridge?"),
        (network("driver: macvlan"), "use bridge"),
    ],
)
def test_a_value_that_is_nearly_right_is_put_right(text: str, hint: str) -> None:
    assert refusal(text).hint.startswith(hint)


# Some services of a file.


def test_a_service_comes_with_what_it_needs() -> None:
    composed = parse(PLACED)
    assert [spec.name for spec in composed.needed_by("shop")] == ["lab", "shop.web", "shop"]
    assert [spec.name for spec in composed.needed_by("list", "web")] == ["lab", "shop.web", "list"]
    assert [spec.name for spec in composed.needed_by("two")] == ["lab", "six", "two"]
    assert [one.name for one in composed.named("web")] == ["shop.web"]


def test_one_that_shares_with_a_sandbox_elsewhere_needs_nothing_of_the_file() -> None:
    composed = parse("services: {a: {network_mode: 'container:far'}, b: {}}")
    assert [spec.name for spec in composed.needed_by("a")] == ["a"]


def test_services_that_share_in_a_circle_are_named_all_the_same() -> None:
    composed = parse("services: {a: {network_mode: 'service:b'}, b: {network_mode: 'service:a'}}")
    assert [spec.name for spec in composed.needed_by("a")] == ["a", "b"]


@pytest.mark.parametrize("name", ["shop.web", "", "x" * 10_000, "\x1b[0m"])
def test_what_is_no_service_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match=r"^services: there is none named '") as caught:
        parse(PLACED).needed_by(name)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 200
