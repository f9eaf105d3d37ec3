# syntax=docker/dockerfile:1
# Two stages: the build, then nothing but the binary, the C library it links to, and certificates of authorities. No shell.
# The images are named by tag. Before production, pin both by digest (`docker buildx imagetools inspect NAME:TAG`).
#
#   docker build -t sceau .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -e SCEAU__HTTP__LISTEN=0.0.0.0:8443 \
#     -v sceau-data:/var/lib/sceau -v ./sceau.toml:/etc/sceau/sceau.toml:ro -p 8443:8443 sceau
#
# No HEALTHCHECK: there is no shell to run one, and orchestrators ask /health/ready on the operator's listener.

FROM rust:1.94-bookworm AS builder
WORKDIR /build
COPY Cargo.toml Cargo.lock .askama.toml ./
COPY keys ./keys
COPY src ./src
RUN ["cargo", "build", "--locked", "--release", "--bin", "sceau"]
# A folder that the user of the image owns: a new volume takes its owner.
RUN ["mkdir", "-p", "/build/data"]

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="sceau" \
      org.opencontainers.image.description="OpenID Connect provider and WebAuthn relying party behind the phones that replace health cards" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder --chown=0:0 --chmod=0555 /build/target/release/sceau /usr/local/bin/sceau
COPY --from=builder --chown=65532:65532 --chmod=0700 /build/data /var/lib/sceau
USER 65532:65532
WORKDIR /var/lib/sceau
ENV SCEAU_CONFIG=/etc/sceau/sceau.toml
# The service; health and metrics (9090) are for the operator's own network.
EXPOSE 8443
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/sceau"]
CMD ["serve"]
