"""A small OPTIMADE database on loopback: ``/v1/info``, ``/v1/structures`` and ``/v1/structures/ID``, and how they fail.

The answers have the form of specification 1.2: ``{"data", "meta", "links"}`` with entries of ``id``, ``type`` and
``attributes``; ``response_fields`` and a filter for one formula are understood.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pymatgen.core import Structure

INFO = {"api_version": "1.2.0", "license": "https://example.org/licence.html", "available_licenses": ["CC0-1.0"]}


def attributes(structure: Structure, **changes: Any) -> dict[str, Any]:
    """Of an entry of this crystal, as the specification has them."""
    names = sorted({site.specie.symbol for site in structure})
    reduced = structure.composition.as_reduced_dict()
    formula = "".join(f"{name}{int(n) if n > 1 else ''}" for name, n in sorted(reduced.items()))
    plain = {
        "lattice_vectors": structure.lattice.matrix.tolist(),
        "cartesian_site_positions": structure.cart_coords.tolist(),
        "species": [
            {"name": name, "chemical_symbols": [name], "concentration": [1.0], "mass": None, "attached": None}
            for name in names
        ],
        "species_at_sites": [site.specie.symbol for site in structure],
        "nsites": len(structure),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "structure_features": [],
        "chemical_formula_reduced": formula,
        "last_modified": "2024-05-06T07:08:09Z",
        "elements": names,
    }
    return plain | changes


class OptimadeServer:
    """Entries by their id; `faults` by ``"info"``, ``"structures"`` (the list) and ``"entry"``.

    A fault is a status, bytes sent as they are, ``"silence"``, ``"drip"``, ``"close"``, or an address to lead to.
    """

    def __init__(self, entries: dict[str, dict[str, Any]], faults: dict[str, Any] | None = None) -> None:
        self.entries, self.faults = entries, faults or {}
        self.info: dict[str, Any] = dict(INFO)
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stopped = threading.Event()
        self.base = ""

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Status and body."""
        if path == "info":
            return 200, {"data": {"type": "info", "id": "/", "attributes": self.info}, "meta": meta(1)}
        fields = query["response_fields"].split(",")
        if path == "structures":
            wanted = re.fullmatch(r'chemical_formula_reduced="(\w+)"', query["filter"])
            assert wanted, query["filter"]
            found = [name for name, one in self.entries.items() if one["chemical_formula_reduced"] == wanted[1]]
            shown = found[: int(query["page_limit"])]
            return 200, {"data": [self._entry(name, fields) for name in shown], "meta": meta(len(found), len(shown))}
        name = unquote(path.removeprefix("structures/"))
        return 200, {"data": self._entry(name, fields) if name in self.entries else None, "meta": meta(1)}

    def _entry(self, name: str, fields: list[str]) -> dict[str, Any]:
        given = {field: value for field, value in self.entries[name].items() if field in fields}
        return {"type": "structures", "id": name, "attributes": given}


def meta(found: int, sent: int | None = None) -> dict[str, Any]:
    """Of an answer."""
    more = sent is not None and sent < found
    return {
        "api_version": "1.2.0",
        "data_returned": found,
        "more_data_available": more,
        "query": {"representation": "/"},
    }


@contextmanager
def running(server: OptimadeServer) -> Iterator[OptimadeServer]:
    """The server at its `base`, until the end of the ``with`` block."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    server.base = f"http://127.0.0.1:{http.server_port}/optimade"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(server: OptimadeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix("/optimade/v1/")
            server.asked.append(path)
            server.headers.append(dict(self.headers))
            fault = server.faults.get(path if path in ("info", "structures") else "entry")
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            if fault is None:
                status, body = server.answer(path, query)
                self._send(status, json.dumps(body).encode())
            elif isinstance(fault, int):
                self._send(fault, json.dumps({"errors": [{"detail": "no luck"}], "meta": {}}).encode())
            elif isinstance(fault, bytes):
                self._send(200, fault)
            elif fault.startswith("http"):
                self.send_response(302)
                self.send_header("Location", fault + (f"?{url.query}" if "again" not in fault else ""))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif fault != "close":
                self._hang(drip=fault == "drip")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.api+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _hang(self, *, drip: bool) -> None:
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: " if drip else b"")
                while not server.stopped.wait(0.1):
                    self.wfile.write(b"x" if drip else b"")
            except OSError:
                pass  # the other side is gone, as it should be

    return Handler
