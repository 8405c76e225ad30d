"""GNP against a loop over graphs in float64, the golden cases, and the closed forms of its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import gpool
from gpool.ops.segment import segment_norm

graphs = torch.tensor([0, 0, 2, 2, 2, 4, 0, 2])  # unsorted; 1 and 3 are empty


def oracle(x: Tensor, p: float, q: float, index: Tensor, size: int) -> Tensor:
    """(1) one graph at a time, by powers of the ratio to its largest entry."""
    rows = []
    for g in range(size):
        m = x[index == g]
        if len(m) == 0:
            rows.append(torch.zeros_like(x[0]))
            continue
        top = m.max(dim=0).values
        rows.append(len(m) ** -q * top * ((m / top) ** p).sum(0) ** (1 / p))
    return torch.stack(rows)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, 0.3, 40.0])
@pytest.mark.parametrize("q", [0.0, 1.0, -0.5])
@pytest.mark.parametrize("branch", ["+", "-"])
@pytest.mark.parametrize("learn", [True, False])
def test_equals_the_loop(p: float, q: float, branch: str, learn: bool) -> None:
    x = torch.rand(8, 3, dtype=torch.float64) + 0.1
    layer = gpool.GNP(3, p=p, q=q, learn=learn, branch=branch, eps=0.0).double()
    layer.reset_parameters()
    expected = oracle(x, p if branch == "+" else -p, q, graphs, 5)
    torch.testing.assert_close(layer(x, graphs, dim_size=5), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("param", ["softplus", "inverse"])
@pytest.mark.parametrize("branch", ["+", "-", "both"])
@pytest.mark.parametrize("negative", ["abs", "relu", "split"])
def test_gradcheck(param: str, branch: str, negative: str) -> None:
    layer = gpool.GNP(2, p=1.7, q=0.3, branch=branch, param=param, negative=negative, eps=0.05).double()
    x = torch.randn(8, 2, dtype=torch.float64).requires_grad_()
    names, values = zip(*layer.named_parameters(), strict=True)

    def call(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(
            layer, dict(zip(names, values, strict=True)), (x, graphs), {"dim_size": 5}
        )

    assert torch.autograd.gradcheck(call, (x, *values))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_golden_forward(golden, dtype: torch.dtype) -> None:
    case = golden("gnp_forward.json")
    x, index = torch.tensor(case["x"], dtype=dtype), torch.tensor(case["index"])
    for entry in case["grid"]:
        layer = gpool.GNP(
            None, p=abs(entry["p"]), q=entry["q"], branch="+" if entry["p"] > 0 else "-", eps=0.0, learn=False
        )
        far = dtype == torch.float32 and abs(entry["p"]) > 500
        rtol = 1e-12 if dtype == torch.float64 else 1e-3 if far else 1e-5
        torch.testing.assert_close(
            layer(x, index, dim_size=case["num_sets"]),
            torch.tensor(entry["y"], dtype=dtype),
            rtol=rtol,
            atol=0,
        )
    entry = case["per_channel"]
    p, q = (torch.tensor(entry[k], dtype=dtype) for k in "pq")
    y = segment_norm(x, p, q, index, dim_size=case["num_sets"])
    rtol = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(y, torch.tensor(entry["y"], dtype=dtype), rtol=rtol, atol=0)


def test_golden_limits(golden) -> None:
    case = golden("gnp_limits.json")
    x, index = torch.tensor(case["x"], dtype=torch.float64), torch.tensor(case["index"])
    for entry in case["cases"]:
        layer = gpool.GNP(
            None,
            p=abs(entry["p"]),
            q=entry["q"],
            branch="+" if entry["p"] > 0 else "-",
            eps=0.0,
            learn=False,
            p_max=1e7,
        )
        y = layer(x, index, dim_size=case["num_sets"])
        torch.testing.assert_close(y, torch.tensor(entry["gnp"], dtype=torch.float64), rtol=1e-11, atol=0)
        torch.testing.assert_close(
            y, torch.tensor(entry["target"], dtype=torch.float64), rtol=entry["tol"], atol=0
        )


def test_golden_gradients(golden) -> None:
    case = golden("gnp_grad.json")
    for entry in case["cases"]:
        branch = "+" if entry["p"] > 0 else "-"
        # "relu" has the right-hand gradient at zero, which is what the file holds
        layer = gpool.GNP(
            None,
            p=abs(entry["p"]),
            q=entry["q"],
            branch=branch,
            eps=entry["eps"],
            p_min=0.01,
            param="inverse",
            negative="relu",
        ).double()
        layer.reset_parameters()
        x = torch.tensor(entry["x"], dtype=torch.float64).unsqueeze(-1).requires_grad_()
        y = layer(x, torch.zeros(len(x), dtype=torch.long), dim_size=1)
        y.sum().backward()
        raw_p = (
            layer.raw_p.grad.item() * -1 / entry["p"] ** 2 * (1 if branch == "+" else -1)
        )  # d(1/p) = -dp / p^2
        want = torch.tensor(entry["fd_x"], dtype=torch.float64)
        torch.testing.assert_close(x.grad.squeeze(-1), want, rtol=case["rtol"], atol=1e-30)
        closed = (
            entry["y"]
            * torch.tensor(entry["weights"], dtype=torch.float64)
            / (x.detach().squeeze(-1) + entry["eps"])
        )
        torch.testing.assert_close(x.grad.squeeze(-1), closed, rtol=case["rtol"], atol=0)
        assert y.item() == pytest.approx(entry["y"], rel=1e-12)
        assert raw_p == pytest.approx(entry["fd_p"], rel=case["rtol"], abs=1e-14)
        assert layer.raw_q.grad.item() == pytest.approx(entry["fd_q"], rel=case["rtol"], abs=1e-14)
    for entry in case["softplus_cases"]:
        layer = gpool.GNP(
            None,
            p=1.0,
            q=entry["q"],
            branch="+" if entry["sign"] > 0 else "-",
            p_min=max(entry["p_min"], 1e-30),
            eps=0.0,
        ).double()
        layer.reset_parameters()
        torch.nn.init.constant_(layer.raw_p, entry["theta"])
        x = torch.tensor(entry["x"], dtype=torch.float64).unsqueeze(-1)
        y = layer(x, torch.zeros(len(x), dtype=torch.long), dim_size=1)
        y.sum().backward()
        assert y.item() == pytest.approx(entry["y"], rel=1e-12)
        assert layer.raw_p.grad.item() == pytest.approx(entry["fd_theta"], rel=case["rtol"])


@pytest.mark.parametrize("branch", ["+", "-", "both"])
@pytest.mark.parametrize("eps", [0.0, 1e-6])
@pytest.mark.parametrize("p", [0.1001, 1.0, 100.0, 9999.0])
def test_zeros_and_extremes_stay_finite(branch: str, eps: float, p: float) -> None:
    layer = gpool.GNP(2, p=p, branch=branch, eps=eps)
    # below 1 the gradient of the smaller entry is (1e-60)^(p - 1), which no float32 holds
    large, little = (1e10, 1e-3) if p < 1 and eps == 0 else (1e30, 1e-30)
    x = torch.tensor([[0.0, large], [0.0, little], [0.0, 0.0], [3.0, 0.0]], requires_grad=True)
    y = layer(x, torch.tensor([0, 0, 1, 3]), dim_size=4)  # n^(1/p) is 1e3
    y.sum().backward()
    assert y.isfinite().all()
    assert x.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())
    assert (y[2] == 0).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-15, 1.0, 1e15, 1e30])
@pytest.mark.parametrize("graph_count", [9, 1])
@pytest.mark.parametrize("p", [-100.0, -1.0, 0.25, 0.5, 1.0, 7.0, 100.0])
def test_float32_keeps_six_digits_at_any_magnitude(scale: float, p: float, graph_count: int) -> None:
    x = (torch.rand(200, 4, dtype=torch.float64) + 0.01).float() * scale
    index = torch.arange(200) % graph_count
    layer = gpool.GNP(None, p=abs(p), branch="+" if p > 0 else "-", eps=0.0, learn=False)
    expected = oracle(x.double(), p, 0.0, index, graph_count)
    keep = expected.abs() < 3e38  # beyond is beyond float32
    error = ((layer(x, index, dim_size=graph_count) - expected) / expected).abs()
    assert error.where(keep, 0.0).max() < 1e-6


def test_bounds_order_and_replication() -> None:
    x, index = torch.rand(50, 3, dtype=torch.float64) + 0.1, torch.arange(50) % 4
    before = None
    for p in (0.5, 1.0, 2.0, 10.0, 100.0):
        y = segment_norm(x, p, 0.0, index, dim_size=4)
        top = torch.stack([x[index == g].max(0).values for g in range(4)])
        count = torch.bincount(index, minlength=4).unsqueeze(-1)
        assert (y >= top).all()
        assert (y <= top * count ** (1 / p) * (1 + 1e-12)).all()
        assert before is None or (y <= before).all()  # non-increasing in p
        before = y
        twice = segment_norm(torch.cat([x, x]), p, 0.25, torch.cat([index, index]), dim_size=4)
        once = segment_norm(x, p, 0.25, index, dim_size=4)
        torch.testing.assert_close(twice, once * 2 ** (1 / p - 0.25), rtol=1e-12, atol=0)


def test_mix_both_is_a_linear_of_both_norms() -> None:
    x = torch.rand(8, 3, dtype=torch.float64)
    layer = gpool.GNP(3, branch="both", p=2.0, eps=1e-6).double()
    layer.reset_parameters()
    plus, minus = oracle(x + 1e-6, 2.0, 0.0, graphs, 5), oracle(x + 1e-6, -2.0, 0.0, graphs, 5)
    torch.testing.assert_close(layer(x, graphs, dim_size=5), (plus + minus) / 2, rtol=1e-10, atol=1e-12)
    torch.nn.init.normal_(layer.mixer.weight)
    torch.nn.init.normal_(layer.mixer.bias)
    expected = torch.cat([plus, minus], 1) @ layer.mixer.weight.T + layer.mixer.bias
    torch.testing.assert_close(layer(x, graphs, dim_size=5), expected, rtol=1e-10, atol=1e-12)
    concat = gpool.GNP(3, branch="both", p=2.0, mix="concat", learn=False)
    assert concat.out_channels == 6
    torch.testing.assert_close(
        concat(x, graphs, dim_size=5), torch.cat([plus, minus], 1), rtol=1e-10, atol=1e-12
    )
    added = gpool.GNP(None, branch="both", p=2.0, mix="sum", learn=False)
    torch.testing.assert_close(added(x, graphs, dim_size=5), (plus + minus) / 2, rtol=1e-10, atol=1e-12)


def test_signed_split_is_the_signed_sum_and_mean() -> None:
    x = torch.randn(8, 3, dtype=torch.float64)
    for q, reduce in ((0.0, "sum"), (1.0, "mean")):
        layer = gpool.GNP(None, p=1.0, q=q, negative="split", learn=False)
        expected = torch.stack([getattr(x[graphs == g], reduce)(0).nan_to_num() for g in range(5)])
        torch.testing.assert_close(layer(x, graphs, dim_size=5), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("param", ["softplus", "inverse"])
def test_exponents_respect_their_bounds_after_any_step_and_come_back(param: str) -> None:
    layer = gpool.GNP(None, param=param, p_min=0.2, p_max=50.0)
    for value in (-1e6, -3.0, 0.0, 3.0, 1e6):
        torch.nn.init.constant_(layer.raw_p, value)
        p = layer.exponents()[0][0]
        assert 0.2 <= p.item() <= 50.0
    layer.zero_grad()  # beyond its upper bound a parameter still follows a gradient that leads back
    layer.exponents()[0][0].sum().mul(-1.0 if param == "inverse" else 1.0).backward()
    assert layer.raw_p.grad.item() > 0


def test_exponent_parameters_are_all_of_p_and_q() -> None:
    layer = gpool.GNP(4, branch="both")
    assert {id(p) for p in layer.exponent_parameters()} == {id(layer.raw_p), id(layer.raw_q)}
    assert list(gpool.GNP(None, learn=False).exponent_parameters()) == []


def test_learns_the_maximum() -> None:
    layer = gpool.GNP(None, param="inverse")
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    x, index = torch.rand(400, 1) + 0.5, torch.arange(40).repeat_interleave(10)
    top = x.view(40, 10).max(1, keepdim=True).values
    for _ in range(300):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(layer(x, index, dim_size=40), top).backward()
        optimizer.step()
    big = torch.rand(100, 1) * 5  # one graph of ten times the nodes
    assert layer(big, torch.zeros(100, dtype=torch.long), dim_size=1).item() == pytest.approx(
        big.max().item(), rel=0.1
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 0}, "channels=0"),
        ({"p": -1.0}, "p=-1.0"),
        ({"p": 0.05}, "p_min"),
        ({"branch": "plus"}, "branch="),
        ({"param": "exp"}, "param="),
        ({"mix": "add"}, "mix="),
        ({"eps": -1.0}, "eps="),
        ({"eps_mode": "max"}, "eps_mode"),
        ({"negative": "no"}, "negative="),
        ({"branch": "both"}, "channels"),
        ({"p": math.nan}, "p=nan"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gpool.GNP(**{"channels": None, **options})


def test_bad_width_is_refused() -> None:
    with pytest.raises(ValueError, match="channels=4"):
        gpool.GNP(4)(torch.rand(3, 5), torch.zeros(3, dtype=torch.long), dim_size=1)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.7, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1.0, 30.0, 1e15, 1e30])
def test_float32_is_right_to_a_millionth_at_any_magnitude_and_size(p: float, scale: float) -> None:
    index = torch.repeat_interleave(torch.tensor([1, 7, 60, 400, 3000]))
    x = ((torch.rand(index.numel(), 3) + 0.01) * scale).float()
    for order in (p, -p):
        exact = segment_norm(x.double(), order, 0.5, index, dim_size=5)
        y = segment_norm(x, order, 0.5, index, dim_size=5)
        held = (exact < 3e38) & (exact > 1e-37)
        assert ((y.double() - exact) / exact).abs()[held].max() < 1e-6 if held.any() else True


def test_a_second_backward_through_a_retained_graph_is_the_first_again() -> None:
    x, index = torch.randn(50, 3, requires_grad=True), torch.randint(4, (50,))
    for order in (index, index.sort().values):
        y = gpool.GNP(3, p=2.0)(x, order, dim_size=4).square().sum()
        (first,) = torch.autograd.grad(y, x, retain_graph=True)
        kept = first.clone()
        (second,) = torch.autograd.grad(y, x, retain_graph=True)
        (third,) = torch.autograd.grad(y, x, create_graph=True)
        torch.testing.assert_close(second, kept)
        torch.testing.assert_close(third, kept)
        assert torch.equal(first, kept)


@pytest.mark.parametrize("mix", ["sum", "linear"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_norms_are_mixed_before_they_are_cast(mix: str, dtype: torch.dtype) -> None:
    """The sum of 200 rows of 400 is 80,000, beyond half precision; its half is not."""
    x = torch.full((200, 1), 400.0, dtype=dtype)
    for layer in (gpool.GNP(1, branch="both", mix=mix), gpool.GNP(1, branch="both", mix=mix).to(dtype)):
        y = layer(x)
        assert y.dtype == dtype
        assert y.item() == pytest.approx(40001, rel=1e-2)


def test_split_parts_are_subtracted_before_they_are_cast() -> None:
    x = torch.tensor([[400.0]] * 200 + [[-399.0]] * 200, dtype=torch.float16)
    assert gpool.GNP(1, negative="split", learn=False)(x).item() == pytest.approx(200.0, rel=1e-2)


@pytest.mark.parametrize("branch", ["+", "-", "both"])
@pytest.mark.parametrize("mix", ["linear", "sum", "concat"])
def test_an_input_of_another_type_than_the_parameters(branch: str, mix: str) -> None:
    x, layer = torch.rand(6, 3), gpool.GNP(3, branch=branch, mix=mix)
    for dtype, tolerance in ((torch.float16, 1e-2), (torch.bfloat16, 5e-2), (torch.float64, 1e-6)):
        y = layer(x.to(dtype))
        assert y.dtype == dtype
        torch.testing.assert_close(y.float(), layer(x), rtol=tolerance, atol=tolerance)
