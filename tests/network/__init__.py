"""Corporate networks: proxies, certificate authorities of one's own, IPv6, names that move, firewalls that forget connections.

What cannot be tried on one machine without the administrator's rights: a KMS's own name that moves to another address, since the port is 443 then.
Here it is the proxy's name that moves: it is resolved by the same code. The order in which IPv6 and IPv4 are tried where a name has both is not
tried either.
"""
