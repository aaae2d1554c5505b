# `npm run test:image` also runs these steps, without Docker. Dependabot raises tags and digests together.

FROM node:24.21.0-trixie-slim@sha256:173f125896c3b47ddf056734c7ea789d04595a6a08769a8f78e0df642781fb66 AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package runs code of its own while it is installed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY src ./src
# The test kit can install a Redis for tests. It is for the npm package, not for production.
RUN npm run build && rm -r dist/testing
# A few files start faster than thousands, and need less memory.
RUN node dist/cli/main.js bundle dist/main.js
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

# Node and what it needs: no shell, no npm, no package manager.
FROM gcr.io/distroless/nodejs24-debian13:nonroot@sha256:9eeb7f5887d0e239e78264b06f7f11d2e14be534050481803a9e4728fcdd278e
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fluent-commercetools-connector" \
      org.opencontainers.image.description="Keeps commercetools orders in agreement with Fluent Order Management" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
# Each further arena of the C library keeps megabytes that nobody uses.
ENV MALLOC_ARENA_MAX=1
# So that `kubectl exec … -- node` finds it.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
# The process handles signals itself, so it may be PID 1. The orchestrator probes its health.
# V8 derives the room for young objects from the memory of the machine: with 512 MiB it is so small that objects of running
# notifications outgrow it. This is the largest size of each half; the connector limits it to what its role needs.
ENTRYPOINT ["/nodejs/bin/node", "--disable-sigusr1", "--max-semi-space-size=32"]
CMD ["dist/bundle/main.js"]
