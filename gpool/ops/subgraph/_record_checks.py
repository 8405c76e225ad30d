"""What a record of enclosing subgraphs must fulfil, so that no kernel reads outside of its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gpool.ops.checks.parts import check_ids, check_order, check_pointer, check_shape

if TYPE_CHECKING:
    from gpool.ops.subgraph.record import EnclosingSubgraphs

__all__ = [
    "check_counts",
    "check_edges",
    "check_record",
    "check_reversed",
    "find_targets",
]


def check_edges(edge_index: Tensor, is_target: Tensor) -> None:
    """Shapes and types of edges and their marks."""
    check_shape("edge_index", edge_index, (2, None), torch.int64)
    check_shape("is_target", is_target, (edge_index.size(1),), torch.bool)


def _check_shapes(edge_index: Tensor, is_target: Tensor, target: Tensor, batch: Tensor, node: Tensor) -> None:
    check_edges(edge_index, is_target)
    check_shape("target", target, (None, 2), torch.int64)
    check_shape("batch", batch, (None,), torch.int64)
    check_shape("node", node, (batch.numel(),), torch.int64)


def check_counts(nodes: Tensor, edges: Tensor, degree: Tensor, node: Tensor, source: Tensor) -> None:
    """Numbers of nodes and edges of every subgraph, and of edges of every node, add up."""
    for name, count, total in (
        ("nodes", nodes, node.numel()),
        ("edges", edges, source.numel()),
        ("degree", degree, source.numel()),
    ):
        if int(count.sum()) != total or (count.numel() > 0 and int(count.min()) < 0):
            raise ValueError(
                f"{name} adds up to {int(count.sum())}; it must be at least 0 and {total} in sum"
            )
    if degree.numel() != node.numel() or bool((degree < 1).any()):
        raise ValueError(f"degree of {degree.numel()} entries must be 1 or more, for {node.numel()} nodes")


def check_reversed(
    source: Tensor,
    destination: Tensor,
    order: Tensor,
    batch: Tensor,
    of_edge: Tensor,
    target: Tensor,
    counts: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Sorted edges inside of their subgraphs, the reverse of each, and targets of two nodes."""
    nodes, edges, degree = counts
    for name, ids, size in (("source", source, batch.numel()), ("reverse", order, source.numel())):
        check_ids(name, ids, size)
    key = destination * batch.numel() + source
    if bool((key[1:] <= key[:-1]).any()):
        raise ValueError("source must rise among the edges that end in a node, which come in rising order")
    if not torch.equal(destination.index_select(0, order), source) or not torch.equal(
        source.index_select(0, order), destination
    ):
        raise ValueError("reverse must be the position of the edge in the other direction")
    ends = torch.nn.functional.pad(degree.cumsum(0), (1, 0))[nodes.cumsum(0)]
    if not torch.equal(ends, edges.cumsum(0)) or not torch.equal(batch.index_select(0, source), of_edge):
        raise ValueError("degree or source leads an edge out of its subgraph")
    check_ids("target", target, batch.numel(), "node")
    if not torch.equal(batch[target], torch.arange(nodes.numel()).unsqueeze(1).expand(-1, 2)):
        raise ValueError("target lies outside of its subgraph")
    if bool((target[:, 0] == target[:, 1]).any()):
        raise ValueError("target joins a node to itself; a target link needs i != j")


def check_record(record: EnclosingSubgraphs) -> None:
    """All of a record: each part by itself, and against the others."""
    _check_shapes(record.edge_index, record.is_target, record.target, record.batch, record.node)
    nodes, (source, destination) = record.num_nodes, record.edge_index
    check_ids("edge_index", record.edge_index, nodes, "node")
    check_ids("target", record.target, nodes, "node")
    check_ids("batch", record.batch, record.num_graphs, "subgraph")
    for name, pointer, ids in (("rowptr", record.rowptr, destination), ("colptr", record.colptr, source)):
        check_shape(name, pointer, (nodes + 1,), torch.int64)
        check_pointer(name, pointer, ids.numel())
    if not torch.equal(torch.repeat_interleave(record.rowptr.diff()), destination):
        raise ValueError("rowptr and edge_index disagree; rowptr must count the edges that end in every node")
    check_shape("order", record.order, source.shape, torch.int64)
    check_order("order", record.order)
    by_source = source.index_select(0, record.order)
    if not torch.equal(torch.repeat_interleave(record.colptr.diff()), by_source):
        raise ValueError("order and colptr disagree with edge_index; order must sort the edges by source")
    _check_targets(record)
    _check_ends(record)


def _check_targets(record: EnclosingSubgraphs) -> None:
    """Every target is the link that its subgraph's target edges name; no edge leaves its subgraph."""
    of_edge = torch.repeat_interleave(record.batch, record.rowptr.diff())
    of_source = record.batch.index_select(0, record.edge_index[0])
    if not torch.equal(of_edge, of_source):
        e = int((of_edge != of_source).nonzero()[0, 0])
        raise ValueError(f"edge {e} joins two subgraphs; batch must give both its nodes the same one")
    mine = record.is_target.nonzero().squeeze(1)
    named = find_targets(record.edge_index.index_select(1, mine), of_edge[mine], record.num_graphs)
    wrong = (record.target.sort(1).values != named).any(1)
    if bool(wrong.any()):
        b = int(wrong.nonzero()[0, 0])
        raise ValueError(
            f"target[{b}] = {tuple(record.target[b].tolist())} must be the link {tuple(named[b].tolist())} "
            "that is_target marks"
        )


def _check_ends(record: EnclosingSubgraphs) -> None:
    """``end_edge`` and ``end_slot`` are the edges into the targets, in rising order."""
    check_shape("end_edge", record.end_edge, (None,), torch.int64)
    check_shape("end_slot", record.end_slot, record.end_edge.shape, torch.int64)
    ends = record.target.reshape(-1)
    check_ids("end_edge", record.end_edge, record.num_edges)
    check_ids("end_slot", record.end_slot, ends.numel())
    if int(record.rowptr.diff()[ends].sum()) != record.end_edge.numel() or bool(
        (record.end_edge.diff() <= 0).any()
    ):
        raise ValueError("end_edge must hold every edge that ends in a target node once, in rising order")
    if not torch.equal(ends[record.end_slot], record.edge_index[1][record.end_edge]):
        raise ValueError("end_slot and end_edge disagree with target; a slot is 2 b or 2 b + 1 of target[b]")


def find_targets(edges: Tensor, graph: Tensor, num_graphs: int) -> Tensor:
    """The one pair {i, j}, i < j, that the target edges of every graph join in both directions: [B, 2]."""
    low, high = edges.amin(0), edges.amax(0)
    i = torch.full((num_graphs,), -1, dtype=torch.long, device=edges.device)
    j = i.clone()
    i[graph], j[graph] = low, high
    forward, backward = torch.zeros_like(i), torch.zeros_like(i)
    forward.index_add_(0, graph, (edges[0] < edges[1]).long())
    backward.index_add_(0, graph, (edges[0] > edges[1]).long())
    several = torch.zeros_like(i, dtype=torch.bool)
    several[graph[(i[graph] != low) | (j[graph] != high)]] = True
    for wrong, what in (
        (i < 0, "has no target edge"),
        (several, "has target edges between more than one pair"),
        (i == j, "has a target link from a node to itself"),
        ((forward == 0) | (backward == 0), "has its target link in one direction only"),
    ):
        if bool(wrong.any()):
            b = int(wrong.nonzero()[0, 0])
            raise ValueError(f"subgraph {b} {what}; is_target must mark both directions of one link i != j")
    return torch.stack([i, j], dim=1)
