#!/usr/bin/env bash
# deploy-as-pipeline.sh STAGE [NAME=VALUE...]: runs tools/deploy.sh in a role with exactly docs/pipeline-role.json, as
# in the pipeline. Only for a local cloud: in an AWS account, root cannot assume a role.
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "usage: tools/deploy-as-pipeline.sh STAGE [NAME=VALUE...]"
make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
exec "$SMMU_LINT_VENV/bin/python" tools/as_pipeline.py "$1" tools/deploy.sh "$@"
