# One image, three roles: rounds web, rounds hub, rounds relay (or rounds serve for all of them).
FROM python:3.11-slim

# Wheels alone, known by their hashes: nothing is compiled and no package's script runs.
COPY requirements.lock /tmp/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --no-deps --only-binary :all: --require-hashes -r /tmp/requirements.lock \
  && rm /tmp/requirements.lock \
  && printf '#!/bin/sh\nexec python -P -m server.cli "$@"\n' > /usr/local/bin/rounds \
  && chmod 755 /usr/local/bin/rounds \
  && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin rounds \
  && install -d -o rounds -g rounds /data

COPY . /app
RUN python -m compileall -q /app

# The root file system may be read-only: what is kept goes to /data, what is not to /tmp.
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ROUNDS_DATA=/data ROUNDS_HOST=0.0.0.0 ROUNDS_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000/tcp 8000/udp
ENTRYPOINT ["rounds"]
CMD ["serve"]
