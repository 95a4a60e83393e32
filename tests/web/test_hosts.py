"""Which names the server answers for, and which pages: DNS rebinding, foreign origins, framing."""

from urllib.parse import urlsplit

import httpx
import pytest

from srgan.web.hosts import Hosts, is_host, parse
from support.server import answer_of, connect, serving

TIMEOUT = 300
ROUTES = ("/", "/docs", "/openapi.json", "/healthz", "/metrics", "/v1/models", "/static/page.js", "/nothing")


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        yield client


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_answers_for_another_name(client, route):
    assert client.get(route, headers={"host": "localhost"}).status_code in (200, 404)
    answer = client.get(route, headers={"host": f"evil.example:{urlsplit(str(client.base_url)).port}"})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["detail"]


def test_a_picture_is_not_enlarged_for_another_name(client):
    answer = client.post("/v1/upscale", headers={"host": "evil.example"}, content=b"P5 1 1 255\n\0")
    assert answer.status_code == 421
    asked = client.options("/v1/upscale", headers={"host": "evil.example", "origin": "http://evil.example"})
    assert asked.status_code == 421


OURS = (
    "localhost",
    "LOCALHOST:7860",
    "localhost.",
    "localhost.:80",
    "127.0.0.1:1",
    "127.8.9.1",
    "[::1]:7860",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
)
OTHERS = (
    "",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:99999",
    "localhost:7860:1",
    "localhost evil.example",
    "localhost/",
    "localhost..",
    "::1",
    "[::1",
    "[::2]",
    "[localhost]",
    "192.168.1.5",
    "0.0.0.0",
    "2130706433",
    "xn--localhost-",
    "loc\u0430lhost",  # with a Cyrillic letter
)


@pytest.mark.parametrize("host", OURS)
def test_the_loopback_interface_is_ours_however_it_is_written(server, host):
    assert b" 200 " in answer_of(connect(server, f"GET /healthz HTTP/1.1\nHost: {host}\n\n"))


@pytest.mark.parametrize("host", OTHERS)
def test_what_only_looks_like_it_is_not(server, host):
    answer = answer_of(connect(server, f"GET /healthz HTTP/1.1\nHost: {host}\n\n"))
    assert b" 421 " in answer or b" 400 " in answer


def test_a_target_with_a_host_counts_as_well(server):
    ours = "GET http://LOCALHOST:1/healthz?a HTTP/1.1\nHost: localhost\n\n"
    assert answer_of(connect(server, ours)).startswith(b"HTTP/1.1 200")
    for target, host in (
        ("http://evil.example/healthz", "localhost"),
        ("http://localhost/healthz", "evil.example"),
        ("https://evil.example", "localhost"),
        ("HTTP://localhost@evil.example/healthz", "localhost"),
        ("http:///healthz", "localhost"),
    ):
        assert b" 421 " in answer_of(connect(server, f"GET {target} HTTP/1.1\nHost: {host}\n\n"))


def test_without_a_name_and_with_two_there_is_no_answer(server):
    assert b" 421 " in answer_of(connect(server, "GET /healthz HTTP/1.0\n\n"))
    two = "GET /healthz HTTP/1.1\nHost: localhost\nHost: evil.example\n\n"
    assert b" 400 " in answer_of(connect(server, two))


def test_a_web_socket_is_not_opened(server):
    head = "GET /healthz HTTP/1.1\nHost: {}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
    head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"
    assert b" 200 " in answer_of(connect(server, head.format("localhost")))  # as if it had not asked for one
    assert b" 421 " in answer_of(connect(server, head.format("evil.example")))
    assert "WebSocket" not in server.errors


def test_the_operator_adds_names(models):
    more = ("--allow-host", "Pictures.Example.", "--allow-host", "fd00::5")
    with serving(*models, *more) as server, httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        for host in ("pictures.example:443", "PICTURES.example.", "[fd00:0::5]", "localhost"):
            assert client.get("/healthz", headers={"host": host}).status_code == 200
        for host in ("example", "a.pictures.example", "[fd00::6]"):
            assert client.get("/healthz", headers={"host": host}).status_code == 421


def test_all_addresses_are_ours_where_all_are_listened_on():
    hosts = Hosts.of("0.0.0.0", ["box.local"])
    ours = ("192.168.1.5", "fe80::1", "127.0.0.1", "localhost", "box.local", "0.0.0.0")
    assert [host for host in ours if not hosts.include(host)] == []
    assert not hosts.include("evil.example")
    assert Hosts.of("192.168.1.5").include("192.168.1.5")
    assert Hosts.of("192.168.1.5").include("::ffff:c0a8:105")
    assert not Hosts.of("192.168.1.5").include("192.168.1.6")
    assert Hosts.of("127.0.0.1", ["*"]).include("evil.example")


def test_names_in_other_letters_are_compared_as_browsers_send_them():
    assert Hosts.of("127.0.0.1", ["bücher.example"]).include("xn--bcher-kva.example")
    assert parse("[::0001]:80") == ("::1", 80)
    assert [text for text in ("*", "a.example", "::1", "[::1]", "10.0.0.1") if not is_host(text)] == []
    assert [text for text in ("http://a", "a:80", "[::1]:80", "a/b", "", "a b", "a@b", "a:") if is_host(text)] == []


# --- Pages of other origins ------------------------------------------------------------------------------------------


def asked(client, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/v1/models", headers=headers).status_code


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost:1", "http://127.0.0.1", "file://", "http://[::1", "http://"],
)
def test_a_foreign_origin_decides_where_the_browser_says_nothing_else(client, origin):
    assert asked(client, origin=origin) == 403
    answer = client.post("/v1/upscale", headers={"origin": origin}, content=b"P5 1 1 255\n\0")
    assert answer.status_code == 403
    assert asked(client, origin=origin, sec_fetch_site="cross-site") == 403
    assert asked(client, origin=origin, sec_fetch_site="same-site") == 403


def test_our_own_pages_are_let_in(client):
    own = str(client.base_url).rstrip("/")
    assert asked(client) == 200
    assert asked(client, origin=own) == 200
    assert asked(client, origin=own, sec_fetch_site="same-origin") == 200
    assert asked(client, sec_fetch_site="none") == 200
    # Behind a proxy that adds TLS, the browser's word counts, and the default port is left out.
    assert asked(client, origin="https://localhost", host="localhost") == 200
    assert asked(client, origin="https://localhost:443", host="LOCALHOST.") == 200
    assert asked(client, origin="https://localhost", host="localhost:7860") == 403
    assert asked(client, origin="https://elsewhere", host="localhost:7860", sec_fetch_site="same-origin") == 200


# --- Framing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [*ROUTES, "/static/icon.svg", "/favicon.ico", "/static/swagger/swagger-ui.css"])
def test_no_answer_may_be_framed(client, route):
    answer = client.get(route)
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_results_may_not_be_framed_either(client):
    answer = client.post("/v1/upscale", content=b"P5 1 1 255\n\0")
    assert answer.status_code == 200
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
