"""Links to predict: graphs of users and of known sets, their splits, negatives, features and batches.

Here belongs what turns edges into batches of target links. Subgraphs are cut by :mod:`gpool.ops.subgraph`;
models and scorers belong to :mod:`gpool.models` and :mod:`gpool.link`.
"""

from gpool.data.links.audit import audit
from gpool.data.links.module import Links

__all__ = ["Links", "audit"]
