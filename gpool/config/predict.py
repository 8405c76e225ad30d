"""``gpool predict``: the predictions of a checkpoint for any graphs, as a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from lightning.pytorch import LightningDataModule, LightningModule, Trainer

import gpool.data
from gpool.config.configuration import Configuration, Parser
from gpool.config.mistakes import ConfigError, explain
from gpool.quiet import QUIET
from gpool.training import LinkTask, NodeTask, PredictionTable
from gpool.training.checkpoint import KEY, fit_weights, read_checkpoint, task_from
from gpool.training.link_ranking import ScoredPair
from gpool.training.prediction_file import PredictionFile

__all__ = ["predict"]

DESCRIPTION = """Predict any graphs with the task of a checkpoint, and write a table: id, part, label,
prediction and probabilities of every graph or node; source, target and score of every pair, or of the best
--top. The graphs are
those that the checkpoint was trained on, of --data (and --data.OPTION), or of --source. Only checkpoints that
you trust: the classes that they name are imported. --config takes task and data from a YAML file."""


class Flags(argparse.ArgumentParser):
    """The flags of this command alone; a mistake raises :class:`ConfigError`."""

    def error(self, message: str) -> NoReturn:
        """Raise the parser's report."""
        raise ConfigError(message)


def predict(words: list[str]) -> int:
    """Write the table of predictions; the exit status."""
    flags = Flags("gpool predict", description=DESCRIPTION, allow_abbrev=False)
    flags.add_argument("--ckpt_path", help="the checkpoint")
    flags.add_argument("--source", help="new graphs: a .pt file, or an import path")
    flags.add_argument("--out", default="predictions.csv", help="the table; default: %(default)s")
    flags.add_argument("--overwrite", action="store_true", help="write over an old table")
    flags.add_argument("--untrained", action="store_true", help="predict with the weights of a new task")
    flags.add_argument("--top", type=int, help="of links: the best so many pairs alone, by falling score")
    flags.add_argument("--pairs", choices=["all", "two-hop"], help="of links: which pairs; default: all")
    given, rest = flags.parse_known_args(words)
    path = Path(given.out).absolute()
    if path.exists() and not given.overwrite:
        raise ConfigError(f"--out={given.out} is there already; --overwrite writes over it")
    if (given.ckpt_path is None) != given.untrained:
        raise ConfigError(
            "--ckpt_path: give either a checkpoint, or --untrained for the weights of a new task"
        )
    held = {}
    try:
        if given.ckpt_path is not None:
            held = read_checkpoint(given.ckpt_path)
        task, data, trainer = _made(given, rest, held)
        _check_width(data, held.get(KEY, {}))
    except (ValueError, TypeError, OSError, gpool.data.MissingData) as error:
        if getattr(error, "filename", None) is not None:
            raise  # the command says which file
        raise ConfigError(" ".join(str(error).split())) from error
    if isinstance(task, LinkTask):
        return _rank(task, data, trainer, given, path)
    if given.top is not None or given.pairs is not None:
        name = "--top" if given.top is not None else "--pairs"
        raise ConfigError(f"{name}: only a link model ranks pairs, {type(task).__name__} has none")
    table = PredictionTable(str(path), given.overwrite, held.get(KEY, {}).get("classes"))
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [*(other for other in callbacks if not isinstance(other, PredictionTable)), table]
    try:
        trainer.predict(task, datamodule=data, return_predictions=False)
    except ValueError as error:
        raise ConfigError(" ".join(str(error).split())) from error
    return 0


def _rank(
    task: LinkTask, data: LightningDataModule, trainer: Trainer, given: argparse.Namespace, path: Path
) -> int:
    """Write the table of pairs: the best ones where ``--top`` is given, else all in their order."""
    if not isinstance(data, gpool.data.Links):
        raise ConfigError("--data: a link model predicts pairs of one graph, --data gpool.data.Links")
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [other for other in callbacks if not isinstance(other, PredictionTable)]
    try:
        if given.top is None:
            data.ask(given.pairs)
            callbacks.append(PredictionTable(str(path), given.overwrite))
            trainer.predict(task, datamodule=data, return_predictions=False)
            return 0
        best = task.predict(data, given.pairs, given.top, trainer, progress=sys.stderr.isatty())
    except ValueError as error:
        raise ConfigError(" ".join(str(error).split())) from error
    table = PredictionFile(path, None)
    columns = list(zip(*best, strict=True)) or [()] * 3
    table.add({}, {name: list(column) for name, column in zip(ScoredPair._fields, columns, strict=True)})
    table.close()
    print(f"the {table.rows} best pairs are in {path}")
    return 0


def _made(
    given: argparse.Namespace, rest: list[str], held: dict[str, Any]
) -> tuple[LightningModule, LightningDataModule, Trainer]:
    """Task, data and trainer of a configuration, or of the checkpoint alone."""
    facts: dict[str, Any] = held.get(KEY, {})
    if any(word.split("=")[0] in ("-c", "--config") for word in rest):
        made = Configuration(args=rest, run=False, trainer_defaults={"logger": False})
        task, data, trainer = made.model, made.datamodule, made.trainer
        if held:
            fit_weights(task, held, given.ckpt_path)
    elif given.untrained:
        raise ConfigError("--untrained: give the task by --config")
    else:
        task = task_from(held, given.ckpt_path, LightningModule, {})
        data, trainer = _data_and_trainer(rest, None if given.source else facts.get("data"))
    if given.source is not None:
        data = _new(given.source, task, facts)
    if data is None:
        raise ConfigError("--data or --source: the checkpoint does not say which data it was trained on")
    return task, data, trainer


def _data_and_trainer(words: list[str], known: Any) -> tuple[LightningDataModule | None, Trainer]:
    """What the flags ``--data`` and ``--trainer`` say; data that the checkpoint knows are their default."""
    parser = Parser(prog="gpool predict")
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True, required=False)
    parser.set_defaults({f"trainer.{name}": value for name, value in {**QUIET, "devices": 1}.items()})
    try:
        if known is not None:
            parser.set_defaults({"data": known})
        made = parser.instantiate_classes(parser.parse_args(words))
    except ConfigError as error:
        raise ConfigError(explain(str(error))) from None
    return made.get("data"), Trainer(**vars(made.trainer))


def _new(source: str, task: LightningModule, facts: dict[str, Any]) -> LightningDataModule:
    """The data module of graphs without labels."""
    if isinstance(task, LinkTask):
        raise ConfigError("--source: a link model predicts pairs of one graph, --data gpool.data.Links")
    kind = "NewNodes" if isinstance(task, NodeTask) else "NewGraphs"
    options = {"categorical": True} if facts.get("categorical") else {}
    data: LightningDataModule = getattr(gpool.data, kind)(source, **options)
    return data


def _check_width(data: LightningDataModule, facts: dict[str, Any]) -> None:
    """Refuse graphs whose features are not as wide as those of the training."""
    wanted, found = facts.get("num_features"), getattr(data, "num_features", None)
    if None not in (wanted, found) and wanted != found:
        raise ConfigError(f"data: x has {found} features, it must have {wanted}, as the graphs trained on")
