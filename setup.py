"""Packaging of rdtf. Versions are ranges here; constraints.txt holds the exact pins."""

import pathlib
import re
import shutil

import setuptools
from setuptools.command import build_py

ROOT = pathlib.Path(__file__).resolve().parent


def version():
    """Reads `__version__` from the source, so that nothing has to be imported."""
    source = (ROOT / "rdtf" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE).group(1)


def long_description():
    """The README, if the source tree has one."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


class BuildPy(build_py.build_py):
    """In a wheel `apps` is `rdtf.apps`, and the flag files are in `rdtf/flags`.

    They move only here: with a `package_dir` that renames a folder setuptools would
    install a checkout by a finder, which any folder named rdtf hides, not by its path.
    """

    def run(self):
        """Builds, but for editable installs, which need nothing built."""
        if self.editable_mode:
            return
        # What a former build left there would get into the wheel.
        shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
        self.packages = [*self.packages, "rdtf.apps"]
        self.package_dir = {**self.package_dir, "rdtf.apps": "apps"}
        super().run()
        folder = pathlib.Path(self.build_lib, "rdtf", "flags")
        self.mkpath(str(folder))
        for file in (ROOT / "gs.flags", *ROOT.glob("flags/*.flags")):
            self.copy_file(str(file), str(folder / file.name))


setuptools.setup(
    name="rdtf",
    version=version(),
    description="A differentiable reaction-diffusion laboratory in TensorFlow",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=setuptools.find_packages(include=["rdtf", "rdtf.*"]),
    package_dir={"": "."},  # so that an editable install is a plain path
    package_data={"rdtf": ["py.typed"]},
    cmdclass={"build_py": BuildPy},
    entry_points={"console_scripts": ["rdtf = rdtf.command:main"]},
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
