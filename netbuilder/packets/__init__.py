"""Packets as they are seen: their headers, and their ways through the host.

heads        who sends it to whom, and by what its copies know each other
filter       what a packet socket lets through
marks        the rules that have a packet traced
seen         what was seen in one namespace: frames at interfaces, events of nftables
ways         which of that is one packet's, and in which order
story, ends  its way, stop by stop, and where it ended
trace        that as a value
tell         and for a person, as text
picture      or as SVG
"""
