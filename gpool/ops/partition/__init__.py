"""From scores of nodes and edges to a partition of the nodes, and to the smaller graph that it makes.

Here belongs what decides which nodes stay or come together and what becomes of their edges, as pure
functions. Layers with parameters belong to :mod:`gpool.pooling`.
"""

from gpool.ops.partition.budget_gate import budget_gate
from gpool.ops.partition.clusters import components, label_clusters, matching, parse, parse_merge
from gpool.ops.partition.gated_rows import gated_rows
from gpool.ops.partition.quotient import Coarse, induced, lift, quotient
from gpool.ops.partition.topk import keep_count, topk_select

__all__ = [
    "Coarse",
    "budget_gate",
    "components",
    "gated_rows",
    "induced",
    "keep_count",
    "label_clusters",
    "lift",
    "matching",
    "parse",
    "parse_merge",
    "quotient",
    "topk_select",
]
