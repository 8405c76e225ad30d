"""Reading a plan's YAML: every key known, none given twice."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from gpool.bench.plan import Plan
from gpool.config.mistakes import ConfigError

__all__ = ["plan_keys", "read_plan"]


class Loader(yaml.SafeLoader):
    """A loader that refuses a key that is given twice, where YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, each of whose own keys is there once; keys that ``<<`` merges in may be changed."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def plan_keys() -> list[str]:
    """The keys that a plan may have."""
    return [field.name for field in fields(Plan)]


def read_plan(path: str) -> dict[str, Any]:
    """The plan's YAML.

    Raises:
        ConfigError: for a file that cannot be read, or is no plan, in one line.
    """
    try:
        given = yaml.load(Path(path).read_text(encoding="utf-8"), Loader)
    except OSError as error:
        raise ConfigError(f"PLAN={path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"PLAN={path}: must be text in UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"PLAN={path}: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict):
        raise ConfigError(f"PLAN={path} must be a mapping with the keys {', '.join(plan_keys())}")
    if isinstance(given.get("data"), dict) and isinstance(given["data"].get("class_path"), str):
        raise ConfigError(f"PLAN={path} is a configuration of one run; use: gpool fit --config {path}")
    for key in given:
        if key not in plan_keys():
            near = get_close_matches(str(key), plan_keys(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"a plan has {', '.join(plan_keys())}"
            raise ConfigError(f"{key}: no such key of a plan; {hint}")
    for key in ("model", "data"):
        if key not in given:
            raise ConfigError(f"PLAN={path} needs the key {key!r}")
    return given
