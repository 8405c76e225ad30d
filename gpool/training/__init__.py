"""LightningModules: what is optimised, and what is measured."""

from gpool.training.base import TrainingModule
from gpool.training.graph import GraphTask
from gpool.training.link import LinkTask, ScoredPair
from gpool.training.node import NodeTask
from gpool.training.objective import Objective
from gpool.training.official import OfficialScores
from gpool.training.predictions import PredictionTable

__all__ = [
    "GraphTask",
    "LinkTask",
    "NodeTask",
    "Objective",
    "OfficialScores",
    "PredictionTable",
    "ScoredPair",
    "TrainingModule",
]
