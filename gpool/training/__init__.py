"""LightningModules: losses, optimizers and metrics of graph, node and link models."""

from gpool.training.base import TrainingModule
from gpool.training.graph import GraphTask
from gpool.training.link import LinkTask, ScoredPair
from gpool.training.node import NodeTask
from gpool.training.objective import Objective
from gpool.training.official import OfficialScores
from gpool.training.predictions import PredictionTable
from gpool.training.schedule import WarmupCosine

__all__ = [
    "GraphTask",
    "LinkTask",
    "NodeTask",
    "Objective",
    "OfficialScores",
    "PredictionTable",
    "ScoredPair",
    "TrainingModule",
    "WarmupCosine",
]
