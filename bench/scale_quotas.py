"""AWS's quotas for one account in one Region, as far as this template meets them. docs/SCALE.md has the sources.

Those from `requests` on are compared with what uploads need, and not simulated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quotas:
    """Rates are per second."""

    name: str
    # Lambda: instances of all functions together. Adjustable.
    functions: int = 1000
    # Fargate: vCPU on Spot and on demand. Adjustable; the values of an account that has asked.
    vcpu: tuple = (4000.0, 4000.0)
    # ECS: calls of RunTask, and launches on each capacity. Adjustable on request.
    run_task_rate: float = 20.0
    launch_rate: float = 20.0
    launch_burst: float = 100.0
    # Step Functions, in N. Virginia, Oregon and Ireland. Adjustable.
    transitions_rate: float = 5000.0
    transitions_burst: float = 5000.0
    starts_rate: float = 300.0
    starts_burst: float = 1300.0
    # DynamoDB: write units that a new table takes at once, without splitting first. A table grows with its traffic.
    table_writes: float = 4000.0
    # Shards of the table's stream, of which there is one for each partition (1,000 write units).
    stream_shards: int = 4
    # API Gateway: requests to all APIs of the account.
    requests: float = 10_000.0
    # S3: writes under one partitioned prefix.
    object_writes: float = 3500.0
    # VPC: network interfaces, one for each container. CloudWatch Logs: new log streams, one for each container.
    interfaces: float = 5000.0
    log_streams: float = 50.0


# In any other Region, the smaller quotas of Step Functions.
ELSEWHERE = {"transitions_rate": 800.0, "transitions_burst": 800.0, "starts_rate": 150.0, "starts_burst": 800.0}

NEW = Quotas("new account", functions=10, vcpu=(6.0, 6.0), **ELSEWHERE)
# Default quotas, but for Fargate, whose default is a new account's.
USUAL = Quotas("in use")
SMALL = Quotas("in use, other Region", **ELSEWHERE)
# What to ask for: enough for 116 uploads a second. A table that is warmed for 8,000 writes has more partitions.
WANTED = Quotas(
    "recommended",
    vcpu=(8000.0, 4000.0),
    run_task_rate=60.0,
    launch_rate=60.0,
    launch_burst=300.0,
    table_writes=8000.0,
    log_streams=100.0,
    stream_shards=8,
)
