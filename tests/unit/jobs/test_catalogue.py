"""The kept catalogue holds only for the computer as it was."""

from pathlib import Path

import pytest

from segstudio.jobs import catalogue
from segstudio.jobs.catalogue import Catalogue, DeviceOffer, catalogue_key, load_catalogue, store_catalogue


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    devices = (DeviceOffer(device="cpu", name="CPU", memory_mb=8000),)
    made = Catalogue(key=catalogue_key(), formulations=(), architectures=(), devices=devices)
    return store_catalogue(made, tmp_path / "kept" / "catalogue.json")


def test_it_holds_while_nothing_changes(kept: Path) -> None:
    found = load_catalogue(kept)
    assert found is not None
    assert found.devices[0].name == "CPU"


def test_another_build_of_torch_makes_it_anew(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "version", lambda _name: "9.9+cu999")
    assert load_catalogue(kept) is None


def test_hidden_cards_make_it_anew(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "hidden by this test")
    assert load_catalogue(kept) is None


def test_a_new_card_or_driver_makes_it_anew(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "nvidia"
    monkeypatch.setattr(catalogue, "_LINUX_DRIVER", driver)
    (driver / "gpus" / "0000:01:00.0").mkdir(parents=True)
    assert load_catalogue(kept) is None
    with_card = catalogue_key()
    (driver / "version").write_text("NVRM version: 590.1")
    assert catalogue_key() != with_card


def test_a_damaged_file_is_no_catalogue(kept: Path) -> None:
    kept.write_text('{"key": ')
    assert load_catalogue(kept) is None


def test_the_files_of_all_packages_are_read_once_for_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    read = catalogue.entry_points
    monkeypatch.setattr(catalogue, "entry_points", lambda **groups: asked.append(groups) or read(**groups))
    catalogue_key()
    assert asked == [{}]
