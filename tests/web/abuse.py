"""How ``srgan serve`` answers malformed pictures: ``PYTHONPATH=tests python tests/web/abuse.py [OPTION…]``.

The options go to ``srgan serve``. Sends each file of the corpus as a body and as a form, and prints a table in Markdown:
for each kind how many files, the statuses, and the slowest answer. Exits with 1 unless each answer is a 4xx within a
second and a sound picture is enlarged afterwards.
"""

import sys
import time
from collections import Counter, defaultdict

import httpx

from support import malformed
from support.server import serving


def main(*options):
    statuses, slowest, files = defaultdict(Counter), defaultdict(float), Counter()
    with serving(*options) as server, httpx.Client(base_url=server.url, timeout=600) as client:
        client.post("/v1/upscale", content=malformed.sound()["png"])  # the first picture compiles the network
        for name, data in malformed.corpus().items():
            kind = name.partition("/")[0]
            files[kind] += 1
            for sent in ({"content": data}, {"files": {"image": (name, data)}}):
                began = time.perf_counter()
                status = client.post("/v1/upscale", **sent).status_code
                slowest[kind] = max(slowest[kind], time.perf_counter() - began)
                statuses[kind][status] += 1
        lives = client.post("/v1/upscale", content=malformed.sound()["png"]).status_code == 200
        lives = lives and server.process.poll() is None
    print("| kind | files | answers by status | slowest |\n|---|---|---|---|")
    for kind, count in files.items():
        said = ", ".join(f"{status}: {times}" for status, times in sorted(statuses[kind].items()))
        print(f"| {kind} | {count} | {said} | {slowest[kind] * 1000:.0f} ms |")
    print(
        f"\n{files.total()} files, each sent in two ways; the server {'lives' if lives else 'does not live'} afterwards"
    )
    kept = all(400 <= status < 500 for counts in statuses.values() for status in counts)
    sys.exit(0 if kept and lives and max(slowest.values()) < 1 else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
