#!/bin/sh
# Sends a file of JSON Lines ({"id", "text", ...} a line) as a stream and prints an answer for each line as soon as it is durable and searchable.
# -N shows answers as they come; -T sends the file as it is read rather than loading it first.
set -eu
url=${NEODEX_URL:-http://127.0.0.1:7331}
curl -sSN -X POST "$url/v1/documents" -T "${1:--}" -H 'content-type: application/x-ndjson' -H 'expect:' \
    ${NEODEX_API_KEY:+-H "authorization: Bearer $NEODEX_API_KEY"}
