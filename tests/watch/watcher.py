"""Stands between terrace and the emulator, and looks after every change whether a name still leads to something healthy.

`watcher.py UPSTREAM ACCOUNT REGION ZONE NAME SCALE`: prints the port it listens at. Then, a line of JSON for each line on
stdin: `report` says what was seen and forgets it; `kill PID` kills that process with the change that moves the name,
carried out but not answered.

It sees as people do: by the answers of the DNS, today's and those that a resolver may still keep, through balancers
and distributions to machines. It knows nothing of terrace.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import signal
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import boto3

UPSTREAM, ACCOUNT, REGION, ZONE, NAME, SCALE = sys.argv[1:7]
WORLD = "0.0.0.0/0"
PLACE = urlsplit(UPSTREAM).netloc


def client(service: str):
    return boto3.client(
        service,
        endpoint_url=UPSTREAM,
        region_name=REGION,
        aws_access_key_id="TERRACE" + ACCOUNT,
        aws_secret_access_key="sandbox",
    )


ec2, elb, route53, cloudfront = map(client, ("ec2", "elbv2", "route53", "cloudfront"))


class Dead(Exception):
    """What a request meets in place of an answer."""


def records() -> dict[str, dict]:
    zones = [z for z in route53.list_hosted_zones()["HostedZones"] if z["Name"] == f"{ZONE}."]
    if len(zones) != 1:
        return {}
    sets = route53.list_resource_record_sets(HostedZoneId=zones[0]["Id"])["ResourceRecordSets"]
    return {one["Name"].rstrip("."): one for one in sets if one["Type"] == "A"}


def answers(name: str, zone: dict[str, dict]) -> list[tuple[str, int]]:
    """What the DNS answers, and for how many seconds that is kept; an alias to Amazon's own names is kept a minute."""
    record = zone.get(name)
    if record is None:
        raise Dead(f"{name} has no record")
    if "AliasTarget" in record:
        return [(record["AliasTarget"]["DNSName"].rstrip(".").lower(), 60)]
    return [(value["Value"], record["TTL"]) for value in record["ResourceRecords"]]


def open_to(groups: list[str], port: int, whom: set[str]) -> bool:
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": groups}])["SecurityGroupRules"]
    for rule in rules:
        ports = rule["IpProtocol"] == "-1" or rule["FromPort"] <= port <= rule["ToPort"]
        peer = rule.get("CidrIpv4") or rule.get("PrefixListId") or rule.get("ReferencedGroupInfo", {}).get("GroupId")
        if not rule["IsEgress"] and ports and peer in whom:
            return True
    return False


def follow(answer: str, zone: dict[str, dict], edges: set[str] = frozenset()) -> None:
    """Goes the way of a request to where it is answered."""
    if answer.endswith(".cloudfront.net"):
        return through_edges(answer, zone)
    if answer.endswith(".amazonaws.com"):
        return to_balancer(answer, {WORLD, *edges})
    return to_machine(answer)


def to_machine(address: str) -> None:
    machines = [
        machine
        for one in ec2.describe_instances(Filters=[{"Name": "ip-address", "Values": [address]}])["Reservations"]
        for machine in one["Instances"]
    ]
    running = [machine for machine in machines if machine["State"]["Name"] == "running"]
    if not running:
        raise Dead(f"no machine runs at {address}")
    if not open_to([group["GroupId"] for group in running[0]["SecurityGroups"]], 443, {WORLD}):
        raise Dead(f"the machine at {address} lets nobody in")


def to_balancer(name: str, whom: set[str]) -> None:
    found = [one for one in elb.describe_load_balancers()["LoadBalancers"] if one["DNSName"].lower() == name]
    if not found or found[0]["State"]["Code"] != "active":
        raise Dead(f"no balancer is active at {name}")
    balancer = found[0]
    if not open_to(balancer["SecurityGroups"], 443, whom):
        raise Dead(f"the balancer {name} lets nobody in")
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    secure = [one for one in listeners if one["Port"] == 443]
    if not secure:
        raise Dead(f"the balancer {name} does not listen")
    action = secure[0]["DefaultActions"][0]
    shares = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"]}]
    for share in shares:
        if share.get("Weight", 1):
            to_targets(share["TargetGroupArn"], set(balancer["SecurityGroups"]))


def to_targets(group: str, balancer: set[str]) -> None:
    rows = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    healthy = [row["Target"] for row in rows if row["TargetHealth"]["State"] == "healthy"]
    if not healthy:
        states = [row["TargetHealth"]["State"] for row in rows]
        raise Dead(f"no target of {group.rpartition(':')[2]} is healthy: {states}")
    machines = ec2.describe_instances(InstanceIds=[healthy[0]["Id"]])["Reservations"][0]["Instances"]
    if not open_to([one["GroupId"] for one in machines[0]["SecurityGroups"]], healthy[0]["Port"], balancer):
        raise Dead(f"the target {healthy[0]['Id']} does not let its balancer in")


