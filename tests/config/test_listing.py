"""What `gpool list` says is read off the public exports."""

from __future__ import annotations

import pytest
import torch_geometric.nn
from lightning.pytorch import LightningDataModule

import gpool
import gpool.config.listing as module
from gpool.config import ConfigError
from gpool.config.listing import KINDS, entries, listing


def at(path: str) -> type:
    return pytest.importorskip(path.rpartition(".")[0]).__dict__[path.rpartition(".")[2]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_path_names_a_class_that_can_be_used_as_it_is(kind: str) -> None:
    found = entries(kind, pyg=True)
    assert found
    for entry in found:
        cls = at(entry.path)
        assert issubclass(cls, KINDS[kind].base)
        assert not getattr(cls, "__abstractmethods__", None)
        assert entry.line
        assert not set("\n`") & set(entry.line)
        assert not entry.line.startswith("Initialize"), "the docstring of another class"


def test_the_readouts_are_gpools_and_all_of_pygs() -> None:
    paths = {entry.path for entry in entries("readouts", pyg=True)}
    assert {"gpool.GNP", "gpool.PowerMean", "gpool.LogMeanExp"} <= paths
    pygs = {f"torch_geometric.nn.{name}" for name in torch_geometric.nn.aggr.__all__} - {
        "torch_geometric.nn.Aggregation"
    }
    assert pygs <= paths


def test_bases_are_left_out() -> None:
    paths = {entry.path for kind in ("data", "tasks", "poolings") for entry in entries(kind)}
    bases = {
        "gpool.data.GraphData",
        "gpool.data.OneGraph",
        "gpool.training.TrainingModule",
        "gpool.pooling.Pooling",
    }
    assert not bases & paths
    assert {"gpool.data.Digits", "gpool.training.GraphTask", "gpool.GraphParsing"} <= paths


def test_a_line_names_the_papers_of_the_docstring() -> None:
    lines = listing("readouts").splitlines()
    gnp = next(line for line in lines if line.startswith("gpool.GNP "))
    assert gnp.endswith("[arXiv:2106.06210]")
    softmax = next(line for line in lines if "SoftmaxAggregation" in line)
    assert '"DeeperGCN: All You Need to Train Deeper GCNs" paper [arXiv:2006.07739]' in softmax
    tu = next(line for line in listing("data").splitlines() if line.startswith("gpool.data.TU "))
    assert "A set of the TU collection, as PyG's TUDataset reads it [arXiv:2007.08663]" in tu


def test_a_new_export_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(gpool.data.Digits):
        """Own digits, which nobody has (arXiv:1234.56789)."""

    assert issubclass(Own, LightningDataModule)
    monkeypatch.setattr(gpool.data, "Own", Own, raising=False)
    monkeypatch.setattr(gpool.data, "__all__", [*gpool.data.__all__, "Own"])
    assert module.Entry("gpool.data.Own", "Own digits, which nobody has", ("1234.56789",)) in entries("data")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="KIND='readout' must be one of readouts, histories"):
        entries("readout")
