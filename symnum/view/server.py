"""HTTP for one reader on this machine: [bytes] -> [bytes].

A page of another site, another user of the machine, and a program that does not speak HTTP well must get nothing:

- the socket listens on 127.0.0.1 alone; the port is chosen by the system;
- every address begins with a token of 256 random bits, compared in constant time; there are no cookies, so no other page can borrow them;
- the Host header must be this server's own (a name that was made to point here, DNS rebinding, is refused), and so must Origin where it is sent;
- a request has a size and a time in which it must have arrived; so has a reply; and only so many are served at once;
- files are entries of a table, never paths; the page may load nothing from elsewhere and run no inline script.
"""

from __future__ import annotations

import hmac
import io
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from symnum.view.api import LARGEST_BODY, Api, Refused, Reply, as_json
from symnum.view.session import Session

HOST = "127.0.0.1"
REQUEST_SECONDS = 10.0  # for a request to arrive, from the first byte that is waited for
REPLY_SECONDS = 60.0
REQUEST_BYTES = LARGEST_BODY + 32 * 1024  # body and headers
MOST_CONNECTIONS = 32

STATIC = {  # address -> (file, media type)
    "": ("index.html", "text/html; charset=utf-8"),
    "view.css": ("view.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    **{
        f"{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("view", "data", "draw", "scene", "panel")
    },
}
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class ViewServer(ThreadingHTTPServer):
    """Serves a session until ``shutdown``. ``address``: where the page is, token included.

    ``port``: 0 lets the system choose. OSError where the port is taken. ``request_seconds``: how long a request may take to arrive.
    """

    daemon_threads = True
    request_queue_size = 2 * MOST_CONNECTIONS
    allow_reuse_address = False  # on some systems it would let a second program listen on our port

    def __init__(self, session: Session, port: int = 0, request_seconds: float = REQUEST_SECONDS) -> None:
        self.session, self.api, self.request_seconds = session, Api(session), request_seconds
        self.token = secrets.token_urlsafe(32)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._once = secrets.token_urlsafe(16)
        super().__init__((HOST, port), _Handler)
        self.names = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def address(self) -> str:
        """The page, for the person at this machine alone."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def opening(self) -> str:
        """An address that leads to the page once. A browser is started with this one: other users can see the arguments of programs."""
        return f"http://{HOST}:{self.server_port}/open/{self._once}"

    def opened_by(self, code: str) -> bool:
        """Whether this is the code of ``opening``, which is thereby used up."""
        good = hmac.compare_digest(code.encode(), self._once.encode())
        if good:
            self._once = secrets.token_urlsafe(16)
        return good

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread, unless too many are at work: then the connection is closed at once."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is its reader's affair and no news for the terminal."""


