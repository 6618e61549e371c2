#!/bin/bash
# Stands in for a Python: notes its arguments in $RECORD, makes "environments" out of copies of itself,
# and behaves as the variables of the test say. $STAND_INS holds the stand-ins.

note() { printf '%s\0' "$@" $'\1' >>"$RECORD"; }

case "$1 ${2-}" in
    "-c "*version_info*) exit "${PYTHON_IS_OLD:-0}" ;;
    "-c "*ensurepip*) exit "${PYTHON_LACKS_VENV:-0}" ;;
    "-m venv")
        note venv "$3"
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        ;;
    "-m pip")
        [[ $3 != --version ]] || exit 0
        note pip "${@:3}"
        if [[ -n ${NO_NETWORK-} ]]; then
            printf '%s\n' "WARNING: Retrying" "ERROR: No matching distribution found for uv" >&2
            exit 1
        fi
        cp "$STAND_INS/uv.sh" "$(dirname "$0")/uv"
        chmod +x "$(dirname "$0")/uv"
        ;;
    *)
        note python "$@"
        if [[ -n ${WAIT_FOR_SIGNAL-} ]]; then
            trap 'note signal TERM; exit 143' TERM
            trap 'note signal INT; exit 130' INT
            echo ready
            for ((i = 0; i < 100; i++)); do sleep 0.1; done
        fi
        [[ "$*" != *"${FAILING-nothing fails}"* ]] || exit 5
        exit "${STATUS:-0}"
        ;;
esac
