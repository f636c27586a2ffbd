#!/usr/bin/env bash
# rerun.sh STAGE JOB_ID... | rerun.sh STAGE --since TIME: reruns failed jobs (see rerun.py).
. "$(dirname "$0")/common.sh"

make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
exec "$SMMU_LINT_VENV/bin/python" tools/rerun.py "$@"
