"""The command as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
        (["fitt"], "gpool: COMMAND='fitt' must be one of fit, validate, test, predict, bench, report"),
        (["fit", "--config", "nowhere.yaml"], "gpool: "),
        (["bench"], "gpool: needs plan"),
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
    assert all(word in told for word in ("fit", "validate", "test", "predict", "bench", "report"))


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
