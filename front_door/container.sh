# shellcheck shell=bash
# The container: a Docker image of the locked environment and the code, and one container of it that keeps running.
# Sourced by run.sh.
# shellcheck disable=SC2329  # called by name

CONTAINER=phoneme_recognition # also the image's name
SHARED_MEMORY=8g              # a limit; the data loader's workers exchange batches through it
# Variables that are passed into the container if they are set. Their values do not appear in the process list.
PASSED_ON=(HF_TOKEN HF_ENDPOINT HF_HUB_OFFLINE HF_DATASETS_OFFLINE TRANSFORMERS_OFFLINE WANDB_API_KEY WANDB_MODE
    WANDB_PROJECT WANDB_ENTITY CUDA_VISIBLE_DEVICES OMP_NUM_THREADS HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy
    https_proxy no_proxy)

# Reads from the engine what the container's options depend on. Without an answer in five seconds there is no engine.
engine_answers() {
    local ask=(docker info --format '{{json .Runtimes}} {{json .SecurityOptions}}')
    if has timeout; then ask=(timeout 5 "${ask[@]}"); fi
    has docker && ENGINE_INFO=$("${ask[@]}" 2>/dev/null)
}

# Prepares the container with the running packages, the chosen extras, and the given ones besides. For files
# outside the project (GUEST_PATHS), a second container is started that sees them, and removed at the end.
prepare_container() {
    EXTRAS=$(extras_with "$@")
    mkdir -p config data experiments
    USER_IDS=$(id -u):$(id -g) GPUS=""
    # A rootless engine maps its root to the calling user.
    [[ $ENGINE_INFO != *rootless* ]] || USER_IDS=0:0
    [[ $ENGINE_INFO != *'"nvidia"'* ]] || GPUS=all
    say "runs in the container $CONTAINER (${GPUS:-no} GPUs)"
    with_lock experiments/.container.lock ensure_container
    # shellcheck disable=SC2086  # one word each
    [[ -z $EXTRAS ]] || remember_extras $EXTRAS
    CONTAINER_ID=$(docker container inspect --format '{{.Id}}' "$CONTAINER")
    ((${#GUEST_PATHS[@]} == 0)) || start_guest
}

# Starts a container that sees the files in GUEST_PATHS, which it cannot change, under their own names.
start_guest() {
    local path name=${CONTAINER}_guest_$$ mounts=()
    for path in "${GUEST_PATHS[@]}"; do
        path=${path//\"/\"\"} # the option is a line of comma-separated values
        mounts+=(--mount "type=bind,\"source=$path\",\"target=$path\",readonly")
    done
    trap 'docker rm --force "$CONTAINER_ID" >/dev/null 2>&1' EXIT
    CONTAINER_ID=$name # from here on the trap removes it
    container_options
    docker run "${OPTIONS[@]}" --rm "${mounts[@]}" --name "$name" "$CONTAINER" >/dev/null ||
        die "the container could not be started with the files outside the project" 1
}

# Removes the second containers of commands that were killed.
remove_lost_guests() {
    local name
    for name in $(docker container ls --all --filter "name=^${CONTAINER}_guest_" --format '{{.Names}}'); do
        kill -0 "${name##*_}" 2>/dev/null || docker rm --force "$name" >/dev/null
    done
}

# Builds, replaces or starts what is missing or out of date, and nothing else.
ensure_container() {
    local inputs recipe options=() image_label='{{index .Config.Labels "phoneme.inputs"}}'
    local state_and_label='{{.State.Status}} {{index .Config.Labels "phoneme.recipe"}}'
    inputs=$(build_inputs)${EXTRAS:+ $EXTRAS}
    # shellcheck disable=SC2086
    [[ -z $EXTRAS ]] || options=(--build-arg "MORE=$(requirements_of $EXTRAS)")
    if [[ $(docker image inspect --format "$image_label" "$CONTAINER" 2>/dev/null) != "$inputs" ]]; then
        say "building the image $CONTAINER (minutes the first time)"
        remove_lost_guests
        docker build --label "phoneme.inputs=$inputs" ${options[@]+"${options[@]}"} --tag "$CONTAINER" . >&2 || die "the image could not be built" 1
    fi
    recipe="$inputs gpus=$GPUS root=$ROOT"
    case $(docker container inspect --format "$state_and_label" "$CONTAINER" 2>/dev/null) in
        "running $recipe") return ;;
        *" $recipe") docker start "$CONTAINER" >/dev/null || die "the container could not be started" 1 ;;
        "") create_container "$recipe" ;;
        *)
            retire_container
            create_container "$recipe"
            # Images of older code, which lost their name to this one; those in use stay.
            docker image prune --force --filter label=phoneme.inputs >/dev/null || true
            ;;
    esac
}

