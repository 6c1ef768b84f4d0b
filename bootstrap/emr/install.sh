#!/usr/bin/env bash
# EMR bootstrap action: installs Millstream on a node, starts the executor service on core and task nodes, and puts the
# command that steps run, /opt/millstream/driver, on the primary node.
#
#   install.sh --artifact s3://BUCKET/PREFIX/millstream-VERSION [--ports FIRST-LAST] [--executor-options 'TEXT']
#
# The node takes ARTIFACT-ARCH.tar.gz (ARCH as uname -m says), checks it against the SHA256SUMS inside, and unpacks it to
# /opt/millstream/VERSION, where /opt/millstream/current points. Running it again changes nothing and restarts nothing
# unless the version or the service's settings changed. It never waits for another node: executors look for a driver on
# the primary node's ports for as long as they run.
set -euo pipefail

readonly NAME=millstream
# Settings for tests and unusual nodes; a cluster needs none of them.
ROOT=${MILLSTREAM_INSTALL_ROOT:-}
INFO_FOLDERS=${MILLSTREAM_INFO_FOLDERS:-/mnt/var/lib/info /emr/instance-controller/lib/info}
SUDO=${MILLSTREAM_SUDO-sudo}
SYSTEMCTL=${MILLSTREAM_SYSTEMCTL:-systemctl}
S3_COPY=${MILLSTREAM_S3_COPY:-aws s3 cp --only-show-errors}
SERVICE_USER=${MILLSTREAM_SERVICE_USER:-hadoop}

ARTIFACT=
PORTS=7077-7092
EXECUTOR_OPTIONS=
NODE_HOST=

say() { printf '%s install: %s\n' "$NAME" "$*"; }
fail() {
    printf '%s install: %s\n' "$NAME" "$*" >&2
    exit 1
}
as_root() {
    if [[ -n $SUDO ]]; then "$SUDO" "$@"; else "$@"; fi
}

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }

read_arguments() {
    while (($# > 0)); do
        case $1 in
        --artifact) ARTIFACT=${2:?--artifact needs a value} && shift 2 ;;
        --ports) PORTS=${2:?--ports needs a value} && shift 2 ;;
        --executor-options) EXECUTOR_OPTIONS=${2-} && shift 2 ;;
        -h | --help) usage && exit 0 ;;
        *) fail "unknown argument '$1'; see --help" ;;
        esac
    done
    [[ -n $ARTIFACT ]] || fail "--artifact is required, as in --artifact s3://BUCKET/releases/millstream-0.1.0"
    [[ $PORTS =~ ^[0-9]+(-[0-9]+)?$ ]] || fail "--ports '$PORTS': expected PORT or FIRST-LAST"
    # It becomes part of a unit file.
    [[ $EXECUTOR_OPTIONS != *$'\n'* ]] || fail "--executor-options must be one line"
}

# Prints the value of key $2 in the JSON file $1 of the node, nothing when either is missing.
node_fact() {
    local folder
    for folder in $INFO_FOLDERS; do
        [[ -r $folder/$1 ]] || continue
        python3 - "$folder/$1" "$2" <<'PYTHON'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    value = json.load(file).get(sys.argv[2], "")
print(str(value).lower() if isinstance(value, bool) else value)
PYTHON
        return
    done
}

# Prints primary, core or task.
node_role() {
    local role
    if [[ $(node_fact instance.json isMaster) == true ]]; then
        echo primary
        return
    fi
    role=$(node_fact extraInstanceData.json instanceRole)
    role=${role,,}
    case $role in
    master | primary) echo primary ;;
    task) echo task ;;
    # A worker whose kind nobody told is as good as a core node: the same service runs on both.
    *) echo core ;;
    esac
}

# Prints the primary node's name or address.
primary_host() {
    local host
    host=$(node_fact extraInstanceData.json masterHost)
    [[ -n $host ]] || host=$(node_fact job-flow.json masterPrivateDnsName)
    [[ -n $host ]] || fail "the primary node's name is neither in extraInstanceData.json (masterHost) nor in job-flow.json \
(masterPrivateDnsName) under: $INFO_FOLDERS"
    echo "$host"
}

architecture() {
    local arch
    arch=${MILLSTREAM_ARCH:-$(uname -m)}
    case $arch in
    x86_64 | aarch64) echo "$arch" ;;
    *) fail "no build for architecture '$arch', only x86_64 and aarch64" ;;
    esac
}

