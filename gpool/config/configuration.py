"""From YAML and flags to a trainer, a task and data: Lightning's command line, joined to this package."""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from gpool.config.given import MISSING, class_at, config_files, given_at, given_config, with_nested_nulls
from gpool.config.mistakes import ConfigError, explain
from gpool.config.own_data import with_data_module
from gpool.config.rehearsal import one_line, rehearse, set_up
from gpool.data import MissingData
from gpool.training.predictions import PredictionTable

__all__ = ["Configuration", "Parser", "check"]

ENCODER = "model.init_args.encoder"
READOUT = "model.init_args.readout"
WHOLE = "model.init_args.model"
PLAN = {"readouts", "variants", "folds", "seeds", "select", "threads", "metric"}  # keys of a plan alone


class Parser(LightningArgumentParser):
    """Lightning's parser, but a mistake raises :class:`ConfigError` in place of a usage text and an exit."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the parser's report."""
        raise ConfigError(str(message)) from None


def _width_for(argument: str, given_none: bool) -> Callable[[Any, int | None], int | None]:
    """Hands the encoder's width to a readout whose ``argument`` has no default and was not given."""

    def width(readout: Any, hidden_channels: int | None) -> int | None:
        if readout is None:
            return None
        given: int | None = readout.get("init_args", Namespace()).get(argument)
        module, _, name = readout.class_path.rpartition(".")
        parameter = inspect.signature(getattr(import_module(module), name)).parameters.get(argument)
        required = parameter is not None and parameter.default is inspect.Parameter.empty
        return hidden_channels if given is None and required and not given_none else given

    return width


def _linked(config: Mapping[str, Any], key: str) -> Callable[[Any], Any]:
    """Hands on what the data say, and refuses a configuration that gives another value at ``key``."""
    given, data = given_at(config, key), class_at(config, "data")

    def said(value: Any) -> Any:
        if given is not MISSING and given is not None and given != value:
            short = key.replace(".init_args", "")
            raise ConfigError(f"{short}: got {given!r}, but the data ({data}) say {value!r}; leave it out")
        return value

    return said


def _refuse_plans(args: Any) -> None:
    """Refuse a plan of many runs in place of a configuration of one."""
    for path, given in () if isinstance(args, Mapping) else config_files(args):
        data = given.get("data")
        names = list(data) if isinstance(data, Mapping) and "class_path" not in data else []
        if PLAN.intersection(given) or (names and all(class_at(data, str(name)) for name in names)):
            raise ConfigError(f"--config={path} is a plan of several runs; use: gpool bench {path}")


