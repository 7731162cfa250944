"""What the forms of all plug-ins say untouched is what the plug-ins take: nothing changed, nothing refused."""

from pytestqt.qtbot import QtBot

from segstudio.config.base import Config
from segstudio.config.form_spec import form_spec
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.gui.forms.form import Form


def test_an_untouched_form_changes_nothing_and_is_accepted(qtbot: QtBot) -> None:
    configs: dict[str, type[Config]] = {
        **{f"formulation {name}": kind.Config for name, kind in formulations},
        **{f"decoding of {name}": kind.DecodeConfig for name, kind in formulations},
        **{f"network {name}": kind.Config for name, kind in architectures},
    }
    for name, config in configs.items():
        form = Form(form_spec(config.model_json_schema()))
        qtbot.addWidget(form)
        assert form.overrides() == {}, name
        said = form.values()
        assert config.model_validate(said) == config(), name
        for row in form.rows.values():
            row.build()
        assert form.overrides() == {}, name
        built = form.values()
        assert {path: (type(value), value) for path, value in built.items()} == {
            path: (type(value), value) for path, value in said.items()
        }, name
