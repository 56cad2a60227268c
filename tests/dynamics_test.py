"""Equations from snapshots: statistics, null vectors, and the equation that made them."""

import numpy as np
import pytest
import tensorflow as tf

from rdtf import Grid, models, patterns
from rdtf.dynamics import identification, libraries, snapshots, stein

SHAPE = (12, 16)


def _smooth(count, species=2, seed=0):
    """Positive smooth random fields `[count, y, x, species]`."""
    noise = np.random.default_rng(seed).normal(size=(count, *SHAPE, species))
    y, x = (np.fft.fftfreq(n) for n in SHAPE)
    window = np.exp(-60.0 * (y[:, None] ** 2 + x**2))[..., None]
    fields = np.fft.ifft2(np.fft.fft2(noise, axes=(1, 2)) * window, axes=(1, 2)).real
    return fields / fields.std()


def test_terms_of_gray_scott():
    library, coefficients = libraries.of_model(models.GRAY_SCOTT)
    assert library.names == [
        "u: lap(u)", "u: 1", "u: u", "u: u*v**2", "v: lap(v)", "v: u*v**2", "v: v",
    ]  # fmt: skip
    texts = [str(c) for c in coefficients]
    assert texts == ["Du", "F", "-F", "-1", "Dv", "1", "-F - k"]


def test_truth_in_a_larger_library():
    library = libraries.monomials(("u", "v"))
    assert len(library.terms) == 22
    params = {"Du": 0.2, "Dv": 0.1, "F": 0.03, "k": 0.06}
    found = dict(
        zip(library.names, libraries.truth(library, models.GRAY_SCOTT, params))
    )
    assert {name: value for name, value in found.items() if value} == pytest.approx(
        {
            "u: lap(u)": 0.2, "u: 1": 0.03, "u: u": -0.03, "u: u*v**2": -1.0,
            "v: lap(v)": 0.1, "v: v": -0.09, "v: u*v**2": 1.0,
        }
    )  # fmt: skip
    other = libraries.parse("u: lap(u), v^2 * u; v: lap(v)")
    assert libraries.truth(other, models.GRAY_SCOTT, params) is None


def test_a_library_evaluates_its_terms():
    library = libraries.parse("u: lap(u), u*v**2, 1, lap(v); v: lap(lap(v)), v")
    x = _smooth(2)
    found = library.evaluate(x)
    u, v = np.moveaxis(x, -1, 0)
    lap = stein.laplacian
    exact = [lap(u), u * v**2, np.ones_like(u), lap(v), lap(lap(v)), v]
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_equations_that_run_again():
    library = libraries.monomials(("u", "v"), 1)
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=len(library.terms))
    model = models.from_equations(library.equations(coefficients))
    x = _smooth(1)
    state = tuple(tf.constant(field) for field in np.moveaxis(x, -1, 0))
    from rdtf import Simulation

    rates = Simulation(model, Grid(SHAPE), 0.01).time_derivative(state, model.defaults)
    terms = library.evaluate(x)
    for s in range(2):
        own = library.owners == s
        exact = np.tensordot(coefficients[own], terms[own], 1)
        np.testing.assert_allclose(rates[s], exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: libraries.parse("u lap(u)"), "species: term"),
        (lambda: libraries.parse("u: lap(u), lap(u)"), "different terms"),
        (lambda: libraries.parse("u: __import__('os')"), "functions among"),
        (lambda: libraries.ties(libraries.parse("u: u, 1"), ["u: u = u: 1"]), "a tie"),
        (lambda: libraries.of_model(models.SWIFT_HOHENBERG), "--terms"),
    ],
)
def test_libraries_that_cannot_be(call, words, input_error):
    with input_error(words):
        call()


