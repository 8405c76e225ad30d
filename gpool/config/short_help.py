"""Help that fits on a screen: the commands, the flags that people use, the classes of this package."""

from __future__ import annotations

import textwrap

from gpool.config.listing import KINDS, entries

__all__ = ["classes", "short_help"]

DOES = {
    "fit": "Train the model of a configuration on its data.",
    "validate": "Measure a trained model on the validation part of its data.",
    "test": "Measure a trained model on the test part of its data.",
}

FLAGS = """
what is trained, by import path: gpool's, PyG's, your own
  -c, --config FILE             a YAML file of model, data and trainer; of several, the last one counts
  --model CLASS                 the task, such as gpool.training.GraphTask
  --model.encoder CLASS         message passing, such as gpool.models.Encoder
  --model.readout CLASS         nodes to one row per graph
  --model.optimizer CLASS       such as torch.optim.Adam; then --model.optimizer.lr 0.003
  --data CLASS                  the data; then its arguments: --data.batch_size 64, --data.fold 3
  --model.X.Y VALUE             any key of the YAML file, without its init_args

how
  --trainer.max_epochs N        epochs
  --trainer.accelerator NAME    auto, cpu, gpu
  --trainer.callbacks+ CLASS    such as lightning.pytorch.callbacks.EarlyStopping
  --trainer.logger CLASS        CSVLogger, TensorBoardLogger (pip install tensorboard) or
                                WandbLogger (pip install wandb); then --trainer.logger.save_dir DIR
  --trainer.default_root_dir DIR
                                where checkpoints and logs go
  --trainer.enable_progress_bar false
                                no bars and no lines of progress
  --seed_everything N           seed of weights and batches
  --ckpt_path FILE              a checkpoint: fit goes on from it, validate and test measure it
  --print_config                the whole configuration as YAML, defaults included, and nothing else
"""

MORE = """
more
  gpool list KIND               what each computes, with its paper; readouts are PyG's, too
  gpool {command} --model.help CLASS
                                the arguments of a class of model; likewise --data.help
  gpool {command} --help all    every flag of Lightning's trainer
"""


def short_help(command: str) -> str:
    """Help for ``gpool fit`` and its kin."""
    head = f"usage: gpool {command} --config X.yaml [--KEY VALUE ...]\n\n{DOES[command]}\n"
    return f"{head}{FLAGS}\n{classes()}{MORE.format(command=command)}"


def classes() -> str:
    """The classes of this package, a paragraph for each kind."""
    lines = ["gpool's own classes"]
    for kind in KINDS:
        names = ", ".join(entry.path for entry in entries(kind))
        lines += textwrap.wrap(names, 110, initial_indent=f"  {kind:<10} ", subsequent_indent=" " * 13)
    return "\n".join(lines) + "\n"