# Unpacks the artifact into a folder named after its version, unless a sound copy is there; prints nothing.
install_binaries() {
    local version=$1 home=$2 archive scratch
    if [[ -f $home/SHA256SUMS ]] && (cd "$home" && sha256sum --quiet --check SHA256SUMS) 2>/dev/null; then
        say "version $version is installed"
    else
        archive="${ARTIFACT%.tar.gz}"
        [[ $ARTIFACT == *.tar.gz ]] || archive="$archive-$(architecture)"
        archive="$archive.tar.gz"
        scratch=$(mktemp -d)
        # shellcheck disable=SC2064 # the folder's name is meant to be fixed now
        trap "rm -rf '$scratch'" EXIT
        # shellcheck disable=SC2086 # a command with its options
        $S3_COPY "$archive" "$scratch/artifact.tar.gz" ||
            fail "cannot fetch $archive: check the name, and that the instance profile may s3:GetObject it"
        mkdir "$scratch/unpacked"
        tar -xzf "$scratch/artifact.tar.gz" -C "$scratch/unpacked" || fail "$archive is not a whole tar.gz archive"
        [[ -f $scratch/unpacked/SHA256SUMS ]] || fail "$archive has no SHA256SUMS; make it with package.sh"
        (cd "$scratch/unpacked" && sha256sum --quiet --check SHA256SUMS) ||
            fail "$archive does not match its SHA256SUMS: build and upload it again"
        as_root mkdir -p "$(dirname "$home")"
        as_root rm -rf "$home.new" "$home"
        as_root cp -r "$scratch/unpacked" "$home.new"
        as_root chmod -R go=rX "$home.new"
        as_root mv "$home.new" "$home"
        say "installed version $version from $archive"
    fi
    if [[ $(readlink "$(dirname "$home")/current" 2>/dev/null) != "$version" ]]; then
        as_root ln -sfn "$version" "$(dirname "$home")/current"
    fi
}

# Writes the command that steps run: the driver, told where it is. It listens beyond loopback because the executors are on
# other nodes, and replaces the shell so that a cancelled step's SIGTERM reaches it.
install_driver_command() {
    local version=$1 command="$ROOT/opt/$NAME/driver" region
    region=$(node_fact extraInstanceData.json region)
    # A step's own setting wins.
    if [[ -n $region ]]; then region="export AWS_REGION=\"\${AWS_REGION:-$region}\""; fi
    as_root tee "$command.new" >/dev/null <<COMMAND
#!/bin/sh
$region
export MILLSTREAM_LISTEN_ADDRESS="0.0.0.0:$PORTS" MILLSTREAM_LISTEN_ADVERTISE="$NODE_HOST"
exec /opt/$NAME/$version/bin/millstream-driver "\$@"
COMMAND
    as_root chmod 755 "$command.new"
    as_root mv "$command.new" "$command"
    say "steps run /opt/$NAME/driver; drivers listen on ports $PORTS"
}

unit_text() {
    local host=$1 version=$2 region
    region=$(node_fact extraInstanceData.json region)
    cat <<UNIT
[Unit]
Description=Millstream executor $version
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
User=$SERVICE_USER
ExecStart=/opt/$NAME/$version/bin/millstream-executor --driver $host:$PORTS --bind 0.0.0.0 --host $NODE_HOST${EXECUTOR_OPTIONS:+ $EXECUTOR_OPTIONS}
${region:+Environment=AWS_REGION=$region
}Restart=always
RestartSec=2
KillSignal=SIGTERM
TimeoutStopSec=60
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
UNIT
}

# Writes the executor's unit and starts it; leaves a running one alone when nothing changed.
install_service() {
    local host=$1 version=$2 unit="$ROOT/etc/systemd/system/$NAME-executor.service" text
    text=$(unit_text "$host" "$version")
    if [[ -f $unit && $(<"$unit") == "$text" ]]; then
        as_root "$SYSTEMCTL" start "$NAME-executor.service"
        say "the executor service is as it should be"
        return
    fi
    as_root mkdir -p "$(dirname "$unit")"
    printf '%s\n' "$text" | as_root tee "$unit.new" >/dev/null
    as_root mv "$unit.new" "$unit"
    as_root "$SYSTEMCTL" daemon-reload
    as_root "$SYSTEMCTL" enable "$NAME-executor.service"
    as_root "$SYSTEMCTL" restart "$NAME-executor.service"
    say "started the executor service, it looks for drivers at $host:$PORTS"
}

main() {
    local base version role host
    read_arguments "$@"
    base=${ARTIFACT##*/}
    base=${base%.tar.gz}
    base=${base%-x86_64}
    base=${base%-aarch64}
    version=${base#"$NAME"-}
    [[ $version =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || fail "--artifact '$ARTIFACT' does not end in $NAME-VERSION"
    # The name under which other nodes reach this one.
    NODE_HOST=${MILLSTREAM_NODE_HOST:-$(hostname -f)}
    role=$(node_role)
    say "this is a $role node"
    install_binaries "$version" "$ROOT/opt/$NAME/$version"
    case $role in
    primary) install_driver_command "$version" ;;
    *)
        # Of its own, so that its failure ends the script.
        host=$(primary_host)
        install_service "$host" "$version"
        ;;
    esac
}

main "$@"
