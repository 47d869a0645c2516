"""Read a JSON list of `.env` texts from stdin, and print how python-dotenv parses each."""

import io
import json
import logging
import os
import sys

from dotenv import dotenv_values
from dotenv.version import __version__

logging.disable(logging.CRITICAL)
os.environ.clear()


def values(text, interpolate):
    # As `open` would: UTF-8, universal newlines.
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    return dict(dotenv_values(stream=stream, interpolate=interpolate))


texts = json.loads(sys.stdin.buffer.read())
files = [[values(text, False), values(text, True)] for text in texts]
print(json.dumps({"version": __version__, "files": files}))
