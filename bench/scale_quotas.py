"""AWS's quotas for an account in one Region, as far as they limit this stack. docs/SCALE.md lists the sources.

`light_starts`, `requests` and the quotas after that are only compared with what uploads need; they are not simulated.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quotas:
    """Rates are per second, bursts are numbers of requests."""

    name: str
    # Lambda: concurrent executions of all functions together. Adjustable.
    functions: int = 1000
    # Fargate: vCPU on Spot and on demand. Adjustable; these are the values of an account that has requested more.
    vcpu: tuple = (4000.0, 4000.0)
    # ECS: calls of RunTask, and launches per type of capacity (Spot, on demand). Adjustable by AWS Support.
    run_task_rate: float = 20.0
    launch_rate: float = 20.0
    launch_burst: float = 100.0
    # Step Functions, in N. Virginia, Oregon and Ireland. Adjustable.
    transitions_rate: float = 5000.0
    transitions_burst: float = 5000.0
    starts_rate: float = 300.0
    starts_burst: float = 1300.0
    # Step Functions: starts of Express executions, in the same Regions.
    light_starts: float = 6000.0
    # DynamoDB: write units that a new table accepts before it splits partitions. It grows with its traffic.
    table_writes: float = 4000.0
    # Shards of the table's stream: one for each partition, which has 1,000 write units.
    stream_shards: int = 4
    # API Gateway: requests to all APIs of the account together.
    requests: float = 10_000.0
    # S3: writes per partitioned prefix.
    object_writes: float = 3500.0
    # Each container needs a network interface (VPC) and a new log stream (CloudWatch Logs).
    interfaces: float = 5000.0
    log_streams: float = 50.0


# The lower default quotas of Step Functions in all other Regions.
ELSEWHERE = {"transitions_rate": 800.0, "transitions_burst": 800.0, "starts_rate": 150.0, "starts_burst": 800.0}

NEW = Quotas("new account", functions=10, vcpu=(6.0, 6.0), **ELSEWHERE)
# Default quotas, except Fargate's vCPU, whose default is that of `NEW`.
USUAL = Quotas("in use")
SMALL = Quotas("in use, other Region", **ELSEWHERE)
# Quotas to request for 116 uploads per second. A table that is pre-warmed for 8,000 writes has eight partitions.
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
