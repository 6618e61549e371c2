# shellcheck shell=bash
# Optional packages. `.extras` lists those that `install` and `check` have added; .venv and the image hold them.
# Sourced by run.sh.
# shellcheck disable=SC2329  # called by name

# Prints the names under [project.optional-dependencies], `dev` included, which stands for all of them.
known_extras() { sed -n '/^\[project.optional-dependencies\]/,/^\[[^p]/s/^\([a-z][a-z_-]*\) = \[.*/\1/p' pyproject.toml; }

# Prints the chosen extras and the given ones, each once, on one line.
extras_with() {
    local names
    names=$({ cat .extras 2>/dev/null || true; printf '%s\n' "$@"; } | sed '/^$/d' | LC_ALL=C sort -u)
    printf '%s' "${names//$'\n'/ }"
}

# Remembers extras that are completely installed.
remember_extras() { printf '%s\n' "$@" >.extras; }

# Prints uv's options for the packages of these extras beyond the running ones; nothing where none is named.
requirements_of() {
    local name
    case " $* " in
        *" dev "*) printf '%s' "-r requirements-dev.lock" ;;
        *[a-z]*)
            printf '%s' "-r pyproject.toml"
            for name; do printf ' --extra %s' "$name"; done
            printf ' %s' "-c requirements-dev.lock"
            ;;
    esac
}
