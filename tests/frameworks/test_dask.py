"""A sweep on a cluster: worker processes may die, and the result is the serial one to the bit."""

import os
import signal

import pytest

import symopt
from symopt.execution.sweep import plan as planning

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]
pytest.importorskip("distributed")

CALL = (["momentum", "adam"], ["beale", "ackley"], symopt.grid(12), 300)
ETA = "1/1000..1/10:5:log"


@pytest.fixture(scope="module")
def client():
    import dask
    import distributed

    settings = {
        "distributed.comm.timeouts.connect": "10s",
        "distributed.scheduler.worker-ttl": "10s",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1", silence_logs=50,
        ) as cluster,
        distributed.Client(cluster, timeout=20) as made,
    ):  # fmt: skip
        yield made


def test_a_worker_killed_midway_loses_nothing(client, monkeypatch, tmp_path):
    serial = symopt.sweep(*CALL, eta=ETA)
    monkeypatch.setattr(planning, "_WORK", 2 * 300 * 50)
    workers = client.run(os.getpid)
    assert len(workers) == 2
    killed, seen = [], []

    def watch(what, done, total):
        seen.append(done)
        if done == total // 4:
            killed.append(next(iter(workers.values())))
            os.kill(killed[0], signal.SIGKILL)

    found = symopt.sweep(*CALL, eta=ETA, executor=client.get_executor(), store=tmp_path,
                         watch=watch)  # fmt: skip
    assert killed
    assert seen == list(range(1, found.parts + 1))
    assert found.parts >= 40
    assert found.digest == serial.digest
    client.wait_for_workers(2, timeout=20)
    after = client.run(os.getpid)
    assert killed[0] not in after.values()
    assert symopt.sweep(*CALL, eta=ETA, store=tmp_path).resumed == found.parts
