#!/bin/bash
# Stands in for uv: notes its arguments in $RECORD; takes $UV_SECONDS. Ends with $UV_STATUS, if $UV_STATUS_OF
# is given only where that is one of the arguments.
printf '%s\0' uv "$@" $'\1' >>"$RECORD"
sleep "${UV_SECONDS:-0}"
[[ " $* " == *"${UV_STATUS_OF-}"* ]] || exit 0
exit "${UV_STATUS:-0}"
