"""A long way between a browser and a server, on one machine: each round trip takes time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

_PIECE = 65_536  # bytes


@contextmanager
def far_away(address: str, round_trip: float) -> Iterator[str]:
    """Yield another address of a server, to which each round trip takes a number of seconds.

    So does a new connection. Data that is sent at once arrives at once, however much it is.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    connect = partial(_connect, urlsplit(address).port, round_trip)
    listening = asyncio.start_server(connect, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Close all connections."""
    server.close()
    carrying = asyncio.all_tasks() - {asyncio.current_task()}
    for task in carrying:
        task.cancel()
    await asyncio.gather(*carrying, return_exceptions=True)


async def _connect(
    port: int, round_trip: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await asyncio.sleep(round_trip)
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer), closing(far_writer), suppress(asyncio.CancelledError):
        await asyncio.gather(
            _carry(reader, far_writer, round_trip / 2), _carry(far_reader, writer, round_trip / 2)
        )
        await asyncio.sleep(round_trip)  # data on its way arrives


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    """Write all that is read, each piece some seconds later, and then close."""
    loop = asyncio.get_running_loop()
    piece = b" "
    while piece:
        try:
            piece = await reader.read(_PIECE)
        except OSError:
            piece = b""
        loop.call_later(seconds, writer.write if piece else lambda _: writer.close(), piece)
