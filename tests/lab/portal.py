#!/usr/bin/python3
"""A captive portal in a home router's namespace: answers on TCP 8080 (HTTP) and 8443 (TLS, with a key of its own) in
everybody's name and sends them to its login page. Usage: portal.py FOLDER
"""

import http.server
import ssl
import subprocess
import sys
import threading
from pathlib import Path

LOGIN = "http://login.hotel.example/"


class Portal(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(302)
        self.send_header("Location", LOGIN)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST = do_HEAD = do_CONNECT = answer

    def log_message(self, *_):
        pass


def main(folder):
    key, certificate = Path(folder) / "portal.key", Path(folder) / "portal.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=login.hotel.example", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    plain = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Portal)
    secure = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), Portal)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake is each connection's own thread's, so that one who leaves in the middle stops nobody.
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    secure.handle_error = plain.handle_error = lambda *_: None
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print("portal", flush=True)
    secure.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
