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
