"""Chromium without a window, and all that a page does in it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websocket import WebSocket, WebSocketTimeoutException, create_connection

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1000,1500",
    # Whatever a page asks for is seen, and reaches nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
QUIET = 0.4  # seconds without a request after which a page is done
LONGEST = 240.0
START = 240.0


@dataclass
class Visit:
    """What a page did when it was opened."""

    url: str
    status: int | None = None
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    found: Any = None

    def elsewhere(self, *allowed: str) -> list[str]:
        """List the requests that left for another place than those."""
        return [url for url in self.requests if not url.startswith(("data:", "about:", *allowed))]


class Browser:
    """A Chromium of its own, gone at the end of the block."""

    def __enter__(self) -> Browser:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise RuntimeError(
                "These tests open pages in Chromium and found none: install it, "
                "on Debian and Ubuntu with `apt install chromium`."
            )
        self._folder = TemporaryDirectory(prefix="chainrule-browser-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = self._connect()
        self._number = 0
        self._events: list[dict[str, Any]] = []
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _connect(self) -> WebSocket:
        told = Path(self._folder.name) / "DevToolsActivePort"
        end = time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            if told.is_file() and len(lines := told.read_text().split()) == 2:
                return create_connection(f"ws://127.0.0.1:{lines[0]}{lines[1]}", timeout=LONGEST)
            time.sleep(0.05)
        self._process.kill()
        raise RuntimeError(f"Chromium did not start within {START:g} s.")

    def visit(self, url: str, ask: str = "null", picture: Path | None = None) -> Visit:
        """Open a page, wait until it is quiet, and ask it something in JavaScript."""
        target = self._call("Target.createTarget", url="about:blank")
        where = {"targetId": target["targetId"]}
        session = self._call("Target.attachToTarget", **where, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable", session)
        self._events.clear()
        visit = Visit(url)
        self._call("Page.navigate", session, url=url)
        self._settle(visit, session)
        asked = {"expression": ask, "returnByValue": True, "awaitPromise": True}
        visit.found = self._call("Runtime.evaluate", session, **asked)["result"].get("value")
        self._settle(visit, session)
        if picture:
            shot = self._call("Page.captureScreenshot", session)
            picture.write_bytes(base64.b64decode(shot["data"]))
        self._call("Target.closeTarget", **where)
        return visit

    def _settle(self, visit: Visit, session: str) -> None:
        """Take down what happens until nothing has for a while."""
        end = time.monotonic() + LONGEST
        loaded = visit.status is not None
        while time.monotonic() < end:
            if not self._events and not self._receive(QUIET):
                if loaded:
                    return
                continue
            event = self._events.pop(0)
            if event.get("sessionId") != session:
                continue
            loaded = loaded or event["method"] == "Page.loadEventFired"
            self._note(visit, session, event["method"], event["params"])
        raise RuntimeError(f"{visit.url} is not quiet after {LONGEST:g} s.")

    def _note(self, visit: Visit, session: str, kind: str, what: dict[str, Any]) -> None:
        match kind:
            case "Network.requestWillBeSent":
                visit.requests.append(what["request"]["url"])
            case "Network.webSocketCreated":
                visit.requests.append(what["url"])
            case "Network.responseReceived" if what["type"] == "Document":
                visit.status = what["response"]["status"]
            case "Runtime.consoleAPICalled":
                visit.said.append(" ".join(str(each.get("value")) for each in what["args"]))
            case "Page.javascriptDialogOpening":
                visit.said.append(what["message"])
                self._call("Page.handleJavaScriptDialog", session, accept=True)
            case "Log.entryAdded" if what["entry"]["source"] == "security":
                visit.refused.append(what["entry"]["text"])

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            answer = self._receive(LONGEST)
            if answer and answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise RuntimeError(f"Chromium did not answer {method} within {LONGEST:g} s.")

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        self._socket.settimeout(seconds)
        try:
            message: dict[str, Any] = json.loads(self._socket.recv())
        except WebSocketTimeoutException:
            return None
        if "method" in message:
            self._events.append(message)
        return message
