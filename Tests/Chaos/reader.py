"""Reads what Deskbeat has published, with a client that is not ours, and holds it to the contract.

    reader.py BROKERS TOPIC_PREFIX EVENTS.ndjson

- No two records of support.alerts have the same id; the sequence of each KPI key goes up by one from 1, and that of each
  other subject goes up.
- Every event of EVENTS (all of them were acknowledged) stands on the topic of its kind, and nothing else does; the dead
  letters are empty.

Prints what is wrong; the exit code is 1 then.
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

# The canonical topic of each kind of event.
TOPICS = {"ticket": "tickets", "survey": "surveys", "subscription": "customers"}


def records(brokers, topic):
    """Every record that a read_committed consumer gets, partition by partition, in order."""
    consumer = Consumer({
        "bootstrap.servers": brokers, "group.id": "chaos-reader", "enable.auto.commit": False,
        "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error"})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    left = set(partitions)
    while left:
        message = consumer.poll(30)
        if message is None:
            raise SystemExit(f"{topic}: partitions {sorted(left)} have not come to an end: is a transaction open?")
        if not message.error():
            yield message
        elif message.error().code() == KafkaError._PARTITION_EOF:
            left.discard(message.partition())
        else:
            raise KafkaException(message.error())
    consumer.close()


def check_alerts(brokers, topic):
    ids, last, faults = set(), {}, []
    for message in records(brokers, topic):
        if message.value() is None:
            continue
        update = json.loads(message.value())
        if update["id"] in ids:
            faults.append(f"{topic}: {update['subject']} has the id {update['id']} a second time")
        ids.add(update["id"])
        if message.key().decode() != update["subject"]:
            faults.append(f"{topic}: the key of {update['subject']} is {message.key()}")
        sequence = int(update["sequence"])
        before = last.get(update["subject"], 0)
        is_kpi = update["type"] == "deskbeat.kpi.updated"
        if is_kpi and sequence != before + 1:
            faults.append(f"{topic}: {update['subject']} goes from {before} to {sequence}")
        elif sequence <= before:
            faults.append(f"{topic}: {update['subject']} falls from {before} to {sequence}")
        last[update["subject"]] = sequence
    if not ids:
        faults.append(f"{topic}: there is nothing on it")
    return len(ids), faults


def check_events(brokers, prefix, path):
    with open(path, encoding="utf-8") as file:
        sent = {(TOPICS[event["type"].split(".")[1]], event["id"]) for event in map(json.loads, file)}
    stored = {(topic, json.loads(message.value())["id"])
              for topic in set(TOPICS.values()) for message in records(brokers, prefix + topic)}
    faults = [f"the acknowledged event {event} is lost" for event in sorted(sent - stored)]
    faults += [f"nobody has sent the event {event}" for event in sorted(stored - sent)]
    for message in records(brokers, f"{prefix}deadletter"):
        faults.append(f"a dead letter: {dict(message.headers() or [])} {message.value()[:200]}")
    return len(sent), faults


def conclude(read, faults):
    """Says what was read and found, and ends the process by it."""
    for fault in faults[:20]:
        print(fault)
    print(f"{read}, {len(faults)} faults")
    sys.exit(1 if faults else 0)


def main():
    brokers, prefix, path = sys.argv[1:4]
    events, faults = check_events(brokers, prefix, path)
    alerts, more = check_alerts(brokers, f"{prefix}alerts")
    faults += more
    conclude(f"{events} events, {alerts} alerts", faults)


if __name__ == "__main__":
    main()
