#!/usr/bin/env bash
# The front door: ./run.sh COMMAND ….
# cli/command_table.txt lists the commands; those of the kind `script` are functions `mode_NAME` here.
# shellcheck disable=SC2329  # modes are called by name
set -euo pipefail
unset CDPATH

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CALLER=$PWD
GUEST_PATHS=() # files outside the project that a command reads
DEFAULT_CONFIG=config/config.yaml
TABLE=cli/command_table.txt

# Prints a message; a foreign value in it cannot steer the terminal.
say() { local text=$*; printf 'run.sh: %s\n' "${text//[^[:print:]]/?}" >&2; }
die() { say "$1"; exit "${2:-2}"; }
has() { command -v "$1" >/dev/null 2>&1; }
if has sha256sum; then SHA256=(sha256sum); else SHA256=(shasum -a 256); fi

# shellcheck source=front_door/extras.sh
source "$ROOT/front_door/extras.sh"
# shellcheck source=front_door/venv.sh
source "$ROOT/front_door/venv.sh"
# shellcheck source=front_door/container.sh
source "$ROOT/front_door/container.sh"

# ---- Commands of this script alone ----------------------------------------------------------------------------

mode_check() {
    prepare "" dev
    local failed=""
    step "ruff check" python -m ruff check .
    step "ruff format" python -m ruff format --check .
    step "mypy" python -m mypy
    [[ -z $failed ]] || say "failed so far:$failed"
    # The whole test suite runs in parallel; selected tests run in one process, as pytest runs them.
    if (($# == 0)) || [[ $* == --slow ]]; then set -- "$@" -n auto --maxprocesses 8 --dist loadfile; fi
    step "pytest" python -m pytest "$@"
    [[ -z $failed ]]
}

mode_shell() {
    prepare
    if (($#)); then hand_over "$@"; fi
    # The user's bashrc may put another Python first on the PATH, so PATH is set after it.
    # shellcheck disable=SC2016  # the new shell expands it
    local greet='[[ ! -f ~/.bashrc ]] || . ~/.bashrc; PATH=$PREPARED_PATH; PS1="(phoneme) $PS1"'
    export PREPARED_PATH=$PATH
    if [[ $PLACE == venv ]]; then hand_over bash --rcfile <(printf '%s\n' "$greet"); fi
    hand_over bash
}

mode_dev() {
    (($#)) || die "dev needs a command, such as: ./run.sh dev pre-commit install"
    prepare "" dev
    hand_over "$@"
}

mode_install() {
    local name known
    known=$(known_extras | tr '\n' ' ')
    if ! (($#)); then
        printf '%s\n' "extras: $known" "chosen: $(extras_with)"
        return
    fi
    for name; do [[ " $known" == *" $name "* ]] || die "no such extra: '$name'; the extras are: $known"; done
    prepare "" "$@"
    say "installed: $(extras_with)"
}

mode_lock() {
    TOOLS=$(mktemp -d)
    trap 'rm -rf -- "$TOOLS"' EXIT
    prepare_tools
    local compile=("$TOOLS/bin/uv" pip compile --universal --python-version 3.11 --generate-hashes
        --no-emit-index-url --no-emit-find-links --no-annotate --quiet --custom-compile-command "./run.sh lock")
    say "resolving the requirements"
    cp requirements-dev.lock requirements-bootstrap.txt "$TOOLS" # what they pin stays pinned
    "${compile[@]}" pyproject.toml --all-extras -o "$TOOLS/requirements-dev.lock" "$@"
    # A part of the other, with the same versions; the demo needs the synthesiser.
    "${compile[@]}" pyproject.toml --extra espeak -c "$TOOLS/requirements-dev.lock" -o "$TOOLS/requirements.lock"
    "${compile[@]}" - -o "$TOOLS/requirements-bootstrap.txt" "$@" <<<uv
    say "looking for a wheel of every package"
    needs_no_compiler "$TOOLS/bin/uv" "$TOOLS/requirements-dev.lock" || die "the requirements stay as they were" 1
    cp "$TOOLS/requirements.lock" "$TOOLS/requirements-dev.lock" "$TOOLS/requirements-bootstrap.txt" .
}

mode_audit() {
    TOOLS=$(mktemp -d)
    trap 'rm -rf -- "$TOOLS"' EXIT
    prepare_tools
    # Strict: a package that the service does not know is a failure. The other two keep it from installing anything.
    "$TOOLS/bin/uv" tool run pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock "$@"
}

mode_docs() {
    local command=${1:-serve}
    [[ $command == serve || $command == build ]] || die "docs takes build or nothing, got '$command'"
    # In .venv also where an engine answers: the container neither publishes ports nor sees site/.
    PLACE=venv REASON="docs always does"
    prepare_venv docs
    NO_MKDOCS_2_WARNING=1 hand_over python -m mkdocs "$command"
}

# Prints a script's own help: what its line of the table says.
help_of() {
    local arguments does
    IFS="|" read -r _ _ _ arguments does < <(grep "^$1 *|" "$TABLE")
    read -r arguments <<<"$arguments"
    printf '%s\n' "Usage: ./run.sh $1 $arguments" "" "${does# }"
}

mode_help() {
    local line
    printf '%s\n' "Usage: ./run.sh COMMAND …"
    while read -r line; do
        case $line in
            "#"*) ;;
            "> "*) printf '  ./run.sh %s%s\n' "$(column 1 "${line#> }")" "$(column 2 "$line")" ;;
            *"|"*) printf '  %s%s%s\n' "$(column 1 "$line")" "$(column 4 "$line")" "$(column 5 "$line")" ;;
            "["*) printf '%s\n' "${line//[][]/}" ;;
            *) echo ;;
        esac
    done <"$TABLE"
    printf '%s\n' "" "CONFIG is a YAML file (default: $DEFAULT_CONFIG). Everything after it goes to main.py unchanged;" \
        "paths there are relative to the project. ./run.sh COMMAND --help lists a command's options, ./run.sh --version" \
        "the versions. Commands run in the Docker container $CONTAINER if a Docker engine answers, otherwise (or with" \
        "PHONEME_LOCAL=1) in .venv. Both are prepared on first use."
}

# ---- The table of commands ------------------------------------------------------------------------------------

# Prints one column of a line, with its padding.
column() { cut -d '|' -f "$1" <<<"$2"; }

names_of_commands() { sed -n 's/^\([a-z]*\) *| *\([a-z]*\) .*/\1/p' "$TABLE" | sort | tr '\n' ' '; }

# Prints how a command's arguments are handed on; nothing for an unknown command.
front_door_of() {
    [[ $1 == *[!a-z]* ]] || sed -n "s/^$1 *| *\([a-z]*\) .*/\1/p" "$TABLE"
}

# ---- Handing on ------------------------------------------------------------------------------------------------

# Runs one command of main.py; adds the default configuration if the arguments name none.
lightning() {
    local command=$1 config=""
    shift
    if (($#)) && [[ $1 != -* ]]; then
        config=$(config_path "$1")
        shift
    elif ! names_config "$@" && ! asks_help "$@"; then
        config=$(config_path "$DEFAULT_CONFIG")
        say "no configuration given: $config is used"
    fi
    [[ -z $config ]] || set -- --config "$config" "$@"
    prepare "$config"
    hand_over python main.py "$command" "$@"
}

# Runs one command of main.py; rewrites the caller's relative paths so that they hold in the project's folder.
with_paths() {
    local command=$1 argument option value is_result before="" outside="" arguments=()
    shift
    for argument; do
        [[ $argument != - ]] || READS_INPUT=1
        option=$before value=$argument
        if [[ $argument == --*=* ]]; then option=${argument%%=*} value=${argument#*=}; fi
        if [[ $option == @(--output|--pages) ]]; then is_result=1; else is_result=0; fi
        if [[ $value != [-/]* && $value != "" ]] && [[ -e $CALLER/$value || $is_result == 1 ]]; then
            value=$CALLER/$value
        fi
        if [[ $value == /* ]]; then value=$(without_dots "$value"); fi
        if [[ $value == "$ROOT"/* ]]; then value=${value#"$ROOT/"}; fi
        if [[ $value == /* ]]; then
            if [[ -e $value && $is_result == 0 ]]; then GUEST_PATHS+=("$value"); else outside=$value; fi
        elif [[ $is_result == 1 && $value != -* && $value/ != @(config|data|experiments)/* ]]; then
            outside=$ROOT/$value # it would be written within the container, and be lost
        fi
        before=$argument
        if [[ $argument == --*=* ]]; then value=$option=$value; fi
        arguments+=("$value")
    done
    prepare "$outside"
    hand_over python main.py "$command" ${arguments[@]+"${arguments[@]}"}
}

# Prints an absolute path without the parts . and .. .
without_dots() {
    local part path="" rest=$1/
    while [[ -n $rest ]]; do
        part=${rest%%/*} rest=${rest#*/}
        case $part in "" | .) ;; ..) path=${path%/*} ;; *) path+=/$part ;; esac
    done
    printf '%s\n' "${path:-/}"
}

plain() {
    prepare
    hand_over python main.py "$@"
}

names_config() {
    local argument
    for argument; do
        case $argument in -c | --config | --config=*) return 0 ;; esac
    done
    return 1
}

asks_help() {
    local argument
    for argument; do
        case $argument in -h | --help | --help-all) return 0 ;; esac
    done
    return 1
}

# Prints a configuration's path relative to the project's folder, so that it is valid in the container, too.
config_path() {
    local file=$CALLER/$1
    case $1 in /*) file=$1 ;; *) [[ -f $file ]] || file=$ROOT/$1 ;; esac
    [[ ! -f $file/config.yaml ]] || die "'$1' is a folder; name the file in it: '${1%/}/config.yaml'"
    [[ -f $file ]] || die "no such configuration file: '$1'"
    file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
    printf '%s\n' "${file#"$ROOT/"}"
}

# Chooses container or .venv, reports the choice, and prepares it. The container must be able to see the file.
# Usage: prepare [FILE [EXTRA…]]
prepare() {
    local file=${1:-}
    if [[ ${PHONEME_LOCAL:-0} != 0 ]]; then
        PLACE=venv REASON="PHONEME_LOCAL=$PHONEME_LOCAL"
    elif [[ -n ${NEEDS_PORTS:-} ]]; then
        PLACE=venv REASON="the container publishes no ports"
    elif engine_answers; then
        PLACE=container REASON=""
    else
        PLACE=venv REASON="no Docker engine answers"
    fi
    [[ $PLACE == venv || $file != /* ]] ||
        die "the container shares config/, data/ and experiments/ only: put $file there, or set PHONEME_LOCAL=1"
    "prepare_$PLACE" "${@:2}"
}

run() { "run_in_$PLACE" "$@"; }

# Runs the last command; its exit status becomes this script's.
hand_over() {
    if [[ $PLACE == venv ]]; then exec "$@"; fi
    local status=0
    run "$@" || status=$?
    exit "$status"
}

# Runs one tool of `check`: a failure is recorded and the next tool runs; a signal ends all.
step() {
    local name=$1 status=0
    shift
    say "$name"
    run "$@" || status=$?
    ((status < 128)) || exit "$status"
    ((status == 0)) || failed+=" $name ($status)"
}

# Runs COMMAND, passes signals to it by `FORWARD SIGNAL CHILD`, and returns its exit status.
supervise() {
    local forward=$1 child status signal interrupted=1
    shift
    "$@" <&0 &
    child=$!
    for signal in TERM INT HUP; do
        # shellcheck disable=SC2064  # the variables must be expanded now
        trap "interrupted=1; $forward $signal $child" "$signal"
    done
    while [[ -n $interrupted ]]; do # a signal interrupts `wait`
        interrupted="" status=0
        wait "$child" || status=$?
    done
    trap - TERM INT HUP
    return "$status"
}

# Runs a command under a lock that is released when its holder dies. Without flock, a folder is the lock.
with_lock() {
    local lock=$1
    shift
    if has flock; then
        (
            flock -n 9 || { say "waiting for another run.sh, which prepares the environment" && flock 9; }
            "$@"
        ) 9>>"$lock"
    else
        (
            until mkdir "$lock.held" 2>/dev/null || inherits "$lock.held"; do sleep 1; done
            trap 'rm -rf -- "$lock.held"' EXIT
            echo "$$" >"$lock.held/holder"
            "$@"
        )
    fi
}

# Takes over a lock folder whose holder has died; only one waiter succeeds in marking it.
inherits() {
    local holder
    holder=$(cat "$1/holder" 2>/dev/null) || return 1
    ! kill -0 "$holder" 2>/dev/null && mkdir "$1/after-$holder" 2>/dev/null
}

# ---- Start ----------------------------------------------------------------------------------------------------

main() {
    local mode=${1:-}
    cd "$ROOT"
    case $mode in
        "")
            mode_help
            exit 2
            ;;
        -h | --help | help) mode_help ;;
        --version) plain "$@" ;;
        *)
            shift
            case $(front_door_of "$mode") in
                config) lightning "$mode" "$@" ;;
                paths) with_paths "$mode" "$@" ;;
                local)
                    NEEDS_PORTS=1
                    with_paths "$mode" "$@"
                    ;;
                plain) plain "$mode" "$@" ;;
                script)
                    case ${1:-} in -h | --help) help_of "$mode" ;; *) "mode_$mode" "$@" ;; esac
                    ;;
                *) die "unknown command '$mode'; the commands are: $(names_of_commands)" ;;
            esac
            ;;
    esac
}

main "$@"
exit
