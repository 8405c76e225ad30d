"""Makes malformed calls of the public names and says which were not answered well.

    python tests/malformed_calls.py --calls 2000 --seed 0

Every call is written to stderr before it is made, so that the last line there names the one that crashed the
process. The last line of stdout is JSON: how many calls were made of each kind, and the failures.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from random import Random
from typing import Any

import torch
from malformed_layers import TARGETS as LAYERS
from malformed_segments import TARGETS as FUNCTIONS
from malformed_targets import ORDINARY, Arguments, Target, Value

__all__ = ["TARGETS", "draw", "judge", "run"]

TARGETS = [*FUNCTIONS, *LAYERS]


def draw(target: Target, r: Random) -> tuple[Arguments, list[str]]:
    """Arguments of which one or two are malformed, and the names of these."""
    arguments = target.valid(r)
    given = [name for name in target.wrong if name in arguments]
    missing = {name: [w for w in target.wrong[name] if isinstance(w, Value)] for name in target.wrong}
    missing = {name: ways for name, ways in missing.items() if ways and name not in arguments}
    names = r.sample(given, min(len(given), r.choice([1, 1, 2])))
    if missing and (not names or r.random() < 0.25):
        names = [r.choice(list(missing))]
    for name in names:
        arguments[name] = r.choice(missing.get(name, target.wrong[name]))(r, arguments.get(name), arguments)
    return arguments, names


def judge(target: Target, arguments: Arguments, names: list[str]) -> tuple[str, str]:
    """What came of a call: "refused", "accepted" or "failed", and why it failed."""
    try:
        result = target.call(**arguments)
    except ORDINARY as error:
        known = [other for name in names for other in (name, *target.also.get(name, ()))]
        if any(re.search(rf"(?<![a-z_]){re.escape(name)}(?![a-z_])", str(error)) for name in known):
            return "refused", ""
        return "failed", f"{type(error).__name__} does not name {' or '.join(names)}: {error}"
    except Exception as error:
        return "failed", f"{type(error).__name__} must be a ValueError, TypeError or IndexError: {error}"
    if target.shape is not None:
        found, right = tuple(result.shape), target.shape(arguments)
        if found != right:
            return "failed", f"accepted, but the result of shape {found} must be {right}"
    elif target.name.endswith("()"):
        return "failed", "a layer was made of malformed options"
    return "accepted", ""


def told(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return repr(value)[:200]
    text = str(value.tolist()) if value.numel() <= 20 else "..."
    return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)} {text}"


def run(targets: list[Target], calls: int, seed: int) -> dict[str, Any]:
    """Calls the targets in turn; returns counts and failures."""
    r, counts, failures = Random(seed), Counter[str](), []
    for number in range(calls):
        target = targets[number % len(targets)]
        arguments, names = draw(target, r)
        said = ", ".join(f"{name}={told(arguments[name])}" for name in names)
        others = ", ".join(name for name in arguments if name not in names)
        call = f"call {number}: {target.name}({said}) beside {others}"
        print(call, file=sys.stderr, flush=True)
        what, why = judge(target, arguments, names)
        counts[what] += 1
        if why:
            failures.append(f"{call}\n    {why}")
    return {"calls": calls, "counts": counts, "failures": failures}


def crash(x: torch.Tensor) -> torch.Tensor:
    """A planted fault: what a kernel does that reads outside of its memory."""
    import ctypes

    ctypes.string_at(0)
    return x


PLANTED = Target("planted crash", crash, lambda r: {"x": torch.zeros(2)}, {"x": [lambda r, v, a: v[:1]]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crash", action="store_true", help="call the planted fault as well")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    targets = [*TARGETS, PLANTED] if args.crash else TARGETS
    with torch.no_grad():
        print(json.dumps(run(targets, args.calls, args.seed)))


if __name__ == "__main__":
    main()
