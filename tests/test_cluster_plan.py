"""What a plan for a cluster asks of its jobs, and what a whole set would cost: nothing is submitted."""

import json

import pytest
from conftest import Project, copy_project

from almostnothing import costs, failures, sizes, sweeps
from almostnothing.parameters.page import Compute
from almostnothing.parameters.sweep import Sweep

PLANNED = """
import json, os
from dataclasses import asdict
from pathlib import Path
from almostnothing import planning
os.environ[planning.HANDED_ON] = str(planning.handed_on(planning.plan("tiny", Path("figures"), {cluster!r})))
print(json.dumps([dict(asdict(job), minutes=job.minutes) for job in planning.taken_over().jobs.values()]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("planned"))


@pytest.mark.parametrize(("cluster", "gpu"), [("gpu", True), ("cpu", False)])
def test_jobs_know_what_they_need_from_the_plan_that_submitted_them(project, cluster, gpu):
    [job] = json.loads(project.run("python", "-c", PLANNED.format(cluster=cluster)).stdout)
    assert job["gpu"] is gpu
    assert len(job["shards"]) == 2
    assert job["minutes"] > job["seconds"] / 60
    assert (job["memory"] > costs.CUDA_BYTES) is gpu


def test_a_gpu_that_is_asked_for_and_not_given_is_one_sentence(project):
    project.edit("params/tiny/01_knee.yaml", "  device: auto", "  device: cuda")
    failed = project.run("snakemake", "-n", "--config", "params=tiny", "cluster=cpu", check=False)
    project.edit("params/tiny/01_knee.yaml", "  device: cuda", "  device: auto")
    assert "jobs get no GPU with cluster=cpu" in " ".join((failed.stdout + failed.stderr).split())
    failed = project.run("snakemake", "-n", "--config", "params=tiny", "cluster=tpu", check=False)
    assert "it says what jobs may have: cpu or gpu" in " ".join((failed.stdout + failed.stderr).split())


def test_a_set_is_planned_by_its_name_or_its_folder(project):
    printed = [project.run("python", "-m", "almostnothing", "plan", name).stdout for name in ("tiny", "params/tiny")]
    for text in printed:
        rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
        assert rows["01_knee"][1:4] == rows["all"][1:4] == ["40", "40", "2"]
    failed = project.run("python", "-m", "almostnothing", "plan", "nope", check=False)
    assert failed.returncode == 2
    assert "params/nope does not exist" in failed.stderr


def test_small_shards_share_a_job_and_a_stack():
    sweep = {"dataset": "digits", "train_size": [20], "strength": [0], "training_corruption": "fixed", "depth": [2]}
    cells = Sweep.model_validate(sweep | {"width": [4, 8], "steps": [10], "seeds": [0, 1]}).cells()
    parts = [sweeps.Shard((cell,)) for cell in cells]
    assert [set(shard.cells) for shard in sweeps.stacked(parts)] == [set(shard.cells) for shard in sweeps.plan(cells)]
    assert [len(some) for some in sweeps.batches(parts, [4.0, 4.0, 4.0, 4.0], 10.0)] == [2, 2]
    together, alone = costs.gpu_seconds(sweeps.plan(cells)), costs.gpu_seconds(sweeps.plan(cells[:1]))
    assert sum(together) < len(cells) * sum(alone)
    assert costs.card_bytes(parts) == costs.CONTEXT_BYTES + max(
        len(shard.cells) * max(map(sizes.slot_bytes, shard.cells)) for shard in sweeps.stacked(parts)
    )
    assert costs.card_bytes(parts) > costs.card_bytes(parts[:1])
    assert all(seconds > costs.START_SECONDS for seconds in costs.core_seconds(parts, Compute()))


def test_a_failed_job_is_one_sentence(tmp_path):
    log = tmp_path / "7.log"
    log.write_text("slurmstepd: error: StepId=7.batch exceeded memory limit (2 > 1), being killed\n")
    said = "SLURM-job '7' failed, SLURM status is: 'FAILED'. Detailed failure reason unavailable.For further error"
    record = {"rule_name": "table", "output": ["a.csv (update)"], "rule_msg": said, "log": [str(log)]}
    assert failures.sentence(record) == (
        "almostnothing: table of a.csv failed: SLURM-job '7' failed, SLURM status is: 'FAILED' as it exceeded memory "
        f"limit; its words: {log}"
    )
