"""All that a training needs to go on: named arrays in one `.npz`, written at once.

Beside the arrays a file says of what kind of run it is and which version of rdtf wrote
it. Files of version 0.1.0 say neither, and are read for what their arrays are called.
"""

import contextlib
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

import rdtf
from rdtf.status import InputError
from rdtf.storage.atomic_files import atomic
from rdtf.storage.targets import read_arrays

_FORMAT = 1
_OWN = ("kind", "format", "rdtf_version")


class Checkpoint:
    """The checkpoint of a run.

    Args:
      path: of the `.npz`.
      kind: of the run; the file of another kind is refused.
    """

    def __init__(self, path, kind: str):
        self.path, self._kind = pathlib.Path(path), kind

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replaces the file: the one before stays whole until this one is."""
        own = dict(zip(_OWN, (self._kind, _FORMAT, rdtf.__version__), strict=True))
        plain = {name: _plain(np.asarray(array)) for name, array in arrays.items()}
        with atomic(self.path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **plain, **own)

    @contextlib.contextmanager
    def restoring(self) -> Iterator[dict[str, np.ndarray]]:
        """Yields the arrays to whoever takes them over.

        Raises:
          InputError: if the file cannot be read, is of another kind or of a later
            version, or if an array is missing or does not fit (KeyError or ValueError
            in the block).
        """
        arrays = read_arrays(self.path)
        kind, number, version = (arrays.pop(name, None) for name in _OWN)
        if kind is not None and str(kind) != self._kind:
            raise InputError(
                f"Expected a checkpoint of {self._kind} at {self.path}, got one of "
                f"{kind}: choose another work directory, or start again with "
                "--overwrite."
            )
        if number is not None and int(number) > _FORMAT:
            raise InputError(
                f"Expected a checkpoint of format {_FORMAT} at {self.path}, got format "
                f"{number} of rdtf {version}: go on with that version, or start again "
                "with --overwrite."
            )
        try:
            yield arrays
        except InputError:
            raise
        except (KeyError, ValueError) as error:
            lost = "no array " if isinstance(error, KeyError) else ""
            raise InputError(
                f"Expected a checkpoint of this run at {self.path}, got {lost}"
                f"{str(error).splitlines()[0]}: use the flags it was made with, or "
                "start again with --overwrite."
            ) from None


def arrays_of(name: str, variables: Iterable) -> dict[str, np.ndarray]:
    """The values of variables of Keras, as `NAME_0`, `NAME_1`, ..."""
    return {f"{name}_{i}": variable.numpy() for i, variable in enumerate(variables)}


def assign(name: str, variables: Iterable, arrays: Mapping[str, np.ndarray]) -> None:
    """Gives variables what `arrays_of` took from them, bit for bit.

    Raises:
      ValueError: if an array is missing, unknown or does not fit.
    """
    variables = list(variables)
    found = sum(key.startswith(f"{name}_") for key in arrays)
    if found != len(variables):
        raise ValueError(f"{found} arrays {name} for {len(variables)} variables")
    for i, variable in enumerate(variables):
        array, now = arrays[f"{name}_{i}"], np.asarray(variable.numpy())
        if (array.dtype, array.shape) != (_plain(now).dtype, now.shape):
            raise ValueError(
                f"{name}_{i} as {array.dtype} {array.shape} for a variable of "
                f"{now.dtype} {now.shape}"
            )
        variable.assign(array.view(now.dtype))


def _plain(array):
    """The bits as integers, if the type is none of NumPy's own, such as bfloat16."""
    own = array.dtype.isbuiltin == 1 or array.dtype.kind in "US"
    return array if own else array.view(f"u{array.itemsize}")
