#!/usr/bin/env python3
"""Runs the services against an Apache Kafka with TLS, SASL and ACLs, and says what does not work.

    KAFKA_HOME=/opt/kafka Tests/KafkaSecurity/verify.py --binaries .build/release

KAFKA_HOME is an unpacked distribution of Apache Kafka (bin/kafka-server-start.sh in it), 3.9 or newer; without one it says that it is
skipped and ends with status 0. It starts a node of its own on free ports of 127.0.0.1, makes its certificates with openssl, and
checks:

- TLS with SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN, and mutual TLS with an encrypted key, secrets in files;
- a wrong password, an unknown authority and a missing client certificate are refused, and the message says what is wrong;
- no secret is in a log, in an output, or in the command line of a process;
- each service works with the rights that `deskbeat acls` prints and no others, with --create-topics=never, and the audit agrees;
- a service that lacks a right says which.
"""

import argparse
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SERVICES = ["ingest", "ticketing", "sla-monitor", "satisfaction", "churn-revenue"]


class Failure(Exception):
    pass


def run(command, environment=None, *, expect=0, input=None, timeout=300):
    done = subprocess.run(
        [str(part) for part in command], env=environment, input=input, capture_output=True, text=True, timeout=timeout)
    if expect is not None and done.returncode != expect:
        raise Failure(f"{command[0]} {command[1] if len(command) > 1 else ''} ended with {done.returncode}, not {expect}:\n"
                      f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Certificates:
    """An authority, a broker's and a client's certificate, and an authority that nobody trusts."""

    def __init__(self, folder, key_password):
        self.folder = folder
        self.authority("ca")
        self.authority("other-ca")
        self.signed("broker", "/CN=broker", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.signed("client", "/CN=deskbeat", "extendedKeyUsage=clientAuth")
        (folder / "key-password").write_text(key_password + "\n")
        run(["openssl", "pkcs8", "-topk8", "-in", folder / "client.key", "-out", folder / "client-encrypted.key",
             "-v2", "aes-256-cbc", "-passout", f"file:{folder / 'key-password'}"])
        # What Kafka reads: key and chain in one file.
        run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", folder / "broker.key", "-out", folder / "broker.p8"])
        (folder / "broker.all").write_text((folder / "broker.p8").read_text() + (folder / "broker.pem").read_text())

    def authority(self, name):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem"])

    def signed(self, name, subject, extension):
        (self.folder / f"{name}.ext").write_text(extension + "\n")
        run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject,
             "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.csr"])
        run(["openssl", "x509", "-req", "-days", "2", "-in", self.folder / f"{name}.csr", "-CA", self.folder / "ca.pem",
             "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-extfile", self.folder / f"{name}.ext",
             "-out", self.folder / f"{name}.pem"])


