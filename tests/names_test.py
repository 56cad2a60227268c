"""Tables of names stand once: flags and the rooms that implement them agree; apps are short."""

import ast
import pathlib

import pytest

from rdtf import engines, losses, names, patterns, recording, schemes
from rdtf.cells import estimators, evolution, networks
from rdtf.cells.tissue import Tissue
from rdtf.dynamics import flows, velocities
from rdtf.dynamics.low_dimensional import data as points
from rdtf.generative import conditions, denoiser, objectives, samplers
from rdtf.grids import BOUNDARIES
from rdtf.inverse.cropped import ends
from rdtf.models import MODELS
from rdtf.operators.laplacians import LAPLACIANS
from rdtf.status import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
APPS = sorted((ROOT / "apps").glob("*.py"))
LIBRARY = sorted((ROOT / "rdtf").rglob("*.py"))
TABLES = {name: value for name, value in vars(names).items() if name.isupper()}
LIGHT = {"BOUNDARIES": BOUNDARIES, "MODELS": tuple(MODELS), "LAPLACIANS": LAPLACIANS}


@pytest.mark.parametrize(
    ("table", "implemented"),
    [
        (names.LOSSES, losses.LOSSES),
        (names.LOSSES, losses.FEATURES),
        (names.SCHEMES, schemes.SCHEMES),
        (names.ENGINES, engines.ENGINES),
        (names.SIZES, denoiser.SIZES),
        (names.OBJECTIVES, objectives.LOSSES),
        (names.CONDITIONS, conditions.CONDITIONS),
        (names.SAMPLERS, samplers.SAMPLERS),
        (names.POINT_SETS, points.NAMES),
        ((*names.VELOCITIES, "equilibrium"), velocities.VELOCITIES),
        (names.LEARNING_METHODS, ("gradient", *evolution.STRATEGIES)),
    ],
)
def test_what_is_named_is_implemented(table, implemented):
    assert tuple(implemented) == table


def test_windows_have_one_form_more():
    assert {*names.RESIDUAL_FORMS, "picture"} == set(ends.FORMS)


@pytest.mark.parametrize("name", names.STOPPING_EVENTS)
def test_stopping_events_are_functions_of_recording(name):
    assert getattr(recording, name)(1e-3, stop=True).kind == name


@pytest.mark.parametrize("name", names.DATA_SET_STARTS)
def test_data_sets_can_start_so(name):
    assert (
        patterns.Plan(
            presets=("maze",), num_samples=4, shape=(16, 16), start=name
        ).start
        == name
    )


@pytest.mark.parametrize("name", names.SOFT_ESTIMATORS)
def test_soft_estimators_are_there(name):
    assert callable(estimators.get(name, Tissue((3, 3)), 0.4))


@pytest.mark.parametrize(
    "call",
    [
        lambda: estimators.get("unheard_of", Tissue(), 0.4),
        lambda: patterns.Plan(
            presets=("maze",), num_samples=4, shape=(16, 16), start="unheard_of"
        ),
        lambda: networks.begin(None, "unheard_of", -2.0),
        lambda: flows.check("unheard_of", "snapshots", 0, None),
        lambda: flows.check("local", "unheard_of", 0, None),
    ],
)
def test_other_names_are_refused(call):
    with pytest.raises(InputError, match="among .*, got 'unheard_of'"):
        call()


def test_tables_are_of_different_names():
    for table in TABLES.values():
        assert isinstance(table, tuple) and len(set(table)) == len(table) > 1


@pytest.mark.parametrize("path", APPS, ids=lambda path: path.stem)
def test_apps_are_short(path):
    """Of the lines, those count that do not define flags: help texts may be long."""
    text = path.read_text(encoding="utf-8")
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    defined = [n for n in calls if ast.unparse(n.func).startswith("flags.DEFINE")]
    of_flags = sum(n.end_lineno - n.lineno + 1 for n in defined)
    assert len(text.splitlines()) - of_flags <= 125


def literals(node, with_keys=True):
    """Yields (line, strings) of every literal collection of two or more strings."""
    for part in ast.walk(node):
        if isinstance(part, (ast.List, ast.Tuple, ast.Set)):
            parts = part.elts
        elif isinstance(part, ast.Dict) and with_keys:
            parts = part.keys
        else:
            continue
        texts = [p.value for p in parts if isinstance(p, ast.Constant)]
        texts = [text for text in texts if isinstance(text, str)]
        if len(texts) > 1:
            yield part.lineno, texts


def retyped(source):
    """Lines of an app that type two names of a table, or give a literal list to an enum."""
    tree = ast.parse(source)
    found = {
        line
        for line, texts in literals(tree)
        if any(len({*texts} & {*table}) > 1 for table in (TABLES | LIGHT).values())
    }
    for node in ast.walk(tree):
        called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
        if called in ("DEFINE_enum", "DEFINE_multi_enum"):
            found |= {line for line, _ in literals(node)}
    return sorted(found)


@pytest.mark.parametrize("path", APPS, ids=lambda path: path.stem)
def test_apps_retype_no_table(path):
    assert not retyped(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "flags.DEFINE_enum('x', 'a', ['a', 'b'], 'Help.')",
        "flags.DEFINE_multi_enum('x', ['a'], ('b', 'a'), 'Help.')",
        "flags.DEFINE_enum('x', 'a', list(('a', 'b')), 'Help.')",
        "SCHEMES = ('heun', 'rk4')",
        "def f(x):\n    return {'preset': 1, 'params': 2}[x]",
    ],
)
def test_retyped_tables_are_caught(source):
    assert len(retyped(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "flags.DEFINE_enum('x', 'a', ('auto', *names.ENGINES), 'Help.')",
        "flags.DEFINE_list('x', ['1', '2'], 'Help.')",
        "FILES = ('result.json', 'run.flags')",
    ],
)
def test_other_literals_pass(source):
    assert not retyped(source)


def test_the_library_types_each_table_once():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in LIBRARY
        if path.name != "names.py"
        for line, texts in literals(ast.parse(path.read_text(encoding="utf-8")), False)
        if any(set(texts) == set(table) for table in TABLES.values())
    ]
    assert not found
