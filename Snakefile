# The DAG of a parameter set:  snakemake --config params=quick
#
#   params/<set>/NN.yaml ─ fetch, a job for each data set with files ─ train, a job for each shard ─ results/cells/ ─ table ─ figures/<set>/NN.csv ─ figure ─ NN.{svg,pdf,png,json,ipynb}
#
# What must be made again is decided by digests, not by modification times, which git does not keep: the key files under
# results/keys are written whenever this file is read, and are newer than the outputs only where the digest in
# the published .json is not that of today's code and parameters. (`ancient` would not do: Snakemake overlooks every
# other reason to run a job whose ancient input is being made anew.)
from almostnothing import publishing
from almostnothing.errors import UserError

SET = str(config.get("params", "quick"))

try:
    FIGURES = {figure.name: figure for figure in publishing.figures_of(SET)}
except UserError as error:
    raise WorkflowError(str(error))
for figure in FIGURES.values():
    publishing.set_times(figure)
SHARDS = {
    shard.key: (figure, shard) for figure in FIGURES.values() for shard in figure.shards
}
FILED = {
    publishing.slug(source.name): (figure, source.name)
    for figure in FIGURES.values()
    for source in figure.sources
    if source.name != "digits"
}


def fetched(name):
    """The marker of a data set that needs files, for jobs that train.

    A table that is measured reads its data by itself: were a marker its input, fetching for one would make the others anew.
    """
    slug = publishing.slug(name)
    return [f"results/data/{slug}"] if slug in FILED else []


wildcard_constraints:
    name="|".join(FIGURES),
    shard="[0-9a-f]+",
    slug="[0-9a-z_-]+",


rule all:
    input:
        [
            figure.file(suffix)
            for figure in FIGURES.values()
            for suffix in publishing.FILES
        ],


# A marker is temporary, so that its absence from a fresh clone asks for nothing; the trained cells stay in their store.
rule fetch:
    output:
        temp(touch("results/data/{slug}")),
    log:
        "results/logs/fetch/{slug}.log",
    params:
        file=lambda wildcards: FILED[wildcards.slug][0].parameter_file,
        name=lambda wildcards: FILED[wildcards.slug][1],
    shell:
        "python -m almostnothing fetch {params.file} --dataset {params.name:q} 2>&1 | tee {log}"


rule train:
    input:
        lambda wildcards: fetched(SHARDS[wildcards.shard][1].cells[0].dataset),
    output:
        temp(touch("results/shards/{shard}")),
    log:
        "results/logs/train/{shard}.log",
    threads: 1
    resources:
        mem_mb=lambda wildcards: publishing.memory(SHARDS[wildcards.shard][1]) // 2**20,
    params:
        file=lambda wildcards: SHARDS[wildcards.shard][0].parameter_file,
    shell:
        "python -m almostnothing train {params.file} --shard {wildcards.shard} 2>&1 | tee {log}"


rule table:
    input:
        f"results/keys/{SET}/{{name}}.table",
        lambda wildcards: [
            f"results/shards/{shard.key}" for shard in FIGURES[wildcards.name].shards
        ],
    output:
        update(f"figures/{SET}/{{name}}.csv"),
    log:
        f"results/logs/{SET}/{{name}}.table.log",
    resources:
        mem_mb=4000,
    shell:
        f"python -m almostnothing table params/{SET}/{{wildcards.name}}.yaml 2>&1 | tee {{log}}"


rule figure:
    input:
        f"results/keys/{SET}/{{name}}.figure",
        f"figures/{SET}/{{name}}.csv",
    output:
        [
            update(f"figures/{SET}/{{name}}.{suffix}")
            for suffix in publishing.FILES
            if suffix != "csv"
        ],
    log:
        f"results/logs/{SET}/{{name}}.figure.log",
    shell:
        f"python -m almostnothing figure params/{SET}/{{wildcards.name}}.yaml 2>&1 | tee {{log}}"