def _values(x, species=("u", "v")):
    """All statistics of fields `[n, y, x, 2]` by TensorFlow, name -> `[n]`."""
    u, v = x[..., 0], x[..., 1]
    fields = dict(zip(species, (u, v), strict=True))

    def lap(f):
        return tf.add_n([tf.roll(f, s, a) for s in (1, -1) for a in (1, 2)]) - 4.0 * f

    def smooth(f, width):
        y, k = (2.0 * np.pi * np.fft.fftfreq(n) for n in SHAPE)
        window = np.exp(-0.5 * width**2 * (y[:, None] ** 2 + k**2))
        modes = tf.signal.fft2d(tf.cast(f, tf.complex128)) * window
        return tf.math.real(tf.signal.ifft2d(modes))

    def value(name):
        head, *rest = name.split(" ") if name[0] == "G" else ("", *name.split(" "))
        own, result = dict(fields), tf.ones_like(u)
        if head:
            own = {s: smooth(f, float(head[1:])) for s, f in fields.items()}
        for part in rest:
            if "^" in part:
                species, power = part.split("^")
                result *= own[species] ** int(power)
            else:
                a, b = (fields[s] for s in part.partition("(")[2][:-1].split(","))
                energy = 0.5 * (lap(a * b) - a * lap(b) - b * lap(a))
                result *= energy if part[0] == "Γ" else lap(a) * lap(b)
        return tf.reduce_mean(result, (1, 2))

    return {name: value(name) for name in stein.names(species)}


