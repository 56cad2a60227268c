"""Rows survive a kill, and are not mixed with those of other settings."""

import json
import os

import pytest

from rdtf.storage.row_log import RowLog

SETTINGS = {"steps": 3, "axes": (1.0, float("nan"))}


def _log(path, settings=None):
    log = RowLog(path, settings)
    log.start(resume=False)
    for number in (2, 0):
        log.append({"row": number, "loss": 0.1 + number})
    return log


@pytest.mark.parametrize("settings", [None, SETTINGS])
def test_half_a_line_is_dropped(settings, tmp_path):
    path = tmp_path / "new" / "rows.jsonl"
    _log(path, settings)
    whole = path.read_text()
    for length in range(len(whole) - 1, whole.rindex("{") - 1, -7):
        path.write_text(whole[:length])
        log = RowLog(path, settings)
        assert log.start_numbered(resume=True) == {2: {"loss": 2.1}}
        log.append({"row": 0, "loss": 0.1})
        assert path.read_text() == whole
    assert RowLog(path, settings).start(resume=False) == []
    assert path.read_text().count("\n") == (settings is not None)


def test_a_row_is_on_disk_before_the_next(tmp_path, monkeypatch):
    log, synced = _log(tmp_path / "rows.jsonl"), []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(log.path.read_text()))
    log.append({"row": 7})
    assert synced == [log.path.read_text()] and synced[0].endswith('{"row": 7}\n')


def test_rows_that_are_not_wanted(tmp_path):
    log = _log(tmp_path / "rows.jsonl", SETTINGS)
    assert log.keep(lambda row: row["row"] == 0) == [{"row": 0, "loss": 0.1}]
    header, row = map(json.loads, log.path.read_text().splitlines())
    assert header == {"settings": {"steps": 3, "axes": [1.0, None]}}
    assert row == {"row": 0, "loss": 0.1}


def test_other_settings_are_refused(tmp_path, input_error):
    path = tmp_path / "rows.jsonl"
    text = _log(path, SETTINGS).path.read_text()
    with input_error("rows.jsonl was made with", "another steps:", "--overwrite"):
        RowLog(path, SETTINGS | {"steps": 4}).start(resume=True)
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["{\n{}\n", '{"settings": 3}\n', "\n", '{"row": 1}\n'])
def test_another_file_is_refused(text, tmp_path, input_error):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with input_error("a log of rows", "rows.jsonl", "start again"):
        RowLog(path, SETTINGS).start(resume=True)
    assert path.read_text() == text
    path.write_text('{"loss": 1}\n')
    with input_error("a log of rows", "rows.jsonl"):
        RowLog(path).start_numbered(resume=True)
