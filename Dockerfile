# Scanpulse as one image: without variables the whole product in one process, with SERVICES the actors it names.
# The dashboard is built in a stage of its own; what runs has neither build tools nor root.

FROM node:26-bookworm-slim AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY frontend/package.json frontend/
RUN npm ci
COPY scripts scripts
COPY contracts contracts
COPY frontend frontend
RUN node scripts/build-dashboard.ts

FROM node:26-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY frontend/package.json frontend/
# The image brings its own Node and a built dashboard: neither the bundled Node nor the dashboard's packages are needed.
RUN npm ci --omit=dev --omit=optional --workspaces=false

FROM node:26-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 METRICS_PORT=3030 DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY package.json moleculer.config.ts main.ts ./
COPY --from=packages /app/node_modules node_modules
COPY --from=dashboard /app/frontend/dist frontend/dist
COPY scripts scripts
COPY contracts contracts
COPY platform platform
COPY mixins mixins
COPY services services
USER node
VOLUME /data
EXPOSE 3000 3030
ENTRYPOINT ["node", "main.ts"]
