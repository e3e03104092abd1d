"""What the help says beyond commands and options, at most 80 characters a line."""

ABOUT = """\
Docker's four network modes on a bare Linux host: what a Compose file says about
networking is made so, shown command by command, compared with what stands, and
taken back."""

TOUR = """\
a first look:
  netbuilder plan -f lab.yaml            what would be done, as a shell script
  sudo netbuilder up -v -f lab.yaml      do it, and show each command
  sudo netbuilder ps                     what stands
  sudo netbuilder exec web -- ip addr    a look from inside
  sudo netbuilder down -f lab.yaml       take it back

FILE is a Compose file, like this one:
  services:
    web: { networks: [lab], ports: ["8088:80"] }
    db: { networks: [lab] }
  networks:
    lab: {}

Without -f it is compose.yaml, with compose.override.yaml over it, here or in a
folder above. COMPOSE_FILE, COMPOSE_PROFILES and COMPOSE_PROJECT_NAME mean what
they do for Compose.

exit status: 0, 1 for a failure, 2 for a bad call or file"""

UP = """\
All of it is done, or on an error or an interrupt (Ctrl-C) nothing.

SERVICE names come with what they need: their networks, and the service whose
namespace they share. Sandboxes on this file's networks that are none of its
services are named in a warning: left behind by it, or another file's."""

PLAN = """\
They are for a host with nothing on it yet; see diff for this one.

What the script makes is not known to netbuilder: ps does not list it, and down
does not take it back. Where that is wanted, use up. To undo it by hand:
  sysctl -w net.ipv4.ip_forward=0    if it was 0 before
  ip netns del NAME                  for each sandbox; its veth pair goes too
  ip link del BRIDGE                 for each network
  nft delete table inet netbuilder   the rules"""

DIFF = "Exit status 0 if none is missing, 1 if some are, 2 for trouble."

DOWN = """\
With SERVICE names just these go; a network that others use stays, and so does
a sandbox whose namespace another shares. A NAME of which up warned as none of
the file's services is taken too.

What another file made stays. --all takes back everything on this host, whatever
version of netbuilder made it."""

PS = """\
STATE is ok; or BROKEN, with the first thing that does not hold, in the words of
its step: the sandbox's own, its network's or the firewall's; or gone, if
somebody took the namespace away. "netbuilder up" mends it, and "netbuilder
diff" shows all of it.

A narrow terminal gets less: no NAMESPACE, no MAC, and long cells wrapped. In a
pipe each sandbox is one line.

--format json gives a list of objects with the fields
  name
  mode         bridge, host, container or none
  shares       the sandbox whose namespace it has, in container mode
  namespace    a path; null for the host's own
  endpoints    a list of objects with network, bridge, veth (the host's end),
               interface (the inner one), addresses and link_local (with their
               prefix), gateways, gw_priority, mac and mtu
  ports        a list of objects, one for each port and family, with host_ip
               (0.0.0.0 and :: are all addresses), host_port (null in gateway
               mode routed), sandbox_port and protocol
  waiting      those that are not open, as none of its networks leads out: a
               list of texts in the syntax of docker run -p
  state        ok, broken or gone
  broken       the first thing that does not hold
What there is none of is null, or an empty list. In container mode endpoints and
ports are those of the sandbox whose namespace it shares."""

NETWORKS = """\
STATE is ok; or BROKEN, with the first thing that does not hold, of the network
or of the firewall. OPTIONS are internal, no masquerade, no icc, gateway modes
other than nat, and adopted for a bridge that was there before.
"netbuilder network ls" is the same.

--format json gives a list of objects with the fields name, bridge, adopted,
subnets, gateways, gateway_modes (of each subnet), mac, mtu (null: the
kernel's), masquerade, internal, icc, labels, sandboxes (the names of those that
are on it), state and broken."""

INSPECT = """\
--format json gives an object with the fields of "netbuilder ps --format json",
and adopted (the path of a namespace that was there before), missing (all that
does not hold), packets_in and packets_out (the DNAT and MASQUERADE that rewrite
its packets) and commands: lists of objects with why and command."""

LINKS = """\
The two ends are matched by interface index and namespace id, as the kernel
knows them, and not by name. By hand, this prints a sandbox's IFINDEX:
  sudo netbuilder exec web -- cat /sys/class/net/eth0/iflink

--format json gives a list of objects with the fields veth, ifindex, bridge,
sandbox, interface, peer_ifindex and netnsid."""

TRACE = """\
It sends one real packet (of TCP it opens a connection, and closes it) and tells
its way and its answer's: interfaces (name and arrow), the rules that it meets,
those of others too, where it is routed, NAT (=>), its conntrack entry; and what
ended it, if it did not arrive. What goes on beside it is left alone: the table
that it takes in each namespace on the way, netbuilder_trace_..., is gone with
the call, even with a killed one. It takes Linux 5.12.

From outside, another machine has to send:
  sudo netbuilder trace --watch outside host:8088

Not seen: rules of iptables-legacy (it says so if there are any), eBPF, and what
other machines do.

--format svg gives a picture: a lane for each interface, and NAT marked.

--format json gives an object with sender, to, protocol, outcome (answered,
refused, unreachable, no answer, nothing came), notes, and ways: that of the
packet and that of its answer, each with packet, arrived, cause, end (in words)
and stops: objects with namespace, kind (in, out, rule, policy, translated,
route, conntrack), src and dst (from there on), interface, hook, table, chain,
handle, rule, comment, verdict, text, and at (nanoseconds, of in and out).
cause is rule, policy, no route, blackhole, ip_forward, rp_filter, martian,
no neighbour, no listener, not sent, bridge or unseen; nothing if it arrived.

Exit status 0 if it was answered, 1 if not."""

