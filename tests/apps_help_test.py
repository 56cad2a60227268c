"""`--help` of every app: it names all flags that the app has, in whole sentences."""

import re

import app_runner
import pytest
from absl import flags

from apps import help_pages

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


@pytest.mark.parametrize("name", APPS)
def test_every_flag_is_described_in_sentences(name):
    with app_runner.loaded(name):
        for flag in flags.FLAGS.get_key_flags_for_module(f"apps.{name}"):
            meaning = help_pages.meaning(flag)
            assert meaning[0].isupper() and meaning.endswith("."), flag.name
            assert not re.match("(Of|As|At most|Default)\\b", meaning), flag.name
            assert not re.search(r"(?<![\d.])\.\d", meaning), flag.name  # 0.05, not .05


def test_flags_stand_under_headings():
    page = app_runner.shell("heatmap", "--help")
    assert page.returncode == 0 and not page.stderr
    own = page.stdout.index("\nThis task:\n")
    making = page.stdout.index("\nThe runs that make patterns:\n")
    simulation = page.stdout.index("\nThe simulation:\n")
    assert own < page.stdout.index("\n  --mode\n") < making < simulation
    assert page.stdout.index("\n  --model\n") < page.stdout.index("\n  --shape\n")
