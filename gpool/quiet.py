"""Lightning without its remarks about itself, and with a given number of threads."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch_geometric.data import dataset

__all__ = ["QUIET", "quiet", "silent_processing", "threads", "without_remarks"]

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}

REMARKS = (
    "Starting from v1.9.0, `tensorboardX`",
    ".*treespec, LeafSpec",
    "You have overridden `transfer_batch_to_device`",  # the tasks do so, and nothing is lost by it
)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Compute with this number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def silent_processing() -> Iterator[None]:
    """Keep PyG's ``Processing...`` and ``Done!`` off standard error, where errors are looked for."""
    with patch.object(dataset, "print", lambda *_, **__: None, create=True):
        yield


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep remarks of Lightning and PyG about themselves off standard error; those about the run stay."""
    with warnings.catch_warnings(), silent_processing():
        for remark in REMARKS:
            warnings.filterwarnings("ignore", message=remark)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's and PyG's remarks about themselves out of a progress bar."""
    names = (
        "lightning.pytorch",
        "lightning.fabric",
        "lightning.pytorch.utilities.rank_zero",
        "torch_geometric",
    )
    before = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings(), silent_processing():
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
