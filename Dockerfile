# syntax=docker/dockerfile:1
#
# The image has the program, its signatures and a user, and nothing else: no shell,
# no libraries, no packages to keep up to date. `tests/real/image.sh` replays these
# steps without a container engine and runs the result in a folder of its own.
#
#     docker build -t hayrake .
#     docker run --rm -p 127.0.0.1:8080:8080 hayrake demo --http 0.0.0.0:8080

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The program alone is linked statically; macros of the build stay as they are.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo rustc --release --locked --bin hayrake -- -C target-feature=+crt-static \
 && deploy/image-root target/release/hayrake /image

FROM scratch
LABEL org.opencontainers.image.title="hayrake" \
      org.opencontainers.image.description="IoT classes per subscriber line from sampled router exports" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/root /
COPY --from=build --chown=65532:65532 /image/own /
USER 65532:65532
# NetFlow and IPFIX, IPFIX, sFlow (any format is taken on each); API and metrics.
EXPOSE 2055/udp 4739/udp 6343/udp 8080/tcp
# Asks the service at 127.0.0.1:8080; with another `http`, give it -c as below.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s CMD ["/usr/bin/hayrake", "ready"]
ENTRYPOINT ["/usr/bin/hayrake"]
CMD ["run", "-c", "/etc/hayrake/hayrake.yaml"]
