#!/bin/sh
# A data key for a program that encrypts by itself, here openssl: the bundle is stored, the key is not.
#
#     LIBVAULT_CONFIG=… data_key.sh FILE CUSTOMER
set -eu
umask 077

file=$1
context="organization_id=$2"
# Leaves nothing secret behind, whatever happens.
trap 'rm -f one.key two.key' EXIT

hex() { od -An -v -t x1 "$1" | tr -d ' \n'; }

# The bundle is no secret: it is kept beside the data. The key is 32 bytes in a file for its owner only.
libvault data-key create --context "$context" --bundle "$file.bundle" --output one.key
openssl enc -aes-256-ctr -K "$(hex one.key)" -iv 00000000000000000000000000000000 -in "$file" -out "$file.enc"
rm one.key

# Later, elsewhere: the customer's key has to agree before the data key comes back.
libvault data-key open --context "$context" --bundle "$file.bundle" --output two.key
openssl enc -d -aes-256-ctr -K "$(hex two.key)" -iv 00000000000000000000000000000000 -in "$file.enc" -out "$file.dec"
cmp "$file" "$file.dec" && echo "the data key came back"
