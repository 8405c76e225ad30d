"""Handwritten digits as graphs: real data that ships with scikit-learn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from gpool.data.base import GraphData

__all__ = ["Digits", "image_graph"]


def image_graph(image: Tensor, label: int) -> Data:
    """The pixels with ink of a gray image, each joined to those of its 8 neighbors that have ink.

    ``image`` [H, W] with values from 0 (no ink) to 1 -> ``x`` [N, 3] (intensity, column and row from -1 to
    1), directed edges [2, E], both ways.
    """
    height, width = image.shape
    row, col = image.nonzero(as_tuple=True)
    node = torch.full((height + 2, width + 2), -1)  # a frame of no ink, so that no pixel lacks a neighbor
    node[row + 1, col + 1] = torch.arange(row.numel())
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    neighbor = torch.stack([node[row + 1 + i, col + 1 + j] for i, j in steps])  # [8, N]
    step, target = (neighbor >= 0).nonzero(as_tuple=True)
    edge_index = torch.stack([neighbor[step, target], target])
    position = torch.stack([col / (width - 1), row / (height - 1)], dim=1) * 2 - 1
    x = torch.cat([image[row, col].unsqueeze(1), position], dim=1)
    return Data(x=x, edge_index=edge_index, y=torch.tensor([label]))


class Digits(GraphData):
    """1,797 handwritten digits of 8 x 8 pixels as graphs, 10 classes; needs no download.

    A node for each pixel with ink (its intensity, column and row are its 3 features), an edge between
    neighbors, diagonals included. The images are those of ``sklearn.datasets.load_digits`` (the test part of
    the UCI set "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998). Arguments: see
    :class:`GraphData`.
    """

    def load(self) -> list[Data]:
        """All 1,797 graphs."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = torch.from_numpy(digits.images).float() / 16
        return [image_graph(image, int(label)) for image, label in zip(images, digits.target, strict=True)]
