"""A small client of the language server protocol: one server process, one request at a time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds for any answer; a server that needs them is dead


class Client:
    def __init__(self, folder: Path):
        self.folder = folder
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bilevel_dsl", "lsp", "--stdio"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.messages: queue.Queue[dict | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.notifications: list[dict] = []
        self._id = 0
        self.versions: dict[str, int] = {}

    def _read(self) -> None:
        stream = self.process.stdout
        while True:
            length = 0
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(":")
                length = int(value) if name.lower() == "content-length" else length
            if not length:
                return self.messages.put(None)
            self.messages.put(json.loads(stream.read(length)))

    def _send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, params: dict | None = None) -> None:
        self._send({"method": method, "params": params or {}})

    def request(self, method: str, params: dict | None = None) -> dict:
        """The whole answer, with `result` or `error`."""
        self._id += 1
        self._send({"id": self._id, "method": method, **({} if params is None else {"params": params})})
        while (message := self._next()).get("id") != self._id or "method" in message:
            self.notifications.append(message)
        return message

    def _next(self) -> dict:
        message = self.messages.get(timeout=PATIENCE)
        if message is None:
            raise EOFError(self.process.stderr.read().decode())
        return message

    # --- the life of a text

    def initialize(self, capabilities: dict | None = None) -> dict:
        answer = self.request(
            "initialize", {"processId": os.getpid(), "rootUri": self.folder.as_uri(), "capabilities": capabilities or {}}
        )
        self.notify("initialized")
        return answer["result"]["capabilities"]

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> dict:
        self.versions[name] = 1
        self.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": self.uri(name), "languageId": "bilevel", "version": 1, "text": text}},
        )
        return self.diagnostics(name)

    def change(self, name: str, text: str) -> None:
        self.versions[name] += 1
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": self.uri(name), "version": self.versions[name]}, "contentChanges": [{"text": text}]},
        )

    def diagnostics(self, name: str) -> dict:
        """Those of the newest version, when they come; older ones are left in `notifications`."""
        while True:
            message = self.notifications.pop(0) if self.notifications else self._next()
            params = message.get("params", {})
            if (
                message.get("method") == "textDocument/publishDiagnostics"
                and params["uri"] == self.uri(name)
                and params.get("version") == self.versions.get(name)
            ):
                return params

    def ask(self, feature: str, name: str, line: int, character: int, **more) -> dict:
        return self.request(
            f"textDocument/{feature}",
            {"textDocument": {"uri": self.uri(name)}, "position": {"line": line, "character": character}, **more},
        )

    def shutdown(self) -> int:
        """The exit status."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(timeout=PATIENCE)
