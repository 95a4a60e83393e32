"""Names of results, whatever clients call their pictures."""

from __future__ import annotations

import pytest

from srgan.web.naming import attachment, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo.jpg", "photo"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\holiday.png", "holiday"),
        ("a\x00b\nc.png", "a_b_c"),
        ("\u202egnp.exe.png", "_gnp.exe"),
        (" .png", "picture"),
        ("", "picture"),
        ("ü" * 200 + ".png", "ü" * 100),
        ("lone \ud800.png", "lone"),
    ],
)
def test_stems_are_safe(name: str, expected: str) -> None:
    assert stem(name) == expected


def test_the_header_has_the_name_plainly_and_in_full() -> None:
    assert (
        attachment('a "b" %ü.png')
        == "attachment; filename=\"a _b_ __.png\"; filename*=utf-8''a%20%22b%22%20%25%C3%BC.png"
    )
