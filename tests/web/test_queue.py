"""The queue in front of the network: who is ahead, how long it takes, and when to come back."""

import time

import pytest

from srgan.web.queue import FullError, WorkQueue


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to; that of the day is set back meanwhile."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 1e9 - 100 * now[0])
    return now


@pytest.fixture
def queue():
    made = WorkQueue(3)
    yield made
    made.close()


def test_who_waits_is_told_the_time_of_those_ahead_too(queue, clock):
    def seconds(duration):
        def work(progress):
            clock[0] += duration
            return progress

        return work

    with queue.place() as first, queue.place() as second, queue.place() as third:
        assert queue.left_of(first) is None
        queue.submit(first, seconds(20.0), 1000).result(60)
        assert queue.left_of(first) == 0
        for place, pixels in ((second, 500), (third, 2000)):
            place.state, place.pixels = "waiting", pixels
        assert queue.left_of(second) == pytest.approx(10)  # 20 ms a pixel
        assert queue.left_of(third) == pytest.approx(50)
        second.state, second.began = "computing", clock[0]
        clock[0] += 4
        second.progress(250, 500)
        assert queue.left_of(second) == pytest.approx(4)
        assert queue.left_of(third) == pytest.approx(44)


def test_who_finds_it_full_comes_back_after_half_of_what_it_takes(queue, clock):
    def computed(place, pixels, seconds):
        def work(progress):
            clock[0] += seconds
            return progress

        queue.submit(place, work, pixels).result(60)

    with queue.place() as place:
        clock[0] += 600  # it came in slowly, and waited: neither is what a picture takes
        computed(place, 1000, 20.0)
    with queue.place() as first, queue.place() as second, queue.place(), queue.place():
        assert queue.retry_after() == 2  # all four still come in
        first.state, first.pixels, first.began = "computing", 1000, clock[0]
        second.state, second.pixels = "waiting", 2000
        with pytest.raises(FullError) as full:
            queue.place().__enter__()
        assert full.value.seconds == 31  # (20 + 40 + 1 + 1) / 2
        clock[0] += 10
        first.progress(500, 1000)
        assert queue.retry_after() == 26
        first.progress(10, 1000)  # of a large picture a little tells enough, after ten seconds
        clock[0] += 10
        assert queue.left_of(first) == pytest.approx(1980)
        first.state = second.state = "done"
        assert queue.retry_after() == 1
