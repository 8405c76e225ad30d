"""Slots against loops over graphs, slots and nodes, and the padded form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

import gpool
from gpool.ops.segment import Segments
from gpool.testing import assert_readout

GRAPHS = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def moved(layer: gpool.Slots, read: Tensor, s: Tensor) -> Tensor:
    s = layer.update(read, s)
    return s + layer.inner(layer.norm_inner(s))


def attention_of_one(layer: gpool.Slots, x: Tensor) -> Tensor:
    """The slots of one graph, by loops over slots and nodes."""
    z = layer.norm_nodes(x)
    key, value, slots = layer.key(z), layer.value(z), list(layer.start)
    for _ in range(layer.steps):
        query = [layer.query(layer.norm_slots(s)) for s in slots]
        shares = [torch.stack([k @ q for q in query]).div(len(x[0]) ** 0.5).softmax(0) for k in key]
        shares = [a + layer.eps for a in shares]
        total = sum(shares)
        read = [
            sum(a[k] / total[k] * v for a, v in zip(shares, value, strict=True)) for k in range(layer.slots)
        ]
        slots = [moved(layer, r, s) for r, s in zip(read, slots, strict=True)]
    return torch.cat(slots)


def mixture_of_one(layer: gpool.Slots, x: Tensor) -> Tensor:
    """The Gaussians of one graph, by torch's own density, with centred variances."""
    z, slots = layer.value(layer.norm_nodes(x)), list(layer.start)
    variance = [(2 * v).exp() + layer.min_variance for v in layer.log_scale]
    prior = [torch.tensor(1 / layer.slots, dtype=x.dtype)] * layer.slots
    for _ in range(layer.steps):
        density = [torch.distributions.Normal(m, v.sqrt()) for m, v in zip(slots, variance, strict=True)]
        logits = [p.log() + d.log_prob(z).sum(-1) for p, d in zip(prior, density, strict=True)]
        share = torch.stack(logits, dim=-1).softmax(-1) + layer.eps  # [n, K]
        prior, weight = list(share.mean(0)), (share / share.sum(0)).unsqueeze(-1)
        mean = [(weight[:, k] * z).sum(0) for k in range(layer.slots)]
        spread = [(weight[:, k] * (z - m).square()).sum(0) for k, m in enumerate(mean)]
        variance = [v + layer.min_variance for v in spread]
        slots = [moved(layer, m, s) for m, s in zip(mean, slots, strict=True)]
    both = zip(slots, variance, strict=True)
    return torch.cat([layer.out(torch.cat([m, v.sqrt().log()])) for m, v in both])


def layer_of(mixture: bool, **options: int) -> gpool.Slots:
    layer = gpool.Slots(3, **{"slots": 2, "hidden": 5, **options}, mixture=mixture).double()
    for v in layer.parameters():
        torch.nn.init.normal_(v, std=0.7)
    return layer


@pytest.mark.parametrize("mixture", [False, True])
@pytest.mark.parametrize("options", [{}, {"slots": 1}, {"slots": 4, "steps": 1}])
def test_equals_the_loop_in_value_and_gradient(mixture: bool, options: dict) -> None:
    layer = layer_of(mixture, **options)
    one = mixture_of_one if mixture else attention_of_one
    x = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    y = layer(x, GRAPHS, dim_size=5)
    rows = [one(layer, x[g == GRAPHS]) if g in (0, 2, 4) else torch.zeros_like(y[0]) for g in range(5)]
    expected = torch.stack(rows)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-11)
    weight, wanted = torch.randn_like(y), (x, *layer.parameters())
    grads = [torch.autograd.grad((v * weight).sum(), wanted, allow_unused=True) for v in (y, expected)]
    for a, b in zip(*grads, strict=True):
        zeros = torch.zeros(())  # a parameter that has no influence, such as the queries of a single slot
        torch.testing.assert_close(*(zeros if v is None else v for v in (a, b)), rtol=1e-8, atol=1e-10)


