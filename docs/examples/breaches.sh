#!/bin/sh
# breaches.sh [KCAT OPTION…]: prints SLA facts as they come, one CloudEvent a line, with kcat. -e ends at the topic's end.
set -eu
kcat -C -b "$KAFKA_BOOTSTRAP_SERVERS" -t support.alerts -X isolation.level=read_committed -q -u "$@" \
    | grep --line-buffered '"type":"deskbeat\.sla\.'
