#!/bin/bash
# A web server: the app and its settings, nothing worth keeping.
# A template: terrace fills in what stands in double braces.
set -euo pipefail

dnf -y install cronie python3-pip
pip3 install boto3 flask gunicorn pymysql

# Every minute: settings from SSM into a file. A change restarts the app, never the machine.
cat >/usr/local/bin/shop-settings <<'SH'
#!/bin/bash
set -euo pipefail
new=$(mktemp)
trap 'rm -f "$new"' EXIT
aws --region '{{ stack.region }}' ssm get-parameters-by-path --path '{{ var.settings }}' \
  --query 'Parameters[].[Name,Value]' --output text |
  while read -r name value; do echo "${name##*/}=$value"; done | sort >"$new"
grep -q ^db_host= "$new"
cmp -s "$new" /etc/shop.env || { install -m 600 "$new" /etc/shop.env; systemctl try-restart shop; }
SH
chmod +x /usr/local/bin/shop-settings
echo '* * * * * root /usr/local/bin/shop-settings' >/etc/cron.d/shop
systemctl enable --now crond

install -d /opt/shop/static
echo 'body { font-family: serif }' >/opt/shop/static/shop.css
cat >/opt/shop/app.py <<'PY'
import functools, os, boto3, flask, pymysql
app = flask.Flask(__name__)
DB = os.environ["db_host"]
DB_READ = os.environ.get("db_read_host", DB)
@functools.cache
def password():
    secrets = boto3.client("secretsmanager")
    return secrets.get_secret_value(SecretId=os.environ["db_secret"])["SecretString"]
def ask(host, sql):
    with pymysql.connect(host=host, user="shop", password=password(), database="shop") as db:
        with db.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]
@app.get("/")
def page():
    write, read = (ask(host, "select @@hostname") for host in (DB, DB_READ))
    return f'<link rel=stylesheet href=/static/shop.css><h1>shop</h1>writes: {write}, reads: {read}'
@app.get("/healthz")  # not a word about the database: its failover is no reason to replace web servers
def healthz(): return "ok"
PY
cat >/etc/systemd/system/shop.service <<'UNIT'
[Service]
EnvironmentFile=/etc/shop.env
Environment=AWS_DEFAULT_REGION={{ stack.region }}
WorkingDirectory=/opt/shop
ExecStart=/usr/local/bin/gunicorn --workers 4 --bind :8080 app:app
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
until /usr/local/bin/shop-settings; do sleep 5; done
systemctl enable --now shop
