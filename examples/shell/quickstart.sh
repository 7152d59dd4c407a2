#!/bin/sh
# Makes a vault, encrypts a file for two customers, and shows that neither reads what belongs to the other.
#
#     quickstart.sh        in an empty directory, with `libvault` on PATH
set -eu

libvault init myvault >/dev/null
export LIBVAULT_CONFIG=myvault/libvault.toml

echo 'attack at dawn' >plan.txt
for customer in org_123 org_456; do
    libvault encrypt --context organization_id="$customer" --input plan.txt --output "plan.$customer.vault"
    libvault decrypt --context organization_id="$customer" --input "plan.$customer.vault" --output "plan.$customer.txt"
    cmp plan.txt "plan.$customer.txt" && echo "$customer reads its own plan"
done

# The envelope of one customer does not open for another: exit code 3, and no file appears.
status=0
libvault decrypt --context organization_id=org_456 --input plan.org_123.vault --output stolen.txt 2>refusal.txt || status=$?
head -n 1 refusal.txt
echo "exit code $status"
