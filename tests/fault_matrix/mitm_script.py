"""What mitmproxy does to answers: for each port where it listens, what the file `order-PORT.json` in $FAULT_ORDERS says while it is there."""

import asyncio
import base64
import json
import os
import re
import sys
from pathlib import Path

from mitmproxy import http

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fault_matrix.changes import CHANGES, Answer  # noqa: E402

_ORDERS = Path(os.environ["FAULT_ORDERS"])
_CALLS = re.compile(r"^/$|/(un)?wrapkey(\?|$)|:(en|de)crypt(\?|$)")
_TOKENS = re.compile(r"/oauth2/v2\.0/token$|^/v1/token$")
_STALL_SECONDS = 45


async def response(flow: http.HTTPFlow) -> None:
    port = flow.client_conn.sockname[1]
    headers = {name.lower(): value for name, value in flow.response.headers.items()}
    answer: Answer = (flow.response.status_code, headers, flow.response.content)
    try:
        order = json.loads((_ORDERS / f"order-{port}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if not (_TOKENS if order["token"] else _CALLS).search(flow.request.path):
        return
    if order["what"] == "stall":
        await asyncio.sleep(_STALL_SECONDS)
        return
    if order["repeated"] is not None:
        status, headers, body = order["repeated"]
        body = base64.b64decode(body)
    else:
        status, headers, body = CHANGES[order["what"]](answer, order["parameter"])
    headers = {name: value for name, value in headers.items() if name not in ("content-length", "transfer-encoding")}
    flow.response = http.Response.make(status, body, headers)
