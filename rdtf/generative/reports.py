"""What a training shows while it runs, and what it leaves."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from rdtf.generative import objectives, quality, samplers
from rdtf.generative.evaluation import Score
from rdtf.generative.training import steps_taken
from rdtf.viz import ensembles as drawings

LEVELS = (0.1, 0.2, 0.5, 1.0, 2.0)
_SHOWN = (0.2, 0.5, 1.0)
_SAMPLES = 32


class Pictures(keras.callbacks.Callback):
    """TensorBoard: loss, gradient norm and learning rate, and pictures now and then.

    Args:
      workdir: traces go to `workdir/tensorboard`.
      held: samples that are not trained on, `[n, y, x, species]`.
      channel: the species of the pictures.
      every: epochs between pictures.
    """

    def __init__(self, workdir, held, channel, every):
        super().__init__()
        self._workdir, self._held = pathlib.Path(workdir), held
        self._channel, self._every = channel, every
        self._writer = tf.summary.create_file_writer(str(self._workdir / "tensorboard"))

    def on_epoch_end(self, epoch, logs=None):
        """Writes the epoch's numbers."""
        step = steps_taken(self.model)
        with self._writer.as_default(step):
            for name, value in (logs or {}).items():
                tf.summary.scalar(f"train/{name}", float(value))
            rate = self.model.optimizer.learning_rate
            tf.summary.scalar("train/learning_rate", tf.convert_to_tensor(rate))
            if (epoch + 1) % self._every == 0:
                self._draw()
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Closes the file."""
        self._writer.close()

    def _draw(self):
        network, own = self.model.averaged, self._channel
        clean = self._held[:1]
        noisy, found = _at_levels(network, clean, own)
        pictures = {"original": clean[0, ..., own]}
        for level in noisy:
            pictures[f"noisy/{level:g}"] = noisy[level]
            pictures[f"denoised/{level:g}"] = found[level]
        for name, picture in pictures.items():
            tf.summary.image(name, _grey(picture))
        if network.level is None:
            compare(self._workdir, network, self._held, own, 8)
            drawing = (self._workdir / "samples.png").read_bytes()
            tf.summary.image("samples", tf.io.decode_png(drawing)[None])


def _sample(network, count):
    """By the sampler that suits the network."""
    sampler = "heun" if network.sigmas is None else "euler_maruyama"
    return samplers.sample(network, count, settings=samplers.Settings(sampler=sampler))


def _at_levels(denoiser, clean, channel):
    """(level -> noisy, level -> denoised) pictures of the first sample."""
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    noisy, found = {}, {}
    for level in _SHOWN if denoiser.level is None else (denoiser.level,):
        y = np.float32(clean + level * denoiser.scale.numpy() * noise)
        back = denoiser(y, tf.fill([len(y)], np.float32(level)))
        noisy[level], found[level] = y[0, ..., channel], back.numpy()[0, ..., channel]
    return noisy, found


def _grey(image):
    low, high = image.min(), image.max()
    return ((image - low) / max(high - low, 1e-12))[None, ..., None]


def write(workdir, denoiser, held: np.ndarray, channel: int) -> dict:
    """Draws denoised.png and samples.png.

    Args:
      workdir: where they go.
      denoiser: a `rdtf.generative.networks.Network`.
      held: samples that were not trained on, `[n, y, x, species]`.
      channel: the species that is shown.

    Returns:
      The numbers of result.json.
    """
    drawings.denoised(
        workdir / "denoised.png",
        held[0, ..., channel],
        *_at_levels(denoiser, held[:1], channel),
    )
    levels = LEVELS if denoiser.level is None else (denoiser.level,)
    found = {
        "error_over_wiener": {
            f"{level:g}": objectives.relative_error(denoiser, held, level)
            for level in levels
        },
        "held_out": len(held),
    }
    if denoiser.level is None:
        count = min(_SAMPLES, 2 * len(held))
        found |= compare(workdir, denoiser, held, channel, count)
    return found


def compare(workdir, denoiser, held, channel: int, count: int) -> dict:
    """Draws samples.png.

    Args:
      workdir: where it goes.
      denoiser: a `rdtf.generative.networks.Network`.
      held: samples that were not trained on, `[n, y, x, species]`.
      channel: the species that is shown.
      count: samples to make.

    Returns:
      How far their spectrum is off, and that of real ones.
    """
    made, half = _sample(denoiser, count), len(held) // 2
    pictures, spectra = _shown(made, held, channel)
    drawings.samples_and_spectra(workdir / "samples.png", pictures, spectra)
    floor = quality.spectrum_distance(held[:half], held[half:]) if half else None
    return {
        "spectrum_distance": quality.spectrum_distance(made, held),
        "spectrum_distance_of_real": floor,
    }


def _shown(made, real, channel):
    """(fields, spectra) of one species, by name."""
    pictures = {"real": real[..., channel], "made": made[..., channel]}
    spectra = {
        name: quality.radial_spectra(fields[..., None])[0]
        for name, fields in pictures.items()
    }
    return pictures, spectra


def table(scores: list[Score]) -> str:
    """A line for each score of `rdtf.generative.evaluation.evaluate`, below a head."""
    width = max(len(score.name) for score in scores)
    lines = [f"{'':{width}}  samples   real-real"]
    lines += [
        f"{s.name:{width}}  {s.value:7.3f}   {s.floor:7.3f}   {s.meaning}"
        for s in scores
    ]
    return "\n".join(lines)


def draw_evaluation(path, scores: list[Score], made, real, channel: int) -> None:
    """All of an evaluation in one figure, of one species.

    Args:
      path: the PNG to write.
      scores: of `rdtf.generative.evaluation.evaluate`.
      made, real: `[n, y, x, species]`.
      channel: the species.
    """
    pictures, spectra = _shown(made, real, channel)
    levels = quality.thresholds(pictures["real"])
    functionals = {
        name: quality.minkowski(fields, levels).mean(0)
        for name, fields in pictures.items()
    }
    ratios = {s.name: s.value / s.floor for s in scores if s.value / s.floor > 0.0}
    drawings.evaluation(
        path,
        pictures,
        spectra,
        functionals=functionals,
        levels=levels,
        ratios=ratios,
    )


def text(result: dict) -> str:
    """The numbers in a line or two."""
    errors = ", ".join(
        f"{e:.2f} at {s}" for s, e in result["error_over_wiener"].items()
    )
    lines = [f"squared error over the Wiener filter's: {errors}"]
    if "spectrum_distance" in result:
        floor = result["spectrum_distance_of_real"]
        real = "" if floor is None else f" (two halves of real ones: {floor:.2f})"
        off = result["spectrum_distance"]
        lines.append(f"spectrum of samples: ln power off by {off:.2f}{real}")
    return "\n".join(lines)
