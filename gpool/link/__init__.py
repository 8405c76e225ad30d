"""Link prediction: enclosing subgraphs, WalkPool, pair scorers, heuristics and ranking metrics."""

from gpool.link.batch import LinkBatch
from gpool.link.heuristics import (
    adamic_adar,
    common_neighbors,
    katz,
    personalized_pagerank,
    resource_allocation,
)
from gpool.link.pair_scorers import DotProduct, LowRankBilinear, MLPScorer, PairScorer
from gpool.link.ranking import hits_at, mean_reciprocal_rank
from gpool.link.walk_features import WalkProfile
from gpool.link.walkpool import WalkPool
from gpool.ops.subgraph import (
    Adjacency,
    EnclosingSubgraphs,
    enclosing_subgraphs,
    iter_enclosing_subgraphs,
)

__all__ = [
    "Adjacency",
    "DotProduct",
    "EnclosingSubgraphs",
    "LinkBatch",
    "LowRankBilinear",
    "MLPScorer",
    "PairScorer",
    "WalkPool",
    "WalkProfile",
    "adamic_adar",
    "common_neighbors",
    "enclosing_subgraphs",
    "hits_at",
    "iter_enclosing_subgraphs",
    "katz",
    "mean_reciprocal_rank",
    "personalized_pagerank",
    "resource_allocation",
]
