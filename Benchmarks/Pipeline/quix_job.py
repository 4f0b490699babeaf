"""The benchmark's job in Quix Streams, exactly once: tickets in RocksDB with a changelog. The figures are kept in memory
only, which favours it. quix_job.py BROKERS TOPIC EVENTS"""

import logging
import sys
import tempfile

from quixstreams import Application

from job import Figures, Stopwatch, apply


def main():
    brokers, topic, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
    watch, figures = Stopwatch(), Figures()
    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=brokers, consumer_group=f"quix-{topic}", auto_offset_reset="earliest",
            processing_guarantee="exactly-once", commit_interval=0.1, state_dir=folder, loglevel="ERROR")

        def step(event, state):
            ticket = state.get("ticket", {})
            apply(ticket, event, figures)
            state.set("ticket", ticket)
            watch.count()

        frame = app.dataframe(app.topic(topic, value_deserializer="json"))
        frame.update(step, stateful=True)
        app.run(count=events, timeout=60)
    watch.report("quix")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main()
