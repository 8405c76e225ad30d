"""Readouts over every layer's node states: L x [N, C] -> [B, C]."""

from gpool.history.base import History, HistoryReadout

__all__ = ["History", "HistoryReadout"]
