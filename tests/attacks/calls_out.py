"""What processes ask the network for: a hook in every Python process, and a library below it for all that is not Python."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Runs at the start of every Python process that has this folder on its path.
_HOOK = """
import os, sys
def _tell(event, arguments):
    if event not in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        return
    target = arguments[0] if event in ("socket.getaddrinfo", "socket.gethostbyname") else arguments[1]
    host, port = target[:2] if isinstance(target, tuple) else (target, 0)
    # A path is a socket file on this machine.
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if isinstance(target, tuple) or event.startswith("socket.get"):
        log = os.open(os.environ["CALLS_OUT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(log, f"python {event.partition('.')[2]} {host} {port}\\n".encode())
        os.close(log)
sys.addaudithook(_tell)
"""


@dataclass(frozen=True)
class Call:
    """One call of a process: seen by `python` or `native`, its name, and where to."""

    seen_by: str
    name: str
    host: str
    port: int


@dataclass(frozen=True)
class Watch:
    """Give `environment` to a process; `calls` are those of it and of all that it starts."""

    folder: Path

    def environment(self) -> dict[str, str]:
        (self.folder / "hook").mkdir(parents=True, exist_ok=True)
        (self.folder / "hook" / "sitecustomize.py").write_text(_HOOK)
        added = {"CALLS_OUT_LOG": str(self.log), "PYTHONPATH": str(self.folder / "hook")}
        library = self._library()
        return {**os.environ, **added, **({"LD_PRELOAD": str(library)} if library else {})}

    @property
    def log(self) -> Path:
        return self.folder / "calls"

    def calls(self) -> list[Call]:
        if not self.log.exists():
            return []
        lines = [line.split(" ") for line in self.log.read_text().splitlines()]
        return [Call(seen_by, name, host, int(port)) for seen_by, name, host, port in lines]

    def _library(self) -> Path | None:
        """None where there is no compiler: then only Python's own calls are seen."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or sys.platform != "linux":
            return None
        library = self.folder / "calls.so"
        source = Path(__file__).with_name("calls.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        return library