CAPTURE = """\
It listens to the host's uplink (what the default route leads by) and to the
interfaces of the sandboxes, all at once, until Ctrl-C or a limit:
  sudo netbuilder capture --published 8088         each packet, told
  sudo netbuilder capture -o way.pcapng            into a file for Wireshark
  sudo netbuilder capture -o - | wireshark -k -i - the same, as it happens
  sudo netbuilder capture --tap bridge --tap veth  at the host's ends, too

A packet is told with all its copies, and with what was translated in between:
  host:eth0 in   192.0.2.2:40312 → 192.0.2.1:8088
                 ↓ DNAT: to 10.9.0.2:80
                 ↓ routed: TTL 64 → 63
  web:eth0  in   192.0.2.2:40312 → 10.9.0.2:80

A filter on one side of the NAT hides the other: "port 8088" shows nothing at
web's eth0. --published 8088 shows both. With --tap bridge or veth Wireshark
sees the same addresses twice and calls it retransmission; switch that off with
  wireshark -o tcp.analyze_sequence_numbers:FALSE way.pcapng

In the file an interface is called web:eth0. Checksums are finished as a wire
would carry them. What the kernel had to drop is counted, and told."""

CONNECT = """\
What goes on through its other networks goes on. The default route is by the
network with the highest priority; of equal ones by one with both IPv4 and IPv6,
then by the first name. Published ports follow it.

The options are Docker's. --driver-opt takes
  com.docker.network.endpoint.ifname=NAME      the interface's name inside
  com.docker.network.endpoint.sysctls=K=V,...  its settings, as in
                                               net.ipv4.conf.IFNAME.log_martians

A later "netbuilder up" makes it what the file says again."""

DISCONNECT = """\
What goes on through its other networks goes on. Default route and published
ports go to the network that is next by priority. Off its last one it has a
loopback alone, and its ports wait until it is connected again."""

PUBLISH = """\
They stay beside those that it has. A PORT without HOST_PORT gets a free one,
which is told. On internal networks alone they wait, as nothing leads in."""

UNPUBLISH = """\
What is left open stands for any: 80 closes all that lead to port 80 (of TCP)
inside, 8088:80 that one, 127.0.0.1::80 those on that address. A range is closed
as it was opened, as a whole."""

NETWORK = """\
What Docker calls "docker network". A Compose file makes its own networks, and
"down" takes them back; these are for those that no file makes, which a file
can then use as external."""

NETWORK_INSPECT = """\
A list of objects with Docker's keys: Name, Scope, Driver, EnableIPv4,
EnableIPv6, IPAM, Internal, Containers (by the sandbox's name, where Docker has
an id), Options (what is not as by default, and the bridge's name) and Labels."""

NETWORK_CREATE = """\
-o takes what Docker's bridge driver does; what it does not know is refused:
  com.docker.network.bridge.enable_icc, enable_ip_masquerade, gateway_mode_ipv4,
    gateway_mode_ipv6, host_binding_ipv4, inhibit_ipv4, name,
    trusted_host_interfaces
  com.docker.network.container_iface_prefix, driver.mtu, host_ipv4, host_ipv6"""

EXEC = """\
Exit status 126 if it can't be run, 127 if there is no such command. Options
after CMD are its own."""

ISOLATED = """\
CMD becomes this process, as root of a host that only it and what it starts are
on: a network with a loopback and nothing else, and an empty /run. The host is
gone with the last of them. Files, terminal and environment stay; the machine's
network, its servers on localhost and its DNS are not reached.

This is the way for programs with threads, which cannot get there by themselves:
  netbuilder isolated -- pytest -n 4
  netbuilder isolated -- ipython
  netbuilder isolated -- python3 program.py
  netbuilder isolated -- bash             and there: netbuilder up, ps, exec ...

For Jupyter, as ~/.local/share/jupyter/kernels/isolated/kernel.json:
  {"argv": ["netbuilder", "isolated", "--", "python3", "-m",
            "ipykernel_launcher", "-f", "{connection_file}"],
   "display_name": "Python on a host of its own", "language": "python"}
Its localhost is another one, so Jupyter has to talk to it through files:
  jupyter lab --KernelManager.transport=ipc

Exit status 126 if it can't be run, 127 if there is no such command."""

COMPLETION = """\
Commands, options, files, and the sandboxes that stand (which are read off
/run/netns, without root). Where the script goes:
  bash   ~/.local/share/bash-completion/completions/netbuilder
  zsh    _netbuilder, in a directory of your $fpath
  fish   ~/.config/fish/completions/netbuilder.fish"""
