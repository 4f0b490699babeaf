"""The rows of the SLA monitor: how soon a breach can be read, what a kill costs, memory per open ticket, and restore."""

import json
import os
import subprocess
import time

from installation import Failure, cpu_seconds, resident_bytes

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sla.yaml")


class MonitorRows:
    """The monitor with ingest, whose clock it waits for, on the bench's broker."""

    def __init__(self, bench):
        self.bench = bench
        self.options = bench.options

    def start(self, prefix):
        self.bench.deskbeat("topics", "--create", "--partitions", "4", prefix=prefix)
        ingest = self.bench.service("ingest", prefix, rules=None)
        monitor = self.bench.service("sla-monitor", prefix, rules=RULES)
        ingest.wait_ready()
        monitor.wait_ready()
        return ingest, monitor

    def promises(self, prefix, rate, seconds):
        return subprocess.Popen(
            [f"{self.options.tools}/promises", self.bench.broker.address, prefix, str(rate), str(seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        output, errors = process.communicate(timeout=600)
        if process.returncode:
            raise Failure(f"promises: {errors.strip()[-500:]}")
        measured = json.loads(output)
        if measured["breaches"] != measured["expected"] or measured["duplicates"]:
            raise Failure(f"not every breach was read once: {output.strip()}")
        return measured

    # Rows.

    def latency(self):
        rate = self.options.sla_rate
        print(f"due instant (or the event's arrival on support.tickets, if later) -> breach readable, {rate:,} events/s")
        prefix = f"{self.bench.prefix}latency."
        services = self.start(prefix)
        try:
            # The first seconds make connections and chunks of calendars.
            self.result(self.promises(prefix, rate, 3))
            measured = self.result(self.promises(prefix, rate, self.options.sla_seconds))
        finally:
            stop(services)
        for name, text in [("all", "all breaches"), ("punctual", "due after their arrival"), ("late", "overdue at their arrival")]:
            figures = measured[name]
            print(f"  {text:<34} p50 {figures['p50']:>5.0f} ms, p99 {figures['p99']:>5.0f} ms, max {figures['max']:>5.0f} ms "
                  f"({figures['count']:,})")
        print(f"  sent {measured['events'] / measured['seconds']:,.0f} events/s")

    def outage(self):
        tickets = 100_000
        print(f"outage of a killed and restarted monitor, {tickets:,} open tickets")
        prefix = f"{self.bench.prefix}outage."
        ingest, monitor = self.start(prefix)
        try:
            self.fill(prefix, monitor, tickets)
            probes = self.promises(prefix, 200, 40)
            time.sleep(15)
            monitor.stop(kill=True)
            monitor = self.bench.service("sla-monitor", prefix, rules=RULES)
            ready = monitor.wait_ready()
            measured = self.result(probes)
        finally:
            stop([ingest, monitor])
        print(f"  longest delay of a breach          {measured['all']['max'] / 1000:>8.2f} s; from exec to ready {ready:.2f} s")

    def memory(self, tickets):
        print(f"memory and restore of the monitor, {tickets:,} open tickets of 10 events")
        prefix = f"{self.bench.prefix}sla{tickets}."
        services = self.start(prefix)
        ingest, monitor = services
        try:
            self.await_quiet(monitor)
            base = resident_bytes(monitor.pid)
            self.fill(prefix, monitor, tickets)
            full = resident_bytes(monitor.pid)
            print(f"  after processing                   {(full - base) / tickets:>8.0f} bytes per open ticket, "
                  f"{cpu_seconds(monitor.pid) * 1e6 / tickets:.0f} us CPU each")
            monitor.stop()
            monitor = self.bench.service("sla-monitor", prefix, rules=RULES)
            services = (ingest, monitor)
            seconds = monitor.wait_ready()
            cpu = cpu_seconds(monitor.pid)
            self.await_quiet(monitor)
            restored = resident_bytes(monitor.pid)
        finally:
            stop(services)
        print(f"  after a restore                    {(restored - base) / tickets:>8.0f} bytes per open ticket")
        print(f"  restore                            {seconds:>8.2f} s ({cpu:.2f} s CPU)")

    def fill(self, prefix, monitor, tickets):
        """Open tickets with ten events each, all of whose facts have gone out."""
        self.bench.tool("generate", f"{prefix}support.tickets", tickets * 10, 5_000, "unfinished")
        deadline = time.monotonic() + self.options.limit
        while monitor.counter("deskbeat_stream_records_total", stage="entity") < tickets * 10:
            if time.monotonic() > deadline:
                raise Failure(f"the monitor has not processed {tickets * 10} events: see {monitor.log}")
            time.sleep(0.5)
        # Old events are held back for 10 s without another one.
        time.sleep(12)
        self.await_quiet(monitor)

    def await_quiet(self, service):
        """Until the process hardly works for 3 s."""
        deadline = time.monotonic() + self.options.limit
        quiet = 0
        while quiet < 3:
            before = cpu_seconds(service.pid)
            time.sleep(1)
            service.check()
            quiet = quiet + 1 if cpu_seconds(service.pid) - before < 0.25 else 0
            if time.monotonic() > deadline:
                raise Failure(f"the service does not come to rest: see {service.log}")


def stop(services):
    for service in services:
        service.stop()
