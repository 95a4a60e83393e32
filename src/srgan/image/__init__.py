"""Pictures from files and to files, with everything that belongs to them: depth, alpha, profile, EXIF, orientation."""

from srgan.image.formats import (
    FORMATS,
    PICTURE_SUFFIXES,
    WRITABLE,
    Format,
    format_of_content,
    is_picture,
    list_files,
    list_pictures,
)
from srgan.image.multiband import BandReader
from srgan.image.picture import Header, Picture, to_8_bit, to_rgb8
from srgan.image.reading import MAX_PIXELS, notes_of_pages, probe, read, read_rgb8, read_rows
from srgan.image.shown import bands_of, read_shown
from srgan.image.streaming import Sink, can_stream, stream, stream_pages
from srgan.image.writing import belong, check_bands, checked_format, format_of, left_out, write

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "WRITABLE",
    "BandReader",
    "Format",
    "Header",
    "Picture",
    "Sink",
    "bands_of",
    "belong",
    "can_stream",
    "check_bands",
    "checked_format",
    "format_of",
    "format_of_content",
    "is_picture",
    "left_out",
    "list_files",
    "list_pictures",
    "notes_of_pages",
    "probe",
    "read",
    "read_rgb8",
    "read_rows",
    "read_shown",
    "stream",
    "stream_pages",
    "to_8_bit",
    "to_rgb8",
    "write",
]
