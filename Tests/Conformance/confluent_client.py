"""Conformance of the local broker as librdkafka sees it (confluent-kafka from PyPI).

Usage: confluent_client.py BOOTSTRAP [CHECK ...]

Every check makes topics and groups of its own, so that the program runs against any broker, Apache Kafka included. Prints one line per
check; exits 1 when one has failed.
"""
import subprocess
import sys
import threading
import time
import traceback
import uuid

from confluent_kafka import (
    Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition,
    OFFSET_BEGINNING, TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType)

BOOTSTRAP = sys.argv[1]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


ADMIN = AdminClient({"bootstrap.servers": BOOTSTRAP})


def admin():
    return ADMIN


def until(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what


def topic(prefix, partitions=1, **config):
    new = name(prefix)
    config = {key.replace("_", "."): value for key, value in config.items()}
    for future in admin().create_topics([NewTopic(new, partitions, 1, config=config)]).values():
        future.result(10)
    # Apache Kafka answers when its controller knows the topic; its brokers learn of it a little later.
    until(lambda: new in admin().list_topics(timeout=10).topics, f"metadata with {new}")
    return new


def producer(**settings):
    return Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 1,
                     **{key.replace("_", "."): value for key, value in settings.items()}})


def consumer(group=None, **settings):
    return Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group or name("group"), "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "fetch.wait.max.ms": 100,
                     **{key.replace("_", "."): value for key, value in settings.items()}})


def transactional(transactional_id, timeout=10000):
    new = producer(transactional_id=transactional_id, transaction_timeout_ms=timeout)
    new.init_transactions(10)
    return new


def read_all(topic_name, isolation="read_committed", partition=0):
    """Everything up to the end of the partition, as this isolation level sees it."""
    reader = consumer(isolation_level=isolation, enable_partition_eof=True)
    reader.assign([TopicPartition(topic_name, partition, OFFSET_BEGINNING)])
    values = []
    try:
        deadline = time.time() + 20
        while time.time() < deadline:
            message = reader.poll(1)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return values
                raise KafkaException(message.error())
            values.append(message.value().decode())
        raise AssertionError(f"no end of {topic_name} after 20 s; got {values}")
    finally:
        reader.close()


def poll_until(consumers, condition, seconds=20):
    deadline = time.time() + seconds
    while time.time() < deadline:
        for each in consumers:
            message = each.poll(0.05)
            if message is not None and not message.error():
                each.received.append(message) if hasattr(each, "received") else None
        if condition():
            return
    raise AssertionError("the condition did not come about")


def equal(actual, expected, what):
    assert actual == expected, f"{what}: expected {expected!r}, got {actual!r}"


@check
def produce_and_consume_with_every_codec():
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        target = topic("codec")
        writer = producer(compression_type=codec, acks="all")
        expected = [f"{codec}-{number}-" + "x" * 100 for number in range(500)]
        for value in expected:
            writer.produce(target, value.encode(), key=b"key", headers=[("a", b"1"), ("b", None)], partition=0)
        equal(writer.flush(10), 0, "unsent messages")
        equal(read_all(target), expected, codec)


@check
def idempotent_producer():
    target = topic("idempotent", 3)
    writer = producer(enable_idempotence=True)
    for number in range(3000):
        writer.produce(target, f"{number}".encode(), partition=number % 3)
    equal(writer.flush(10), 0, "unsent messages")
    for partition in range(3):
        equal(read_all(target, partition=partition), [f"{n}" for n in range(3000) if n % 3 == partition], "values")


@check
def commit_and_abort_under_both_isolation_levels():
    target = topic("isolation")
    writer = transactional(name("tx"))
    for round_number, commits in enumerate([True, False, True, False]):
        writer.begin_transaction()
        for number in range(3):
            writer.produce(target, f"{'c' if commits else 'a'}{round_number}{number}".encode(), partition=0)
        writer.commit_transaction(10) if commits else (writer.flush(10), writer.abort_transaction(10))
    committed = [f"c{r}{n}" for r in (0, 2) for n in range(3)]
    everything = [f"{kind}{r}{n}" for r, kind in enumerate("caca") for n in range(3)]
    equal(read_all(target), committed, "read_committed")
    equal(read_all(target, "read_uncommitted"), everything, "read_uncommitted")
    low, high = consumer().get_watermark_offsets(TopicPartition(target, 0), 10)
    equal((low, high), (0, 16), "watermarks: each marker takes an offset")


