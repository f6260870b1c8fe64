"""``jumar serve-events``: events come to runs by HTTP."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from pathlib import Path

import click

from jumar.cli.target import Failure, open_store, store_option
from jumar.inlet import Inlet

_VARIABLE = "JUMAR_EVENTS_TOKEN"


@click.command("serve-events")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 for any that is free.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"File with the token that senders must know; else the variable {_VARIABLE}, or one that is made up and shown.",
)
@store_option
def serve_events(host: str, port: int, token_file: Path | None, path: Path | None) -> None:
    """Take events for runs by HTTP: POST /runs/ID/events/NAME with a payload in JSON and `Authorization: Bearer TOKEN`.

    Needs jumar[serve]. It listens on this machine only, unless --host says otherwise; what it hears is not encrypted, so
    put a server with TLS in front of it then.
    """
    try:
        import uvicorn  # noqa: PLC0415  (an optional package)
    except ImportError as error:
        raise Failure("serving needs uvicorn: pip install 'jumar[serve]'.") from error
    token, is_new = _token(token_file)
    with open_store(path) as store:
        inlet = Inlet(store, token)
        try:
            listener = socket.create_server((host, port), family=_family(host))
        except OSError as error:
            raise Failure(f"{host}:{port} cannot be listened on: {error}.") from error
        with listener:
            shown = f"[{host}]" if ":" in host else host
            click.echo(f"listening on http://{shown}:{listener.getsockname()[1]} for runs in {store.path}")
            if is_new:
                click.echo(f"token: {token}")
            if not _is_loopback(host):
                click.echo("Others on the network can reach this, and nothing is encrypted.", err=True)
            config = uvicorn.Config(inlet, log_level="warning", access_log=False, lifespan="off")
            uvicorn.Server(config).run(sockets=[listener])


def _token(file: Path | None) -> tuple[str, bool]:
    """The token, and whether it was made up."""
    said = file.read_text(encoding="utf-8").strip() if file is not None else os.environ.get(_VARIABLE, "")
    if file is not None and not said:
        raise Failure(f"{file} is empty: it is to hold the token.")
    return (said, False) if said else (secrets.token_urlsafe(24), True)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
