"""The server gives strangers nothing: other hosts, other sites, wrong tokens, malformed, oversized and slow requests."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.view import Session, ViewServer
from symnum.view.server import HEADERS, MOST_CONNECTIONS, REQUEST_BYTES, STATIC

from .conftest import Client, rod, served


def test_the_page_and_its_files_come_with_headers_that_close_it_off(client: Client) -> None:
    for name, (_, kind) in STATIC.items():
        status, body, headers = client.get(name)
        assert status == 200 and body and headers["content-type"] == kind
        assert {k.lower(): v for k, v in HEADERS}.items() <= headers.items()
        assert "set-cookie" not in headers and "server" not in headers and "access-control-allow-origin" not in headers
    policy = client.get("")[2]["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "unsafe" not in policy and "http" not in policy


def test_pages_hold_no_inline_script_and_name_no_other_machine() -> None:
    folder = Path(sn.__file__).parent / "view" / "static"
    assert {path.name for path in folder.iterdir()} == {file for file, _ in STATIC.values()}
    for path in folder.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|wss?://|//[\w-]+\.\w|\beval\b|Function\(|innerHTML|document\.write", text), (
            path.name
        )
    page = (folder / "index.html").read_text("utf-8")
    assert re.findall(r"<script[^>]*>(?!</script>)", page) == [] and not re.search(r"\son\w+=|\sstyle=|<style", page)


def test_the_socket_is_on_the_loopback_interface_and_the_token_is_long(client: Client) -> None:
    assert client.server.server_address[0] == "127.0.0.1"
    assert re.fullmatch(r"[\w-]{43}", client.server.token)  # 256 bits
    with ViewServer(client.server.session) as other:
        assert other.token != client.server.token and other.server_port != client.server.server_port


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "",
        lambda t: t[:-1],
        lambda t: t + "x",
        lambda t: t.swapcase(),
        lambda t: "x" * 43,
        lambda t: f"%{t[1:]}",
    ],
)
@pytest.mark.parametrize("name", ["", "view.js", "api/about", "nothing"])
def test_other_tokens_get_nothing(client: Client, change: object, name: str) -> None:
    assert callable(change)
    status, body, _ = client.send("GET", f"/{change(client.server.token)}/{name}")
    assert status == 403 and client.server.token.encode() not in body
    assert "token" in json.loads(body)["error"]


def test_without_a_token_nothing_is_done(client: Client) -> None:
    for path in ("/", "/view.js", "/api/about", "//", "/favicon.ico", "/?token=x", "/open/", "/open/x"):
        assert client.send("GET", path)[0] == 403, path
    assert client.send("POST", "/api/solve", b"{}", Content_Type="application/json")[0] == 403
    assert client.send("POST", f"/x/{client.server.token}/api/solve", b"{}", Content_Type="application/json")[0] == 403


def test_a_browser_is_led_to_the_page_once(client: Client) -> None:
    path = "/open/" + client.server.opening.rpartition("/")[2]
    assert client.server.token not in path
    status, _, headers = client.send("GET", path)
    assert status == 303 and headers["location"] == f"/{client.server.token}/"
    assert client.send("GET", path)[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "0.0.0.0:{port}",
        "[::1]:{port}",
        "127.0.0.1:{port}@evil.example",
        "",
    ],
)
def test_other_hosts_get_nothing(client: Client, host: str) -> None:
    status, body, _ = client.send(
        "GET", f"/{client.server.token}/api/about", Host=host.format(port=client.server.server_port)
    )
    assert status == 403 and b"answers to" in body


def test_its_own_names_are_answered_and_two_hosts_are_not(client: Client) -> None:
    port, path = client.server.server_port, f"/{client.server.token}/api/about"
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
        assert client.send("GET", path, Host=host)[0] == 200
    ask = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n"
    assert client.raw(ask.encode()).startswith(b"HTTP/1.1 403")
    assert client.raw(f"GET {path} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 403")
    assert b"runs" not in client.raw(f"GET {path}\r\n\r\n".encode())  # HTTP/0.9 has no Host


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:1",
        "http://127.0.0.1:{port}.evil.example",
        "",
    ],
)
def test_other_sites_get_nothing(client: Client, origin: str) -> None:
    text = origin.format(port=client.server.server_port)
    assert client.send("GET", f"/{client.server.token}/api/about", Origin=text)[0] == 403
    assert (
        client.send("POST", f"/{client.server.token}/api/cancel", b"{}", Origin=text, Content_Type="application/json")[
            0
        ]
        == 403
    )


def test_what_the_browser_says_of_the_sender_counts(client: Client) -> None:
    path = f"/{client.server.token}/"
    assert client.send("GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert client.send("GET", path, Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors")[0] == 403
    assert (
        client.send("GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    )  # a link that was followed
    assert client.send("GET", path, Sec_Fetch_Site="same-origin", Origin=f"http://{client.host}")[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "../server.py",
        "..%2fserver.py",
        "static/../server.py",
        "%2e%2e/server.py",
        "/etc/passwd",
        "....//server.py",
        "view.js/",
        "view.js%00",
        "VIEW.JS",
        "server.py",
        "static/view.js",
        "api",
        "api/",
        "api/../view.js",
        "api/__init__",
        "api/_solve",
        "api/gets",
        "api/solve",
        "\\..\\server.py",
    ],
)
def test_only_what_is_in_the_table_is_served(client: Client, name: str) -> None:
    status, body, _ = client.get(name)
    assert status == 404 and b"import" not in body and b"root:" not in body


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    status, _, headers = client.send(method, f"/{client.server.token}/api/about")
    assert status == 405 and headers["allow"] == "GET, POST" and "access-control-allow-methods" not in headers
    assert client.send("BREW", f"/{client.server.token}/")[0] == 501


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"]
)
def test_forms_of_other_sites_are_not_understood(client: Client, kind: str) -> None:
    assert client.send("POST", f"/{client.server.token}/api/cancel", b"{}", Content_Type=kind)[0] == 415


# --- what is sent to solve ---------------------------------------------------------------------------------------

NO_JSON = [
    "",
    "{",
    "nonsense",
    '{"parameters": {"D": NaN}}',
    '{"parameters": {"D": -Infinity}}',
    '{"parameters": {"D": 1}} x',
    "\ud800".encode("utf-8", "surrogatepass"),
    '{"parameters": {"D": 1, "D": 2}}',
    '{"parameters": {}, "parameters": {}}',
    b"\xff\xfe{\x00}\x00",
    "[" * 60_000,
    '{"a":' * 10_000,
]
WRONG = [
    "[]",
    "null",
    "1",
    '"D"',
    "{}",
    '{"parameters": null}',
    '{"parameters": []}',
    '{"parameters": {"D": 1}, "options": {}}',
    '{"model": "x"}',
]


@pytest.mark.parametrize("body", [*NO_JSON, *WRONG], ids=range(len(NO_JSON) + len(WRONG)))
def test_what_is_no_wish_is_refused(client: Client, body: str | bytes) -> None:
    status, said = client.post("solve", body)
    assert status == 400 and len(said["error"]) > 10
    assert client.json("job") == {"job": None}


@pytest.mark.parametrize(
    "value",
    ["__import__('os').system('touch x')", "1", "D", "", None, True, [1], {"D": 1}, "1e999", "exp(1)"],
)
def test_a_parameter_is_a_number_and_text_is_never_evaluated(
    client: Client, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = client.post("solve", {"parameters": {"D": value}})
    assert status == 422 and "finite number" in said["error"] and list(tmp_path.iterdir()) == []
    assert client.json("job") == {"job": None}


@pytest.mark.parametrize("number", ["1e999", "-1e400", "1" + "0" * 400])
def test_numbers_beyond_all_floats_are_refused(client: Client, number: str) -> None:
    status, said = client.post("solve", f'{{"parameters": {{"D": {number}}}}}')
    assert status == 422 and "finite number" in said["error"]


@pytest.mark.parametrize("name", ["E", "", "self", "__class__", "parameters", "D; import os", "d" * 5000, "🦄"])
def test_unknown_parameters_are_named(client: Client, name: str) -> None:
    status, said = client.post("solve", {"parameters": {name: 1.0}})
    assert status == 404 and "no parameter" in said["error"] and "D" in said["error"]


def test_the_size_of_a_request_is_limited(client: Client) -> None:
    body = json.dumps({"parameters": {f"D{k}": 1.0 for k in range(20_000)}})
    status, said = client.post("solve", body)
    assert status == 413 and "65536" in said["error"]
    path = f"/{client.server.token}/api/solve"
    ask = f"POST {path} HTTP/1.1\r\nHost: {client.host}\r\nContent-Type: application/json\r\n"
    for length in ("-1", "1e3", "0x10", "+5", "9" * 30, "5, 5", "٣", "1\r\nContent-Length: 2"):
        got = client.raw(f"{ask}Content-Length: {length}\r\n\r\n".encode())
        assert re.match(rb"HTTP/1.1 4(00|13) ", got), (length, got[:40])
    chunked = client.raw(f"{ask}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode())
    assert chunked.startswith(b"HTTP/1.1 411") and chunked.count(b"HTTP/1.1") == 1
    assert client.raw(f"{ask}Content-Length: 50\r\n\r\n{{}}".encode()).startswith(b"HTTP/1.1 400")  # ends early


@pytest.mark.parametrize(
    "query",
    [
        "",
        "run=0",
        "run=0&field=0&start=0&count=1",
        "run=-1&field=0&start=0&count=1&most=5",
        "run=0&field=1&start=0&count=1&most=5",
        "run=0&field=0&start=101&count=1&most=5",
        "run=0&field=0&start=0&count=1e3&most=5",
        "run=0&field=u&start=0&count=1&most=5",
        "run=0&run=0&field=0&start=0&count=1&most=5",
        "run=0&field=0&start=0&count=1&most=99999",
        "run=٠&field=0&start=0&count=1&most=5",
        "run=0&field=0x0&start=0&count=1&most=5",
        "run=0;field=0",
        "&&&",
        "=",
        "a=1&" * 50,
        "run=0&field=0&start=0&count=1&most=" + "9" * 5000,
    ],
)
def test_questions_are_whole_numbers_in_range(client: Client, query: str) -> None:
    from urllib.parse import quote

    status, body, _ = client.get(f"api/frames?{quote(query, safe='&=;')}")
    assert status == 400 and json.loads(body)["error"]


def test_names_in_questions_are_looked_up_in_lists(client: Client) -> None:
    for question in (
        "coordinate?run=0&name=y",
        "coordinate?run=0&name=u",
        "colours?map=__class__",
        "colours?map=../x",
        "about/x",
        "curves",
    ):
        assert client.get(f"api/{question}")[0] in (400, 404), question
    assert client.get("api/curves?run=0&fields=0")[0] == 422  # it depends on place
    assert client.get(f"api/curves?run=0&fields={','.join('0' * 65)}")[0] == 400
    assert client.get("api/curves?run=0&fields=")[0] == 400
    assert client.get("api/frames?run=7&field=0&start=0&count=1&most=5")[0] == 410


# --- bytes that are hardly HTTP ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 5000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / FTP/1.1\r\n\r\n",
        b"\r\n" * 100,
        b"A" * 70_000,
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 80_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n: nameless\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=range(12),
)
def test_garbage_is_refused_and_the_server_lives_on(
    client: Client, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        got = client.raw(data)
    except ConnectionError:  # closed while we were still sending
        got = b""
    assert b" 200 " not in got and b"Traceback" not in got and client.server.token.encode() not in got
    assert client.get("api/job")[0] == 200
    assert capfd.readouterr().err == ""


@settings(max_examples=40)
@given(head=st.binary(max_size=60), tail=st.binary(max_size=300))
def test_any_bytes_get_no_data(client: Client, head: bytes, tail: bytes) -> None:
    for data in (head + tail, b"GET /" + head + b" HTTP/1.1\r\n" + tail + b"\r\n\r\n"):
        try:
            got = client.raw(data)
        except ConnectionError:
            got = b""
        assert not re.match(rb"HTTP/1\.\d [23]", got)


def test_garbage_behind_a_good_request_ends_the_connection(client: Client) -> None:
    good = f"GET /{client.server.token}/api/job HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode()
    two = client.raw(good + good)
    assert two.count(b"HTTP/1.1 200") == 2  # pipelined as HTTP allows
    mixed = client.raw(good + b"\x00\x01 garbage\r\n\r\n" + good)
    assert mixed.count(b" 200 ") == 1 and mixed.count(b"HTTP/1.1") == 2
    smuggled = client.raw(
        f"POST /{client.server.token}/api/cancel HTTP/1.1\r\nHost: {client.host}\r\nContent-Type: text/plain\r\nContent-Length: 400\r\n\r\n".encode()
        + good
    )
    assert smuggled.count(b"HTTP/1.1") == 1 and smuggled.startswith(b"HTTP/1.1 415")


def test_slow_clients_are_left_and_others_served(solution: sn.Solution) -> None:
    """Bytes that trickle do not keep a connection open: the time of a request counts from its first byte that is waited for."""
    with served(Session.of_solution(solution), request_seconds=0.6) as client:
        good = f"GET /{client.server.token}/api/job HTTP/1.1\r\nHost: {client.host}\r\n".encode()
        with closing(socket.create_connection(("127.0.0.1", client.server.server_port), timeout=20)) as slow:
            slow.sendall(good)
            ended = threading.Event()

            def trickle() -> None:
                while not ended.wait(0.05):
                    try:
                        slow.sendall(b"x: y\r\n")
                    except OSError:
                        return

            thread = threading.Thread(target=trickle)
            thread.start()
            try:
                assert client.get("api/job")[0] == 200  # meanwhile
                with suppress(ConnectionResetError):
                    assert slow.recv(1000) == b""  # closed without an answer
            finally:
                ended.set()
                thread.join()


def test_too_many_connections_at_once_are_closed(solution: sn.Solution) -> None:
    with served(Session.of_solution(solution), request_seconds=20.0) as client, ExitStack() as stack:
        waiting = [
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", client.server.server_port), timeout=20)))
            for _ in range(MOST_CONNECTIONS)
        ]
        one_more = stack.enter_context(
            closing(socket.create_connection(("127.0.0.1", client.server.server_port), timeout=20))
        )
        assert one_more.recv(10) == b""
        for connection in waiting:
            connection.close()
        deadline = time.monotonic() + 20
        while True:  # their threads need a moment to see it
            try:
                assert client.get("api/job")[0] == 200
                return
            except (ConnectionError, OSError):
                assert time.monotonic() < deadline


def test_endless_headers_are_cut_off(client: Client) -> None:
    with closing(socket.create_connection(("127.0.0.1", client.server.server_port), timeout=20)) as connection:
        connection.sendall(f"GET /{client.server.token}/ HTTP/1.1\r\n".encode())
        try:
            for k in range(4 * REQUEST_BYTES // 30_000):
                connection.sendall(b"x%d: " % k + b"y" * 30_000 + b"\r\n")
            got = connection.recv(100)
        except ConnectionError:
            got = b""
    assert b" 200 " not in got


def test_a_port_that_is_taken_is_named(client: Client, tmp_path: Path) -> None:
    from symnum.cli import main

    path = sn.solve(rod(), resolution=8).save(tmp_path / "run.nc")
    assert main(["view", str(path), "--no-browser", "--port", str(client.server.server_port)]) == 2