def test_equals_the_padded_form() -> None:
    layer, index = layer_of(False, slots=3), torch.repeat_interleave(torch.tensor([5, 1, 9]))
    x = torch.randn(15, 3, dtype=torch.float64)
    dense, mask = to_dense_batch(layer.norm_nodes(x), index)  # [B, n, C]
    s = layer.start.expand(3, -1, -1)
    for _ in range(layer.steps):
        score = layer.key(dense) @ layer.query(layer.norm_slots(s)).transpose(1, 2) / 3**0.5
        share = (score.softmax(-1) + layer.eps) * mask.unsqueeze(-1)
        read = (share / share.sum(1, keepdim=True)).transpose(1, 2) @ layer.value(dense)
        s = moved(layer, read.flatten(0, 1), s.flatten(0, 1)).view(3, 3, 3)
    torch.testing.assert_close(layer(x, index, dim_size=3), s.flatten(1), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mixture", [False, True])
def test_holds_to_the_contract(mixture: bool) -> None:
    assert_readout(gpool.Slots(4, slots=3, mixture=mixture, hidden=5), channels=4, size="mean")


@pytest.mark.parametrize("mixture", [False, True])
def test_slots_are_permuted_with_their_starts(mixture: bool) -> None:
    layer, x, perm = layer_of(mixture, slots=4), torch.randn(8, 3, dtype=torch.float64), torch.randperm(4)
    before = layer(x, GRAPHS, dim_size=5).view(5, 4, 3)
    layer.start.data = layer.start.data[perm]
    if mixture:
        layer.log_scale.data = layer.log_scale.data[perm]
    after = layer(x, GRAPHS, dim_size=5).view(5, 4, 3)
    torch.testing.assert_close(after, before[:, perm], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("mixture", [False, True])
def test_a_node_shares_itself_out_and_a_slot_takes_shares_that_sum_to_one(
    mixture: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, seen = layer_of(mixture, slots=4), []
    shares = gpool.Slots._shares

    def watched(self: gpool.Slots, score: Tensor, segments: Segments) -> tuple[Tensor, Tensor]:
        seen.append(shares(self, score, segments))
        return seen[-1]

    monkeypatch.setattr(gpool.Slots, "_shares", watched)
    layer(torch.randn(8, 3, dtype=torch.float64), GRAPHS, dim_size=5)
    assert len(seen) == layer.steps
    for share, attention in seen:
        torch.testing.assert_close(attention.sum(1), torch.full((8,), 1 + 4 * layer.eps).double())
        for g in (0, 2, 4):
            torch.testing.assert_close(share[g == GRAPHS].sum(0), torch.ones(4).double())


def test_one_slot_reads_the_mean_of_the_values_in_every_round() -> None:
    layer, x = layer_of(False, slots=1), torch.randn(8, 3, dtype=torch.float64)
    for g in (0, 2, 4):
        s, mean = layer.start[0], layer.value(layer.norm_nodes(x[g == GRAPHS])).mean(0)
        for _ in range(layer.steps):
            s = moved(layer, mean, s)
        torch.testing.assert_close(layer(x, GRAPHS, dim_size=5)[g], s, rtol=1e-11, atol=1e-12)


def test_the_variance_of_one_node_is_the_least() -> None:
    layer, seen = layer_of(True), []
    layer.out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    layer(torch.randn(1, 3, dtype=torch.float64))
    least = torch.full((1, 2, 3), layer.min_variance, dtype=torch.float64)
    torch.testing.assert_close(seen[0][..., 3:].mul(2).exp(), least)


@pytest.mark.parametrize("mixture", [False, True])
def test_in_float32_large_nodes_keep_their_digits(mixture: bool) -> None:
    layer = layer_of(mixture)
    x, index = 1e3 * torch.randn(400, 3, dtype=torch.float64) + 1e3, torch.arange(400) % 5
    expected = layer(x, index, dim_size=5)
    y = layer.float()(x.float(), index, dim_size=5)
    torch.testing.assert_close(y.double(), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"slots": 0}, "slots=0"),
        ({"steps": 0}, "steps=0"),
        ({"hidden": 0}, "hidden=0"),
        ({"eps": 0.0}, "eps=0.0"),
        ({"min_variance": -1.0}, "min_variance=-1.0"),
        ({"channels": 0}, "channels=0"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.Slots(**{"channels": 4, **options})


def test_bad_input_is_refused_by_name() -> None:
    layer, index = gpool.Slots(4), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match="channels=4"):
        layer(torch.rand(3, 5), index, dim_size=1)
    with pytest.raises(TypeError, match=r"x is torch.float64; it must be torch.float32"):
        layer(torch.rand(3, 4).double(), index, dim_size=1)
