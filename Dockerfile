# syntax=docker/dockerfile:1
# Images of MissionControl. Never built on the project's own machines, which run no container engine; .github/workflows/ci.yml
# builds and starts them.
#
#   docker build --target controlplane -t missioncontrol .        control plane and mc, with git and ssh for publication
#   docker build --target small -t missioncontrol:small .         the same on distroless: no shell, no git, no publication to other repositories
#   docker build --target node -t missioncontrol-node .           node daemon; build your own image with agents on top of it
ARG DEBIAN=bookworm

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --loglevel error --no-audit --no-fund
COPY web/ ./
COPY docs/openapi.json /src/docs/openapi.json
RUN npm run --silent build

FROM rust:1.95-${DEBIAN} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
COPY . .
COPY --from=web /src/web/dist web/dist
# The parts compare their builds when they start; a checkout's commit is not in the build context.
ARG BUILD_ID
# zlib becomes part of the programs: the distroless image has none.
ENV LIBZ_SYS_STATIC=1
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    MC_BUILD_ID="${BUILD_ID:-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)+image}" \
      cargo build --workspace --bins --release --locked && \
    mkdir -p /out /data && \
    cp target/release/mc target/release/mc-controlplane target/release/mc-mesh target/release/mc-scripted-agent /out/

FROM debian:${DEBIAN}-slim AS base
# git and ssh: publication to other repositories. ssh asks /etc/passwd for the user.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates git openssh-client tini && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --uid 10001 --user-group --home-dir /var/lib/missioncontrol --shell /usr/sbin/nologin missioncontrol && \
    install -d -m 700 -o missioncontrol -g missioncontrol /var/lib/missioncontrol /run/join
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MissionControl" \
      org.opencontainers.image.description="Control plane for AI agents: missions, tasks, approvals and a ledger that can be checked" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --chmod=644 LICENSE NOTICE /usr/share/doc/missioncontrol/

FROM base AS node
COPY --from=build /out/mc /out/mc-mesh /out/mc-scripted-agent /usr/local/bin/
RUN install -d -m 700 -o missioncontrol -g missioncontrol /home/agent
ENV HOME=/home/agent \
    MC_MESH_STATE_DIR=/var/lib/missioncontrol/node
USER 10001:10001
WORKDIR /home/agent
VOLUME ["/var/lib/missioncontrol"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["mc-mesh", "status"]
# tini takes up the processes that agents leave, and hands SIGTERM on: mc-mesh has no handler, and process 1 would ignore it.
ENTRYPOINT ["tini", "--", "mc-mesh"]
CMD ["run", "--join-token-file", "/var/lib/missioncontrol/token"]

FROM gcr.io/distroless/cc-debian12:nonroot AS small
LABEL org.opencontainers.image.title="MissionControl" \
      org.opencontainers.image.description="Control plane for AI agents, without shell and git" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/mc /out/mc-controlplane /usr/local/bin/
COPY --from=build --chown=10001:10001 --chmod=700 /data /var/lib/missioncontrol
COPY LICENSE NOTICE /usr/share/doc/missioncontrol/
ENV MC_DATA_DIR=/var/lib/missioncontrol
USER 10001:10001
WORKDIR /var/lib/missioncontrol
VOLUME ["/var/lib/missioncontrol"]
EXPOSE 8008 8009 8883
ENTRYPOINT ["mc-controlplane"]

FROM base AS controlplane
COPY --from=build /out/mc /out/mc-controlplane /usr/local/bin/
ENV HOME=/var/lib/missioncontrol \
    MC_DATA_DIR=/var/lib/missioncontrol
USER 10001:10001
WORKDIR /var/lib/missioncontrol
VOLUME ["/var/lib/missioncontrol"]
EXPOSE 8008 8009 8883
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s \
    CMD ["mc", "--server", "http://127.0.0.1:8008", "--token-file", "/var/lib/missioncontrol/token", "system", "doctor", "--no-objects", "-q"]
ENTRYPOINT ["mc-controlplane"]
