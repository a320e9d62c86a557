# Two stages: the first builds, the second holds what runs and nothing else.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY machines machines
COPY src src
RUN npm run build
# The sandbox's packages (a PTY, certificates) are for `try`, which is not for pods.
RUN npm ci --omit=dev --omit=optional

FROM node:24-slim
LABEL org.opencontainers.image.title="kubewitness" \
      org.opencontainers.image.description="Kubernetes API server proxy that records kubectl exec and attach sessions" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY LICENSE ./
# A number, so that Kubernetes can check runAsNonRoot without the image's passwd.
USER 65532:65532
EXPOSE 8443 9090
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["proxy", "--config", "/etc/kubewitness/proxy.yaml"]