class Configuration(LightningCLI):
    """A configuration of an experiment: ``model``, ``data`` and ``trainer``, all by import path.

    A data set of PyG may stand for the data module :class:`gpool.data.Graphs` (or ``Nodes``) that reads it.
    Feature width, label kind and number of outputs are passed from data to model. A readout whose
    ``channels`` or ``in_channels`` has no default gets the encoder's width. A value that contradicts the data
    is refused. Another width of a readout is kept, and so is ``channels: null``, in a YAML file or as a flag,
    which shares one exponent among all channels. Arguments with a default, such as PyG's
    ``SoftmaxAggregation(channels=1)``, keep their default.

    Args:
        args: command line arguments, or a whole configuration as a dict, which is left as it is.
        run: run the subcommand that ``args`` names (fit, validate, test, predict); else only build the
            objects.
        trainer_defaults: arguments of the trainer where the configuration has none.
    """

    def __init__(
        self, args: Any = None, run: bool = True, trainer_defaults: dict[str, Any] | None = None
    ) -> None:
        if run:
            trainer_defaults = {"callbacks": [PredictionTable()], **(trainer_defaults or {})}
        if isinstance(args, Mapping):
            args = copy.deepcopy(dict(args))  # the parser changes lists of classes in place
        args = sys.argv[1:] if args is None else args
        _refuse_plans(args)
        args, self._given = with_data_module(args, given_config(args))
        if not isinstance(args, Mapping):
            args = with_nested_nulls(args, self._given)
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            seed_everything_default=0,
            trainer_defaults=trainer_defaults,
            save_config_callback=SaveConfigCallback if run else None,
            save_config_kwargs={"config_filename": "gpool-config.yaml", "overwrite": True},
            parser_class=Parser,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs={"prog": "gpool"},
            args=args,
            run=run,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Join what the data knows to what the model must be told."""
        links = {"num_outputs": ["model.init_args.out_channels"], "task": ["model.init_args.task"]}
        if class_at(self._given, "model.encoder"):
            links["num_features"] = [f"{ENCODER}.init_args.in_channels"]
        if class_at(self._given, "model.model"):
            links.setdefault("num_features", []).append(f"{WHOLE}.init_args.in_channels")
            links["num_outputs"].append(f"{WHOLE}.init_args.out_channels")
            inner = f"{WHOLE}.init_args.encoder"
            if class_at(self._given, inner) and given_at(self._given, f"{inner}.in_channels") is MISSING:
                links["num_features"].append(f"{inner}.init_args.in_channels")
        for source, targets in links.items():
            for target in targets:
                told = _linked(self._given, target)
                parser.link_arguments(f"data.{source}", target, told, apply_on="instantiate")
        for argument in ("channels", "in_channels"):
            parser.link_arguments(
                (READOUT, f"{ENCODER}.init_args.hidden_channels"),
                f"{READOUT}.init_args.{argument}",
                compute_fn=_width_for(argument, given_at(self._given, f"{READOUT}.{argument}") is None),
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Read the configuration; a mistake is one line that names the key and what would be right."""
        try:
            with warnings.catch_warnings():  # that both args and sys.argv are there is meant
                warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
                super().parse_arguments(parser, args)
        except ConfigError as error:
            raise ConfigError(explain(str(error), self._given)) from None

    def instantiate_classes(self) -> None:
        """Build the objects; what a constructor refuses is one line too."""
        try:
            super().instantiate_classes()
        except (ValueError, TypeError, MissingData) as error:
            if isinstance(error.__cause__, ConfigError):  # raised in a link, which wraps it
                raise error.__cause__ from None
            raise ConfigError(explain(str(error), self._given)) from error
        except Exception as error:  # of a class of the user's own
            raise ConfigError(one_line(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer; Lightning's default bar is drawn every 20 batches, as a drawing costs like a batch."""
        given = self._get(self.config_init, "trainer", default={}).get("callbacks") or []
        given = list(given) if isinstance(given, list) else [given]
        trainer = super().instantiate_trainer(**kwargs)
        bar = trainer.progress_bar_callback
        if isinstance(bar, (RichProgressBar, TQDMProgressBar)) and bar not in given:
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            callbacks[callbacks.index(bar)] = type(bar)(refresh_rate=20)
        return trainer

    def before_fit(self) -> None:
        """Try the model on two samples before anything trains; what does not fit is one line too."""
        rehearse(self.model, self.datamodule, self.trainer.callbacks)  # type: ignore[attr-defined]

    def before_validate(self) -> None:
        """Load the data; what is wrong with them is one line too."""
        set_up(self.datamodule, "validate")

    def before_test(self) -> None:
        """Load the data; what is wrong with them is one line too."""
        set_up(self.datamodule, "test")

    def before_predict(self) -> None:
        """Load the data; what is wrong with them is one line too."""
        set_up(self.datamodule, "predict")


def check(config: Mapping[str, Any]) -> Namespace:
    """Read a configuration without building anything.

    Returns:
        The configuration as it was read, with all defaults.

    Raises:
        ConfigError: for a mistake, in one line that names the key and what would be right.
    """
    return Reader(config).config


class Reader(Configuration):
    """A configuration that is read and not built."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(args=config, run=False)

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _set_seed(self) -> None:
        """Leave the random numbers alone."""
