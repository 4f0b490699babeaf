"""The benchmarks of docs/benchmarks.md: each row against its reference, on the same broker, in the same run.

    python3 bench.py --binaries .build/release --tools .build/benchmarks [--events 2000000] [--rows pipeline,python,...]
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from installation import Broker, Failure, Service, cpu_seconds, resident_bytes
from sla import MonitorRows

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = ["pipeline", "default-rules", "python", "start", "memory", "http", "sla-latency", "sla-outage", "sla-memory"]


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.broker = Broker(options.binaries, folder)
        self.prefix = f"bench{os.getpid()}."
        self.summary = []

    def tool(self, name, *arguments):
        return run([f"{self.options.tools}/{name}", self.broker.address, *map(str, arguments)])

    def deskbeat(self, *arguments, prefix):
        return subprocess.run(
            [f"{self.options.binaries}/deskbeat", *arguments, "--bootstrap-servers", self.broker.address,
             "--topic-prefix", f"{prefix}support.", "--internal-prefix", f"{prefix}deskbeat."],
            check=True, capture_output=True, text=True).stdout

    def service(self, name, prefix, topics=None, rules=f"{HERE}/rules.yaml"):
        return Service(
            self.options.binaries, name, self.broker, self.folder, prefix, topics, rules,
            ["--threads", str(self.options.threads)])

    def make_topic(self, prefix, events, open_tickets, *more):
        self.deskbeat("topics", "--create", "--partitions", "4", prefix=prefix)
        made = self.tool("generate", f"{prefix}support.tickets", events, open_tickets, *more)
        print(f"  {made['records']:,} events of {made['bytes'] / made['records']:.0f} bytes on 4 partitions")

    def report(self, name, records, wall, cpu, reference=None):
        rate = records / wall
        line = f"  {name:<34} {rate:>11,.0f} events/s {1e6 * cpu / records:>7.2f} us CPU per event"
        if reference:
            line += f" {rate / reference:>7.2f} of the C++ program"
        print(line)
        return rate

    # The job of the first rows.

    def pipeline(self):
        print("canonical event -> KPI state")
        prefix = self.prefix
        self.make_topic(prefix, self.options.events, self.options.open)
        topic = f"{prefix}support.tickets"
        consumed = best(self.tool("consume", topic) for _ in range(self.options.repeat))
        self.report("librdkafka consumer, nothing else", consumed["records"], consumed["wall"], consumed["cpu"])
        reference = best(self.tool("aggregate", topic) for _ in range(self.options.repeat))
        self.reference_rate = self.report(
            "C++ with simdjson, no durability", reference["records"], reference["wall"], reference["cpu"])
        threads = self.options.threads
        measured = best(self.ticketing(f"{prefix}r{round}.", prefix, reference) for round in range(self.options.repeat))
        rate = self.report(
            f"deskbeat-ticketing, {threads} thread(s)", measured["records"], measured["wall"], measured["cpu"],
            self.reference_rate)
        self.summary.append(
            f"exactly once {rate:,.0f} events/s, {1e6 * measured['cpu'] / measured['records']:.2f} us CPU per event, "
            f"{rate / self.reference_rate:.2f} of the C++ program ({self.reference_rate:,.0f})")

    def default_rules(self):
        print("the same events under the default rules: all KPIs, breakdowns and windows")
        prefix = f"{self.prefix}default."
        self.make_topic(prefix, min(self.options.events, self.options.default_events), self.options.open)
        reference = self.tool("aggregate", f"{prefix}support.tickets")
        threads = self.options.threads
        rates = {}
        for name, rules in [("the two KPIs of the first rows", f"{HERE}/rules.yaml"), ("default rules", None)]:
            measured = best(
                self.ticketing(f"{prefix}{'all' if rules is None else 'two'}{round}.", prefix, reference, rules)
                for round in range(self.options.repeat))
            rates[name] = self.report(
                f"{name}, {threads} thread(s)", measured["records"], measured["wall"], measured["cpu"])
        first, second = rates.values()
        print(f"  default rules                      {second / first:.2f} of the rate with two KPIs")

    def ticketing(self, prefix, topics, reference, rules=f"{HERE}/rules.yaml"):
        """One run over the whole topic with state of its own, judged by the reference's figures."""
        service = self.service("ticketing", prefix, topics, rules)
        labels = {"service": "ticketing", "stage": "entity"}
        try:
            wanted = reference["records"]
            first = None
            deadline = time.monotonic() + self.options.limit
            done = commits = None
            while True:
                now = time.monotonic()
                records = service.counter("deskbeat_stream_records_total", **labels)
                if records and first is None:
                    first = now
                if records >= wanted:
                    seen = service.counter("deskbeat_stream_commits_total", **labels)
                    if commits is None:
                        commits = seen
                    elif seen > commits:
                        done = time.monotonic()
                        break
                if now > deadline:
                    raise Failure(f"ticketing has processed {records:.0f} of {wanted} events: see {service.log}")
                time.sleep(0.05)
            cpu = cpu_seconds(service.pid)
            if service.counter("deskbeat_stream_aborts_total", **labels):
                raise Failure("transactions were aborted: the figures are of no use")
            self.judge(topics, reference)
            return {"records": wanted, "wall": done - first, "cpu": cpu}
        finally:
            service.stop()

    def judge(self, prefix, reference):
        """Waits until the published figures are those that the reference program has counted."""
        deadline = time.monotonic() + self.options.limit
        while True:
            output = self.deskbeat("kpis", "--format", "json", "--window", "day", prefix=prefix)
            found = published(output)
            expected = {
                "first_response_time": (reference["responses"], reference["response_sum"] / 1e6),
                "resolution_time": (reference["resolutions"], reference["resolution_sum"] / 1e6)}
            if all(agrees(found.get(kpi), value) for kpi, value in expected.items()):
                return
            if time.monotonic() > deadline:
                raise Failure(f"published {found}, but the reference program has counted {expected}")
            time.sleep(0.5)

    # Other engines.

    def python(self):
        print("the same job in other engines")
        topic = f"{self.prefix}support.tickets"
        interpreter = f"{self.options.tools}/python/bin/python"
        if not os.path.exists(interpreter):
            print("  not measured: Quix Streams and Bytewax are not installed (Benchmarks/Pipeline/engines.sh)")
            return
        for name, script in [("Quix Streams, exactly once", "quix_job.py"), ("Bytewax, at least once", "bytewax_job.py")]:
            try:
                measured = run([interpreter, f"{HERE}/{script}", self.broker.address, topic,
                                str(min(self.options.events, self.options.python_events))])
            except Failure as failure:
                print(f"  {name}: not measured: {failure}")
                continue
            self.report(name, measured["records"], measured["wall"], measured["cpu"], self.reference_rate)

    # One figure each.

    def start(self):
        print("a service from exec to ready on empty state")
        for name in ["ingest", "ticketing", "sla-monitor", "satisfaction", "churn-revenue"]:
            prefix = f"{self.prefix}start."
            service = self.service(name, prefix, rules=None)
            try:
                print(f"  deskbeat-{name:<24} {service.wait_ready():.2f} s")
            finally:
                service.stop()

    def memory(self):
        tickets = self.options.open_tickets
        print(f"memory and restore, {tickets:,} open tickets of 10 events")
        prefix = f"{self.prefix}memory."
        self.deskbeat("topics", "--create", "--partitions", "4", prefix=prefix)
        empty = self.service("ticketing", prefix)
        try:
            empty.wait_ready()
            time.sleep(2)
            base = resident_bytes(empty.pid)
        finally:
            empty.stop()
        self.make_topic(prefix, tickets * 10, 5_000, "unfinished")
        service = self.service("ticketing", prefix)
        try:
            self.await_records(service, tickets * 10)
            full = resident_bytes(service.pid)
        finally:
            service.stop()
        print(f"  after processing                   {(full - base) / tickets:>8.0f} bytes per open ticket")
        service = self.service("ticketing", prefix)
        try:
            seconds = service.wait_ready()
            cpu = cpu_seconds(service.pid)
            time.sleep(3)
            restored = resident_bytes(service.pid)
        finally:
            service.stop()
        print(f"  after a restore                    {(restored - base) / tickets:>8.0f} bytes per open ticket")
        print(f"  restore                            {seconds:>8.2f} s ({cpu:.2f} s CPU), "
              f"{seconds * 1e6 / tickets:.1f} s per million tickets")

    def await_records(self, service, count):
        deadline = time.monotonic() + self.options.limit
        while service.counter("deskbeat_stream_records_total", stage="entity") < count:
            if time.monotonic() > deadline:
                raise Failure(f"ticketing has not processed {count} events: see {service.log}")
            time.sleep(0.05)
        time.sleep(3)

    # The SLA monitor.

    def sla_latency(self):
        MonitorRows(self).latency()

    def sla_outage(self):
        MonitorRows(self).outage()

    def sla_memory(self):
        for tickets in self.options.sla_tickets:
            MonitorRows(self).memory(tickets)

    def http(self):
        print("ingest over HTTP, acknowledged durable")
        if not shutil.which("wrk"):
            print("  not measured: wrk is not installed (apt-get install wrk)")
            return
        prefix = f"{self.prefix}http."
        service = self.service("ingest", prefix, rules=None)
        try:
            service.wait_ready()
            empty = wrk(f"http://{service.address}/livez", None)
            before = cpu_seconds(service.pid)
            posted = wrk(f"http://{service.address}/v1/events", f"{HERE}/post.lua")
            cpu = cpu_seconds(service.pid) - before
        finally:
            service.stop()
        print(f"  GET /livez of the same server       {empty['rate']:>10,.0f} requests/s")
        print(f"  POST /v1/events, one event each     {posted['rate']:>10,.0f} requests/s "
              f"({1e6 * cpu / max(1, posted['requests']):.0f} us CPU each, {posted['errors']} refused)  "
              f"{posted['rate'] / empty['rate']:.2f}")


