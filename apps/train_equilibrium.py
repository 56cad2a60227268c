r"""The equilibrium flow of Zhang & Levin 2025, from patterns and their score.

    python -m apps.train_equilibrium --dataset=waves.h5 --schedule \
        --denoiser=runs/waves/denoiser.keras --workdir=runs/equilibrium

trains a velocity v whose stationarity residual ∇·v + v·s is small on patterns with
noise; s is the score of a denoiser of apps.train_score. It writes velocity.keras,
result.json (with cosines to the true field, where that is known) and TensorBoard traces
into --workdir. The same command with --resume goes on after a kill, to the same
weights.

    python -m apps.train_equilibrium --dataset=lorenz --symmetric

does the same in two or three dimensions, on points made on the spot: lorenz, ring,
two_peaks or two_moons. See docs/dynamics.md.
"""

from absl import flags

from . import common, equilibrium_flags, velocity_flags, workdirs

workdirs.define_workdir_flags("train_equilibrium")
for module in (velocity_flags, equilibrium_flags, workdirs):
    flags.adopt_module_key_flags(module)


def main(argv):
    """0 once trained."""
    del argv
    workdir = workdirs.open_workdir("train_equilibrium")
    if flags.FLAGS.resume and (workdir / "result.json").exists():
        print(f"{workdir} is finished: nothing is left to do")
        return 0
    return equilibrium_flags.run(workdir)


if __name__ == "__main__":
    flags.mark_flag_as_required("dataset")
    common.run(main)