class Kafka:
    """One node: a plain listener whose anonymous users may do everything, one for mutual TLS, one for SASL over TLS."""

    def __init__(self, home, folder, certificates, passwords):
        self.home, self.folder = home, folder
        plain, tls, sasl, controller = free_ports(4)
        self.plain, self.tls, self.sasl = (f"127.0.0.1:{plain}", f"localhost:{tls}", f"localhost:{sasl}")
        users = "".join(f'user_{name}="{password}" ' for name, password in passwords.items())
        settings = f"""
            process.roles=broker,controller
            node.id=1
            controller.quorum.voters=1@127.0.0.1:{controller}
            controller.listener.names=CONTROLLER
            listeners=PLAIN://127.0.0.1:{plain},TLS://127.0.0.1:{tls},SASL://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
            advertised.listeners=PLAIN://127.0.0.1:{plain},TLS://localhost:{tls},SASL://localhost:{sasl}
            listener.security.protocol.map=PLAIN:PLAINTEXT,TLS:SSL,SASL:SASL_SSL,CONTROLLER:PLAINTEXT
            inter.broker.listener.name=PLAIN
            log.dirs={folder / 'log'}
            auto.create.topics.enable=false
            offsets.topic.replication.factor=1
            transaction.state.log.replication.factor=1
            transaction.state.log.min.isr=1
            group.initial.rebalance.delay.ms=0
            authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
            super.users=User:ANONYMOUS
            ssl.keystore.type=PEM
            ssl.keystore.location={certificates / 'broker.all'}
            ssl.truststore.type=PEM
            ssl.truststore.location={certificates / 'ca.pem'}
            listener.name.tls.ssl.client.auth=required
            sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
            listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
            listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
            listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
            """
        self.properties = folder / "server.properties"
        self.properties.write_text("\n".join(line.strip() for line in settings.strip().splitlines()) + "\n")
        scram = [word for name, password in passwords.items() for hash in ("256", "512")
                 for word in ("--add-scram", f"SCRAM-SHA-{hash}=[name={name},password={password}]")]
        run([home / "bin/kafka-storage.sh", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", self.properties, *scram])
        self.log = open(folder / "kafka.log", "w")
        self.process = subprocess.Popen(
            [home / "bin/kafka-server-start.sh", self.properties], stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, "KAFKA_HEAP_OPTS": "-Xmx700m", "LOG_DIR": str(folder / "server-logs")}, start_new_session=True)
        deadline = time.monotonic() + 180
        while "Kafka Server started" not in (folder / "kafka.log").read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure("Kafka does not start:\n" + (folder / "kafka.log").read_text()[-3000:])
            time.sleep(0.5)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


class Verification:
    def __init__(self, home, binaries, folder):
        self.home, self.binaries, self.folder = home, binaries, folder
        self.passwords = {name: secrets.token_hex(16) for name in [*SERVICES, "deskbeat"]}
        self.key_password = secrets.token_hex(16)
        self.outputs = []
        self.keys = folder / "certificates"
        self.keys.mkdir()
        for name, password in self.passwords.items():
            (self.keys / f"{name}.password").write_text(password + "\n")
        (self.keys / "wrong.password").write_text("wrong-" + secrets.token_hex(8) + "\n")
        Certificates(self.keys, self.key_password)
        self.kafka = Kafka(home, folder, self.keys, self.passwords)

    def variables(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "DESKBEAT_"))}
        return {**kept, **{name: str(value) for name, value in more.items()}}

    def sasl(self, user, mechanism="SCRAM-SHA-512", password=None, **more):
        return self.variables(
            KAFKA_BOOTSTRAP_SERVERS=self.kafka.sasl, KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_MECHANISM=mechanism,
            KAFKA_SASL_USERNAME=user, KAFKA_SASL_PASSWORD_FILE=self.keys / f"{password or user}.password",
            **{"KAFKA_SSL_CA_LOCATION": self.keys / "ca.pem", **more})

    def mutual(self, **more):
        return self.variables(
            KAFKA_BOOTSTRAP_SERVERS=self.kafka.tls, KAFKA_SECURITY_PROTOCOL="SSL", KAFKA_SSL_CA_LOCATION=self.keys / "ca.pem",
            **{"KAFKA_SSL_CERTIFICATE_LOCATION": self.keys / "client.pem",
               "KAFKA_SSL_KEY_LOCATION": self.keys / "client-encrypted.key",
               "KAFKA_SSL_KEY_PASSWORD_FILE": self.keys / "key-password", **more})

    def deskbeat(self, environment, *arguments, **how):
        done = run([self.binaries / "deskbeat", *arguments], environment, **how)
        self.outputs.append(done.stdout + done.stderr)
        return done

    def tools(self, commands):
        """Runs what `deskbeat topics --print` and `deskbeat acls` print, as an administrator would."""
        # One process for all of them would be quicker, but these are the commands that are printed.
        script = "set -e\n" + commands
        run(["bash", "-c", script], self.variables(
            BOOTSTRAP=self.kafka.plain, PATH=f"{self.home / 'bin'}:{os.environ['PATH']}", KAFKA_HEAP_OPTS="-Xmx256m",
            KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"), timeout=1800)

    def check(self, title, body):
        begin = time.monotonic()
        body()
        print(f"ok    {title} ({time.monotonic() - begin:.0f} s)", flush=True)

    def run(self):
        self.check("topics are created by the printed commands", self.topics)
        self.check("ACLs are created by the printed commands", self.acls)
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"):
            self.check(f"SASL_SSL with {mechanism}", lambda: self.works(self.sasl("deskbeat", mechanism)))
        self.check("mutual TLS with an encrypted key", lambda: self.works(self.mutual()))
        self.check("a wrong password is refused", self.wrong_password)
        self.check("an unknown authority is refused", self.unknown_authority)
        self.check("a missing client certificate is refused", self.no_certificate)
        self.check("each service works with its own rights alone", self.suite)
        self.check("a service without a right says which", self.missing_right)
        self.check("no secret is in a log, an output or a command line", self.no_secrets)

    def topics(self):
        self.tools(self.deskbeat(self.variables(), "topics", "--print", "--partitions", "2", "--replication-factor", "1").stdout)

    def acls(self):
        self.tools(self.deskbeat(self.variables(), "acls", "--create-topics", "never").stdout)
        # The principal of a client certificate is its subject.
        self.tools(self.deskbeat(self.variables(), "acls", "--service", "deskbeat", "--principal", "User:CN={service}").stdout)

    def works(self, environment):
        examined = self.deskbeat(environment, "doctor")
        if "ok    round trip" not in examined.stdout or "fail" in examined.stdout:
            raise Failure(examined.stdout)

    def refused(self, environment, *words):
        examined = self.deskbeat(environment, "doctor", expect=1)
        text = (examined.stdout + examined.stderr).lower()
        if not any(word in text for word in words):
            raise Failure(f"the message names none of {', '.join(words)}:\n{text}")

    def wrong_password(self):
        self.refused(self.sasl("deskbeat", password="wrong"), "authentication")

    def unknown_authority(self):
        self.refused(self.sasl("deskbeat", KAFKA_SSL_CA_LOCATION=self.keys / "other-ca.pem"), "certificate", "ssl")

    def no_certificate(self):
        self.refused(self.mutual(KAFKA_SSL_CERTIFICATE_LOCATION="", KAFKA_SSL_KEY_LOCATION="", KAFKA_SSL_KEY_PASSWORD_FILE=""),
                     "certificate", "ssl")

    def start(self, service, user):
        log = open(self.folder / f"{service}-{user}.log", "w")
        return subprocess.Popen(
            [self.binaries / f"deskbeat-{service}", "--create-topics", "never", "--partitions", "2",
             "--announce-file", self.folder / f"{service}.json"],
            env=self.sasl(user), stdout=log, stderr=subprocess.STDOUT)

    def suite(self):
        self.running = {service: self.start(service, service) for service in SERVICES}
        command_line = self.sasl("deskbeat")
        events = run([self.binaries / "deskbeat", "sample"], self.variables()).stdout
        self.deskbeat(command_line, "replay", "-", input=events)
        self.deskbeat(command_line, "wait-idle", "--timeout", "240")
        for service, process in self.running.items():
            if process.poll() is not None:
                raise Failure(f"{service} has ended: {(self.folder / f'{service}-{service}.log').read_text()[-3000:]}")
        figures = self.deskbeat(command_line, "kpis").stdout
        if "first_response_time" not in figures:
            raise Failure(f"there are no KPIs:\n{figures[:2000]}")
        self.deskbeat(command_line, "audit")
        run([self.binaries / "deskbeat-ticketing", "audit"], self.sasl("ticketing"))
        for service in SERVICES:
            log = (self.folder / f"{service}-{service}.log").read_text()
            if "AUTHORIZATION" in log.upper():
                raise Failure(f"{service} lacks a right:\n{log[-3000:]}")

    def missing_right(self):
        process = self.start("ticketing", "satisfaction")
        log = self.folder / "ticketing-satisfaction.log"
        try:
            deadline = time.monotonic() + 120
            while not re.search("authoriz|may not see", log.read_text(), re.IGNORECASE):
                if time.monotonic() > deadline:
                    raise Failure(f"the log does not name the missing right:\n{log.read_text()[-3000:]}")
                time.sleep(0.2)
        finally:
            process.terminate()
            process.wait(60)

    def no_secrets(self):
        lines = [pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().decode() for process in self.running.values()]
        texts = self.outputs + lines + [path.read_text() for path in self.folder.glob("*-*.log")]
        for secret in [*self.passwords.values(), self.key_password]:
            if any(secret in text for text in texts):
                raise Failure("a secret is visible")

    def stop(self):
        for process in getattr(self, "running", {}).values():
            process.terminate()
        for process in getattr(self, "running", {}).values():
            process.wait(60)
        self.kafka.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binaries", type=pathlib.Path, default=pathlib.Path(".build/release"))
    arguments.add_argument("--keep", action="store_true", help="keep the folder with logs and certificates")
    options = arguments.parse_args()
    home = os.environ.get("KAFKA_HOME")
    if not home or not (pathlib.Path(home) / "bin/kafka-server-start.sh").exists():
        print("skipped: KAFKA_HOME names no Apache Kafka")
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kafka-security-"))
    # Kafka has a session of its own: who stops this program means Kafka as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    verification = None
    try:
        verification = Verification(pathlib.Path(home), options.binaries.resolve(), folder)
        verification.run()
        print("all checks passed")
        return 0
    except (Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAILED: {failure}\nlogs are in {folder}", file=sys.stderr)
        options.keep = True
        return 1
    finally:
        if verification:
            verification.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
