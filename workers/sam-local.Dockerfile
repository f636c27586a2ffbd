# A worker's image as `sam local invoke` can run it. `make sam-local` builds it; it is never deployed.
#
# To any image, SAM adds its emulator of Lambda by commands that need a shell, mv and chmod, and that run as the image's
# user; the emulator starts the image's entry point. The worker's image has no shell, and its user must not write
# there. So this image adds the programs and starts as root. The worker in it is the same file, and runs as its own
# user without privileges, as in Lambda.

# The same Debian as in the worker's Dockerfile.
ARG BASE
# The worker's image.
ARG IMAGE

FROM ${BASE} AS added
# File name of the worker's program.
ARG PROGRAM
COPY workers/closure.sh /
RUN /closure.sh /root-of-image /bin/sh /bin/mv /bin/chmod /usr/bin/setpriv && \
    # A fixed name, because ENTRYPOINT has no variables. The worker knows itself by its real path.
    mkdir -p /root-of-image/usr/local/bin && \
    ln -s "$PROGRAM" /root-of-image/usr/local/bin/worker

FROM ${IMAGE}
COPY --from=added /root-of-image/ /
# As a number, because the image's list of users has only the worker.
USER 0:0
ENTRYPOINT ["/usr/bin/setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--bounding-set=-all", \
    "--no-new-privs", "/usr/local/bin/worker"]
