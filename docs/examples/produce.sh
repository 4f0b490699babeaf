#!/bin/sh
# produce.sh TICKET: reports a new ticket to Kafka with kcat. Any partitioner will do; the key is the ticket's id.
set -eu
ticket=$1
time=${TIME:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
# The id is the helpdesk's own id of the change, so that sending it again has no effect.
printf '%s|{"specversion":"1.0","id":"%s-created","source":"https://acme.example/desk","type":"support.ticket.created","time":"%s","data":{"ticket_id":"%s","channel":"email","priority":"urgent","customer_id":"C-7"}}\n' \
    "$ticket" "$ticket" "$time" "$ticket" \
    | kcat -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t support.inbound -K '|' -X acks=all -X enable.idempotence=true
