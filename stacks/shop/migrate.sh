#!/bin/bash
# From the box's database to RDS. On the box, as root, once stage two has built RDS and holds the record:
#   migrate.sh DB_ADDRESS            (`terrace output --name db_address`)
# The outage lasts from here until `terrace apply --confirm record.db` has moved the name.
set -euo pipefail
address=$1
. /etc/shop.env
systemctl stop shop
MYSQL_PWD=$(aws --region "$(cut -d: -f4 <<<"$db_secret")" secretsmanager get-secret-value \
  --secret-id "$db_secret" --query SecretString --output text)
export MYSQL_PWD
mysqldump --user=root --socket=/var/lib/mysql/mysql.sock --single-transaction --databases shop |
  mysql --host="$address" --user=shop
echo 'Copied. Now: terrace apply --confirm record.db'
until getent hosts "$db_host" | grep -q rds.amazonaws.com; do sleep 1; done
systemctl start shop
