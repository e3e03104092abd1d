"""Everything that touches the kernel: namespaces, netlink, nftables, /proc/sys. Nothing else in netbuilder does.

kernel       what steps ask for, done; `batches` is how that is queued and sent
observe      the answers to queries
sockets      what is open towards a host and one sandbox
thread       the thread of a host, where all of this happens
namespaces   made, pinned and entered, by system call
room         what the programs of one sandbox are in, so that they end together
init         a pid namespace, and the process that it ends with
mounts       what a program inside sees of the file system: /sys and /etc
resolver     the name servers that are reached from inside
tree         the end of one program and all that it started
netlink      a socket that takes a batch; `message` has the bytes that all netlink messages share
rtnetlink    links, addresses and routes, as messages
neighbour_table  permanent neighbours, as messages; `offloads` by ioctl
nfnetlink    elements and flows, as messages; `nftrules` has chains and rules
station      a namespace that is watched for a moment: `passing` sees packets, `nftrace` what rules do with them
questions    the route and the flow of a packet that was seen
nft          the table, through libnftables
sysctl       /proc/sys
conntrack    forgetting flows that a change makes wrong
forwarding   who has packets forwarded besides netbuilder
others       the tables of other firewalls; `iptables` reads those of iptables-legacy
host_facts   what a host is like, for defaults and refusals
privileges   whether this process may do all that, and how it gets there without root; `advice` says what to type
own_host     a process that becomes a host of its own; `user_namespace` moves it to where it is root
veth_pairs   which host veth belongs to which sandbox
"""
