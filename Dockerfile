# Two stages: the first builds, the second holds what runs and nothing else. test/e2e/image.test.ts performs these lines
# without a container engine: npm's scripts and locked versions do the work, and nothing is fetched besides them.
FROM node:24.21.0-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY machines machines
COPY src src
RUN npm run build
# The sandbox's packages (a PTY, certificates) are for `try`, which is not for pods.
RUN npm run ci:production

FROM node:24.21.0-slim
LABEL org.opencontainers.image.title="kubewitness" \
      org.opencontainers.image.description="Kubernetes API server proxy that records kubectl exec and attach sessions" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.documentation="docs/install.md"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY LICENSE ./
# A number, so that Kubernetes can check runAsNonRoot without the image's passwd.
USER 65532:65532
EXPOSE 8443 9090 8181
# Kubernetes has probes.
HEALTHCHECK NONE
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["proxy", "--config", "/etc/kubewitness/proxy.yaml"]
