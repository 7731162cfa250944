"""What is typed and what is said: unknown words, help, the catalogue, consoles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.cli.main import main

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"


@pytest.mark.parametrize("words", [["train", "d", "--out", "o", "--training.epoch", "x"], ["dance"], ["evaluate"]])
def test_unknown_words_and_flags_exit_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--training.epochs", "many"], ["--formulation.nothing", "1"], ["--device", "abacus"]]
)
def test_a_wrong_flag_is_told_in_a_sentence_not_in_pages(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "nowhere", "--out", str(tmp_path / "run"), *words])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert words[0] in said
    assert said.endswith("See `segstudio train --help`.\n")
    assert len(said.splitlines()) == 2


def test_the_help_of_train_lists_every_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--training.max_minutes" in text
    assert "(default: 10.0 min; 0 means no limit)" in text
    assert "--augmentation.flips" in text


def test_the_catalogue_lists_formulations_and_networks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue"]) == 0
    text = capsys.readouterr().out
    assert "joint" in text
    assert "--architecture.width" in text
    assert main(["catalogue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["formulations"]


def test_a_command_line_that_needs_no_engine_does_not_load_it() -> None:
    code = (
        "import sys\nfrom segstudio.cli.main import main\n"
        "try:\n    main(['train', '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(str('torch' in sys.modules or 'PySide6' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "False"


def test_a_console_that_knows_only_ascii_gets_every_line() -> None:
    words = [sys.executable, "-m", "segstudio", "info", str(SAMPLES / "images" / "nuclei-01.png")]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "360 \\xd7 360" in done.stdout
