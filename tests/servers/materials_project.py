"""A small Materials Project on loopback: heartbeat, core and summary over real HTTP, and the ways in which they fail.

The wire format is that of api.materialsproject.org as its client mp-api 0.46 uses it: ``GET /heartbeat`` without a
key, ``GET /materials/core/`` and ``GET /materials/summary/`` with the header ``x-api-key``, comma-separated ids,
``_fields``, and ``{"data": [...], "meta": {"total_doc": n}}`` as the answer.
"""

from __future__ import annotations

import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pymatgen.core import Composition, Structure

KEY = "Kq7TzW3nVbX9cR5yLm2HsD8fGj4PaE6u"
DB_VERSION = "2025.9.25"
HTML = b"<html><head><style>p {}</style></head><body><p>Welcome to <b>Hotel WiFi</b>, please log in</p></body></html>"


def material(material_id: str, structure: Structure, **changes: Any) -> dict[str, Any]:
    """One record of the database, as /materials/summary/ holds it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        symbol, number = structure.get_space_group_info(symprec=0.1)
    record = {
        "material_id": material_id,
        "formula_pretty": structure.composition.reduced_formula,
        "symmetry": {"symbol": symbol, "number": number},
        "energy_above_hull": 0.0,
        "theoretical": False,
        "deprecated": False,
        "deprecation_reasons": None,
        "builder_meta": {"license": "BY-C"},
        "task_ids": [material_id],
        "structure": structure.as_dict(),
    }
    return {**record, **changes}


class MaterialsProjectServer:
    """Serves `materials` from entering until leaving the ``with`` block.

    Parameters
    ----------
    materials
        Records of `material`.
    faults
        What goes wrong, by ``"heartbeat"``, ``"core"`` or ``"summary"``: a status, ``"html"``, ``"silence"`` (never
        answers), ``"drip"`` (one byte every 0.1 s), ``"close"`` (hangs up), or bytes sent as they are.
    """

    def __init__(self, *materials: dict[str, Any], faults: dict[str, int | str | bytes] | None = None) -> None:
        self.materials = materials
        self.faults = faults or {}
        self.requests: list[tuple[str, str | None]] = []
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.stopped = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self.endpoint = f"http://127.0.0.1:{self._http.server_port}/"

    @property
    def paths(self) -> list[str]:
        """Resources asked for, in order."""
        return [path for path, _ in self.requests]

    @property
    def keys(self) -> set[str | None]:
        """Keys that came with requests for data."""
        return {key for path, key in self.requests if path != "heartbeat"}

    def __enter__(self) -> MaterialsProjectServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, resource: str, query: dict[str, str], key: str | None) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        if resource == "heartbeat":
            return 200, {"version": "0.87.3", "db_version": DB_VERSION, "access_controlled_batch_ids": []}
        if key != KEY:
            return 401, {"detail": f"Invalid authentication credentials: {key}"}
        found = [record for record in self.materials if _matches(record, query)]
        fields = query["_fields"].split(",")
        return 200, {
            "data": [{field: record[field] for field in fields if field in record} for record in found],
            "meta": {"total_doc": len(found)},
        }


def _matches(record: dict[str, Any], query: dict[str, str]) -> bool:
    if "material_ids" in query and record["material_id"] not in query["material_ids"].split(","):
        return False
    if "task_ids" in query and not set(record["task_ids"]) & set(query["task_ids"].split(",")):
        return False
    if "deprecated" in query and record["deprecated"] != (query["deprecated"] == "True"):
        return False
    if "chemsys" in query and _elements(record["formula_pretty"]) != sorted(query["chemsys"].split("-")):
        return False
    most = query.get("energy_above_hull_max")
    if most is not None and (record["energy_above_hull"] is None or record["energy_above_hull"] > float(most)):
        return False
    formula = query.get("formula", record["formula_pretty"])
    return Composition(formula).reduced_formula == record["formula_pretty"]


def _elements(formula: str) -> list[str]:
    return sorted(element.symbol for element in Composition(formula).elements)


def _handler(server: MaterialsProjectServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            resource = url.path.strip("/").rpartition("/")[2]
            key = self.headers.get("x-api-key")
            server.requests.append((resource, key))
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            server.queries.append((resource, query))
            fault = server.faults.get(resource)
            if fault is None:
                status, body = server.answer(resource, query, key)
                self._send(status, json.dumps(body).encode())
            else:
                self._fail(fault, key)

        def _fail(self, fault: int | str | bytes, key: str | None) -> None:
            if isinstance(fault, bytes):
                self._send(200, fault)
            elif isinstance(fault, int):
                self._send(fault, json.dumps({"detail": f"no luck with {key}"}).encode())
            elif fault == "html":
                self._send(200, HTML, "text/html")
            elif fault == "silence":
                server.stopped.wait()
            elif fault == "drip":
                self._drip()

        def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{server.endpoint}materials/elsewhere/")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            try:
                while not server.stopped.wait(0.1):
                    self.wfile.write(b" ")
            except OSError:
                pass  # the other side is gone, as it should be

    return Handler
