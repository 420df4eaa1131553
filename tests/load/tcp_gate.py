"""A network between nodes that can be cut.

Run as a program it is told by lines of JSON on its standard input, answers each with one line, and
ends when that input does:

  {"listen": NODE_ID, "port": N}      a door before that port; answers {"port": M}
  {"ways": {"FROM>TO": "hold"|"reset"}}  from now on; what is not named is open. Answers
                                      {"links": how many stand}

*hold* is a black hole: bytes wait, as they would in the sender's kernel, and go on when it heals;
neither a connection nor its end gets through. *reset* breaks what stands and refuses what comes.
Who knocks is read from /proc: the node that owns the other end.
"""
import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import threading

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def inode_of(port):
    """Of the loopback's socket whose own port it is."""
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            parts = line.split()
            if parts[1] == wanted and parts[9] != "0":
                return parts[9]
    return None


def nodes_running():
    """Process ids of nodes, with their TIKETI_NODE_ID."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if not f.read().startswith("tiketi-node"):
                    continue
            with open(f"/proc/{pid}/environ", "rb") as f:
                for entry in f.read().split(b"\0"):
                    if entry.startswith(b"TIKETI_NODE_ID="):
                        yield pid, entry.split(b"=", 1)[1].decode()
        except OSError:  # It has just ended, or is somebody else's.
            continue


def node_at(port):
    """The id of the node whose connection has that port; None when it is gone already."""
    inode = inode_of(port)
    if inode is None:
        return None
    for pid, name in nodes_running():
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{inode}]":
                    return name
        except OSError:
            continue
    return None


class Door:
    """All the doors, and what goes through them."""

    def __init__(self):
        self.ways = {}
        self.changed = asyncio.Condition()
        self.links = {}  # task: (from, to, the two writers)
        self.servers = {}  # By the node behind it; none while nobody is there.

    async def until_open(self, way):
        async with self.changed:
            await self.changed.wait_for(lambda: self.ways.get(way) != "hold")

    def is_reset(self, one, other):
        return "reset" in (self.ways.get(f"{one}>{other}"), self.ways.get(f"{other}>{one}"))

    @staticmethod
    def abort(writer):
        sock = writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        writer.transport.abort()

    async def pump(self, way, back, reader, writer):
        """Until its end, which is told on as far as the ways are open."""
        told_by = way
        try:
            while data := await reader.read(65536):
                await self.until_open(way)
                told_by = back  # That nobody takes it any more is news from the other end.
                writer.write(data)
                await writer.drain()
                told_by = way
        except OSError:
            pass
        await self.until_open(told_by)

    async def serve(self, target, port, reader, writer):
        source = node_at(writer.get_extra_info("peername")[1])
        onward = None
        if source is None or self.is_reset(source, target):
            self.abort(writer)
            return
        try:
            await self.until_open(f"{source}>{target}")
            back, onward = await asyncio.open_connection("127.0.0.1", port)
            self.links[asyncio.current_task()] = (source, target, (writer, onward))
            there, here = f"{source}>{target}", f"{target}>{source}"
            ways = [self.pump(there, here, reader, onward), self.pump(here, there, back, writer)]
            _, rest = await asyncio.wait([asyncio.ensure_future(x) for x in ways],
                                         return_when=asyncio.FIRST_COMPLETED)
            for x in rest:
                x.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        except ConnectionRefusedError:
            await self.refuse_until_there(target, port)
        except OSError:
            pass
        finally:
            self.links.pop(asyncio.current_task(), None)
            for x in (writer, onward):
                if x is not None:
                    self.abort(x)

    async def open(self, target, port, at):
        async def served(reader, writer):
            await self.serve(target, port, reader, writer)
        server = await asyncio.start_server(served, "127.0.0.1", at)
        self.servers[target] = server
        return server.sockets[0].getsockname()[1]

    async def refuse_until_there(self, target, port):
        """As the machine of a process that has ended: it refuses whoever knocks."""
        server = self.servers.pop(target, None)
        if server is None:  # Somebody else sees to it.
            return
        at = server.sockets[0].getsockname()[1]
        server.close()
        while True:
            await asyncio.sleep(0.05)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            self.abort(writer)
            await self.open(target, port, at)
            return

    async def do(self, order):
        if "listen" in order:
            return {"port": await self.open(order["listen"], order["port"], 0)}
        async with self.changed:
            self.ways = order["ways"]
            self.changed.notify_all()
        for source, target, writers in list(self.links.values()):
            if self.is_reset(source, target):
                for x in writers:
                    self.abort(x)
        return {"links": len(self.links)}

    async def obey(self):
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := await orders.readline():
            print(json.dumps(await self.do(json.loads(line))), flush=True)
        os._exit(0)


class Gate:
    """The same as a child of whoever makes it."""

    def __init__(self):
        self.guard = threading.Lock()
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def _say(self, order):
        with self.guard:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def before(self, node, port):
        """The port of a door before that one."""
        return self._say({"listen": node, "port": port})["port"]

    def set(self, how, ways):
        """Every (from, to) of `ways` does so from now on, and everything else is open."""
        return self._say({"ways": {f"{a}>{b}": how for a, b in ways}})["links"]

    def heal(self):
        return self.set("hold", [])

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    asyncio.run(Door().obey())
