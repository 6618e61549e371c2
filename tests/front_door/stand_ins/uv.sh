#!/bin/bash
# Stands in for uv: notes its arguments in $RECORD; takes $UV_SECONDS and ends with $UV_STATUS.
printf '%s\0' uv "$@" $'\1' >>"$RECORD"
sleep "${UV_SECONDS:-0}"
exit "${UV_STATUS:-0}"
