# shellcheck shell=bash
# What the scripts share: finding an engine (or installing one), finding a Rust toolchain, and talking to a person.
# Sourced, never run. Everything here talks on stderr: stdout belongs to the script that sources it.

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n== %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# The socket that we would talk to without a docker client: DOCKER_HOST when it names one, else the usual place.
engine_socket() {
    case "${DOCKER_HOST:-}" in
        unix://*) printf '%s\n' "${DOCKER_HOST#unix://}" ;;
        *) printf '%s\n' /var/run/docker.sock ;;
    esac
}

# engine_api METHOD PATH [curl options]: one call of the Engine API, for a host that has no docker client.
engine_api() {
    local method=$1 path=$2
    shift 2
    case "${DOCKER_HOST:-}" in
        tcp://*) curl -fsS --max-time 300 -X "$method" "$@" "http://${DOCKER_HOST#tcp://}$path" ;;
        *) curl -fsS --max-time 300 -X "$method" --unix-socket "$(engine_socket)" "$@" "http://engine$path" ;;
    esac
}

has() { command -v "$1" >/dev/null 2>&1; }

engine_answers() {
    if has docker; then
        timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
    else
        has curl && engine_api GET /_ping >/dev/null 2>&1
    fi
}

engine_version() {
    if has docker; then
        docker version --format '{{.Server.Version}}'
    else
        engine_api GET /version | sed -n 's/.*"Version":"\([^"]*\)","ApiVersion".*/\1/p'
    fi
}

is_debian_or_ubuntu() {
    [ -r /etc/os-release ] || return 1
    local id
    # shellcheck disable=SC1091 # the file of the host, not ours
    id=$(. /etc/os-release && printf '%s %s' "${ID:-}" "${ID_LIKE:-}")
    case " $id " in *' debian '* | *' ubuntu '*) return 0 ;; *) return 1 ;; esac
}

may_install() { [ "$(id -u)" = 0 ] && is_debian_or_ubuntu && has apt-get; }

apt_updated=
apt_install() {
    if [ -z "$apt_updated" ]; then
        say "apt-get update"
        apt-get update -qq >&2 || say "apt-get update had problems; trying with the lists that are there"
        apt_updated=yes
    fi
    say "apt-get install $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

wait_for_engine() {
    local tries
    for ((tries = 0; tries < 60; tries++)); do
        engine_answers && return 0
        sleep 0.5
    done
    return 1
}

start_engine() {
    if [ -d /run/systemd/system ] && has systemctl; then
        say "starting the engine: systemctl start docker"
        systemctl start docker >&2 || true
    elif has service && [ -e /etc/init.d/docker ]; then
        say "starting the engine: service docker start"
        service docker start >&2 || true
    fi
    # Without an init system the line above may do nothing, or not for long enough.
    local tries
    for ((tries = 0; tries < 10; tries++)); do
        engine_answers && return 0
        sleep 0.5
    done
    if ! has dockerd; then return 1; fi
    if [ -e /var/run/docker.pid ] && kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then
        wait_for_engine
        return
    fi
    say "starting the engine: dockerd in the background, its log is /var/log/dockerd.log"
    setsid nohup dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
    wait_for_engine
}

# An engine that answers, or an end that says what to do about it.
ensure_engine() {
    if ! has docker && ! has curl && may_install; then apt_install curl ca-certificates; fi
    if engine_answers; then
        say "engine: $(engine_version) answers"
        return 0
    fi
    if [ -n "${DOCKER_HOST:-}" ]; then
        die "no engine answers at DOCKER_HOST=$DOCKER_HOST" \
            "Start that engine, or \`unset DOCKER_HOST\` to use the one of this machine."
    fi
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        die "this user may not talk to /var/run/docker.sock" \
            "Add yourself to its group and log in again:  sudo usermod -aG docker $(id -un)" \
            "or run this script as root."
    fi
    if ! may_install; then
        die "no Docker Engine answers on this machine" \
            "As root on Debian or Ubuntu this script would install and start one by itself." \
            "Otherwise:  install it (Debian, Ubuntu: apt-get install docker.io)," \
            "            start it   (systemctl start docker)," \
            "            check it   (docker version), and run this script again."
    fi
    if ! has dockerd; then
        local packages=(docker.io)
        apt-get update -qq >&2 || true
        apt_updated=yes
        # Since Debian 13 the client is a package of its own.
        if [ -n "$(apt-cache madison docker-cli 2>/dev/null)" ]; then packages+=(docker-cli); fi
        has iptables || packages+=(iptables)
        apt_install "${packages[@]}" || die "docker.io could not be installed; the lines above say why"
        hash -r
    fi
    start_engine || die "the Docker Engine is installed but does not answer" \
        "Its log says why: /var/log/dockerd.log, or journalctl -u docker." \
        "In a container, dockerd needs --privileged."
    say "engine: $(engine_version) answers"
}

# The registry of the tests, and the program that makes its passwords, or an end that says what to do about it.
ensure_registry() {
    local missing=()
    has docker-registry || missing+=(docker-registry)
    has htpasswd || missing+=(apache2-utils)
    if [ ${#missing[@]} -eq 0 ]; then return 0; fi
    if ! may_install; then
        die "the tests start a registry of their own, and it is not installed" \
            "Debian, Ubuntu:  apt-get install ${missing[*]}"
    fi
    # The package starts a registry as a service where there is an init system. The tests start their own, on ports of their own.
    apt_install "${missing[@]}" || die "${missing[*]} could not be installed; the lines above say why"
    hash -r
}

# cargo and a linker, or an end that says what to do about it.
ensure_toolchain() {
    if ! has cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
        export PATH
    fi
    has cargo || die "no Rust toolchain: cargo is not on the PATH" \
        "Install rustup (its home page says how); the version that this project wants" \
        "stands in rust-toolchain.toml and is then fetched by itself."
    if ! has cc; then
        if may_install; then
            apt_install gcc libc6-dev
        else
            die "no C compiler: Rust needs \`cc\` as its linker" "Debian, Ubuntu:  apt-get install gcc libc6-dev"
        fi
    fi
}
