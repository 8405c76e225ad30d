"""Descriptions of tasks that a configuration made: what it says, with the values that the data handed on."""

from __future__ import annotations

from typing import Any

import yaml
from jsonargparse import Namespace
from jsonargparse._link_arguments import get_link_actions
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LightningArgumentParser

from gpool.training.recipe import Given

__all__ = ["build_configured", "resolved"]


def resolved(parser: LightningArgumentParser, config: Namespace, data: Any) -> dict[str, Any] | None:
    """The sections ``model`` and ``data`` of a configuration, with all defaults and all linked values.

    Args:
        parser: read the configuration.
        config: what it read.
        data: the data module that was built; values linked from it are looked up in it.

    Returns:
        Plain values only; None where the configuration does not name the class of the model, or where an
        argument's default is an object that YAML has no word for.
    """
    wanted = Namespace({name: config[name] for name in ("model", "data") if name in config})
    try:
        held = yaml.safe_load(parser.dump(wanted, "yaml", False))  # with what is null
    except (ValueError, TypeError, yaml.YAMLError):
        return None
    if not isinstance(held.get("model"), dict) or "class_path" not in held["model"]:
        return None
    for link in get_link_actions(parser, "parse"):  # left out by the dump
        if link.target[0] in config:
            _put(held, link.target[0].split("."), config[link.target[0]])
    for link in get_link_actions(parser, "instantiate"):
        values = [_look_up(data, key) for key, _ in link.source]
        value = link.call_compute_fn(values) if link.compute_fn is not None else values[0]
        _put(held, link.target[0].split("."), value)
    return {name: held.get(name) for name in ("model", "data")}


def _look_up(data: Any, key: str) -> Any:
    for name in key.split(".")[1:]:  # "data.num_features"
        data = getattr(data, name)
    return data


def _put(config: Any, path: list[str], value: Any) -> None:
    """Set a value where its parent is there."""
    for name in path[:-1]:
        if not isinstance(config, dict) or (name not in config and name != "init_args"):
            return
        config = config.setdefault(name, {})
    if isinstance(config, dict):
        config[path[-1]] = value


def build_configured(description: dict[str, Any]) -> LightningModule:
    """The task that a configuration describes.

    Raises:
        ValueError: the classes do not take what is described, in one line.
    """
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    try:
        config = parser.parse_object({"model": _unwrapped(description)})
    except Exception as error:
        raise ValueError(" ".join(str(error).split())) from error
    task: LightningModule = parser.instantiate_classes(config).model
    return task


def _unwrapped(part: Any) -> Any:
    if isinstance(part, Given):
        return part.value
    return {name: _unwrapped(value) for name, value in part.items()} if isinstance(part, dict) else part
