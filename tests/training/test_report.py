import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from srgan.errors import UsageError
from srgan.training.report import Reporter, _duration
from srgan.training.stages import StepLosses


def losses(total=0.5, pixel=0.25, content=math.nan):
    return StepLosses(
        *(torch.tensor(value) for value in (total, pixel, content, math.nan, math.nan, math.nan, math.nan))
    )


def report(folder, **options):
    with Reporter(folder, **options) as reporter:
        reporter.say("beginning [with brackets]")
        reporter.start_stage("one", 20, 0)
        reporter.losses("one", 10, 20, losses(), 1e-3)
        reporter.losses("one", 20, 20, losses(0.4), 1e-4)
        reporter.validation("one", 20, {"Set5": 31.234}, None)


def test_log_events_and_terminal_say_the_same(tmp_path, capsys):
    report(tmp_path / "run")
    log = (tmp_path / "run" / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in log)
    assert log[0].endswith(" beginning [with brackets]")
    assert " one 10/20 total 0.5 pixel 0.25 rate 0.001 nan it/s" in log[1]
    assert re.search(r" one 20/20 total 0.4 pixel 0.25 rate 0.0001 \S+ it/s$", log[2])
    assert log[3].endswith(" one step 20: PSNR Set5 31.23 dB")
    terminal = capsys.readouterr()
    assert terminal.out == ""
    lines = terminal.err.splitlines()
    assert lines[0] == "beginning [with brackets]"
    assert lines[1] == "one 10/20: total 0.5 pixel 0.25"
    assert re.fullmatch(r"one 20/20: total 0.4 pixel 0.25, \S+ it/s, 0 min 00 s left", lines[2])
    events = EventAccumulator(str(tmp_path / "run" / "events"))
    events.Reload()
    assert [(point.step, point.value) for point in events.Scalars("one/loss/total")] == [
        (10, 0.5),
        (20, pytest.approx(0.4)),
    ]
    assert "one/loss/content" not in events.Tags()["scalars"]  # a stage without it
    assert events.Scalars("one/psnr/Set5")[0].value == pytest.approx(31.234)


def test_quiet_leaves_the_terminal_alone_but_not_the_log(tmp_path, capsys):
    report(tmp_path, quiet=True)
    assert capsys.readouterr() == ("", "")
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 4


def test_other_processes_write_nothing(tmp_path, capsys):
    report(tmp_path / "run", active=False)
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_goes_on_in_the_same_log(tmp_path):
    report(tmp_path, quiet=True)
    report(tmp_path, quiet=True)
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 8


def test_the_log_ends_with_what_stopped_the_run(tmp_path):
    with pytest.raises(ValueError, match="full"), Reporter(tmp_path, quiet=True):
        raise ValueError("the moon is full")
    assert (tmp_path / "log.txt").read_text().endswith(" stopped: the moon is full\n")


def test_pictures_reach_tensorboard(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with Reporter(tmp_path / "run", quiet=True) as reporter:
        reporter.validation("one", 3, {"set": 30.0}, tmp_path / "a.png")
    events = EventAccumulator(str(tmp_path / "run" / "events"), size_guidance={"images": 0})
    events.Reload()
    (image,) = events.Images("one/results")
    assert (image.step, image.height, image.width) == (3, 16, 24)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match="cannot write the run folder"), Reporter(place, quiet=True):
            pass


def test_durations():
    assert [_duration(seconds) for seconds in (5, 65.9, 3599, 3600, 7384)] == [
        "0 min 05 s",
        "1 min 05 s",
        "59 min 59 s",
        "1 h 00 min",
        "2 h 03 min",
    ]


GONE = """
import shutil, sys
from pathlib import Path
from srgan.training.report import Reporter
run = Path(sys.argv[1])
try:
    with Reporter(run) as reporter:
        reporter.validation("one", 1, {"Set5": 30.0}, None)
        shutil.rmtree(run / "events")
        for step in range(2, 50):
            reporter.validation("one", step, {"Set5": 30.0}, None)
except OSError as error:
    print("raised:", error.strerror)
"""


def test_a_thread_of_tensorboard_prints_nothing_of_an_error_that_a_call_raises(tmp_path):
    done = subprocess.run([sys.executable, "-c", GONE, tmp_path / "run"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "raised: No such file or directory\n")
    assert "Traceback" not in done.stderr
