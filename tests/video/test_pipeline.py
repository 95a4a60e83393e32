"""Decoding and encoding beside the network: in order, no further ahead than said, and errors come out."""

import threading
from contextlib import closing

import pytest

from srgan.video.pipeline import Behind, ahead, thread


def test_items_are_made_ahead_on_another_thread_and_no_further_than_said():
    made, where = [], set()

    def items():
        for number in range(10):
            made.append(number)
            where.add(threading.current_thread().name)
            yield number

    taken = []
    with thread("maker") as pool:
        for item in ahead(items(), pool, depth=2):
            taken.append(item)
            assert len(made) <= len(taken) + 2
    assert taken == list(range(10))
    assert threading.current_thread().name not in where


def test_an_error_of_the_maker_is_raised_where_its_item_was_due():
    def items():
        yield from range(3)
        raise ValueError("the third")

    taken = []

    def take():
        with thread("maker") as pool:
            for item in ahead(items(), pool):
                taken.append(item)

    with pytest.raises(ValueError, match="the third"):
        take()
    assert taken == [0, 1, 2]


def test_what_is_stopped_leaves_the_iterator_free_to_be_closed():
    closed = []

    def items():
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread().name)

    def take():
        with closing(items()) as source, thread("maker") as pool:
            for item in ahead(source, pool):
                if item == 3:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take()
    assert closed == [threading.current_thread().name]


def test_calls_are_made_in_order_and_each_is_reported_once():
    calls, done = [], []
    with thread("writer") as pool:
        behind = Behind(pool, lambda: done.append(len(calls)), depth=2)
        for number in range(8):
            behind.call(calls.append, number)
            assert len(done) >= number - 1  # two may wait
        behind.finish()
    assert calls == list(range(8))
    assert len(done) == 8
    assert all(calls_then > position for position, calls_then in enumerate(done))


def test_an_error_of_a_call_comes_out_and_nothing_after_it_is_begun():
    calls = []

    def call(number):
        if number == 2:
            raise OSError("disk full")
        calls.append(number)

    def work():
        with thread("writer") as pool:
            behind = Behind(pool, lambda: None, depth=1)
            for number in range(50):
                behind.call(call, number)
            behind.finish()

    with pytest.raises(OSError, match="disk full"):
        work()
    assert calls[:2] == [0, 1]
    assert len(calls) <= 3
