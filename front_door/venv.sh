# shellcheck shell=bash
# The local environment .venv, installed from the locked requirements. Sourced by run.sh.
# shellcheck disable=SC2329,SC2034  # called by name; read by run.sh

run_in_venv() { supervise signal_child interruptible "$@"; }

# The shell lets background commands ignore INT, and Python would inherit that.
interruptible() { trap - INT; exec "$@"; }

# An interrupt from the terminal has already reached the child.
signal_child() { [[ $1 == INT && -t 0 ]] || kill -s "$1" "$2" 2>/dev/null || true; }

# Prepares .venv with the running packages, the chosen extras, and the given ones besides.
prepare_venv() {
    local wanted extras
    say "runs in .venv ($REASON)"
    wanted=$(cat requirements-bootstrap.txt requirements.lock | "${SHA256[@]}" | cut -d ' ' -f 1)
    extras=$(extras_with "$@")
    if ! venv_is_whole "$wanted" || ! extras_are_whole "$extras"; then
        find_python
        mkdir -p .venv
        with_lock .venv/.run.lock set_up_venv "$wanted" "$extras" "$@"
    fi
    export VIRTUAL_ENV=$ROOT/.venv PATH=$ROOT/.venv/bin:$PATH
}

# The stamps are written last. They identify what is completely installed: the running packages, and the extras.
stamp() { cat .venv/.stamp 2>/dev/null || true; }
venv_is_whole() { [[ -x .venv/bin/python && $(stamp) == "$1" ]]; }
extras_stamp() { printf '%s %s' "$1" "$("${SHA256[@]}" <requirements-dev.lock | cut -d ' ' -f 1)"; }
extras_are_whole() { [[ -z $1 || $(cat .venv/.extras 2>/dev/null) == "$(extras_stamp "$1")" ]]; }

# Takes the hash of the running packages, all extras, and those extras without which the command cannot run.
set_up_venv() {
    local wanted=$1 extras=$2
    shift 2
    venv_is_whole "$wanted" || install_running "$wanted" # another run.sh may have done it in the meantime
    extras_are_whole "$extras" || install_extras "$extras" "$@"
}

install_running() {
    # After an interruption some packages may be incomplete: start again.
    if [[ $(stamp) == unfinished ]] || ! serves .venv/bin/python; then
        find .venv -mindepth 1 -maxdepth 1 ! -name '.run.lock*' -exec rm -rf {} +
    fi
    echo unfinished >.venv/.stamp
    rm -f .venv/.extras # they go with the synchronisation
    say "preparing .venv with $PYTHON: gigabytes and minutes the first time; progress is in .venv/setup.log"
    fill_venv >.venv/setup.log 2>&1 || die "the environment could not be prepared $(cause_of_failure)" 1
    printf '%s\n' "$1" >.venv/.stamp
    say ".venv is ready ($SECONDS s)"
}

fill_venv() {
    { [[ -x .venv/bin/python ]] || "$PYTHON" -m venv .venv; } && install_uv .venv && sync_running
}

# What is not in the lock is removed, uv and pip among it.
sync_running() { .venv/bin/uv pip sync --python .venv/bin/python --require-hashes requirements.lock; }

# Adds packages and changes none: the running ones have the same versions in both locks. A failure ends only
# commands that asked for an extra.
install_extras() {
    local extras=$1
    shift
    say "adding to .venv: $extras; progress is in .venv/setup.log"
    if fill_extras "$extras" >.venv/setup.log 2>&1; then
        extras_stamp "$extras" >.venv/.extras
        # shellcheck disable=SC2086  # one word each
        remember_extras $extras
    else
        (($# == 0)) || die "the packages could not be added $(cause_of_failure)" 1
        say "goes on without: $extras $(cause_of_failure)"
    fi
}

fill_extras() {
    local requirements
    # After an interruption some of them may be incomplete: they are removed first.
    if [[ $(cat .venv/.extras 2>/dev/null) == unfinished ]]; then install_uv .venv && sync_running || return; fi
    echo unfinished >.venv/.extras
    # shellcheck disable=SC2086  # one word each
    requirements=$(requirements_of $1)
    # shellcheck disable=SC2086
    install_uv .venv && .venv/bin/uv pip install --python .venv/bin/python --require-hashes $requirements
}

# uv installs the rest, because pip may choose a build of torch that torchaudio cannot load.
install_uv() {
    local python=$1/bin/python
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip || return
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt
}

# Puts uv into $TOOLS, a temporary folder.
prepare_tools() {
    find_python
    "$PYTHON" -m venv "$TOOLS"
    install_uv "$TOOLS"
}

cause_of_failure() {
    local cause
    cause=$(grep -iE 'error|caused by|no space|denied' .venv/setup.log | tail -n 1 | sed 's/^ *//') || true
    printf '%s' "(network, registry, disk space?): ${cause:-no reason given}"
}

# A machine without a compiler can install only packages that have a wheel for its Python.
needs_no_compiler() {
    local uv=$1 requirements=$2 version
    for version in 3.11 3.12 3.13; do
        "$uv" pip compile --no-config --no-build --no-deps --quiet --python-version "$version" \
            --python-platform x86_64-unknown-linux-gnu "$requirements" -o /dev/null || return
    done
}

# Checks for Python 3.11 to 3.13, the range in pyproject.toml.
serves() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    local bare=""
    for PYTHON in python3 python3.13 python3.12 python3.11; do
        serves "$PYTHON" || continue
        if "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then return 0; fi
        bare=$PYTHON
    done
    [[ -z $bare ]] || die "$bare lacks the venv module: install it (on Debian: apt install python3-venv)"
    die "no Python 3.11, 3.12 or 3.13 found on the PATH: install one"
}
