"""Whatever name mitmproxy is asked for, it goes to the port $LEADS_TO of this machine; the names are written into the file $TELLS."""

import os
from pathlib import Path

from mitmproxy import http
from mitmproxy.proxy import server_hooks


def server_connect(data: server_hooks.ServerConnectionHookData) -> None:
    data.server.address = ("127.0.0.1", int(os.environ["LEADS_TO"]))


def request(flow: http.HTTPFlow) -> None:
    with Path(os.environ["TELLS"]).open("a", encoding="utf-8") as names:
        names.write(flow.request.pretty_host + "\n")
