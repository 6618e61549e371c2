# shellcheck shell=bash
# The local environment .venv, installed from the locked requirements. Sourced by run.sh.
# shellcheck disable=SC2329,SC2034  # called by name; read by run.sh

run_in_venv() { supervise signal_child interruptible "$@"; }

# The shell lets background commands ignore INT, and Python would inherit that.
interruptible() { trap - INT; exec "$@"; }

# An interrupt from the terminal has already reached the child.
signal_child() { [[ $1 == INT && -t 0 ]] || kill -s "$1" "$2" 2>/dev/null || true; }

prepare_venv() {
    local wanted
    wanted=$(cat requirements-bootstrap.txt requirements.lock | "${SHA256[@]}" | cut -d ' ' -f 1)
    say "runs in .venv ($REASON)"
    if ! venv_is_whole "$wanted"; then
        find_python
        mkdir -p .venv
        with_lock .venv/.run.lock set_up_venv "$wanted"
    fi
    export VIRTUAL_ENV=$ROOT/.venv PATH=$ROOT/.venv/bin:$PATH
}

# The stamp is written last. It identifies the requirements that are completely installed.
stamp() { cat .venv/.stamp 2>/dev/null || true; }
venv_is_whole() { [[ -x .venv/bin/python && $(stamp) == "$1" ]]; }

set_up_venv() {
    ! venv_is_whole "$1" || return 0 # another run.sh has done it in the meantime
    # After an interruption some packages may be incomplete: start again.
    if [[ $(stamp) == unfinished ]] || ! serves .venv/bin/python; then
        find .venv -mindepth 1 -maxdepth 1 ! -name '.run.lock*' -exec rm -rf {} +
    fi
    echo unfinished >.venv/.stamp
    say "preparing .venv with $PYTHON: gigabytes and minutes the first time; progress is in .venv/setup.log"
    fill_venv >.venv/setup.log 2>&1 || give_up
    printf '%s\n' "$1" >.venv/.stamp
    say ".venv is ready ($SECONDS s)"
}

fill_venv() {
    { [[ -x .venv/bin/python ]] || "$PYTHON" -m venv .venv; } && install_uv .venv &&
        .venv/bin/uv pip sync --python .venv/bin/python --require-hashes requirements.lock
}

# uv installs the rest, because pip may choose a build of torch that torchaudio cannot load.
install_uv() {
    local python=$1/bin/python
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip || return
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt
}

give_up() {
    local cause
    cause=$(grep -iE 'error|caused by|no space|denied' .venv/setup.log | tail -n 1 | sed 's/^ *//') || true
    die "the environment could not be prepared (network, registry, disk space?): ${cause:-no reason given}" 1
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