# Prints a hash over all files that .dockerignore admits to the image.
build_inputs() {
    local line out=(-path ./.git)
    while read -r line; do
        case $line in
            "" | "#"*) ;;
            "**/"*) out+=(-o -name "${line#"**/"}") ;;
            *) out+=(-o -path "./$line") ;;
        esac
    done <.dockerignore
    find . \( "${out[@]}" \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 "${SHA256[@]}" |
        "${SHA256[@]}" | cut -d ' ' -f 1
}

create_container() {
    container_options
    docker run "${OPTIONS[@]}" --name "$CONTAINER" --label "phoneme.recipe=$1" "$CONTAINER" >/dev/null ||
        die "the container could not be started" 1
}

# Sets OPTIONS to what every container is started with.
container_options() {
    local folder
    OPTIONS=(--detach --init --user "$USER_IDS" --shm-size "$SHARED_MEMORY")
    [[ -z $GPUS ]] || OPTIONS+=(--gpus "$GPUS")
    for folder in config data experiments; do
        OPTIONS+=(--mount "type=bind,source=$ROOT/$folder,target=/app/$folder")
    done
}

# Makes room for a new container. If a command still runs in the old one, it is renamed, and removed when idle.
retire_container() {
    local old name=${CONTAINER}_retired
    for old in $(docker container ls --all --quiet --filter "name=${name}_"); do
        is_busy "$old" || docker rm --force "$old" >/dev/null
    done
    if is_busy "$CONTAINER"; then
        docker rename "$CONTAINER" "${name}_$(date +%s)"
        say "a command still runs in the older container; it continues there"
    else
        docker rm --force "$CONTAINER" >/dev/null
    fi
}

# An idle container has three lines: the heading, its init and its sleep.
is_busy() { (($(docker top "$1" 2>/dev/null | wc -l) > 3)); }

# The command writes its process id into a file in the container, because the client does not pass signals on.
run_in_container() {
    local name options=(--user="$USER_IDS")
    # The image has no git history, so the code's revision for the experiment's folder is passed in.
    options+=(--env=PHONEME_REVISION="$(git describe --always --dirty --abbrev=40 2>/dev/null || true)")
    if [[ -t 0 && -t 1 ]]; then
        options+=(--interactive --tty)
    elif [[ -n ${READS_INPUT:-} ]]; then
        options+=(--interactive)
    fi
    for name in "${PASSED_ON[@]}"; do
        [[ -z ${!name+set} ]] || options+=(--env="$name")
    done
    PID_FILE=/tmp/run-$$-$RANDOM.pid
    # A signal to the whole process group, as `timeout` sends it, must not end the client before the command.
    [[ -t 0 && -t 1 ]] || set -m
    local status=0
    # shellcheck disable=SC2016  # the container's shell expands these
    supervise signal_in_container docker exec "${options[@]}" "$CONTAINER_ID" \
        sh -c 'echo $$ >"$0" && exec "$@"' "$PID_FILE" "$@" || status=$?
    # A client that was ended itself leaves a command behind that still writes its checkpoint.
    # shellcheck disable=SC2016
    ((status < 128)) || supervise signal_in_container docker exec --user="$USER_IDS" "$CONTAINER_ID" \
        sh -c 'while kill -0 "$(cat "$0")"; do sleep 0.2; done' "$PID_FILE" >/dev/null 2>&1 || true
    return "$status"
}

# shellcheck disable=SC2016  # the container's shell expands these
signal_in_container() {
    docker exec --user="$USER_IDS" "$CONTAINER_ID" sh -c '
        tries=0
        until [ -s "$0" ] || [ $((tries += 1)) -gt 50 ]; do sleep 0.1; done
        kill -s "$1" "$(cat "$0")"' "$PID_FILE" "$1" 2>/dev/null || true
}