@check
def open_transaction_holds_the_last_stable_offset():
    target = topic("stable")
    open_one = transactional(name("tx"))
    open_one.begin_transaction()
    open_one.produce(target, b"open", partition=0)
    open_one.flush(10)
    plain = producer()
    plain.produce(target, b"plain", partition=0)
    plain.flush(10)
    equal(read_all(target), [], "read_committed while the transaction is open")
    equal(read_all(target, "read_uncommitted"), ["open", "plain"], "read_uncommitted")
    open_one.commit_transaction(10)
    equal(read_all(target), ["open", "plain"], "read_committed after the commit")


@check
def zombie_is_fenced():
    target = topic("zombie")
    identity = name("tx")
    old = transactional(identity)
    old.begin_transaction()
    old.produce(target, b"zombie", partition=0)
    old.flush(10)
    new = transactional(identity)
    try:
        old.commit_transaction(10)
        raise AssertionError("the zombie has committed")
    except KafkaException as error:
        assert error.args[0].fatal(), f"not fatal: {error}"
        assert error.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH), error
    new.begin_transaction()
    new.produce(target, b"new", partition=0)
    new.commit_transaction(10)
    equal(read_all(target), ["new"], "read_committed")


@check
def transaction_times_out():
    target = topic("timeout")
    writer = transactional(name("tx"), timeout=1000)
    writer.begin_transaction()
    writer.produce(target, b"late", partition=0)
    writer.flush(10)
    plain = producer()
    plain.produce(target, b"after", partition=0)
    plain.flush(10)
    reader = consumer(isolation_level="read_committed")
    reader.assign([TopicPartition(target, 0, OFFSET_BEGINNING)])
    message = None
    deadline = time.time() + 90  # Apache Kafka looks for expired transactions every 10 s
    while message is None and time.time() < deadline:
        message = reader.poll(1)
    reader.close()
    equal(message and message.value(), b"after", "first committed message")
    try:
        writer.commit_transaction(10)
        raise AssertionError("a transaction that had timed out was committed")
    except KafkaException:
        pass


@check
def consume_transform_produce():
    source, target, group = topic("source", 2), topic("target", 2), name("group")
    feed = producer()
    for number in range(400):
        feed.produce(source, f"{number}".encode(), partition=number % 2)
    feed.flush(10)
    reader = consumer(group, isolation_level="read_committed")
    reader.subscribe([source])
    writer = transactional(name("tx"))
    done, rounds = 0, 0
    deadline = time.time() + 30
    while done < 400 and time.time() < deadline:
        messages = reader.consume(50, 0.5)
        if not messages:
            continue
        rounds += 1
        writer.begin_transaction()
        for message in messages:
            assert not message.error(), message.error()
            writer.produce(target, message.value(), partition=message.partition())
        position = reader.position(reader.assignment())
        writer.send_offsets_to_transaction(position, reader.consumer_group_metadata(), 10)
        if rounds % 3 == 0:
            writer.abort_transaction(10)
            for committed in reader.committed(reader.assignment(), 10):
                committed.offset = max(committed.offset, 0)
                reader.seek(committed)
        else:
            writer.commit_transaction(10)
            done += len(messages)
    reader.close()
    values = read_all(target, partition=0) + read_all(target, partition=1)
    equal(sorted(map(int, values)), list(range(400)), "each record exactly once")
    equal(sum(p.offset for p in consumer(group).committed([TopicPartition(source, 0), TopicPartition(source, 1)], 10)), 400,
          "committed offsets")


@check
def pending_offsets_are_hidden():
    source, group = topic("pending"), name("group")
    feed = producer()
    feed.produce(source, b"1", partition=0)
    feed.flush(10)
    reader = consumer(group)
    reader.subscribe([source])
    message = None
    deadline = time.time() + 20
    while message is None and time.time() < deadline:
        message = reader.poll(0.5)
    writer = transactional(name("tx"))
    writer.begin_transaction()
    writer.send_offsets_to_transaction([TopicPartition(source, 0, 1)], reader.consumer_group_metadata(), 10)
    other = consumer(group, isolation_level="read_committed")
    try:
        result = other.committed([TopicPartition(source, 0)], 2)
        raise AssertionError(f"a pending offset was shown: {result}")
    except KafkaException as error:
        assert error.args[0].code() in (KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT), error
    writer.commit_transaction(10)
    equal(other.committed([TopicPartition(source, 0)], 10)[0].offset, 1, "offset after the commit")
    reader.close()


