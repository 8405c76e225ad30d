"""Pure functions on tensors: whatever scatters, sorts, walks a graph or works in blocks for a cache.

Rooms: :mod:`~gpool.ops.segment` (reductions over ragged segments), :mod:`~gpool.ops.attention` (inside every
graph of a batch), :mod:`~gpool.ops.partition` (nodes to clusters to smaller graphs),
:mod:`~gpool.ops.subgraph` (around target links), :mod:`~gpool.ops.csr` (sparse products),
:mod:`~gpool.ops.checks` (of arguments). Files whose names begin with an underscore are their machinery. No
parameters, no modules: layers live in the packages above.
"""
