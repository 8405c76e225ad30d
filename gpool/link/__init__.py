"""Link features: WalkPool; scorers of node pairs; heuristics."""

from gpool.link.pair_scorers import DotProduct, LowRankBilinear, MLPScorer, PairScorer
from gpool.link.ranking import hits_at, mean_reciprocal_rank
from gpool.link.walkpool import WalkPool

__all__ = [
    "DotProduct",
    "LowRankBilinear",
    "MLPScorer",
    "PairScorer",
    "WalkPool",
    "hits_at",
    "mean_reciprocal_rank",
]
