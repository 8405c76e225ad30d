"""Checks of a link split: no leaks between its parts, no links among its negatives."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor

from gpool.data.links.graph import LinkGraph
from gpool.data.links.split import Leak, LinkSplit
from gpool.ops.checks.parts import is_integer

__all__ = ["ValidationEdges", "audit", "audit_parts", "audit_whole"]

ValidationEdges = Literal["none", "inference", "train+inference"]


def audit(split: LinkSplit, graph: LinkGraph, val_edges: ValidationEdges = "none") -> tuple[Leak, ...]:
    """Check a split of a graph; return those of its leaks that ``split.allow`` accepts, each with a warning.

    The pairs must be two different nodes of the graph. The leaks are

    - ``"observed"``: a validation or test link that models see when it is scored. They see the training links
      and, by ``val_edges``, the validation links; ``"train+inference"`` shows these on purpose.
    - ``"link in two parts"``, in either direction.
    - ``"negative is a link"``, of any part or of the graph.
    - ``"negative in two parts"``, in either direction.

    Raises:
        ValueError: a pair that is none, or leaks that are not accepted, with a count and an example of each.

    >>> import torch
    >>> path = LinkGraph.from_edges(torch.tensor([[0, 1, 2], [1, 2, 3]]))
    >>> one = torch.tensor([[0, 2]])
    >>> audit(LinkSplit(path.pairs[:1], one, path.pairs[1:2], one, path.pairs[2:], one[:0]), path)
    Traceback (most recent call last):
    ValueError: split: negative in two parts: 1 of val_neg are also in train_neg, such as val_neg[0] = (0, 2)
    """
    return audit_parts(split.parts(), graph, val_edges, split.allow)


def audit_parts(
    parts: Mapping[str, Tensor],
    graph: LinkGraph,
    val_edges: ValidationEdges = "none",
    allow: Collection[Leak] = (),
    source: str = "split",
) -> tuple[Leak, ...]:
    """:func:`audit` of pairs [., 2] under names such as ``train_pos``; ``source`` names them in messages."""
    for name, pairs in parts.items():
        _check_pairs(name, pairs, graph.num_nodes, source)
    keys = {name: _keys(pairs, graph.num_nodes) for name, pairs in parts.items()}
    known = [_keys(graph.pairs, graph.num_nodes), *(keys[name] for name in keys if name.endswith("_pos"))]
    found = list(_leaks({**keys, "links": torch.cat(known)}, parts, val_edges))
    wrong = [f"{leak}: {said}" for leak, said in found if leak not in allow]
    if wrong:
        raise ValueError(f"{source}: {'; '.join(wrong)}")
    for leak, said in found:
        warnings.warn(f"{source}: {leak}: {said}, which allow={tuple(allow)} accepts", stacklevel=3)
    return tuple(dict.fromkeys(leak for leak, _ in found))


def audit_whole(parts: Mapping[str, Tensor], graph: LinkGraph, source: str) -> None:
    """Check that parts, sound by :func:`audit_parts`, hold every link of the graph, and no pair twice.

    Raises:
        ValueError: for the first pair that breaks a rule, or links that are left out.
    """
    known = _keys(graph.pairs, graph.num_nodes)
    for name, pairs in parts.items():
        key = _keys(pairs, graph.num_nodes)
        wrong = ~torch.isin(key, known)
        if name.endswith("_pos") and bool(wrong.any()):
            raise ValueError(f"{source}: {_example(name, wrong, pairs)} is no link of the graph")
        order = key.argsort(stable=True)
        again = torch.zeros_like(key, dtype=torch.bool)
        again[order[1:]] = key[order].diff() == 0
        if bool(again.any()):
            raise ValueError(f"{source}: {_example(name, again, pairs)} stands twice in {name}")
    every = torch.cat([pairs for name, pairs in parts.items() if name.endswith("_pos")])
    left = ~torch.isin(known, _keys(every, graph.num_nodes))
    if bool(left.any()):
        raise ValueError(
            f"{source} leaves out {int(left.sum())} of the graph's {known.numel()} links, "
            f"such as {_example('pairs', left, graph.pairs)}"
        )


def _leaks(
    keys: Mapping[str, Tensor], parts: Mapping[str, Tensor], val_edges: ValidationEdges
) -> Iterator[tuple[Leak, str]]:
    """Every leak, with its count and an example."""
    for leak, name, other, verb in _rules(list(parts), val_edges):
        wrong = torch.isin(keys[name], keys[other])
        if bool(wrong.any()):
            example = _example(name, wrong, parts[name])
            yield leak, f"{int(wrong.sum())} of {name} {verb} {other}, such as {example}"


def _rules(names: list[str], val_edges: ValidationEdges) -> Iterator[tuple[Leak, str, str, str]]:
    """The leak that it is if a pair of one part is of another one too."""
    seen = ("train_pos",) if val_edges == "none" else ("train_pos", "val_pos")
    links = [name for name in names if name.endswith("_pos")]
    negatives = [name for name in names if name.endswith("_neg")]
    for k, name in enumerate(links):
        for other in links[:k]:
            yield "observed" if other in seen else "link in two parts", name, other, "are also in"
    for name in negatives:
        yield "negative is a link", name, "links", "are"
    for k, name in enumerate(negatives):
        for other in negatives[:k]:
            yield "negative in two parts", name, other, "are also in"


def _keys(pairs: Tensor, num_nodes: int) -> Tensor:
    return pairs.amin(1) * num_nodes + pairs.amax(1)


def _check_pairs(name: str, pairs: Tensor, num_nodes: int, source: str) -> None:
    if pairs.dim() != 2 or pairs.size(1) != 2 or not is_integer(pairs):
        raise ValueError(
            f"{source}: {name} of shape {tuple(pairs.shape)} and {pairs.dtype} must be [., 2] of integers"
        )
    for wrong, why in (
        (((pairs < 0) | (pairs >= num_nodes)).any(1), f"hold a node outside 0 .. {num_nodes - 1}"),
        (pairs[:, 0] == pairs[:, 1], "join a node to itself"),
    ):
        if bool(wrong.any()):
            example = _example(name, wrong, pairs)
            raise ValueError(f"{source}: {int(wrong.sum())} of {name} {why}, such as {example}")


def _example(name: str, wrong: Tensor, pairs: Tensor) -> str:
    k = int(wrong.nonzero()[0])
    return f"{name}[{k}] = {tuple(pairs[k].tolist())}"
