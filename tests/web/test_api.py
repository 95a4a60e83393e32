"""The HTTP API of a real ``srgan serve``: what a program sends, and what it gets back."""

import io
import re
import shutil
import subprocess

import httpx
import numpy as np
import pytest
from PIL import Image

import srgan
import srgan.image
from srgan.image import Picture

TIMEOUT = 120


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        yield client


def encoded(pixels, suffix, folder, **metadata):
    path = folder / f"made{suffix}"
    srgan.image.write(Picture(pixels, **metadata), path, overwrite=True)
    return path.read_bytes()


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """A PNG file of 12 x 10 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    return encoded(pixels, ".png", tmp_path_factory.mktemp("square"))


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def refused(answer, status):
    """Check that an answer is an error, and return its sentence."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["detail"]
    assert "\n" not in body["detail"]
    assert "/tmp" not in body["detail"]  # nothing of the server's own files
    return body["detail"]


# --- Pictures --------------------------------------------------------------------------------------------------------


def test_raw_bytes_are_enlarged_by_the_named_network(client, square):
    answer = client.post("/v1/upscale", params={"model": "nearest-x4"}, content=square)
    result = np.asarray(opened(answer))
    before = np.asarray(Image.open(io.BytesIO(square)))
    assert result.shape == (40, 48, 3)
    wanted = before.repeat(4, 0).repeat(4, 1).astype(int)
    assert np.abs(result - wanted).max() <= 2  # computed in bf16 where there is bf16
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-srgan-model"] == "nearest-x4"
    assert answer.headers["x-srgan-size"] == "48x40"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert (
        answer.headers["content-disposition"]
        == "attachment; filename=\"picture_x4.png\"; filename*=utf-8''picture_x4.png"
    )


def test_a_form_is_answered_with_the_name_the_profile_and_the_resolution(client, photo, profile, tmp_path):
    with photo.open("rb") as file:
        answer = client.post("/v1/upscale", params={"model": "nearest-x4"}, files={"image": (photo.name, file)})
    path = tmp_path / "answer"
    path.write_bytes(answer.content)
    result = srgan.image.read(path)
    assert (result.width, result.height) == (240, 160)
    assert result.icc == profile
    assert result.resolution == pytest.approx((16, 16), rel=0.01)
    said = answer.headers["content-disposition"]
    assert said == "attachment; filename=\"F_hn & co_x4.png\"; filename*=utf-8''F%C3%B6hn%20%26%20co_x4.png"


def test_the_only_file_of_a_form_is_taken_whatever_its_field_is_called(client, square):
    answer = client.post("/v1/upscale", files={"upload": ("a.png", square)}, data={"note": "hello"})
    assert opened(answer).size == (48, 40)


def test_a_picture_in_chunks_of_unknown_length_is_taken(client, square):
    answer = client.post("/v1/upscale", content=iter([square[:20], square[20:]]))
    assert opened(answer).size == (48, 40)


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ({}, (48, 40)),
        ({"scale": 2}, (24, 20)),
        ({"scale": 1.5}, (18, 15)),
        ({"width": 90}, (90, 75)),
        ({"width": 6}, (6, 5)),
    ],
)
def test_the_size_is_the_one_asked_for(client, square, wish, size):
    answer = client.post("/v1/upscale", params=wish, content=square)
    assert opened(answer).size == size
    assert answer.headers["x-srgan-size"] == "{}x{}".format(*size)


@pytest.mark.parametrize(
    ("name", "kind", "media"),
    [
        ("jpg", "JPEG", "image/jpeg"),
        ("webp", "WEBP", "image/webp"),
        ("avif", "AVIF", "image/avif"),
        ("tif", "TIFF", "image/tiff"),
        ("gif", "GIF", "image/gif"),
        ("bmp", "BMP", "image/bmp"),
        ("png", "PNG", "image/png"),
    ],
)
def test_every_format_goes_in_and_comes_out(client, name, kind, media, tmp_path):
    data = encoded(np.full((8, 9, 3), 90, np.uint8), f".{name}", tmp_path)
    answer = client.post("/v1/upscale", content=data)
    assert answer.headers["content-type"] == media
    result = opened(answer)
    assert (result.format, result.size) == (kind, (36, 32))
    asked = client.post(
        "/v1/upscale", params={"format": name}, content=encoded(np.zeros((4, 4, 1), np.uint8), ".png", tmp_path)
    )
    assert opened(asked).format == kind


