"""Two hundred malformed pictures: each is refused with a sentence, and the server goes on as if nothing had been."""

import re
from collections import Counter

import httpx
import pytest

from support import malformed
from support.server import serving, wait_for

TIMEOUT = 300


@pytest.fixture(scope="module")
def corpus():
    return malformed.corpus()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that the server keeps its temporary files in."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(models, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        with serving(*models) as running:
            yield running


def test_the_corpus_has_what_it_promises(corpus):
    kinds = Counter(name.partition("/")[0] for name in corpus)
    assert len(corpus) >= 200
    assert len(set(corpus.values())) == len(corpus)
    assert set(kinds) == {"truncated", "magic", "bomb", "animation", "other", "polyglot", "damaged"}
    assert len(corpus["bomb/png-60000"]) < 1024  # and 3.6 thousand million pixels


def test_each_gets_a_4xx_and_the_server_lives(server, corpus, folder):
    process = server.process.pid
    good = malformed.sound()
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:

        def resident():
            return float(
                re.search(r"^process_resident_memory_bytes (\S+)", client.get("/metrics").text, re.MULTILINE)[1]
            )

        for name, data in good.items():
            answer = client.post("/v1/upscale", params={"model": "nearest-x4"}, content=data)
            assert answer.status_code == 200, (name, answer.text)
        before = resident()
        accepted, wordless = {}, {}
        for number, (name, data) in enumerate(corpus.items()):
            if number % 2:
                answer = client.post("/v1/upscale", content=data)
            else:
                answer = client.post("/v1/upscale", files={"image": (name, data)})
            if answer.status_code not in (400, 413, 422):
                accepted[name] = answer.status_code
            elif not re.fullmatch(r"[^\n]{20,400}", answer.json()["detail"]) or str(folder) in answer.text:
                wordless[name] = answer.text
        assert accepted == {}
        assert wordless == {}
        assert resident() - before < 100e6  # no header made it allocate what it claims
        answer = client.post("/v1/upscale", content=good["png"])
        assert answer.status_code == 200
    wait_for(lambda: not list(folder.iterdir()))
    assert server.process.poll() is None
    assert server.process.pid == process
    assert "Traceback" not in server.errors
