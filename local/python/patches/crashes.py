"""Functions whose process ends."""

import functools

from ministack.core import lambda_runtime

from patches import reviewed


def patch_crash_at_start():
    """An invocation whose process ends before it is ready fails with Runtime.ExitError.

    AWS ("Understanding the Lambda execution environment lifecycle", lambda-runtime-environment, "Failures during the
    Init phase": its example of a crash is reported as `Error Type: Runtime.ExitError`).

    ministack: Runtime.Unknown.
    """
    wait = reviewed(lambda_runtime.ProvidedWorker, "_await_init", "self", "init_timeout")

    @functools.wraps(wait)
    def wait_or_exit(self, init_timeout=None):
        try:
            wait(self, init_timeout)
        except RuntimeError as error:
            if "exited during init" not in str(error):
                raise
            raise lambda_runtime.ProvidedRuntimeError(str(error), "Runtime.ExitError") from error

    lambda_runtime.ProvidedWorker._await_init = wait_or_exit
