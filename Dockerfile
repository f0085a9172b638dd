# kinsync in a cluster: docker build -t kinsync . (docs/guides/in-a-cluster.md)
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci && npm run build && npm run release:files -- /out
RUN mkdir /kinsync && tar -xzf /out/kinsync-*.tar.gz -C /kinsync

FROM node:24-bookworm-slim
COPY --from=build /kinsync /opt/kinsync
RUN ln -s /opt/kinsync/kinsync /usr/local/bin/kinsync
USER node
WORKDIR /work
ENTRYPOINT ["kinsync"]
CMD ["--help"]
