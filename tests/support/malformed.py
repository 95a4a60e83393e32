"""Two hundred files that are no pictures a server should enlarge, by name: what people and attackers send."""

import io
import struct
import zlib
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from PIL import Image

SIDE = 48


def corpus():
    """Return the files as {name: bytes}; the first part of a name says what kind of wrong it is."""
    files = {}
    for name, data in sound().items():
        files |= {f"truncated/{name}@{at}": data[:at] for at in _cuts(data)}
        files |= {f"magic/{name}-{kind}": bad for kind, bad in _other_beginnings(data).items()}
    files |= bombs() | animations() | impostors() | damaged()
    names = {data: name for name, data in reversed(files.items())}  # the first bytes of some formats are the same
    return {name: data for name, data in files.items() if names[data] == name}


def more_formats():
    """Return cut and damaged files of formats that only the command reads, not the server; those of libraries that are here."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    files = {}
    for kind in ("JPEG2000", "DDS", "ICO"):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        files[kind.lower()] = file.getvalue()
    for module, end in (("pillow_heif", "heif"), ("pillow_jxl", "jxl")):
        if find_spec(module) is not None:
            library, file = import_module(module), io.BytesIO()
            if end == "heif":
                library.from_bytes("RGB", (SIDE, SIDE), pixels.tobytes()).save(file)
            else:
                Image.fromarray(pixels).save(file, "JXL")
            files[end] = file.getvalue()
    bad = {}
    for name, data in files.items():
        bad |= {f"truncated/{name}@{at}": data[:at] for at in _cuts(data)}
        bad |= {f"magic/{name}-{kind}": other for kind, other in _other_beginnings(data).items()}
        spoilt = bytearray(data)
        spoilt[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
        bad[f"damaged/{name}"] = bytes(spoilt)
    return bad


def sound():
    """Return one good picture in each format, incompressible, so that pixels are most of each file."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    kinds = {
        "png": ("PNG", {}),
        "jpg": ("JPEG", {"quality": 90}),
        "progressive": ("JPEG", {"quality": 90, "progressive": True}),
        "gif": ("GIF", {}),
        "webp": ("WebP", {"quality": 80}),
        "lossless": ("WebP", {"lossless": True}),
        "tif": ("TIFF", {"compression": "tiff_lzw"}),
        "bmp": ("BMP", {}),
        "ppm": ("PPM", {}),
        "avif": ("AVIF", {}),
    }
    files = {}
    for name, (kind, options) in kinds.items():
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files[name] = file.getvalue()
    return files


