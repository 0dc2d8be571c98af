# The site as one image: code, pinned libraries, static files. Runs as a user without rights, and writes nothing but to
# /tmp. `docker build -t smartfin .`
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin smartfin
COPY --from=build /venv /venv
WORKDIR /srv/smartfin
COPY manage.py gunicorn.conf.py ./
COPY bin/jobs bin/with-production-values bin/
COPY smartfin smartfin
COPY accounts accounts
COPY otp otp
COPY templates templates
COPY static static
COPY locale locale
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENV_FILES= \
    MALLOC_ARENA_MAX=2 \
    STATIC_ROOT=/srv/smartfin/var/static \
    GUNICORN_BIND=0.0.0.0:8000 \
    GUNICORN_HEARTBEAT_DIR=/dev/shm
# The values stand in for those of the site, which are not needed to collect files and are in no layer.
RUN python -m compileall -q smartfin accounts otp \
    && bin/with-production-values python manage.py collectstatic --noinput --verbosity 0
USER smartfin
EXPOSE 8000
# Process only: /readyz, which names database, counters and Twilio, is for people and for rolling out.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["gunicorn", "smartfin.wsgi"]
