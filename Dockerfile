# The image of web, worker, beat and watchdog; see compose.yaml.
FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 HELPDESK_VAR=/srv/var
RUN useradd --system --home-dir /srv helpdesk && install -d -o helpdesk /srv/var
WORKDIR /srv/app
COPY requirements.lock .
RUN pip install --no-cache-dir --only-binary=:all: --require-hashes -r requirements.lock
COPY . .
RUN python -m helpdesk.core.catalogues
USER helpdesk
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--no-access-log", "--ws-per-message-deflate", "false", "--ws-max-size", "65536"]
