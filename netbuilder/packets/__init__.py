"""Packets as bytes: read out of the kernel's rings, paired by what NAT leaves alone, written to a pcapng file.

    ring        what a ring of packets holds, each packet as it would be on a wire
    headers     what the headers of a packet say, and what neither routing nor NAT changes of it
    pairing     the copies of one packet at several interfaces, and what changed between them
    summary     that, as lines for a terminal
    published   the filter that sees a published port on both sides of the NAT
    pcapng      the file that Wireshark, tshark and capinfos read

Nothing here opens a socket or a file; `kernel.tap` gives the rings, and `host.capture` puts it all together.
"""
