#!/bin/sh
# Runs once, when the machine first starts. What stands in double braces is put in by terrace.
dnf install --assumeyes nginx
echo 'Hello from {{ stack.name }}.' > /usr/share/nginx/html/index.html
systemctl enable --now nginx
