"""Functions with an image run as processes, like the ECS tasks of this cloud."""

import functools
import io
import re
import shlex
import zipfile

from ministack.services import lambda_svc

from patches import reviewed


def patch_image_functions(images):
    """A function of PackageType Image runs the entry point of its image with the arguments of its ImageConfig.

    AWS ("Create a Lambda function using a container image", images-create; "ImageConfig", API_ImageConfig; "Using the
    Lambda runtime API", runtimes-api): the program calls the runtime API itself, keeps its environment between
    invocations, and has a writable /tmp of its own.

    ministack: starts the image in Docker, with the runtime interface emulator in front of it. The patch starts the
    program that stands in for the image (`images`: its command and environment, by repository) as it starts the
    packages of `provided` runtimes, and gives each environment a folder of its own in the place of /tmp.
    """
    execute = reviewed(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")

    @functools.wraps(execute)
    def execute_program(func, config, event, request_id, started):
        if config.get("PackageType") != "Image":
            return execute(func, config, event, request_id, started)
        image = stand_in(images, config["ImageUri"])
        arguments = config.get("ImageConfigResponse", {}).get("ImageConfig") or config.get("ImageConfig") or {}
        of_program = {**config, "PackageType": "Zip", "Runtime": "provided.al2023"}
        package = bootstrap(image, arguments.get("Command") or [])
        return execute({**func, "config": of_program, "code_zip": package}, of_program, event, request_id, started)

    lambda_svc._execute_function_dispatch = execute_program


def stand_in(images, uri):
    """What runs in the place of an image; a repository matches as in local/src/engine/container.rs."""
    repository = re.split("[:@]", uri.rsplit("/", 1)[-1])[0]
    for name, image in images.items():
        if repository == name or repository.endswith(f"-{name}"):
            return image
    raise ValueError(f"this cloud has no program for the image {uri}")


@functools.cache
def packed(script):
    """A package whose `bootstrap` is this script. The same script gives the same bytes, by which it is found again."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        package.writestr(entry, script)
    return content.getvalue()


def bootstrap(image, arguments):
    """The package that starts a program."""
    variables = [f"export {name}={shlex.quote(value)}" for name, value in sorted(image["environment"].items())]
    room = ['SMMU_FUNCTION_ROOM=$(mktemp -d "$TMPDIR/function-XXXXXXXXXX") || exit', "export SMMU_FUNCTION_ROOM"]
    command = shlex.join([*image["command"], *arguments])
    if image["container"]:
        # Docker gets the names of the variables; those of this machine stay here.
        names = "$(env | sed -n 's/^\\(AWS_[A-Z0-9_]*\\|SMMU_[A-Z0-9_]*\\)=.*/--env \\1/p')"
        command, room = command.replace("ENVIRONMENT", names, 1), []
    return packed("\n".join(["#!/bin/sh", *variables, *room, f"exec {command}", ""]))
