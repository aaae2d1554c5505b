# test/image.e2e-spec.ts also runs these steps, without Docker.
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY src ./src
# The test kit can install a Redis for tests. It is for the npm package, not for production.
RUN npm run build && rm -r dist/testing
RUN npm prune --omit=dev --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fluent-commercetools-connector" \
      org.opencontainers.image.description="Keeps commercetools orders in agreement with Fluent Order Management" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
# The process handles signals itself, so it may be PID 1. The orchestrator probes its health.
CMD ["node", "dist/main.js"]
