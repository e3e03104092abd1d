"""Specs in, kernel and store made to agree with them.

engine        one host, as seen from its own thread: what each call does, from specs to a report
reader        what stands there, and what of it does not hold any more
preparation   from specs to what has to be done, with one look at the kernel
preflight     refuses what stands already and is somebody else's (pure)
changes       what has to be done: the one account of change, for `diff` and `apply` alike (pure)
transition    the values on both sides of that comparison (pure)
exchange      the table of another version (pure)
removal       what is undone together, and in which order (pure)
flows         which open flows a call makes wrong (pure)
forwarding    whether others rely on forwarding by now (pure)
surroundings  what is around networks and keeps their packets from passing (pure)
report        what was done, as a value (pure)
executor      does it, and takes it back on an error or after a kill
handles       what a handle is of
store         what we made and what we owe; `journal` has its file, its lock and its version
ledger        what the lines of that file come to (pure)
salvage       what can still be taken back of a store that another version wrote
"""