@check
def two_members_and_a_rebalance():
    target, group = topic("rebalance", 4), name("group")
    first, second = consumer(group, session_timeout_ms=6000), consumer(group, session_timeout_ms=6000)
    assigned = {1: set(), 2: set()}

    def watch(number):
        def on_assign(_, partitions):
            assigned[number] = {p.partition for p in partitions}

        def on_revoke(_, partitions):
            assigned[number] = set()
        return {"on_assign": on_assign, "on_revoke": on_revoke}

    first.subscribe([target], **watch(1))
    poll_until([first], lambda: assigned[1] == {0, 1, 2, 3})
    second.subscribe([target], **watch(2))
    poll_until([first, second], lambda: len(assigned[1]) == 2 and len(assigned[2]) == 2)
    equal(assigned[1] | assigned[2], {0, 1, 2, 3}, "all partitions are assigned")
    description = admin().describe_consumer_groups([group])[group].result(10)
    equal((description.state.name, len(description.members)), ("STABLE", 2), "described group")
    listed = admin().list_consumer_groups().result()
    assert group in {g.group_id for g in listed.valid}, "the group is listed"
    first.close()
    poll_until([second], lambda: assigned[2] == {0, 1, 2, 3})
    second.close()


@check
def session_of_a_killed_member_expires():
    target, group = topic("session", 2), name("group")
    program = f"""
from confluent_kafka import Consumer
member = Consumer({{"bootstrap.servers": "{BOOTSTRAP}", "group.id": "{group}", "session.timeout.ms": 6000}})
member.subscribe(["{target}"], on_assign=lambda _, partitions: print("assigned", flush=True))
while True:
    member.poll(0.1)
"""
    victim = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        equal(victim.stdout.readline(), b"assigned\n", "the victim's word")
    finally:
        victim.kill()
        victim.wait()
    survivor = consumer(group, session_timeout_ms=6000)
    survivor.subscribe([target])
    begin = time.time()
    poll_until([survivor], lambda: len(survivor.assignment()) == 2)
    assert time.time() - begin > 1, "the survivor was not kept waiting for the victim's session"
    survivor.close()


@check
def static_member_comes_back_without_rebalance():
    target, group = topic("static", 4), name("group")
    rebalances = []

    def member(instance):
        new = consumer(group, group_instance_id=instance, session_timeout_ms=30000)
        new.subscribe([target], on_assign=lambda _, p: rebalances.append((instance, sorted(x.partition for x in p))))
        return new
    one, two = member("one"), member("two")
    poll_until([one, two], lambda: len(one.assignment()) == 2 and len(two.assignment()) == 2)
    before = sorted(p.partition for p in two.assignment())
    count = len(rebalances)
    two.close()  # a static member does not leave
    again = member("two")
    poll_until([one, again], lambda: len(again.assignment()) == 2)
    equal(sorted(p.partition for p in again.assignment()), before, "the assignment that it had")
    equal([r[0] for r in rebalances[count:]], ["two"], "only the one that came back was assigned anything")
    impostor = member("two")
    fenced = []
    deadline = time.time() + 20
    while not fenced and time.time() < deadline:
        one.poll(0.05)
        impostor.poll(0.05)
        try:
            message = again.poll(0.05)
            if message is not None and message.error():
                fenced.append(message.error().code())
        except KafkaException as error:
            fenced.append(error.args[0].code())
    assert fenced and fenced[0] in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID), fenced
    for each in (one, again, impostor):
        each.close()


@check
def offsets_with_metadata_and_by_time():
    target, group = topic("offsets", retention_ms="-1"), name("group")
    writer = producer()
    for number in range(100):
        writer.produce(target, b"v", partition=0, timestamp=1_000_000 + number * 1000)
        writer.flush(10)
    reader = consumer(group)
    reader.commit(offsets=[TopicPartition(target, 0, 42, "a note")], asynchronous=False)
    committed = consumer(group).committed([TopicPartition(target, 0)], 10)[0]
    equal((committed.offset, committed.metadata), (42, "a note"), "committed offset")
    found = reader.offsets_for_times([TopicPartition(target, 0, 1_050_000)], 10)[0]
    equal(found.offset, 50, "offset by time")
    found = reader.offsets_for_times([TopicPartition(target, 0, 1_050_001)], 10)[0]
    equal(found.offset, 51, "offset by time, in between")
    found = reader.offsets_for_times([TopicPartition(target, 0, 9_000_000_000_000)], 10)[0]
    equal(found.offset, -1, "offset by time, after the end")
    client = admin()
    for spec, expected in [(OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 100), (OffsetSpec.max_timestamp(), 99),
                           (OffsetSpec.for_timestamp(1_010_000), 10)]:
        result = client.list_offsets({TopicPartition(target, 0): spec})
        equal([f.result(10).offset for f in result.values()], [expected], f"listed offset {spec}")
    listed = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10)
    equal([(p.topic, p.offset, p.metadata) for p in listed.topic_partitions], [(target, 42, "a note")], "group offsets")
    client.delete_consumer_groups([group])[group].result(10)
    equal(consumer(group).committed([TopicPartition(target, 0)], 10)[0].offset, -1001, "offset of a deleted group")


