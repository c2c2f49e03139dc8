"""The peer of the benchmarks: the same work on Python Dask.

Run by `bench/main.ts` with the system's Python. It starts a scheduler process and two worker
processes of one thread each, is itself the client, and then answers commands, one JSON object a
line on standard input:

    {"workload": "map+gather", "size": 1000}  ->  {"seconds": 1.71}

`seconds` is the time of one repetition. The first line that it prints says which versions run. It
ends when its standard input does; its children end with it, however it ends. With the paths of an
authority, a certificate and its key as arguments, all of it goes over TLS.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import distributed
import numpy as np
from distributed import Client, Security, wait

next_number = 0


def fresh(count):
    """Return `count` numbers that no task has had before: no two repetitions share a key."""
    global next_number
    start = next_number
    next_number += count
    return range(start, next_number)


def inc(x):
    return x + 1


def add(x, y):
    return x + y


def random_doubles(count, seed):
    return np.random.default_rng(seed).random(count)


def counting_doubles(count, start):
    return np.arange(start, start + count, dtype=float)


def end_with_parent():
    """Have the kernel end this child when its parent ends (Linux)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start_process(module, *arguments):
    # The command line tools of Dask print tracebacks of their own shutting down: nobody needs them.
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )


def start_cluster(folder, tls):
    flags = []
    security = None
    if tls:
        ca, cert, key = tls
        flags = ["--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key]
        security = Security(tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key)
    protocol = "tls" if tls else "tcp"
    scheduler_file = os.path.join(folder, "scheduler.json")
    processes = [
        start_process(
            "distributed.cli.dask_scheduler",
            *("--host", "127.0.0.1", "--port", "0"),
            *("--no-dashboard", "--no-show", "--scheduler-file", scheduler_file),
            *("--protocol", protocol, *flags),
        )
    ]
    for name in ("A", "B"):
        processes.append(
            start_process(
                "distributed.cli.dask_worker",
                *("--scheduler-file", scheduler_file, "--host", "127.0.0.1"),
                *("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name),
                *("--local-directory", folder, "--memory-limit", "0"),
                *("--protocol", protocol, *flags),
            )
        )
    deadline = time.monotonic() + 60
    while not os.path.exists(scheduler_file):
        if time.monotonic() > deadline:
            raise RuntimeError("the scheduler of Dask did not start within 60 s")
        time.sleep(0.05)
    client = Client(scheduler_file=scheduler_file, timeout=60, security=security)
    client.wait_for_workers(2, timeout=60)
    return client, processes


# Each workload prepares what is not measured and returns the function that is. That one returns
# the futures it made, so that letting go of them is not measured either.


def map_gather(client, count):
    numbers = fresh(count)

    def run():
        futures = client.map(inc, numbers)
        assert client.gather(futures)[-1] == numbers[-1] + 1
        return futures

    return run


def merge(client, count):
    numbers = fresh(count)

    def run():
        futures = client.map(inc, numbers)
        total = client.submit(sum, futures)
        assert total.result() == sum(numbers) + count
        return futures, total

    return run


def chain(client, length):
    start = fresh(1)[0] * 1_000_000

    def run():
        futures = [client.submit(inc, start)]
        for _ in range(length - 1):
            futures.append(client.submit(inc, futures[-1]))
        assert futures[-1].result() == start + length
        return futures

    return run


def tree(client, leaves):
    numbers = fresh(leaves)

    def run():
        levels = [client.map(inc, numbers)]
        while len(levels[-1]) > 1:
            levels.append(client.map(add, levels[-1][::2], levels[-1][1::2]))
        assert levels[-1][0].result() == sum(numbers) + leaves
        return levels

    return run


def submit_result(client, _):
    number = fresh(1)[0]

    def run():
        future = client.submit(inc, number)
        assert future.result() == number + 1
        return future

    return run


def gather_array(client, count, make=random_doubles):
    future = client.submit(make, count, fresh(1)[0])
    wait(future)

    def run():
        assert len(client.gather(future)) == count
        return future

    return run


def gather_counting(client, count):
    return gather_array(client, count, counting_doubles)


def scatter_array(client, count):
    array = random_doubles(count, fresh(1)[0])

    def run():
        # No hash of the content: neither side makes one here.
        future = client.scatter(array, hash=False)
        wait(future)
        return future

    return run


def worker_to_worker(client, count):
    future = client.submit(random_doubles, count, fresh(1)[0], workers=["A"])
    wait(future)

    def run():
        length = client.submit(len, future, workers=["B"])
        assert length.result() == count
        return future, length

    return run


def until_empty(client):
    """Wait until the scheduler has let go of all tasks, so that no repetition pays for another."""
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) > 0:
        time.sleep(0.01)


WORKLOADS = {
    "map+gather": map_gather,
    "merge": merge,
    "chain": chain,
    "tree": tree,
    "submit+result": submit_result,
    "gather": gather_array,
    "gather counting": gather_counting,
    "scatter": scatter_array,
    "worker to worker": worker_to_worker,
}


def main():
    end_with_parent()
    with tempfile.TemporaryDirectory() as folder:
        client, processes = start_cluster(folder, sys.argv[1:])
        try:
            version = f"Dask {distributed.__version__}, Python {sys.version.split()[0]}"
            print(json.dumps({"version": version}), flush=True)
            for line in sys.stdin:
                command = json.loads(line)
                run = WORKLOADS[command["workload"]](client, command["size"])
                start = time.perf_counter()
                futures = run()
                seconds = time.perf_counter() - start
                del futures, run
                if command["size"] > 1:
                    until_empty(client)
                print(json.dumps({"seconds": seconds}), flush=True)
        finally:
            client.close()
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


if __name__ == "__main__":
    main()
