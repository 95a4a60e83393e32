"""What the application does beside answering."""

from fastapi.testclient import TestClient

from srgan.runtime import kept
from srgan.runtime.kept import Kept
from srgan.web import app
from srgan.web.served_models import open_models
from support.server import wait_for


def test_memory_that_a_large_picture_leaves_goes_though_nobody_asks_again(models, monkeypatch):
    monkeypatch.setattr(app, "TIDY_SECONDS", 0.01)
    monkeypatch.setattr(kept, "SECONDS_A_BYTE", 2e-9)

    class Graph:
        given_back = 0

        def __init__(self):
            self.kept = Kept(self.give_back)

        def give_back(self):
            self.given_back += self.kept.given_back()

    graph = Graph()
    with TestClient(app.build_app(open_models([models[1]]))):
        graph.kept.used(100_000_000)
        assert not graph.given_back  # a fifth of a second later
        wait_for(lambda: graph.given_back == 100_000_000)
