"""Conformance of the local broker as clients without librdkafka see it (kafka-python and aiokafka from PyPI).

Usage: python_clients.py BOOTSTRAP [CHECK ...]
"""
import asyncio
import sys
import time
import traceback
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AsyncTopicPartition
from aiokafka.errors import ProducerFenced
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

BOOTSTRAP = sys.argv[1]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def topic(prefix, partitions=1):
    name = f"{prefix}-{uuid.uuid4().hex[:10]}"
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    admin.close()
    return name


@check
def kafka_python_produces_and_consumes_in_a_group():
    name = topic("kp", 2)
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all")
    for number in range(200):
        producer.send(name, str(number).encode(), partition=number % 2)
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(
        name, bootstrap_servers=BOOTSTRAP, group_id=f"g-{uuid.uuid4().hex}", auto_offset_reset="earliest", consumer_timeout_ms=20000)
    values = []
    for record in consumer:
        values.append(int(record.value))
        if len(values) == 200:
            break
    consumer.commit()
    assert consumer.committed(TopicPartition(name, 0)) == 100
    consumer.close()
    assert sorted(values) == list(range(200)), values


@check
def kafka_python_reads_its_own_codecs():
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        name = topic("kpc")
        begin = int(time.time() * 1000)
        producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", compression_type=codec, linger_ms=100)
        for number in range(100):
            producer.send(name, f"{codec}{number}".encode() + b"x" * 50, key=b"k", timestamp_ms=begin + number)
        producer.close()
        consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, auto_offset_reset="earliest", consumer_timeout_ms=20000)
        partition = TopicPartition(name, 0)
        consumer.assign([partition])
        values = [record.value for _, record in zip(range(100), consumer)]
        assert values == [f"{codec}{number}".encode() + b"x" * 50 for number in range(100)], values
        found = consumer.offsets_for_times({partition: begin + 50})[partition]
        assert found.offset == 50 and found.timestamp == begin + 50, found
        consumer.close()


@check
def kafka_python_static_member():
    name = topic("kps", 2)
    group = "g-" + name
    first = KafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=group, group_instance_id="one")
    deadline = time.time() + 60
    # A poll whose time is up while the client joins loses the assignment for good (kafka-python 3.0.12).
    while time.time() < deadline and len(first.assignment()) < 2:
        first.poll(timeout_ms=10000)
    assert len(first.assignment()) == 2
    first.close()
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    again = KafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=group, group_instance_id="one")
    while time.time() < deadline and len(again.assignment()) < 2:
        again.poll(timeout_ms=10000)
    assert len(again.assignment()) == 2
    again.close()
    admin.close()


@check
def kafka_python_administers():
    name = topic("kpa")
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    assert name in admin.list_topics()
    admin.list_consumer_groups() if hasattr(admin, "list_consumer_groups") else admin.list_groups()
    admin.delete_topics([name])
    assert name not in admin.list_topics()
    admin.close()


async def aio():
    name = topic("aio")
    producer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=f"tx-{uuid.uuid4().hex}")
    await producer.start()
    for commits in (True, False, True):
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"committed" if commits else b"aborted", partition=0)
        await producer.send_offsets_to_transaction({AsyncTopicPartition(name, 0): 1}, "g-" + name)
        await (producer.commit_transaction() if commits else producer.abort_transaction())
    seen = {}
    for isolation in ("read_committed", "read_uncommitted"):
        consumer = AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP, isolation_level=isolation, auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign([AsyncTopicPartition(name, 0)])
        seen[isolation] = []
        deadline = time.time() + 3
        while time.time() < deadline:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                seen[isolation] += [r.value for r in records]
        await consumer.stop()
    assert seen["read_committed"] == [b"committed"] * 2, seen
    assert seen["read_uncommitted"] == [b"committed", b"aborted", b"committed"], seen
    newer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=producer._txn_manager.transactional_id)
    await newer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(name, b"zombie", partition=0)
        raise AssertionError("the zombie has written")
    except ProducerFenced:
        pass
    await newer.stop()
    await producer.stop()


@check
def aiokafka_transactions():
    asyncio.run(aio())


async def aio_group():
    name = topic("aiog", 4)
    group = "g-" + name
    one = AIOKafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=group)
    await one.start()
    two = AIOKafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=group)
    await two.start()
    deadline = time.time() + 30
    while time.time() < deadline and not (len(one.assignment()) == 2 and len(two.assignment()) == 2):
        await one.getmany(timeout_ms=100)
        await two.getmany(timeout_ms=100)
    assert len(one.assignment()) == 2 and not one.assignment() & two.assignment(), (one.assignment(), two.assignment())
    await two.stop()
    await one.stop()


@check
def aiokafka_two_members_and_a_rebalance():
    asyncio.run(aio_group())


def main():
    wanted = sys.argv[2:]
    failed = 0
    for function in CHECKS:
        if wanted and function.__name__ not in wanted:
            continue
        begin = time.time()
        try:
            function()
            print(f"ok      {function.__name__} ({time.time() - begin:.1f} s)", flush=True)
        except BaseException:
            failed += 1
            print(f"FAILED  {function.__name__} ({time.time() - begin:.1f} s)\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failed else 0)


main()
