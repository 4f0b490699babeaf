#!/usr/bin/env python3
"""breaches.py [COUNT]: passes open and closed SLA incidents to an alerting system, here standard output. Needs confluent-kafka.

Ends after COUNT facts, if given. Offsets are committed after the receiver has taken a fact, so that none is lost; the receiver
must group by fingerprint, since one may come twice."""

import json
import os
import sys

from confluent_kafka import Consumer

SLA = ("deskbeat.sla.warning", "deskbeat.sla.breached", "deskbeat.sla.level", "deskbeat.sla.fulfilled",
       "deskbeat.sla.cancelled", "deskbeat.sla.retracted")

left = int(sys.argv[1]) if len(sys.argv) > 1 else -1
consumer = Consumer({
    "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "group.id": os.environ.get("GROUP", "pager"),
    "isolation.level": "read_committed",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})
consumer.subscribe(["support.alerts"])
try:
    while left != 0:
        record = consumer.poll(1)
        if record is None:
            continue
        if record.error():
            sys.exit(str(record.error()))
        # The type is in a header too: KPI updates need not be parsed.
        if dict(record.headers() or []).get("ce_type", b"").decode() in SLA:
            event = json.loads(record.value())
            fact = event["data"]
            if not fact["historical"]:
                print(fact["state"], fact["severity"], fact["fingerprint"], event["type"], fact["summary"], flush=True)
            left -= 1
        consumer.commit(record)
finally:
    consumer.close()
