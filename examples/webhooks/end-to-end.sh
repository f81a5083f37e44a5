#!/usr/bin/env bash
# Registers an endpoint, starts the receiver that is named as arguments with the endpoint's secret, sends a test event, and
# succeeds when the receiver verified it.
set -euo pipefail
: "${LASTRO_URL:?where the server is}" "${LASTRO_TOKEN:?a credential that may register endpoints}"
port=${PORT:-9000}
cd "$(dirname "$0")"

ask() {
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $LASTRO_TOKEN" -H 'Content-Type: application/json' "$@"
}
field() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

made=$(ask "$LASTRO_URL/api/v1/webhooks" -d "{\"url\":\"http://127.0.0.1:$port/\",\"eventTypes\":[\"webhook.disabled\"]}")
id=$(field id <<<"${made%%\"eventTypes*}")
WEBHOOK_SECRET=$(field secret <<<"$made")
export WEBHOOK_SECRET

heard=$(mktemp)
"$@" "$port" >"$heard" &
receiver=$!
# shellcheck disable=SC2329 # the trap calls it
finish() {
  kill "$receiver" 2>/dev/null || true
  ask -X DELETE "$LASTRO_URL/api/v1/webhooks/$id" >/dev/null || true
  rm -f "$heard"
}
trap finish EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done

ask -X POST "$LASTRO_URL/api/v1/webhooks/$id/test" >/dev/null
for _ in $(seq 100); do
  if grep -q '"webhook.test"' "$heard"; then
    echo "verified: $(cat "$heard")"
    exit 0
  fi
  sleep 0.1
done
echo "nothing arrived that verifies" >&2
exit 1
