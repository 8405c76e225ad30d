"""The rule of cv-max: one epoch for all folds of a row, chosen by the mean of their test parts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from gpool.bench.metric import Metric, better, metric_of

__all__ = ["at_best_epoch"]


def at_best_epoch(records: list[dict[str, Any]], metric: Metric) -> list[dict[str, Any]]:
    """The records, those of the protocol cv-max with the metrics of the best epoch.

    This is the rule of GIN (Xu et al. 2019, arXiv:1810.00826): of the epochs that all folds of a row and a
    seed have, the one whose metric is best in the mean over their test parts. It looks at what it reports, so
    that it is too good; the record's ``protocol`` says so.

    Args:
        records: in any order; they are left as they are.
        metric: what is best, see :func:`gpool.bench.metric.metric_of`.
    """
    groups: dict[Any, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        if record.get("protocol") == "cv-max" and record.get("curve"):
            groups[record["data"], record["variant"], record["readout"], record["seed"]].append(place)
    found = list(records)
    for (data, *_), places in groups.items():
        curves = [records[place]["curve"] for place in places]
        name = metric_of(data, metric, curves[0])
        if name is None or any(name not in curve for curve in curves):
            continue
        length = min(len(curve[name]) for curve in curves)
        mean = np.mean([curve[name][:length] for curve in curves], axis=0)
        epoch = int(np.argmin(mean) if better(name) == "min" else np.argmax(mean))
        for place, curve in zip(places, curves, strict=True):
            chosen = {each: values[epoch] for each, values in curve.items()}
            metrics = {**records[place]["metrics"], **chosen}
            found[place] = {**records[place], "metrics": metrics, "epoch": epoch + 1}
    return found