class _Arriving(io.RawIOBase):
    """What a client sends, until its time or its size is used up: then TimeoutError, and the connection ends."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.until, self.left = 0.0, 0

    def begin(self, seconds: float, size: int) -> None:
        self.until, self.left = time.monotonic() + seconds, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        rest = self.until - time.monotonic()
        if rest <= 0 or self.left <= 0:
            raise TimeoutError("the request did not arrive in time, or is too long")
        self.connection.settimeout(rest)
        count = self.connection.recv_into(memoryview(buffer)[: self.left])
        self.left -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self._arriving = _Arriving(self.connection)
        self.rfile = io.BufferedReader(self._arriving, 8192)

    def handle_one_request(self) -> None:
        self._arriving.begin(self.server.request_seconds, REQUEST_BYTES)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _other(self) -> None:
        self._send(
            Reply(
                405, "text/plain; charset=utf-8", b"Only GET and POST are answered here.\n", (("Allow", "GET, POST"),)
            ),
            last=True,
        )

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _other

    # --- checks ------------------------------------------------------------------------------------------------

    def _answer(self, ask: Any) -> None:
        try:
            self._check_sender()
            reply, last = ask(), False
        except Refused as refused:
            reply, last = as_json({"error": str(refused)}, refused.status), True  # a body may not have been read: close
        except TimeoutError:
            raise
        except MemoryError:
            reply, last = as_json({"error": "this answer needs more memory than there is"}, 500), True
        except Exception as error:
            text = f"an error that symnum did not foresee, {type(error).__name__}: {error}"
            reply, last = as_json({"error": text}, 500), True
        self._send(reply, last)

    def _check_sender(self) -> None:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.names:
            port = self.server.server_port
            raise Refused(
                403,
                f"this server answers to {HOST}:{port} alone; from another machine: ssh -L {port}:{HOST}:{port} THIS_MACHINE",
            )
        origins = self.headers.get_all("Origin") or []
        if any(origin not in {f"http://{name}" for name in self.server.names} for origin in origins):
            raise Refused(403, "pages of other sites get no answer here")
        from_elsewhere = self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
        if from_elsewhere and self.headers.get("Sec-Fetch-Mode") != "navigate":  # a link with the token may be followed
            raise Refused(403, "pages of other sites get no answer here")
        if "Transfer-Encoding" in self.headers:
            raise Refused(411, "the length of a request must be told in Content-Length")

    def _route(self) -> tuple[str, str]:
        """(what is asked for, query) behind the token. Refused with 403 for any other token."""
        path, _, query = self.path.partition("?")
        parts = path.split("/", 2)
        given = parts[1] if len(parts) > 1 and not parts[0] else ""
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.server.token.encode()):
            raise Refused(403, "this is not the address that symnum printed; its token is missing or wrong")
        if len(parts) < 3:
            raise Refused(404, "the address of the page ends in /")
        return parts[2], query

    # --- answers -----------------------------------------------------------------------------------------------

    def _get(self) -> Reply:
        if self._length():
            raise Refused(400, "GET has no body")
        if self.path.startswith("/open/") and self.server.opened_by(self.path.removeprefix("/open/")):
            return Reply(303, "text/plain; charset=utf-8", b"", (("Location", f"/{self.server.token}/"),))
        name, query = self._route()
        if name.startswith("api/"):
            return self.server.api.get(name.removeprefix("api/"), query)
        if name not in STATIC:
            raise Refused(404, f"there is nothing named {name[:40]!r} here")
        file, kind = STATIC[name]
        return Reply(200, kind, files("symnum.view").joinpath("static", file).read_bytes())

    def _post(self) -> Reply:
        name, query = self._route()
        if not name.startswith("api/") or query:
            raise Refused(404, f"nothing can be sent to {name[:40]!r}")
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # a form of another site could be sent as text or as a form, but not as this
            raise Refused(415, "requests are sent as application/json")
        length = self._length()
        if length > LARGEST_BODY:
            raise Refused(413, f"the request is longer than {LARGEST_BODY} bytes")
        body = self.rfile.read(length)
        if len(body) < length:
            raise Refused(400, "the request ends early")
        return self.server.api.post(name.removeprefix("api/"), body)

    def _length(self) -> int:
        told = self.headers.get_all("Content-Length") or ["0"]
        if len(told) != 1 or not told[0].strip().isdecimal() or not told[0].isascii() or len(told[0]) > 12:
            raise Refused(400, "Content-Length must be one whole number")
        return int(told[0])

    # --- bytes out ---------------------------------------------------------------------------------------------

    def _send(self, reply: Reply, last: bool = False) -> None:
        self.close_connection = self.close_connection or last
        if self.request_version == "HTTP/0.9":  # it would get a body alone, without a status
            self.request_version = "HTTP/1.0"
        self.connection.settimeout(REPLY_SECONDS)
        self.send_response_only(reply.status)
        for key, value in (*HEADERS, *reply.headers):
            self.send_header(key, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parser of the requests refuses: malformed lines, headers that are too long or too many."""
        if not hasattr(self, "command"):
            self.command = ""
        self._send(as_json({"error": message or "this request cannot be understood"}, code), last=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the addresses hold the token."""
