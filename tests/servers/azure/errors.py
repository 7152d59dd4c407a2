"""The errors of the vaults, with the codes and sentences of the real service where a recording or a report shows them."""

RECOVERY_HELP = "https://go.microsoft.com/fwlink/?linkid=2125182"
POLICY_HELP = "https://go.microsoft.com/fwlink/?linkid=2125287"


class VaultError(Exception):
    """An answer that is an error. `inner` is the code of the inner error, by which several causes of one code are told apart."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner, self.headers = status, code, message, inner, headers or {}

    @property
    def body(self) -> dict[str, object]:
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.inner is not None:
            error["innererror"] = {"code": self.inner}
        return {"error": error}


def bad_parameter(message: str) -> VaultError:
    return VaultError(400, "BadParameter", message)


def unauthorized(message: str) -> VaultError:
    """The caller of this adds the challenge, which depends on the vault."""
    return VaultError(401, "Unauthorized", message)


def not_found(name: str, version: str | None = None) -> VaultError:
    identifier = f"{name}/{version}" if version else name
    return VaultError(
        404,
        "KeyNotFound",
        f"A key with (name/id) {identifier} was not found in this key vault. If you recently deleted this key you may be able to "
        f"recover it using the correct recovery command. For help resolving this issue, please see {RECOVERY_HELP}",
    )


def deleted(name: str) -> VaultError:
    return VaultError(
        409,
        "Conflict",
        f"Key {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be "
        "recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )


def key_disabled(operation: str) -> VaultError:
    return VaultError(403, "Forbidden", f"Operation {operation} is not allowed on a disabled key.", "KeyDisabled")


def key_expired(operation: str) -> VaultError:
    return VaultError(403, "Forbidden", f"Operation {operation} is not allowed on an expired key.", "KeyExpired")


def key_not_yet_valid(operation: str) -> VaultError:
    return VaultError(403, "Forbidden", f"Operation {operation} is not allowed on a key that is not yet valid.", "KeyNotYetValid")


def operation_forbidden(operation: str) -> VaultError:
    """The operation is not among the key's own `key_ops`, whoever asks."""
    return VaultError(403, "Forbidden", f"Operation {operation} is not permitted on this key.", "KeyOperationForbidden")


def purge_protected(vault: str) -> VaultError:
    return VaultError(
        403, "Forbidden", f"Operation purge is not enabled for this vault. Vault: {vault}.", "VaultPurgeProtectionEnabled"
    )


def denied_by_role(vault: str, region: str, caller: str, action: str, key: str | None, assigned: bool) -> VaultError:
    """`assigned`: a deny assignment forbids it, where otherwise no role assignment allows it."""
    resource = f"/subscriptions/test/resourcegroups/test/providers/microsoft.keyvault/vaults/{vault}" + (f"/keys/{key}" if key else "")
    deny = "'test'" if assigned else "null"
    return VaultError(
        403,
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed "
        f"recently, please observe propagation time.\r\nCaller: {caller}\r\nAction: 'Microsoft.KeyVault/vaults/keys/{action}'\r\n"
        f"Resource: '{resource}'\r\nAssignment: (not found)\r\nDenyAssignmentId: {deny}\r\nDecisionReason: null \r\n"
        f"Vault: {vault};location={region}\r\n",
        "ForbiddenByRbac",
    )


def denied_by_policy(vault: str, region: str, caller: str, permission: str) -> VaultError:
    return VaultError(
        403,
        "Forbidden",
        f"The user, group or application '{caller}' does not have keys {permission} permission on key vault "
        f"'{vault};location={region}'. For help resolving this issue, please see {POLICY_HELP}",
        "AccessDenied",
    )


def throttled(retry_after: int | None) -> VaultError:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return VaultError(
        429,
        "Throttled",
        "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
        headers=headers,
    )
