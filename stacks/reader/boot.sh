#!/bin/bash
# The reader's box: one binary, its settings, nothing worth keeping.
# A template: terrace fills in what stands in double braces.
set -euo pipefail

case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
curl -fsSL --retry 5 -o /usr/local/bin/miniflux \
  "https://github.com/miniflux/v2/releases/download/{{ var.version }}/miniflux-linux-$arch"
chmod +x /usr/local/bin/miniflux

# The role may be a few seconds younger than the box: ask until it answers.
secret() {
  until aws --region '{{ stack.region }}' secretsmanager get-secret-value \
    --secret-id "$1" --query SecretString --output text; do sleep 5; done
}
db=$(secret '{{ db_secret }}')
admin=$(secret '{{ admin_secret }}')

install -m 600 /dev/null /etc/miniflux.env
cat >/etc/miniflux.env <<ENV
BASE_URL=https://{{ var.domain }}
CERT_DOMAIN={{ var.domain }}
DATABASE_URL=postgres://reader:$db@{{ db_host }}/reader?sslmode=require
RUN_MIGRATIONS=1
CREATE_ADMIN=1
ADMIN_USERNAME=admin
ADMIN_PASSWORD=$admin
ENV

cat >/etc/systemd/system/miniflux.service <<'UNIT'
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
EnvironmentFile=/etc/miniflux.env
ExecStart=/usr/local/bin/miniflux
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now miniflux
