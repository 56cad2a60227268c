"""Forward speed beside C and the peers.

python -m benchmarks.rollout --json rollout.json --peer_python PATH
"""

from absl import app

from benchmarks import cases, common


def main(_) -> None:
    """Measures and prints."""
    common.race(cases.FORWARD)


if __name__ == "__main__":
    app.run(main)
