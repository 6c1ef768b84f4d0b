#!/usr/bin/env bash
# Uploads a job file and adds it to a cluster as a step.
#
#   submit-job.sh --cluster j-ID --folder s3://BUCKET/jobs [options] FILE.sql
#
#   --conf NAME=VALUE     a parameter ${NAME} of the job, or a spark.* setting; may be repeated
#   --checkpoint FOLDER   where streaming queries keep their logs and state (s3://...)
#   --executors N         wait for this many executors before starting (default 1)
#   --name NAME           the step's name (default: the file's)
#   --dry-run             print the step, upload and add nothing
#
# Prints the step's id. Secrets do not belong in --conf, which anyone who may describe the cluster can read: name
# parameters of Parameter Store in the job as ${ssm:/path}.
# End a streaming job with: aws emr cancel-steps --cluster-id j-ID --step-ids s-ID
# (it gets SIGTERM, finishes the running batch, commits it and ends; submitted again it goes on from there).
set -euo pipefail

AWS=${MILLSTREAM_AWS:-aws}
DRIVER=${MILLSTREAM_DRIVER:-/opt/millstream/driver}

CLUSTER='' FOLDER='' FILE='' NAME='' CHECKPOINT='' EXECUTORS=1 DRY_RUN=false
CONF=()

fail() {
    printf 'submit-job: %s\n' "$*" >&2
    exit 2
}
usage() { sed -n '2,16s/^# \{0,1\}//p' "$0"; }

while (($# > 0)); do
    case $1 in
    --cluster) CLUSTER=${2:?--cluster needs a value} && shift 2 ;;
    --folder) FOLDER=${2:?--folder needs a value} && shift 2 ;;
    --conf) CONF+=("${2:?--conf needs a value}") && shift 2 ;;
    --checkpoint) CHECKPOINT=${2:?--checkpoint needs a value} && shift 2 ;;
    --executors) EXECUTORS=${2:?--executors needs a value} && shift 2 ;;
    --name) NAME=${2:?--name needs a value} && shift 2 ;;
    --dry-run) DRY_RUN=true && shift ;;
    -h | --help) usage && exit 0 ;;
    -*) fail "unknown argument '$1'; see --help" ;;
    *)
        [[ -z $FILE ]] || fail "one job file at a time: '$FILE' and '$1'"
        FILE=$1 && shift
        ;;
    esac
done
[[ $CLUSTER == j-* ]] || fail "--cluster is required, as in --cluster j-2AXXXXXXGAPLF"
[[ $FOLDER == s3://* ]] || fail "--folder is required, as in --folder s3://BUCKET/jobs"
[[ -n $FILE ]] || fail "which job? give its file, as in bootstrap/jobs/05_*.sql"
[[ -r $FILE ]] || fail "cannot read $FILE"
[[ $EXECUTORS =~ ^[1-9][0-9]*$ ]] || fail "--executors '$EXECUTORS': expected a number"
for pair in ${CONF[@]+"${CONF[@]}"}; do
    [[ $pair == ?*=* ]] || fail "--conf '$pair': expected NAME=VALUE"
done
NAME=${NAME:-$(basename "$FILE" .sql)}

# The content's hash is part of the name: a step that waits runs the file it was submitted with.
hash=$(sha256sum "$FILE" | cut -c1-12)
remote="${FOLDER%/}/$(basename "$FILE" .sql)-$hash.sql"

arguments=("$DRIVER" run --executors "$EXECUTORS" --wait 10m --progress plain)
if [[ -n $CHECKPOINT ]]; then arguments+=(--checkpoint "$CHECKPOINT"); fi
for pair in ${CONF[@]+"${CONF[@]}"}; do arguments+=(--conf "$pair"); done
arguments+=("$remote")

# JSON, because the shorthand form splits arguments at commas.
step=$(python3 - "$NAME" "${arguments[@]}" <<'PYTHON'
import json, sys
print(json.dumps([{
    "Type": "CUSTOM_JAR",
    "Name": sys.argv[1],
    "ActionOnFailure": "CONTINUE",
    "Jar": "command-runner.jar",
    "Args": sys.argv[2:],
}], indent=2))
PYTHON
)

if [[ $DRY_RUN == true ]]; then
    printf '%s\n' "$step"
    exit 0
fi
$AWS s3 cp --only-show-errors "$FILE" "$remote" >&2
$AWS emr add-steps --cluster-id "$CLUSTER" --steps "$step" --query 'StepIds[0]' --output text
