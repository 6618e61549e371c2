#!/bin/bash
# Stands in for the docker client: notes its arguments in $RECORD and plays an engine whose state is files in
# $ENGINE_FOLDER. `info`: an engine answers with this. `image`: the image's label. `container`: state and label.
# `busy`: something runs in the container. `retired`: ids of containers that were set aside.
# A command given to `exec` really runs, deaf to the signals that the client gets.

printf '%s\0' docker "$@" $'\1' >>"$RECORD"
cd_state() { cd "$ENGINE_FOLDER" || exit 64; }

# What follows `--label` in the arguments, without the label's name.
label_in() {
    while [[ $1 != --label ]]; do shift; done
    printf '%s' "${2#*=}"
}

run_inside() {
    while [[ $1 == -* ]]; do shift; done
    [[ $1 == 0123abcd || $1 == phoneme_recognition_guest_* ]] || exit 1
    shift
    if [[ ${CLIENT_DIES-} && $3 == *'exec "$@"'* ]]; then # as a client that gets the signal itself
        PATH=$ENGINE_FOLDER/inside:$PATH setsid env --default-signal=INT,TERM,HUP "$@" &
        wait
        exit
    fi
    trap '' INT TERM HUP
    PATH=$ENGINE_FOLDER/inside:$PATH env --default-signal=INT,TERM,HUP "$@"
    local status=$?
    # The note of the process id would go with the container.
    [[ $3 != *'exec "$@"'* ]] || rm -f "$4"
    exit "$status"
}

case "$1 ${2-}" in
    "exec "*) run_inside "${@:2}" ;;
    "info "*) cd_state && cat info 2>/dev/null ;;
    "image inspect") cd_state && cat image 2>/dev/null ;;
    "build "*) cd_state && label_in "$@" >image && exit "${BUILD_STATUS:-0}" ;;
    "container inspect") if [[ $4 == "{{.Id}}" ]]; then echo 0123abcd; else cd_state && cat container 2>/dev/null; fi ;;
    "container ls") if [[ $* == *_guest_* ]]; then exit 0; fi; cd_state && cat retired 2>/dev/null ;;
    "image prune") exit 0 ;;
    "run "*) if [[ $* == *_guest_* ]]; then exit 0; fi; cd_state && printf 'running %s' "$(label_in "$@")" >container ;;
    "start "*) cd_state && sed -i 's/^[a-z]*/running/' container ;;
    "rm "* | "rename "*) cd_state && [[ $3 != phoneme_recognition && $2 != phoneme_recognition ]] || rm container ;;
    "top "*) cd_state && printf '%s\n' PID "1 docker-init" "7 sleep" && [[ ! -e busy ]] || echo "8 python" ;;
    *) exit 64 ;;
esac
