"""A world copied: the process forks, and the child serves the copy on a port of its own.

What is in the world is in this process's memory, all of it, and no writing out would get it back as it was. A fork
costs milliseconds and shares what neither side changes. The child ends with its parent.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from typing import Any

# Set when the server starts: what a child must not go on listening to.
server: Any = None


def fork(application: Any, identity: str, own: Any) -> dict[str, Any]:
    """Forks. The caller holds the application's lock, so no action is half done; `own` is the caller's connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    parent = os.getpid()
    # Else the collector would write to every page that the two share.
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        _serve(application, identity, listener, own, parent)
    listener.close()
    # Whoever it was that asked may end it at any time: its entry is cleared then.
    threading.Thread(target=_clear, args=(pid,), daemon=True).start()
    return {"pid": pid, "port": port, "identity": identity}


def _clear(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def _serve(application: Any, identity: str, listener: socket.socket, own: Any, parent: int) -> None:
    """The child's life. Of all threads only this one is here."""
    global server
    try:
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import make_server

        # A group of its own, as it is to be ended alone.
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
        if server is not None:
            server.socket.close()
        if own is not None:
            os.close(own.fileno())
        application.lock = threading.RLock()
        application.identity = identity
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        server = make_server(
            "127.0.0.1",
            listener.getsockname()[1],
            application,
            threaded=True,
            request_handler=MotoRequestHandler,
            fd=listener.fileno(),
        )
        server.serve_forever()
    finally:
        os._exit(0)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)
