"""Places in XMP that count pixels: a drone's calibration and IPTC's regions, each number worked by hand."""

from __future__ import annotations

import pytest

from srgan.image import xmp, xmp_places
from srgan.image.change import Change, Origin

UPRIGHT = Change(Origin(48, 32), 192, 128)
TURNED = Change(Origin(32, 48, 6), 128, 192)
HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:d="http://www.dji.com/drone-dji/1.0/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"


def changed(inner: str, change: Change) -> str:
    return xmp_places.corrected((HEAD + inner + TAIL).encode(), change).decode()


def test_a_drones_calibration() -> None:
    said = 'd:CalibratedFocalLength="3666.5" d:CalibratedOpticalCenterX="24" d:CalibratedOpticalCenterY="8" '
    said += 'd:DewarpData="2020;30,31,-1.5,2,0.1,0.2">'
    out = changed(said, UPRIGHT)
    assert 'FocalLength="14666"' in out
    assert 'CenterX="96.000000" d:CalibratedOpticalCenterY="32.000000"' in out
    assert 'DewarpData="2020;120,124,-6,8,0.1,0.2"' in out
    turned = changed(said, TURNED)  # its right is below, its bottom at the left
    assert 'CenterX="96.000000" d:CalibratedOpticalCenterY="96.000000"' in turned
    assert "DewarpData" not in turned


def region(unit: str, shape: str, inner: str) -> str:
    return f"><i:RegionBoundary><i:rbUnit>{unit}</i:rbUnit><i:rbShape>{shape}</i:rbShape>{inner}</i:RegionBoundary>"


BOX = "<i:rbX>8</i:rbX><i:rbY>6</i:rbY><i:rbW>10</i:rbW><i:rbH>4</i:rbH>"


@pytest.mark.parametrize(
    ("change", "right"), [(UPRIGHT, (32, 24, 40, 16)), (TURNED, (4 * (32 - 6 - 4), 4 * 8, 16, 40))]
)
def test_rectangles_in_pixels(change: Change, right: tuple[int, ...]) -> None:
    out = changed(region("pixel", "rectangle", BOX), change)
    assert "".join(f"<i:rb{name}>{value}</i:rb{name}>" for name, value in zip("XYWH", right, strict=True)) in out


def test_shares_of_the_picture_stay_unless_it_is_turned() -> None:
    box = "<i:rbX>0.25</i:rbX><i:rbY>0.5</i:rbY><i:rbW>0.5</i:rbW><i:rbH>0.25</i:rbH>"
    said = region("relative", "rectangle", box)
    assert changed(said, UPRIGHT) == HEAD + said + TAIL
    assert "<i:rbX>0.25</i:rbX><i:rbY>0.25</i:rbY><i:rbW>0.25</i:rbW><i:rbH>0.5</i:rbH>" in changed(said, TURNED)


def test_circles_and_polygons() -> None:
    assert "<i:rbX>32</i:rbX><i:rbY>24</i:rbY><i:rbRx>12</i:rbRx>" in changed(
        region("pixel", "circle", "<i:rbX>8</i:rbX><i:rbY>6</i:rbY><i:rbRx>3</i:rbRx>"), UPRIGHT
    )
    corners = "".join(f"<rdf:li><i:rbX>{x}</i:rbX><i:rbY>{y}</i:rbY></rdf:li>" for x, y in ((1, 2), (3, 4)))
    out = changed(region("pixel", "polygon", f"<i:rbVertices><rdf:Seq>{corners}</rdf:Seq></i:rbVertices>"), UPRIGHT)
    assert "<i:rbX>4</i:rbX><i:rbY>8</i:rbY></rdf:li><rdf:li><i:rbX>12</i:rbX><i:rbY>16</i:rbY>" in out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
def test_packets_of_any_encoding_are_corrected(encoding: str) -> None:
    text = '<x:xmpmeta xmlns:x="adobe:ns:meta/" ü xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    out = xmp.corrected(xmp.as_utf8(text.encode(encoding)), TURNED).decode("utf-8-sig")
    assert out == text.replace('"6"', '"1"')
