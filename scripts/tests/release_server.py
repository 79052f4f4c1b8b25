"""Serves a release on loopback as bad servers do. Prints its port. The first part of a path says how:

good      as it is                             wrong     one byte of archives is another
cut       the first answer ends half way       stuck     every answer of an archive ends after 100 bytes
whole     as cut, but it sends no parts
"""

import http.server
import pathlib
import sys

ROOT = pathlib.Path(sys.argv[1])
CUT = set()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, mode, name = self.path.split("/", 2)
        file = ROOT / name
        if not file.is_file():
            self.send_error(404)
            return
        body, begin, status, limit = file.read_bytes(), 0, 200, None
        if name.endswith(".tar.gz"):
            if mode == "wrong":
                body = body[:-1] + bytes([body[-1] ^ 1])
            asked = self.headers.get("Range")
            if asked and mode != "whole":
                begin, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if mode == "stuck":
                limit = 100
            elif mode in ("cut", "whole") and mode not in CUT:
                CUT.add(mode)
                limit = len(body) // 2
        part = body[begin:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(part)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(part if limit is None else part[:limit])
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, form, *arguments):
        print(form % arguments, file=sys.stderr)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
