# Two stages: the first builds a virtual environment with hashes checked, the second
# carries only that. Runs as an ordinary user; everything it writes is under /data.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY digest digest
COPY templates templates
COPY config config
RUN /app/bin/pip install --no-cache-dir --no-compile --no-deps . \
    && /app/bin/pip uninstall --yes pip

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin digest \
    && install -d -o digest -g digest /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DIGEST_SERVICE__DATA_DIR=/data \
    DIGEST_WEB__HOST=0.0.0.0
USER digest
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["digest"]
CMD ["run"]
