"""The base of training modules: an optimizer with a parameter group of its own for exponents."""

from __future__ import annotations

from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LightningArgumentParser, LRSchedulerCallable, OptimizerCallable
from torch.nn import Parameter
from torch.optim import Adam, Optimizer
from typing_extensions import Self

from gpool.training.checkpoint import KEY, content, read_checkpoint, recipe_of, task_from
from gpool.training.configured import resolved

__all__ = ["TrainingModule", "adam"]


def adam(parameters: Any) -> Optimizer:
    """Adam with a learning rate of 1e-3, the default optimizer of every task.

    On a CPU it is torch's fused one, an eighth of the time, unless there are complex parameters. Elsewhere it
    is not, since Lightning's mixed precision clips no gradients of a fused one.
    """
    made = Adam(parameters, lr=1e-3)
    held = [p for group in made.param_groups for p in group["params"]]
    if all(p.device.type == "cpu" and p.is_floating_point() for p in held):
        for group in made.param_groups:
            group["fused"] = True
    return made


class TrainingModule(LightningModule):
    """A LightningModule with optimizer settings of their own for learnable exponents.

    Parameters from ``exponent_parameters()``, which modules such as :class:`gpool.GNP` have, get no weight
    decay and ``exponent_lr`` times the learning rate: weight decay would pull them to an arbitrary value, and
    their gradients are small.

    Args:
        optimizer: makes the optimizer from groups of parameters.
        lr_scheduler: makes the schedule from the optimizer; stepped once per epoch.
        exponent_lr: learning rate of the exponents, as a multiple of the others'.
    """

    def __init__(
        self,
        optimizer: OptimizerCallable = adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        exponent_lr: float = 5.0,
    ) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.exponent_lr = exponent_lr
        self._recipe: dict[str, Any] | None = None

    def made_by(self, parser: LightningArgumentParser, config: Namespace, data: Any) -> None:
        """Note the configuration that has made this task, for its checkpoints."""
        found = resolved(parser, config, data)
        self._recipe = None if found is None else {"from": "configuration", **found}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what builds this task again, the facts of its data and the versions."""
        if self._recipe is None:
            self._recipe = recipe_of(self)
        checkpoint[KEY] = content(self, self._recipe)

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        **given: Any,
    ) -> Self:
        """The task of a checkpoint, with its weights.

        The file is read without running code, but the classes and functions that it names are imported and
        called: load only checkpoints that you trust.

        Args:
            checkpoint_path: the file.
            map_location: device of the weights; the one they were on where it is None.
            hparams_file, weights_only: with a file, or with False, Lightning loads the checkpoint its own
                way, which runs code that it holds.
            strict: refuse weights that do not fit.
            given: arguments in place of those that the checkpoint describes, or lacks, such as
                ``encoder=MyEncoder()``.

        Raises:
            ValueError: the checkpoint does not say how to build the task, or holds one of another class.
        """
        if hparams_file is None and weights_only is not False:
            held = read_checkpoint(checkpoint_path, map_location)
            try:
                task: Self = task_from(held, checkpoint_path, cls, given, strict is not False)
                return task
            except ValueError:
                if "hyper_parameters" not in held:
                    raise
        return super().load_from_checkpoint(
            checkpoint_path, map_location, hparams_file, strict, weights_only, **given
        )

    def exponents(self) -> list[Parameter]:
        """The parameters of all modules that have ``exponent_parameters()``."""
        found: dict[int, Parameter] = {}
        for module in self.modules():
            named = getattr(module, "exponent_parameters", None)
            if callable(named):
                found.update({id(p): p for p in named()})
        return list(found.values())

    def configure_optimizers(self) -> Any:
        """One group of parameters for the exponents, one for all others."""
        exponents = self.exponents()
        apart = {id(p) for p in exponents}
        groups: list[dict[str, Any]] = [{"params": [p for p in self.parameters() if id(p) not in apart]}]
        if exponents:
            groups.append({"params": exponents})
        optimizer = self.optimizer(groups)
        for group in optimizer.param_groups[1:]:
            group["lr"] *= self.exponent_lr
            group["weight_decay"] = 0.0
        if self.lr_scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.lr_scheduler(optimizer)}

    def cast(self, x: Any) -> Any:
        """Features in the precision of the trainer, if there is one, such as "64-true"; integers stay.

        Lightning casts batches that are tensors, lists or dictionaries, but neither graphs of PyG nor batches
        of links; and it would cast the labels too, whose digits half precision does not hold.
        """
        return x if self._trainer is None else self._trainer.precision_plugin.convert_input(x)
