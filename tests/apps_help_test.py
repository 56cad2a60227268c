"""`--help` of every app: it names all flags that the app has, those of its helpers too."""

import app_runner
import pytest
from absl import flags

APPS = sorted(
    path.stem
    for path in (app_runner.ROOT / "apps").glob("*.py")
    if "common.run(main)" in path.read_text()
)


def test_the_apps_are_found():
    assert {"fit", "generate", "animate", "heatmap", "train_score"} <= set(APPS)


@pytest.mark.parametrize("name", APPS)
def test_every_flag_is_named(name):
    with app_runner.loaded(name):
        known = flags.FLAGS.flags_by_module_dict()
        every = {
            f.name for m, own in known.items() if m.startswith("apps.") for f in own
        }
        named = flags.FLAGS.get_key_flags_for_module(f"apps.{name}")
        assert {flag.name for flag in named} == every
