"""What becomes of each key of a Compose file: supported, ignored as not about networking, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple


class Keys(NamedTuple):
    """What becomes of the keys of one kind of mapping, as words; the values in `only` are all that is honoured."""

    supported: str
    only: Mapping[str, str] = {}
    ignored: str = ""
    refused: str = ""

    def ignores(self, key: str) -> bool:
        """Whether nothing is made of a key."""
        words = _words(self.ignored)
        return key in words or ("x-*" in words and key.startswith("x-"))


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BRIDGE = "com.docker.network.bridge.name"
GATEWAY_MODE = "com.docker.network.bridge.gateway_mode_ipv4"
GATEWAY_MODE6 = "com.docker.network.bridge.gateway_mode_ipv6"
HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
ICC = "com.docker.network.bridge.enable_icc"
INHIBIT = "com.docker.network.bridge.inhibit_ipv4"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
TRUSTED = "com.docker.network.bridge.trusted_host_interfaces"
ENABLE_IPV4 = "com.docker.network.enable_ipv4"
ENABLE_IPV6 = "com.docker.network.enable_ipv6"
HOST_IPV4 = "com.docker.network.host_ipv4"
HOST_IPV6 = "com.docker.network.host_ipv6"
MTU = "com.docker.network.driver.mtu"
PREFIX = "com.docker.network.container_iface_prefix"
ANNOUNCEMENTS = {
    "com.docker.network.advertise_addr_nmsgs": (0, 3),
    "com.docker.network.advertise_addr_ms": (100, 2000),
}
"""How often and how far apart Docker announces an address, and what it takes: netbuilder announces each once."""
IFNAME = "com.docker.network.endpoint.ifname"
ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"

_MODES = "nat nat-unprotected routed isolated"

FILE = Keys("name networks services", ignored="configs models secrets version volumes x-*")
NETWORK = Keys(
    "driver_opts enable_ipv4 enable_ipv6 external internal ipam labels name",
    only={"driver": "bridge"},
    ignored="attachable x-*",
)
EXTERNAL = Keys("name")
OPTIONS = Keys(
    f"{BRIDGE} {ENABLE_IPV4} {ENABLE_IPV6} {HOST_BINDING} {HOST_IPV4} {HOST_IPV6} {ICC} {INHIBIT} {MASQUERADE} {MTU}"
    f" {PREFIX} {TRUSTED} {' '.join(ANNOUNCEMENTS)}",
    only={GATEWAY_MODE: _MODES, GATEWAY_MODE6: _MODES},
    refused="com.docker.network.bridge.default_bridge",
)
IPAM = Keys("config", only={"driver": "default"}, ignored="x-*", refused="options")
POOL = Keys("aux_addresses gateway ip_range subnet", ignored="x-*")
SERVICE = Keys(
    "container_name deploy labels mac_address network_mode networks ports profiles scale sysctls",
    ignored="""
    annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on develop
    device_cgroup_rules devices entrypoint env_file environment expose gpus group_add healthcheck hostname image init
    ipc isolation label_file logging mem_limit mem_reservation mem_swappiness memswap_limit models oom_kill_disable
    oom_score_adj pid pids_limit platform post_start pre_start pre_stop privileged provider pull_policy
    pull_refresh_after read_only restart runtime secrets security_opt shm_size stdin_open stop_grace_period
    stop_signal storage_opt tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir x-*
    """,
    refused="dns dns_opt dns_search domainname external_links extra_hosts links",
)
DEPLOY = Keys(
    "replicas",
    ignored="endpoint_mode labels mode placement resources restart_policy rollback_config update_config x-*",
)
ATTACHMENT = Keys(
    "driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority",
    ignored="aliases x-*",
)
ENDPOINT_OPTIONS = Keys(f"{ENDPOINT_SYSCTLS} {IFNAME}")
PORT = Keys(
    "host_ip published target",
    only={"mode": "host ingress", "protocol": "tcp udp sctp"},
    ignored="app_protocol name x-*",
)

AT = {
    "": FILE,
    "networks.*": NETWORK,
    "networks.*.ipam": IPAM,
    "services.*": SERVICE,
    "services.*.deploy": DEPLOY,
    "services.*.networks.*": ATTACHMENT,
}
"""The keys of the mapping at a place, where some of them are ignored."""

_NAMED = ("networks", "services", "services.*.networks")


def below(place: str, key: str) -> str:
    """A place one step further down; what names a network or service is a "*"."""
    return f"{place}.{'*' if place in _NAMED else key}".removeprefix(".")


SYSCTLS_ELSEWHERE = "fs.mqueue.* kernel.*"
"""Settings of the namespaces that Docker gives a container beside its network: they are ignored."""

NO_EFFECT = ("aliases", "ports", *ANNOUNCEMENTS)
"""Keys that are ignored, though they are about networking: nothing here goes by them."""

SAID = {"ipv4": "enable_ipv4", "ipv6": "enable_ipv6", "masquerade": MASQUERADE}
"""What the fields of a network that are true or false are called in a file, where it is something else."""
