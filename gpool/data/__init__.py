"""Data sets as LightningDataModules, read without the network wherever their files already lie."""

from gpool.data.base import GraphData
from gpool.data.digits import Digits
from gpool.data.extrapolation import Extrapolation
from gpool.data.files.splits import read_split
from gpool.data.folds import Split, stratified_split
from gpool.data.graphs import Graphs, NewGraphs
from gpool.data.links import Links
from gpool.data.links.candidates import AllPairs, BestBy, Candidates, TwoHop
from gpool.data.links.features import Features, NodeIds, OneHotFeatures, OnesFeatures, OwnFeatures
from gpool.data.links.graph import LinkGraph
from gpool.data.links.loader import Neighborhood
from gpool.data.links.published_split import PublishedSplit
from gpool.data.links.random_split import RandomSplit
from gpool.data.links.split import LinkSplit
from gpool.data.links.vgae import VGAEFeatures
from gpool.data.nodes import NewNodes, Nodes
from gpool.data.ogb import OGBGraph
from gpool.data.one_graph import OneGraph
from gpool.data.planetoid import Planetoid
from gpool.data.ring_or_grid import RingOrGrid
from gpool.data.root import MissingData, data_root
from gpool.data.tu import TU

__all__ = [
    "TU",
    "AllPairs",
    "BestBy",
    "Candidates",
    "Digits",
    "Extrapolation",
    "Features",
    "GraphData",
    "Graphs",
    "LinkGraph",
    "LinkSplit",
    "Links",
    "MissingData",
    "Neighborhood",
    "NewGraphs",
    "NewNodes",
    "NodeIds",
    "Nodes",
    "OGBGraph",
    "OneGraph",
    "OneHotFeatures",
    "OnesFeatures",
    "OwnFeatures",
    "Planetoid",
    "PublishedSplit",
    "RandomSplit",
    "RingOrGrid",
    "Split",
    "TwoHop",
    "VGAEFeatures",
    "data_root",
    "read_split",
    "stratified_split",
]
