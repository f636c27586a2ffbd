# shellcheck shell=bash
# Sourced by sam-local.sh: a replacement for the Lambda base image, for an engine that cannot pull.
#
# Debian with the directories and variables of `provided:al2023`. It proves that SAM can build, configure and start a
# function, but not that the function links against Amazon Linux's libraries.

LAMBDA_IMAGE=public.ecr.aws/lambda/provided

# make_lambda_image: creates the image under the names that SAM uses.
make_lambda_image() {
    step "using Debian instead of the Lambda base image, which cannot be pulled here"
    import_base "$LAMBDA_IMAGE:al2023-x86_64" 'WORKDIR /var/task' 'ENV LAMBDA_TASK_ROOT=/var/task' \
        'ENV LAMBDA_RUNTIME_DIR=/var/runtime' 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'
    docker tag "$LAMBDA_IMAGE:al2023-x86_64" "$LAMBDA_IMAGE:al2023"
}
