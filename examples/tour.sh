#!/usr/bin/env bash
# Thirty real companies, and one of them at work: its administrator logs in, makes a role and a user, and that user is let in and
# kept out as it should be.
#
#   cargo build --release
#   LASTRO=target/release/lastro bash examples/tour.sh
#
# It works in a folder of its own, on an empty embedded database, and needs bash and curl. The companies and their CNPJs are real
# and public; the administrators are not, and all have the password Passeio-2026.
set -euo pipefail
companies="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/companies.csv"
lastro="$(command -v "${LASTRO:-lastro}")"
lastro="$(cd "$(dirname "$lastro")" && pwd)/$(basename "$lastro")"
cd "$(mktemp -d)"
export LASTRO_BIND=127.0.0.1:0

echo "# an empty database, and thirty customers in it"
"$lastro" migrate >migrate.log
"$lastro" tenant import "$companies" | tail -n 1

"$lastro" serve >greeting 2>server.log &
trap 'kill %1' EXIT
for _ in $(seq 600); do
    address=$(sed -nE 's#^Lastro [^ ]+ serves (http://[^ ]+) .*#\1#p' greeting)
    [[ -n $address ]] && break
    sleep 0.1
done
base="${address%/}/api/v1"

call() { # TOKEN METHOD PATH [BODY]
    local who=()
    [[ -n $1 ]] && who=(--header "Authorization: Bearer $1")
    curl --silent --show-error --request "$2" "$base$3" --write-out '\n%{http_code}\n' "${who[@]}" \
        --header 'Content-Type: application/json' ${4:+--data "$4"}
}
field() { # NAME: the first field of that name in what is read
    sed -nE "s/.*\"$1\":\"([^\"]+)\".*/\1/p" | head -n 1
}
login() { # EMAIL PASSWORD
    call '' POST /auth/login "{\"organizationSlug\": \"weg\", \"email\": \"$1\", \"password\": \"$2\"}" | field accessToken
}
may() { # TOKEN PERMISSION: 204, or why not
    call "$1" POST /access/require "{\"permission\": \"$2\"}" | tail -n 1
}

echo "# the administrator of one of them"
administrator=$(login admin@weg.example Passeio-2026)
call "$administrator" GET /modules/current | grep -oE '"code":"[A-Z]+"' | tr '\n' ' '
echo

echo "# makes a role that may see invoices, and a user who has it"
role=$(call "$administrator" POST /roles '{"name": "Faturista", "code": "FATURISTA"}' | grep -oE '"id":"[^"]+"' | head -n 1 | cut -d'"' -f4)
call "$administrator" POST "/roles/$role/permissions" '{"permissionCode": "FINANCE_INVOICE_READ"}' | tail -n 1
user=$(call "$administrator" POST /users '{"name": "Bia Lima", "email": "bia@weg.example", "password": "Motor-Eletrico-26"}' |
    grep -oE '"id":"[^"]+"' | head -n 1 | cut -d'"' -f4)
call "$administrator" POST "/users/$user/roles" "{\"roleId\": \"$role\"}" | tail -n 1

echo "# who is let in where that is allowed, and kept out where it is not"
bia=$(login bia@weg.example Motor-Eletrico-26)
echo "see invoices: $(may "$bia" FINANCE_INVOICE_READ)"
echo "make invoices: $(may "$bia" FINANCE_INVOICE_CREATE)"
echo "see users: $(call "$bia" GET /users | tail -n 1)"
