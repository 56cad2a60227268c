"""Packaging of rdtf. Versions are ranges here; constraints.txt holds the exact pins."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).resolve().parent


def version():
    """Reads `__version__` from the source, so that nothing has to be imported."""
    source = (ROOT / "rdtf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE).group(1)


def long_description():
    """The README, if the source tree has one."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


setuptools.setup(
    name="rdtf",
    version=version(),
    description="A differentiable reaction-diffusion laboratory in TensorFlow",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=setuptools.find_packages(include=["rdtf", "rdtf.*", "apps", "apps.*"]),
    python_requires=">=3.11,<3.14",
    install_requires=[
        "absl-py",
        "h5py",
        "imageio",
        "matplotlib",
        "numpy",
        "pillow",
        "scipy",
        "sympy",
        "tensorboard",
        "tensorflow==2.21.*",
        "tensorflow-probability==0.25.*",
        "tf_keras==2.21.*",
        "tqdm",
    ],
    extras_require={
        "native": ["numba"],
        "bench": ["cma", "diffrax", "exponax", "jax", "torch"],
        "cma": ["cma"],
        "ray": ["ray"],
        "xarray": ["xarray"],
        "dev": ["hypothesis", "pytest", "pytest-xdist", "ruff", "xarray"],
        "docs": ["mkdocs"],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Mathematics",
        "Topic :: Scientific/Engineering :: Physics",
    ],
)
