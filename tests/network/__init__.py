"""Corporate networks: proxies, certificate authorities of one's own, IPv6, names that move, firewalls that forget connections.

Names of the services themselves lead to this machine by a resolver of the test (tests/servers/resolver.c). The order in which IPv6 and IPv4 are tried
where a name has both is not tried.
"""
