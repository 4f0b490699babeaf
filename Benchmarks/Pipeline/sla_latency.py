#!/usr/bin/env python3
"""sla_latency.py [--rate 5000] [--seconds 30]: how long after its due instant a breach can be read under read_committed.

Needs a running installation (KAFKA_BOOTSTRAP_SERVERS) whose rules are those that --print-rules prints, and confluent-kafka. Tickets are
created through support.inbound at the rate given; each tenth one breaches after 5 s."""

import argparse
import datetime
import json
import os
import threading
import time

RULES = """calendars: {always: {always: true}}
policies:
  - {id: gold, when: {tier: gold}, calendar: always, metrics: {first_response: {target: 5s}}}
"""

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("--rate", type=int, default=5000, help="events per second")
arguments.add_argument("--seconds", type=int, default=30)
arguments.add_argument("--print-rules", action="store_true")
options = arguments.parse_args()
if options.print_rules:
    print(RULES, end="")
    raise SystemExit

from confluent_kafka import Consumer, Producer  # noqa: E402

servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
prefix = os.environ.get("DESKBEAT_TOPIC_PREFIX", "support.")
run = str(int(time.time()))
count = options.rate * options.seconds
expected = count // 10
delays = []
ready = threading.Event()


def consume():
    consumer = Consumer({
        "bootstrap.servers": servers, "group.id": f"latency-{run}", "isolation.level": "read_committed",
        "auto.offset.reset": "latest", "enable.auto.commit": False, "fetch.wait.max.ms": 10,
    })
    consumer.subscribe([prefix + "alerts"], on_assign=lambda consumer, partitions: ready.set())
    last = time.time()
    while len(delays) < expected and time.time() - last < 30:
        record = consumer.poll(0.05)
        if record is None or record.error():
            continue
        if dict(record.headers() or []).get("ce_type") != b"deskbeat.sla.breached":
            continue
        now = last = time.time()
        fact = json.loads(record.value())["data"]
        if fact["ticket_id"].startswith(f"L{run}-"):
            delays.append(now - datetime.datetime.fromisoformat(fact["breached_at"].replace("Z", "+00:00")).timestamp())
    consumer.close()


reader = threading.Thread(target=consume)
reader.start()
ready.wait(30)
producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "acks": "all"})
start = time.time()
for number in range(count):
    due = start + number / options.rate
    if (wait := due - time.time()) > 0:
        time.sleep(wait)
        producer.poll(0)
    stamp = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    tier = "gold" if number % 10 == 0 else "basic"
    ticket = f"L{run}-{number}"
    event = {
        "specversion": "1.0", "id": "1", "source": "https://bench.example", "type": "support.ticket.created", "time": stamp,
        "data": {"ticket_id": ticket, "channel": "email", "priority": "normal", "tier": tier},
    }
    producer.produce(prefix + "inbound", key=ticket, value=json.dumps(event))
producer.flush()
sent = time.time() - start
reader.join()
delays.sort()
if not delays:
    raise SystemExit("no breach was read: is this installation running under the rules of --print-rules?")


def quantile(share):
    return delays[int(share * (len(delays) - 1))] * 1000


print(f"{count} events in {sent:.1f} s, {len(delays)} of {expected} breaches: p50 {quantile(0.5):.0f} ms, "
      f"p99 {quantile(0.99):.0f} ms, max {quantile(1):.0f} ms behind their due instant")