def test_quality_makes_smaller_files(client, photo):
    sizes = [
        len(client.post("/v1/upscale", params={"format": "jpeg", "quality": q}, content=photo.read_bytes()).content)
        for q in (20, 95)
    ]
    assert sizes[0] < sizes[1] / 1.5


def test_sixteen_bits_gray_and_alpha_stay(client, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (6, 5, 2), dtype=np.uint16)
    answer = client.post("/v1/upscale", content=encoded(pixels, ".png", tmp_path))
    (tmp_path / "answer").write_bytes(answer.content)
    result = srgan.image.read(tmp_path / "answer").pixels
    assert (result.shape, result.dtype) == ((24, 20, 2), np.uint16)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_names_the_file_as_the_documentation_says(server, photo, tmp_path):
    command = ["curl", "-sS", "-F", f"image=@{photo}", f"{server.url}/v1/upscale", "-OJ"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=TIMEOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["F_hn & co_x4.png"]
    assert srgan.image.probe(tmp_path / "F_hn & co_x4.png").width == 240


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/cron.d/x.png", "a\x00b.png", "C:evil.png", "...", ""]
)
def test_file_names_are_no_paths(client, square, name):
    answer = client.post("/v1/upscale", files={"image": (name or "blob", square)})
    assert opened(answer).size == (48, 40)
    given = answer.headers["content-disposition"].partition("''")[2]
    assert re.fullmatch(r"[\w.%-]+_x4\.png", given), given
    assert not re.search(r"/|\\|%2F|%5C|%00|%3A", given, re.IGNORECASE)
    assert not given.startswith(".")
    plain = re.search(r'filename="([^"]*)"', answer.headers["content-disposition"])[1]
    assert re.fullmatch(r"[\w.-]+_x4\.png", plain, re.ASCII), plain


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"model": "esrgan"}, "there is no model 'esrgan' here: choose one of tiny-x4, nearest-x4"),
        ({"scale": 0.9}, "scale: input should be greater than or equal to 1"),
        ({"scale": 65}, "less than or equal to 64"),
        ({"scale": "nan"}, "finite number"),
        ({"scale": "large"}, "scale: input should be a valid number"),
        ({"width": 0}, "width: input should be greater than or equal to 1"),
        ({"scale": 2, "width": 100}, "scale and width each say how large the result is: give one of them"),
        ({"format": "psd"}, "format: input should be"),
        ({"quality": 101}, "less than or equal to 100"),
        ({"ticket": "short"}, "ticket: string should match"),
        ({"fidelty": 1}, "there is no parameter 'fidelty'"),
    ],
)
def test_a_wrong_parameter_is_named(client, square, wish, said):
    assert said in refused(client.post("/v1/upscale", params=wish, content=square), 422)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "the body is empty"), (b"dear diary", "it is not a picture"), (b"\x89PNG\r\n\x1a\n", "damaged, cut short")],
)
def test_what_is_no_picture_is_said(client, content, said):
    assert said in refused(client.post("/v1/upscale", content=content), 400 if not content else 422)


def test_forms_without_one_picture_are_refused(client, square):
    two = [("a", ("a.png", square)), ("b", ("b.png", square))]
    assert "2 pictures" in refused(client.post("/v1/upscale", files=two), 400)
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert "0 pictures" in refused(client.post("/v1/upscale", headers=form, content=b"--x--\r\n"), 400)
    refused(client.post("/v1/upscale", headers=form, content=b"--y\r\n\r\nnonsense"), 400)
    refused(client.post("/v1/upscale", headers={"content-type": "multipart/form-data"}, content=b"x"), 400)
    assert "empty (0 bytes)" in refused(client.post("/v1/upscale", files={"image": ("a.png", b"")}), 400)
    assert "holds no file" in refused(client.post("/v1/upscale", data={"image": "a.png"}), 400)


def test_limits_are_checked_before_anything_is_decoded(client, square, tmp_path):
    large = encoded(np.zeros((600, 600, 1), np.uint8), ".png", tmp_path)
    assert "600 x 600 pixels, 0.36 million, and the limit here is 0.30" in refused(
        client.post("/v1/upscale", content=large), 413
    )
    # The declared size alone is enough; without one, the bytes are counted.
    assert "larger than 2 MB" in refused(client.post("/v1/upscale", content=bytes(2_000_001)), 413)
    assert "larger than 2 MB" in refused(client.post("/v1/upscale", content=iter([bytes(1_000_000)] * 3)), 413)
    assert "result would have 100000 x" in refused(
        client.post("/v1/upscale", params={"width": 100_000}, content=square), 413
    )
    thin = encoded(np.zeros((2, 9000, 1), np.uint8), ".png", tmp_path)
    said = refused(client.post("/v1/upscale", params={"format": "webp"}, content=thin), 422)
    assert "WebP holds 16383 pixels a side" in said


