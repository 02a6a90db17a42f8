#!/bin/bash
# Puts a folder of files onto the site and has CloudFront forget what it knew:
#   publish.sh FOLDER ENVIRONMENT
set -euo pipefail
folder=$1
export TERRACE_ENV=$2
stack=$(dirname "$0")
aws s3 sync "$folder" "s3://$(terrace output "$stack" --name bucket)" --delete
aws cloudfront create-invalidation --paths '/*' \
  --distribution-id "$(terrace output "$stack" --name distribution)"
