"""The customer's account at the emulator: its keys, and the roles by which the vendor may use them."""

import json

from servers import Customer, Emulator
from servers.aws_accounts import VENDOR_USER, AccessKey, client

ACCOUNT = "000000000000"
ISSUER = "tokens.vendor.example"
VENDOR = f"arn:aws:iam::{ACCOUNT}:user/{VENDOR_USER}"
USE = ("kms:Encrypt", "kms:Decrypt")


class Account:
    """Its administrator. `vendor` is what the vendor's own program signs with; by itself it may do nothing but assume roles."""

    def __init__(self, emulator: Emulator):
        administrator = AccessKey(*emulator.administrator)
        self.kms = client("kms", emulator.endpoint, administrator)
        self._iam = client("iam", emulator.endpoint, administrator)
        self._customer = Customer(emulator)
        self.vendor = self._customer.create_vendor()
        self._sts = client("sts", emulator.endpoint, self.vendor)
        self._allow_user("assume-roles", "sts:AssumeRole", "*")
        self._names = 0

    def create_key(self, **settings) -> str:
        return self.kms.create_key(**settings)["KeyMetadata"]["Arn"]

    def let_vendor(self, key: str, *actions: str) -> None:
        """The vendor itself, without a role."""
        self._allow_user("use-" + key.replace(":", "-").replace("/", "-"), list(actions or USE), key)

    def create_role(self, key: str, external_id: str | None, *, trusted: str = VENDOR, more: tuple[str, ...] = ()) -> str:
        """A role that may use the key, for the vendor if it gives the external id; None: nobody asks for one."""
        condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {}
        return self._create_role(key, [*USE, *more], self._trust({"AWS": trusted}, "AssumeRole", condition))

    def create_web_role(self, audience: str, resource: str, *actions: str) -> str:
        """A role of the vendor's for programs that have a token of its issuer."""
        issuer = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}
        condition = {"StringEquals": {f"{ISSUER}:aud": audience}}
        return self._create_role(resource, list(actions or USE), self._trust(issuer, "AssumeRoleWithWebIdentity", condition))

    def session(self, role: str) -> dict:
        """What the vendor's platform gives to its machines: the credentials of a session in the vendor's own role."""
        return self._sts.assume_role(RoleArn=role, RoleSessionName="machine")["Credentials"]

    def trust_nobody(self, role: str) -> None:
        """Takes the role away from the vendor. Sessions that it has go on."""
        name = role.rpartition("/")[2]
        trust = self._trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/somebody-else"}, "AssumeRole", {})
        self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def forbid_key(self, role: str) -> None:
        self._iam.delete_role_policy(RoleName=role.rpartition("/")[2], PolicyName="use-the-key")

    def _create_role(self, key: str, actions: list[str], trust: dict) -> str:
        self._names += 1
        name = f"libvault-{self._names}"
        role = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": key}]}
        self._iam.put_role_policy(RoleName=name, PolicyName="use-the-key", PolicyDocument=json.dumps(policy))
        return role["Arn"]

    def _allow_user(self, name: str, action: str | list[str], resource: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
        self._iam.put_user_policy(UserName=VENDOR_USER, PolicyName=name, PolicyDocument=json.dumps(policy))

    @staticmethod
    def _trust(principal: dict, action: str, condition: dict) -> dict:
        statement = {"Effect": "Allow", "Principal": principal, "Action": f"sts:{action}"}
        return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
