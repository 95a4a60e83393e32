"""Names of files that would write elsewhere than in their own place, were they shown as they are."""

import re

NAMES = (
    "<img src=x onerror=alert(1)>.png",
    "[bold]red[link=http:evil.example]x.png",
    "a\nsrgan: done\r\x1b[2J\x9b31m.png",
    "photo\u202egnp.exe\u2066\u200f.png",
    "\u2028\u2029&amp;'\"`${1}.png",
)
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What is never shown: control characters but the end of a line, and marks of direction."""
