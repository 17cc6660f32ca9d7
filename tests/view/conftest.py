"""A server of a run in this process, and what a client of any manners can send to it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.view import Session, ViewServer
from tests.browser import browser as browser  # a fixture of the tests here


@dataclass
class Client:
    """Asks a server; by default as its own page does."""

    server: ViewServer

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer to a path of the server, token included by the caller."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)) as connection:
            given = {k.replace("_", "-"): v for k, v in headers.items()}
            connection.request(method, path, body, given)
            reply = connection.getresponse()
            return reply.status, reply.read(), {k.lower(): v for k, v in reply.getheaders()}

    def get(self, name: str) -> tuple[int, bytes, dict[str, str]]:
        return self.send("GET", f"/{self.server.token}/{name}")

    def json(self, name: str) -> Any:
        status, body, _ = self.get(f"api/{name}")
        assert status == 200, body
        return json.loads(body)

    def post(self, name: str, body: bytes | str | object) -> tuple[int, Any]:
        """Status and JSON of the answer; ``body``: text as it is, other values as JSON."""
        data = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        status, text, _ = self.send("POST", f"/{self.server.token}/api/{name}", data, Content_Type="application/json")
        return status, json.loads(text)

    def numbers(self, name: str, dtype: str = "<f4") -> np.ndarray:
        status, body, headers = self.get(f"api/{name}")
        assert status == 200, body
        return np.frombuffer(body, dtype).reshape([int(n) for n in headers["symnum-shape"].split(",")])

    def raw(self, data: bytes, seconds: float = 20.0) -> bytes:
        """All that comes back on a connection of its own after these bytes, until the server closes it."""
        with closing(socket.create_connection(("127.0.0.1", self.server.server_port), timeout=seconds)) as connection:
            connection.sendall(data)
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def solved(self, job: int) -> dict[str, Any]:
        """The job once it has ended."""
        solving = self.server.session.solving
        assert solving is not None and solving.job is not None and solving.job.number == job
        assert solving.job.ended.wait(60)
        told = solving.about()
        assert told is not None
        return told


@contextmanager
def served(session: Session, **options: Any) -> Iterator[Client]:
    """A server of the session while the block runs."""
    server = ViewServer(session, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Client(server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        session.close()


def rod(**values: float) -> sn.PDESystem:
    """Heat in a rod: u = exp(-D pi^2 t) sin(pi x)."""
    model = sn.PDESystem.from_text(
        equations=["dt(u) = D*dxx(u)"],
        domain={"t": (0, 0.1), "x": (0, 1)},
        conditions=["u = 0 @ x=0", "u = 0 @ x=1"],
        initial=["u = sin(pi*x)"],
        parameters={"D": 1.0},
    )
    return model.with_parameters(**values)


@pytest.fixture(scope="package")
def solution() -> sn.Solution:
    return sn.solve(rod(), resolution=16)


@pytest.fixture(scope="package")
def client(solution: sn.Solution) -> Iterator[Client]:
    """A client of the rod, for tests that change nothing."""
    with served(Session.of_solution(solution)) as made:
        yield made