@check
def topics_and_configs():
    client = admin()
    target = topic("configs", 2, cleanup_policy="compact", max_message_bytes="2000", message_timestamp_type="LogAppendTime")
    resource = ConfigResource(ResourceType.TOPIC, target)
    config = client.describe_configs([resource])[resource].result(10)
    equal((config["cleanup.policy"].value, config["max.message.bytes"].value), ("compact", "2000"), "described configs")
    assert config["segment.bytes"].is_default and not config["cleanup.policy"].is_default
    entry = ConfigEntry("retention.ms", "12345", incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, target, incremental_configs=[entry])
    client.incremental_alter_configs([change])[change].result(10)
    config = client.describe_configs([resource])[resource].result(10)
    equal((config["retention.ms"].value, config["cleanup.policy"].value), ("12345", "compact"), "altered configs")
    writer = producer(message_max_bytes=100000)
    errors = []
    writer.produce(target, b"x" * 5000, key=b"k", on_delivery=lambda error, _: errors.append(error))
    writer.flush(10)
    equal(errors[0] and errors[0].code(), KafkaError.MSG_SIZE_TOO_LARGE, "too large a message")
    writer.produce(target, b"small", key=b"k", partition=0, timestamp=5)
    writer.flush(10)
    reader = consumer()
    reader.assign([TopicPartition(target, 0, OFFSET_BEGINNING)])
    message = reader.poll(10)
    kind, stamp = message.timestamp()
    equal(kind, TIMESTAMP_LOG_APPEND_TIME, "timestamp type")
    assert abs(stamp / 1000 - time.time()) < 60, stamp
    for future in client.create_topics([NewTopic(target, 1, 1)]).values():
        try:
            future.result(10)
            raise AssertionError("created twice")
        except KafkaException as error:
            equal(error.args[0].code(), KafkaError.TOPIC_ALREADY_EXISTS, "second creation")
    spelled = topic("spelled", preallocate=" TRUE ", min_cleanable_dirty_ratio="0", cleanup_policy=" delete , compact ")
    resource = ConfigResource(ResourceType.TOPIC, spelled)
    config = client.describe_configs([resource])[resource].result(10)
    equal([config[each].value for each in ("preallocate", "min.cleanable.dirty.ratio", "cleanup.policy")],
          ["true", "0.0", "delete,compact"], "spellings of settings")
    contradiction = {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"}
    for bad, code in [(NewTopic(name("bad"), 1, 1, config={"no.such": "1"}), KafkaError.INVALID_CONFIG),
                      (NewTopic(name("bad"), 1, 1, config={"compression.gzip.level": "0"}), KafkaError.INVALID_CONFIG),
                      (NewTopic(name("bad"), 1, 1, config=contradiction), KafkaError.INVALID_CONFIG),
                      (NewTopic(name("bad"), 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
                      (NewTopic("no/slash", 1, 1), KafkaError.TOPIC_EXCEPTION)]:
        try:
            list(client.create_topics([bad]).values())[0].result(10)
            raise AssertionError("created")
        except KafkaException as error:
            equal(error.args[0].code(), code, bad.topic)
    client.delete_topics([target])[target].result(10)
    until(lambda: target not in client.list_topics(timeout=10).topics, "metadata without a deleted topic")


@check
def deleted_records_are_out_of_range():
    target = topic("delete")
    writer = producer()
    for number in range(10):
        writer.produce(target, f"{number}".encode(), partition=0)
    writer.flush(10)
    result = admin().delete_records([TopicPartition(target, 0, 4)])
    equal([f.result(10).low_watermark for f in result.values()], [4], "low watermark")
    equal(read_all(target), ["4", "5", "6", "7", "8", "9"], "what is left")
    reader = consumer(auto_offset_reset="error")
    reader.assign([TopicPartition(target, 0, 1)])
    message = reader.poll(10)
    equal(message.error().code(), KafkaError._AUTO_OFFSET_RESET, "reading below the start")
    reader.close()


@check
def compaction_keeps_the_last_value_of_each_key():
    target = topic("compaction", 1, cleanup_policy="compact", segment_ms="100", min_cleanable_dirty_ratio="0.01",
                   delete_retention_ms="0", max_compaction_lag_ms="1000")
    writer = transactional(name("tx"))
    last, count = {}, 0
    for number in range(120):
        commits = number % 4 != 3
        writer.begin_transaction()
        for _ in range(5):
            key, value = f"k{count % 7}", f"{count}"
            writer.produce(target, value.encode(), key=key.encode(), partition=0)
            if commits:
                last[key] = value
            count += 1
        writer.commit_transaction(20) if commits else writer.abort_transaction(20)
        time.sleep(0.02)
    deadline = time.time() + 120
    while True:
        # Only what is followed by a newer segment can be compacted.
        writer.begin_transaction()
        writer.produce(target, b"end", key=b"end", partition=0)
        writer.commit_transaction(20)
        values = read_all(target)
        kept = [value for value in values if value != "end"]
        equal(set(last.values()) - set(kept), set(), "last values that are missing")
        if len(kept) <= 20:
            break
        assert time.time() < deadline, f"{len(kept)} records are left"
        time.sleep(2)
    equal(admin().list_offsets({TopicPartition(target, 0): OffsetSpec.earliest()})[TopicPartition(target, 0)].result(10).offset,
          0, "start offset")


@check
def compacted_topics_want_keys():
    target = topic("keys", 1, cleanup_policy="compact")
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        writer = producer(compression_type=codec)
        errors = []
        writer.produce(target, b"value", partition=0, on_delivery=lambda error, _: errors.append(error))
        equal(writer.flush(10), 0, "unsent messages")
        equal(errors[0] and errors[0].code(), KafkaError.INVALID_RECORD, codec)
        writer.produce(target, codec.encode(), key=b"k", partition=0)
        equal(writer.flush(10), 0, "unsent messages")
    equal(read_all(target), ["none", "gzip", "snappy", "lz4", "zstd"], "records with keys")


@check
def offsets_by_time_are_exact_in_compressed_batches():
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        target = topic("time", retention_ms="-1")
        writer = producer(compression_type=codec, linger_ms=200)
        for number in range(50):
            writer.produce(target, b"x" * 50, partition=0, timestamp=1_000_000 + number * 10)
        equal(writer.flush(10), 0, "unsent messages")
        reader = consumer()
        for number in [0, 7, 49]:
            found = reader.offsets_for_times([TopicPartition(target, 0, 1_000_000 + number * 10 - 5)], 10)[0]
            equal(found.offset, number, f"{codec} {number}")
        reader.close()


@check
def partitions_are_added():
    target = topic("grow", 2)
    client = admin()
    list(client.create_partitions([NewPartitions(target, 5)]).values())[0].result(10)
    equal(len(client.list_topics(target, timeout=10).topics[target].partitions), 5, "partitions")
    for count, code in [(5, KafkaError.INVALID_PARTITIONS), (1, KafkaError.INVALID_PARTITIONS)]:
        try:
            list(client.create_partitions([NewPartitions(target, count)]).values())[0].result(10)
            raise AssertionError("changed")
        except KafkaException as error:
            equal(error.args[0].code(), code, f"{count} partitions")
    writer = producer()
    writer.produce(target, b"new", partition=4)
    equal(writer.flush(10), 0, "unsent messages")
    equal(read_all(target, partition=4), ["new"], "the new partition")


@check
def groups_are_listed_described_and_altered():
    target, group = topic("groups"), name("group")
    member = consumer(group, group_instance_id="one", client_id="a-client")
    member.subscribe([target])
    poll_until([member], lambda: len(member.assignment()) == 1)
    client = admin()
    described = client.describe_consumer_groups([group])[group].result(10)
    equal((described.state.name, len(described.members), described.members[0].group_instance_id, described.members[0].client_id),
          ("STABLE", 1, "one", "a-client"), "the group")
    listed = client.list_consumer_groups().result().valid
    assert any(each.group_id == group for each in listed), listed
    try:
        client.delete_consumer_groups([group])[group].result(10)
        raise AssertionError("deleted a group with a member")
    except KafkaException as error:
        equal(error.args[0].code(), KafkaError.NON_EMPTY_GROUP, "deleting a group with a member")
    member.close()
    other = name("group")
    client.alter_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(other, [TopicPartition(target, 0, 7)])])[other].result(10)
    equal(consumer(other).committed([TopicPartition(target, 0)], 10)[0].offset, 7, "altered offset")


@check
def long_poll_is_woken_by_a_record():
    target = topic("poll")
    reader = consumer(fetch_wait_max_ms=8000)
    reader.assign([TopicPartition(target, 0, OFFSET_BEGINNING)])
    reader.poll(1)
    writer = producer()
    timer = threading.Timer(1, lambda: (writer.produce(target, b"now", partition=0), writer.flush(10)))
    timer.start()
    message = reader.poll(20)
    equal(message and message.value(), b"now", "message")
    timer.join()
    reader.close()


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
