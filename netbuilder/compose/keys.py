"""What becomes of each key of a Compose file: supported, ignored as not about networking, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Keys(NamedTuple):
    """What becomes of the keys of one kind of mapping, as words; the values in `only` are all that is honoured."""

    supported: str
    only: Mapping[str, str] = {}
    ignored: str = ""
    refused: str = ""


BRIDGE = "com.docker.network.bridge.name"
MTU = "com.docker.network.driver.mtu"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"

FILE = Keys("networks services", ignored="configs models name secrets version volumes x-*", refused="include")
NETWORK = Keys(
    "driver_opts internal ipam name",
    only={"driver": "bridge", "enable_ipv4": "true", "enable_ipv6": "false", "external": "false"},
    ignored="attachable labels x-*",
)
OPTIONS = Keys(
    f"{BRIDGE} {MTU} {MASQUERADE}",
    only={
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.gateway_mode_ipv4": "nat",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.inhibit_ipv4": "false",
        "com.docker.network.container_iface_prefix": "eth",
    },
    refused="""
    com.docker.network.bridge.default_bridge com.docker.network.bridge.gateway_mode_ipv6
    com.docker.network.bridge.trusted_host_interfaces com.docker.network.host_ipv4 com.docker.network.host_ipv6
    """,
)
IPAM = Keys("config", only={"driver": "default"}, ignored="x-*", refused="options")
POOL = Keys("gateway subnet", ignored="x-*", refused="aux_addresses ip_range")
SERVICE = Keys(
    "container_name deploy mac_address network_mode networks ports profiles",
    only={"scale": "1"},
    ignored="""
    annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on develop
    device_cgroup_rules devices entrypoint env_file environment expose gpus group_add healthcheck hostname image init
    ipc isolation label_file labels logging mem_limit mem_reservation mem_swappiness memswap_limit models
    oom_kill_disable oom_score_adj pid pids_limit platform post_start pre_stop privileged provider pull_policy
    pull_refresh_after read_only restart runtime secrets security_opt shm_size stdin_open stop_grace_period
    stop_signal storage_opt tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir x-*
    """,
    refused="dns dns_opt dns_search domainname extends external_links extra_hosts links sysctls",
)
DEPLOY = Keys(
    "",
    only={"replicas": "1"},
    ignored="endpoint_mode labels mode placement resources restart_policy rollback_config update_config x-*",
)
ATTACHMENT = Keys(
    "ipv4_address mac_address",
    ignored="x-*",
    refused="aliases driver_opts gw_priority interface_name ipv6_address link_local_ips priority",
)
PORT = Keys(
    "host_ip published target",
    only={"mode": "host ingress", "protocol": "tcp udp sctp"},
    ignored="app_protocol name x-*",
)

ADVICE = {
    "extends": "write the networking of the service that it extends into this one",
    "external": "declare the network in this file too, under the same name and with the same options",
    "include": "write its networks and services into this file",
    "profiles": "remove the profiles, and what is not always wanted goes into a file of its own",
    "replicas": "use 1: a service is one sandbox, so write one more for each",
    "scale": "use 1: a service is one sandbox, so write one more for each",
    "sysctls": "set them inside the sandbox",
}
"""What to do instead of a key that is refused, where there is more to say than to remove it."""
