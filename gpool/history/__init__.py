"""Readouts over every layer's node states: L x [N, C] -> [B, C]."""

from gpool.history.base import History, HistoryReadout
from gpool.history.depth import depth_encoding, depth_scores, mix_layers, normalize_depth
from gpool.history.feed_forward import FeedForward
from gpool.history.frozen import CachedHistory, cache_history
from gpool.history.histograph import HistoGraph
from gpool.history.layer_resampler import LayerResampler
from gpool.history.node_attention import NodeAttention

__all__ = [
    "CachedHistory",
    "FeedForward",
    "HistoGraph",
    "History",
    "HistoryReadout",
    "LayerResampler",
    "NodeAttention",
    "cache_history",
    "depth_encoding",
    "depth_scores",
    "mix_layers",
    "normalize_depth",
]
