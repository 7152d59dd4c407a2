#!/bin/sh
# A customer brings a key: what was encrypted before gets a new data key that only the customer's key opens.
#
#     LIBVAULT_CONFIG=… bring_key.sh CUSTOMER FILE.vault...
#
# A rewrap would keep the data key, and whoever kept an old envelope could still open it; so it is refused here (DowngradeRefused),
# unless --keep-data-key says that this is known.
set -eu

customer=$1
shift
for envelope; do
    libvault reencrypt --context organization_id="$customer" --input "$envelope" --output "$envelope" --force
    libvault inspect --json --input "$envelope" | grep -o '"policy":"[a-z_]*"'
done
