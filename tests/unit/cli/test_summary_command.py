"""`segstudio summary` prints what a network is."""

import json

import pytest

from segstudio.cli.main import main


def test_the_summary_names_size_work_memory_and_receptive_field(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["summary", "--architecture.width", "4", "--architecture.depth", "1", "--object-diameter", "99"]
    assert main([*words, "--patch", "64", "--batch", "2", "--device", "cpu"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for part in ("parameters", "GFLOPs per megapixel", "2 patches of 64 px", "less than an object", "encoder.0"):
        assert part in told
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["object_diameter_px"] == 99
    assert report["layers"][0]["parameters"] == report["parameters"]


def test_what_cannot_be_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "--patch", "100000"]) == 2
    assert "patch_size" in capsys.readouterr().err
    assert main(["summary", "--architecture", "nothing"]) == 2
    with pytest.raises(SystemExit):
        main(["summary", "--channels", "0"])
