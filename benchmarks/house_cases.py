"""The small seeded commands whose results a change of the house must leave as they are.

Every case has a directory of its own, `{o}`; `{d}` holds those of all cases, and `{old}`
those of the record that is compared with: files of before have to load.
"""

import dataclasses
import pathlib

import h5py
import numpy as np
import scipy.ndimage
from PIL import Image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One command, run as `python -m apps.APP FLAGS`.

    Attributes:
      name: of the case and of its directory.
      app: the app.
      flags: its flags; {o}, {d} and {old} are replaced.
      kill_when: patterns of files below {o}; the command is killed, as by a fault of the
        machine, as soon as one is there, and nothing of it is compared.
      copy: a directory below {old} that {o} starts as a copy of.
      code: the exit code.
      tolerance: relative, of a command that does not repeat itself to the last bit:
        TensorFlow sums gradients in the order in which its threads end.
      prints_speeds: whether what it prints is no two times the same.
    """

    name: str
    app: str
    flags: tuple[str, ...]
    kill_when: tuple[str, ...] = ()
    copy: str | None = None
    code: int = 0
    tolerance: float = 0.0
    prints_speeds: bool = False


def _case(name, app, *flags, **options):
    return Case(name=name, app=app, flags=flags, **options)


_TRUTH = "Du=.16,Dv=.08,F=.035,k=.065"
_START = "--start=Du=.126928,Dv=.126928,F=.05,k=.05"
_SPOTS = ("--shape=48,48", "--num_samples=2", "--tolerance=1e-6", "--max_steps=20000")
_SHORT = ("--shape=32,32", "--num_samples=2", "--until=steps", "--max_steps=60")
_WAVES = (
    *("--until=steps", "--preset=waves", "--params=F=.022,k=.051"),
    *("--height=32", "--width=32"),
)
_BPTT = (
    *("--route=bptt", "--window=5", "--warmup=6", "--batch=2", "--nocheck", _START),
    *("--valid_range=u=-1:3,v=0:1", "--transforms=Du=softplus,F=sigmoid:0.1"),
)
_CELLS = (
    *("--replicates=16", "--num_steps=40"),
    *("--test_replicates=1000", "--iterations=4"),
)
_MAP = (
    *("--shape=16,16", "--max_steps=600", "--time_step=1"),
    *("--axis=F=.01:.09:3", "--axis=k=.035:.075:2", "--block=4"),
)
_LANDSCAPE = (
    *("--shape=16,16", "--num_samples=2", "--max_steps=60", "--until=steps"),
    *("--preset=maze", "--loss=power_spectrum,per_pixel", "--axis=F=.03:.05:3"),
    *("--axis=k=.05:.06:2", "--truth=F=.04,k=.06"),
)
_LAPLACIANS = ("fourth_order", "compact", "spectral")
_SCHEMES = ("heun", "rk4", "tsit5", "strang", "etdrk4")


def _generated():
    out = "--output={o}/x.npz"
    yield _case(
        "spots", "generate", out, "--preset=spots", f"--params={_TRUTH}", *_SPOTS
    )
    small = ("--shape=24,24", "--tolerance=1e-7", "--max_steps=30000")
    yield _case("small", "generate", out, "--preset=holes", "--num_samples=1", *small)
    for name in _SCHEMES:
        yield _case(f"scheme_{name}", "generate", out, *_SHORT, f"--scheme={name}")
    for name in _LAPLACIANS:
        yield _case(
            f"laplacian_{name}", "generate", out, *_SHORT, f"--laplacian={name}"
        )
    sides = "--boundary=dirichlet=1,0/no_flux; periodic"
    yield _case("sides", "generate", out, *_SHORT, sides)
    yield _case("xla", "generate", out, *_SHORT, "--engine=xla")
    for model in ("schnakenberg", "swift_hohenberg", "cahn_hilliard", "barkley"):
        own = (f"--model={model}", "--scheme=auto", "--boundary=no_flux")
        yield _case(f"model_{model}", "generate", out, *_SHORT, *own)
    yield _case(
        *("cubes", "generate", out, "--shape=12,10,8", "--num_samples=2"),
        *("--until=steps", "--max_steps=40", "--model=brusselator"),
    )
    yield _case(
        *("equations", "generate", out, "--shape=64", "--until=steps"),
        *("--max_steps=40", "--equations=u: D*lap(u) + r*u*(1 - u); D = 1; r = 0.5"),
    )
    h5 = "--output={o}/x.h5"
    chunked = ("--num_samples=48", "--chunk=24", "--steps=3000")
    yield _case("waves", "generate", h5, *_WAVES, *chunked, "--pairs=2")
    rated = ("--num_samples=24", "--chunk=24", "--steps=3000", "--pairs=rate")
    yield _case("rates", "generate", h5, *_WAVES, *rated)
    framed = ("--num_samples=4", "--steps=3000", "--seed=1", "--frames=13", "--every=5")
    yield _case("frames", "generate", h5, *_WAVES, *framed)
    yield _case(
        *("presets", "generate", h5, "--until=steps", "--preset=maze,spots"),
        *("--num_samples=12", "--height=24", "--width=16", "--steps=1200", "--chunk=6"),
        code=1,
    )
    yield _case(
        *("shard", "generate", h5, "--until=steps", "--preset=maze,spots"),
        *("--num_samples=12", "--height=24", "--width=16", "--steps=1200", "--chunk=6"),
        *("--init_pattern=random", "--normalize", "--shard=1", "--num_shards=2"),
        code=1,
    )
    killed = {"kill_when": ("*.h5*",)}
    cut = ("--num_samples=60", "--chunk=4", "--steps=3000")
    yield _case("cut_data", "generate", h5, *_WAVES, *cut, **killed)
    again = {"copy": "cut_data"}
    yield _case("resumed_data", "generate", h5, *_WAVES, *cut, "--resume", **again)


def _long_runs():
    out = ("--output={o}/x.h5", "--shape=24,24", "--num_samples=2", "--preset=maze")
    timed = ("--duration=100", "--every=10")
    yield _case("run", "simulate", *out, *timed)
    yield _case(
        "run_adaptive", "simulate", *out, *timed, "--adaptive", "--scheme=tsit5"
    )
    steady = ("--stop_when=extinct", "--tolerance=1e-3", "--float32")
    yield _case("run_extinct", "simulate", *out, *timed, *steady)
    for name in ("cnab2", "sbdf2"):
        yield _case(f"run_{name}", "simulate", *out, *timed, f"--scheme={name}")
    longer = ("--duration=200", "--every=10", "--resume")
    yield _case("resumed_run", "simulate", *out, *longer, copy="run")
    out = ("--output={o}/x.h5", "--shape=24,24", "--preset=maze", "--seed=3")
    cut = (*out, "--duration=4000", "--every=2", "--chunk_frames=2")
    yield _case("cut_run", "simulate", *cut, kill_when=("x.h5",))
    yield _case("resumed_cut_run", "simulate", *cut, "--resume", copy="cut_run")


def _fits():
    spots = ("--targets={d}/spots/x.npz", "--observe=v", _START, "--workdir={o}")
    quick = (*spots, "--nocheck")
    made = "--targets={d}/made/%s"

    def of(name, *flags):
        return (
            made % name,
            "--observe=v",
            _START,
            "--workdir={o}",
            "--nocheck",
            *flags,
        )

    yield _case("fit", "fit", *spots)
    yield _case("fit_integral", "fit", *quick, "--residual_form=integral")
    yield _case("fit_known", "fit", *quick, "--known=Du=.16")
    yield _case("fit_windows", "fit", *quick, "--route=windows", "--polish_window=10")
    yield _case("fit_noisy", "fit", *of("noisy.npz"))
    yield _case("fit_posterior", "fit", *of("small.npz", "--posterior"))
    yield _case("fit_cropped", "fit", *of("crop.npz", "--cropped"))
    yield _case("fit_masked", "fit", *of("noisy.npz", "--mask={d}/made/mask.png"))
    yield _case("fit_blurred", "fit", *of("blurred.npz", "--psf_sigma=1"))
    yield _case("fit_gain", "fit", *of("grey.png"))
    scaled = ("--scale=0:.5", "--boundary=no_flux")
    yield _case("fit_no_flux", "fit", *of("grey.png", *scaled), code=1)
    start = "--start=Du=.18,Dv=.07,F=.024,k=.05"
    movie = ("--observe=v", start, "--workdir={o}", "--nocheck")
    yield _case("fit_movie", "fit", "--targets={d}/made/movie.npz", *movie)
    bptt = ("--targets={d}/spots/x.npz", "--observe=v", "--workdir={o}", *_BPTT)
    yield _case("fit_bptt", "fit", *bptt, "--iterations=3")
    more = (
        "--targets={old}/spots/x.npz",
        "--workdir={o}",
        "--iterations=6",
        "--resume",
    )
    yield _case("resumed_bptt", "fit", *more, copy="fit_bptt")
    moved = ("--loss=radial_spectrum", "--stride=3", "--optimizer=SGD")
    yield _case("fit_bptt_sgd", "fit", *bptt, "--iterations=3", *moved)
    old = ("--targets={old}/spots/x.npz", "--observe=v", _START, "--workdir={o}")
    yield _case("fit_old_targets", "fit", *old, "--nocheck")
    ranked = ("--models=gray_scott,schnakenberg", "--workdir={o}", "--observe=v")
    yield _case("ranked", "rank_models", "--targets={d}/spots/x.npz", *ranked)


def _analyses():
    out = "--workdir={o}"
    point = ("--params=F=.04,k=.06", "--over=k,F")
    yield _case("analyze", "analyze", out, *point)
    yield _case("analyze_brusselator", "analyze", out, "--model=brusselator")
    yield _case("analyze_q", "analyze", out, "--model=shigesada_kawasaki_teramoto")
    yield _case("regimes", "regimes", out, *_MAP)
    yield _case("traverse", "traverse", "--trajectory={d}/fit_bptt/trajectory.jsonl",
                "--output={o}", "--over=k,F", "--shape=16,16", "--max_steps=400",
                "--initial_condition=noise")  # fmt: skip
    yield _case("landscape", "heatmap", out, *_LANDSCAPE)
    pairs = ("--mode=targets", "--targets={d}/spots/x.npz", "--loss=per_pixel")
    yield _case("pairs", "heatmap", out, *pairs)
    zoo = ("--preset=maze", "--params=F=.03", "--shape=24,24", "--steps=200")
    yield _case("animate", "animate", "--output={o}/x.gif", *zoo)
    path = ("--params={d}/fit_bptt/trajectory.jsonl", "--shape=24,24", "--steps=100")
    yield _case("animate_path", "animate", "--output={o}/x.gif", *path)
    window = (*_SHORT, "--preset=maze", "--num_steps=20")
    yield _case("certify", "certify", "--output={o}/x.json", *window)
    small = ("--size=32", "--steps=20")
    yield _case("check_float64", "check_float64", *small, prints_speeds=True)


def _networks():
    out, data = "--workdir={o}", "--dataset={d}/waves/x.h5"
    small = ("--epochs=2", "--batch_size=16", "--picture_every=1")
    for name in ("edm", "flow_matching", "epsilon"):
        own = (f"--objective={name}",)
        yield _case(f"score_{name}", "train_score", out, data, *small, *own)
    told = ("--dataset={d}/presets/x.h5", "--condition=params", "--size=local")
    yield _case("score_told", "train_score", out, *told, *small)
    files = ("checkpoints/*.index", "checkpoint*.npz", "checkpoints/*.npz")
    long = ("--epochs=4", "--batch_size=16")
    yield _case("cut_score", "train_score", out, data, *long, kill_when=files)
    again = (out, "--dataset={old}/waves/x.h5", *long, "--resume")
    yield _case("resumed_score", "train_score", *again, copy="cut_score")
    network = "--denoiser={old}/score_edm/denoiser.keras"
    for name in ("heun", "dpm_solver", "euler_maruyama"):
        own = ("--num_samples=24", "--steps=4", f"--sampler={name}")
        yield _case(f"sample_{name}", "sample", "--output={o}/x.npz", network, *own)
    drawn = ("--samples={d}/sample_heun/x.npz", data, "--held_out=.7")
    files = ("--output={o}/x.json", "--figure={o}/x.png", "--critic_steps=5")
    yield _case("evaluate", "evaluate", *drawn, *files)


def _dynamics():
    out, data = "--workdir={o}", "--dataset={d}/waves/x.h5"
    found, rates = "--output={o}/x.json", "--dataset={old}/rates/x.h5"
    own = ("--model=gray_scott", "--num_pairs=1", "--bootstrap=5")
    yield _case("identify", "identify", found, rates, *own)
    own = ("--degree=2", "--bootstrap=3")
    yield _case("identify_monomials", "identify", found, rates, *own)
    yield _case("flow", "train_flow", out, data, "--num_pairs=1")
    pairs = ("--supervision=pairs", "--num_pairs=2")
    yield _case("flow_pairs", "train_flow", out, rates, *pairs)
    own = ("--velocity=library", "--model=gray_scott")
    yield _case("flow_library", "train_flow", out, data, *own, *pairs)
    steps = ("--steps=20", "--num_snapshots=40", "--batch_size=4")
    unet = ("--velocity=unet", "--supervision=pairs", "--num_pairs=4", "--widths=4")
    yield _case("flow_unet", "train_flow", out, data, *unet, *steps)
    files = ("checkpoints/*.index", "checkpoint*.npz", "checkpoints/*.npz")
    long = (*unet, "--steps=100", "--num_snapshots=40", "--batch_size=4")
    yield _case("cut_unet", "train_flow", out, data, *long, kill_when=files)
    again = (out, "--dataset={old}/waves/x.h5", *long, "--resume")
    yield _case("resumed_unet", "train_flow", *again, copy="cut_unet")
    score = "--denoiser={d}/score_edm/denoiser.keras"
    skew = ("--velocity=skew", "--supervision=pairs", "--num_pairs=4", score)
    rough = {"tolerance": 0.1, "prints_speeds": True}
    yield _case("flow_skew", "train_flow", out, data, *skew, *steps, **rough)
    residual = ("--velocity=unet", "--supervision=residual", "--widths=4", score)
    yield _case("flow_residual", "train_flow", out, data, *residual, *steps)
    own = ("--supervision=equilibrium", "--denoiser={d}/score_epsilon/denoiser.keras",
           "--epochs=1", "--batch_size=16", "--probes=0")  # fmt: skip
    yield _case("flow_equilibrium", "train_flow", out, data, *own)
    yield _case("equilibrium", "train_equilibrium", out, data, *own[1:])
    for name in ("two_peaks", "ring", "two_moons"):
        own = (f"--dataset={name}", "--steps=20")
        yield _case(f"flow_{name}", "train_flow", out, *own)
    lorenz = ("--dataset=lorenz", "--steps=20", "--num_pairs=500", "--symmetric")
    yield _case("flow_lorenz", "train_flow", out, *lorenz)
    own = ("--dataset={d}/frames/x.h5", "--long=6", "--output={o}/x.json",
           "--gif={o}/x.gif", "--figure={o}/x.png")  # fmt: skip
    velocity = "--velocity={old}/flow_pairs/velocity.keras"
    yield _case("evaluate_flow", "evaluate_flow", velocity, *own)
    own = ("--dataset={d}/frames/x.h5", "--output={o}/x.json")
    velocity = "--velocity={old}/flow_unet/velocity.keras"
    yield _case("evaluate_unet", "evaluate_flow", velocity, *own)


def _cells():
    out = "--workdir={o}"
    for name in ("bernoulli", "kernel", "straight_through", "score_function"):
        yield _case(f"cells_{name}", "cells", out, *_CELLS, f"--estimator={name}")
    for name in ("evolution", "cma_es"):
        yield _case(f"cells_{name}", "cells", out, *_CELLS, f"--method={name}")
    lattice = ("--shape=6,6", "--lattice=hexagonal", "--estimator=causal")
    yield _case("cells_lattice", "cells", out, *_CELLS, *lattice)
    again = (out, "--iterations=6", "--resume")
    yield _case("resumed_cells", "cells", *again, copy="cells_kernel")
    start = "--start={old}/cells_kernel/network.keras"
    yield _case("cells_again", "cells", out, *_CELLS, start)


def all_cases() -> list[Case]:
    """Every case, in an order in which each finds the files it needs."""
    groups = (_generated, _long_runs, _fits, _analyses, _networks, _dynamics, _cells)
    return [case for group in groups for case in group()]


def pictures(directory) -> None:
    """The pictures that others would bring, from `spots` and `frames`, into `made`.

    Noise, crop, blur, grey levels and mask are made by NumPy and SciPy alone.
    """
    directory = pathlib.Path(directory)
    made = directory / "made"
    needed = ("spots/x.npz", "small/x.npz", "frames/x.h5")
    if made.exists() or not all((directory / name).exists() for name in needed):
        return
    made.mkdir()
    rng = np.random.default_rng(0)
    with np.load(directory / "spots" / "x.npz") as archive:
        field = archive["v"][0]
    with np.load(directory / "small" / "x.npz") as archive:
        small = archive["v"]
    small = small + 0.02 * small.std() * rng.normal(size=small.shape)
    np.savez(made / "small.npz", v=small)
    noisy = field + 0.02 * field.std() * rng.normal(size=field.shape)
    np.savez(made / "noisy.npz", v=noisy[None])
    np.savez(made / "crop.npz", v=field[None, 3:40, 5:44])
    blurred = scipy.ndimage.gaussian_filter(field, 1.0, mode="wrap")
    np.savez(made / "blurred.npz", v=blurred[None])
    grey = np.uint8(np.round(255.0 * np.clip(field / 0.5, 0.0, 1.0)))
    Image.fromarray(grey).save(made / "grey.png")
    mask = np.ones(field.shape, np.uint8)
    mask[10:16, 20:30] = 0
    Image.fromarray(255 * mask).save(made / "mask.png")
    with h5py.File(directory / "frames" / "x.h5") as file:
        frames = np.float64(file["v"][0])
    times = 5.0 * np.arange(len(frames))
    np.savez(made / "movie.npz", v=frames[None], times=times)
