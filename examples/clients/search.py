"""A search over HTTP with nothing but the standard library: passages, the words that matched, and why."""

import json
import os
import sys
import urllib.error
import urllib.request

url = os.environ.get("NEODEX_URL", "http://127.0.0.1:7331")
headers = {"content-type": "application/json"}
if key := os.environ.get("NEODEX_API_KEY"):
    headers["authorization"] = f"Bearer {key}"


def ask(path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        refusal = json.load(error)["error"]
        sys.exit(f"{error.code} {refusal['code']}: {refusal['message']}")


query = " ".join(sys.argv[1:]) or "how are keys rotated"
found = ask("/v1/search", {"query": query, "limit": 3, "explain": True})
print(f"{found['total']} documents, {found['took_ms']:.1f} ms")
for hit in found["hits"]:
    # Offsets are bytes of UTF-8, so the text is cut as bytes.
    text = hit["text"].encode()
    words = {text[start:end].decode() for start, end in hit["highlights"]}
    print(f"\n{hit['score']:.3f}  {hit['title'] or hit['document_id']}  (words: {', '.join(sorted(words)) or '-'})")
    start, end = hit["sentence"] or [0, min(len(text), 200)]
    print("   ", text[start:end].decode(errors="replace"))
