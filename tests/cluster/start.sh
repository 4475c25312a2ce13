#!/usr/bin/env bash
# A Slurm of one node on loopback, for tests: daemons of this user's own, without systemd, cgroups or accounting.
#   start.sh FOLDER    everything is kept in the empty FOLDER; stop.sh FOLDER ends what was started
# Needs root and the packages slurm-wlm and munge. Memory limits are held by polling each job's processes.
set -euo pipefail
folder=$(realpath -m "${1:?a folder for what the cluster writes}")
here=$(dirname "$(realpath "$0")")
mkdir -p "$folder"/{state,spool,log}
trap '"$here/stop.sh" "$folder"' ERR

node=$(hostname -s)
megabytes=$(awk '/MemTotal/ {print int($2 / 1024) - 512}' /proc/meminfo)
cat >"$folder/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=${SLURMCTLD_PORT:-26817}
SlurmdPort=${SLURMD_PORT:-26818}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
KillWait=2
MinJobAge=300
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$megabytes State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=500
CONF
# Snakemake clears variables that begin with SLURM_, so that the programs must find the file where they look by themselves.
mkdir -p /etc/slurm
ln -sfn "$folder/slurm.conf" /etc/slurm/slurm.conf

(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed"
slurmctld -c -f "$folder/slurm.conf"
slurmd -c -f "$folder/slurm.conf" -N "$node"
for _ in $(seq 150); do
    case $(sinfo -h -o %T 2>/dev/null) in idle | mixed | allocated) exit 0 ;; esac
    sleep 0.2
done
tail -n 5 "$folder"/log/*.log >&2
echo "Slurm did not come up within 30 seconds" >&2
false
