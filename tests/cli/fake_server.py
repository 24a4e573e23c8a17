"""A server that answers as a test says, and remembers what it was asked."""

import http.server
import json
import threading


class Fake:
    """`answers` are used up one after another; the last one stays.

    An answer is (status, headers, body) or a function of the request that makes one; "reset" closes
    the connection without a word, after the request was read.
    """

    def __init__(self):
        self.requests = []
        self.answers = [(404, {}, "")]
        self._lock = threading.Lock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = {"method": self.command, "path": self.path, "body": body,
                           "headers": {k.lower(): v for k, v in self.headers.items()}}
                with fake._lock:
                    fake.requests.append(request)
                    answer = fake.answers.pop(0) if len(fake.answers) > 1 else fake.answers[0]
                if callable(answer):
                    answer = answer(request)
                if answer == "reset":
                    self.close_connection = True
                    return
                status, headers, text = answer
                if not isinstance(text, str):
                    text = json.dumps(text)
                data = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def problem(status, name, **more):
    body = {"type": f"urn:bitacora:problem:{name}", "title": "Title", "status": status,
            "code": status * 100, "detail": "detail", **more}
    headers = {"Content-Type": "application/problem+json"}
    if status in (429, 503, 504):
        headers["Retry-After"] = "0"
    return status, headers, body
