"""The benchmark's job in Bytewax, at least once: keyed state without recovery store, figures in memory, which favours it.
bytewax_job.py BROKERS TOPIC EVENTS"""

import json
import sys

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, cluster_main

from job import Figures, Stopwatch, apply


def main():
    brokers, topic, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
    watch, figures = Stopwatch(), Figures()

    def step(ticket, event):
        ticket = ticket or {}
        apply(ticket, event, figures)
        watch.count()
        return ticket, None

    flow = Dataflow("bench")
    source = KafkaSource([brokers], [topic], batch_size=1000, tail=False)
    messages = op.input("in", flow, source)
    events_of = op.map("decode", messages, lambda message: (message.key.decode(), json.loads(message.value)))
    states = op.stateful_map("ticket", events_of, step)
    op.output("out", op.filter("nothing", states, lambda pair: pair[1] is not None), TestingSink([]))
    cluster_main(flow, [], 0)
    watch.report("bytewax")


if __name__ == "__main__":
    main()
