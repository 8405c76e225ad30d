"""Data sets as LightningDataModules, read without the network wherever their files already lie."""

from gpool.data.base import GraphData
from gpool.data.digits import Digits
from gpool.data.folds import Split, stratified_split
from gpool.data.root import MissingData, data_root
from gpool.data.tu import TU

__all__ = ["TU", "Digits", "GraphData", "MissingData", "Split", "data_root", "stratified_split"]
