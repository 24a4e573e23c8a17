#!/usr/bin/env bash
# An orders application in a few commands: create, update, cancel, a conflict, a repeated request.
# Needs a running server: ./dev run, then examples/orders/orders.sh
set -euo pipefail

bitacora=${BITACORA:-bitacora}
topic=${1:-orders-$(date +%s)} # A new one each time, so that it can be run again.

step() { printf '\n== %s\n' "$*"; }

# Runs a command that has to say no (exit code 1) and goes on.
must_refuse() {
  local code=0
  "$@" 2>&1 || code=$?
  if [[ $code != 1 ]]; then
    echo "expected a refusal, got exit code $code" >&2
    exit 1
  fi
}

step "A topic for orders"
"$bitacora" create-topic "$topic" --partitions 4

step "Alice and Bob order; an order must be new"
"$bitacora" append "$topic" alice-1 --type OrderPlaced --expect new \
  --data '{"customer":"alice","items":[{"sku":"compass","quantity":1}],"total":42.50}'
"$bitacora" append "$topic" bob-1 --type OrderPlaced --expect new \
  --data '{"customer":"bob","items":[{"sku":"sextant","quantity":2}],"total":310.00}'

step "Alice adds a chart: she has seen version 0 of her order"
"$bitacora" append "$topic" alice-1 --type ItemAdded --expect 0 \
  --data '{"sku":"chart","quantity":1,"total":55.00}'

step "The shop, which has seen version 0 too, wants to ship: that is a conflict"
must_refuse "$bitacora" append "$topic" alice-1 --type OrderShipped --expect 0 \
  --data '{"parcel":"p-1"}'

step "It reads the order again, decides anew, and ships"
"$bitacora" read "$topic" alice-1
"$bitacora" append "$topic" alice-1 --type OrderShipped --expect 1 --data '{"parcel":"p-1"}'

step "Bob's order is paid; the answer is lost, and his client says it again with its key"
for _ in 1 2; do
  "$bitacora" append "$topic" bob-1 --type OrderPaid --expect 0 --key "pay-bob-1" \
    --data '{"amount":310.00}'
done

step "Bob cancels; the answer tells the position behind it"
answer=$("$bitacora" append "$topic" bob-1 --type OrderCancelled --expect exists --json \
  --data '{"reason":"changed my mind"}')
echo "$answer"
position=$(sed -E 's/.*"position":"([^"]+)".*/\1/' <<<"$answer")

step "The key that paid is not for anything else"
must_refuse "$bitacora" append "$topic" bob-1 --type OrderPaid --key "pay-bob-1" \
  --data '{"amount":1.00}'

step "The history of Bob's order: paid once"
"$bitacora" read "$topic" bob-1

step "Everything that happened, in the order of each stream"
"$bitacora" read "$topic"

step "All orders as they stand, from a read model that has seen the cancellation"
"$bitacora" get "$topic.latest" --at-least "$position"

step "The proof: the read model, rebuilt from the log, is the same"
"$bitacora" verify --topic "$topic"
