#!/bin/bash
set -euo pipefail
echo "hello from {{ stack.name }}"
mysql --host='{{ db_host }}'
