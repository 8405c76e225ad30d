"""Every module of the package, and PyG's common ones, described by its attributes and built again."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch_geometric.nn import GCNConv, GINConv, GraphConv, aggr
from torch_geometric.nn import models as pyg

import gpool
from gpool import history, link, models, pooling, readout
from gpool.link.heuristics import adamic_adar
from gpool.models import Encoder, ParsingParts
from gpool.models.residual_gcn import ResidualGCN
from gpool.training.likeness import difference
from gpool.training.recipe import Given, build, describe, missing

OWN: list[nn.Module] = [
    gpool.GNP(8, p=2.0, q=0.5, branch="both", mix="sum", eps_mode="clamp", negative="abs"),
    gpool.GNP(None, learn=False),
    gpool.LogMeanExp(8),
    readout.GeneralizedSum(8, out_channels=4, prototypes=5, keep=0.5, sharpness=2.0),
    readout.Mixture([gpool.GNP(8), aggr.MeanAggregation()], gate="graph", channels=8),
    readout.Slots(8, slots=2, steps=2, hidden=5, mixture=True, eps=1e-6, min_variance=0.1),
    readout.QueryAttention(8, query=2, heads=2, power=2.0, steps=1, output="residual", bias=True),
    readout.QueryAttention(8, value="identity", layer_norm=False, scale=0.5),
    readout.ExponentialAdaptive(8),
    readout.TokenGraph(8, convs=[GraphConv(8, 4)], readout=gpool.GNP(4), tau=0.3, jump="mean"),
    readout.Nested(aggr.MeanAggregation(), gpool.PowerMean(8, p=2.0)),
    gpool.PowerMean(8, p=3.0, groups=2, negative="shift"),
    gpool.HistoGraph(
        8, heads=2, in_channels=[3, 8], norm="softmax", layer_norm=True, mix="learned"
    ),
    gpool.HistoGraph(8, node_attention=False, pos_enc=False, in_channels=[8, 8], shared_projection=False),
    gpool.HistoGraph(8, residual=True, feed_forward=2, mix=0.5, qk_bias=True),
    gpool.HistoGraph(8, dropout=0.1, zero_token=True, max_nodes=9, tie_qk_init=True, eps=1e-3),
    gpool.LayerResampler(8, num_layers=3, latents=2, heads=2, feed_forward=0, residual=False, dropout=0.1),
    gpool.LayerResampler(8, in_channels=[3, 8], feed_forward=2, normalize=False),
    history.CachedHistory([3, 5]),
    history.FeedForward(8, factor=2, residual=True, layer_norm=True),
    history.NodeAttention(8, heads=2, dropout=0.1, zero_token=True, max_nodes=7),
    gpool.EdgeContraction(8, merge="components", score="tanh", contract=0.3, gate=False, reduce="max"),
    gpool.EdgeContraction(8, scorer=pooling.ProductScorer(8, num_layers=3, dropout=0.1)),
    gpool.GraphParsing(8, scorer_layers=3, set_layers=2, dropout=0.1, plain_last=False, ties="merge"),
    gpool.GraphParsing(8, scorer=pooling.ConcatScorer(8), encoder=ResidualGCN(8, num_layers=2)),
    gpool.GraphParsing(8, set_encoder=ResidualGCN(8), gate="mean", weighted=True, check_symmetric=False),
    pooling.ProductScorer(8, num_layers=3, dropout=0.1),
    pooling.ConcatScorer(8),
    gpool.SparseCoarsening(8, ratio=3, nonlinearity=torch.sigmoid, eps=1e-6),
    link.WalkPool(8, hidden_channels=4, heads=1, walk_length=3, dropout=0.1),
    link.MLPScorer(8, hidden_channels=4, num_layers=3, dropout=0.1),
    link.LowRankBilinear(8, 6, out=2, rank=3, normalize=True, eps=1e-3),
    link.DotProduct(),
    Encoder(3, hidden_channels=8, num_layers=2, conv="gat", norm="layer", residual=True, dropout=0.2),
    Encoder(3, hidden_channels=8, num_layers=1, norm=None),
    models.MoleculeEncoder(hidden_channels=4, num_layers=2, dropout=0.1, residual=True),
    models.MLPHead(3, hidden_channels=4, out_channels=5, dropout=0.1),
    models.GraphModel(Encoder(3, hidden_channels=8), readout=gpool.GNP(8), out_channels=2),
    models.GraphModel(
        Encoder(3, hidden_channels=8, num_layers=2),
        readout=gpool.HistoGraph(8),
        head=nn.Sequential(nn.Linear(8, 4, bias=False), nn.ReLU(), nn.Dropout(0.3), nn.Linear(4, 2)),
        pooling=[gpool.SparseCoarsening(8), gpool.EdgeContraction(8)],
        coarse_layers=2,
        levels="last",
    ),
    models.NodeModel(Encoder(3, hidden_channels=8), readout=gpool.HistoGraph(8), out_channels=2, dropout=0.2),
    models.PairModel(Encoder(3, hidden_channels=8), scorer=link.MLPScorer(8)),
    models.HeuristicModel(adamic_adar),
    models.GraphParsingNetwork(
        3, hidden_channels=8, out_channels=4, edge_dropout=0.1,
        parts=ParsingParts(score_layers=1, set_encoder="follow"),
        self_loops=True, ties="merge", stop="batch", weighted=True, readout="level_mean", max_levels=2,
    ),
    models.GraphParsingNetwork(3, hidden_channels=8, encoder=Encoder(3, hidden_channels=8, num_layers=1)),
    models.GraphParsingNodeNetwork(3, hidden_channels=8, out_channels=4, up_layers=1, self_loops=False),
    models.GraphParsingAutoencoder(3, hidden_channels=8, out_channels=3, ties="merge"),
    models.SparseHierarchicalNet(
        3, hidden_channels=8, out_channels=4, num_levels=2, ratio=3, dropout=0.1, embed=True, bias=True
    ),
    models.ClosedMeanConv(3, 4, bias=True),
    models.WalkPoolNetwork(3, hidden_channels=8, heads=1, walk_length=3, dropout=0.1, max_label=3),
    models.LinkModel(
        Encoder(12, hidden_channels=8), models.AllLayers(aggr.SortAggregation(k=3)), in_channels=3,
        node_channels=8, labels=models.NodeLabels(4, kind="de"), pooling=[gpool.SparseCoarsening(8)],
    ),
    models.LinkModel(Encoder(3, hidden_channels=8, num_layers=2), gpool.WalkPool(19), in_channels=3),
    models.AllLayers(gpool.GNP(8)),
    models.CommonNeighborModel(Encoder(3, hidden_channels=8), dropout=0.1, mask_targets=False),
    models.SketchModel(Encoder(3, hidden_channels=8), num_hops=1, register_size=64),
    models.WholeGraphWalk(models.BoostedLinks(max_iter=3)),
    models.BoostedLinks(link.WalkProfile(walk_length=3), max_iter=7),
    link.WalkProfile(walk_length=3),
    models.NodeLabels(4, max_label=3, join="add"),
    models.SubgraphEncoder(3, 4, dropout=0.1),
    models.EmbeddingEncoder(5, hidden_channels=8, dropout=0.1),
    models.AlgorithmicModel(
        3, out_channels=1, aggregation=aggr.SumAggregation(), readout=gpool.GNP(8),
        hidden_channels=8, num_layers=1,
        weighted=True, mlp=False,
    ),
    models.AlgorithmicModel(3, out_channels=1, aggregation=gpool.GNP(3), readout=gpool.GNP(3), num_layers=0),
]  # fmt: skip

PYG: list[nn.Module] = [
    aggr.MeanAggregation(),
    aggr.MedianAggregation(),
    aggr.SoftmaxAggregation(t=0.3, learn=True, channels=8),
    aggr.SoftmaxAggregation(t=0.3, semi_grad=True),
    aggr.PowerMeanAggregation(p=2.0, learn=True, channels=4),
    aggr.QuantileAggregation([0.1, 0.5], interpolation="nearest"),
    aggr.Set2Set(8, processing_steps=3),
    aggr.SortAggregation(3),
    aggr.LSTMAggregation(3, 4),
    aggr.GRUAggregation(3, 4),
    aggr.AttentionalAggregation(nn.Linear(8, 1), nn.Sequential(nn.Linear(8, 4), nn.ReLU())),
    aggr.MultiAggregation(["mean", aggr.SoftmaxAggregation(t=2.0)], mode="sum"),
    aggr.DeepSetsAggregation(nn.Linear(3, 3), None),
    aggr.SetTransformerAggregation(8, 2, 1, 1, heads=2),
    aggr.GraphMultisetTransformer(8, 4, heads=2),
    GCNConv(3, 4, bias=False, add_self_loops=False),
    GINConv(pyg.MLP([3, 4, 5], dropout=0.1), eps=0.3),
    pyg.GIN(3, 8, num_layers=2, out_channels=4),
    pyg.GraphSAGE(3, 8, num_layers=2, dropout=0.3, jk="cat", norm="batch_norm"),
    pyg.GCN(3, 8, num_layers=2, act="elu"),
]


def public_modules() -> list[type[nn.Module]]:
    abstract = {pooling.Pooling, history.HistoryReadout, models.FittedModel}
    public = [getattr(p, name) for p in (readout, history, pooling, models, link) for name in p.__all__]
    return [c for c in public if inspect.isclass(c) and issubclass(c, nn.Module) and c not in abstract]


def needed(made: type[nn.Module]) -> list[str]:
    arguments = inspect.signature(made).parameters.values()
    return [argument.name for argument in arguments if argument.default is inspect.Parameter.empty]


LISTED = {type(module) for module in OWN}
OWN += [made(8) for made in public_modules() if made not in LISTED and needed(made) == ["channels"]]


@pytest.mark.parametrize("module", [*OWN, *PYG], ids=lambda module: type(module).__name__)
def test_a_module_is_built_again_from_its_description(module: nn.Module) -> None:
    described = describe(module)
    assert list(missing(described)) == []
    built = build(described)
    assert repr(built) == repr(module)
    assert difference(module, built) is None
    built.load_state_dict(module.state_dict())
    for name, value in vars(module).items():  # what the constructor was told, tensors and modules apart
        if isinstance(value, (bool, int, float, str, list)):
            assert vars(built)[name] == value


def test_every_public_module_is_among_them() -> None:
    assert set(public_modules()) <= {type(module) for module in OWN}


class Forgets(nn.Module):
    """Keeps its width, but not how many layers it has: the default builds another module."""

    def __init__(self, width: int, depth: int = 1) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))


class Scales(nn.Module):
    """Its state says nothing of what it does."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.factor = 2 * scale


