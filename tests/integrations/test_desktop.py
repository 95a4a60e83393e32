"""The entry of a desktop's "Open with": started by GLib, as file managers do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from support.server import wait_for

ENTRY = Path(__file__).parents[2] / "integrations/desktop/srgan.desktop"


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-utils")
def test_the_entry_is_valid():
    subprocess.run(["desktop-file-validate", ENTRY], check=True)


@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio (Debian: libglib2.0-bin)")
def test_a_file_manager_enlarges_a_picture_whatever_its_name(tmp_path):
    photo = tmp_path / 'mum\'s $HOME "photo".png'
    Image.new("RGB", (12, 8), (200, 90, 40)).save(photo)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in {"srgan": f'exec {sys.executable} -m srgan "$@"', "xdg-terminal-exec": 'exec "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    # GLib before 2.76 does not know xdg-terminal-exec, and tries xterm with -e.
    (programs / "xterm").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (programs / "xterm").chmod(0o755)
    path = f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"
    subprocess.run(["gio", "launch", ENTRY, photo], check=True, env={**os.environ, "PATH": path}, timeout=120)
    result = tmp_path / 'mum\'s $HOME "photo"_x4.png'
    wait_for(result.is_file, 120)
    with Image.open(result) as made:
        assert made.size == (48, 32)