def test_gradients_of_statistics():
    """Against automatic differentiation of the same functionals."""
    x = tf.constant(0.5 + 0.2 * _smooth(2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        values = _values(x)
    found = stein.gradients(x.numpy())
    assert found.shape == (2, 111, *SHAPE, 2)
    for j, value in enumerate(values.values()):
        exact = tape.gradient(value, x).numpy() * np.prod(SHAPE)
        np.testing.assert_allclose(found[:, j], exact, rtol=1e-8, atol=1e-10)


def test_rows_are_products_with_terms():
    x, library = 0.5 * _smooth(3), libraries.parse("u: lap(u), u*v; v: u, v**2")
    terms = library.evaluate(x)
    rows = stein.gradient_rows(x, terms, library.owners)
    slopes = stein.gradients(x)
    for k, (term, owner) in enumerate(zip(terms, library.owners, strict=True)):
        exact = (slopes[..., owner] * term[:, None]).mean((2, 3))
        np.testing.assert_allclose(rows[:, :, k], exact, atol=1e-12)


def test_a_rotation_is_found_and_a_gradient_is_not():
    """Fields alike in both species: (u, v) -> (-v, u) keeps their law, nothing else does."""
    library = libraries.parse("u: lap(u), u, v; v: lap(v), u, v")
    moments = stein.moments(_smooth(300), library.evaluate, library.owners)
    found = identification.identify(moments, bootstrap=20)
    assert found.is_determined and found.gap < 0.2
    rotation = np.array([0.0, 0.0, -1.0, 0.0, 1.0, 0.0])
    gram = moments.grams.mean(0)
    assert abs(identification.cosine(found.coefficients, rotation, gram)) > 0.998
    only = libraries.parse("u: lap(u), u; v: lap(v), v")
    moments = stein.moments(_smooth(64), only.evaluate, only.owners)
    assert not identification.identify(moments, bootstrap=0).is_determined


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    changes = (("F", 0.022), ("k", 0.051))
    plan = patterns.Plan(
        presets=("waves",),
        num_samples=48,
        shape=(32, 32),
        steps=3000,
        chunk=48,
        pairs=2,
        changes=changes,
    )
    return patterns.read(patterns.generate(tmp_path_factory.mktemp("w") / "w.h5", plan))


def test_gray_scott_from_snapshots(waves):
    library, _ = libraries.of_model(models.GRAY_SCOTT)
    found = snapshots.identify(waves, library, bootstrap=20)
    assert found.cosine > 0.99 and not found.at_rest and found.result.is_determined
    assert found.coefficients[0] == 1.0
    off = np.abs(found.coefficients - found._scaled_truth())
    assert (off < 5.0 * found.errors + 1e-3).all() and found.errors[1:].min() > 0.0
    assert "one field" in found.verdict and "true" in found.text


def test_one_pair_sets_the_unit_of_time(waves):
    library, _ = libraries.of_model(models.GRAY_SCOTT)
    found = snapshots.identify(waves, library, num_pairs=1, bootstrap=0)
    size = np.abs(found.truth)
    assert found.cosine > 0.99  # signed
    np.testing.assert_allclose(found.coefficients / size, found.truth / size, atol=0.1)


def test_patterns_at_rest_have_a_scale_per_equation():
    """u = 2 v² + lap v in every cell of nothing that moves: two relations, or one if tied."""
    rng = np.random.default_rng(0)
    v = _smooth(16, 1)
    u = 2.0 * v**2 + stein.laplacian(v[..., 0])[..., None]
    samples = np.concatenate([u, v], -1) + 1e-6 * rng.normal(size=(16, *SHAPE, 2))
    library = libraries.parse("u: u, v**2, lap(v), 1; v: u, v**2, lap(v), 1")
    moments = stein.moments(samples, library.evaluate, library.owners)
    found = identification.identify(moments, at_rest=True, bootstrap=0)
    assert len(found.null_vectors) == 2 and not found.is_determined and found.gap < 0.01
    ties = libraries.ties(library, ["v: u = -3 * u: u"])
    tied = identification.identify(moments, ties=ties, at_rest=True, bootstrap=0)
    assert tied.is_determined
    ratio = tied.coefficients / tied.coefficients[0]
    exact = [1.0, -2.0, -1.0, 0.0, -3.0, 6.0, 3.0, 0.0]
    np.testing.assert_allclose(ratio, exact, atol=1e-3)


def test_terms_that_depend_on_each_other_at_rest_are_no_equation():
    """v = u² in every cell, whatever diffuses: a null vector, and no finding."""
    u = _smooth(16, 1)
    samples = np.concatenate([u, u**2], -1)
    samples += 1e-6 * np.random.default_rng(0).normal(size=samples.shape)
    library = libraries.parse("u: lap(u), u, u**2, v; v: lap(v), v")
    moments = stein.moments(samples, library.evaluate, library.owners)
    own = moments.of_terms(np.arange(4))
    found = identification.identify(own, np.array([0]), at_rest=True, bootstrap=0)
    assert not found.is_determined and found.gap > 0.9


def test_at_rest_every_equation_comes_in_its_own_unit():
    rng = np.random.default_rng(0)
    v = _smooth(16, 1)
    u = 2.0 * v - stein.laplacian(v[..., 0])[..., None]
    samples = np.concatenate([u, v], -1) + 1e-6 * rng.normal(size=(16, *SHAPE, 2))
    metadata = {"presets": ["a"], "species": ["u", "v"], "model": "user"}
    metadata |= {"offset": 0.0, "scale": 1.0}
    fields = {"u": samples[..., 0], "v": samples[..., 1]}
    status = np.full(16, patterns.MOVING + 1)
    data = patterns.DataSet(fields, np.zeros(16, int), status, metadata)
    library = libraries.parse("u: u, v, lap(v), 1; v: lap(v), v, u")
    found = snapshots.identify(data, library, bootstrap=5)
    assert found.at_rest and found.truth is None and found.cosine is None
    exact = [1.0, -2.0, 1.0, 0.0, 1.0, -2.0, 1.0]
    np.testing.assert_allclose(found.coefficients, exact, atol=1e-4)
    assert found.errors.max() < 1e-3 and "2 independent scales" in found.text


@pytest.mark.parametrize(
    ("terms", "options", "words"),
    [
        ("u: lap(u); w: w", {}, "terms for u, v"),
        ("u: lap(u), u; v: v", {"num_snapshots": 4}, "at least 8"),
    ],
)
def test_what_cannot_be_identified(waves, terms, options, words, input_error):
    with input_error(words):
        snapshots.identify(waves, libraries.parse(terms), **options)
