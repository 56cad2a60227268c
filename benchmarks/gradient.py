"""Speed of value and gradient of a window, beside C and the peers.

python -m benchmarks.gradient --json gradient.json --peer_python PATH
"""

from absl import app

from benchmarks import cases, common


def main(_) -> None:
    """Measures and prints."""
    common.race(cases.GRADIENT)


if __name__ == "__main__":
    app.run(main)
