"""What ``--precision int8`` becomes where bf16 is faster."""

import pytest

from srgan.cli.precision import settled
from srgan.runtime import graph

ASKED = {"device": "auto", "fidelity": None, "quiet": False}


@pytest.fixture(params=[True, False], ids=["bf16", "no bf16"])
def bf16(request, monkeypatch):
    monkeypatch.setattr(graph, "computes_bf16", lambda: request.param)
    return request.param


def test_bf16_is_taken_and_said_where_the_processor_has_it(bf16, capsys):
    assert settled("int8", **ASKED) == ("bf16" if bf16 else "int8")
    said = capsys.readouterr()
    assert (said.out, "computing in bf16" in said.err, said.err.count("\n")) == ("", bf16, int(bf16))


@pytest.mark.usefixtures("bf16")
def test_quiet_says_nothing(capsys):
    settled("int8", **ASKED | {"quiet": True})
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("bf16")
@pytest.mark.parametrize(
    "asked", [{"precision": "fp32"}, {"precision": "auto"}, {"device": "cuda:0"}, {"fidelity": 0.5}], ids=str
)
def test_all_else_is_left_to_what_opens_the_network(asked, capsys):
    wanted = asked.get("precision", "int8")
    assert settled(**{"precision": "int8", **ASKED, **asked}) == wanted
    assert capsys.readouterr().err == ""


def test_it_is_true_of_this_processor():
    flags = graph.openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert graph.computes_bf16() == ("BF16" in flags)
