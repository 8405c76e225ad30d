"""Checks of the arrays of many graphs before tensors are made of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["edges_fit"]


def edges_fit(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether each end in ``edge_index`` [2, E] is a node of its graph, by the counts ``nodes``, ``edges``.

    A cache is held to this whenever it is read: kernels trust these indices.
    """
    ends, size = arrays["edge_index"], arrays["nodes"].repeat(arrays["edges"])
    return bool(ends.shape == (2, size.size) and (ends >= 0).all() and (ends < size).all())
