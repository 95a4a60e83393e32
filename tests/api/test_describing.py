"""What an open network says of itself."""

from __future__ import annotations

from pathlib import Path

import srgan


def test_an_open_network_is_a_line(model: Path) -> None:
    assert repr(srgan.Upscaler(model, scale=1.5)) == "<srgan.Upscaler: tiny-x2, x1.5>"
    html = srgan.Upscaler("srresnet-x4")._repr_html_()
    assert html.startswith("<div><b>srresnet-x4</b>, x4 (clean photographs, nothing invented")
    assert "Set5 31.79 dB / 0.889" in html
    assert "looks at each picture" in srgan.Upscaler()._repr_html_()
