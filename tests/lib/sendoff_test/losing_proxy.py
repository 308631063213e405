"""Between a client and a gateway, with TLS to both: it loses the reply to the content when it is told to, with the
connection, as a network does."""

import select
import socket
import ssl
import threading


class LosingProxy:
    def __init__(self, block, gateway, certificate, key):
        self.address, self.port = block.new_address(), block.new_port()
        self.lose = 0  # that many replies to content
        self.lost = self.accepted = 0
        self._gateway = gateway.endpoint("implicit")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server((self.address, self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                self._pass_on(client)
            except OSError:
                pass  # one of them has gone

    def _pass_on(self, client):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        client.settimeout(30)
        with self._context.wrap_socket(client, server_side=True) as one:
            with trusting.wrap_socket(socket.create_connection(self._gateway, 30)) as other:
                while self._one_turn(one, other):
                    pass

    def _one_turn(self, client, gateway):
        pending = [s for s in (client, gateway) if s.pending()]
        for ready in pending or select.select([client, gateway], [], [], 60)[0]:
            data = ready.recv(65536)
            if not data:
                return False
            if ready is gateway and self.lose and data.startswith(b"250 2.0.0 accepted as"):
                self.lose -= 1
                self.lost += 1
                return False
            (gateway if ready is client else client).sendall(data)
        return True
