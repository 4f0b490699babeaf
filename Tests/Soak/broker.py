"""A month of a helpdesk's traffic on the local broker in some minutes: memory and disk must stay flat, and nothing may be lost.

    broker.py --binaries .build/release [--days 30] [--tickets 4000] [--kills 6] [--seed 1]

Every simulated day: new tickets, their events in transactions together with the group's offsets, a state per open ticket in a
compacted topic (a tombstone when it closes), figures that are overwritten all the time in another, and members of a group that come
and go. The broker is killed with SIGKILL now and then. Old events go by retention.bytes: the markers of transactions bear the real time,
and retention.ms goes by the newest record of a segment.

Judges, with confluent-kafka: every event that is still kept is there once, each partition complete from its first kept offset on; the
compacted topics hold the last value of each key; the group's offsets are those of the last transaction; memory and disk of the last
third of the month are not above those of the second third by more than a tenth. The exit code is 0 when all holds.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

DAY = 86_400_000
EVENTS, STATES, FIGURES = "soak.events", "soak.states", "soak.figures"
OFFSETS_GROUP, MEMBERS_GROUP = "soak.offsets", "soak.members"
PARTITIONS = 4
EVENTS_PER_TICKET = 10
BODY = 300  # bytes of an event or a state, hardly compressible


class Broker:
    """`deskbeat broker` on a port of its own that outlives kills."""

    def __init__(self, binaries, folder, arguments):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.folder = folder
        self.command = [f"{binaries}/deskbeat", "broker", "--port", str(self.port), "--data-dir", f"{folder}/data",
                        "--no-auto-create-topics", *arguments]
        self.log = open(f"{folder}/broker.log", "ab")
        self.process = None
        self.slowest_start = 0.0

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > began + 120:
                    raise SystemExit(f"the broker does not start: see {self.folder}/broker.log") from None
                time.sleep(0.01)
        self.slowest_start = max(self.slowest_start, time.monotonic() - began)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def disk(self):
        total = 0
        for folder, _, names in os.walk(f"{self.folder}/data"):
            for name in names:
                try:
                    total += os.path.getsize(os.path.join(folder, name))
                except FileNotFoundError:
                    pass
        return total / (1 << 20)


def insist(call, *arguments):
    """Calls until it succeeds or says that repeating is no use."""
    while True:
        try:
            return call(*arguments)
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise


def transaction(producer, fill, offsets, group):
    """One transaction, repeated until it is committed: what was sent in an attempt that failed is aborted."""
    while True:
        insist(producer.begin_transaction)
        try:
            fill(producer)
            insist(producer.send_offsets_to_transaction, offsets, group, 10)
            insist(producer.commit_transaction, 60)
            return
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            insist(producer.abort_transaction, 60)


class Month:
    """What was acknowledged, as the judges need it."""

    def __init__(self, options):
        self.random = random.Random(options.seed)
        self.options = options
        self.end = int(time.time() * 1000)
        self.sequence = [0] * PARTITIONS  # of the events of each partition
        self.states = {}
        self.figures = {}
        self.offsets = []
        self.open = []
        self.next_ticket = 0
        self.desynchronised = 0

    def play(self, day, broker, kill_at):
        """One day: returns when all of it is acknowledged."""
        producer = self.producer(day, broker)
        # Only the day's consumer is a member of a group; offsets are committed to another, without a generation.
        offsets_owner = Consumer({"bootstrap.servers": broker.address, "group.id": OFFSETS_GROUP})
        group = offsets_owner.consumer_group_metadata()
        consumer = Consumer({"bootstrap.servers": broker.address, "group.id": MEMBERS_GROUP, "session.timeout.ms": 6000,
                             "enable.auto.commit": False, "auto.offset.reset": "latest"})
        consumer.subscribe([EVENTS])
        consumer.poll(0.2)
        start = self.end - (self.options.days - day) * DAY
        self.open += range(self.next_ticket, self.next_ticket + self.options.tickets)
        self.next_ticket += self.options.tickets
        total = self.options.tickets * EVENTS_PER_TICKET
        done = 0
        while done < total:
            count = min(2000, total - done)
            batch = []
            for number in range(count):
                index = self.random.randrange(len(self.open))
                ticket = self.open[index]
                closes = len(self.open) > 5000 and self.random.random() < 1.2 / EVENTS_PER_TICKET
                if closes:
                    self.open[index] = self.open[-1]
                    self.open.pop()
                batch.append((start + DAY * (done + number) // total, ticket, closes))
            done += count
            sequence = self.sequence[:]
            states, figures = {}, {}

            def fill(producer):
                sequence[:] = self.sequence
                states.clear()
                figures.clear()
                for at, ticket, closes in batch:
                    partition = ticket % PARTITIONS
                    self.put(producer, EVENTS, f"T-{ticket}", b"%d:%b" % (sequence[partition], self.random.randbytes(BODY)), partition, at)
                    sequence[partition] += 1
                    states[f"T-{ticket}"] = None if closes else b"%d:%b" % (at, self.random.randbytes(BODY))
                    figures[f"F-{ticket % 3000}"] = b"%d:%d" % (at, ticket)
                for key, value in states.items():
                    self.put(producer, STATES, key, value, int(key[2:]) % PARTITIONS, batch[-1][0])
                for key, value in figures.items():
                    self.put(producer, FIGURES, key, value, 0, batch[-1][0])

            offsets = [TopicPartition(EVENTS, p, self.sequence[p] + 1, metadata=str(day)) for p in range(PARTITIONS)]
            killed = kill_at is not None and done > kill_at
            if killed:
                kill_at = None
                producer.begin_transaction()  # torn: half of it is written when the broker dies
                fill(producer)
                producer.flush(0.05)
                broker.kill()
                insist(producer.abort_transaction, 60)
            try:
                transaction(producer, fill, offsets, group)
            except KafkaException as failure:
                # After an abort librdkafka 2.16 uses sequence numbers of a batch again that the broker had written without having
                # answered. By Kafka's rule of sequences a broker refuses that; a new producer is the way out.
                if not killed or failure.args[0].code() not in (KafkaError._FATAL, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER):
                    raise
                self.desynchronised += 1
                producer = self.producer(day, broker)
                transaction(producer, fill, offsets, group)
            self.sequence = sequence
            for key, value in states.items():
                self.states.pop(key, None)
                if value is not None:
                    self.states[key] = value
            self.figures.update(figures)
            self.offsets = offsets
            consumer.poll(0)
        producer.flush(60)
        consumer.close()
        offsets_owner.close()

    @staticmethod
    def producer(day, broker):
        producer = Producer({
            "bootstrap.servers": broker.address, "transactional.id": f"soak-{day % 5}", "linger.ms": 5, "compression.type": "lz4",
            "transaction.timeout.ms": 60_000,
            # librdkafka 2.16 forgets the only broker when it is away, and then waits for the handle that it has forgotten.
            "metadata.recovery.strategy": "none"})
        insist(producer.init_transactions, 60)
        return producer

    @staticmethod
    def put(producer, topic, key, value, partition, at):
        while True:
            try:
                producer.produce(topic, value, key, partition, timestamp=at)
                return
            except BufferError:
                producer.poll(0.05)


def read(address, topic, partitions):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "judge", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    ends = set()
    while len(ends) < partitions:
        message = consumer.poll(60)
        if message is None:
            raise SystemExit(f"{topic}: no end within 60 s")
        if message.error():
            if message.error().name() != "_PARTITION_EOF":
                raise SystemExit(f"{topic}: {message.error()}")
            ends.add(message.partition())
        else:
            ends.discard(message.partition())
            yield message
    consumer.close()


def judge(month, broker):
    complaints = []
    sequences = [None] * PARTITIONS
    kept = 0
    for message in read(broker.address, EVENTS, PARTITIONS):
        number = int(message.value().split(b":", 1)[0])
        expected = sequences[message.partition()]
        if expected is not None and number != expected:
            complaints.append(f"{EVENTS} [{message.partition()}]: event {number} where {expected} is expected")
        sequences[message.partition()] = number + 1
        kept += 1
    for partition, (seen, sent) in enumerate(zip(sequences, month.sequence)):
        if (seen or sent) != sent:
            complaints.append(f"{EVENTS} [{partition}]: ends with {seen}, {sent} were acknowledged")
    for topic, partitions, wanted in ((STATES, PARTITIONS, month.states), (FIGURES, 1, month.figures)):
        found, records = {}, 0
        for message in read(broker.address, topic, partitions):
            records += 1
            found.pop(message.key().decode(), None)
            if message.value() is not None:
                found[message.key().decode()] = message.value()
        if found != wanted:
            differing = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
            complaints.append(f"{topic}: {len(differing)} keys differ, {sorted(differing)[:5]}")
        print(f"{topic}: {records} records of {len(wanted)} keys")
    owner = Consumer({"bootstrap.servers": broker.address, "group.id": OFFSETS_GROUP})
    committed = {p.partition: p.offset for p in owner.committed([TopicPartition(EVENTS, p) for p in range(PARTITIONS)], 30)}
    owner.close()
    if committed != {p.partition: p.offset for p in month.offsets}:
        complaints.append(f"offsets: {committed} instead of {month.offsets}")
    print(f"{EVENTS}: {kept} of {sum(month.sequence)} events kept")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/release", help="folder with the program deskbeat")
    parser.add_argument("--days", type=int, default=30, help="length of the simulated time")
    parser.add_argument("--tickets", type=int, default=4000, help="tickets per day; ten events each")
    parser.add_argument("--kills", type=int, default=6, help="how often the broker is killed")
    parser.add_argument("--pause", type=float, default=8,
                        help="seconds between two days: the broker looks for old segments once a minute, for what to compact every 15 s")
    parser.add_argument("--fsync", action="store_true", help="the broker acknowledges what has reached the disk only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="keep the broker's data here instead of deleting it")
    options = parser.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="deskbeat-soak-")
    os.makedirs(folder, exist_ok=True)
    broker = Broker(options.binaries, folder, ["--fsync"] if options.fsync else [])
    month = Month(options)
    try:
        broker.start()
        admin = AdminClient({"bootstrap.servers": broker.address})
        compacted = {"cleanup.policy": "compact", "segment.bytes": str(2 << 20), "min.cleanable.dirty.ratio": "0.3",
                     "delete.retention.ms": "10000"}
        for future in admin.create_topics([
                NewTopic(EVENTS, PARTITIONS, 1, config={"retention.bytes": str(16 << 20), "segment.bytes": str(2 << 20)}),
                NewTopic(STATES, PARTITIONS, 1, config=compacted), NewTopic(FIGURES, 1, 1, config=compacted)]).values():
            future.result(30)
        kills = set(month.random.sample(range(1, options.days), min(options.kills, options.days - 1)))
        began, measured = time.monotonic(), []
        for day in range(options.days):
            at = month.random.randrange(options.tickets * EVENTS_PER_TICKET // 2) if day in kills else None
            month.play(day, broker, at)
            time.sleep(options.pause)
            measured.append((broker.memory(), broker.disk(), broker.files()))
            print(f"day {day + 1}: {sum(month.sequence)} events, {len(month.open)} open tickets, memory {measured[-1][0]:.0f} MB, "
                  f"disk {measured[-1][1]:.0f} MB, {measured[-1][2]} files{', killed' if day in kills else ''}", flush=True)
        seconds = time.monotonic() - began
        complaints = judge(month, broker)
        third = max(1, options.days // 3)
        for index, what, allowance in ((0, "memory", 8), (1, "disk", 32), (2, "files", 16)):
            middle = max(m[index] for m in measured[third:-third] or measured)
            last = max(m[index] for m in measured[-third:])
            if last > middle * 1.1 + allowance:
                complaints.append(f"{what} grows: {middle:.0f} in the second third of the month, {last:.0f} in the last")
        print(f"{options.days} days in {seconds:.0f} s, {len(kills)} kills, {month.desynchronised} producers replaced, "
              f"slowest start {broker.slowest_start:.2f} s, load {os.getloadavg()[0]:.1f}")
        for complaint in complaints:
            print("FAILED", complaint)
        return 1 if complaints else 0
    finally:
        if broker.process and broker.process.poll() is None:
            broker.process.send_signal(signal.SIGTERM)
            broker.process.wait(60)
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
