#!/usr/bin/env python3
"""produce.py TICKET: reports a new ticket to Kafka. Needs confluent-kafka from PyPI."""

import json
import os
import sys
from datetime import datetime, timezone

from confluent_kafka import Producer

ticket = sys.argv[1]
event = {
    "specversion": "1.0",
    "id": f"{ticket}-created",  # the helpdesk's own id of the change: sending it again has no effect
    "source": "https://acme.example/desk",
    "type": "support.ticket.created",
    "time": os.environ.get("TIME") or datetime.now(timezone.utc).isoformat(),
    "data": {"ticket_id": ticket, "channel": "email", "priority": "urgent", "customer_id": "C-7"},
}
failures = []
producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "enable.idempotence": True})
producer.produce(
    "support.inbound", key=ticket, value=json.dumps(event),
    on_delivery=lambda error, _: failures.append(error) if error else None)
if producer.flush(30) or failures:
    sys.exit(f"not delivered: {failures or 'no answer'}")