def _cuts(data):
    """Return where to cut: in the signature, the header, at its end, and through the pixels."""
    size = len(data)
    return sorted({1, 3, 9, 15, 27, size // 8, size // 4, size // 2, size * 3 // 4, size - size // 12})


def _other_beginnings(data):
    return {"zeroed": bytes(8) + data[8:], "shifted": b"\n" + data, "bom": b"\xef\xbb\xbf" + data}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *chunks, depth=8, colour=2, compressed=None):
    """Return a PNG file whose header says what it likes."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    compressed = zlib.compress(bytes(600_000), 9) if compressed is None else compressed
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


def tiff(width, height, *, entries=(), following=0, order="<"):
    """Return a TIFF file of one strip that is not there."""
    fields = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    fields += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, min(width * height, 2**32 - 1)), *entries]
    body = struct.pack(order + "H", len(fields))
    for tag, kind, count, value in sorted(fields):
        packed = struct.pack(order + "I", value) if kind == 4 else struct.pack(order + "HH", value, 0)
        body += struct.pack(order + "HHI", tag, kind, count) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + body + struct.pack(order + "I", following) + bytes(64)


def bmp(width, height, *, bits=24, compression=0, data=b"\0" * 64):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + head + data


def _gif(width, height, frames):
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def _riff(kind, data):
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bombs():
    """Return small files with headers of enormous pictures."""
    jpeg = bytearray(sound()["jpg"])
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = struct.pack(">HH", 65_500, 65_500)
    avif = sound()["avif"]
    at = avif.index(b"ispe") + 8
    huge_avif = avif[:at] + struct.pack(">II", 60_000, 60_000) + avif[at + 8 :]
    return {
        "bomb/png-60000": png(60_000, 60_000),
        "bomb/png-60000-1bit": png(60_000, 60_000, depth=1, colour=0),
        "bomb/png-wide": png(2_000_000_000, 1),
        "bomb/png-tall": png(1, 2_000_000_000),
        "bomb/png-most": png(2**31 - 1, 2**31 - 1),
        "bomb/png-over": png(2**32 - 1, 2**32 - 1),
        "bomb/png-16bit": png(30_000, 30_000, depth=16, colour=6),
        "bomb/png-no-pixels": png(60_000, 60_000, compressed=b""),
        "bomb/gif-65535": _gif(65_535, 65_535, 1),
        "bomb/jpeg-65500": bytes(jpeg),
        "bomb/webp-16383": _riff(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(20)),
        "bomb/webp-vp8x": _riff(b"VP8X", bytes(4) + b"\xff\xff\xff\xff\xff\xff"),
        "bomb/tiff-60000": tiff(60_000, 60_000),
        "bomb/tiff-most": tiff(2**32 - 1, 2**32 - 1),
        "bomb/tiff-big-endian": tiff(100_000, 100_000, order=">"),
        "bomb/bmp-60000": bmp(60_000, 60_000),
        "bomb/bmp-most": bmp(2**31 - 1, 2**31 - 1),
        "bomb/bmp-upside-down": bmp(60_000, -60_000),
        "bomb/bmp-rle": bmp(60_000, 60_000, bits=8, compression=1, data=b"\xff\0" * 200),
        "bomb/ppm-60000": b"P6 60000 60000 255\n" + bytes(100),
        "bomb/pbm-digits": b"P4 99999999999999999999 1\n" + bytes(100),
        "bomb/pgm-many-digits": b"P5 " + b"9" * 10_000 + b" 1 255\n",
        "bomb/ppm-comment": b"P6 #" + b"x" * 200_000,
        "bomb/avif-60000": huge_avif,
    }


def animations():
    """Return files of ten thousand frames or pages, and one that has no last page."""
    control = chunk(b"acTL", struct.pack(">II", 10_000, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 10, 0, 0))
    frames = b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * i + 1, 1, 1, 0, 0, 1, 10, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", 2 * i + 2) + zlib.compress(bytes(4)))
        for i in range(10_000)
    )
    animated = png(1, 1, control, frame, compressed=zlib.compress(bytes(4)))
    file, frames_of = io.BytesIO(), [Image.new("RGB", (4, 4), (i, 0, 0)) for i in range(20)]
    frames_of[0].save(file, "WebP", save_all=True, append_images=frames_of[1:])
    first = tiff(8, 8)
    second = len(first)
    loop = tiff(8, 8, following=second) + first[8:-68] + struct.pack("<I", second)
    return {
        "animation/gif-10000": _gif(1, 1, 10_000),
        "animation/gif-two": _gif(8, 8, 2),
        "animation/apng-10000": animated[:-12] + frames + animated[-12:],
        "animation/apng-claims": png(4, 4, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
        "animation/webp": file.getvalue(),
        "animation/tiff-loop": loop,
    }


def impostors():
    """Return what is no picture, or a picture and something else at once."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'
    entity = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>'
    brand = struct.pack(">I", 24) + b"ftyp%s\0\0\0\0mif1heic"
    return {
        "other/svg": svg,
        "other/svg-entity": entity,
        "other/svg-gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3" + zlib.compress(svg)[2:],
        "other/html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
        "other/pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>",
        "other/postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n/x { x } def x\n",
        "other/mvg": b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'https://127.0.0.1/x'\npop graphic-context",
        "other/msl": b'<?xml version="1.0"?><image><read filename="/etc/passwd"/></image>',
        "other/zip": b"PK\x03\x04" + bytes(60),
        "other/elf": b"\x7fELF\x02\x01\x01" + bytes(60),
        "other/exe": b"MZ" + bytes(62),
        "other/psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(30),
        "other/ico": struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 40, 22) + bytes(40),
        "other/jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        "other/jxl": b"\xff\x0a" + bytes(40),
        "other/exr": b"\x76\x2f\x31\x01" + bytes(40),
        "other/hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9 +X 9\n" + bytes(40),
        "other/heic": brand % b"heic" + bytes(60),
        "other/mp4": brand % b"isom" + bytes(60),
        "other/wav": b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28),
        "other/mat": b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(100),
        "other/fits": b"SIMPLE  =                    T" + bytes(100),
        "other/vips": b"\x08\xf2\xa6\xb6" + struct.pack("<5I", 9, 9, 3, 8, 0) + bytes(100),
        "other/csv": b"1,2,3\n4,5,6\n",
        "other/text": b"Liebes Tagebuch",
        "other/one-byte": b"\xff",
        "other/zeros": bytes(10_000),
        "other/noise": np.random.default_rng(1).bytes(10_000),
        "polyglot/gif-script": b"GIF89a=1/*" + bytes(10) + b"*/;alert(1);//",
        "polyglot/png-html": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>",
        "polyglot/jpeg-php": b"\xff\xd8\xff\xe0<?php system('id'); ?>\xff\xd9",
        "polyglot/bmp-script": b"BM=1;/*" + bytes(60) + b"*/alert(1)",
        "polyglot/pdf-jpeg": b"%PDF-1.7\n" + sound()["jpg"],
        "polyglot/zip-png": b"PK\x03\x04" + sound()["png"],
        "polyglot/tiff-exe": b"MZ" + tiff(8, 8),
        "polyglot/webp-html": _riff(b"VP8 ", b"<html><script>alert(1)</script></html>"),
    }


