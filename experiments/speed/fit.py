"""Time of an epoch of ``gpool fit`` beside a plain PyTorch loop: same model, batches and metric.

    python experiments/speed/fit.py [--epochs 4] [--repeats 5] [--profile]

NCI1, fold 0, batches of 32, a GIN with 3 layers of 64 channels and GNP; an epoch is training and validation,
with Lightning's progress bar and checkpoints as they come. The two take turns, a figure is the processor's
time on one thread, and the ratio is that of the medians. Start and end (set-up, sanity check) are left out by
taking the difference of two fits of different length.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from gpool.config import Configuration

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


def configuration(folder: str, epochs: int) -> dict[str, Any]:
    """What a user's YAML says."""
    encoder = {
        "class_path": "gpool.models.Encoder",
        "init_args": {"hidden_channels": 64, "num_layers": 3, "conv": "gin"},
    }
    task = {"encoder": encoder, "readout": {"class_path": "gpool.GNP"}}
    return {
        "seed_everything": 0,
        "model": {"class_path": "gpool.training.GraphTask", "init_args": task},
        "data": {"class_path": "gpool.data.TU", "init_args": {"name": "NCI1"}},
        "trainer": {
            "max_epochs": epochs,
            "accelerator": "cpu",
            "logger": False,
            "enable_model_summary": False,
            "default_root_dir": folder,
        },
    }


def fitted(epochs: int) -> float:
    """CPU time of ``gpool fit`` for some epochs."""
    with tempfile.TemporaryDirectory() as folder:
        cli = Configuration(configuration(folder, epochs), run=False)
        cli.datamodule.setup()
        start = time.process_time()
        cli.trainer.fit(cli.model, datamodule=cli.datamodule)
        return time.process_time() - start


def plain(epochs: int) -> float:
    """CPU time of a plain loop over the same batches."""
    with tempfile.TemporaryDirectory() as folder:
        cli = Configuration(configuration(folder, epochs), run=False)
    model, data = cli.model.model, cli.datamodule
    data.setup()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.process_time()
    train, val = data.train_dataloader(), data.val_dataloader()
    for _ in range(epochs):
        model.train()
        total = torch.zeros(())
        for batch in train:
            optimizer.zero_grad()
            logits = model(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs)
            loss = F.cross_entropy(logits, batch.y)
            loss.backward()
            optimizer.step()
            total += loss.detach() * batch.num_graphs
        model.eval()
        right = torch.zeros((), dtype=torch.long)
        with torch.no_grad():
            for batch in val:
                logits = model(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs)
                right += (logits.argmax(1) == batch.y).sum()
    return time.process_time() - start


def main() -> None:
    """Print both times per epoch and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where one fit spends its time")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.profile:
        import cProfile

        cProfile.runctx("fitted(epochs)", globals(), {"epochs": args.epochs}, sort="tottime")
        return
    fitted(1), plain(1)  # what is done once
    times: dict[str, list[float]] = {"gpool fit": [], "plain loop": []}
    for _ in range(args.repeats):
        for name, run in (("gpool fit", fitted), ("plain loop", plain)):
            times[name].append((run(args.epochs + 1) - run(1)) / args.epochs)
    for name, each in times.items():
        print(f"{name}: {median(each):.3f} s per epoch ({', '.join(f'{t:.3f}' for t in each)})")
    print(f"ratio {median(times['gpool fit']) / median(times['plain loop']):.3f}")


if __name__ == "__main__":
    main()
