"""Packets as bytes: read out of the kernel's rings, paired by what NAT leaves alone, written to a pcapng file.

    ring        what a ring of packets holds, each packet as it would be on a wire
    headers     what the headers of a packet say, and what neither routing nor NAT changes of it
    passage     one packet: its copies at several interfaces, and what was translated between them
    pairing     which copies are of one packet
    published   the filter that sees a published port on both sides of the NAT
    pcapng      the file that Wireshark, tshark and capinfos read

Nothing here opens a socket or a file; `kernel.tap` gives the rings, and `host.capture` puts it all together.
"""