def test_a_file_that_cannot_be_read_is_called_as_the_client_calls_it(client, photo):
    answer = client.post("/v1/upscale", files={"image": (photo.name, photo.read_bytes()[:-60])})
    assert f"cannot read '{photo.name}'" in refused(answer, 422)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_are_refused(client, kind):
    frames = [Image.new("RGB", (8, 8), (40 * i, 0, 0)) for i in range(3)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    assert "3 frames or pages" in refused(client.post("/v1/upscale", content=file.getvalue()), 422)


def test_other_methods_and_addresses_are_errors_of_the_same_kind(client):
    assert "method" in refused(client.get("/v1/upscale"), 405)
    assert "nothing here" in refused(client.get("/v2/upscale"), 404)
    assert "no such ticket" in refused(client.get("/v1/progress/never-sent"), 404)
    assert "nothing here" in refused(client.get("/static/../../../etc/passwd"), 404)
    assert "nothing here" in refused(client.get("/static/%2e%2e/%2e%2e/api.py"), 404)


# --- The other routes ------------------------------------------------------------------------------------------------


def test_models_and_limits_are_listed(client):
    body = client.get("/v1/models").json()
    assert [entry["name"] for entry in body["models"]] == ["tiny-x4", "nearest-x4"]
    assert all(entry["scale"] == 4 and entry["when"] for entry in body["models"])
    assert body["version"] == srgan.__version__
    limits = {"max_bytes": 2_000_000, "max_pixels": 300_000, "max_result_pixels": 4_800_000, "deadline": 1800.0}
    assert body["limits"] == limits


def test_the_server_says_that_it_lives(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def figure(client, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_metrics_count_requests_pixels_and_memory(client, square):
    names = [
        'srgan_requests_total{route="/v1/upscale",status="200"}',
        'srgan_requests_total{route="/v1/upscale",status="422"}',
        'srgan_requests_total{route="other",status="404"}',
        "srgan_pixels_total",
        "srgan_upscale_seconds_count",
    ]
    before = [figure(client, name) for name in names]
    client.post("/v1/upscale", content=square)
    client.post("/v1/upscale", content=b"nothing")
    client.get("/some/address/of/a/scanner")
    assert [figure(client, name) for name in names] == [
        b + more for b, more in zip(before, (1, 1, 1, 120, 1), strict=True)
    ]
    assert figure(client, "process_resident_memory_bytes") > 10e6
    assert figure(client, "srgan_queue_capacity") == 17
    assert figure(client, 'srgan_queue{state="computing"}') == 0
    assert "scanner" not in client.get("/metrics").text  # or anybody could fill the memory with labels


def test_the_documentation_names_no_other_host(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    own = [page.text, client.get("/").text]
    files = {name for text in own for name in re.findall(r'(?:src|href)="([^"#]+)"', text)}
    assert len(files) >= 5
    for name in files:
        assert not re.match(r"(https?:)?//", name), name
        if name.startswith(("static", "/static")):
            assert client.get("/" + name.lstrip("/")).status_code == 200, name
    assert client.get("/favicon.ico", follow_redirects=True).headers["content-type"].startswith("image/svg")
    schema = client.get("/openapi.json").json()
    assert {"/v1/upscale", "/v1/models", "/healthz", "/metrics"} <= set(schema["paths"])
    model = next(p for p in schema["paths"]["/v1/upscale"]["post"]["parameters"] if p["name"] == "model")
    assert model["schema"] == {"type": "string", "enum": ["tiny-x4", "nearest-x4"], "default": "tiny-x4"}
    answers = schema["paths"]["/v1/upscale"]["post"]["responses"]
    assert {"image/png", "image/jpeg"} <= set(answers["200"]["content"])
    assert list(answers["503"]["content"]) == ["application/json"]


# --- Other sites -----------------------------------------------------------------------------------------------------


def test_pages_of_other_sites_are_kept_out(client, square):
    foreign = {"origin": "https://example.org", "sec-fetch-site": "cross-site"}
    assert "--cors" in refused(client.post("/v1/upscale", headers=foreign, content=square), 403)
    answer = client.get("/v1/models", headers={"origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = client.options(
        "/v1/upscale", headers={"origin": "https://example.org", "access-control-request-method": "POST"}
    )
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]
