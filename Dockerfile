# syntax=docker/dockerfile:1
# Two stages: the first one installs, the second one holds only Python, the installed program and one writable folder.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/officina
# The lock comes first, so that a change in our own code does not install the dependencies again.
COPY requirements.lock ./
RUN /opt/officina/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY server ./server
COPY static ./static
COPY content ./content
RUN pip wheel --no-deps --wheel-dir /wheels . \
 && /opt/officina/bin/pip install --no-deps /wheels/*.whl \
 && /opt/officina/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Officina" \
      org.opencontainers.image.description="A live co-design workshop that runs from a facilitator's laptop" \
      org.opencontainers.image.licenses="EUPL-1.2"
ENV PATH="/opt/officina/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 officina \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin officina \
 && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/officina /opt/officina
# A number, not a name: an orchestrator that refuses root can only check a number.
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["python", "-c", "import sys, urllib.request; sys.exit(urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2).status != 200)"]
CMD ["officina", "start", "--host", "0.0.0.0", "--port", "8000", "--data", "/data", "--no-browser"]
