#!/usr/bin/env bash
# A customer's first minute with the platform: made once however often the request is sent, renamed, found, seen in the trail.
#
#   cargo run --release -- serve --demo          # in another terminal; it prints who may log in
#   EMAIL=… PASSWORD=… bash examples/first-steps.sh   # the platform's; BASE is http://127.0.0.1:8080 unless set
set -euo pipefail
: "${EMAIL:?set EMAIL to that of the platform, which \`lastro serve --demo\` printed}"
: "${PASSWORD:?set PASSWORD to that of the platform, which \`lastro serve --demo\` printed}"
base="${BASE:-http://127.0.0.1:8080}/api/v1"

TOKEN=$(curl --silent --show-error --fail-with-body "$base/auth/login" --header 'Content-Type: application/json' \
    --data "{\"organizationSlug\": \"platform\", \"email\": \"$EMAIL\", \"password\": \"$PASSWORD\"}" |
    sed -E 's/.*"accessToken":"([^"]+)".*/\1/')

call() { # METHOD PATH [curl options]
    curl --silent --show-error --fail-with-body --request "$1" "$base$2" \
        --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' "${@:3}"
    echo
}

echo "# create, twice with one key: one organization, and twice the same answer"
for _ in 1 2; do
    created=$(call POST /organizations --header 'Idempotency-Key: first-steps' \
        --data '{"name": "Café do Largo", "slug": "cafe-do-largo", "document": "12.ABC.345/01DE-35"}')
    echo "$created"
done
id=$(sed -E 's/.*"id":"([^"]+)".*/\1/' <<<"$created")

echo "# rename"
call PATCH "/organizations/$id" --data '{"name": "Café do Largo e Filhos"}'

echo "# find, without minding accents"
call GET '/organizations?q=CAFE'

echo "# who did it"
call GET "/audit-logs?targetId=$id"
