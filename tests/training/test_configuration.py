"""From YAML and flags to objects, and every mistake in one line: the key, and what would be right."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpool.bench.plan import Plan
from gpool.config.configuration import Configuration, check
from gpool.config.mistakes import ConfigError

PARTS = [{"class_path": "gpool.pooling.SparseCoarsening", "init_args": {"channels": 16}}]
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def config(**changes: Any) -> dict[str, Any]:
    encoder = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 16, "num_layers": 2}}
    arguments = {"encoder": encoder, "readout": "torch_geometric.nn.MeanAggregation", **changes}
    return {
        "model": {"class_path": "gpool.training.GraphTask", "init_args": arguments},
        "data": {"class_path": "gpool.data.Digits"},
    }


def build(given: dict[str, Any], tmp_path: Path, *flags: str) -> Configuration:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(given))
    return Configuration(["--config", str(path), *flags], run=False, trainer_defaults=QUIET)


def test_what_the_data_know_is_handed_on(tmp_path: Path) -> None:
    task = build(config(), tmp_path).model
    assert task.model.encoder.in_channels == 3
    assert task.objective.outputs == 10
    assert task.objective.task == "multiclass"


def test_a_whole_model_is_told_its_widths_too(tmp_path: Path) -> None:
    given = config()
    given["model"]["init_args"] = {"model": {"class_path": "tests.training.whole.Whole"}}
    model = build(given, tmp_path).model.model
    assert (model.in_channels, model.out_channels) == (3, 10)


def test_a_readout_is_told_the_encoders_width_unless_given_another(tmp_path: Path) -> None:
    needs = {"class_path": "tests.training.whole.Needs"}
    assert build(config(readout=needs), tmp_path).model.model.readout.channels == 16
    given = build(config(readout=needs), tmp_path, "--model.readout.channels", "4")
    assert given.model.model.readout.channels == 4
    for readout in ("gpool.GNP", "gpool.PowerMean", "gpool.LogMeanExp", "gpool.HistoGraph"):
        assert build(config(readout=readout), tmp_path).model.model.readout.channels == 16
    for width in (8, None):
        gnp = {"class_path": "gpool.GNP", "init_args": {"channels": width}}
        assert build(config(readout=gnp), tmp_path).model.model.readout.channels == width
    softmax = {"class_path": "torch_geometric.nn.SoftmaxAggregation", "init_args": {"learn": True}}
    assert build(config(readout=softmax), tmp_path).model.model.readout.channels == 1
    set2set = {"class_path": "torch_geometric.nn.aggr.Set2Set", "init_args": {"processing_steps": 2}}
    assert build(config(readout=set2set), tmp_path).model.model.readout.in_channels == 16


def test_the_digits_plan_learns_an_order_per_channel() -> None:
    text = (Path(__file__).parents[2] / "experiments" / "digits.yaml").read_text()
    plan = Plan(**yaml.safe_load(text))
    cell = next(cell for cell in plan.runs() if cell.readout == "GNP")
    readout = Configuration(cell.config, run=False, trainer_defaults=QUIET).model.model.readout
    assert readout.channels == 64
    assert readout.raw_p.numel() == 64


def test_a_flag_replaces_the_readout(tmp_path: Path) -> None:
    run = build(
        config(),
        tmp_path,
        "--model.readout",
        "gpool.GNP",
        "--model.readout.branch",
        "both",
        "--model.readout.mix=sum",
    )
    assert run.model.model.readout.branch == "both"


MISTAKES = [
    (["--model.readout", "gpool.GNQ"], "model.readout: gpool has no 'GNQ'; did you mean 'GNP'?"),
    (
        ["--model.readoot", "gpool.GNP"],
        "model.readoot: no such option of gpool.training.GraphTask; did you mean 'readout'?",
    ),
    (
        ["--model.encoder.conv", "gon"],
        "model.encoder.conv: got 'gon', must be one of 'gin', 'gcn', 'sage', 'gat'",
    ),
    (["--model.encoder.num_layers", "two"], "model.encoder.num_layers: got 'two', must be int"),
    (["--model.encoder.num_layers", "0"], "num_layers=0 must be at least 1"),
    (["--data", "gpool.data.TV"], "data: gpool.data has no 'TV'; did you mean 'TU'?"),
    (["--data", "gpool.data.TU"], "data: needs name"),
    (
        ["--data.batchsize", "3"],
        "data.batchsize: no such option of gpool.data.Digits; did you mean 'batch_size'?",
    ),
    (["--data.fold", "11"], "fold=11 must be between 0 and 9 (folds=10)"),
    (["--trainer.max_epochs", "three"], "trainer.max_epochs: got 'three', must be int or null"),
    (["--trainr.max_epochs", "3"], "--trainr.max_epochs 3: no such argument; see gpool --help"),
]


@pytest.mark.parametrize(("flags", "told"), MISTAKES)
def test_a_mistake_in_a_flag_is_one_line(flags: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build(config(), tmp_path, *flags)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"readot": "x"},
            "model.readot: no such option of gpool.training.GraphTask; did you mean 'readout'?",
        ),
        (
            {"encoder": {"class_path": "gpool.models.Encoder", "init_args": {"layers": 3}}},
            "model.encoder.layers: no such option of gpool.models.Encoder; did you mean 'num_layers'?",
        ),
        (
            {"encoder": {"class_path": "gpool.models.Encoder", "init_args": {"dropout": "high"}}},
            "model.encoder.dropout: got 'high', must be float",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_line(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build(config(**changes), tmp_path)
    assert str(caught.value) == told


def test_check_reads_without_building() -> None:
    check(config())
    given = config()
    given["data"] = {"class_path": "gpool.data.TU", "init_args": {"name": "NOWHERE", "root": "nowhere"}}
    check(given)
    with pytest.raises(ConfigError, match=r"model\.redout: no such option"):
        check(config(redout=1))


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("model: [")
    with pytest.raises(ConfigError) as caught:
        Configuration(["--config", str(path)], run=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "word"])
def test_yaml_that_is_no_mapping_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Configuration(["--config", str(path)], run=False)
    assert "\n" not in str(caught.value)


def test_a_configuration_in_python_is_left_as_it_is() -> None:
    given = config(pooling=PARTS)
    given["trainer"] = {**QUIET, "callbacks": [{"class_path": "lightning.pytorch.callbacks.Timer"}]}
    before = copy.deepcopy(given)
    check(given)
    assert given == before
    assert check(given).trainer.max_epochs is None
    Configuration(given, run=False)
    assert given == before
