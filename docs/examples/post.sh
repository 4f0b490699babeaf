#!/bin/sh
# post.sh TICKET: reports a new ticket over HTTP with curl, to ingest at $INGEST (http://127.0.0.1:8080).
# 202 once the event is durable; 429 and 503 say in Retry-After when to send it again, which curl does.
set -eu
ticket=$1
time=${TIME:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused "$INGEST/v1/events" \
    ${TOKEN:+-H "authorization: Bearer $TOKEN"} -H 'content-type: application/cloudevents+json' -d @- <<JSON
{"specversion":"1.0","id":"$ticket-created","source":"https://acme.example/desk","type":"support.ticket.created","time":"$time",
 "data":{"ticket_id":"$ticket","channel":"email","priority":"urgent","customer_id":"C-7"}}
JSON
