"""The names under which the services are reached: those of the real ones."""

VAULT_SUFFIXES = (".vault.azure.net", ".managedhsm.azure.net")
LOGIN_HOSTS = ("login.microsoftonline.com", "login.windows.net")
SERVED_NAMES = [*LOGIN_HOSTS, *(f"*{suffix}" for suffix in VAULT_SUFFIXES), "localhost"]
