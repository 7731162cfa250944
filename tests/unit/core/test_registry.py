from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segstudio.core.errors import WrongUsage
from segstudio.core.registry import Registry


@pytest.fixture
def slow_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A package of three plug-ins, each of which takes a while to import, and a broken one."""
    package = tmp_path / "slowplugins"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from segstudio.core.registry import Registry\nitems = Registry('thing', __name__)\n"
    )
    for name in ("a", "b", "c"):
        (package / f"{name}.py").write_text(
            f"import time\nfrom slowplugins import items\ntime.sleep(0.05)\nitems.register({name!r})(object())\n"
        )
    (package / "d.py").write_text("raise ImportError('no such driver')\n")
    monkeypatch.syspath_prepend(tmp_path)
    import slowplugins

    return slowplugins.items


def test_all_threads_see_the_whole_list(slow_package: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: slow_package.names(), range(4)))
    assert seen == [["a", "b", "c"]] * 4


def test_broken_plugin_is_listed_and_unknown_names_the_known(slow_package: Registry) -> None:
    assert "no such driver" in slow_package.broken()["d"]
    with pytest.raises(WrongUsage, match="Known are: a, b, c"):
        slow_package.get("e")


def test_a_plug_in_that_leaves_the_program_or_fails_half_way_is_broken_and_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "oddplugins"
    package.mkdir()
    start = "from segstudio.core.registry import Registry\n"
    (package / "__init__.py").write_text(f"{start}items = Registry('thing', __name__, check=lambda item: item.title)\n")
    register = "from oddplugins import items\nimport types\n@items.register({0!r})\nclass Thing:\n    {1}\n"
    (package / "good.py").write_text(register.format("good", "title = 'Good'"))
    (package / "half.py").write_text(register.format("half", "title = 'Half'") + "raise OSError('no\\nlicence')\n")
    (package / "leaves.py").write_text("raise SystemExit(3)\n")
    (package / "untitled.py").write_text(register.format("untitled", "pass"))
    monkeypatch.syspath_prepend(tmp_path)
    import oddplugins

    assert oddplugins.items.names() == ["good"]
    assert set(oddplugins.items.broken()) == {"half", "leaves", "untitled"}
    with pytest.raises(WrongUsage, match="It is installed but broken: OSError: no licence"):
        oddplugins.items.get("half")


def test_what_another_distribution_promises_and_does_not_register_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "promised"
        load = staticmethod(lambda: object)

    monkeypatch.setattr("segstudio.core.registry.entry_points", lambda group: [Point()])
    registry: Registry[object] = Registry("thing", "segstudio.labels", "some.group")
    assert registry.names() == []
    assert registry.broken() == {"promised": "It was loaded, but registered no thing of this name."}