def run(command):
    """Runs a program that ends with one line of JSON."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"{os.path.basename(command[0])}: {result.stderr.strip()[-500:] or result.returncode}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def best(runs):
    """The run with the least CPU time: what else happens on the machine only adds to it."""
    return min(runs, key=lambda measured: (measured["cpu"], measured["wall"]))


def published(output):
    """Count and sum of the overall day figures, by KPI."""
    totals = {}
    for line in output.splitlines():
        update = json.loads(line)
        kpi, _, label = update["subject"].partition("/")
        if not label.startswith("day@"):
            continue
        data = update["data"]
        count, total = totals.get(kpi, (0, 0.0))
        totals[kpi] = (count + data["count"], total + data["count"] * (data["value"] or 0))
    return totals


def agrees(found, expected):
    return found and found[0] == expected[0] and abs(found[1] - expected[1]) <= 1e-6 * max(1.0, abs(expected[1]))


def wrk(url, script):
    command = ["wrk", "-t1", "-c64", "-d8s"] + (["-s", script] if script else []) + [url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = {"rate": 0.0, "requests": 0, "errors": 0}
    for line in output.splitlines():
        words = line.split()
        if line.startswith("Requests/sec"):
            figures["rate"] = float(words[1])
        elif "requests in" in line:
            figures["requests"] = int(words[0])
        elif "Non-2xx" in line:
            figures["errors"] = int(words[-1])
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/release", help="where deskbeat and its services are")
    parser.add_argument("--tools", default=".build/benchmarks", help="where the reference programs are")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--default-events", type=int, default=500_000, help="events of the default-rules row, at most")
    parser.add_argument("--open", type=int, default=5_000, help="tickets open at a time")
    parser.add_argument("--open-tickets", type=int, default=100_000, help="of the memory and restore rows")
    parser.add_argument("--python-events", type=int, default=200_000, help="events given to the engines in Python")
    parser.add_argument("--threads", type=int, default=1, help="stream threads per stage")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each row; the one with the least CPU time counts")
    parser.add_argument("--limit", type=int, default=600, help="seconds for one run of the service")
    parser.add_argument("--sla-rate", type=int, default=5_000, help="events per second of the sla-latency row")
    parser.add_argument("--sla-seconds", type=int, default=30)
    parser.add_argument(
        "--sla-tickets", type=int, nargs="+", default=[100_000, 1_000_000], help="open tickets of the sla-memory row")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--folder", help="for data and logs; default: a temporary one")
    options = parser.parse_args()
    rows = options.rows.split(",")
    unknown = set(rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    with contextlib.ExitStack() as stack:
        if options.folder:
            os.makedirs(options.folder, exist_ok=True)
            folder = os.path.abspath(options.folder)
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="deskbeat-bench-"))
        bench = Bench(options, folder)
        stack.callback(bench.broker.stop)
        for row in rows:
            getattr(bench, row.replace("-", "_"))()
        for line in bench.summary:
            print(line)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        sys.exit(1)
