import numpy as np
import pytest
import pyvips
from PIL import Image

from srgan.errors import ImageReadError, ImageTooLargeError
from srgan.image.multiband import BandReader, open_rows, read_bands, to_bands


def save(path, pixels, **options):
    pyvips.Image.new_from_array(pixels).write_to_file(str(path), **options)
    return pixels


def random(shape, dtype):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [2, 4, 5, 13])
@pytest.mark.parametrize("options", [{}, {"tile": True, "compression": "deflate"}])
def test_a_tiff_comes_with_all_its_bands_as_they_are(tmp_path, dtype, bands, options):
    pixels = save(tmp_path / "a.tif", random((40, 50, bands), dtype), **options)
    found = read_bands(tmp_path / "a.tif", bands)
    assert found.dtype == dtype
    assert np.array_equal(found, pixels)


def test_pages_of_a_band_each_become_bands(tmp_path):
    pages = [Image.fromarray(random((20, 30), np.uint16) // (n + 1)) for n in range(5)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = read_bands(tmp_path / "a.tif", 5)
    assert found.dtype == np.uint16
    assert np.array_equal(found, np.stack([np.asarray(page) for page in pages], axis=2))


@pytest.mark.parametrize("bands", [1, 4])
def test_a_stack_of_pictures_is_refused_and_not_cut_to_its_first(tmp_path, bands):
    pages = random((3 * 20, 30, bands), np.uint8)
    save(tmp_path / "stack.tif", pages, page_height=20)
    says = rf"stack\.tif.*it has 3 pages, and a network of {bands} band"
    with pytest.raises(ImageReadError, match=says):
        read_bands(tmp_path / "stack.tif", bands)
    with pytest.raises(ImageReadError, match=says), open_rows(tmp_path / "stack.tif", bands):
        pass


def test_floats_become_16_bits_and_other_numbers_are_named(tmp_path):
    save(tmp_path / "a.tif", np.linspace(0, 1, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6))
    found = read_bands(tmp_path / "a.tif", 6)
    assert (found.dtype, found.max()) == (np.uint16, 65535)
    save(tmp_path / "b.tif", np.full((4, 5, 6), -3, np.int16))
    with pytest.raises(ImageReadError, match=r"b\.tif.*short numbers: convert it"):
        read_bands(tmp_path / "b.tif", 6)


def test_another_number_of_bands_is_an_error_that_says_so(tmp_path):
    save(tmp_path / "a.tif", random((4, 5, 6), np.uint8))
    with pytest.raises(ImageReadError, match=r"a\.tif.*it has 6 bands, not 5"):
        read_bands(tmp_path / "a.tif", 5)
    Image.new("RGB", (5, 4)).save(tmp_path / "b.png")
    with pytest.raises(ImageReadError, match=r"b\.png.*it has 3 bands, not 4"):
        read_bands(tmp_path / "b.png", 4)
    with pytest.raises(ImageReadError, match="6 channels"):
        read_bands(tmp_path / "a.tif", 3)


def test_a_fourth_band_of_a_png_is_a_band(tmp_path):
    pixels = random((4, 5, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_bands(tmp_path / "a.png", 4), pixels)
    assert np.array_equal(read_bands(tmp_path / "a.png", 3), pixels[:, :, :3])


def test_too_many_pixels_are_seen_in_the_header(tmp_path):
    save(tmp_path / "a.tif", random((40, 50, 6), np.uint8))
    with pytest.raises(ImageTooLargeError, match="50 x 40"):
        read_bands(tmp_path / "a.tif", 6, max_pixels=1000)


def test_luma_and_gray_keep_16_bits(tmp_path):
    red = np.zeros((3, 4, 3), np.uint16)
    red[:, :, 0] = 65535
    assert (to_bands(red, 1) == round(0.299 * 65535)).all()
    gray = random((4, 5), np.uint16)
    Image.fromarray(gray).save(tmp_path / "a.png")
    found = read_bands(tmp_path / "a.png", 3)
    assert found.dtype == np.uint16
    assert np.array_equal(found, np.repeat(gray[:, :, None], 3, axis=2))


def test_pages_are_bands_or_pictures_by_their_number(tmp_path):
    """For five bands five gray pages are one picture; for one band they are five."""
    pages = random((5 * 20, 30), np.uint16)
    save(tmp_path / "a.tif", pages, page_height=20)
    five, one = BandReader(5), BandReader(1)
    header = five.probe(tmp_path / "a.tif")
    assert (header.bands, header.pages) == (5, 1)
    picture = five.read(tmp_path / "a.tif")
    assert (picture.pages, picture.has_alpha, picture.multiband) == (1, False, True)
    assert np.array_equal(picture.pixels, pages.reshape(5, 20, 30).transpose(1, 2, 0))
    assert one.probe(tmp_path / "a.tif").pages == 5
    assert np.array_equal(one.read(tmp_path / "a.tif", page=3).pixels[:, :, 0], pages[60:80])
    assert five.read_rows(tmp_path / "a.tif") is None


def test_pages_of_several_sizes_are_no_bands(tmp_path):
    pages = [Image.fromarray(random((20, 30 + n), np.uint16)) for n in range(2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ImageReadError, match=r"a\.tif.*its pages differ in size"):
        BandReader(2).read(tmp_path / "a.tif")


@pytest.mark.parametrize("bands", [1, 4, 6])
def test_rows_are_the_picture_of_any_size(tmp_path, bands):
    pixels = save(tmp_path / "a.tif", random((300, 50, bands), np.uint16), tile=True)
    picture = BandReader(bands).read_rows(tmp_path / "a.tif", max_pixels=100)
    assert (picture.width, picture.height, picture.multiband) == (50, 300, True)
    rows = []
    for top in range(0, 300, 70):
        rows.append(picture.pixels[top : top + 70, 0:50].copy())
        picture.pixels.forget(top + 70)
    assert np.array_equal(np.concatenate(rows), pixels)


def test_what_a_band_has_no_place_for_is_noted(tmp_path):
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    image = pyvips.Image.new_from_array(random((4, 5, 4), np.uint8)).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    image.tiffsave(str(tmp_path / "a.tif"))
    four = BandReader(4).read(tmp_path / "a.tif")
    assert (four.icc, four.notes) == (None, ("the colour profile, which is for gray or RGB",))
    one = BandReader(1).read(tmp_path / "a.tif")
    lost = "the colours, of which one band is made", "the transparency, for which one band has no place"
    assert (one.icc, one.notes) == (None, lost)
    three = BandReader().read(tmp_path / "a.tif")
    assert (three.icc, three.notes, three.has_alpha) == (profile, (), True)