class Acts(nn.Module):
    """What it was told is in a function only."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.act = lambda x: x * scale


class Holds(nn.Module):
    def __init__(self, part: nn.Module, twin: nn.Module | None = None) -> None:
        super().__init__()
        self.part, self.twin = part, twin


def lacking(module: nn.Module) -> dict[str, str]:
    return dict(missing(describe(module)))


def test_a_module_that_is_built_otherwise_is_missing() -> None:
    assert lacking(Forgets(4)) == {}
    assert "other modules" in lacking(Forgets(4, depth=2))[""]
    assert lacking(Acts(1.0)) == {}
    assert "Acts.act is" in lacking(Acts(3.0))[""]
    assert lacking(Scales(1.0)) == {}
    assert lacking(Scales(3.0)) == {"": "Scales.factor is 6.0, but 2.0 when it is built from its attributes"}


def test_the_part_that_is_to_blame_is_named() -> None:
    assert list(lacking(Holds(nn.Linear(2, 2), Holds(Scales(3.0))))) == ["twin.part"]
    assert list(lacking(Holds(nn.Sequential(nn.Linear(2, 2), Forgets(2, 2))))) == ["part.0.0.1.1"]


def test_a_module_that_is_shared_is_not_described_as_two() -> None:
    one = nn.Linear(2, 2)
    assert "other modules" in lacking(Holds(one, one))[""]


def test_functions_partials_and_classes_go_by_import_path() -> None:
    from torch.optim import SGD

    part = partial(SGD, lr=0.1, betas=(0.9, 0.99))
    held: dict[str, Any] = describe(models.HeuristicModel(part))["init_args"]["score"]
    assert held["args"] == [{"import": "torch.optim.SGD"}]
    again = build(held)
    assert (again.func, again.keywords) == (SGD, part.keywords)
    local = lambda graph, pairs: pairs  # noqa: E731
    assert "has no import path" in lacking(models.HeuristicModel(local))["score"]
    assert build(Given(local)) is local


def test_describing_draws_no_random_numbers() -> None:
    module = Encoder(3, hidden_channels=8)
    before = torch.get_rng_state()
    describe(module)
    assert torch.equal(before, torch.get_rng_state())
