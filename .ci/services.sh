# To be sourced: sets DATABASE_URL and CACHE_URL to a PostgreSQL and a Redis that can be used, and starts them where
# none answers. What it starts lives in a temporary folder on ports of its own and ends with the shell that sourced it;
# servers and settings of the machine are left alone.

services_folder=$(mktemp -d)
chmod 755 "$services_folder"

stop_services() {
  [ ! -e "$services_folder/postgres" ] || as_postgres "$pg_bin/pg_ctl" -D "$services_folder/postgres" -m immediate stop >/dev/null 2>&1 || true
  [ ! -e "$services_folder/redis.pid" ] || kill "$(cat "$services_folder/redis.pid")" 2>/dev/null || true
  rm -rf "$services_folder"
}
trap stop_services EXIT

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c '"$0" "$@"' -- "$@"; else "$@"; fi
}

free_port() {
  .venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

database_answers() {
  .venv/bin/python -c 'import psycopg, sys; psycopg.connect(sys.argv[1], connect_timeout=3).close()' "$1" 2>/dev/null
}

cache_answers() {
  .venv/bin/python -c 'import redis, sys; redis.Redis.from_url(sys.argv[1], socket_connect_timeout=3).ping()' "$1" 2>/dev/null
}

: "${DATABASE_URL:=postgres://postgres@127.0.0.1:5432/postgres}"
if ! database_answers "$DATABASE_URL"; then
  pg_bin=$(dirname "$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
  port=$(free_port)
  mkdir "$services_folder/postgres"
  [ "$(id -u)" != 0 ] || chown postgres "$services_folder/postgres"
  as_postgres "$pg_bin/initdb" -D "$services_folder/postgres" -U postgres -A trust >/dev/null
  as_postgres "$pg_bin/pg_ctl" -D "$services_folder/postgres" -l "$services_folder/postgres/log" -w \
    -o "-p $port -h 127.0.0.1 -k $services_folder/postgres" start >/dev/null
  DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
fi

: "${CACHE_URL:=redis://127.0.0.1:6379/0}"
if ! cache_answers "$CACHE_URL"; then
  port=$(free_port)
  redis-server --daemonize yes --bind 127.0.0.1 --port "$port" --save "" --appendonly no \
    --dir "$services_folder" --pidfile "$services_folder/redis.pid" >/dev/null
  CACHE_URL="redis://127.0.0.1:$port/0"
  for _ in $(seq 50); do
    if cache_answers "$CACHE_URL"; then break; fi
  done
fi

export DATABASE_URL CACHE_URL
