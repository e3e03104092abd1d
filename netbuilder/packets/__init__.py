"""Packets as they are seen: what is in them, what NAT changed of them, and their ways through the host.

Of both:

    protocols   which they are, and the words for their packets

Of a capture:

    ring        what a ring of packets holds, each packet as it would be on a wire
    headers     what the headers of a packet say, and what neither routing nor NAT changes of it
    passage     one packet: its copies at several interfaces, and what was translated between them
    pairing     which copies are of one packet
    published   the filter that sees a published port on both sides of the NAT
    pcapng      the file that Wireshark, tshark and capinfos read

Of a trace:

    heads        the same of a packet's first bytes: nftables' events have no more
    filter       what a packet socket lets through
    marks        the rules that have a packet traced
    seen         what was seen in one namespace: frames at interfaces, events of nftables
    ways         which of that is one packet's, and in which order
    story, ends  its way, stop by stop, and where it ended
    trace        that as a value
    tell         and for a person, as text
    picture      or as SVG

Nothing here opens a socket or a file: `kernel.tap` and `kernel.station` do, for `host.capture` and `host.trace`.
"""
