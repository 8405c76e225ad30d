"""Does the scorer of a Graph Parsing Network learn? Its gradient and its clusters, epoch by epoch.

    GPOOL_DATA=... python experiments/graph_parsing_alive.py [--row PROTEINS] [--fold 0] [--epochs 60]

A scorer that gives all edges one score parses every connected component into one cluster at the first level.
This script trains one run of ``graph_parsing.yaml`` and prints for every epoch, on the validation graphs: the
share of graphs whose first level is not their components, clusters for each component, levels, and the norm
of the scorer's gradient on the last training batch.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gpool.bench import Plan
from gpool.config.configuration import Configuration
from gpool.ops.partition.clusters import components
from gpool.ops.segment import segment_count


class Watch(Callback):
    """Collects one row for each epoch."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.gradient = 0.0

    def on_before_optimizer_step(self, trainer: Trainer, module: LightningModule, optimizer: Any) -> None:
        """The norm of the scorer's gradient."""
        grads = [p.grad for p in module.model.parse.scorer.parameters() if p.grad is not None]
        self.gradient = float(torch.stack([g.norm() for g in grads]).norm())

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Parse the validation graphs and count clusters."""
        split, joined, count, depth = 0, 0, 0, 0
        for batch in trainer.datamodule.val_dataloader():  # type: ignore[attr-defined]
            net, graphs = module.model, batch.num_graphs
            h = net.encode(batch.x, batch.edge_index, None)
            levels = net.levels(h, batch.edge_index, None, batch.batch, graphs)
            if not levels:
                continue
            clusters = segment_count(levels[0].batch, dim_size=graphs)
            parts = _components(batch.edge_index, batch.batch, graphs)
            split += int((clusters > parts).sum())
            joined += int(clusters.sum())
            count += int(parts.sum())
            depth = max(depth, len(levels))
        total = len(trainer.datamodule.split.val)  # type: ignore[attr-defined]
        row = {
            "epoch": trainer.current_epoch,
            "val_loss": float(trainer.callback_metrics["val/loss"]),
            "val_acc": float(trainer.callback_metrics["val/acc"]),
            "differ": split / total,
            "clusters_per_component": joined / max(count, 1),
            "levels": depth,
            "scorer_gradient": self.gradient,
        }
        self.rows.append(row)
        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def _components(edge_index: Tensor, batch: Tensor, graphs: int) -> Tensor:
    root = components(edge_index[0], edge_index[1], batch.numel())
    return segment_count(batch[root == torch.arange(batch.numel())], dim_size=graphs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", default="PROTEINS")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    plan = Plan(**yaml.safe_load((Path(__file__).parent / "graph_parsing.yaml").read_text(encoding="utf-8")))
    planned = next(run for run in plan.runs() if run.variant == args.row and run.fold == args.fold)
    config = {**planned.config, "trainer": {**planned.config["trainer"], "max_epochs": args.epochs}}
    watch = Watch()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    run = Configuration(args=config, run=False, trainer_defaults={**quiet, "callbacks": [watch]})
    run.trainer.fit(run.model, run.datamodule)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(watch.rows[0]))
            writer.writeheader()
            writer.writerows(watch.rows)


if __name__ == "__main__":
    main()
