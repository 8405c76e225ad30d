"""2,000 malformed calls of the public names: each is answered with the right shape, or with an error that
names the argument; none comes from inside a kernel, and none ends the process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from malformed_calls import TARGETS, draw, judge
from malformed_targets import Target

import gpool
from gpool.ops import segment

SCRIPT = Path(__file__).with_name("malformed_calls.py")


def calls(*options: str) -> subprocess.CompletedProcess[str]:
    """The calls in a process of their own, which a crash may end."""
    command = [sys.executable, str(SCRIPT), *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(gpool.__file__).parents[1])}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def test_two_thousand_malformed_calls() -> None:
    done = calls("--calls", "2000")
    assert done.returncode == 0, f"crashed in {done.stderr.strip().splitlines()[-1]}"
    report = json.loads(done.stdout.splitlines()[-1])
    assert not report["failures"], "\n".join(report["failures"])
    assert report["calls"] == sum(report["counts"].values()) == 2000
    assert report["counts"]["refused"] > 1800  # malformed in earnest


def test_a_planted_crash_is_seen_and_named() -> None:
    done = calls("--calls", str(len(TARGETS) + 1), "--crash")
    assert done.returncode != 0
    assert "planted crash" in done.stderr.strip().splitlines()[-1]


def _kernel(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return x.new_zeros(2, x.size(1)).index_add(0, index, x)


def _unnamed(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    raise ValueError("something is wrong")


def _deaf(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return x


@pytest.mark.parametrize(
    ("function", "reason"),
    [(_kernel, "RuntimeError must be"), (_unnamed, "does not name index"), (_deaf, r"must be \(2, 3\)")],
)
def test_planted_faults_are_seen(function: object, reason: str) -> None:
    target = Target(
        "planted",
        function,  # type: ignore[arg-type]
        lambda r: {"x": torch.ones(4, 3), "index": torch.tensor([0, 1, 1, 0])},
        {"index": [lambda r, v, a: v.float()]},
        lambda a: (2, 3),
    )
    arguments, names = draw(target, Random(0))
    what, why = judge(target, arguments, names)
    assert what == "failed"
    assert re.search(reason, why), why


def test_every_target_accepts_what_is_right() -> None:
    r = Random(1)
    for target in TARGETS:
        for _ in range(3):
            arguments = target.valid(r)
            result = target.call(**arguments)
            if target.shape is not None:
                assert tuple(result.shape) == target.shape(arguments), target.name


def test_every_public_class_is_called() -> None:
    tried = {target.name.split("(")[0].split(" ")[0] for target in TARGETS}
    classes = {name for name in gpool.__all__ if isinstance(getattr(gpool, name), type)}
    assert classes <= tried
    assert {name for name in segment.__all__ if name.startswith("segment_")} <= tried