deployed: set[str] = set()


def through_edges(name: str, zone: dict[str, dict]) -> None:
    items = cloudfront.list_distributions()["DistributionList"].get("Items", [])
    found = [one for one in items if one["DomainName"].lower() == name]
    if not found or not found[0]["Enabled"] or NAME not in found[0]["Aliases"].get("Items", []):
        raise Dead(f"no distribution at {name} answers for {NAME}")
    one = found[0]
    if one["Status"] == "Deployed":
        deployed.add(one["Id"])
    if one["Id"] not in deployed:
        raise Dead(f"the distribution {name} was never deployed")
    origins = {origin["Id"]: origin["DomainName"] for origin in one["Origins"]["Items"]}
    origin = origins[one["DefaultCacheBehavior"]["TargetOriginId"]]
    lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
    edges = {one["PrefixListId"] for one in lists if one["PrefixListName"].endswith("cloudfront.origin-facing")}
    for answer, _ in answers(origin, zone) if origin in zone else [(origin, 0)]:
        follow(answer, zone, edges)


class Watch:
    """What was seen so far."""

    def __init__(self) -> None:
        self.changes = threading.RLock()
        self.looking = threading.Lock()
        self.last = 0.0
        # Which answers are given, and until when those that are not given any more are kept.
        self.given: dict[str, int] = {}
        self.kept: dict[str, float] = {}
        self.victim: int | None = None
        self.forget()

    def forget(self) -> None:
        self.looks, self.kept_looks, self.moves, self.wrong = 0, 0, [], []

    def look(self, cause: str) -> None:
        with self.looking:
            began = time.monotonic()
            try:
                zone = records()
                given = dict(answers(NAME, zone))
            except Dead as dead:
                if self.given:
                    self.wrong.append(f"{cause}: {dead}")
                return
            for answer, seconds in self.given.items():
                if answer not in given:
                    self.kept[answer] = began + seconds * float(SCALE)
                    self.moves.append(f"{answer} -> {', '.join(given)}")
            self.given = given
            self.looks += 1
            old = [answer for answer, until in self.kept.items() if until >= began and answer not in given]
            self.kept_looks += bool(old)
            for answer in [*given, *old]:
                try:
                    follow(answer, zone)
                except Dead as dead:
                    kept = " (as a resolver still answers)" if answer in old else ""
                    self.wrong.append(f"{cause}: {dead}{kept}")
            self.last = time.monotonic()

    def report(self) -> dict:
        told = {"looks": self.looks, "kept": self.kept_looks, "moves": self.moves, "wrong": self.wrong}
        self.forget()
        return told


watch = Watch()
upstream = threading.local()
HOPS = {"connection", "keep-alive", "te", "upgrade", "transfer-encoding", "expect"}


def action(method: str, path: str, headers, body: bytes) -> tuple[str, bool]:
    """The name of a call, and whether it changes anything."""
    form = headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    name = parse_qs(body.decode()).get("Action", [""])[0] if form else ""
    name = name or headers.get("X-Amz-Target", "").rpartition(".")[2] or path.partition("/operation/")[2]
    if name:
        return name, not re.match("Describe|List|Get", name)
    return f"{method} {path}", method not in ("GET", "HEAD") and not path.startswith("/terrace/")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return whole

    def pass_on(self, body: bytes):
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOPS]
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        for last in (False, True):
            link = getattr(upstream, "link", None)
            try:
                if link is None:
                    link = upstream.link = http.client.HTTPConnection(PLACE)
                link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    link.putheader(name, value)
                link.endheaders(body)
                answer = link.getresponse()
                return answer, answer.read()
            except (http.client.BadStatusLine, BrokenPipeError, ConnectionResetError):
                # The emulator has hung up since the last request, and has not seen this one.
                upstream.link = None
                if last:
                    raise

    def handle_one(self) -> None:
        body = self.body()
        name, changes = action(self.command, self.path, self.headers, body)
        is_lock = self.path.startswith("/terrace-")
        if is_lock:
            # On no path of the site, and its lease runs while others are looked after: it is answered first.
            answer, content = self.pass_on(body)
        elif changes:
            # One change at a time, so that each has a world of its own after it.
            with watch.changes:
                answer, content = self.pass_on(body)
                before = len(watch.moves)
                watch.look(f"after {name}")
                if watch.victim and len(watch.moves) > before:
                    os.kill(watch.victim, signal.SIGKILL)
                    watch.victim = None
        else:
            answer, content = self.pass_on(body)
            # What changes by itself is seen too.
            if watch.given and time.monotonic() - watch.last > 0.1 and not watch.looking.locked():
                watch.look(f"at {name}")
        self.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in HOPS and key.lower() != "content-length":
                self.send_header(key, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        if is_lock:
            watch.look(f"at {name}")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
# Who was killed hears no answer.
server.handle_error = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "kill":
        watch.victim = int(rest)
        print("{}", flush=True)
    else:
        print(json.dumps(watch.report()), flush=True)
