"""The check of float64 itself: it must pass here, and notice what is not double."""

import app_runner
import numpy as np

SMALL = ("--size=16", "--steps=20")


def test_works_here(capsys):
    assert app_runner.run("check_float64", *SMALL) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("/device:CPU:0") and " works " in lines[2]
    assert len({len(line) for line in lines[1:]}) <= 2


def test_single_precision_does_not_pass(capsys):
    with app_runner.loaded("check_float64", *SMALL) as app:
        run = app.run

        def rounded(*arguments):
            state, rate = run(*arguments)
            return [np.float64(np.float32(field)) for field in state], rate

        app.run = rounded
        assert app.main([]) == 1
    assert "imprecise" in capsys.readouterr().out


def test_a_device_without_float64_fails_in_one_line(capsys):
    import tensorflow as tf

    with app_runner.loaded("check_float64", *SMALL) as app:

        def refuse(*arguments):
            raise tf.errors.UnimplementedError(None, None, "no float64\nat all")

        app.run = refuse
        assert app.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("fails  no float64")


def test_a_bad_flag_from_the_shell():
    result = app_runner.shell("check_float64", "--size=2")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