def damaged():
    """Return pictures with one wrong thing inside, which the formats say must not be there."""
    files = sound()
    data = zlib.compress(bytes((3 * 8 + 1) * 8))
    jpg, webp, gif = files["jpg"], files["webp"], files["gif"]
    scan = jpg.index(b"\xff\xda")
    return {
        "damaged/png-no-header": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", data) + chunk(b"IEND", b""),
        "damaged/png-no-width": png(0, 8),
        "damaged/png-no-height": png(8, 0),
        "damaged/png-depth": png(8, 8, depth=7),
        "damaged/png-colour": png(8, 8, colour=5),
        "damaged/png-no-palette": png(8, 8, colour=3, compressed=zlib.compress(bytes(72))),
        "damaged/png-zlib": png(8, 8, compressed=b"\x78\x9c" + bytes(30)),
        "damaged/png-short": png(8, 8, compressed=zlib.compress(bytes(60))),
        "damaged/png-filter": png(8, 8, compressed=zlib.compress(b"\x09" * 200)),
        "damaged/png-length": png(8, 8)[:33] + struct.pack(">I", 2**31) + png(8, 8)[37:],
        "damaged/png-header-twice": png(8, 8, chunk(b"IHDR", bytes(13)), compressed=data),
        "damaged/jpeg-no-scan": jpg[:scan] + b"\xff\xd9",
        "damaged/jpeg-no-tables": jpg[:2] + jpg[jpg.index(b"\xff\xc0") :].replace(b"\xff\xc4", b"\xff\xfe"),
        "damaged/jpeg-segment": jpg[:4] + b"\xff\xff" + jpg[6:],
        "damaged/jpeg-no-frame": jpg[:2] + jpg[scan:],
        "damaged/webp-size": webp[:4] + b"\xff\xff\xff\x7f" + webp[8:],
        "damaged/webp-chunk": webp[:12] + b"VP9 " + webp[16:],
        "damaged/webp-frame": webp[:20] + bytes(10) + webp[30:],
        "damaged/gif-no-frames": gif[:781] + b"\x3b",
        "damaged/tiff-no-directory": b"II*\0" + struct.pack("<I", 2**31),
        "damaged/tiff-no-fields": b"II*\0\x08\0\0\0" + bytes(6),
        "damaged/tiff-strip": tiff(48, 48),
        "damaged/tiff-samples": tiff(8, 8, entries=[(338, 3, 2**31, 0)]),
        "damaged/bmp-zero": bmp(0, 0),
        "damaged/bmp-bits": bmp(8, 8, bits=23),
        "damaged/bmp-compression": bmp(8, 8, compression=9),
        "damaged/bmp-short": bmp(100, 100),
        "damaged/ppm-zero": b"P6 0 0 255\n",
        "damaged/ppm-maximum": b"P6 4 4 70000\n" + bytes(200),
        "damaged/ppm-negative": b"P6 -4 4 255\n" + bytes(200),
        "damaged/ppm-letters": b"P3 2 2 255\nred green blue\n",
        "damaged/avif-items": files["avif"].replace(b"av01", b"av99"),
        "damaged/avif-data": files["avif"][:-400] + bytes(400),
    }
