"""A network between a browser and a node that can be cut: what Chromium calls offline lets streams
that are open go on."""
import contextlib
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)  # Close without a goodbye.


class Network:
    """Listens on a port of its own and passes everything on."""

    def __init__(self, port):
        self.node = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock, self.open, self.is_cut = threading.Lock(), set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Everything open ends at once, and whoever comes is turned away."""
        with self.lock:
            self.is_cut = True
            for x in self.open:
                self._end(x)

    def mend(self):
        with self.lock:
            self.is_cut = False

    def close(self):
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @staticmethod
    def _end(x):
        with contextlib.suppress(OSError):
            x.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            x.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                browser, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.is_cut:
                    self._end(browser)
                    browser.close()
                    continue
                node = socket.create_connection(self.node)
                self.open |= {browser, node}
            for pair in ((browser, node), (node, browser)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
        for x in (source, to):
            self._end(x)
        with self.lock:
            self.open.discard(source)
        source.close()
