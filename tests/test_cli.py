"""The command as a user types it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml

import gpool
from gpool.cli import main
from gpool.data import Digits


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    encoder = {"class_path": "gpool.models.Encoder", "init_args": {"hidden_channels": 8, "num_layers": 2}}
    given = {
        "model": {
            "class_path": "gpool.training.GraphTask",
            "init_args": {"encoder": encoder, "readout": "torch_geometric.nn.MeanAggregation"},
        },
        "data": {"class_path": "gpool.data.Digits", "init_args": {"batch_size": 256}},
        "trainer": {"max_epochs": 1, "enable_progress_bar": False, "logger": False},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(given))
    return str(path)


def test_fit_with_another_readout_then_test_and_predict(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    readout = ["--model.readout", "gpool.GNP"]
    assert main(["fit", "--config", config, *readout]) == 0
    saved = [str(path) for path in tmp_path.rglob("*.ckpt")]
    assert len(saved) == 1
    assert main(["validate", "--config", config, *readout, "--ckpt_path", saved[0]]) == 0
    assert "val/acc" in capsys.readouterr().out
    assert main(["test", "--config", config, *readout, "--ckpt_path", saved[0]]) == 0
    assert "test/acc" in capsys.readouterr().out
    before = Path(config).read_text()
    assert main(["predict", "--config", config, *readout, "--ckpt_path", saved[0]]) == 0
    rows = (tmp_path / "predictions.csv").read_text().splitlines()
    assert rows[0].startswith("id,")
    assert rows[0].endswith("prediction," + ",".join(f"probability_{k}" for k in range(10)))
    assert len(rows) == 1 + sum(batch.num_graphs for batch in Digits().predict_dataloader())
    assert Path(config).read_text() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["fitt"],
            "gpool: COMMAND='fitt' must be one of fit, validate, test, predict, bench, report, data, list, ",
        ),
        (["fit", "--config", "nowhere.yaml"], "gpool: "),
        (["bench"], "gpool: needs plan"),
        (["list"], "gpool: gpool list needs one KIND of readouts, histories, poolings, links, models"),
        (["list", "layers"], "gpool: KIND='layers' must be one of readouts, histories, poolings, links"),
        (["bench", "nowhere.yaml"], "gpool: PLAN=nowhere.yaml: No such file or directory"),
        (["report", "nowhere"], "gpool: DIR=nowhere is not a folder; gpool bench writes one"),
        (["report", "."], "gpool: DIR=. holds no finished runs; run gpool bench first"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_2(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(told)


def test_a_missing_data_set_is_one_line(
    config: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    words = ["--data", "gpool.data.TU", "--data.name", "NONE", "--data.root", "here"]
    assert main(["fit", "--config", config, *words]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gpool:")]
    assert len(lines) == 1
    assert "here/tu/NONE/raw" in lines[0]


def test_help_names_every_command(capsys: pytest.CaptureFixture) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    words = (
        "fit",
        "validate",
        "test",
        "predict",
        "bench",
        "report",
        "data",
        "list",
        "new",
        "--version",
        "gpool.GNP",
    )
    assert all(word in told for word in words)
    assert len(told.splitlines()) < 80


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_help_of_a_command_fits_on_a_screen(command: str, capsys: pytest.CaptureFixture) -> None:
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert len(told.splitlines()) < 80
    assert all(len(line) <= 120 for line in told.splitlines())
    assert all(
        word in told for word in ("gpool.GNP", "gpool.data.Digits", "--trainer.max_epochs", "--help all")
    )


def test_help_all_and_the_help_of_a_class_are_whole(capsys: pytest.CaptureFixture) -> None:
    for words, told in (
        (["fit", "--help", "all"], "--trainer.accumulate_grad_batches"),
        (["fit", "--model.help", "GraphTask"], "--model.exponent_lr"),
        (["fit", "--data.help", "gpool.data.Digits"], "--data.val_fraction"),
    ):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 0
        assert told in capsys.readouterr().out


def test_the_version_of_what_computes(capsys: pytest.CaptureFixture) -> None:
    assert main(["--version"]) == 0
    found = dict(line.split(" ") for line in capsys.readouterr().out.splitlines())
    assert list(found) == ["gpool", "torch", "torch_geometric", "lightning", "python"]
    assert found["gpool"] == gpool.__version__
    assert found["torch"] == torch.__version__
    assert found["python"] == platform.python_version()


def test_progress_is_lines_where_nobody_sees_a_bar(config: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["fit", "--config", config, "--trainer.enable_progress_bar", "true"]) == 0
    assert [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch 1/1  train/loss ")
    ]


@pytest.mark.parametrize(
    ("logger", "package"), [("TensorBoardLogger", "tensorboard"), ("WandbLogger", "wandb")]
)
def test_a_logger_that_is_not_installed_says_what_to_install(
    logger: str, package: str, config: str, capsys: pytest.CaptureFixture
) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    words = ["--trainer.logger", logger, "--trainer.logger.save_dir", "logs"]
    assert main(["fit", "--config", config, *words]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"gpool: trainer.logger: needs {package}: pip install {package}"


def test_the_csv_logger_needs_nothing_more(config: str, tmp_path: Path) -> None:
    words = ["--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", "logs"]
    assert main(["fit", "--config", config, *words]) == 0
    (table,) = (tmp_path / "logs").rglob("metrics.csv")
    assert "val/acc" in table.read_text()


def test_processing_is_not_announced(tmp_path: Path) -> None:
    code = (
        "from torch_geometric.data import InMemoryDataset\n"
        "from gpool.quiet import silent_processing\n"
        "class Own(InMemoryDataset):\n"
        "    raw_file_names, processed_file_names = [], ['own.pt']\n"
        "    def process(self): open(self.processed_paths[0], 'w').close()\n"
        "with silent_processing():\n"
        "    Own('quiet')\n"
        "Own('loud')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert told.stderr.split() == ["Processing...", "Done!"]  # of the second one only


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['lightning'] = sys.modules['lightning.pytorch'] = None\n"
        "from gpool.cli import main\n"
        "sys.exit(main(['bench', 'plan.yaml']))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr.startswith("gpool: the command needs lightning")


def test_the_working_folder_is_last_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    others = [*sys.path]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *others])  # as python -m leaves it
    assert main(["report", "nowhere"]) == 2
    assert sys.path == [*others, str(tmp_path)]
