"""`python -m terrace_emulator --port N [--bare] [--identity TOKEN]`: serve on loopback until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys

# What moto must be told so that it checks what AWS checks. The AMIs must stay loaded: the public parameters name them.
SETTINGS = {
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
    "MOTO_ENABLE_AMI_VALIDATION": "1",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ACM_VALIDATION_WAIT": "2",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "true",
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m terrace_emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1 (0: any free one, printed)")
    parser.add_argument("--bare", action="store_true", help="moto alone, without corrections")
    parser.add_argument("--identity", default="", help="what GET /terrace/identity answers, to tell this process apart")
    arguments = parser.parse_args(argv)

    os.environ.update(SETTINGS)
    os.environ["MOTO_PORT"] = str(arguments.port)
    # Otherwise moto would put every request into this account, whatever its key says.
    os.environ.pop("MOTO_ACCOUNT_ID", None)

    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    from . import forks
    from .wsgi import Application

    if not os.environ.get("TERRACE_SANDBOX_LOG"):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Application(identity=arguments.identity, bare=arguments.bare)
    try:
        server = make_server(
            "127.0.0.1", arguments.port, application, threaded=True, request_handler=MotoRequestHandler
        )
    except (OSError, SystemExit) as problem:
        print(f"cannot listen on 127.0.0.1:{arguments.port}: {problem}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    forks.server = server
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
