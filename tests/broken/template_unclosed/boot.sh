#!/bin/bash
{% if stack.environment == "prod" %}
echo "this is prod"
