"""Real Kafka brokers for tests: one process each, on the loopback, from .local/kafka/lib."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIB = pathlib.Path(os.environ.get("TIKETI_KAFKA_LIB", ROOT / ".local/kafka/lib"))
JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
CLUSTER = "tiketi0000000000000000"


def available():
    """Whether there are a broker's jars, a Java to run them and a client to look."""
    return bool(list(LIB.glob("kafka_*.jar")) and shutil.which("java") and shutil.which("kcat"))


def free_ports(count):
    """So many at once, so that none comes twice."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def openssl(folder, *what):
    subprocess.run(["openssl", *what], cwd=folder, capture_output=True, timeout=60, check=True)


def make_authority(folder, name):
    """A throw-away authority `name`.pem with its key."""
    openssl(folder, "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(folder, authority):
    """A broker's key and certificate of that authority, in one file."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", "broker.key", "-out", "broker.csr")
    openssl(folder, "x509", "-req", "-in", "broker.csr", "-days", "2", "-copy_extensions", "copy",
            "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-out",
            "broker.crt")
    made = folder / "broker.pem"
    made.write_text((folder / "broker.key").read_text() + (folder / "broker.crt").read_text())
    return made


class Brokers:
    """A cluster of `count` brokers, each also a controller.

    With a `user`, a name and a password, there is one broker, whose `guarded` address speaks TLS
    with a certificate of `authority` and lets in nobody else.
    """

    def __init__(self, count=1, user=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tiketi-kafka.", dir="/tmp"))
        self.count = count
        ports = free_ports(2 * count + 1)
        self.ports, self.controllers = ports[:count], ports[count:2 * count]
        self.guarded = f"127.0.0.1:{ports[-1]}"
        more, listen = self.guard(user) if user else ("", "")
        self.address = ",".join(f"127.0.0.1:{p}" for p in self.ports)
        self.processes = [None] * count
        self.classes = ":".join(str(x) for x in sorted(LIB.glob("*.jar")))
        voters = ",".join(f"{i + 1}@127.0.0.1:{p}" for i, p in enumerate(self.controllers))
        copies = min(3, count)
        for i in range(count):
            self.config(i).write_text(f"""process.roles=broker,controller
node.id={i + 1}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{self.ports[i]},CONTROLLER://127.0.0.1:{self.controllers[i]}{listen}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.ports[i]}{listen}
{more}controller.listener.names=CONTROLLER
log.dirs={self.folder}/data{i}
num.partitions=3
auto.create.topics.enable=false
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=3000
log.message.timestamp.type=LogAppendTime
""")
            done = subprocess.run(
                JAVA + ["-cp", self.classes, "kafka.tools.StorageTool", "format", "-t", CLUSTER,
                        "-c", str(self.config(i))], capture_output=True, text=True, timeout=120,
                check=False)
            assert done.returncode == 0, done.stdout + done.stderr

    def guard(self, user):
        """Lines of the configuration, and one more listener."""
        make_authority(self.folder, "authority")
        pem = make_certificate(self.folder, "authority")
        self.authority = self.folder / "authority.pem"
        return (f"""inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_{user[0]}="{user[1]}";
ssl.keystore.type=PEM
ssl.keystore.location={pem}
""", f",SASL_SSL://{self.guarded}")

    def config(self, i):
        return self.folder / f"server{i}.properties"

    def start(self, i):
        log = open(self.folder / f"log{i}", "ab")
        self.processes[i] = subprocess.Popen(
            JAVA + ["-cp", self.classes, "kafka.Kafka", str(self.config(i))], stdout=log,
            stderr=log, stdin=subprocess.DEVNULL)

    def start_all(self):
        for i in range(self.count):
            self.start(i)
        self.wait_ready()

    def wait_ready(self, patience=120, brokers=None):
        """Until so many brokers, else all, are in the cluster."""
        deadline = time.monotonic() + patience
        while self.alive() < (brokers or self.count):
            for i, x in enumerate(self.processes):
                if x is not None and x.poll() is not None:
                    raise RuntimeError((self.folder / f"log{i}").read_text()[-4000:])
            assert time.monotonic() < deadline, "the brokers do not come up"
            time.sleep(0.2)

    def alive(self):
        done = subprocess.run(["kcat", "-b", self.address, "-L", "-J", "-m", "2"],
                              capture_output=True, text=True, timeout=30, check=False)
        return len(json.loads(done.stdout)["brokers"]) if done.returncode == 0 else 0

    def kill(self, i, with_signal=signal.SIGKILL):
        self.processes[i].send_signal(with_signal)
        self.processes[i].wait()
        self.processes[i] = None

    def records(self, topic):
        """All that is on a topic: `(partition, offset, key, value)`, by partition in order."""
        done = subprocess.run(
            ["kcat", "-b", self.address, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J",
             "-X", "isolation.level=read_committed"], capture_output=True, text=True, timeout=120,
            check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rows = [json.loads(x) for x in done.stdout.splitlines()]
        rows.sort(key=lambda x: (x["partition"], x["offset"]))
        return [(x["partition"], x["offset"], x["key"], json.loads(x["payload"])) for x in rows]

    def close(self):
        for i, x in enumerate(self.processes):
            if x is not None:
                self.kill(i)
        shutil.rmtree(self.folder, ignore_errors=True)


def serve(place):
    """Runs one broker until this process is ended; `place` is a file that will name it."""
    def end(_number, _frame):
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, end)
    brokers = Brokers()
    try:
        brokers.start_all()
        pathlib.Path(place).write_text(brokers.address + "\n")
        while brokers.processes[0].poll() is None:
            time.sleep(0.5)
    finally:
        brokers.close()


if __name__ == "__main__":
    serve(sys.argv[1])
