"""Link features: WalkPool; scorers of node pairs; heuristics."""

from gpool.link.walkpool import WalkPool

__all__ = ["WalkPool"]
