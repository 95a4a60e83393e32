import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from srgan.video.work import ClipListener
from support import clips

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="priorities are asked of Linux")


def policies():
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            found.add(os.sched_getscheduler(int(task.name)))
    return found


@pytest.mark.parametrize("codec", ["av1", "hevc", "h264", "vp9"])
def test_no_encoder_takes_real_time_for_itself(tmp_path, upscaler, codec):
    """SVT-AV1 does when root runs it, and nothing else on the machine runs then."""
    found = []

    class Asking(ClipListener):
        def frame(self, done):  # noqa: ARG002
            found.append(policies())

    source = clips.make(tmp_path / "a.mkv", [3600 * number for number in range(6)])
    before = policies()
    upscale_clip(source, tmp_path / "b.mkv", upscaler, encoding=Encoding(codec), listener=Asking())
    assert found
    assert all(seen <= before for seen in [*found, policies()])
