# The DAG of a parameter set:  snakemake --config params=quick
#
#   params/<set>/NN.yaml ─ fetch, a job for each data set with files ─ train, a job for some shards ─ results/cells/ ─ table ─ figures/<set>/NN.csv ─ figure ─ NN.{svg,pdf,png,json,ipynb,sha256}
#
# `into=FOLDER` makes the files elsewhere than in `figures`. What must be made again is decided by digests, not by
# modification times, which git does not keep: the key files under results/keys are written whenever this file is read, and
# are newer than the outputs only where the digest in the `.json` is not that of today's code and parameters. (`ancient`
# would not do: Snakemake overlooks every other reason to run a job whose ancient input is being made anew.)
#
# On a cluster (docs/cluster.md) every job reads this file again, when some networks are there that were not when it was
# submitted: it takes over the plan by which it was.
import os
import re
import sys
from pathlib import Path

from almostnothing import failures, planning, running
from almostnothing.errors import UserError
from almostnothing.parameters import names

NAMED = config.get("params", "quick")
INTO = Path(str(config.get("into", "figures")))
DRAWN = ("svg", "pdf", "png", "json", "ipynb", "sha256")

try:
    SET = names.set_name(NAMED)
    if workflow.is_main_process:
        PLAN = planning.plan(SET, INTO, config.get("cluster"))
        os.environ[planning.HANDED_ON] = str(planning.handed_on(PLAN))
        failures.tell()
    else:
        PLAN = planning.taken_over()
except UserError as error:
    raise WorkflowError(str(error))

if workflow.is_main_process:
    for damage in PLAN.damaged:
        print(f"To be made again: {damage}", file=sys.stderr)


envvars:
    planning.HANDED_ON,


# of no dry run, and where there is something to do
onstart:
    try:
        running.stay_alone(SET, INTO)
    except UserError as error:
        raise WorkflowError(str(error))
    if "cluster" not in config:
        # Its limit on jobs a second, which two cores never meet: for every job that has ended, Snakemake would look for
        # jobs once more each second, until the end.
        workflow.scheduler.job_rate_limiter = None


MADE, KEYS = f"{INTO}/{SET}", f"results/keys/{INTO}/{SET}"
DONE = f"results/done/{INTO}/{SET}"  # markers of this set alone, which no run of another set removes


def more(amount):
    """An amount of a resource that is twice as much at each attempt: what failed may have had too little."""
    return lambda wildcards, attempt: amount(wildcards) * 2 ** (attempt - 1)


def fetched(job):
    """The marker of a data set that needs files, for jobs that train.

    A table that is measured reads its data by itself: were a marker its input, fetching for one would make the others anew.
    """
    slug = PLAN.jobs[job].fetch
    return [f"{DONE}/data/{slug}"] if slug else []


wildcard_constraints:
    name="|".join(map(re.escape, PLAN.pages)),
    job="[0-9a-f]+",
    slug="[0-9a-z_-]+",


rule all:
    input:
        expand(f"{MADE}/{{name}}.{{suffix}}", name=PLAN.pages, suffix=["csv", *DRAWN]),


# A marker is temporary, so that its absence from a fresh clone asks for nothing; the trained cells stay in their store.
rule fetch:
    output:
        temp(touch(f"{DONE}/data/{{slug}}")),
    log:
        f"results/logs/{MADE}/fetch.{{slug}}.log",
    localrule: True  # where a cluster's jobs reach no network, this machine does
    params:
        file=lambda wildcards: PLAN.fetched[wildcards.slug][0],
        name=lambda wildcards: PLAN.fetched[wildcards.slug][1],
    shell:
        "python -m almostnothing fetch {params.file:q} --dataset {params.name:q} 2>&1 | tee {log:q}"


rule train:
    input:
        lambda wildcards: fetched(wildcards.job),
    output:
        temp(touch(f"{DONE}/jobs/{{job}}")),
    log:
        f"results/logs/{MADE}/train.{{job}}.log",
    priority: 2  # what most waits for comes first, so that no long job is left alone at the end
    threads: 1
    resources:
        mem_mb=more(lambda wildcards: PLAN.jobs[wildcards.job].memory // 2**20),
        runtime=more(lambda wildcards: PLAN.jobs[wildcards.job].minutes),
        gpu=lambda wildcards: int(PLAN.jobs[wildcards.job].gpu),
    params:
        file=lambda wildcards: PLAN.jobs[wildcards.job].parameter_file,
        shards=lambda wildcards: PLAN.jobs[wildcards.job].shards,
    shell:
        "python -m almostnothing train {params.file:q} --shard {params.shards:q} 2>&1 | tee {log:q}"


rule table:
    input:
        f"{KEYS}/{{name}}.table",
        lambda wildcards: [f"{DONE}/jobs/{job}" for job in PLAN.pages[wildcards.name]],
    output:
        update(f"{MADE}/{{name}}.csv"),
    log:
        f"results/logs/{MADE}/{{name}}.table.log",
    priority: 1
    resources:
        mem_mb=more(lambda wildcards: 4000),
        runtime=more(lambda wildcards: 720),
    params:
        file=f"params/{SET}/{{name}}.yaml",
        into=lambda wildcards: str(INTO),
    shell:
        "python -m almostnothing table {params.file:q} --into {params.into:q} 2>&1 | tee {log:q}"


rule figure:
    input:
        f"{KEYS}/{{name}}.figure",
        f"{MADE}/{{name}}.csv",
    output:
        [update(f"{MADE}/{{name}}.{suffix}") for suffix in DRAWN],
    log:
        f"results/logs/{MADE}/{{name}}.figure.log",
    resources:
        mem_mb=more(lambda wildcards: 3000),
        runtime=more(lambda wildcards: 60),
    params:
        file=f"params/{SET}/{{name}}.yaml",
        into=lambda wildcards: str(INTO),
    shell:
        "python -m almostnothing figure {params.file:q} --into {params.into:q} 2>&1 | tee {log:q}"


# Not of `all`, and without an output, so that it runs whenever it is asked for: it is made of all that is published.
rule site:
    log:
        "results/logs/site.log",
    shell:
        "python -m almostnothing site 2>&1 | tee {log:q}"
