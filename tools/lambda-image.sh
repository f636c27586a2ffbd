# shellcheck shell=bash
# Sourced by sam-local.sh: a stand-in for the Lambda base image, for an engine that cannot pull.
#
# It is Debian with the directories and variables of `provided:al2023`. It proves that a function is
# built, wired and started as SAM does it; it does not prove that it links against Amazon Linux's libraries.

LAMBDA_IMAGE=public.ecr.aws/lambda/provided

# make_lambda_image: the image under the names that SAM asks for.
make_lambda_image() {
    step "a Debian stands in for the Lambda base image, which cannot be pulled here"
    import_base "$LAMBDA_IMAGE:al2023-x86_64" 'WORKDIR /var/task' 'ENV LAMBDA_TASK_ROOT=/var/task' \
        'ENV LAMBDA_RUNTIME_DIR=/var/runtime' 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'
    docker tag "$LAMBDA_IMAGE:al2023-x86_64" "$LAMBDA_IMAGE:al2023"
}
