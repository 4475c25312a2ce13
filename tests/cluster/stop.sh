#!/usr/bin/env bash
# End the daemons that start.sh left in FOLDER, by the process ids that they wrote, and the jobs that still run.
folder=$(realpath -m "${1:?the folder that was given to start.sh}")
scancel --user="$(id -un)" 2>/dev/null
for daemon in slurmd slurmctld munged; do
    file="$folder/$daemon.pid"
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null
done
[ "$(readlink /etc/slurm/slurm.conf)" = "$folder/slurm.conf" ] && rm /etc/slurm/slurm.conf
exit 0
