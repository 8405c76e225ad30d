"""Data sets as LightningDataModules, read without the network wherever their files already lie."""

from gpool.data.base import GraphData
from gpool.data.digits import Digits
from gpool.data.extrapolation import Extrapolation
from gpool.data.folds import Split, stratified_split
from gpool.data.ogb import OGBGraph
from gpool.data.planetoid import Planetoid
from gpool.data.root import MissingData, data_root
from gpool.data.tu import TU

__all__ = [
    "TU",
    "Digits",
    "Extrapolation",
    "GraphData",
    "MissingData",
    "OGBGraph",
    "Planetoid",
    "Split",
    "data_root",
    "stratified_split",
]
