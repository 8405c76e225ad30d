"""Every YAML under experiments/ is read as its command reads it, and its models are built."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import LightningModule

from gpool.bench import Plan
from gpool.bench.plan_file import read_plan
from gpool.config.configuration import Parser, check

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
FIT = EXPERIMENTS / "fit"
FILES = sorted(EXPERIMENTS.rglob("*.yaml"))
BASES = {FIT / "molhiv": FIT / "molhiv" / "molhiv.yaml"}  # what the overlays of a folder are laid over
STUBS = {"in_channels": 9, "out_channels": 2}


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def is_overlay(path: Path) -> bool:
    return FIT in path.parents and "data" not in read(path)


def merged(base: Any, change: Any) -> Any:
    """The change laid over the base, as two ``--config`` flags do."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


def configurations(path: Path) -> list[dict[str, Any]]:
    """Those of a plan that differ in more than seed and fold, or the one of ``gpool fit``."""
    if FIT not in path.parents:
        runs = Plan(**read_plan(str(path))).runs()
        assert len({run.key for run in runs}) == len(runs)
        return list({(c.data, c.variant, c.readout): c.config for c in runs}.values())
    return [merged(read(BASES[path.parent]), read(path)) if is_overlay(path) else read(path)]


def classes(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        if "class_path" in config:
            yield str(config["class_path"])
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from classes(value)


def accepts(class_path: str) -> set[str]:
    module, _, name = class_path.rpartition(".")
    return set(inspect.signature(getattr(import_module(module), name)).parameters)


def build(spec: Mapping[str, Any]) -> LightningModule:
    """The task with stub widths, where the data would say them; no data are read."""
    model = copy.deepcopy(dict(spec))
    whole = model["init_args"].get("model")
    inner = ((whole or {}).get("init_args") or {}).get("encoder")
    for part in (model, model["init_args"].get("encoder"), whole, inner):
        if part:
            wanted = accepts(part["class_path"]) & set(STUBS)
            given = part.setdefault("init_args", {})
            given.update({name: STUBS[name] for name in wanted if part is not inner or not given.get(name)})
    parser = Parser()
    parser.add_subclass_arguments(LightningModule, "model", fail_untyped=False)
    return parser.instantiate_classes(parser.parse_object({"model": model})).model


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(EXPERIMENTS)))
def test_is_read_and_built(path: Path) -> None:
    """Every model and all data of a file, though not every pair of them."""
    seen: set[str] = set()
    for config in configurations(path):
        if "genagg.GenAgg" in set(classes(config)) and find_spec("genagg") is None:
            continue  # a peer that no extra of gpool installs
        parts = {json.dumps(part, sort_keys=True) for part in config.values()}
        if parts <= seen:
            continue
        seen |= parts
        built = build(check(config).model.as_dict())
        assert f"{type(built).__module__}.{type(built).__name__}".startswith("gpool.training.")


def test_overlays_change_what_they_overlay() -> None:
    overlays = [path for path in FILES if is_overlay(path)]
    assert len(overlays) >= 4
    for path in overlays:
        (config,) = configurations(path)
        assert set(classes(read(path))) <= set(classes(config))
        assert config["data"] == read(BASES[path.parent])["data"]
