"""A door before PostgreSQL's socket that can lose a question, lose an answer, or be shut."""

import asyncio
import contextlib
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
CHUNK = 1 << 16


class Gate:
    """Passes bytes between clients and the server until told otherwise.

    `lose` is None, "question" (the next bytes of a client never arrive) or "answer" (the next
    bytes of the server never arrive, and the client's end is cut as soon as `let_go` is set).
    """

    def __init__(self, folder, server):
        self.folder = Path(folder)
        self.lose = None
        self.lost = asyncio.Event()
        self._server = str(Path(server) / SOCKET)
        self._door = None
        self._tasks = set()
        self._writers = []

    async def __aenter__(self):
        self._door = await asyncio.start_unix_server(self._enter, self.folder / SOCKET)
        return self

    async def __aexit__(self, *_):
        self._door.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def shut(self):
        """Cut every connection, and let nobody in any more."""
        (self.folder / SOCKET).rename(self.folder / "away")
        self.cut()

    def reopen(self):
        """Let in again."""
        (self.folder / "away").rename(self.folder / SOCKET)

    def cut(self):
        """Cut every connection that there is."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _enter(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        there_reader, there_writer = await asyncio.open_unix_connection(self._server)
        self._writers += [writer, there_writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, there_writer, "question"))
                both.create_task(self._pass(there_reader, writer, "answer"))

    async def _pass(self, source, sink, kind):
        while chunk := await source.read(CHUNK):
            if self.lose == kind:
                self.lose = None
                self.cut()
                self.lost.set()
                return
            sink.write(chunk)
            await sink.drain()
        sink.close()
