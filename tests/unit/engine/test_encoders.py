"""Networks with encoders from a library: sizes, reach, weights learned on ImageNet."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest
import torch
from factories import write_splits
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import are_progress_bars_disabled
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn

from segstudio.config.problems import sentence
from segstudio.core.errors import JobFailed
from segstudio.engine.architectures import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderNetwork
from segstudio.engine.architectures.encoders import (
    check_reachable,
    deepest,
    imagenet_weights,
    library,
    sees_whole,
)
from segstudio.engine.first_layer import for_channels, for_named_channels
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, load_model, save_model
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import measure_reach
from segstudio.engine.run import run_job
from segstudio.jobs.messages import Warned
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob, ValidateJob
from segstudio.project.folder_samples import folder_samples


def family(name: str = "encoder_unet", **settings: object) -> EncoderArchitecture:
    kind = architectures.get(name)
    made = kind(kind.Config.model_validate(settings))
    assert isinstance(made, EncoderArchitecture)
    return made


def build(name: str = "encoder_unet", in_channels: int = 1, **settings: object) -> EncoderNetwork:
    torch.manual_seed(0)
    made = family(name, **settings).build(in_channels, 2)
    assert isinstance(made, EncoderNetwork)
    return made


#: One of each kind; the others differ in their numbers only.
KINDS = ["resnet18", "vgg11_bn", "densenet121", "mobilenet_v2", "efficientnet-b0", "squeezenet1_1"]


@pytest.mark.parametrize("encoder", KINDS)
def test_every_encoder_learns_with_all_its_weights(encoder: str) -> None:
    with torch.device("meta"):  # no numbers, only what depends on what
        net = build(encoder=encoder, encoder_depth=3).train()
        net(torch.zeros(1, 1, 16, 24)).square().mean().backward()
    assert all(weight.grad is not None for weight in net.parameters())
    assert 0 < sum(weight.numel() for weight in net.encoder_parameters()) < 5e6


@pytest.mark.parametrize("encoder", ["resnet18", "squeezenet1_1", "efficientnet-b0"])
def test_an_encoder_sees_the_whole_tile_exactly_when_it_says_so(encoder: str) -> None:
    net = build(encoder=encoder, encoder_depth=2)
    assert (measure_reach(net, limit=48) is None, net.sees_whole) == (sees_whole(encoder), sees_whole(encoder))


@pytest.mark.parametrize("encoder", ["squeezenet1_1", "mobilenet_v2"])
def test_nothing_outside_the_measured_reach_changes_a_block(encoder: str) -> None:
    net = build(encoder=encoder, encoder_depth=2).double().eval()
    reach = measure_reach(net)
    assert reach is not None
    start = -(-reach // 4) * 4 + 8
    image = torch.randn(1, 1, 2 * start + 4, 8, dtype=torch.float64)
    changed = image.clone()
    changed[..., : start - reach, :] += 1
    changed[..., start + net.stride + reach :, :] += 1
    with torch.no_grad():
        assert torch.equal(net(image)[..., start : start + 4, :], net(changed)[..., start : start + 4, :])


def test_parts_of_an_encoder_that_are_cut_off_take_no_room() -> None:
    with torch.device("meta"):
        shallow, deep = build(encoder_depth=3), build(encoder_depth=4)
    assert sum(weight.numel() for weight in shallow.parameters()) < 1e6 < sum(w.numel() for w in deep.parameters())


def test_batch_normalisation_can_be_shared_by_several_graphics_cards() -> None:
    with torch.device("meta"):
        net = build("linknet")
        names = list(net.state_dict())
        shared = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert not any(type(module) is nn.BatchNorm2d for module in shared.modules())
    assert list(shared.state_dict()) == names


@pytest.mark.parametrize("name", ["encoder_unet", "fcn", "pspnet"])
def test_an_image_that_does_not_fit_the_stride_is_refused(name: str) -> None:
    with torch.device("meta"):
        net = build(name)
        with pytest.raises(ValueError, match="no multiples of"):
            net(torch.zeros(1, 1, net.stride, net.stride + 4))


@pytest.mark.parametrize("name", ["upernet", "pspnet"])
def test_a_batch_of_one_patch_can_be_learned(name: str) -> None:
    net = build(name, encoder_depth=3).train()
    assert torch.isfinite(net(torch.randn(1, 1, 2 * net.stride, 2 * net.stride))).all()


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("encoder_unet", {"encoder_depth": 0}, "it must be at least 2"),
        ("encoder_unet", {"encoder_depth": 9}, "it must be at most 5"),
        ("linknet", {"encoder": "squeezenet1_1", "encoder_depth": 5}, "it must be at most 4 with the encoder squeeze"),
        ("deeplabv3plus", {"encoder": "vgg11_bn"}, "it must be one of 'resnet18'"),
        ("fcn", {"skips": "FCN-4"}, "it must be one of 'FCN-8'"),
    ],
)
def test_settings_that_make_no_network_are_refused_in_one_sentence(
    name: str, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        architectures.get(name).Config.model_validate(settings)
    (problem,) = caught.value.errors()
    assert sentence(problem).startswith(words)


@pytest.mark.parametrize("skips", ["FCN-32", "FCN-16", "FCN-8"])
def test_fcn_begins_with_smooth_maps(skips: str) -> None:
    net = build("fcn", skips=skips, encoder_depth=3).eval()
    steps = net(torch.randn(1, 1, 64, 64))[..., 16:48, 16:48].diff(dim=-1).abs()
    # Where deep pixels meet, interpolation makes no jump: no step is much larger than the others.
    assert steps.amax() < 6 * steps.mean()


def test_the_first_layer_for_gray_gives_what_equal_colours_gave() -> None:
    weight, gray = torch.randn(8, 3, 3, 3), torch.randn(1, 1, 9, 9)
    expected = torch.conv2d(gray.expand(-1, 3, -1, -1), weight)
    torch.testing.assert_close(torch.conv2d(gray, for_channels(weight, 1)), expected)
    # A gray network's first layer for colour, and for six channels, gives the same for equal ones.
    for count in (3, 6):
        spread = for_channels(for_channels(weight, 1), count)
        torch.testing.assert_close(torch.conv2d(gray.expand(-1, count, -1, -1), spread), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_an_image_of_equal_channels_gives_what_it_gave_however_many_they_are(count: int) -> None:
    weight = torch.randn(6, 3, 3, 3)
    gray = torch.randn(1, 1, 9, 9)
    expected = torch.conv2d(gray.expand(-1, 3, -1, -1), weight)
    torch.testing.assert_close(torch.conv2d(gray.expand(-1, count, -1, -1), for_channels(weight, count)), expected)


def test_channels_are_taken_by_name_and_new_ones_change_nothing_at_first() -> None:
    weight, image = torch.randn(4, 2, 3, 3), torch.randn(1, 3, 6, 6)
    moved = torch.conv2d(image, for_named_channels(weight, [1, None, 0]))
    torch.testing.assert_close(moved, torch.conv2d(image[:, [2, 0]], weight))


class Hub:
    """Stands for the internet: counts what is asked for, and gives one local file or fails."""

    def __init__(self, file: Path | None = None) -> None:
        self.file, self.asked = file, 0

    def __call__(self, repo_id: str, filename: str, revision: str | None = None, **_: object) -> str:
        self.asked += 1
        if self.file is None:
            raise LocalEntryNotFoundError(f"{repo_id} {filename} {revision} is not there")
        return str(self.file)


def offline(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(library().encoders, "hf_hub_download", hub)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", hub)
    monkeypatch.setattr("segstudio.engine.architectures.encoders.check_reachable", lambda encoder: None)
    return hub


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Tensor]:
    """Weights of a whole MobileNet, which the library gets when it asks the internet."""
    torch.manual_seed(7)
    encoder: nn.Module = library().encoders.get_encoder("mobilenet_v2", weights=None)
    weights = {
        name: torch.rand_like(value, dtype=torch.float32).to(value.dtype)
        for name, value in encoder.state_dict().items()
    }
    save_file(weights, tmp_path / "model.safetensors")
    monkeypatch.setattr(library().encoders, "hf_hub_download", Hub(tmp_path / "model.safetensors"))
    monkeypatch.setattr("segstudio.engine.architectures.encoders.check_reachable", lambda encoder: None)
    return weights


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_imagenet_weights_are_loaded_for_any_number_of_channels(learned: Mapping[str, Tensor], channels: int) -> None:
    chosen = family(encoder="mobilenet_v2", encoder_depth=3, pretrained=True)
    net = chosen.build(channels, 2)
    assert isinstance(net, EncoderNetwork)
    decoder = [weight.clone() for weight in net.model.decoder.parameters()]  # type: ignore[union-attr]
    chosen.pretrain(net)
    for name, weight in net.encoder.state_dict().items():
        expected = for_channels(learned[name], channels) if name == "features.0.0.weight" else learned[name]
        assert torch.equal(weight, expected), name
    assert all(map(torch.equal, decoder, net.model.decoder.parameters()))  # type: ignore[union-attr]
    # The image is brought to ImageNet's mean and deviation, which these weights expect.
    gray = torch.full((1, channels, 16, 16), float(net.input_mean))
    assert net.input_std < 1
    torch.testing.assert_close(net.eval()(gray), net.model(torch.zeros_like(gray)))


@pytest.mark.parametrize(("name", "encoder"), [("encoder_unet", "mobilenet_v2"), ("segformer", "pvt_v2_b0")])
def test_weights_that_cannot_be_had_are_said_and_nothing_is_random(
    monkeypatch: pytest.MonkeyPatch, name: str, encoder: str
) -> None:
    hub = offline(monkeypatch)
    chosen = family(name, encoder=encoder, pretrained=True)
    net = chosen.build(1, 2)
    assert hub.asked == 0
    with pytest.raises(JobFailed, match=f"encoder {encoder} could not be fetched") as caught:
        chosen.pretrain(net)
    assert "switch the ImageNet weights off" in caught.value.hint


def test_only_while_weights_are_fetched_is_the_hub_kept_from_printing(monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch)
    logger, heard = logging.getLogger("huggingface_hub"), []
    monkeypatch.setattr(logger, "level", logging.INFO)

    def listen(_encoder: str) -> None:
        heard.append((logger.level, are_progress_bars_disabled()))

    monkeypatch.setattr("segstudio.engine.architectures.encoders.check_reachable", listen)
    before = logger.level, are_progress_bars_disabled()
    with pytest.raises(JobFailed):
        imagenet_weights("mobilenet_v2", 3)
    assert heard == [(logging.ERROR, True)]
    assert (logger.level, are_progress_bars_disabled()) == before


@pytest.mark.parametrize("encoder", ["mobilenet_v2", "pvt_v2_b0", "mit_b0"])
def test_weights_whose_place_does_not_answer_are_not_asked_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    asked: list[str] = []

    def silent(request: Request, timeout: float) -> object:
        assert timeout < 10
        asked.append(request.full_url)
        raise URLError("no way out")

    hub = Hub()
    monkeypatch.setattr(library().encoders, "hf_hub_download", hub)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", hub)
    monkeypatch.setattr("segstudio.engine.architectures.encoders.urlopen", silent)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    with pytest.raises(JobFailed, match=f"encoder {encoder} could not be fetched"):
        imagenet_weights(encoder, 3)
    assert (hub.asked, len(asked)) == (0, 1)
    # Those that are on this computer need no connection.
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: "model.safetensors")
    check_reachable(encoder)
    assert len(asked) == 1


def test_squeezenet_s_weights_that_cannot_be_had_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, weights_only: bool, **__: object) -> Mapping[str, Any]:
        assert weights_only
        print("Downloading: as torch says")  # noqa: T201
        raise URLError("no way out")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    chosen = family(encoder="squeezenet1_1", pretrained=True)
    with pytest.raises(JobFailed, match="encoder squeezenet1_1 could not be fetched"):
        chosen.pretrain(chosen.build(1, 2))
    assert not capsys.readouterr().out  # where lines are for programs


def test_squeezenet_takes_torchvision_s_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import squeezenet1_1

    whole = squeezenet1_1(weights=None).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: whole)
    chosen = family(encoder="squeezenet1_1", pretrained=True)
    net = chosen.build(1, 2)
    chosen.pretrain(net)
    assert isinstance(net, EncoderNetwork)
    own = net.encoder.state_dict()
    assert torch.equal(own["features.3.squeeze.weight"], whole["features.3.squeeze.weight"])


def test_nothing_is_pretrained_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = offline(monkeypatch)
    chosen = family()
    net = chosen.build(1, 2)
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    chosen.pretrain(net)
    assert hub.asked == 0
    assert all(torch.equal(before[name], weight) for name, weight in net.state_dict().items())


def test_a_finished_model_is_loaded_without_the_internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = offline(monkeypatch)
    formulation = formulations.get("joint")()
    chosen = family("segformer", encoder="mit_b0", encoder_depth=3, pretrained=True)
    net: Network = chosen.build(3, formulation.out_channels)
    card = ModelCard(
        name="m",
        created="2026-11-21",
        formulation=Choice(name="joint"),
        architecture=Choice(name="segformer", settings=chosen.config.model_dump()),
        in_channels=3,
        channels="rgb",
        classes=(ClassSpec(id=1, name="cell"),),
    )
    save_model(tmp_path, card, net.state_dict())
    loaded = load_model(tmp_path).network
    assert hub.asked == 0
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(loaded(image), net.eval()(image))


def test_a_training_without_its_weights_ends_before_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: None)
    offline(monkeypatch)
    write_splits(tmp_path / "data", 1, 1, shape=(48, 48), diameter=12)
    job = TrainJob(
        job_id="1",
        name="m",
        run_folder=tmp_path / "run",
        samples=tuple(folder_samples(tmp_path / "data")),
        classes=(ClassSpec(id=1, name="cell"),),
        architecture=Choice(name="linknet", settings={"encoder": "mobilenet_v2", "pretrained": True}),
        config={"data": {"patch_size": 32}, "training": {"epochs": 1}},
    )
    with pytest.raises(JobFailed, match="could not be fetched from the internet"):
        list(run_job(job))
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize(("patch", "wrong"), [(32, ["data.patch_size"]), (64, []), (0, [])])
def test_a_patch_too_small_for_the_levels_is_said_at_its_field(patch: int, wrong: list[str]) -> None:
    job = ValidateJob(
        job_id="1",
        formulation=Choice(name="joint"),
        architecture=Choice(name="linknet", settings={"encoder_depth": 5}),
        config={"data": {"patch_size": patch}},
    )
    assert [message.hint for message in run_job(job) if isinstance(message, Warned)] == wrong


def test_all_levels_that_an_encoder_has_can_be_used() -> None:
    for encoder in ("squeezenet1_1", "mobilenet_v2"):
        net = build(encoder=encoder, encoder_depth=deepest(encoder))
        assert net.stride == 2 ** deepest(encoder)
        assert net.eval()(torch.randn(1, 1, net.stride, net.stride)).shape == (1, 2, net.stride, net.stride)
