"""Everything that touches the kernel: namespaces, netlink, nftables, /proc/sys. Nothing else in netbuilder does."""
