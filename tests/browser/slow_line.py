"""A slow line between the browser and a server, since Chromium's own throttling leaves web sockets alone."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlparse

DELAY = 0.075  # seconds each way
RATE = 125_000  # bytes a second each way: 1 Mbit/s


class Line:
    """A line that carries everything at once until `slow` is set. All connections share it.

    Attributes
    ----------
    address
        What the browser opens instead of the server's address.
    slow
        Whether bytes take their time.
    """

    def __init__(self, server: str) -> None:
        self.address = ""
        self.slow = False
        self._server = urlparse(server)
        self._free_at = {"up": 0.0, "down": 0.0}  # when the last byte so far will have left

    def _arrival(self, way: str, size: int) -> float:
        """When so many bytes that are sent now will have come out at the other end."""
        now = time.monotonic()
        if not self.slow:
            return now
        self._free_at[way] = max(now, self._free_at[way]) + size / RATE
        return self._free_at[way] + DELAY

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._server.hostname, self._server.port)
        with suppress(asyncio.CancelledError):  # the end of the line
            await asyncio.gather(self._carry("up", reader, far_writer), self._carry("down", far_reader, writer))

    async def _carry(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            with suppress(OSError):
                while True:
                    arrival, piece = await under_way.get()
                    await asyncio.sleep(arrival - time.monotonic())
                    if not piece:
                        break
                    writer.write(piece)
                    await writer.drain()
            writer.close()

        delivered = asyncio.ensure_future(deliver())
        with suppress(OSError):
            while piece := await reader.read(2048):
                under_way.put_nowait((self._arrival(way, len(piece)), piece))
        under_way.put_nowait((self._arrival(way, 0), b""))
        await delivered


@contextmanager
def slow_line(server: str) -> Iterator[Line]:
    """A line to the server with this address. It has a thread of its own: Playwright keeps the test's for itself."""
    line, loops = Line(server), queue.Queue[asyncio.AbstractEventLoop]()

    async def listen() -> None:
        listening = await asyncio.start_server(line._connected, "127.0.0.1", 0)
        line.address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        ended.append(asyncio.Event())
        loops.put(asyncio.get_running_loop())
        await ended[0].wait()

    ended: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: asyncio.run(listen()), name="slow line", daemon=True)
    thread.start()
    loop = loops.get(timeout=10)
    try:
        yield line
    finally:
        loop.call_soon_threadsafe(ended[0].set)
        thread.join(timeout=10)
