"""Graph Parsing Networks against the authors' numbers and against the recursion written out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Batch, batches, both_ways
from torch import Tensor, nn

from gpool.models import (
    GraphParsingAutoencoder,
    GraphParsingNetwork,
    GraphParsingNodeNetwork,
    ParsingParts,
)

UNPOOLING = {"node": GraphParsingNodeNetwork, "reconstruction": GraphParsingAutoencoder}

PLACES = {
    "encoder": "embed",
    "gnn_a": "parse.encoder",
    "edge_mlp": "parse.scorer.mlp",
    "set_phi": "parse.phi",
    "set_rho": "parse.rho",
    "head": "head",
}


def filler(shape: list[int], r: int, scale: float, offset: float = 0.0) -> Tensor:
    k = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    value = (31 * k * k + 17 * k + 101 * r + 7) % 997 / 498.5 - 1
    return (offset + scale * value).view(shape)


def place(role: str, slot: str, parameter: str) -> str:
    """Where a parameter of the golden file is in this model."""
    kind, number = re.fullmatch(r"([a-z_]+)(\d+)", slot).groups()  # type: ignore[union-attr]
    i = int(number)
    if kind == "residual_norm":
        inner = "norm"
    elif kind == "conv_weight":
        inner, parameter = f"convs.{i}.lin", "weight"
    elif kind == "conv":
        inner = f"convs.{i}"
    elif role in ("set_phi", "set_rho"):
        inner = f"mlp.{3 * i}"
    else:
        inner = str(4 * i + (1 if kind == "norm" else 0))
    return f"{PLACES[role]}.{inner}.{parameter}"


def authors_model(file: dict[str, Any], **options: Any) -> tuple[GraphParsingNetwork, dict[str, str]]:
    c = file["config"]
    net = GraphParsingNetwork(
        c["in_channel"],
        hidden_channels=c["hidden_channel"],
        out_channels=c["out_channel"],
        parts=ParsingParts(
            score_layers=c["layer_gnn1"],
            set_encoder=c["layer_gnn2"],
            scorer_layers=c["layer_parsingnet"],
            set_layers=c["layer_deepsets"],
            encoder_layers=c["layer_trans"],
            plain_last=not c["act_final"],
        ),
        **options,
    ).double()
    own = dict(net.named_parameters())
    names = {}
    for p in file["params"]:
        name = place(p["role"], p["slot"], p["param"])
        value = filler(p["shape"], p["r"], p["scale"], p["offset"])
        assert abs(float(value.sum()) - p["sum"]) < 1e-12
        with torch.no_grad():
            own[name].copy_(value)
        names[f"{p['role']}.{p['slot']}.{p['param']}"] = name
    assert sorted(names.values()) == sorted(own)
    return net.eval(), names


def inputs(case: dict[str, Any]) -> tuple[Tensor, Tensor]:
    return torch.tensor(case["x"], dtype=torch.float64), both_ways(case["undirected_edges"])


@pytest.mark.parametrize("case", ["gpn_graph_share.json", "gpn_graph_ident.json"])
def test_authors_outputs_and_gradients(case: str, golden: Callable[[str], Any]) -> None:
    file = golden(case)
    batch = torch.tensor(file["batch"])
    for stop in "graph", "batch":
        net, names = authors_model(file, stop=stop)
        x, edge_index = inputs(file)
        x.requires_grad_()
        out = net(x, edge_index, None, batch, 3)
        torch.testing.assert_close(out.tolist(), file["output"], atol=1e-10, rtol=0)
        h = net.encode(x, edge_index, None)
        torch.testing.assert_close(h.tolist(), file["encoder_output"], atol=1e-10, rtol=0)
        levels = net.levels(h, edge_index, None, batch, 3)
        assert len(levels) == file["num_pooling_levels"]
        torch.testing.assert_close(
            net.read(h, batch, levels, 3).tolist(), file["readout"], atol=1e-10, rtol=0
        )
        for level, expected in zip(levels, file["levels"], strict=False):
            assert level.num_nodes == len(expected["cluster_batch_raw"])
            gate = [
                m * n
                for m, n in zip(
                    expected["mean_inside_score_raw"], expected["num_inside_directed_edges_raw"], strict=True
                )
            ]
            assert level.score is not None
            torch.testing.assert_close(sorted(level.score.tolist()), sorted(gate), atol=1e-10, rtol=0)

        coef = filler(list(out.shape), 77, 1.0)
        loss = (coef * out).sum()
        loss.backward()
        grad = file["grad"]
        assert abs(float(loss.detach()) - grad["loss"]) < 1e-10
        assert x.grad is not None
        torch.testing.assert_close(x.grad.tolist(), grad["d_x"], atol=1e-10, rtol=0)
        own = dict(net.named_parameters())
        for name, size in grad["param_grad_abs_sums"].items():
            if size is None:
                continue
            value = own[names[name]].grad
            assert value is not None
            assert abs(float(value.abs().sum()) - size) < 1e-9, name


def test_the_batch_rule_of_the_authors_and_ours(golden: Callable[[str], Any]) -> None:
    file, case = golden("gpn_graph_share.json"), golden("gpn_batch_dependence.json")
    (xa, ea), (xb, eb) = inputs(case["graphA"]), inputs(case["graphB"])
    x, edges = torch.cat([xa, xb]), torch.cat([ea, eb + xa.size(0)], dim=1)
    batch = torch.tensor([0] * xa.size(0) + [1] * xb.size(0))
    alone = [*case["output_A_alone"], *case["output_B_alone"]]
    for stop, together in ("graph", alone), ("batch", case["output_batched_A_then_B"]):
        net, _ = authors_model(file, stop=stop)
        torch.testing.assert_close(
            [net(xa, ea).tolist()[0], net(xb, eb).tolist()[0]], alone, atol=1e-10, rtol=0
        )
        torch.testing.assert_close(net(x, edges, None, batch, 2).tolist(), together, atol=1e-10, rtol=0)


@pytest.mark.parametrize("readout", ["sum", "level_mean"])
@pytest.mark.parametrize("self_loops", [False, True])
@settings(max_examples=15, deadline=None)
@given(graph=batches(max_nodes=9), seed=st.integers(0, 99))
def test_a_graph_does_not_depend_on_its_batch(
    readout: Any, self_loops: bool, graph: Batch, seed: int
) -> None:
    torch.manual_seed(seed)
    net = (
        GraphParsingNetwork(4, hidden_channels=6, out_channels=3, readout=readout, self_loops=self_loops)
        .double()
        .eval()
    )
    together = net(*graph.args)
    assert together.shape == (graph.batch_size, 3)
    for g in range(graph.batch_size):
        torch.testing.assert_close(net(*graph.alone(g))[0], together[g])


@pytest.mark.parametrize("task", ["node", "reconstruction"])
@pytest.mark.parametrize("self_loops", [False, True])
@settings(max_examples=15, deadline=None)
@given(graph=batches(max_nodes=9), seed=st.integers(0, 99))
def test_the_nodes_of_a_graph_do_not_depend_on_its_batch(
    task: Any, self_loops: bool, graph: Batch, seed: int
) -> None:
    torch.manual_seed(seed)
    net = UNPOOLING[task](4, hidden_channels=6, out_channels=3, self_loops=self_loops).double().eval()
    together = net(*graph.args)
    assert together.shape == (graph.x.size(0), 3)
    batch = graph.args[3]
    for g in range(graph.batch_size):
        torch.testing.assert_close(net(*graph.alone(g)), together[batch == g])


def test_level_means_add_up() -> None:
    net = GraphParsingNetwork(4, hidden_channels=6, out_channels=3, readout="level_mean").double().eval()
    x, edges = torch.randn(12, 4, dtype=torch.float64), both_ways([(i, i + 1) for i in range(11)])
    h = net.encode(x, edges, None)
    levels = net.levels(h, edges, None, torch.zeros(12, dtype=torch.long), 1)
    assert len(levels) >= 2
    expected = h.mean(0) + sum(level.x.mean(0) for level in levels)
    torch.testing.assert_close(net.read(h, torch.zeros(12, dtype=torch.long), levels, 1)[0], expected)


@pytest.mark.parametrize("task", ["node", "reconstruction"])
@pytest.mark.parametrize("self_loops", [True, False])
def test_the_way_down_written_out(task: Any, self_loops: bool) -> None:
    torch.manual_seed(3)
    net = (
        UNPOOLING[task](
            4,
            hidden_channels=6,
            out_channels=2,
            parts=ParsingParts(set_encoder="follow"),
            self_loops=self_loops,
        )
        .double()
        .eval()
    )
    x, edges = torch.randn(15, 4, dtype=torch.float64), both_ways([(i, i + 1) for i in range(14)] + [(0, 9)])
    h = net.embed(x)
    states, graphs, pooled = [h], [edges], []
    while True:
        level = net.parse(states[-1], graphs[-1])
        if level.num_nodes == states[-1].size(0):
            break
        pooled.append(level)
        states.append(level.x)
        graphs.append(level.edge_index)
    assert pooled
    top = states[-1]
    for k in range(len(pooled) - 1, -1, -1):
        count = torch.zeros(pooled[k].num_nodes, dtype=torch.float64)
        inside = pooled[k].cluster[graphs[k]]
        for a, b in inside.t().tolist():
            count[a] += float(a == b)
        if self_loops:
            count += pooled[k].cluster_size
        count[count == 0] = 1
        lifted = torch.stack([top[c] / count[c] for c in pooled[k].cluster.tolist()])
        top = net.up(lifted + states[k] if task == "node" else lifted, graphs[k])
    torch.testing.assert_close(net(x, edges), net.head(top))


def test_without_a_shrinking_level_the_node_model_is_encoder_and_head() -> None:
    net = GraphParsingNodeNetwork(4, hidden_channels=6, out_channels=2).double().eval()
    x, none = torch.randn(5, 4, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.long)
    torch.testing.assert_close(net(x, none), net.head(net.embed(x)))


def test_training_with_dropped_edges_reads_a_graph_where_it_stopped() -> None:
    torch.manual_seed(0)
    net = GraphParsingNetwork(4, hidden_channels=6, out_channels=2, edge_dropout=0.9).double()
    x, edges = (
        torch.randn(8, 4, dtype=torch.float64),
        both_ways([(0, 1), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]),
    )
    batch = torch.tensor([0, 0, 1, 1, 1, 1, 1, 1])
    stopped = 0
    for _ in range(60):
        h = net.encode(x, edges, None)
        levels = net.levels(h, edges, None, batch, 2)
        out = net.read(h, batch, levels, 2)
        if levels and int((levels[0].batch == 0).sum()) == 2:
            torch.testing.assert_close(out[0], h[:2].sum(0))
            stopped += 1
    assert stopped > 5


def test_reconstruction_learns_a_ring() -> None:
    torch.manual_seed(
        1
    )  # two arcs are told apart: the best that two clusters of a ring allow is half the variance
    angle = torch.arange(16) * (2 * torch.pi / 16)
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    edges = both_ways([(i, (i + 1) % 16) for i in range(16)])
    net = GraphParsingAutoencoder(2, hidden_channels=32, out_channels=2, max_levels=1)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    first = ((net(x, edges) - x) ** 2).mean().item()
    for _ in range(120):
        optimizer.zero_grad()
        loss = ((net(x, edges) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert net.parse(net.embed(x), edges).num_nodes == 2
    assert 0.2 < loss.item() < 0.27 < 0.5 * first


def test_a_given_encoder_and_weights() -> None:
    class History(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin = nn.Linear(4, 6)

        def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None) -> list[Tensor]:
            assert edge_attr is not None
            return [x, self.lin(x) + edge_attr.sum()]

    net = GraphParsingNetwork(4, hidden_channels=6, out_channels=2, encoder=History(), weighted=True)
    edges = both_ways([(0, 1), (1, 2)])
    one, two = (net(torch.ones(3, 4), edges, torch.full((4,), w)) for w in (1.0, 2.0))
    assert one.shape == (1, 2)
    assert not torch.allclose(one, two)


@pytest.mark.parametrize(
    ("name", "value"),
    [("readout", "mean"), ("ties", "x"), ("stop", "x")],
)
def test_bad_options_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        GraphParsingNetwork(4, hidden_channels=6, out_channels=2, **{name: value})


def test_bad_numbers_of_layers_are_named() -> None:
    with pytest.raises(ValueError, match="set_encoder='shared' must be"):
        ParsingParts(set_encoder="shared")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="up_layers='share' must be"):
        GraphParsingNodeNetwork(4, hidden_channels=6, out_channels=2, up_layers="share")  # type: ignore[arg-type]


def test_autocast_and_gradients() -> None:
    net = GraphParsingNetwork(4, hidden_channels=8, out_channels=2)
    x, edges = torch.randn(10, 4), both_ways([(i, i + 1) for i in range(9)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = net(x, edges)
    out.float().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())
