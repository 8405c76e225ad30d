"""Readouts over every layer's node states: L x [N, C] -> [B, C]."""

from gpool.history.base import History, HistoryReadout
from gpool.history.depth import depth_encoding, depth_scores, mix_layers, normalize_depth
from gpool.history.frozen import CachedHistory, cache_history
from gpool.history.histograph import HistoGraph
from gpool.history.layer_resampler import LayerResampler
from gpool.history.node_attention import NodeAttention
from gpool.history.node_block import Block, NodeBlock

__all__ = [
    "Block",
    "CachedHistory",
    "HistoGraph",
    "History",
    "HistoryReadout",
    "LayerResampler",
    "NodeAttention",
    "NodeBlock",
    "cache_history",
    "depth_encoding",
    "depth_scores",
    "mix_layers",
    "normalize_depth",
]
