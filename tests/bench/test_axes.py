"""Plans as factorial designs."""

from __future__ import annotations

from typing import Any

import pytest

from gpool.bench import Plan
from tests.bench.plans import plan

DEPTH = {"depth": {"model.encoder.num_layers": [1, 2]}}


def test_axes_are_a_factorial_design_and_records_carry_them() -> None:
    wide = {"thin": {"model.encoder.hidden_channels": 2}, "wide": {}}
    runs = Plan(**plan(axes={**DEPTH, "width": wide}, folds=[0], seeds=[0])).runs()
    assert [run.axes for run in runs] == [
        {"depth": depth, "width": width, "readout": readout}
        for depth in ("1", "2")
        for width in ("thin", "wide")
        for readout in ("mean", "GNP")
    ]
    encoder = runs[4].config["model"]["init_args"]["encoder"]["init_args"]
    assert (encoder["num_layers"], encoder["hidden_channels"]) == (2, 2)
    assert (runs[4].variant, runs[4].readout) == ("2, thin", "mean")
    assert len({run.key for run in runs}) == 8


def test_variants_and_readouts_are_two_such_axes() -> None:
    thin = {"model.encoder.hidden_channels": 2}
    readouts = {name: {"model.readout": path} for name, path in plan()["readouts"].items()}
    short = Plan(**plan(variants={"thin": thin, "wide": {}})).runs()
    long = Plan(
        **plan(readouts=None, axes={"variant": {"thin": thin, "wide": {}}, "readout": readouts})
    ).runs()
    assert [(run.variant, run.readout, run.axes) for run in short] == [
        (run.variant, run.readout, run.axes) for run in long
    ]
    assert short[0].axes == {"variant": "thin", "readout": "mean"}


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        (3, "axes: got 3, must be a mapping"),
        ({"depth": {}}, "axes.depth: is empty"),
        (
            {"depth": {"model.encoder.num_layers": 2}},
            "axes.depth: must be one dotted key with a list of values",
        ),
        ({"depth": {"model.encoder.num_layers": [2, 2]}}, r"axes.depth: got \[2, 2\], must be distinct"),
        ({"depth": {"model.readout": [{}]}}, "axes.depth: values that are mappings or lists need names"),
        ({"depth": {"deep": {"encoder": 1}}}, "axes.depth.deep: got the key 'encoder'"),
        ({**DEPTH, "more": {"model.init_args.encoder.num_layers": [3]}}, "axes: depth and more both change"),
        ({"readout": {"GNP": {"model.readout": "gpool.GNP"}}}, "axes.readout: the plan has readouts"),
        ({"a": {"x": {}, "y": {}}, "b": {"x": {}, "x, y": {}}}, None),
        ({"depth": {"model.encoder.num_layers.more": [2]}}, "does not exist"),
    ],
)
def test_axes_that_are_none_are_refused(axes: Any, told: str | None) -> None:
    if told is None:
        assert len(Plan(**plan(axes=axes)).runs()) == 32
        return
    with pytest.raises(ValueError, match=told):
        Plan(**plan(axes=axes))


def test_run_chooses_some_of_the_folds() -> None:
    assert Plan(**plan(folds=10, run=[0, 7])).which_folds() == [0, 7]
    assert Plan(**plan(folds=3)).which_folds() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"run": [0]}, r"run: chooses some of the folds, but folds is \[0, 3\]; give their number"),
        ({"folds": 3, "run": [3]}, r"run: got \[3\], must be a list of distinct folds of 0 .. 2"),
        ({"folds": 3, "run": []}, r"run: got \[\]"),
        ({"folds": 3, "run": 1}, r"run: got 1"),
        ({"folds": 3, "run": [0, 0]}, r"run: got \[0, 0\]"),
    ],
)
def test_a_choice_of_folds_that_is_none_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Plan(**plan(**changes))
