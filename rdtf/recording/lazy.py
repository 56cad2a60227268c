"""HDF5 data sets as arrays of xarray that are read when they are used."""

import h5py
import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class _OnDisk(BackendArray):
    def __init__(self, data):
        self._data = data
        self.shape, self.dtype = data.shape, data.dtype

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key):
        """HDF5 reads forwards only, so backward slices are turned round afterwards."""
        forwards, turns = [], []
        for k, n in zip(key, self.shape, strict=True):
            if isinstance(k, slice):
                chosen = range(n)[k]
                turned = chosen.step < 0
                if turned:
                    chosen = chosen[::-1]
                k = slice(chosen.start, max(chosen.stop, 0), chosen.step)
                turns.append(slice(None, None, -1 if turned else None))
            forwards.append(k)
        return np.asarray(self._data[tuple(forwards)])[tuple(turns)]


def lazily(field):
    """An array as it is, an HDF5 data set as one that xarray reads later."""
    if isinstance(field, h5py.Dataset):
        return indexing.LazilyIndexedArray(_OnDisk(field))
    return field
